/* SPDX-License-Identifier: MIT */
/* The layer `fail`: which calls fail, and what a call that fails leaves behind. */
#include <check.h>
#include <dispatchalloc.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define TEST(name)      tcase_add_test(tcase, name)

/* A backend that never says no to what these tests ask for, and leaves errno alone. */
#define CHILD "fixed-arena:capacity=8M"

static const struct dal_instance *make_over(const char *options, const char *child)
{
    const struct dal_instance *instance = NULL;
    char spec[256], message[512];

    snprintf(spec, sizeof spec, "fail%s%s+%s", *options ? ":" : "", options, child);
    ck_assert_msg(dal_instance_create_spec(spec, &instance, message, sizeof message) == 0, "%s",
                  message);
    return instance;
}

static const struct dal_instance *make(const char *options)
{
    return make_over(options, CHILD);
}

static uint64_t get(const struct dal_instance *instance, const char *key)
{
    uint64_t value = UINT64_MAX;

    ck_assert_int_eq(dal_fail_get(instance, key, &value), 0);
    return value;
}

/* Whether an allocation fails, as it should or not at all. */
static int fails(const struct dal_instance *instance, size_t size)
{
    void *block;

    errno = 0;
    block = dal_instance_alloc(instance, size, 1);
    ck_assert_int_eq(errno, block ? 0 : ENOMEM);
    dal_instance_dealloc(instance, block, size, 1);
    return !block;
}

/* Of the calls from 1 to 40, those that fail are these. */
static void check_failing(const char *options, const int *failing, size_t count)
{
    const struct dal_instance *instance = make(options);
    uint64_t failed = 0;

    for (int number = 1; number <= 40; number++) {
        int is_one = 0;

        for (size_t i = 0; i < count; i++)
            is_one |= failing[i] == number;
        ck_assert_msg(fails(instance, 10) == is_one, "%s: call %d", options, number);
        failed += (uint64_t)is_one;
    }
    ck_assert_uint_eq(get(instance, "calls"), 40);
    ck_assert_uint_eq(get(instance, "failures"), failed);
    dal_instance_destroy(instance);
}

#define CHECK_FAILING(options, ...) \
    check_failing(options, (const int[]){__VA_ARGS__}, COUNT_OF(((const int[]){__VA_ARGS__})))

/* ---- Which ----------------------------------------------------------------------------------- */

START_TEST(test_without_an_option_nothing_fails_and_all_is_counted)
{
    check_failing("", NULL, 0);
}
END_TEST

START_TEST(test_nth_fails_and_no_other)
{
    CHECK_FAILING("nth=1", 1);
    CHECK_FAILING("nth=2", 2);
    CHECK_FAILING("nth=39", 39);
    CHECK_FAILING("nth=40", 40);
    check_failing("nth=41", NULL, 0);
    check_failing("nth=4611686018427387904", NULL, 0);
}
END_TEST

START_TEST(test_one_in_every_fails)
{
    CHECK_FAILING("every=13", 13, 26, 39);
    CHECK_FAILING("every=20", 20, 40);
    check_failing("every=41", NULL, 0);
}
END_TEST

START_TEST(test_after_so_many_all_fail)
{
    CHECK_FAILING("after=37", 38, 39, 40);
    CHECK_FAILING("after=39", 40);
    check_failing("after=40", NULL, 0);
}
END_TEST

START_TEST(test_nth_and_every_count_from_after_on)
{
    CHECK_FAILING("after=10,nth=1", 11);
    CHECK_FAILING("after=10,nth=30", 40);
    check_failing("after=4611686018427387904,nth=4611686018427387904", NULL, 0);
    CHECK_FAILING("after=10,every=13", 23, 36);
}
END_TEST

START_TEST(test_what_any_of_them_names_fails)
{
    CHECK_FAILING("nth=5,every=15", 5, 15, 30);
    CHECK_FAILING("nth=15,every=15", 15, 30);
    CHECK_FAILING("nth=5,rate=0", 5);
}
END_TEST

START_TEST(test_all_fail_where_that_is_asked_for)
{
    static const char *const all[] = {"every=1", "rate=1", "rate=1.0", "after=0", "size_min=0"};

    for (size_t i = 0; i < COUNT_OF(all); i++) {
        const struct dal_instance *instance = make(all[i]);

        for (size_t size = 0; size < 100; size++)
            ck_assert_msg(fails(instance, size), "%s: %zu bytes", all[i], size);
        dal_instance_destroy(instance);
    }
}
END_TEST

