/* SPDX-License-Identifier: MIT */
/*
 * Filling instances: structures of other ages, what is derived of what is missing, and what
 * a layer inherits. tests/check_misuse.c has the calls that are wrong.
 */
#include <config.h>

#include <check.h>
#include <dispatchalloc/error.h>
#include <dispatchalloc/instance.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instance.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- An allocator that writes down how it is called ---------------------------------------- */

static struct trace {
    char calls[256];      /* "alloc(16,8) dealloc(16,8) " */
    int refuses;          /* alloc gives NULL */
    unsigned char memory[1024];
    size_t used;
} trace;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
    struct dal_text_ text = {trace.calls, sizeof trace.calls, strlen(trace.calls)};
    va_list arguments;

    va_start(arguments, format);
    dal_text_add_list_(&text, format, arguments);
    va_end(arguments);
    ck_assert_uint_lt(text.length, text.bytes);
}

/* Blocks lie one behind the other; none is used twice, so that a lost copy shows. */
static void *trace_alloc(size_t size, size_t align, void *ctx)
{
    void *block;

    ck_assert_ptr_eq(ctx, &trace);
    note("alloc(%zu,%zu) ", size, align);
    if (trace.refuses)
        return NULL;
    trace.used = (trace.used + align - 1) & ~(align - 1);
    ck_assert_uint_le(trace.used + size, sizeof trace.memory);
    block = trace.memory + trace.used;
    memset(block, 0xa5, size);
    trace.used += size;
    return block;
}

static void trace_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    ck_assert_ptr_eq(ctx, &trace);
    ck_assert_ptr_nonnull(ptr);
    note("dealloc(%zu,%zu) ", size, align);
}

static void *trace_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    ck_assert_ptr_eq(ctx, &trace);
    note("realloc(%zu,%zu,%zu) ", old_size, align, new_size);
    return trace.refuses ? NULL : ptr;
}

static void *trace_grow(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                        size_t new_align, void *ctx)
{
    ck_assert_ptr_eq(ctx, &trace);
    note("grow(%zu,%zu,%zu,%zu) ", old_size, old_align, new_size, new_align);
    return trace.refuses ? NULL : ptr;
}

static const struct dal_allocator two_functions = {
    DAL_ALLOCATOR_HEADER(&trace), .alloc = trace_alloc, .dealloc = trace_dealloc};
static const struct dal_allocator with_realloc = {DAL_ALLOCATOR_HEADER(&trace),
                                                  .alloc = trace_alloc, .dealloc = trace_dealloc,
                                                  .realloc = trace_realloc};
static const struct dal_allocator with_grow = {
    DAL_ALLOCATOR_HEADER(&trace), .alloc = trace_alloc, .dealloc = trace_dealloc,
    .grow = trace_grow};

static struct dal_instance instance;

static void begin(const struct dal_allocator *allocator)
{
    memset(&trace, 0, sizeof trace);
    ck_assert_int_eq(dal_instance_init(&instance, sizeof instance, allocator, "traced"), 0);
}

static void expect_calls(const char *calls)
{
    ck_assert_str_eq(trace.calls, calls);
    trace.calls[0] = '\0';
}

/* A block whose bytes are 0, 1, 2, ... */
static unsigned char *numbered_block(size_t size, size_t align)
{
    unsigned char *block = dal_instance_alloc(&instance, size, align);

    ck_assert_ptr_nonnull(block);
    for (size_t i = 0; i < size; i++)
        block[i] = (unsigned char)i;
    trace.calls[0] = '\0';
    return block;
}

static void expect_numbers(const unsigned char *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ck_assert_uint_eq(block[i], i);
}

/* ---- Structures of another age --------------------------------------------------------------- */

#define LEAST_BYTES (offsetof(struct dal_allocator, dealloc) + sizeof(dal_dealloc_function))

/* What may follow struct dal_allocator in a later version. */
struct later_allocator {
    struct dal_allocator known;
    unsigned char unknown[24];
};

