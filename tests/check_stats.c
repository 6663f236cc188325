/* SPDX-License-Identifier: MIT */
/*
 * The layer `stats`, over an allocator that is no allocator: it gives any address, so that
 * sizes can be what they like, fails on demand, and remembers what it was called with.
 */
#include <check.h>
#include <dispatchalloc.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/slots.h"
#include "conformance/sanitizer.h"
#include "stats_reading.h"
#include "suite.h"

#if SUITE_HAS_FORK
# include <sys/resource.h>
#endif

#define KIB ((int64_t)1024)

/* ---- The allocator underneath -------------------------------------------------------------- */

static _Thread_local int mock_fails;
static _Thread_local unsigned mock_calls[STATS_OPERATIONS];
static _Thread_local size_t mock_arguments[6];
static char mock_block[64];

static void note(enum stats_operation operation, const void *ptr, size_t a, size_t b, size_t c,
                 size_t d)
{
    mock_calls[operation]++;
    mock_arguments[0] = (size_t)(uintptr_t)ptr;
    mock_arguments[1] = a;
    mock_arguments[2] = b;
    mock_arguments[3] = c;
    mock_arguments[4] = d;
}

static void *answer(void)
{
    return mock_fails ? NULL : mock_block;
}

static void *mock_alloc(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    note(STATS_ALLOC, NULL, size, align, 0, 0);
    return answer();
}

static void mock_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    note(STATS_DEALLOC, ptr, size, align, 0, 0);
}

static void *mock_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    note(STATS_ALLOC_ZEROED, NULL, size, align, 0, 0);
    return answer();
}

static void *mock_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)ctx;
    note(STATS_REALLOC, ptr, old_size, align, new_size, 0);
    return answer();
}

#define MOCK_RELAYOUT(name, operation)                                                      \
    static void *mock_##name(void *ptr, size_t old_size, size_t old_align, size_t new_size, \
                             size_t new_align, void *ctx)                                   \
    {                                                                                       \
        (void)ctx;                                                                          \
        note(operation, ptr, old_size, old_align, new_size, new_align);                     \
        return answer();                                                                    \
    }

MOCK_RELAYOUT(grow, STATS_GROW)
MOCK_RELAYOUT(grow_zeroed, STATS_GROW_ZEROED)
MOCK_RELAYOUT(shrink, STATS_SHRINK)

static int mock_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                void *ctx)
{
    (void)ctx;
    note(STATS_RESIZE_IN_PLACE, ptr, old_size, align, new_size, 0);
    return mock_fails ? DAL_ERR_UNSUPPORTED : 0;
}

static size_t mock_usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ptr;
    (void)align;
    (void)ctx;
    return size + 7;
}

static int mock_owns(const void *ptr, void *ctx)
{
    (void)ctx;
    return ptr == mock_block;
}

static int mock_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    allocator->alloc = mock_alloc;
    allocator->dealloc = mock_dealloc;
    allocator->alloc_zeroed = mock_alloc_zeroed;
    allocator->realloc = mock_realloc;
    allocator->grow = mock_grow;
    allocator->grow_zeroed = mock_grow_zeroed;
    allocator->shrink = mock_shrink;
    allocator->resize_in_place = mock_resize_in_place;
    allocator->usable_size = mock_usable_size;
    allocator->owns = mock_owns;
    return 0;
}

static const struct dal_backend mock = {
    DAL_BACKEND_HEADER,    .name = "mock", .version = "1", .summary = "gives any address",
    .create = mock_create,
};

/* ---- Helpers --------------------------------------------------------------------------------- */

static const struct dal_instance *make(const char *spec)
{
    const struct dal_instance *instance = NULL;
    char message[512];

    ck_assert_msg(dal_instance_create_spec(spec, &instance, message, sizeof message) == 0, "%s",
                  message);
    return instance;
}

static const struct dal_instance *make_stats(void)
{
    return make("stats:print=off+mock");
}

/* No ck_assert: it takes a lock, and this runs in children of threaded parents as well. */
static void allocate(const struct dal_instance *instance, size_t size, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!dal_instance_alloc(instance, size, 1))
            abort();
    }
}

static void give_back(const struct dal_instance *instance, size_t size, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dal_instance_dealloc(instance, mock_block, size, 1);
}

static void assert_live(const struct dal_instance *instance, uint64_t bytes, uint64_t blocks)
{
    struct reading stats = read_stats(instance);

    ck_assert_uint_eq(stats.live_bytes, bytes);
    ck_assert_uint_eq(stats.live_blocks, blocks);
}

static void assert_calls(const struct dal_instance *instance, enum stats_operation operation,
                         uint64_t calls, uint64_t failures)
{
    struct reading stats = read_stats(instance);

    ck_assert_uint_eq(stats.operations[operation].calls, calls);
    ck_assert_uint_eq(stats.operations[operation].failures, failures);
}

/* Run a function in a thread of its own, to its end. */
static void in_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, run, argument), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

/* ---- Every slot ------------------------------------------------------------------------------ */

/* Call one operation: on a block of 100 bytes where it takes one, to 40 where it shrinks and
 * 300 where it grows. Returns whether it succeeded. */
static int call_operation(const struct dal_instance *instance, enum stats_operation operation)
{
    switch (operation) {
    case STATS_ALLOC: return dal_instance_alloc(instance, 300, 8) != NULL;
    case STATS_DEALLOC: dal_instance_dealloc(instance, mock_block, 100, 8); return 1;
    case STATS_ALLOC_ZEROED: return dal_instance_alloc_zeroed(instance, 300, 8) != NULL;
    case STATS_REALLOC: return dal_instance_realloc(instance, mock_block, 100, 8, 300) != NULL;
    case STATS_GROW: return dal_instance_grow(instance, mock_block, 100, 8, 300, 16) != NULL;
    case STATS_GROW_ZEROED:
        return dal_instance_grow_zeroed(instance, mock_block, 100, 8, 300, 16) != NULL;
    case STATS_SHRINK: return dal_instance_shrink(instance, mock_block, 100, 8, 40, 16) != NULL;
    case STATS_RESIZE_IN_PLACE:
        return dal_instance_resize_in_place(instance, mock_block, 100, 8, 300) == 0;
    }
    return 0;
}

