/* SPDX-License-Identifier: MIT */
/* The layer `debug` under threads and forks: nothing is said that is not so, and what is so is said
 * once. */
#include <check.h>
#include <dispatchalloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/sanitizer.h"
#include "debug_saying.h"
#include "suite.h"

enum { THREADS = 4, SHELVES = 256, ROUNDS = 40000 };

/* Blocks that threads hand to each other; each begins with its size. */
static _Atomic(size_t *) shelves[SHELVES];
static const struct dal_instance *served;
static atomic_int is_over;

static void give_back(size_t *block)
{
    if (block)
        dal_instance_dealloc(served, block, *block, 8);
}

static size_t *make_block(size_t size)
{
    size_t *block = dal_instance_alloc(served, size, 8);

    if (block)
        *block = size;
    return block;
}

static void churn(uint32_t *random, int rounds)
{
    for (int i = 0; i < rounds && !atomic_load(&is_over); i++) {
        size_t at = (*random = *random * 1664525 + 1013904223) >> 10;
        size_t *block = make_block(sizeof *block + at % 500);

        if (at % 7 == 0 && block) {
            size_t size = *block + at % 3000;

            block = dal_instance_realloc(served, block, *block, 8, size);
            if (block)
                *block = size;
        }
        give_back(atomic_exchange(&shelves[at % SHELVES], block));
    }
}

static void *churn_in_thread(void *seed)
{
    uint32_t random = (uint32_t)(uintptr_t)seed;

    churn(&random, suite_race_runs(ROUNDS));
    return NULL;
}

static void clear_shelves(void)
{
    for (int i = 0; i < SHELVES; i++)
        give_back(atomic_exchange(&shelves[i], NULL));
}

static const char *const specs[] = {
    "debug:leaks=on+system",
    "debug:leaks=on,stacks=0+arena:limit=512M",
    "debug:leaks=on,fill=on,zones=16,quarantine=64K+system",
    "debug:leaks=on,fill=on,zones=16,quarantine=1M+arena:limit=512M",
    "debug:leaks=on,fill=on,zones=16,quarantine=64K,sweep=4+system",
};

static void start(pthread_t *threads, void *(*run)(void *))
{
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run, (void *)(i + 1)), 0);
}