static int fill(const void *allocator, char *message, size_t message_bytes)
{
    struct dal_text_ why = dal_text_over_(message, message_bytes);
    struct dal_instance before;
    int error;

    memset(&instance, 0x5a, sizeof instance);
    before = instance;
    error = dal_instance_fill_(&instance, allocator, NULL, "x", &why);
    ck_assert_msg(!error || memcmp(&before, &instance, sizeof before) == 0,
                  "a refusal changed the storage");
    return error;
}

/* An allocator in memory that ends where its size_bytes says. */
static int fill_cut(const struct dal_allocator *allocator, uint32_t size_bytes, char *message,
                    size_t message_bytes)
{
    struct dal_allocator older = *allocator;
    void *cut = malloc(size_bytes);
    int error;

    ck_assert_ptr_nonnull(cut);
    older.size_bytes = size_bytes;
    memcpy(cut, &older, size_bytes);
    error = fill(cut, message, message_bytes);
    free(cut);
    return error;
}

START_TEST(test_shorter_structure_is_filled_up_from_its_two_functions)
{
    char message[256], wanted[256];

    ck_assert_int_eq(fill_cut(&two_functions, LEAST_BYTES, message, sizeof message), 0);
    ck_assert_uint_eq(instance.native, DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC);
    ck_assert_ptr_null(instance.malloc_family);

    ck_assert_int_eq(fill_cut(&two_functions, LEAST_BYTES - 1, message, sizeof message),
                     DAL_ERR_ABI);
    snprintf(wanted, sizeof wanted, "its struct dal_allocator has %zu bytes, libdispatchalloc "
             PACKAGE_VERSION " knows %zu",
             LEAST_BYTES - 1, sizeof(struct dal_allocator));
    ck_assert_str_eq(message, wanted);
    ck_assert_int_eq(fill_cut(&two_functions, 8, message, sizeof message), DAL_ERR_ABI);
}
END_TEST

/* A slot that ends beyond the structure is not read, not even if memory is there. */
START_TEST(test_what_lies_behind_a_shorter_structure_is_not_looked_at)
{
    struct dal_allocator older = with_realloc;

    older.size_bytes = offsetof(struct dal_allocator, realloc);
    ck_assert_int_eq(dal_instance_init(&instance, sizeof instance, &older, NULL), 0);
    ck_assert_uint_eq(instance.native, DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC);
    ck_assert(instance.realloc.call == dal_derived_realloc_);
}
END_TEST

START_TEST(test_longer_structure_is_accepted_while_what_is_unknown_is_zero)
{
    struct later_allocator later = {.known = two_functions};
    char message[256], wanted[256];

    later.known.size_bytes = sizeof later;
    ck_assert_int_eq(fill(&later, message, sizeof message), 0);
    for (size_t i = 0; i < sizeof later.unknown; i++) {
        later.unknown[i] = 1;
        ck_assert_int_eq(fill(&later, message, sizeof message), DAL_ERR_ABI);
        snprintf(wanted, sizeof wanted,
                 "its struct dal_allocator has %zu bytes, libdispatchalloc "
                 PACKAGE_VERSION " knows %zu and the rest is "
                 "not zero", sizeof later, sizeof later.known);
        ck_assert_str_eq(message, wanted);
        later.unknown[i] = 0;
    }
}
END_TEST

START_TEST(test_another_version_is_refused_with_both_numbers)
{
    struct dal_allocator other = two_functions;
    char message[256];

    other.abi = 2;
    ck_assert_int_eq(fill(&other, message, sizeof message), DAL_ERR_ABI);
    ck_assert_str_eq(message, "its struct dal_allocator has version 2, libdispatchalloc "
                              PACKAGE_VERSION " knows 1");
}
END_TEST

START_TEST(test_allocator_needs_alloc_and_dealloc)
{
    struct dal_allocator part = with_realloc;
    char message[256];

    part.dealloc = NULL;
    ck_assert_int_eq(fill(&part, message, sizeof message), DAL_ERR_INCOMPLETE);
    ck_assert_str_eq(message, "it has no dealloc function");
    part.alloc = NULL;
    ck_assert_int_eq(fill(&part, message, sizeof message), DAL_ERR_INCOMPLETE);
    ck_assert_str_eq(message, "it has no alloc function");
}
END_TEST

