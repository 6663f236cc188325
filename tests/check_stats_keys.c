/* SPDX-License-Identifier: MIT */
/*
 * Reading what the layer `stats` has counted: by key, all keys, and the snapshot of the
 * totals. That the counts are right is check_stats.c's.
 */
#include <check.h>
#include <dispatchalloc.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stats_reading.h"
#include "suite.h"

/* More than there is underneath. */
#define TOO_LARGE ((size_t)1 << 20)

static const struct dal_instance *make_stats(void)
{
    const struct dal_instance *instance = NULL;
    char message[512];

    ck_assert_msg(dal_instance_create_spec("stats:print=off+fixed-arena:capacity=64K", &instance,
                                           message, sizeof message) == 0,
                  "%s", message);
    return instance;
}

/* Returns the last one. */
static void *allocate(const struct dal_instance *instance, size_t size, size_t count)
{
    void *block = NULL;

    for (size_t i = 0; i < count; i++) {
        block = dal_instance_alloc(instance, size, 1);
        ck_assert_ptr_nonnull(block);
    }
    return block;
}

/* An instance with something to read under every kind of key: every operation succeeded (but
 * to resize in place may not) and failed. */
static const struct dal_instance *make_used(void)
{
    const struct dal_instance *instance = make_stats();
    void *block = allocate(instance, 100, 3);

    ck_assert_ptr_null(dal_instance_alloc(instance, TOO_LARGE, 1));
    ck_assert_ptr_nonnull(dal_instance_alloc_zeroed(instance, 5000, 1));
    ck_assert_ptr_null(dal_instance_alloc_zeroed(instance, TOO_LARGE, 1));
    ck_assert_ptr_null(dal_instance_realloc(instance, block, 100, 1, TOO_LARGE));
    block = dal_instance_realloc(instance, block, 100, 1, 200);
    ck_assert_ptr_nonnull(block);
    ck_assert_ptr_null(dal_instance_grow(instance, block, 200, 1, TOO_LARGE, 1));
    block = dal_instance_grow(instance, block, 200, 1, 300, 1);
    ck_assert_ptr_nonnull(block);
    ck_assert_ptr_null(dal_instance_grow_zeroed(instance, block, 300, 1, TOO_LARGE, 1));
    block = dal_instance_grow_zeroed(instance, block, 300, 1, 400, 1);
    ck_assert_ptr_nonnull(block);
    block = dal_instance_shrink(instance, block, 400, 1, 30, 1);
    ck_assert_ptr_nonnull(block);
    ck_assert_int_ne(dal_instance_resize_in_place(instance, block, 30, 1, TOO_LARGE), 0);
    dal_instance_dealloc(instance, block, 30, 1);
    return instance;
}

/* ---- By key --------------------------------------------------------------------------------- */

static uint64_t get(const struct dal_instance *instance, const char *key)
{
    uint64_t value = UINT64_MAX;

    ck_assert_msg(dal_stats_get(instance, key, &value) == 0, "%s", key);
    return value;
}

static int get_the_same(const char *key, uint64_t value, void *instance)
{
    ck_assert_msg(get(instance, key) == value, "%s is %" PRIu64 ", not %" PRIu64, key,
                  get(instance, key), value);
    return 0;
}

START_TEST(test_every_key_that_visit_shows_can_be_got_with_the_same_value)
{
    const struct dal_instance *instance = make_used();

    ck_assert_int_eq(dal_stats_visit(instance, get_the_same, (void *)(uintptr_t)instance), 0);
    dal_instance_destroy(instance);
}
END_TEST

struct key_list {
    char keys[512][64];
    size_t count;
};

static int add_key(const char *key, uint64_t value, void *data)
{
    struct key_list *list = data;

    (void)value;
    ck_assert_uint_lt(list->count, COUNT_OF(list->keys));
    ck_assert_uint_lt(strlen(key), sizeof list->keys[0]);
    for (size_t i = 0; i < list->count; i++)
        ck_assert_str_ne(list->keys[i], key);
    strcpy(list->keys[list->count++], key);
    return 0;
}

