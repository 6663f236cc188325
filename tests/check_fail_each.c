/* SPDX-License-Identifier: MIT */
/* dal_fail_each(): functions that are right, and functions with known faults, which it finds. */
#include <check.h>
#include <dispatchalloc.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

#if SUITE_HAS_FORK
# include <pthread.h>
# include <sys/mman.h>
#endif

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define TEST(name)      tcase_add_test(tcase, name)

enum { BLOCKS = 5 };

/* What a function under test does wrong. */
struct fault {
    int leak_at; /* with this allocation failing, its first block is not given back; 0: never */
    int swallow_from; /* from this one on it does not tell that one failed; 0: never */
    int fails;        /* it returns this where nothing has failed */
    int leaks;        /* it never gives its last block back */
    int shortens;     /* it gives it back with so many bytes less */
    int runs;         /* how often it was run */
    int more_at;      /* the run with an allocation more; 0: none */
    int less_at;      /* the run that makes none at all */
    struct dal_fail_report *report;
    uint64_t seen[32]; /* report->nth of each run */
};

static void give_back(const struct dal_instance *instance, void **blocks, int count,
                      const struct fault *fault)
{
    while (count-- > 0) {
        size_t size = (size_t)(count + 1) * 10;

        if (count == BLOCKS - 1 && fault->leaks)
            continue;
        if (count == BLOCKS - 1)
            size -= (size_t)fault->shortens;
        dal_instance_dealloc(instance, blocks[count], size, 8);
    }
}

/* Five blocks of 10 to 50 bytes. */
static int work(const struct dal_instance *instance, void *ctx)
{
    struct fault *fault = ctx;
    void *blocks[BLOCKS];
    int count;

    if (fault->report)
        fault->seen[fault->runs] = fault->report->nth;
    fault->runs++;
    if (fault->runs == fault->less_at)
        return 1;
    if (fault->runs == fault->more_at)
        dal_instance_dealloc(instance, dal_instance_alloc_zeroed(instance, 1, 1), 1, 1);
    for (count = 0; count < BLOCKS; count++) {
        blocks[count] = dal_instance_alloc(instance, (size_t)(count + 1) * 10, 8);
        if (!blocks[count])
            break;
    }
    if (count == BLOCKS) {
        give_back(instance, blocks, count, fault);
        return fault->fails;
    }
    if (count + 1 == fault->leak_at)
        blocks[0] = NULL;
    give_back(instance, blocks, count, fault);
    return fault->swallow_from && count + 1 >= fault->swallow_from ? 0 : -7;
}

static struct dal_fail_report report_of(struct fault *fault, int expected)
{
    struct dal_fail_report report = DAL_FAIL_REPORT_INIT;
    int finding;

    if (fault->leaks || fault->leak_at)
        suite_leaks();
    finding = dal_fail_each(work, fault, &report);
    ck_assert_msg(finding == expected, "%d: %s", finding, report.message);
    ck_assert_int_eq(report.finding, finding);
    ck_assert_uint_eq(report.run_count, (uint64_t)fault->runs);
    ck_assert_uint_eq(report.size_bytes, sizeof report);
    return report;
}

START_TEST(test_right_function_has_no_finding)
{
    struct fault none = {0};
    struct dal_fail_report report = report_of(&none, DAL_FAIL_NONE);

    ck_assert_uint_eq(report.call_count, BLOCKS);
    ck_assert_uint_eq(report.run_count, BLOCKS + 2);
    ck_assert_uint_eq(report.nth, 0);
    ck_assert_uint_eq(report.swallowed_count, 0);
    ck_assert_str_eq(report.message, "");
    none.runs = 0;
    ck_assert_int_eq(dal_fail_each(work, &none, NULL), DAL_FAIL_NONE);
    ck_assert_int_eq(none.runs, BLOCKS + 2);
}
END_TEST

START_TEST(test_leak_at_each_failure_is_found)
{
    /* There is no block to be leaked before the second one. */
    for (int nth = 2; nth <= BLOCKS; nth++) {
        struct fault fault = {.leak_at = nth};
        struct dal_fail_report report = report_of(&fault, DAL_FAIL_LEAKED);
        char message[128];

        ck_assert_uint_eq(report.nth, (uint64_t)nth);
        ck_assert_uint_eq(report.live_blocks, 1);
        ck_assert_uint_eq(report.live_bytes, 10);
        ck_assert_int_eq(report.result, -7);
        snprintf(message, sizeof message,
                 "with allocation %d of 5 failing, blocks were not given back: 1, of 10 bytes",
                 nth);
        ck_assert_str_eq(report.message, message);
    }
}
END_TEST