START_TEST(test_storage_of_an_older_program_is_too_small)
{
    ck_assert_int_eq(dal_instance_init(&instance, sizeof instance - 1, &two_functions, NULL),
                     DAL_ERR_INVALID);
    ck_assert_int_eq(dal_instance_init(&instance, sizeof instance, &two_functions, NULL), 0);
    ck_assert_str_eq(instance.name, "custom");
    ck_assert_uint_eq(instance.abi, DAL_ALLOCATOR_ABI);
    ck_assert_uint_eq(instance.size_bytes, sizeof instance);
}
END_TEST

/* ---- What is derived ------------------------------------------------------------------------- */

START_TEST(test_derived_alloc_zeroed_is_alloc_and_zeros)
{
    unsigned char *block;

    begin(&two_functions);
    block = dal_instance_alloc_zeroed(&instance, 100, 16);
    expect_calls("alloc(100,16) ");
    for (size_t i = 0; i < 100; i++)
        ck_assert_uint_eq(block[i], 0);
    ck_assert_uint_eq(block[100], 0);
    ck_assert_ptr_nonnull(dal_instance_alloc_zeroed(&instance, 0, 8));
    trace.refuses = 1;
    ck_assert_ptr_null(dal_instance_alloc_zeroed(&instance, 100, 16));
}
END_TEST

START_TEST(test_derived_realloc_moves_what_both_sizes_hold)
{
    unsigned char *block, *moved;

    begin(&two_functions);
    block = numbered_block(20, 8);
    moved = dal_instance_realloc(&instance, block, 20, 8, 50);
    expect_calls("alloc(50,8) dealloc(20,8) ");
    ck_assert_ptr_ne(moved, block);
    expect_numbers(moved, 20);
    ck_assert_uint_eq(moved[20], 0xa5);

    block = dal_instance_realloc(&instance, moved, 50, 8, 7);
    expect_calls("alloc(7,8) dealloc(50,8) ");
    expect_numbers(block, 7);

    ck_assert_ptr_nonnull(dal_instance_realloc(&instance, block, 7, 8, 0));
    expect_calls("alloc(0,8) dealloc(7,8) ");
    ck_assert_ptr_nonnull(dal_instance_realloc(&instance, NULL, 0, 4, 12));
    expect_calls("alloc(12,4) ");
}
END_TEST

START_TEST(test_failed_derived_resize_leaves_the_block)
{
    unsigned char *block;

    begin(&two_functions);
    block = numbered_block(20, 8);
    trace.refuses = 1;
    ck_assert_ptr_null(dal_instance_realloc(&instance, block, 20, 8, 50));
    ck_assert_ptr_null(dal_instance_realloc(&instance, block, 20, 8, 5));
    ck_assert_ptr_null(dal_instance_grow(&instance, block, 20, 8, 50, 8));
    ck_assert_ptr_null(dal_instance_grow(&instance, block, 20, 8, 50, 16));
    ck_assert_ptr_null(dal_instance_grow_zeroed(&instance, block, 20, 8, 50, 64));
    ck_assert_ptr_null(dal_instance_shrink(&instance, block, 20, 8, 5, 4));
    expect_calls("alloc(50,8) alloc(5,8) alloc(50,8) alloc(50,16) alloc(50,64) alloc(5,4) ");
    expect_numbers(block, 20);
}
END_TEST

START_TEST(test_derived_grow_goes_through_realloc_while_the_alignment_stays)
{
    unsigned char *block, *moved;

    begin(&with_realloc);
    block = numbered_block(20, 8);
    ck_assert_ptr_eq(dal_instance_grow(&instance, block, 20, 8, 30, 8), block);
    ck_assert_ptr_eq(dal_instance_shrink(&instance, block, 30, 8, 20, 8), block);
    expect_calls("realloc(20,8,30) realloc(30,8,20) ");

    moved = dal_instance_grow(&instance, block, 20, 8, 30, 64);
    expect_calls("alloc(30,64) dealloc(20,8) ");
    expect_numbers(moved, 20);
    block = dal_instance_shrink(&instance, moved, 30, 64, 10, 2);
    expect_calls("alloc(10,2) dealloc(30,64) ");
    expect_numbers(block, 10);
}
END_TEST