START_TEST(test_visit_shows_every_key_once_of_a_fresh_instance_too)
{
    static struct key_list list;
    const struct dal_instance *instance = make_stats();
    const struct reading none = {0};
    struct reading reading = read_stats(instance);

    ck_assert_int_eq(dal_stats_visit(instance, add_key, &list), 0);
    ck_assert_uint_eq(list.count, 5 + 2 * 8 + 4 * 64);
    ck_assert_mem_eq(&reading, &none, sizeof none);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_key_means_what_it_says)
{
    const struct dal_instance *instance = make_stats();
    void *block;

    allocate(instance, 0, 1);
    allocate(instance, 1, 2);
    allocate(instance, 2, 3);
    block = allocate(instance, 3, 4);
    allocate(instance, 4, 5);
    ck_assert_int_ne(dal_instance_resize_in_place(instance, block, 3, 1, TOO_LARGE), 0);
    dal_instance_dealloc(instance, block, 3, 1);
    ck_assert_ptr_null(dal_instance_alloc_zeroed(instance, TOO_LARGE, 1));
    ck_assert_uint_eq(get(instance, "live_bytes"), 2 + 6 + 12 + 20 - 3);
    ck_assert_uint_eq(get(instance, "live_blocks"), 14);
    ck_assert_uint_eq(get(instance, "peak_bytes"), 40);
    ck_assert_uint_eq(get(instance, "peak_blocks"), 15);
    ck_assert_uint_eq(get(instance, "uncounted"), 0);
    ck_assert_uint_eq(get(instance, "alloc.calls"), 15);
    ck_assert_uint_eq(get(instance, "alloc.failures"), 0);
    ck_assert_uint_eq(get(instance, "dealloc.calls"), 1);
    ck_assert_uint_eq(get(instance, "alloc_zeroed.failures"), 1);
    ck_assert_uint_eq(get(instance, "resize_in_place.calls"), 1);
    ck_assert_uint_eq(get(instance, "size.0.obtained"), 1);
    ck_assert_uint_eq(get(instance, "size.1.live"), 2);
    ck_assert_uint_eq(get(instance, "size.2-3.obtained"), 7);
    ck_assert_uint_eq(get(instance, "size.2-3.live"), 6);
    ck_assert_uint_eq(get(instance, "size.4-7.live"), 5);
    ck_assert_uint_eq(get(instance, "size.4611686018427387904-9223372036854775807.obtained"), 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_key_that_there_is_not_is_unknown)
{
    static const char *const keys[] = {
        "",
        "live",
        "live_bytes ",
        "live_byte",
        "LIVE_BYTES",
        "alloc",
        "alloc.",
        "alloc.call",
        "alloc.calls.",
        ".calls",
        "alloc_natural.calls",
        "size",
        "size.0",
        "size.1-1.live",
        "size.2.live",
        "size.4-8.live",
        "size.5-7.live",
        "size.04-7.live",
        "size.4-7",
        "size.0-0.live",
        "size.9223372036854775808-18446744073709551615.live",
    };
    const struct dal_instance *instance = make_used();

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        uint64_t value = 4711;

        ck_assert_msg(dal_stats_get(instance, keys[i], &value) == DAL_ERR_UNKNOWN, "%s", keys[i]);
        ck_assert_uint_eq(value, 4711);
    }
    dal_instance_destroy(instance);
}
END_TEST

static int stop_at_third(const char *key, uint64_t value, void *data)
{
    int *count = data;

    (void)key;
    (void)value;
    return ++*count == 3 ? -4711 : 0;
}

START_TEST(test_visit_stops_where_the_visitor_says_and_returns_that)
{
    const struct dal_instance *instance = make_stats();
    int count = 0;

    ck_assert_int_eq(dal_stats_visit(instance, stop_at_third, &count), -4711);
    ck_assert_int_eq(count, 3);
    dal_instance_destroy(instance);
}
END_TEST

struct meddler {
    const struct dal_instance *instance;
    struct reading reading;
};

static int allocate_and_note(const char *key, uint64_t value, void *data)
{
    struct meddler *meddler = data;

    allocate(meddler->instance, 64, 1);
    return note_value(key, value, &meddler->reading);
}

START_TEST(test_values_of_a_visit_are_of_one_moment)
{
    struct meddler meddler = {.instance = make_used()};
    struct reading before = read_stats(meddler.instance);

    ck_assert_int_eq(dal_stats_visit(meddler.instance, allocate_and_note, &meddler), 0);
    ck_assert_mem_eq(&meddler.reading, &before, sizeof before);
    ck_assert_uint_gt(get(meddler.instance, "live_bytes"), before.live_bytes);
    dal_instance_destroy(meddler.instance);
}
END_TEST

