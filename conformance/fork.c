/* SPDX-License-Identifier: MIT */
/*
 * fork(2): the child has the heap of its parent and goes on with it, also if another thread
 * was inside the allocator at that moment. The library calls the fork functions of every
 * instance that it made; the kit does not.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "sanitizer.h"
#include "system.h"

const char kit_likely_after_fork[] =
    "a lock stays locked after fork: fork_prepare has to take it, fork_parent and fork_child to "
    "give it back; or a thread is waited for that the child does not have";

enum { BLOCKS = 32 };

/* fork() with a time limit for the child. */
static pid_t fork_kit(const struct kit *kit)
{
    pid_t child = fork();

    if (child == 0)
        kit_limit_process(kit_child_seconds(kit));
    if (child < 0)
        kit_skip(kit, "fork: %s", strerror(errno));
    /* Whoever's time is over first, and for the rest of the round. */
    if (child > 0)
        kit_suspect_hang(kit, kit_likely_after_fork);
    return child;
}

/* A child that found a fault has written the report already. */
static void expect_good_end(const struct kit *kit, pid_t child)
{
    char got[sizeof kit->report->outcome.got];
    int status = kit_wait(child);
    if (atomic_load_explicit(&kit->report->taken, memory_order_acquire))
        _exit(0);
    if (status == 0)
        return;
    if (kit_has_hung(status))
        kit_suspect(kit, kit_likely_after_fork);
    kit_describe_end(status, got, sizeof got);
    kit_fail(kit, "a child that ends by itself", "%s", got);
}

/* Use what the parent left, and new memory, in the child. */
static _Noreturn void live_in_child(struct kit *kit, struct kit_block *blocks)
{
    kit_phase(kit, "in the child of fork");
    kit->null_is_fine = kit->profile->limited;
    kit_check_all(kit, blocks, BLOCKS);
    for (size_t i = 0; i < BLOCKS; i++) {
        if (blocks[i].ptr)
            kit_fill(kit, &blocks[i]);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        struct kit_block block;

        if (blocks[i].ptr && i % 2)
            kit_realloc(kit, &blocks[i], blocks[i].size + 100);
        kit_alloc_zeroed(kit, &block, 1 + i, 8);
        kit_free(kit, &block);
        kit_free(kit, &blocks[i]);
        kit_alloc(kit, &blocks[i], 1 + kit_random(kit, 200), 16);
    }
    kit_free_all(kit, blocks, BLOCKS);
    _exit(0);
}

static void make_blocks(struct kit *kit, struct kit_block *blocks)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t size = kit_random_size(kit, kit->budget_bytes / 256);

        blocks[i] = (struct kit_block){.ptr = NULL};
        if (kit->budget_bytes - kit->spent_bytes > kit_cost(size, 8))
            kit_alloc(kit, &blocks[i], size, 8);
    }
}

void kit_fork_leaves_two_heaps(struct kit *kit)
{
    enum { ROUNDS = 4 };

    for (int round = 0; round < ROUNDS; round++) {
        struct kit_block blocks[BLOCKS];
        pid_t child;

        kit_renew(kit);
        make_blocks(kit, blocks);
        child = fork_kit(kit);
        if (child == 0)
            live_in_child(kit, blocks);
        expect_good_end(kit, child);
        kit_phase(kit, "in the parent, after the child has ended");
        kit_suspect(kit, "the child of a fork writes into the same memory, as where it is mapped "
                         "with MAP_SHARED");
        kit_check_all(kit, blocks, BLOCKS);
        kit_suspect(kit, NULL);
        kit_free_all(kit, blocks, BLOCKS);
        kit_phase(kit, NULL);
        kit_suspect_hang(kit, NULL);
    }
}

/* ---- Forking while others allocate ------------------------------------------------------- */

struct hammering {
    atomic_int stop;
    atomic_size_t steps;
};

/* More than anybody waits for: nobody waits for a thread that is at its end. */
#define STEPS_OF_THE_END ((size_t)1 << 20)

static void hammer(struct kit_thread *thread)
{
    struct hammering *hammering = thread->shared;
    struct kit *kit = &thread->kit;
    size_t share = kit->budget_bytes / 16;

    kit->spent_bytes = 0;
    while (!atomic_load_explicit(&hammering->stop, memory_order_relaxed)) {
        struct kit_block block;

        atomic_fetch_add_explicit(&hammering->steps, 1, memory_order_relaxed);
        if (kit->spent_bytes >= share)
            break;
        if (!kit_alloc(kit, &block, 16, 8))
            continue;
        if (kit_random(kit, 8) == 0)
            kit_realloc(kit, &block, 24);
        kit_free(kit, &block);
    }
    atomic_fetch_add_explicit(&hammering->steps, STEPS_OF_THE_END, memory_order_relaxed);
}

/* Until the threads are in the middle of it, some steps further each time. */
static void await_steps(struct kit *kit, const struct hammering *hammering)
{
    size_t steps = 1 + kit_random(kit, 1000);

    while (atomic_load_explicit(&hammering->steps, memory_order_relaxed) < steps)
        sched_yield();
}

void kit_fork_while_threads_allocate(struct kit *kit)
{
    enum { ROUNDS = 24, THREADS = 4 };
    struct kit_crew *crew = kit_memory(kit, sizeof *crew);

    if (CONFORMANCE_SANITIZED)
        kit_skip(kit, "the sanitizer's own allocator may hang in such a child");
    for (int round = 0; round < ROUNDS; round++) {
        struct hammering hammering = {0};
        struct kit_block blocks[BLOCKS];
        pid_t child;

        kit_renew(kit);
        make_blocks(kit, blocks);
        kit_phase(kit, "in a thread of a program that forks");
        kit_threads_start(kit, crew, THREADS, hammer, &hammering);
        await_steps(kit, &hammering);
        child = fork_kit(kit);
        if (child == 0)
            live_in_child(kit, blocks);
        atomic_store_explicit(&hammering.stop, 1, memory_order_relaxed);
        kit_threads_join(kit, crew);
        expect_good_end(kit, child);
        kit_phase(kit, "in a program that forks while its threads allocate");
        kit_check_all(kit, blocks, BLOCKS);
        kit_free_all(kit, blocks, BLOCKS);
        kit_phase(kit, NULL);
        kit_suspect_hang(kit, NULL);
    }
}