START_TEST(test_leak_of_an_undisturbed_run_is_found)
{
    struct fault fault = {.leaks = 1};
    struct dal_fail_report report = report_of(&fault, DAL_FAIL_LEAKED);

    ck_assert_uint_eq(report.nth, 0);
    ck_assert_uint_eq(report.run_count, 1);
    ck_assert_uint_eq(report.live_bytes, 50);
    ck_assert_str_eq(report.message,
                     "with no allocation failing, blocks were not given back: 1, of 50 bytes");
}
END_TEST

START_TEST(test_wrong_size_is_found)
{
    struct fault fault = {.shortens = 3};
    struct dal_fail_report report = report_of(&fault, DAL_FAIL_LEAKED);

    ck_assert_uint_eq(report.live_blocks, 0);
    ck_assert_uint_eq(report.live_bytes, 3);
    ck_assert_str_eq(report.message,
                     "with no allocation failing, a block was given back with a size "
                     "that it did not have: 3 bytes are left");
}
END_TEST

START_TEST(test_size_that_is_too_large_is_found)
{
    struct fault fault = {.shortens = -3};
    struct dal_fail_report report = report_of(&fault, DAL_FAIL_LEAKED);

    ck_assert_uint_eq(report.live_blocks, 0);
    ck_assert_uint_eq(report.live_bytes, 0);
    ck_assert_str_eq(report.message,
                     "with no allocation failing, a block was given back with a size "
                     "that it did not have: 3 bytes too many");
}
END_TEST

START_TEST(test_swallowed_failure_is_found_after_all_else)
{
    struct fault fault = {.swallow_from = 4};
    struct dal_fail_report report = report_of(&fault, DAL_FAIL_SWALLOWED);

    ck_assert_uint_eq(report.nth, 4);
    ck_assert_uint_eq(report.swallowed_count, 2);
    ck_assert_uint_eq(report.run_count, BLOCKS + 2);
    ck_assert_int_eq(report.result, 0);
    ck_assert_str_eq(
        report.message,
        "with allocation 4 of 5 failing, the function returned 0, as if it had not; so "
        "it did in 2 of the runs");
    fault = (struct fault){.swallow_from = 1, .leak_at = 5};
    report = report_of(&fault, DAL_FAIL_LEAKED);
    ck_assert_uint_eq(report.nth, 5);
    ck_assert_uint_eq(report.swallowed_count, 4);
}
END_TEST

START_TEST(test_function_that_does_not_work_undisturbed_is_found)
{
    struct fault fault = {.fails = 3};
    struct dal_fail_report report = report_of(&fault, DAL_FAIL_UNDISTURBED);

    ck_assert_uint_eq(report.run_count, 1);
    ck_assert_int_eq(report.result, 3);
    ck_assert_str_eq(report.message,
                     "the function returned 3, though no allocation was made to fail");
}
END_TEST

START_TEST(test_other_number_of_allocations_is_found)
{
    struct fault more = {.more_at = 2}, fewer = {.more_at = 1}, none = {.less_at = 6};
    struct dal_fail_report report = report_of(&more, DAL_FAIL_NOT_REPEATABLE);

    ck_assert_uint_eq(report.run_count, 2);
    ck_assert_str_eq(report.message,
                     "with no allocation failing, there were 6 allocations, and 5 before");
    report = report_of(&fewer, DAL_FAIL_NOT_REPEATABLE);
    ck_assert_str_eq(report.message,
                     "with no allocation failing, there were 5 allocations, and 6 before");
    report = report_of(&none, DAL_FAIL_NOT_REPEATABLE);
    ck_assert_uint_eq(report.nth, 4);
    ck_assert_str_eq(report.message,
                     "with allocation 4 of 5 failing, there were 0 allocations, and 5 before");
}
END_TEST

START_TEST(test_report_tells_before_each_run_which_allocation_fails)
{
    struct dal_fail_report report = DAL_FAIL_REPORT_INIT;
    struct fault none = {.report = &report};

    ck_assert_int_eq(dal_fail_each(work, &none, &report), 0);
    ck_assert_uint_eq(none.seen[0], 0);
    for (int run = 1; run < BLOCKS + 2; run++)
        ck_assert_uint_eq(none.seen[run], (uint64_t)run - 1);
}
END_TEST

/* ---- Every kind of call ------------------------------------------------------------------------
 */

