/* SPDX-License-Identifier: MIT */
/*
 * Many threads on one instance. Each checks the bytes of its own blocks, so memory served
 * twice is found by its contents. A subject of small capacity may run dry here; NULL for
 * every request is a fault even then.
 */
#include <sched.h>
#include <stdatomic.h>

#include "kit.h"

enum { SLOTS = 16 };

/* What the threads of a case have in common. The kit's own locks protect blocks that are
 * handed over, as a program's would. */
struct common {
    pthread_barrier_t start;
    pthread_mutex_t lock;
    atomic_size_t served;
    pthread_key_t key;
    struct kit_block shelf[4 * KIT_THREADS];
};

static void make_common(struct common *common, unsigned threads)
{
    pthread_barrier_init(&common->start, NULL, threads);
    pthread_mutex_init(&common->lock, NULL);
}

static void expect_some(const struct kit *kit, const struct common *common)
{
    kit_asks(kit, KIT_NOTHING, 0, 0, 0, 0);
    if (atomic_load_explicit(&common->served, memory_order_relaxed) == 0)
        kit_fail_asked(kit, "memory for 8 threads", "a block for one of them at least",
                       "NULL for every request");
}

/* An equal share of what the instance is expected to serve, and a common start. */
static void start_together(struct kit_thread *thread)
{
    struct common *common = thread->shared;

    thread->kit.budget_bytes /= KIT_THREADS;
    thread->kit.spent_bytes = 0;
    pthread_barrier_wait(&common->start);
}

static void count_served(struct kit_thread *thread, bool served)
{
    struct common *common = thread->shared;

    if (served)
        atomic_fetch_add_explicit(&common->served, 1, memory_order_relaxed);
}

static const char race[] =
    "several threads change its state at once: there is no lock, or it does not cover all";
static const char race_or_deadlock[] =
    "a lock is not given back, or two are taken in another order; or several threads change a "
    "list at once without one";

/* What fails by one thread at a time as well has nothing to do with the others. */
static void run_alone(struct kit *kit, void (*body)(struct kit_thread *thread))
{
    struct common *common = kit_memory(kit, sizeof *common);

    make_common(common, 1);
    kit_renew(kit);
    kit_phase(kit, "in the only thread at work");
    for (int i = 0; i < KIT_THREADS; i++)
        kit_threads_run(kit, 1, body, common);
    kit_phase(kit, NULL);
}

static void run_together(struct kit *kit, int rounds, void (*body)(struct kit_thread *thread))
{
    struct common *common = kit_memory(kit, sizeof *common);

    run_alone(kit, body);
    make_common(common, KIT_THREADS);
    kit_suspect(kit, race);
    kit_suspect_hang(kit, race_or_deadlock);
    for (int round = 0; round < rounds; round++) {
        kit_renew(kit);
        kit_phase(kit, "in one of 8 threads");
        kit_threads_run(kit, KIT_THREADS, body, common);
        kit_phase(kit, NULL);
    }
    kit_suspect(kit, NULL);
    expect_some(kit, common);
}

/* ---- Each with its own blocks ----------------------------------------------------------- */

static void random_step(struct kit_thread *thread, struct kit_block *block, size_t max)
{
    struct kit *kit = &thread->kit;
    size_t size = kit_random_size(kit, max);
    size_t align = (size_t)1 << kit_random(kit, 9);

    if (!block->ptr)
        count_served(thread, kit_random(kit, 4) ? kit_alloc(kit, block, size, align)
                                                : kit_alloc_zeroed(kit, block, size, align));
    else if (kit_random(kit, 3) == 0)
        kit_realloc(kit, block, size);
    else
        kit_free(kit, block);
}

static void work_alone(struct kit_thread *thread)
{
    enum { STEPS = 4000 };
    struct kit *kit = &thread->kit;
    struct kit_block blocks[SLOTS] = {{0}};
    size_t max;

    start_together(thread);
    max = kit->budget_bytes / 64 + 1;
    for (int step = 0; step < STEPS && kit->spent_bytes < kit->budget_bytes; step++)
        random_step(thread, &blocks[kit_random(kit, SLOTS)], max);
    kit_free_all(kit, blocks, SLOTS);
}

static void threads_share_nothing(struct kit *kit)
{
    run_together(kit, 8, work_alone);
}

/* ---- Blocks of one size by many at once, until there is no more --------------------------- */

static void grab(struct kit_thread *thread)
{
    enum { BLOCKS = 600 };
    struct kit *kit = &thread->kit;
    struct kit_block blocks[BLOCKS];
    size_t count = 0;

    start_together(thread);
    while (count < BLOCKS && kit_alloc(kit, &blocks[count], 24, 8)) {
        count_served(thread, true);
        count++;
    }
    kit_check_all(kit, blocks, count);
    sched_yield();
    kit_free_all(kit, blocks, count);
}

static void threads_race_for_blocks(struct kit *kit)
{
    run_together(kit, 12, grab);
}

/* ---- Blocks that change hands -------------------------------------------------------------- */

/* Put a block on the shelf and take what was there. */
static void exchange(struct kit_thread *thread, struct kit_block *block)
{
    struct common *common = thread->shared;
    struct kit_block *place = &common->shelf[kit_random(&thread->kit, 4 * KIT_THREADS)];
    struct kit_block taken;

    pthread_mutex_lock(&common->lock);
    taken = *place;
    *place = *block;
    pthread_mutex_unlock(&common->lock);
    *block = taken;
}

