// SPDX-License-Identifier: MIT
// The work of arena.c on std::pmr, in the same form: a monotonic resource over a buffer in
// cache, and the default resource. Built and run by `make bench-arena`.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory_resource>
#include <thread>
#include <vector>

static constexpr int blocks = 512, size = 64, batches = 400, runs = 31;

// The median batch, as in arena.c.
static double batch_ns(std::pmr::memory_resource *resource,
                       std::pmr::monotonic_buffer_resource *reset)
{
    static thread_local double ns[batches];
    void *got[blocks];

    for (double &one : ns) {
        auto start = std::chrono::steady_clock::now();

        for (void *&block : got) {
            block = resource->allocate(size, 8);
            *static_cast<char *>(block) = 1;
        }
        if (reset) {
            reset->release();
        } else {
            for (int i = blocks - 1; i >= 0; i--)
                resource->deallocate(got[i], size, 8);
        }
        std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
        one = spent.count() / blocks;
    }
    std::sort(ns, ns + batches);
    return ns[batches / 2];
}

static double run_monotonic()
{
    static thread_local char buffer[blocks * size];
    std::pmr::monotonic_buffer_resource resource(buffer, sizeof buffer);
    std::pmr::memory_resource *hidden = &resource;

    asm volatile("" : "+r"(hidden));
    return batch_ns(hidden, &resource);
}

static double run_default()
{
    return batch_ns(std::pmr::get_default_resource(), nullptr);
}

static void measure(const char *name, double (*run)())
{
    for (int count = 1; count <= 2; count++) {
        std::vector<double> ns(runs);

        for (double &one : ns) {
            double slowest[2] = {0, 0};
            std::thread other;

            if (count == 2)
                other = std::thread([&] { slowest[1] = run(); });
            slowest[0] = run();
            if (count == 2)
                other.join();
            one = std::max(slowest[0], slowest[1]);
        }
        std::sort(ns.begin(), ns.end());
        std::printf("%-28s %d  alloc %6.2f (%5.2f)\n", name, count, ns[runs / 2], ns[0]);
    }
}

int main()
{
    measure("std::pmr monotonic", run_monotonic);
    measure("std::pmr default, and free", run_default);
}