/* One of each; the last block is left in *size. */
static void *resize(const struct dal_instance *instance, size_t *size)
{
    void *block = dal_instance_alloc_zeroed(instance, *size, 8);
    void *moved = block ? dal_instance_realloc(instance, block, *size, 8, 50) : NULL;

    if (!moved)
        return block;
    moved = dal_instance_grow(instance, block = moved, *size = 50, 8, 500, 8);
    if (!moved)
        return block;
    moved = dal_instance_grow_zeroed(instance, block = moved, *size = 500, 8, 5000, 8);
    if (!moved)
        return block;
    moved = dal_instance_shrink(instance, block = moved, *size = 5000, 8, 20, 8);
    if (!moved)
        return block;
    *size = 20;
    return moved;
}

static int resize_and_tell(const struct dal_instance *instance, void *ctx)
{
    size_t size = 5;
    void *block = resize(instance, &size);

    (void)ctx;
    if (block && dal_instance_resize_in_place(instance, block, size, 8, size + 1) == 0)
        size++;
    dal_instance_dealloc(instance, block, size, 8);
    return size < 20 || size > 21;
}

START_TEST(test_every_kind_of_call_fails_in_turn_over_every_backend)
{
    static const char *const specs[] = {"system", "arena", "fixed-arena", "stats:print=off+system",
                                        "fail+system"};

    for (size_t i = 0; i < COUNT_OF(specs); i++) {
        struct dal_fail_report report = DAL_FAIL_REPORT_INIT;
        int finding = dal_fail_each_spec(specs[i], resize_and_tell, NULL, &report);

        ck_assert_msg(finding == 0, "%s: %s", specs[i], report.message);
        ck_assert_uint_eq(report.call_count, 5);
    }
}
END_TEST

START_TEST(test_child_that_is_exhausted_is_told_as_what_it_is)
{
    struct dal_fail_report report = DAL_FAIL_REPORT_INIT;

    ck_assert_int_eq(dal_fail_each_spec("fail:nth=3+system", resize_and_tell, NULL, &report),
                     DAL_FAIL_UNDISTURBED);
    ck_assert_uint_eq(report.run_count, 1);
}
END_TEST

static int allocate_nothing(const struct dal_instance *instance, void *ctx)
{
    (void)instance;
    (void)ctx;
    return 0;
}

START_TEST(test_function_without_allocations_is_run_twice)
{
    struct dal_fail_report report = DAL_FAIL_REPORT_INIT;

    ck_assert_int_eq(dal_fail_each(allocate_nothing, NULL, &report), 0);
    ck_assert_uint_eq(report.run_count, 2);
    ck_assert_uint_eq(report.call_count, 0);
}
END_TEST

/* ---- What it is called with --------------------------------------------------------------------
 */

START_TEST(test_what_cannot_be_run_is_refused)
{
    struct dal_fail_report report = DAL_FAIL_REPORT_INIT;
    struct dal_fail_report other = {DAL_FAIL_REPORT_ABI + 1, sizeof other, .nth = 42};
    struct dal_fail_report shorter = {DAL_FAIL_REPORT_ABI, sizeof shorter - 8, .nth = 42};
    struct fault none = {0};

    ck_assert_int_eq(dal_fail_each(NULL, NULL, &report), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_fail_each_spec(NULL, work, &none, &report), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_fail_each(work, &none, &other), DAL_ERR_ABI);
    ck_assert_int_eq(dal_fail_each(work, &none, &shorter), DAL_ERR_ABI);
    ck_assert(other.nth == 42 && shorter.nth == 42);
    ck_assert_int_eq(dal_fail_each_spec("arenas", work, &none, &report), DAL_ERR_UNKNOWN);
    ck_assert_int_eq(report.finding, DAL_ERR_UNKNOWN);
    ck_assert_ptr_nonnull(strstr(report.message, "\"arenas\" (did you mean \"arena\"?)"));
    ck_assert_int_eq(dal_fail_each_spec("arena:limit=x", work, &none, &report), DAL_ERR_OPTION);
    ck_assert_int_eq(none.runs, 0);
}
END_TEST

START_TEST(test_report_of_a_later_version_is_filled_as_far_as_this_one_knows)
{
    struct {
        struct dal_fail_report report;
        uint64_t later[2];
        uint64_t beyond;
    } longer = {.report = DAL_FAIL_REPORT_INIT, .later = {1, 2}, .beyond = 3};
    struct fault none = {0};

    longer.report.size_bytes = sizeof longer.report + sizeof longer.later;
    ck_assert_int_eq(dal_fail_each(work, &none, &longer.report), 0);
    ck_assert_uint_eq(longer.report.size_bytes, sizeof longer.report);
    ck_assert(longer.later[0] == 0 && longer.later[1] == 0 && longer.beyond == 3);
    ck_assert_uint_eq(longer.report.call_count, BLOCKS);
}
END_TEST