START_TEST(test_derived_grow_zeroed_zeros_the_new_bytes_only)
{
    const struct dal_allocator *const allocators[] = {&two_functions, &with_realloc, &with_grow};
    const char *const calls[] = {"alloc(40,8) dealloc(20,8) ", "realloc(20,8,40) ",
                                 "grow(20,8,40,8) "};

    for (size_t i = 0; i < COUNT_OF(allocators); i++) {
        unsigned char *block;

        begin(allocators[i]);
        block = numbered_block(40, 8);
        block = dal_instance_grow_zeroed(&instance, block, 20, 8, 40, 8);
        expect_calls(calls[i]);
        expect_numbers(block, 20);
        for (size_t j = 20; j < 40; j++)
            ck_assert_uint_eq(block[j], 0);
        /* Nothing new, nothing to zero. */
        block[39] = 7;
        block = dal_instance_grow_zeroed(&instance, block, 40, 8, 40, 8);
        ck_assert_uint_eq(block[39], 7);
    }
}
END_TEST

START_TEST(test_what_cannot_be_derived_says_so)
{
    unsigned char *block;

    begin(&two_functions);
    block = numbered_block(20, 8);
    ck_assert_int_eq(dal_instance_resize_in_place(&instance, block, 20, 8, 20), 0);
    ck_assert_int_eq(dal_instance_resize_in_place(&instance, block, 20, 8, 21),
                     DAL_ERR_UNSUPPORTED);
    ck_assert_int_eq(dal_instance_resize_in_place(&instance, block, 20, 8, 19),
                     DAL_ERR_UNSUPPORTED);
    ck_assert_uint_eq(dal_instance_usable_size(&instance, block, 20, 8), 20);
    ck_assert_int_eq(dal_instance_owns(&instance, block), DAL_ERR_UNSUPPORTED);
    dal_instance_dealloc_unsized(&instance, NULL);
    instance.fork_prepare.call(instance.fork_prepare.ctx);
    instance.fork_parent.call(instance.fork_parent.ctx);
    instance.fork_child.call(instance.fork_child.ctx);
    expect_calls("");
    expect_numbers(block, 20);
}
END_TEST

/* ---- Layers ------------------------------------------------------------------------------------ */

static int resize(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)ptr, (void)old_size, (void)align, (void)new_size, (void)ctx;
    return DAL_ERR_UNSUPPORTED;
}

static size_t usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ptr, (void)align, (void)ctx;
    return size;
}

static void dealloc_unsized(void *ptr, void *ctx)
{
    (void)ptr, (void)ctx;
}

static int owns(const void *ptr, void *ctx)
{
    (void)ptr, (void)ctx;
    return 1;
}

static void at_fork(void *ctx)
{
    (void)ctx;
}

static const struct dal_allocator complete = {
    DAL_ALLOCATOR_HEADER(&trace),
    .alloc = trace_alloc,
    .dealloc = trace_dealloc,
    .alloc_zeroed = trace_alloc,
    .realloc = trace_realloc,
    .grow = trace_grow,
    .grow_zeroed = trace_grow,
    .shrink = trace_grow,
    .resize_in_place = resize,
    .usable_size = usable_size,
    .dealloc_unsized = dealloc_unsized,
    .owns = owns,
    .fork_prepare = at_fork,
    .fork_parent = at_fork,
    .fork_child = at_fork,
    .alloc_natural = trace_alloc,
};

/* Every slot: the member in both structures, and whether a layer that hooks alloc needs it. */
#define SLOTS(X)           \
    X(alloc, 1)            \
    X(alloc_zeroed, 1)     \
    X(realloc, 1)          \
    X(grow, 1)             \
    X(grow_zeroed, 1)      \
    X(shrink, 1)           \
    X(resize_in_place, 1)  \
    X(dealloc, 0)          \
    X(usable_size, 0)      \
    X(dealloc_unsized, 0)  \
    X(owns, 0)             \
    X(fork_prepare, 0)     \
    X(fork_parent, 0)      \
    X(fork_child, 0)       \
    X(alloc_natural, 0)