START_TEST(test_get_and_visit_refuse_null)
{
    const struct dal_instance *instance = make_stats();
    uint64_t value = 4711;

    ck_assert_int_eq(dal_stats_get(instance, NULL, &value), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_stats_get(instance, "live_bytes", NULL), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_stats_visit(instance, NULL, &value), DAL_ERR_INVALID);
    ck_assert_uint_eq(value, 4711);
    dal_instance_destroy(instance);
}
END_TEST

static const struct dal_instance *signalled;
static volatile sig_atomic_t signal_results[3];
static struct reading signal_reading;

static void read_on_signal(int signal)
{
    struct dal_stats stats = DAL_STATS_INIT;
    uint64_t value;

    (void)signal;
    signal_results[0] = dal_stats_get(signalled, "live_bytes", &value);
    signal_results[1] = dal_stats_visit(signalled, note_value, &signal_reading);
    signal_results[2] = dal_stats_read(signalled, &stats);
}

START_TEST(test_statistics_can_be_read_in_a_signal_handler)
{
    struct reading before, after;

    signalled = make_used();
    before = read_stats(signalled);
    for (size_t i = 0; i < COUNT_OF(signal_results); i++)
        signal_results[i] = 1;
    ck_assert(signal(SIGTERM, read_on_signal) != SIG_ERR);
    ck_assert_int_eq(raise(SIGTERM), 0);
    for (size_t i = 0; i < COUNT_OF(signal_results); i++)
        ck_assert_int_eq(signal_results[i], 0);
    ck_assert_mem_eq(&signal_reading, &before, sizeof before);
    /* Nothing was allocated for it, then. */
    after = read_stats(signalled);
    ck_assert_mem_eq(&after, &before, sizeof before);
    dal_instance_destroy(signalled);
}
END_TEST

/* ---- The snapshot --------------------------------------------------------------------------- */

static void assert_not_read(const struct dal_instance *instance, uint32_t abi, uint32_t size_bytes)
{
    struct dal_stats stats, before;

    memset(&stats, 0x5a, sizeof stats);
    stats.abi = abi;
    stats.size_bytes = size_bytes;
    before = stats;
    ck_assert_int_eq(dal_stats_read(instance, &stats), DAL_ERR_ABI);
    ck_assert_mem_eq(&stats, &before, sizeof stats);
}

START_TEST(test_read_refuses_what_is_no_stats_structure)
{
    const struct dal_instance *instance = make_stats();

    ck_assert_int_eq(dal_stats_read(instance, NULL), DAL_ERR_INVALID);
    assert_not_read(instance, 0x5a5a5a5a, 0x5a5a5a5a);
    assert_not_read(instance, DAL_STATS_ABI + 1, sizeof(struct dal_stats));
    assert_not_read(instance, 0, sizeof(struct dal_stats));
    for (uint32_t size = 0; size < 16; size++)
        assert_not_read(instance, DAL_STATS_ABI, size);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_snapshot_has_the_totals)
{
    const struct dal_instance *instance = make_used();
    struct dal_stats stats = DAL_STATS_INIT;

    ck_assert_int_eq(dal_stats_read(instance, &stats), 0);
    ck_assert_uint_eq(stats.abi, DAL_STATS_ABI);
    ck_assert_uint_eq(stats.size_bytes, sizeof stats);
    ck_assert_uint_eq(stats.live_bytes, get(instance, "live_bytes"));
    ck_assert_uint_eq(stats.live_blocks, get(instance, "live_blocks"));
    ck_assert_uint_eq(stats.peak_bytes, get(instance, "peak_bytes"));
    ck_assert_uint_eq(stats.peak_blocks, get(instance, "peak_blocks"));
    ck_assert_uint_eq(stats.uncounted, get(instance, "uncounted"));
    ck_assert_uint_gt(stats.live_bytes, 0);
    dal_instance_destroy(instance);
}
END_TEST

/* What a program of any age hands over, between bytes that are not its structure's. */
struct any_age {
    struct dal_stats stats;
    unsigned char later[64];
};

/* A structure of some bytes is filled as far as both sides know it, and nothing behind it. */
static void assert_snapshot_of(const struct dal_instance *instance, size_t size)
{
    const size_t known = sizeof(struct dal_stats);
    const size_t filled = size < known ? size : known;
    struct dal_stats whole = DAL_STATS_INIT;
    struct any_age any;
    const unsigned char *bytes = (const unsigned char *)&any;

    memset(&any, 0x5a, sizeof any);
    any.stats.abi = DAL_STATS_ABI;
    any.stats.size_bytes = (uint32_t)size;
    ck_assert_int_eq(dal_stats_read(instance, &whole), 0);
    ck_assert_int_eq(dal_stats_read(instance, &any.stats), 0);
    ck_assert_uint_eq(any.stats.size_bytes, filled);
    whole.size_bytes = (uint32_t)filled;
    ck_assert_mem_eq(&any, &whole, filled);
    for (size_t i = filled; i < sizeof any; i++)
        ck_assert_uint_eq(bytes[i], i < size ? 0 : 0x5a);
    /* As it is now it can be read into again. */
    ck_assert_int_eq(dal_stats_read(instance, &any.stats), 0);
    ck_assert_mem_eq(&any, &whole, filled);
}