static void trade(struct kit_thread *thread)
{
    enum { STEPS = 3000 };
    struct kit *kit = &thread->kit;
    size_t max;

    start_together(thread);
    max = kit->budget_bytes / 32 + 1;
    for (int step = 0; step < STEPS && kit->spent_bytes < kit->budget_bytes; step++) {
        struct kit_block block;
        bool served = kit_alloc(kit, &block, kit_random_size(kit, max), 8);

        count_served(thread, served);
        if (served)
            exchange(thread, &block);
        if (block.ptr && step % 2)
            kit_realloc(kit, &block, kit_random_size(kit, max));
        kit_free(kit, &block);
    }
}

static void blocks_change_hands(struct kit *kit)
{
    enum { ROUNDS = 6 };
    struct common *common = kit_memory(kit, sizeof *common);

    make_common(common, KIT_THREADS);
    for (int round = 0; round < ROUNDS; round++) {
        kit_renew(kit);
        kit_phase(kit, "in one of 8 threads, of a block that another one allocated");
        kit_threads_run(kit, KIT_THREADS, trade, common);
        kit_phase(kit, "after the threads ended");
        kit_free_all(kit, common->shelf, 4 * KIT_THREADS);
        kit_phase(kit, NULL);
    }
    expect_some(kit, common);
}

/* ---- Threads that end ------------------------------------------------------------------------ */

static void leave_blocks(struct kit_thread *thread)
{
    struct common *common = thread->shared;
    struct kit *kit = &thread->kit;
    struct kit_block *mine = &common->shelf[4 * thread->index];

    start_together(thread);
    for (int i = 0; i < 4; i++) {
        kit_free(kit, &mine[i]);
        count_served(thread, kit_alloc(kit, &mine[i], 1 + kit_random(kit, 200),
                                       (size_t)8 << kit_random(kit, 6)));
    }
}

/* Blocks outlive the thread that made them; the next generation gives them back. */
static void blocks_outlive_threads(struct kit *kit)
{
    enum { GENERATIONS = 12 };
    struct common *common = kit_memory(kit, sizeof *common);
    size_t cost = 8 * KIT_THREADS * kit_cost(200, 256);
    bool roomy = kit_want(kit, cost * GENERATIONS);

    make_common(common, KIT_THREADS);
    for (int round = 0; round < GENERATIONS; round++) {
        if (!roomy) {
            kit_free_all(kit, common->shelf, 4 * KIT_THREADS);
            kit_renew(kit);
        }
        kit_threads_run(kit, KIT_THREADS, leave_blocks, common);
        kit_phase(kit, "after the thread that allocated it ended");
        kit_check_all(kit, common->shelf, 4 * KIT_THREADS);
        kit_check_apart(kit, common->shelf, 4 * KIT_THREADS);
    }
    expect_some(kit, common);
    kit->null_is_fine = true;
    for (int i = 0; i < 4 * KIT_THREADS; i++) {
        if (common->shelf[i].ptr)
            kit_realloc(kit, &common->shelf[i], 300);
    }
    kit_free_all(kit, common->shelf, 4 * KIT_THREADS);
}

/* Destructors of thread-local storage run in rounds: the second call comes when those of
 * the allocator have run. */
static void at_thread_end(void *data)
{
    struct kit_thread *thread = data;
    struct common *common = thread->shared;
    struct kit_block *mine = &common->shelf[4 * thread->index];
    struct kit_block block;

    kit_phase(&thread->kit, "in a destructor of thread-local storage");
    kit_free(&thread->kit, &mine[0]);
    mine[0] = mine[1];
    mine[1].ptr = NULL;
    if (mine[0].ptr) {
        kit_realloc(&thread->kit, &mine[0], 100);
        pthread_setspecific(common->key, thread);
    }
    if (kit_alloc(&thread->kit, &block, 50, 16))
        kit_free(&thread->kit, &block);
    kit_free(&thread->kit, &mine[2]);
    count_served(thread, kit_alloc(&thread->kit, &mine[2], 64, 8));
}

static void set_destructor(struct kit_thread *thread)
{
    struct common *common = thread->shared;
    struct kit_block *mine = &common->shelf[4 * thread->index];

    start_together(thread);
    kit_alloc(&thread->kit, &mine[0], 40, 8);
    kit_alloc(&thread->kit, &mine[1], 40, 8);
    pthread_setspecific(common->key, thread);
}

static void serves_in_thread_destructors(struct kit *kit)
{
    enum { ROUNDS = 4 };
    struct common *common = kit_memory(kit, sizeof *common);

    make_common(common, KIT_THREADS);
    if (pthread_key_create(&common->key, at_thread_end) != 0)
        kit_skip(kit, "the system has no key for thread-local storage left");
    for (int round = 0; round < ROUNDS; round++) {
        kit_renew(kit);
        kit_threads_run(kit, KIT_THREADS, set_destructor, common);
        kit_phase(kit, "after the thread that allocated it ended");
        kit_free_all(kit, common->shelf, 4 * KIT_THREADS);
        kit_phase(kit, NULL);
    }
    expect_some(kit, common);
}

const struct conformance_case kit_cases_threads[] = {
    {"threads_share_nothing", "8 threads allocate, resize and free, each its own blocks",
     threads_share_nothing},
    {"threads_race_for_blocks", "8 threads at once are never served the same block",
     threads_race_for_blocks},
    {"blocks_change_hands", "a block is resized and freed by another thread", blocks_change_hands},
    {"blocks_outlive_threads", "a block outlives the thread that allocated it",
     blocks_outlive_threads},
    {"serves_in_thread_destructors", "calls are served in destructors of thread-local storage",
     serves_in_thread_destructors},
    {NULL, NULL, NULL},
};