START_TEST(test_spec_may_be_long_and_not_too_long)
{
    static char spec[DAL_SPEC_BYTES_MAX + 200];
    struct dal_fail_report report = DAL_FAIL_REPORT_INIT;
    struct fault none = {0};

    memset(spec, 'x', sizeof spec - 1);
    ck_assert_int_lt(dal_fail_each_spec(spec, work, &none, &report), 0);
    ck_assert_int_eq(none.runs, 0);
    ck_assert_str_ne(report.message, "");
}
END_TEST

#if SUITE_HAS_FORK

/* ---- Threads, and crashes ----------------------------------------------------------------------
 */

struct share {
    const struct dal_instance *instance;
    int failed;
};

static void *allocate_in_thread(void *data)
{
    struct share *share = data;

    for (int i = 0; i < 5; i++) {
        void *block = dal_instance_alloc(share->instance, 100, 8);

        share->failed |= !block;
        dal_instance_dealloc(share->instance, block, 100, 8);
    }
    return NULL;
}

static int work_in_threads(const struct dal_instance *instance, void *ctx)
{
    struct share shares[3] = {{instance, 0}, {instance, 0}, {instance, 0}};
    pthread_t threads[3];

    (void)ctx;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, allocate_in_thread, &shares[i]), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    return shares[0].failed + shares[1].failed + shares[2].failed;
}

START_TEST(test_allocations_of_threads_fail_in_turn)
{
    struct dal_fail_report report = DAL_FAIL_REPORT_INIT;

    ck_assert_int_eq(dal_fail_each(work_in_threads, NULL, &report), 0);
    ck_assert_uint_eq(report.call_count, 15);
}
END_TEST

static int crash_at_the_third(const struct dal_instance *instance, void *ctx)
{
    char *blocks[BLOCKS];

    (void)ctx;
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = dal_instance_alloc(instance, 10, 8);
        if (!blocks[i] && i == 2)
            abort();
    }
    for (int i = 0; i < BLOCKS; i++)
        dal_instance_dealloc(instance, blocks[i], 10, 8);
    return 1 - (blocks[0] && blocks[1] && blocks[2] && blocks[3] && blocks[4]);
}

START_TEST(test_report_tells_who_failed_when_the_function_crashed)
{
    struct dal_fail_report *report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t child;

    ck_assert(report != MAP_FAILED);
    *report = (struct dal_fail_report)DAL_FAIL_REPORT_INIT;
    child = fork();
    if (child == 0)
        _exit(dal_fail_each(crash_at_the_third, NULL, report) & 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    ck_assert_uint_eq(report->nth, 3);
    ck_assert_uint_eq(report->run_count, 5);
    ck_assert_uint_eq(report->call_count, BLOCKS);
}
END_TEST

#endif

static void add_finding_tests(TCase *tcase)
{
    TEST(test_right_function_has_no_finding);
    TEST(test_leak_at_each_failure_is_found);
    TEST(test_leak_of_an_undisturbed_run_is_found);
    TEST(test_wrong_size_is_found);
    TEST(test_size_that_is_too_large_is_found);
    TEST(test_swallowed_failure_is_found_after_all_else);
    TEST(test_function_that_does_not_work_undisturbed_is_found);
    TEST(test_other_number_of_allocations_is_found);
    TEST(test_report_tells_before_each_run_which_allocation_fails);
    TEST(test_every_kind_of_call_fails_in_turn_over_every_backend);
    TEST(test_child_that_is_exhausted_is_told_as_what_it_is);
    TEST(test_function_without_allocations_is_run_twice);
#if SUITE_HAS_FORK
    TEST(test_allocations_of_threads_fail_in_turn);
    TEST(test_report_tells_who_failed_when_the_function_crashed);
#endif
}

static void add_argument_tests(TCase *tcase)
{
    TEST(test_what_cannot_be_run_is_refused);
    TEST(test_report_of_a_later_version_is_filled_as_far_as_this_one_knows);
    TEST(test_spec_may_be_long_and_not_too_long);
}

int main(void)
{
    Suite *suite = suite_create("fail_each");
    TCase *findings = tcase_create("findings"), *arguments = tcase_create("arguments");

    add_finding_tests(findings);
    add_argument_tests(arguments);
    suite_add_tcase(suite, findings);
    suite_add_tcase(suite, arguments);
    return suite_run(suite);
}