static void join(pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

START_TEST(test_threads_give_back_each_others_blocks)
{
    pthread_t threads[THREADS];

    served = make(specs[_i]);
    said_begin();
    start(threads, churn_in_thread);
    join(threads);
    clear_shelves();
    dal_instance_destroy(served);
    ck_assert_str_eq(said_end(), "");
}
END_TEST

/* ---- One block, two releases ------------------------------------------------------------------
 */

static pthread_barrier_t barrier;
static void *disputed;

/* From one place, so that all are one fault. */
__attribute__((noinline)) static void release_disputed(void)
{
    dal_instance_dealloc(served, disputed, 64, 8);
    __asm__ volatile("");
}

static void *release_in_rounds(void *is_second)
{
    for (int i = 0; i < suite_race_runs(2000); i++) {
        if (!is_second)
            disputed = dal_instance_alloc(served, 64, 8);
        (void)pthread_barrier_wait(&barrier);
        release_disputed();
        (void)pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static void release_by_two(void)
{
    pthread_t second;

    (void)pthread_barrier_init(&barrier, NULL, 2);
    if (pthread_create(&second, NULL, release_in_rounds, &barrier) != 0)
        abort();
    (void)release_in_rounds(NULL);
    (void)pthread_join(second, NULL);
}

START_TEST(test_of_two_releases_one_is_told)
{
    char one[128], two[128];
    int status;

    served = make(specs[_i]);
    said_begin();
    if (fork() == 0) {
        release_by_two();
        exit(0);
    }
    ck_assert_int_ge(wait(&status), 0);
    (void)said_end();
    ck_assert_int_eq(status, 0);
    /* Two places where either was late once: the threads have got there by other calls. */
    snprintf(one, sizeof one, "dispatchalloc: debug[N]: %d faults at 1 place, ",
             suite_race_runs(2000));
    snprintf(two, sizeof two, "dispatchalloc: debug[N]: %d faults at 2 places, ",
             suite_race_runs(2000));
    ck_assert_msg(strstr(said.text, one) || strstr(said.text, two), "%s", said.text);
    ck_assert_ptr_null(strstr(said.text, "WHAT"));
    ck_assert_ptr_null(strstr(said.text, "still live"));
    dal_instance_destroy(served);
}
END_TEST

/* ---- Forks ------------------------------------------------------------------------------------
 */

static void *churn_until_over(void *seed)
{
    uint32_t random = (uint32_t)(uintptr_t)seed;

    /* An arena gives little of it back, and its limit is to be kept. */
    for (int i = 0; i < 90 && !atomic_load(&is_over); i++)
        churn(&random, 1000);
    return NULL;
}

/* What was on the shelves is the child's as well. 0 if all is well. */
static int work_in_child(void)
{
    static size_t *blocks[3000];

    for (int i = 0; i < SHELVES; i++)
        give_back(atomic_exchange(&shelves[i], NULL));
    for (int i = 0; i < 3000; i++) {
        blocks[i] = make_block(24 + (size_t)i);
        if (!blocks[i] || dal_instance_owns(served, blocks[i]) != 1)
            return 1;
    }
    for (int i = 0; i < 3000; i++)
        give_back(blocks[i]);
    return dal_instance_owns(served, hidden(blocks[0])) == 0 ? 0 : 2;
}

START_TEST(test_child_of_fork_goes_on)
{
    pthread_t threads[THREADS];

    served = make(specs[_i]);
    said_begin();
    start(threads, churn_until_over);
    for (int i = 0; i < suite_race_runs(50); i++) {
        pid_t child = fork();
        int status = -1;

        ck_assert_int_ge(child, 0);
        if (child == 0) {
            (void)alarm(20);
            _exit(work_in_child());
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
    atomic_store(&is_over, 1);
    join(threads);
    clear_shelves();
    dal_instance_destroy(served);
    ck_assert_str_eq(said_end(), "");
}
END_TEST

/* ---- Looks at what is in quarantine ------------------------------------------------------------
 */

static void *release_until_over(void *unused)
{
    while (!atomic_load(&is_over))
        dal_instance_dealloc(served, dal_instance_alloc(served, 500, 8), 500, 8);
    return unused;
}

START_TEST(test_block_that_is_looked_at_leaves_quarantine_all_the_same)
{
    struct debug_instance *instance;
    pthread_t threads[THREADS];

    served = make("debug:fill=on,quarantine=64K+system");
    instance = debug_of(served);
    said_begin();
    start(threads, release_until_over);
    for (int i = 0; i < suite_race_runs(10000); i++)
        dal_debug_quarantine_look_(instance);
    atomic_store(&is_over, 1);
    join(threads);
    dal_debug_quarantine_empty_(instance);
    ck_assert_uint_eq(atomic_load(&instance->quarantine.bytes), 0);
    dal_instance_destroy(served);
    ck_assert_str_eq(said_end(), "");
}
END_TEST

/* ---- Instances that come and go while others look into them ------------------------------------
 */

static void *make_and_destroy(void *unused)
{
    (void)unused;
    while (!atomic_load(&is_over)) {
        const struct dal_instance *instance = make("debug+arena:limit=1M");
        void *block = dal_instance_alloc(instance, 100, 8);

        dal_instance_dealloc(instance, block, 100, 8);
        dal_instance_destroy(instance);
    }
    return NULL;
}

START_TEST(test_instances_may_end_while_their_registers_are_looked_into)
{
    pthread_t thread;

    served = make("debug+system");
    said_begin();
    ck_assert_int_eq(pthread_create(&thread, NULL, make_and_destroy, NULL), 0);
    disputed = hidden(&thread);
    for (int i = 0; i < 150; i++)
        release_disputed();
    atomic_store(&is_over, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    (void)said_end();
    ck_assert_ptr_null(strstr(said.text, "live block"));
    dal_instance_destroy(served);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("debug, races");
    TCase *tcase = tcase_create("threads and forks");

    tcase_add_loop_test(tcase, test_threads_give_back_each_others_blocks, 0, 5);
    tcase_add_loop_test(tcase, test_of_two_releases_one_is_told, 0, 5);
    /* A sanitizer's allocator has locks that a child may find taken. */
    if (!CONFORMANCE_SANITIZED)
        tcase_add_loop_test(tcase, test_child_of_fork_goes_on, 0, 5);
    tcase_add_test(tcase, test_block_that_is_looked_at_leaves_quarantine_all_the_same);
    tcase_add_test(tcase, test_instances_may_end_while_their_registers_are_looked_into);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
