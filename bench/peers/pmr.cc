// SPDX-License-Identifier: MIT
// std::pmr: the resource that BENCH_RESOURCE names (default, monotonic, unsynchronized,
// synchronized). It is called as containers call it, through a pointer to its base class.
#include <cstdlib>
#include <cstring>
#include <memory_resource>

static std::pmr::memory_resource *resource;
static std::pmr::monotonic_buffer_resource *monotonic;

static void start()
{
    const char *name = std::getenv("BENCH_RESOURCE");

    if (!name || std::strcmp(name, "default") == 0) {
        resource = std::pmr::get_default_resource();
    } else if (std::strcmp(name, "unsynchronized") == 0) {
        resource = new std::pmr::unsynchronized_pool_resource;
    } else if (std::strcmp(name, "synchronized") == 0) {
        resource = new std::pmr::synchronized_pool_resource;
    } else {
        // A buffer is the one memory that release() keeps.
        static char buffer[1 << 17];

        monotonic = new std::pmr::monotonic_buffer_resource(buffer, sizeof buffer);
        resource = monotonic;
    }
}

#define BENCH_START start
#define BENCH_ALLOC(size, align) resource->allocate(size, align)
#define BENCH_FREE(block, size, align) resource->deallocate(block, size, align)
#ifdef BENCH_MONOTONIC
# define BENCH_RESET() monotonic->release()
#endif

#include "../harness/kernels.h"