START_TEST(test_snapshot_of_any_age_is_filled_as_far_as_both_know_it)
{
    const struct dal_instance *instance = make_used();

    for (size_t size = 16; size < sizeof(struct any_age); size += 8)
        assert_snapshot_of(instance, size);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Whose ---------------------------------------------------------------------------------- */

static void assert_reading(const struct dal_instance *instance, int result)
{
    struct dal_stats stats = DAL_STATS_INIT;
    struct reading reading;
    uint64_t value;

    ck_assert_int_eq(dal_stats_read(instance, &stats), result);
    ck_assert_int_eq(dal_stats_get(instance, "live_bytes", &value), result);
    ck_assert_int_eq(dal_stats_visit(instance, note_value, &reading), result);
    ck_assert_int_eq(dal_stats_reset_peak(instance), result);
}

START_TEST(test_read_of_an_instance_that_does_not_count_is_not_supported)
{
    assert_reading(dal_system(), DAL_ERR_UNSUPPORTED);
}
END_TEST

START_TEST(test_read_of_null_is_that_of_the_front)
{
    struct dal_stats stats = DAL_STATS_INIT;
    void *ptr;

    ck_assert_int_eq(dal_global_set_spec("stats:print=off+system"), 0);
    assert_reading(NULL, DAL_ERR_UNSUPPORTED);
    assert_reading(dal_global(), DAL_ERR_UNSUPPORTED);
    ptr = dal_alloc(100, 1);
    dal_dealloc(ptr, 100, 1);
    ptr = dal_alloc(77, 1);
    ck_assert_int_eq(dal_stats_read(NULL, &stats), 0);
    ck_assert_uint_eq(stats.live_bytes, 77);
    ck_assert_uint_eq(stats.peak_bytes, 100);
    ck_assert_int_eq(dal_stats_read(dal_global(), &stats), 0);
    ck_assert_uint_eq(stats.live_blocks, 1);
    ck_assert_uint_eq(get(NULL, "live_bytes"), 77);
    ck_assert_uint_eq(get(dal_global(), "dealloc.calls"), 1);
    ck_assert_uint_eq(read_stats(NULL).live_bytes, 77);
    ck_assert_int_eq(dal_stats_reset_peak(NULL), 0);
    ck_assert_uint_eq(read_stats(dal_global()).peak_bytes, 77);
    assert_reading(dal_global(), 0);
    dal_dealloc(ptr, 77, 1);
}
END_TEST

/* ---- Running --------------------------------------------------------------------------------- */

#define TEST(test) tcase_add_test(tcase, test)

static void add_key_tests(TCase *tcase)
{
    TEST(test_every_key_that_visit_shows_can_be_got_with_the_same_value);
    TEST(test_visit_shows_every_key_once_of_a_fresh_instance_too);
    TEST(test_key_means_what_it_says);
    TEST(test_key_that_there_is_not_is_unknown);
    TEST(test_visit_stops_where_the_visitor_says_and_returns_that);
    TEST(test_values_of_a_visit_are_of_one_moment);
    TEST(test_get_and_visit_refuse_null);
    TEST(test_statistics_can_be_read_in_a_signal_handler);
}

static void add_snapshot_tests(TCase *tcase)
{
    TEST(test_read_refuses_what_is_no_stats_structure);
    TEST(test_snapshot_has_the_totals);
    TEST(test_snapshot_of_any_age_is_filled_as_far_as_both_know_it);
    TEST(test_read_of_an_instance_that_does_not_count_is_not_supported);
    TEST(test_read_of_null_is_that_of_the_front);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*add)(TCase *tcase);
    } cases[] = {
        {"keys", add_key_tests},
        {"snapshot", add_snapshot_tests},
    };
    Suite *suite = suite_create("stats_keys");

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        TCase *tcase = tcase_create(cases[i].name);

        cases[i].add(tcase);
        suite_add_tcase(suite, tcase);
    }
    return suite_run(suite);
}