START_TEST(test_sizes_out_of_range_neither_fail_nor_count)
{
    const struct dal_instance *instance = make("nth=2,size_min=100,size_max=200");

    ck_assert(!fails(instance, 100));
    for (int i = 0; i < 10; i++) {
        ck_assert(!fails(instance, 99));
        ck_assert(!fails(instance, 201));
        ck_assert(!fails(instance, 0));
        ck_assert_uint_eq(get(instance, "calls"), 1);
    }
    ck_assert(fails(instance, 200));
    ck_assert(!fails(instance, 150));
    ck_assert_uint_eq(get(instance, "calls"), 3);
    ck_assert_uint_eq(get(instance, "failures"), 1);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_range_alone_fails_as_a_whole)
{
    const struct dal_instance *range = make("size_min=100,size_max=200");
    const struct dal_instance *from = make("size_min=256");
    const struct dal_instance *to = make("size_max=3");

    for (size_t size = 0; size < 300; size++) {
        ck_assert_int_eq(fails(range, size), size >= 100 && size <= 200);
        ck_assert_int_eq(fails(from, size), size >= 256);
        ck_assert_int_eq(fails(to, size), size <= 3);
    }
    ck_assert_ptr_null(dal_instance_alloc(from, (size_t)PTRDIFF_MAX, 1));
    ck_assert_uint_eq(get(range, "calls"), 101);
    ck_assert_uint_eq(get(range, "failures"), 101);
    ck_assert_uint_eq(get(from, "failures"), 300 - 256 + 1);
    dal_instance_destroy(range);
    dal_instance_destroy(from);
    dal_instance_destroy(to);
}
END_TEST

/* ---- By chance ------------------------------------------------------------------------------- */

#define MANY 100000

/* fails() for very many: libcheck writes a byte for each assertion. */
static int fails_quickly(const struct dal_instance *instance)
{
    void *block = dal_instance_alloc(instance, 1, 1);

    dal_instance_dealloc(instance, block, 1, 1);
    return !block;
}

/* Which of many calls fail, a byte each; returns how many. */
static int draw(const char *options, unsigned char *failed)
{
    const struct dal_instance *instance = make_over(options, "arena:limit=1M");
    int count = 0;

    for (int i = 0; i < MANY; i++) {
        failed[i] = (unsigned char)fails_quickly(instance);
        count += failed[i];
    }
    dal_instance_destroy(instance);
    return count;
}

START_TEST(test_rate_is_kept)
{
    static unsigned char failed[MANY];
    static const struct {
        const char *options;
        int from, to;
    } rates[] = {
        /* Six standard deviations to either side. */
        {"rate=0", 0, 0},
        {"rate=0.01", 1000 - 189, 1000 + 189},
        {"rate=0.01,seed=1", 1000 - 189, 1000 + 189},
        {"rate=0.01,seed=18446744073709551615", 1000 - 189, 1000 + 189},
        {"rate=0.5", 50000 - 949, 50000 + 949},
        {"rate=0.999", 99900 - 60, 99900 + 60},
        {"rate=0.000000000000000001", 0, 0},
        {"rate=1", MANY, MANY},
    };

    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        int count = draw(rates[i].options, failed);

        ck_assert_msg(count >= rates[i].from && count <= rates[i].to, "%s: %d", rates[i].options,
                      count);
    }
}
END_TEST

START_TEST(test_seed_decides_who_fails)
{
    static unsigned char one[MANY], same[MANY], other[MANY];
    int both = 0;
    int count = draw("rate=0.01,seed=7", one);

    ck_assert_int_eq(draw("rate=0.01,seed=7", same), count);
    ck_assert_mem_eq(one, same, MANY);
    (void)draw("rate=0.01,seed=8", other);
    for (int i = 0; i < MANY; i++)
        both += one[i] && other[i];
    /* Of 1000 about ten, where they have nothing to do with each other. */
    ck_assert_int_lt(both, 50);
    (void)draw("rate=0.01", same);
    (void)draw("rate=0.01,seed=0", other);
    ck_assert_mem_eq(same, other, MANY);
}
END_TEST

/* ---- Threads --------------------------------------------------------------------------------- */

enum { THREADS = 4 };

static void *allocate_many(void *instance)
{
    uintptr_t failed = 0;

    for (int i = 0; i < MANY / THREADS; i++)
        failed += (uintptr_t)fails_quickly(instance);
    return (void *)failed;
}