/* What each of them does to one block of 100 bytes that is live. */
static const struct {
    int64_t bytes, blocks;
    int has_old;
    size_t new_size;
    size_t arguments[5];
} effects[STATS_OPERATIONS] = {
    [STATS_ALLOC] = {300, 1, 0, 300, {0, 300, 8, 0, 0}},
    [STATS_DEALLOC] = {-100, -1, 1, 0, {1, 100, 8, 0, 0}},
    [STATS_ALLOC_ZEROED] = {300, 1, 0, 300, {0, 300, 8, 0, 0}},
    [STATS_REALLOC] = {200, 0, 1, 300, {1, 100, 8, 300, 0}},
    [STATS_GROW] = {200, 0, 1, 300, {1, 100, 8, 300, 16}},
    [STATS_GROW_ZEROED] = {200, 0, 1, 300, {1, 100, 8, 300, 16}},
    [STATS_SHRINK] = {-60, 0, 1, 40, {1, 100, 8, 40, 16}},
    [STATS_RESIZE_IN_PLACE] = {200, 0, 1, 300, {1, 100, 8, 300, 0}},
};

START_TEST(test_operation_reaches_its_slot_once_with_its_arguments)
{
    enum stats_operation operation = (enum stats_operation)_i;
    const struct dal_instance *instance = make_stats();

    memset(mock_calls, 0, sizeof mock_calls);
    ck_assert_int_eq(call_operation(instance, operation), 1);
    for (int i = 0; i < STATS_OPERATIONS; i++)
        ck_assert_uint_eq(mock_calls[i], i == _i ? 1 : 0);
    for (int i = 0; i < 5; i++) {
        size_t expected = effects[_i].arguments[i];

        if (i == 0 && expected)
            expected = (size_t)(uintptr_t)mock_block;
        ck_assert_uint_eq(mock_arguments[i], expected);
    }
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_operation_counts_what_it_does)
{
    enum stats_operation operation = (enum stats_operation)_i;
    const struct dal_instance *instance = make_stats();
    struct reading stats;

    allocate(instance, 100, 1);
    ck_assert_int_eq(call_operation(instance, operation), 1);
    stats = read_stats(instance);
    ck_assert_int_eq((int64_t)stats.live_bytes, 100 + effects[_i].bytes);
    ck_assert_int_eq((int64_t)stats.live_blocks, 1 + effects[_i].blocks);
    for (int i = 0; i < STATS_OPERATIONS; i++) {
        ck_assert_uint_eq(stats.operations[i].calls,
                          (i == STATS_ALLOC ? 1u : 0u) + (i == _i ? 1u : 0u));
        ck_assert_uint_eq(stats.operations[i].failures, 0);
    }
    for (unsigned i = 0; i < STATS_CLASSES; i++) {
        unsigned is_old = i == stats_class_of(100) ? 1 : 0;
        unsigned is_new = effects[_i].new_size && i == stats_class_of(effects[_i].new_size);

        ck_assert_uint_eq(stats.sizes[i].obtained, is_old + is_new);
        ck_assert_uint_eq(stats.sizes[i].live, (effects[_i].has_old ? 0 : is_old) + is_new);
    }
    ck_assert_uint_eq(stats.peak_bytes, effects[_i].bytes > 0 ? stats.live_bytes : 100);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_failed_operation_counts_as_failure_and_changes_nothing)
{
    enum stats_operation operation = (enum stats_operation)_i;
    const struct dal_instance *instance = make_stats();
    struct reading before, after;

    if (operation == STATS_DEALLOC)
        return;
    allocate(instance, 100, 3);
    before = read_stats(instance);
    mock_fails = 1;
    ck_assert_int_eq(call_operation(instance, operation), 0);
    mock_fails = 0;
    after = read_stats(instance);
    ck_assert_uint_eq(after.operations[operation].calls - before.operations[operation].calls, 1);
    ck_assert_uint_eq(after.operations[operation].failures, 1);
    before.operations[operation] = after.operations[operation];
    ck_assert_mem_eq(&before, &after, sizeof after);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_what_is_not_counted_passes_to_the_next_one)
{
    const struct dal_instance *instance = make_stats();

    ck_assert_uint_eq(dal_instance_usable_size(instance, mock_block, 5, 1), 12);
    ck_assert_int_eq(dal_instance_owns(instance, mock_block), 1);
    ck_assert(dal_tail_of_(instance)->usable_size.call == mock_usable_size);
    ck_assert_uint_eq(instance->native & DAL_SLOT_DEALLOC_UNSIZED, 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_dealloc_of_null_is_passed_on_and_not_counted)
{
    const struct dal_instance *instance = make_stats();
    unsigned before = mock_calls[STATS_DEALLOC];

    dal_instance_dealloc(instance, NULL, 100, 8);
    dal_instance_dealloc(instance, NULL, 100000, 8);
    ck_assert_uint_eq(mock_calls[STATS_DEALLOC], before + 2);
    assert_calls(instance, STATS_DEALLOC, 0, 0);
    assert_live(instance, 0, 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_realloc_of_null_makes_a_block)
{
    const struct dal_instance *instance = make_stats();

    ck_assert_ptr_nonnull(dal_instance_realloc(instance, NULL, 0, 8, 50));
    assert_calls(instance, STATS_REALLOC, 1, 0);
    assert_calls(instance, STATS_ALLOC, 0, 0);
    assert_live(instance, 50, 1);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Failures -------------------------------------------------------------------------------- */

START_TEST(test_failed_allocation_of_any_size_is_never_live_nor_a_peak)
{
    static const size_t sizes[] = {0, 1, 31, 32, 4095, 4096, 65536, 1 << 20, PTRDIFF_MAX};
    const struct dal_instance *instance = make_stats();
    struct reading stats;

    mock_fails = 1;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        for (int k = 0; k < 300; k++)
            ck_assert_ptr_null(dal_instance_alloc(instance, sizes[i], 1));
    }
    mock_fails = 0;
    stats = read_stats(instance);
    ck_assert_uint_eq(stats.live_bytes, 0);
    ck_assert_uint_eq(stats.live_blocks, 0);
    ck_assert_uint_eq(stats.peak_bytes, 0);
    ck_assert_uint_eq(stats.operations[STATS_ALLOC].calls, 300 * COUNT_OF(sizes));
    ck_assert_uint_eq(stats.operations[STATS_ALLOC].failures, 300 * COUNT_OF(sizes));
    for (unsigned i = 0; i < STATS_CLASSES; i++)
        ck_assert_uint_eq(stats.sizes[i].obtained, 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_size_beyond_any_layout_is_refused_without_a_trace)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 65535, (size_t)PTRDIFF_MAX + 1,
                                   (size_t)PTRDIFF_MAX + 65537};
    const struct dal_instance *instance = make_stats();

    mock_fails = 1;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        size_t size = sizes[i];

        __asm__("" : "+r"(size)); /* the compiler would object */
        ck_assert_ptr_null(dal_instance_alloc(instance, size, 1));
    }
    mock_fails = 0;
    assert_calls(instance, STATS_ALLOC, COUNT_OF(sizes), COUNT_OF(sizes));
    assert_live(instance, 0, 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_failures_between_successes_are_taken_back_exactly)
{
    const struct dal_instance *instance = make_stats();

    for (int i = 0; i < 1000; i++) {
        mock_fails = i % 3 == 0;
        ck_assert_int_eq(dal_instance_alloc(instance, (size_t)(i % 50), 1) == NULL, i % 3 == 0);
    }
    mock_fails = 0;
    assert_calls(instance, STATS_ALLOC, 1000, 334);
    ck_assert_uint_eq(read_stats(instance).live_blocks, 666);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Sizes ----------------------------------------------------------------------------------- */

START_TEST(test_class_holds_the_sizes_of_its_bounds)
{
    unsigned index = (unsigned)_i;
    size_t first = (size_t)stats_class_first(index);
    size_t last = (size_t)stats_class_last(index);
    const struct dal_instance *instance = make_stats();
    struct reading stats;

    ck_assert_uint_eq(stats_class_of(first), index);
    ck_assert_uint_eq(stats_class_of(last), index);
    allocate(instance, first, 200);
    allocate(instance, last, 200);
    stats = read_stats(instance);
    ck_assert_uint_eq(stats.sizes[index].obtained, 400);
    ck_assert_uint_eq(stats.sizes[index].live, 400);
    give_back(instance, first, 200);
    ck_assert_uint_eq(read_stats(instance).sizes[index].live, 200);
    give_back(instance, last, 200);
    stats = read_stats(instance);
    ck_assert_uint_eq(stats.sizes[index].live, 0);
    ck_assert_uint_eq(stats.sizes[index].obtained, 400);
    ck_assert_uint_eq(stats.live_bytes, 0);
    for (unsigned i = 0; i < STATS_CLASSES; i++) {
        if (i != index)
            ck_assert_uint_eq(stats.sizes[i].obtained, 0);
    }
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_classes_follow_each_other_without_a_gap)
{
    for (unsigned i = 1; i < STATS_CLASSES; i++)
        ck_assert_uint_eq(stats_class_first(i), stats_class_last(i - 1) + 1);
    ck_assert_uint_eq(stats_class_last(STATS_CLASSES - 1), (uint64_t)INT64_MAX);
}
END_TEST

/* ---- A model --------------------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

struct model {
    size_t sizes[3000];
    size_t count;
    int64_t bytes, peak;
    uint64_t calls[STATS_OPERATIONS];
    struct size_class classes[STATS_CLASSES];
};

static void model_add(struct model *model, size_t size)
{
    model->sizes[model->count++] = size;
    model->bytes += (int64_t)size;
    if (model->bytes > model->peak)
        model->peak = model->bytes;
    model->classes[stats_class_of(size)].obtained++;
    model->classes[stats_class_of(size)].live++;
}

static size_t model_take(struct model *model, size_t at)
{
    size_t size = model->sizes[at];

    model->sizes[at] = model->sizes[--model->count];
    model->bytes -= (int64_t)size;
    model->classes[stats_class_of(size)].live--;
    return size;
}

/* Sizes of every magnitude up to 1 MiB, small ones most often. */
static size_t random_size(uint32_t *random)
{
    return next_random(random) & (((size_t)1 << (next_random(random) % 21)) - 1);
}

static void random_step(struct model *model, const struct dal_instance *instance, uint32_t *random)
{
    size_t size = random_size(random);
    unsigned choice = next_random(random) % 8;

    if (model->count == 0 || (choice < 3 && model->count < COUNT_OF(model->sizes))) {
        allocate(instance, size, 1);
        model->calls[STATS_ALLOC]++;
        model_add(model, size);
    } else if (choice == 3 && model->count < COUNT_OF(model->sizes)) {
        ck_assert_ptr_nonnull(dal_instance_alloc_zeroed(instance, size, 1));
        model->calls[STATS_ALLOC_ZEROED]++;
        model_add(model, size);
    } else if (choice == 4) {
        size_t old_size = model_take(model, next_random(random) % model->count);

        ck_assert_ptr_nonnull(dal_instance_realloc(instance, mock_block, old_size, 1, size));
        model->calls[STATS_REALLOC]++;
        model_add(model, size);
    } else {
        give_back(instance, model_take(model, next_random(random) % model->count), 1);
        model->calls[STATS_DEALLOC]++;
    }
}

static void assert_as_model(const struct dal_instance *instance, const struct model *model)
{
    struct reading stats = read_stats(instance);

    ck_assert_int_eq((int64_t)stats.live_bytes, model->bytes);
    ck_assert_uint_eq(stats.live_blocks, model->count);
    for (int i = 0; i < STATS_OPERATIONS; i++)
        ck_assert_uint_eq(stats.operations[i].calls, model->calls[i]);
    for (int i = 0; i < STATS_CLASSES; i++) {
        ck_assert_uint_eq(stats.sizes[i].obtained, model->classes[i].obtained);
        ck_assert_uint_eq(stats.sizes[i].live, model->classes[i].live);
    }
    ck_assert_int_le((int64_t)stats.peak_bytes, model->peak);
    ck_assert_int_gt((int64_t)stats.peak_bytes, model->peak - 64 * KIB);
}

START_TEST(test_random_calls_are_counted_exactly_at_every_moment)
{
    static struct model model;
    const struct dal_instance *instance = make_stats();
    uint32_t random = 12345;

    for (int i = 0; i < 100000; i++) {
        random_step(&model, instance, &random);
        if (i % 97 == 0)
            assert_as_model(instance, &model);
    }
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_counts_are_exact_before_and_after_a_recent_word_is_full)
{
    const struct dal_instance *instance = make_stats();

    for (uint64_t n = 1; n <= 1000; n++) {
        struct reading stats;

        allocate(instance, 24, 1);
        stats = read_stats(instance);
        ck_assert_uint_eq(stats.live_bytes, 24 * n);
        ck_assert_uint_eq(stats.operations[STATS_ALLOC].calls, n);
    }
    for (uint64_t n = 1000; n-- > 0;) {
        give_back(instance, 24, 1);
        assert_live(instance, 24 * n, n);
    }
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Peaks ----------------------------------------------------------------------------------- */

START_TEST(test_peak_of_a_small_program_is_exact)
{
    const struct dal_instance *instance = make_stats();
    struct reading stats;

    allocate(instance, 10, 20);
    allocate(instance, 100, 5);
    give_back(instance, 10, 20);
    give_back(instance, 100, 5);
    stats = read_stats(instance);
    ck_assert_uint_eq(stats.peak_bytes, 700);
    ck_assert_uint_eq(stats.peak_blocks, 25);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_peak_of_phases_is_exact)
{
    const struct dal_instance *instance = make_stats();

    for (size_t count = 300; count <= 900; count += 300) {
        allocate(instance, 24, count);
        give_back(instance, 24, count);
        ck_assert_uint_eq(read_stats(instance).peak_bytes, 24 * count);
        ck_assert_uint_eq(read_stats(instance).peak_blocks, count);
    }
    dal_instance_destroy(instance);
}
END_TEST

/* Those of the balance, and those that are more than it takes. */
START_TEST(test_peak_of_large_blocks_is_exact)
{
    static const size_t sizes[] = {4096, 5000, 20000, 24576, 65536, 40 << 20};

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        const struct dal_instance *instance = make_stats();

        for (size_t count = 1; count <= 400; count = count * 3 + 1) {
            for (int round = 0; round < 3; round++) {
                allocate(instance, sizes[i], count);
                give_back(instance, sizes[i], count);
            }
            ck_assert_uint_eq(read_stats(instance).peak_bytes, (uint64_t)sizes[i] * count);
            ck_assert_uint_eq(read_stats(instance).peak_blocks, count);
        }
        assert_live(instance, 0, 0);
        dal_instance_destroy(instance);
    }
}
END_TEST

START_TEST(test_resizing_makes_no_call_of_another_operation)
{
    static const size_t sizes[] = {20, 30, 5000, 100000, 1 << 30, 7, 6000, 0};
    const struct dal_instance *instance = make_stats();
    size_t size = 0;
    void *block = NULL;

    for (size_t i = 0; i < 300 * COUNT_OF(sizes); i++) {
        block = dal_instance_realloc(instance, block, size, 1, sizes[i % COUNT_OF(sizes)]);
        ck_assert_ptr_nonnull(block);
        size = sizes[i % COUNT_OF(sizes)];
        assert_live(instance, size, 1);
        assert_calls(instance, STATS_REALLOC, i + 1, 0);
    }
    assert_calls(instance, STATS_ALLOC, 0, 0);
    assert_calls(instance, STATS_DEALLOC, 0, 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_peak_does_not_rise_where_blocks_only_come_and_go)
{
    const struct dal_instance *instance = make_stats();

    for (int i = 0; i < 10000; i++) {
        allocate(instance, 64, 1);
        give_back(instance, 64, 1);
    }
    ck_assert_uint_eq(read_stats(instance).peak_bytes, 64);
    ck_assert_uint_eq(read_stats(instance).peak_blocks, 1);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_peak_starts_again_after_reset)
{
    const struct dal_instance *instance = make_stats();

    allocate(instance, 1000, 1000);
    give_back(instance, 1000, 900);
    ck_assert_int_eq(dal_stats_reset_peak(instance), 0);
    ck_assert_uint_eq(read_stats(instance).peak_bytes, 100 * 1000);
    ck_assert_uint_eq(read_stats(instance).peak_blocks, 100);
    dal_instance_destroy(instance);
}
END_TEST

enum { PEAK_THREADS = 4 };

struct peak_crew {
    const struct dal_instance *instance;
    pthread_barrier_t barrier;
};

/* Sizes of each way to count, so that every word and the balance hold as much back as they can. */
static void *grow_and_shrink(void *argument)
{
    struct peak_crew *crew = argument;

    for (size_t size = 1; size < 200000; size = size * 3 / 2 + 1)
        allocate(crew->instance, size, 500);
    (void)pthread_barrier_wait(&crew->barrier);
    for (size_t size = 1; size < 200000; size = size * 3 / 2 + 1)
        give_back(crew->instance, size, 500);
    return NULL;
}

START_TEST(test_peak_of_threads_is_exact_to_64_kib_a_thread)
{
    struct peak_crew crew = {.instance = make_stats()};
    pthread_t threads[PEAK_THREADS];
    struct reading stats;
    int64_t peak = 0, blocks = 0;

    for (size_t size = 1; size < 200000; size = size * 3 / 2 + 1) {
        peak += (int64_t)size * 500 * PEAK_THREADS;
        blocks += 500 * PEAK_THREADS;
    }
    ck_assert_int_eq(pthread_barrier_init(&crew.barrier, NULL, PEAK_THREADS), 0);
    for (int i = 0; i < PEAK_THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, grow_and_shrink, &crew), 0);
    for (int i = 0; i < PEAK_THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    stats = read_stats(crew.instance);
    ck_assert_uint_eq(stats.live_bytes, 0);
    ck_assert_int_le((int64_t)stats.peak_bytes, peak);
    ck_assert_int_gt((int64_t)stats.peak_bytes, peak - 64 * KIB * PEAK_THREADS);
    ck_assert_int_le((int64_t)stats.peak_blocks, blocks);
    ck_assert_int_gt((int64_t)stats.peak_blocks, blocks - 4096 * PEAK_THREADS);
    dal_instance_destroy(crew.instance);
}
END_TEST

/* What a thread holds back at the worst moment is seen from the difference of the shared
 * balance, without what a reading adds, and the truth. */
START_TEST(test_thread_holds_back_less_than_64_kib)
{
    const struct dal_instance *instance = make_stats();
    struct stats_instance *layer = instance->alloc.ctx;
    int64_t bytes = 0, blocks = 0, worst = 0, worst_blocks = 0;

    for (int i = 0; i < 200000; i++) {
        size_t size = (size_t)1 << (i % 12);

        size = i % 7 == 0 ? size * 2 - 1 : size;
        allocate(instance, size, 1);
        bytes += (int64_t)size;
        blocks++;
        if (bytes - atomic_load(&layer->shared->bytes) > worst)
            worst = bytes - atomic_load(&layer->shared->bytes);
        if (blocks - atomic_load(&layer->shared->blocks) > worst_blocks)
            worst_blocks = blocks - atomic_load(&layer->shared->blocks);
    }
    ck_assert_int_lt(worst, 64 * KIB);
    ck_assert_int_gt(worst, 16 * KIB);
    ck_assert_int_lt(worst_blocks, 4096);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Lifetimes ------------------------------------------------------------------------------- */

struct lifetimes {
    uint64_t ended, ended_late, lost; /* late: after half a millisecond or more */
};

static struct lifetimes lifetimes_of(const struct dal_instance *instance)
{
    struct reading stats = read_stats(instance);
    struct lifetimes found = {0, 0, 0};

    for (unsigned i = 0; i < STATS_CLASSES; i++) {
        found.lost += stats.lifetimes[i].lost;
        if (stats_class_first(i) >= UINT64_C(1) << 19)
            found.ended_late += stats.lifetimes[i].ended;
        else
            found.ended += stats.lifetimes[i].ended;
    }
    return found;
}

static const struct dal_instance *make_following(const char *spec)
{
    const struct dal_instance *instance = NULL;

    ck_assert_int_eq(dal_instance_create_spec(spec, &instance, NULL, 0), 0);
    return instance;
}

enum { LIVES = 20000 };

/* Within what a count of one in 128 leaves once in a million. */
static void assert_one_in_128(uint64_t count, uint64_t of)
{
    double mean = (double)of / STATS_FOLLOW_EVERY, distance = (double)count - mean;

    ck_assert_msg(distance * distance < 25 * mean, "%" PRIu64 " of %" PRIu64, count, of);
}

START_TEST(test_one_block_in_128_is_followed_until_it_is_given_back)
{
    static const size_t sizes[] = {24, 3000, 5000, 30000};
    const struct dal_instance *instance = make_following("stats:print=off,lifetimes=on+system");
    struct lifetimes found;

    for (int i = 0; i < LIVES; i++) {
        size_t size = sizes[i % 4];
        void *block = i % 3 ? dal_instance_alloc(instance, size, 8)
                            : dal_instance_alloc_zeroed(instance, size, 8);

        ck_assert_ptr_nonnull(block);
        dal_instance_dealloc(instance, block, size, 8);
    }
    found = lifetimes_of(instance);
    assert_one_in_128(found.ended + found.ended_late + found.lost, LIVES);
    ck_assert_uint_eq(found.lost, 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_block_that_is_resized_lives_on)
{
    static void *blocks[LIVES];
    const struct dal_instance *instance =
        make_following("stats:print=off,lifetimes=on+limit:bytes=64M+system");
    struct lifetimes found;

    for (int i = 0; i < LIVES; i++)
        blocks[i] = dal_instance_realloc(instance, NULL, 0, 8, 24);
    (void)usleep(2000);
    for (int i = 0; i < LIVES; i++) {
        ck_assert_ptr_null(dal_instance_realloc(instance, blocks[i], 24, 8, PTRDIFF_MAX - 7));
        blocks[i] = dal_instance_realloc(instance, blocks[i], 24, 8, 48);
        ck_assert_ptr_nonnull(blocks[i]);
    }
    for (int i = 0; i < LIVES; i++)
        dal_instance_dealloc(instance, blocks[i], 48, 8);
    found = lifetimes_of(instance);
    assert_one_in_128(found.ended_late + found.lost, LIVES);
    ck_assert_uint_lt(found.lost, found.ended_late);
    ck_assert_uint_eq(found.ended, 0);
    assert_live(instance, 0, 0);
    dal_instance_destroy(instance);
}
END_TEST

static void *give_all_back(void *argument)
{
    struct {
        const struct dal_instance *instance;
        void *blocks[LIVES];
    } *crew = argument;

    for (int i = 0; i < LIVES; i++)
        dal_instance_dealloc(crew->instance, crew->blocks[i], 24, 8);
    return NULL;
}

START_TEST(test_block_that_another_thread_gives_back_is_followed)
{
    static struct {
        const struct dal_instance *instance;
        void *blocks[LIVES];
    } crew;
    struct lifetimes found;
    pthread_t thread;

    crew.instance = make_following("stats:print=off,lifetimes=on+system");
    for (int i = 0; i < LIVES; i++)
        crew.blocks[i] = dal_instance_alloc(crew.instance, 24, 8);
    ck_assert_int_eq(pthread_create(&thread, NULL, give_all_back, &crew), 0);
    (void)pthread_join(thread, NULL);
    found = lifetimes_of(crew.instance);
    assert_one_in_128(found.ended + found.ended_late + found.lost, LIVES);
    dal_instance_destroy(crew.instance);
}
END_TEST

START_TEST(test_nothing_is_followed_unless_it_is_asked_for)
{
    const struct dal_instance *instance = make_following("stats:print=off+system");
    struct lifetimes found;

    for (int i = 0; i < 1000; i++)
        dal_instance_dealloc(instance, dal_instance_alloc(instance, 24, 8), 24, 8);
    found = lifetimes_of(instance);
    ck_assert_uint_eq(found.ended + found.ended_late + found.lost, 0);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Threads --------------------------------------------------------------------------------- */

static void *give_back_a_thousand(void *instance)
{
    give_back(instance, 32, 1000);
    give_back(instance, 5000, 10);
    return NULL;
}

START_TEST(test_blocks_given_back_by_another_thread_balance)
{
    const struct dal_instance *instance = make_stats();

    allocate(instance, 32, 1000);
    allocate(instance, 5000, 10);
    in_thread(give_back_a_thousand, (void *)(uintptr_t)instance);
    assert_live(instance, 0, 0);
    assert_calls(instance, STATS_DEALLOC, 1010, 0);
    ck_assert_uint_eq(read_stats(instance).sizes[stats_class_of(32)].live, 0);
    dal_instance_destroy(instance);
}
END_TEST

static void *churn(void *instance)
{
    for (size_t i = 0; i < 50000; i++) {
        size_t size = i * 7 % 6000;

        allocate(instance, size, 1);
        give_back(instance, size, 1);
    }
    return NULL;
}

START_TEST(test_reading_while_threads_count_is_safe_and_the_end_exact)
{
    const struct dal_instance *instance = make_stats();
    pthread_t threads[3];
    struct reading stats;

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, (void *)(uintptr_t)instance), 0);
    for (int i = 0; i < 200; i++)
        (void)read_stats(instance);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        (void)pthread_join(threads[i], NULL);
    stats = read_stats(instance);
    ck_assert_uint_eq(stats.operations[STATS_ALLOC].calls, 150000);
    ck_assert_uint_eq(stats.operations[STATS_DEALLOC].calls, 150000);
    ck_assert_uint_eq(stats.live_bytes, 0);
    ck_assert_uint_eq(stats.live_blocks, 0);
    dal_instance_destroy(instance);
}
END_TEST

static int count_block(void *part, void *count)
{
    (void)part;
    ++*(size_t *)count;
    return 0;
}

static size_t block_count(const struct dal_instance *instance)
{
    const struct stats_instance *layer = instance->alloc.ctx;
    size_t count = 0;

    ck_assert_int_eq(layer->services->thread_record_visit(&layer->record, count_block, &count), 0);
    return count;
}

static void *allocate_once(void *instance)
{
    allocate(instance, 16, 1);
    return NULL;
}

START_TEST(test_ten_thousand_threads_need_no_more_memory_than_one)
{
    const struct dal_instance *instance = make_stats();

    for (int i = 0; i < 10000; i++)
        in_thread(allocate_once, (void *)(uintptr_t)instance);
    assert_live(instance, 160000, 10000);
    ck_assert_uint_le(block_count(instance), 2);
    dal_instance_destroy(instance);
}
END_TEST

/* Allocates in every round of destructors that the system runs, so in some after ours. */
static pthread_key_t late_key;
static _Atomic(int) late_calls;
static _Atomic(int) late_past_end;

static void late_destructor(void *instance)
{
    const struct dal_instance *handle = instance;
    allocate(instance, 48, 1);
    allocate(instance, 9000, 1);
    mock_fails = 1;
    (void)!dal_instance_alloc(instance, 48, 1);
    mock_fails = 0;
    give_back(instance, 9000, 1);
    late_calls++;
    late_past_end += stats_mine(handle->alloc.ctx)->recent_made[0] == UINT32_MAX;
    if (late_calls < PTHREAD_DESTRUCTOR_ITERATIONS)
        (void)pthread_setspecific(late_key, instance);
}

static void *arm_late_destructor(void *instance)
{
    allocate(instance, 48, 1);
    (void)pthread_setspecific(late_key, instance);
    return NULL;
}

START_TEST(test_calls_after_the_end_of_a_thread_are_counted)
{
    const struct dal_instance *instance = make_stats();
    size_t blocks;

    ck_assert_int_eq(pthread_key_create(&late_key, late_destructor), 0);
    in_thread(arm_late_destructor, (void *)(uintptr_t)instance);
    ck_assert_int_gt(late_past_end, 0);
    ck_assert_int_eq(late_calls, PTHREAD_DESTRUCTOR_ITERATIONS);
    assert_calls(instance, STATS_ALLOC, 1 + 3 * (uint64_t)late_calls, (uint64_t)late_calls);
    assert_live(instance, 48 * (1 + (uint64_t)late_calls), 1 + (uint64_t)late_calls);
    blocks = block_count(instance);
    late_calls = 0;
    in_thread(arm_late_destructor, (void *)(uintptr_t)instance);
    ck_assert_uint_eq(block_count(instance), blocks);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Several instances ----------------------------------------------------------------------- */

START_TEST(test_instances_in_turn_count_each_for_itself)
{
    const struct dal_instance *instances[5];

    for (size_t i = 0; i < COUNT_OF(instances); i++)
        instances[i] = make_stats();
    for (size_t n = 0; n < 2000; n++) {
        for (size_t i = 0; i < COUNT_OF(instances); i++)
            allocate(instances[i], 10 + i, i + 1);
    }
    for (size_t i = 0; i < COUNT_OF(instances); i++) {
        assert_live(instances[i], 2000 * (i + 1) * (10 + i), 2000 * (i + 1));
        dal_instance_destroy(instances[i]);
    }
}
END_TEST

START_TEST(test_two_layers_of_one_stack_count_the_same)
{
    const struct dal_instance *outer = make("stats:print=off+stats:print=off+mock");
    struct dal_instance inner = {.alloc = ((struct stats_instance *)outer->alloc.ctx)->next->alloc};
    struct reading stats, inside;

    for (int i = 0; i < 1000; i++) {
        mock_fails = i % 10 == 0;
        (void)!dal_instance_alloc(outer, 60, 1);
        mock_fails = 0;
        ck_assert_ptr_nonnull(dal_instance_realloc(outer, NULL, 0, 1, 5000));
        give_back(outer, 5000, 1);
    }
    stats = read_stats(outer);
    inside = read_stats(&inner);
    ck_assert_uint_eq(stats.live_bytes, 900 * 60);
    ck_assert_uint_eq(stats.operations[STATS_ALLOC].failures, 100);
    ck_assert_mem_eq(stats.operations, inside.operations, sizeof stats.operations);
    ck_assert_mem_eq(stats.sizes, inside.sizes, sizeof stats.sizes);
    dal_instance_destroy(outer);
}
END_TEST

START_TEST(test_new_instance_has_no_counts_of_one_that_is_gone)
{
    for (int i = 0; i < 1000; i++) {
        const struct dal_instance *instance = make_stats();

        assert_live(instance, 0, 0);
        allocate(instance, 100, 200);
        allocate(instance, 10000, 2);
        assert_live(instance, 40000, 202);
        dal_instance_destroy(instance);
    }
}
END_TEST

/* Pages of the process; 0 where that is not told. */
static long page_count(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (file && fscanf(file, "%ld", &pages) != 1)
        pages = 0;
    if (file)
        (void)fclose(file);
    return pages;
}

START_TEST(test_short_lived_instances_in_short_lived_threads_need_no_more_memory)
{
    long before = 0;

    for (int i = 0; i < 3000; i++) {
        const struct dal_instance *instance = make_stats();

        in_thread(allocate_once, (void *)(uintptr_t)instance);
        assert_live(instance, 16, 1);
        dal_instance_destroy(instance);
        if (i == 10)
            before = page_count();
    }
    /* A block of counters each would be more than 1,000; a sanitizer takes some of its own. */
    ck_assert_int_lt(page_count() - before, 600);
}
END_TEST

struct memory {
    const struct dal_instance *instance;
    pthread_barrier_t barrier;
};

static void *remember(void *argument)
{
    struct memory *memory = argument;

    allocate(memory->instance, 10, 1);
    (void)pthread_barrier_wait(&memory->barrier);
    /* The instance is destroyed, and another one made. */
    (void)pthread_barrier_wait(&memory->barrier);
    allocate(memory->instance, 20, 1);
    (void)pthread_barrier_wait(&memory->barrier);
    return NULL;
}

START_TEST(test_thread_does_not_take_a_new_instance_for_one_that_is_gone)
{
    struct memory memory = {.instance = make_stats()};
    const void *first = memory.instance->alloc.ctx;
    pthread_t thread;

    ck_assert_int_eq(pthread_barrier_init(&memory.barrier, NULL, 2), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, remember, &memory), 0);
    (void)pthread_barrier_wait(&memory.barrier);
    dal_instance_destroy(memory.instance);
    memory.instance = make_stats();
    /* The new one has the address of the first, and its place among the parts of the thread. */
    ck_assert_ptr_eq(memory.instance->alloc.ctx, first);
    (void)pthread_barrier_wait(&memory.barrier);
    (void)pthread_barrier_wait(&memory.barrier);
    assert_live(memory.instance, 20, 1);
    (void)pthread_join(thread, NULL);
    assert_live(memory.instance, 20, 1);
    dal_instance_destroy(memory.instance);
}
END_TEST

/* ---- Fork ------------------------------------------------------------------------------------ */

#if SUITE_HAS_FORK
START_TEST(test_child_goes_on_from_the_counts_of_its_parent)
{
    const struct dal_instance *instance = make_stats();
    pid_t child;
    int status = 0;

    allocate(instance, 100, 300);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct reading stats;

        allocate(instance, 100, 50);
        stats = read_stats(instance);
        _exit(stats.live_blocks == 350 && stats.live_bytes == 35000 ? 0 : 1);
    }
    allocate(instance, 100, 7);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    assert_live(instance, 30700, 307);
    dal_instance_destroy(instance);
}
END_TEST

static _Atomic(int) forking;

static void *churn_until_told(void *instance)
{
    while (atomic_load(&forking)) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, allocate_once, instance) != 0 ||
            pthread_join(thread, NULL) != 0)
            abort();
    }
    return NULL;
}

