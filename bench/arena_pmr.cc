// SPDX-License-Identifier: MIT
// std::pmr as peers of arena.c: a monotonic resource over a buffer in cache, emptied by
// release() or by calling deallocate(), which does nothing, in reverse and then release().
#include <cstddef>
#include <memory_resource>

#include "arena.h"

namespace {

struct monotonic {
    alignas(64) char buffer[(ARENA_BLOCKS + 1) * ARENA_SIZE];
    std::pmr::monotonic_buffer_resource resource{buffer, sizeof buffer};
    std::pmr::memory_resource *base = &resource;
};

void *open_monotonic() { return new monotonic; }
void close_monotonic(void *state) { delete static_cast<monotonic *>(state); }

// By the base class, as containers do; the compiler must not see which resource it is.
void fill_monotonic(void *state, char **blocks)
{
    std::pmr::memory_resource *base = static_cast<monotonic *>(state)->base;

    asm volatile("" : "+r"(base));
    for (int i = 0; i < ARENA_BLOCKS; i++) {
        blocks[i] = static_cast<char *>(base->allocate(ARENA_SIZE, 8));
        *blocks[i] = 1;
    }
}

void release(void *state, char **) { static_cast<monotonic *>(state)->resource.release(); }

void drain_monotonic(void *state, char **blocks)
{
    std::pmr::memory_resource *base = static_cast<monotonic *>(state)->base;

    asm volatile("" : "+r"(base));
    for (int i = ARENA_BLOCKS - 1; i >= 0; i--)
        base->deallocate(blocks[i], ARENA_SIZE, 8);
    release(state, blocks);
}

} // namespace

extern "C" __attribute__((visibility("default"))) const arena_peer arena_peers[] = {
    {"std::pmr monotonic", open_monotonic, close_monotonic, fill_monotonic, drain_monotonic, 0},
    {"std::pmr monotonic, release()", open_monotonic, close_monotonic, fill_monotonic, release, 1},
    {nullptr, nullptr, nullptr, nullptr, nullptr, 0},
};