static uintptr_t failures_of_threads(const char *options)
{
    const struct dal_instance *instance = make_over(options, "system");
    pthread_t threads[THREADS];
    uintptr_t sum = 0;

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, allocate_many, (void *)(uintptr_t)instance), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;

        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        sum += (uintptr_t)failed;
    }
    ck_assert_uint_eq(get(instance, "calls"), MANY);
    ck_assert_uint_eq(get(instance, "failures"), sum);
    dal_instance_destroy(instance);
    return sum;
}

START_TEST(test_threads_have_one_sequence_of_numbers)
{
    static unsigned char failed[MANY];

    ck_assert_uint_eq(failures_of_threads("nth=50000"), 1);
    ck_assert_uint_eq(failures_of_threads("every=10"), MANY / 10);
    ck_assert_uint_eq(failures_of_threads("after=99990"), 10);
    ck_assert_uint_eq(failures_of_threads("rate=0.01,seed=7"),
                      (uintptr_t)draw("rate=0.01,seed=7", failed));
}
END_TEST

#if SUITE_HAS_FORK
START_TEST(test_child_of_a_fork_goes_on_counting)
{
    const struct dal_instance *instance = make_over("nth=3", "system");
    int status;
    pid_t child;

    ck_assert(!fails(instance, 1));
    child = fork();
    if (child == 0)
        _exit(fails(instance, 1) || !fails(instance, 1) || get(instance, "calls") != 3);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(get(instance, "calls"), 1);
    dal_instance_destroy(instance);
}
END_TEST
#endif

/* ---- What a call that fails does ------------------------------------------------------------- */

enum { OLD = 100 };

static void *call_realloc(const struct dal_instance *instance, void *ptr)
{
    return dal_instance_realloc(instance, ptr, OLD, 8, 5000);
}

static void *call_grow(const struct dal_instance *instance, void *ptr)
{
    return dal_instance_grow(instance, ptr, OLD, 8, 5000, 64);
}

static void *call_grow_zeroed(const struct dal_instance *instance, void *ptr)
{
    return dal_instance_grow_zeroed(instance, ptr, OLD, 8, 5000, 8);
}

static void *call_shrink(const struct dal_instance *instance, void *ptr)
{
    return dal_instance_shrink(instance, ptr, OLD, 8, 10, 8);
}

static void *call_realloc_to_less(const struct dal_instance *instance, void *ptr)
{
    return dal_instance_realloc(instance, ptr, OLD, 8, 10);
}

static void *(*const resizes[])(const struct dal_instance *, void *) = {
    call_realloc, call_grow, call_grow_zeroed, call_shrink, call_realloc_to_less};

/* Below `fail` counts `stats`, which is asked for nothing. */
START_TEST(test_failed_resize_leaves_block_intact)
{
    for (size_t i = 0; i < COUNT_OF(resizes); i++) {
        const struct dal_instance *counted = NULL;
        const struct dal_instance *instance;
        struct dal_stats stats = DAL_STATS_INIT;
        unsigned char expected[OLD];
        unsigned char *block;

        ck_assert_int_eq(dal_instance_create_spec("stats:print=off+fail:nth=2+stats:print=off",
                                                  &counted, NULL, 0),
                         0);
        instance = counted;
        block = dal_instance_alloc(instance, OLD, 8);
        ck_assert_ptr_nonnull(block);
        memset(expected, 0xa5, OLD);
        memset(block, 0xa5, OLD);
        errno = 0;
        ck_assert_ptr_null(resizes[i](instance, block));
        ck_assert_int_eq(errno, ENOMEM);
        ck_assert_mem_eq(block, expected, OLD);
        ck_assert_int_eq(dal_stats_read(instance, &stats), 0);
        ck_assert_uint_eq(stats.live_blocks, 1);
        ck_assert_uint_eq(stats.live_bytes, OLD);
        dal_instance_dealloc(instance, block, OLD, 8);
        dal_instance_destroy(instance);
    }
}
END_TEST