static void *churn_blocks(void *instance)
{
    while (atomic_load(&forking)) {
        allocate(instance, 100, 500);
        give_back(instance, 100, 500);
    }
    return NULL;
}

START_TEST(test_child_of_a_threaded_parent_counts_on)
{
    const struct dal_instance *instance = make_stats();
    pthread_t threads[2];

    atomic_store(&forking, 1);
    ck_assert_int_eq(
        pthread_create(&threads[0], NULL, churn_until_told, (void *)(uintptr_t)instance), 0);
    ck_assert_int_eq(pthread_create(&threads[1], NULL, churn_blocks, (void *)(uintptr_t)instance),
                     0);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        int status = -1;

        ck_assert_int_ge(child, 0);
        if (child == 0) {
            uint64_t before = read_stats(instance).operations[STATS_REALLOC].calls;

            (void)!dal_instance_realloc(instance, NULL, 0, 1, 3);
            allocate(instance, 8, 1000);
            _exit(read_stats(instance).operations[STATS_REALLOC].calls == before + 1 ? 0 : 1);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
    atomic_store(&forking, 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        (void)pthread_join(threads[i], NULL);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Without memory -------------------------------------------------------------------------- */

START_TEST(test_calls_without_memory_to_count_in_are_passed_on_and_told)
{
    const struct dal_instance *instance = make_stats();
    struct rlimit none = {0, RLIM_INFINITY};
    struct reading stats;

    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    errno = 0;
    allocate(instance, 10, 1);
    allocate(instance, 10000, 1);
    give_back(instance, 10, 1);
    ck_assert_int_eq(errno, 0);
    ck_assert_uint_eq(mock_calls[STATS_ALLOC], 2);
    none.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    allocate(instance, 10, 1);
    stats = read_stats(instance);
    ck_assert_uint_eq(stats.uncounted, 3);
    ck_assert_uint_eq(stats.live_bytes, 10);
    dal_instance_destroy(instance);
}
END_TEST
#endif

/* ---- Options --------------------------------------------------------------------------------- */

static void assert_refused(const char *spec, const char *words)
{
    const struct dal_instance *instance = NULL;
    char message[1024];

    ck_assert_int_eq(dal_instance_create_spec(spec, &instance, message, sizeof message),
                     DAL_ERR_OPTION);
    ck_assert_ptr_null(instance);
    ck_assert_msg(strstr(message, words) != NULL, "%s", message);
}

START_TEST(test_bad_option_is_refused_with_what_would_be_accepted)
{
    char longer[1200];

    assert_refused("stats:print=maybe+mock", "option \"print\" of \"stats\" cannot be \"maybe\"");
    assert_refused("stats:label=+mock", "text of 1 to 63 bytes");
    assert_refused("stats:share=+mock", "text of 1 to 1022 bytes");
    assert_refused("stats:share=maybe+mock",
                   "option \"share\" cannot be \"maybe\"; accepted is on, "
                   "off, or a directory with a '/' in it");
    assert_refused("stats:file=+mock", "option \"file\" of \"stats\" cannot be \"\"; accepted is "
                                       "text of 1 to 1023 bytes");
    memset(longer, 'x', sizeof longer);
    memcpy(longer, "stats:file=", 11);
    memcpy(longer + sizeof longer - 6, "+mock", 6);
    assert_refused(longer, "1 to 1023 bytes");
}
END_TEST

/* ---- Running --------------------------------------------------------------------------------- */

static void set_up(void)
{
    ck_assert_int_eq(dal_backend_register(&mock), 0);
}

#define LOOP(test) tcase_add_loop_test(tcase, test, 0, STATS_OPERATIONS)
#define TEST(test) tcase_add_test(tcase, test)

static void add_counting_tests(TCase *tcase)
{
    LOOP(test_operation_reaches_its_slot_once_with_its_arguments);
    LOOP(test_operation_counts_what_it_does);
    LOOP(test_failed_operation_counts_as_failure_and_changes_nothing);
    TEST(test_what_is_not_counted_passes_to_the_next_one);
    TEST(test_dealloc_of_null_is_passed_on_and_not_counted);
    TEST(test_realloc_of_null_makes_a_block);
    TEST(test_failed_allocation_of_any_size_is_never_live_nor_a_peak);
    TEST(test_size_beyond_any_layout_is_refused_without_a_trace);
    TEST(test_failures_between_successes_are_taken_back_exactly);
    /* Up to sizes whose sum still fits the counters of live bytes. */
    tcase_add_loop_test(tcase, test_class_holds_the_sizes_of_its_bounds, 0,
                        sizeof(size_t) > 4 ? 50 : 31);
    TEST(test_classes_follow_each_other_without_a_gap);
    TEST(test_random_calls_are_counted_exactly_at_every_moment);
    TEST(test_counts_are_exact_before_and_after_a_recent_word_is_full);
    TEST(test_peak_of_a_small_program_is_exact);
    TEST(test_peak_of_phases_is_exact);
    TEST(test_peak_of_large_blocks_is_exact);
    TEST(test_one_block_in_128_is_followed_until_it_is_given_back);
    TEST(test_block_that_is_resized_lives_on);
    TEST(test_block_that_another_thread_gives_back_is_followed);
    TEST(test_nothing_is_followed_unless_it_is_asked_for);
    TEST(test_resizing_makes_no_call_of_another_operation);
    TEST(test_peak_does_not_rise_where_blocks_only_come_and_go);
    TEST(test_peak_starts_again_after_reset);
    TEST(test_peak_of_threads_is_exact_to_64_kib_a_thread);
    TEST(test_thread_holds_back_less_than_64_kib);
}

static void add_sharing_tests(TCase *tcase)
{
    TEST(test_blocks_given_back_by_another_thread_balance);
    TEST(test_reading_while_threads_count_is_safe_and_the_end_exact);
    TEST(test_ten_thousand_threads_need_no_more_memory_than_one);
    TEST(test_calls_after_the_end_of_a_thread_are_counted);
    TEST(test_instances_in_turn_count_each_for_itself);
    TEST(test_two_layers_of_one_stack_count_the_same);
    TEST(test_new_instance_has_no_counts_of_one_that_is_gone);
    /* Whose memory is the process's as well: what its leak checker keeps grows. */
    if (!conformance_is_under_valgrind())
        TEST(test_short_lived_instances_in_short_lived_threads_need_no_more_memory);
    TEST(test_thread_does_not_take_a_new_instance_for_one_that_is_gone);
#if SUITE_HAS_FORK
    TEST(test_child_goes_on_from_the_counts_of_its_parent);
    TEST(test_child_of_a_threaded_parent_counts_on);
    /* Which need memory of their own where the library has none. */
    if (!CONFORMANCE_SANITIZED && !conformance_is_under_valgrind())
        TEST(test_calls_without_memory_to_count_in_are_passed_on_and_told);
#endif
}

static void add_option_tests(TCase *tcase)
{
    TEST(test_bad_option_is_refused_with_what_would_be_accepted);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*add)(TCase *tcase);
    } cases[] = {
        {"counting", add_counting_tests},
        {"sharing", add_sharing_tests},
        {"options", add_option_tests},
    };
    Suite *suite = suite_create("stats");

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        TCase *tcase = tcase_create(cases[i].name);

        tcase_add_checked_fixture(tcase, set_up, NULL);
        cases[i].add(tcase);
        suite_add_tcase(suite, tcase);
    }
    return suite_run(suite);
}