static struct dal_instance next;

static int fill_layer(const struct dal_allocator *layer, char *message, size_t message_bytes)
{
    struct dal_text_ why = dal_text_over_(message, message_bytes);

    return dal_instance_fill_(&instance, layer, &next, "layer+next", &why);
}

static void make_next(const struct dal_allocator *allocator)
{
    ck_assert_int_eq(dal_instance_init(&next, sizeof next, allocator, "next"), 0);
}

START_TEST(test_layer_that_hooks_nothing_is_the_next_one_pair_by_pair)
{
    const struct dal_allocator nothing = {DAL_ALLOCATOR_HEADER(&instance), .alloc = NULL};
    const struct dal_allocator *const allocators[] = {&two_functions, &complete};
    char message[256];

    for (size_t i = 0; i < COUNT_OF(allocators); i++) {
        make_next(allocators[i]);
        ck_assert_int_eq(fill_layer(&nothing, message, sizeof message), 0);
#define EXPECT_NEXT(slot, sizing)                                      \
        ck_assert_msg(instance.slot.call == next.slot.call &&          \
                      instance.slot.ctx == next.slot.ctx, "%s", #slot);
        SLOTS(EXPECT_NEXT)
        ck_assert_uint_eq(instance.native, next.native);
    }
}
END_TEST

START_TEST(test_layer_has_its_own_pair_in_each_slot_that_it_hooks)
{
    struct dal_allocator layer = complete;
    char message[256];

    layer.ctx = &layer;
    make_next(&two_functions);
    ck_assert_int_eq(fill_layer(&layer, message, sizeof message), 0);
#define EXPECT_OWN(slot, sizing)                                        \
    ck_assert_msg(instance.slot.call == complete.slot &&                \
                  instance.slot.ctx == &layer, "%s", #slot);
    SLOTS(EXPECT_OWN)
    ck_assert_uint_eq(instance.native, (1u << 12) - 1);
}
END_TEST

START_TEST(test_natural_slot_that_is_missing_is_that_of_alloc)
{
    struct dal_allocator allocator = complete;
    struct dal_allocator layer = complete;
    char message[256];

    allocator.alloc_natural = NULL;
    make_next(&allocator);
    ck_assert(next.alloc_natural.call == trace_alloc && next.alloc_natural.ctx == &trace);

    /* Not the next one's, by which blocks would pass the layer. */
    layer.ctx = &layer;
    layer.alloc_natural = NULL;
    make_next(&complete);
    ck_assert_int_eq(fill_layer(&layer, message, sizeof message), 0);
    ck_assert(instance.alloc_natural.call == trace_alloc && instance.alloc_natural.ctx == &layer);
}
END_TEST

START_TEST(test_layer_that_hooks_alloc_natural_alone_is_refused)
{
    struct dal_allocator layer = {DAL_ALLOCATOR_HEADER(NULL), .alloc_natural = trace_alloc};
    char message[256];

    make_next(&complete);
    ck_assert_int_eq(fill_layer(&layer, message, sizeof message), DAL_ERR_INCOMPLETE);
    ck_assert_str_eq(message, "it hooks alloc_natural but not alloc");
}
END_TEST

/* A block that passed it by on the way in would be a surprise on the way out. */
START_TEST(test_layer_that_hooks_alloc_hooks_whatever_creates_or_resizes)
{
    char message[256], wanted[256];
    struct dal_allocator layer = complete;

    layer.alloc_natural = NULL;
    make_next(&complete);
#define EXPECT_REFUSAL(slot_, sizing)                                                     \
    layer.slot_ = NULL;                                                                   \
    if ((sizing) && strcmp(#slot_, "alloc") != 0) {                                       \
        ck_assert_int_eq(fill_layer(&layer, message, sizeof message), DAL_ERR_INCOMPLETE); \
        snprintf(wanted, sizeof wanted, "it hooks alloc but not %s", #slot_);             \
        ck_assert_str_eq(message, wanted);                                                \
    } else {                                                                              \
        ck_assert_int_eq(fill_layer(&layer, message, sizeof message), 0);                 \
    }                                                                                     \
    layer.slot_ = complete.slot_;
    SLOTS(EXPECT_REFUSAL)
}
END_TEST

START_TEST(test_layer_that_hooks_dealloc_alone_switches_unsized_freeing_off)
{
    struct dal_allocator layer = {DAL_ALLOCATOR_HEADER(&instance), .dealloc = trace_dealloc};
    char message[256];

    make_next(&complete);
    ck_assert(next.native & DAL_SLOT_DEALLOC_UNSIZED);
    ck_assert_int_eq(fill_layer(&layer, message, sizeof message), 0);
    ck_assert(!(instance.native & DAL_SLOT_DEALLOC_UNSIZED));
    ck_assert(instance.dealloc_unsized.call == dal_derived_dealloc_unsized_);
    ck_assert_ptr_eq(instance.dealloc_unsized.ctx, &instance);
    ck_assert_uint_eq(instance.native, next.native & ~(uint32_t)DAL_SLOT_DEALLOC_UNSIZED);

    layer.dealloc_unsized = dealloc_unsized;
    ck_assert_int_eq(fill_layer(&layer, message, sizeof message), 0);
    ck_assert_uint_eq(instance.native, next.native);
}
END_TEST

/* The next one's derived functions keep working on the next one. */
START_TEST(test_layer_over_derived_slots_calls_the_next_one)
{
    struct dal_allocator layer = {DAL_ALLOCATOR_HEADER(NULL), .usable_size = usable_size};
    char message[256];
    void *block;

    memset(&trace, 0, sizeof trace);
    make_next(&two_functions);
    ck_assert_int_eq(fill_layer(&layer, message, sizeof message), 0);
    block = dal_instance_alloc_zeroed(&instance, 10, 2);
    block = dal_instance_grow(&instance, block, 10, 2, 20, 4);
    dal_instance_dealloc(&instance, block, 20, 4);
    expect_calls("alloc(10,2) alloc(20,4) dealloc(10,2) dealloc(20,4) ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("instance");
    TCase *ages = tcase_create("ages");
    TCase *derived = tcase_create("derived");
    TCase *layers = tcase_create("layers");
    SRunner *runner;
    int failed;

    tcase_add_test(ages, test_shorter_structure_is_filled_up_from_its_two_functions);
    tcase_add_test(ages, test_what_lies_behind_a_shorter_structure_is_not_looked_at);
    tcase_add_test(ages, test_longer_structure_is_accepted_while_what_is_unknown_is_zero);
    tcase_add_test(ages, test_another_version_is_refused_with_both_numbers);
    tcase_add_test(ages, test_allocator_needs_alloc_and_dealloc);
    tcase_add_test(ages, test_storage_of_an_older_program_is_too_small);
    suite_add_tcase(suite, ages);

    tcase_add_test(derived, test_derived_alloc_zeroed_is_alloc_and_zeros);
    tcase_add_test(derived, test_derived_realloc_moves_what_both_sizes_hold);
    tcase_add_test(derived, test_failed_derived_resize_leaves_the_block);
    tcase_add_test(derived, test_derived_grow_goes_through_realloc_while_the_alignment_stays);
    tcase_add_test(derived, test_derived_grow_zeroed_zeros_the_new_bytes_only);
    tcase_add_test(derived, test_what_cannot_be_derived_says_so);
    suite_add_tcase(suite, derived);

    tcase_add_test(layers, test_layer_that_hooks_nothing_is_the_next_one_pair_by_pair);
    tcase_add_test(layers, test_natural_slot_that_is_missing_is_that_of_alloc);
    tcase_add_test(layers, test_layer_that_hooks_alloc_natural_alone_is_refused);
    tcase_add_test(layers, test_layer_has_its_own_pair_in_each_slot_that_it_hooks);
    tcase_add_test(layers, test_layer_that_hooks_alloc_hooks_whatever_creates_or_resizes);
    tcase_add_test(layers, test_layer_that_hooks_dealloc_alone_switches_unsized_freeing_off);
    tcase_add_test(layers, test_layer_over_derived_slots_calls_the_next_one);
    suite_add_tcase(suite, layers);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