START_TEST(test_every_call_that_makes_or_resizes_counts)
{
    const struct dal_instance *instance = make_over("", "system");
    uint64_t calls = 0;
    void *block = dal_instance_alloc(instance, OLD, 8);

    ck_assert_uint_eq(get(instance, "calls"), ++calls);
    for (size_t i = 0; i < COUNT_OF(resizes); i++) {
        void *moved = resizes[i](instance, block);

        ck_assert_ptr_nonnull(moved);
        ck_assert_uint_eq(get(instance, "calls"), ++calls);
        dal_instance_dealloc(instance, moved, i < 3 ? 5000 : 10, i == 1 ? 64 : 8);
        block = dal_instance_alloc_zeroed(instance, OLD, 8);
        ck_assert_ptr_nonnull(block);
        ck_assert_uint_eq(get(instance, "calls"), ++calls);
    }
    dal_instance_dealloc(instance, block, OLD, 8);
    block = dal_instance_alloc(instance, 3, 128); /* which is not natural */
    ck_assert_uint_eq(get(instance, "calls"), ++calls);
    dal_instance_dealloc(instance, block, 3, 128);
    block = dal_instance_realloc(instance, NULL, 0, 8, 30);
    ck_assert_uint_eq(get(instance, "calls"), ++calls);
    dal_instance_dealloc(instance, block, 30, 8);
    ck_assert_uint_eq(get(instance, "calls"), calls);
    ck_assert_uint_eq(get(instance, "failures"), 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_each_call_can_be_the_one_that_fails)
{
    const struct dal_instance *instance = make_over("every=1", "system");
    char byte;

    ck_assert_ptr_null(dal_instance_alloc(instance, 10, 8));
    ck_assert_ptr_null(dal_instance_alloc(instance, 10, 128));
    ck_assert_ptr_null(dal_instance_alloc(instance, 0, 1));
    ck_assert_ptr_null(dal_instance_alloc_zeroed(instance, 10, 8));
    ck_assert_ptr_null(dal_instance_realloc(instance, NULL, 0, 8, 10));
    for (size_t i = 0; i < COUNT_OF(resizes); i++)
        ck_assert_ptr_null(resizes[i](instance, &byte));
    ck_assert_uint_eq(get(instance, "failures"), 5 + COUNT_OF(resizes));
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_resize_in_place_neither_counts_nor_fails)
{
    const struct dal_instance *instance = make_over("nth=2", "arena:limit=1M");
    char *block = dal_instance_alloc(instance, 100, 8);

    ck_assert_int_eq(dal_instance_resize_in_place(instance, block, 100, 8, 200), 0);
    ck_assert_int_eq(dal_instance_resize_in_place(instance, block, 200, 8, 20000000),
                     DAL_ERR_UNSUPPORTED);
    ck_assert_uint_eq(get(instance, "calls"), 1);
    dal_instance_dealloc(instance, block, 200, 8);
    ck_assert(fails(instance, 1));
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_what_the_child_refuses_is_no_failure_on_purpose)
{
    const struct dal_instance *instance = make("nth=9");

    ck_assert_ptr_null(dal_instance_alloc(instance, 16 << 20, 8));
    ck_assert_uint_eq(get(instance, "calls"), 1);
    ck_assert_uint_eq(get(instance, "failures"), 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_slots_that_do_not_count_are_the_childs)
{
    const struct dal_instance *instance = make_over("", "system");

    ck_assert(instance->dealloc.call == dal_system()->dealloc.call);
    ck_assert_ptr_eq(instance->dealloc.ctx, dal_system()->dealloc.ctx);
    ck_assert_uint_eq(instance->native & DAL_SLOT_DEALLOC_UNSIZED,
                      dal_system()->native & DAL_SLOT_DEALLOC_UNSIZED);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_calls_without_sizes_count_and_fail_as_malloc_does)
{
    const struct dal_instance *instance = make_over("every=2", "system");
    char *block;

    if (!dal_instance_is_unsized(instance)) {
        ck_assert(!dal_instance_is_unsized(dal_system()));
        dal_instance_destroy(instance);
        return;
    }
    block = dal_instance_unsized_malloc(instance, 100);
    ck_assert_ptr_nonnull(block);
    memset(block, 7, 100);
    errno = 0;
    ck_assert_ptr_null(dal_instance_unsized_realloc(instance, block, 5000));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert(block[0] == 7 && block[99] == 7);
    dal_instance_unsized_free(instance, block);
    block = dal_instance_unsized_calloc(instance, 3, 7);
    ck_assert_ptr_nonnull(block);
    dal_instance_unsized_free(instance, block);
    errno = 0;
    ck_assert_ptr_null(dal_instance_unsized_malloc(instance, 1));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_uint_eq(get(instance, "calls"), 4);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Reading, and options -------------------------------------------------------------------- */

START_TEST(test_get_tells_what_is_wrong)
{
    const struct dal_instance *instance = make("");
    uint64_t value = 42;

    ck_assert_int_eq(dal_fail_get(instance, NULL, &value), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_fail_get(instance, "calls", NULL), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_fail_get(instance, "call", &value), DAL_ERR_UNKNOWN);
    ck_assert_int_eq(dal_fail_get(dal_system(), "calls", &value), DAL_ERR_UNSUPPORTED);
    ck_assert_int_eq(dal_fail_get(dal_system(), "call", &value), DAL_ERR_UNSUPPORTED);
    ck_assert_int_eq(dal_fail_get(NULL, "calls", &value), DAL_ERR_UNSUPPORTED);
    ck_assert_uint_eq(value, 42);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_null_is_the_front)
{
    void *block;

    ck_assert_int_eq(dal_global_set_spec("fail:nth=2+system"), 0);
    block = dal_alloc(10, 8);
    ck_assert_ptr_nonnull(block);
    dal_dealloc(block, 10, 8);
    ck_assert_ptr_null(dal_alloc(10, 8));
    ck_assert_uint_eq(get(NULL, "calls"), 2);
    ck_assert_uint_eq(get(dal_global(), "failures"), 1);
    block = dal_unsized_malloc(10);
    ck_assert_ptr_nonnull(block);
    dal_unsized_free(block);
    ck_assert_uint_eq(get(NULL, "calls"), 3);
}
END_TEST

START_TEST(test_options_that_make_no_sense_are_refused)
{
    static const struct {
        const char *options, *why;
    } bad[] = {
        {"nth=0", "accepted is a number from 1 to 4611686018427387904"},
        {"every=0", "accepted is a number from 1 to 4611686018427387904"},
        {"nth=-1", "accepted is a number from 1"},
        {"seed=3", "option \"seed\" is for \"rate\", which is not given"},
        {"rate=1.1",
         "option \"rate\" cannot be \"1.1\"; accepted is a probability from 0 to 1, such "
         "as 0.01, with at most 18 digits behind the point"},
        {"rate=2", "option \"rate\" cannot be \"2\""},
        {"rate=-0.1", "option \"rate\" cannot be \"-0.1\""},
        {"rate=0.", "option \"rate\" cannot be \"0.\""},
        {"rate=.5", "option \"rate\" cannot be \".5\""},
        {"rate=0.5x", "option \"rate\" cannot be \"0.5x\""},
        {"rate=01", "option \"rate\" cannot be \"01\""},
        {"rate=1e-3", "option \"rate\" cannot be \"1e-3\""},
        {"size_min=2K,size_max=1K",
         "option \"size_min\" (2048) is above \"size_max\" (1024): no size counts"},
    };

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const struct dal_instance *instance = NULL;
        char spec[128], message[512];

        snprintf(spec, sizeof spec, "fail:%s+system", bad[i].options);
        ck_assert_int_eq(dal_instance_create_spec(spec, &instance, message, sizeof message),
                         DAL_ERR_OPTION);
        ck_assert_msg(strstr(message, bad[i].why) != NULL, "%s: %s", spec, message);
    }
}
END_TEST

static void add_choice_tests(TCase *tcase)
{
    TEST(test_without_an_option_nothing_fails_and_all_is_counted);
    TEST(test_nth_fails_and_no_other);
    TEST(test_one_in_every_fails);
    TEST(test_after_so_many_all_fail);
    TEST(test_nth_and_every_count_from_after_on);
    TEST(test_what_any_of_them_names_fails);
    TEST(test_all_fail_where_that_is_asked_for);
    TEST(test_sizes_out_of_range_neither_fail_nor_count);
    TEST(test_range_alone_fails_as_a_whole);
    TEST(test_rate_is_kept);
    TEST(test_seed_decides_who_fails);
    TEST(test_threads_have_one_sequence_of_numbers);
#if SUITE_HAS_FORK
    TEST(test_child_of_a_fork_goes_on_counting);
#endif
}

static void add_call_tests(TCase *tcase)
{
    TEST(test_failed_resize_leaves_block_intact);
    TEST(test_every_call_that_makes_or_resizes_counts);
    TEST(test_each_call_can_be_the_one_that_fails);
    TEST(test_resize_in_place_neither_counts_nor_fails);
    TEST(test_what_the_child_refuses_is_no_failure_on_purpose);
    TEST(test_slots_that_do_not_count_are_the_childs);
    TEST(test_calls_without_sizes_count_and_fail_as_malloc_does);
}

static void add_interface_tests(TCase *tcase)
{
    TEST(test_get_tells_what_is_wrong);
    TEST(test_null_is_the_front);
    TEST(test_options_that_make_no_sense_are_refused);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*add)(TCase *tcase);
    } cases[] = {
        {"choice", add_choice_tests},
        {"calls", add_call_tests},
        {"interface", add_interface_tests},
    };
    Suite *suite = suite_create("fail");

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        TCase *tcase = tcase_create(cases[i].name);

        cases[i].add(tcase);
        suite_add_tcase(suite, tcase);
    }
    return suite_run(suite);
}
