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

#include "chain/instance.h"
#include "suite.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- An allocator that writes down how it is called ---------------------------------------- */

static struct trace {
    char calls[256]; /* "alloc(16,8) dealloc(16,8) " */
    int refuses;     /* alloc gives NULL */
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
    DAL_ALLOCATOR_HEADER(&trace),
    .alloc = trace_alloc,
    .dealloc = trace_dealloc,
};
static const struct dal_allocator with_realloc = {
    DAL_ALLOCATOR_HEADER(&trace),
    .alloc = trace_alloc,
    .dealloc = trace_dealloc,
    .realloc = trace_realloc,
};
static const struct dal_allocator with_grow = {
    DAL_ALLOCATOR_HEADER(&trace),
    .alloc = trace_alloc,
    .dealloc = trace_dealloc,
    .grow = trace_grow,
};

/* What is looked at, with the slots behind its head. */
static struct dal_table_ table;
static const struct dal_instance *const traced = &table.head;

static void begin(const struct dal_allocator *allocator)
{
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);

    memset(&trace, 0, sizeof trace);
    ck_assert_int_eq(dal_instance_fill_(&table, allocator, NULL, "traced", &nowhere), 0);
}

static void expect_calls(const char *calls)
{
    ck_assert_str_eq(trace.calls, calls);
    trace.calls[0] = '\0';
}

/* A block whose bytes are 0, 1, 2, ... */
static unsigned char *numbered_block(size_t size, size_t align)
{
    unsigned char *block = dal_instance_alloc(traced, size, align);

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
    struct dal_table_ before;
    int error;

    memset(&table, 0x5a, sizeof table);
    before = table;
    error = dal_instance_fill_(&table, allocator, NULL, "x", &why);
    ck_assert_msg(!error || memcmp(&before, &table, sizeof before) == 0,
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
    ck_assert_uint_eq(traced->native, DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC);
    ck_assert_ptr_null(table.tail.malloc_family);

    ck_assert_int_eq(fill_cut(&two_functions, LEAST_BYTES - 1, message, sizeof message),
                     DAL_ERR_ABI);
    snprintf(wanted, sizeof wanted,
             "its struct dal_allocator has %zu bytes, libdispatchalloc " PACKAGE_VERSION
             " knows %zu and needs %zu",
             LEAST_BYTES - 1, sizeof(struct dal_allocator), LEAST_BYTES);
    ck_assert_str_eq(message, wanted);
    ck_assert_int_eq(fill_cut(&two_functions, 8, message, sizeof message), DAL_ERR_ABI);
    for (uint32_t past = 1; past < sizeof(void *); past++) {
        ck_assert_int_eq(
            fill_cut(&two_functions, (uint32_t)(LEAST_BYTES + past), message, sizeof message),
            DAL_ERR_ABI);
        snprintf(wanted, sizeof wanted,
                 "its struct dal_allocator has %zu bytes, libdispatchalloc " PACKAGE_VERSION
                 " knows %zu, and a shorter one has a multiple of %zu",
                 LEAST_BYTES + past, sizeof(struct dal_allocator), sizeof(void *));
        ck_assert_str_eq(message, wanted);
    }
}
END_TEST

/* A slot that ends beyond the structure is not read, not even if memory is there. */
START_TEST(test_what_lies_behind_a_shorter_structure_is_not_looked_at)
{
    struct dal_allocator older = with_realloc;
    char message[256];

    older.size_bytes = offsetof(struct dal_allocator, realloc);
    ck_assert_int_eq(fill(&older, message, sizeof message), 0);
    ck_assert_uint_eq(traced->native, DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC);
    ck_assert(traced->realloc.call == dal_derived_realloc_);
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
                 "its struct dal_allocator has %zu bytes, libdispatchalloc " PACKAGE_VERSION
                 " knows %zu and the rest is "
                 "not zero",
                 sizeof later, sizeof later.known);
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
    ck_assert_str_eq(message,
                     "its struct dal_allocator has version 2, libdispatchalloc " PACKAGE_VERSION
                     " knows 1");
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

START_TEST(test_storage_of_a_program_has_room_for_more_slots)
{
    struct dal_instance_storage storage;

    ck_assert_int_eq(dal_instance_init(&storage, &two_functions, NULL), 0);
    ck_assert_str_eq(storage.instance.name, "custom");
    ck_assert_uint_ge(sizeof storage,
                      sizeof(struct dal_table_) + 32 * sizeof(struct dal_alloc_slot));
}
END_TEST

/* ---- A malloc family of another age ---------------------------------------------------------- */

/* Not every C library has the last two. */
static void *family_aligned_alloc(size_t align, size_t size)
{
    (void)align;
    (void)size;
    return NULL;
}

static size_t family_usable_size(void *ptr)
{
    (void)ptr;
    return 0;
}

static const struct dal_malloc_family family = {
    .abi = DAL_ALLOCATOR_ABI,
    .size_bytes = sizeof family,
    .malloc_function = malloc,
    .free_function = free,
    .calloc_function = calloc,
    .realloc_function = realloc,
    .memalign_function = family_aligned_alloc,
    .usable_size_function = family_usable_size,
};

struct later_family {
    struct dal_malloc_family known;
    unsigned char unknown[16];
};

/* Without what is optional. */
#define FAMILY_BYTES_LEAST offsetof(struct dal_malloc_family, make_function)

static int fill_family(const struct dal_malloc_family *with, char *message, size_t message_bytes)
{
    struct dal_allocator allocator = two_functions;

    allocator.malloc_family = with;
    return fill(&allocator, message, message_bytes);
}

START_TEST(test_family_of_another_version_or_size_is_refused)
{
    struct dal_malloc_family other = family;
    char message[256], wanted[256];

    other.abi = 9;
    ck_assert_int_eq(fill_family(&other, message, sizeof message), DAL_ERR_ABI);
    ck_assert_str_eq(message,
                     "its struct dal_malloc_family has version 9, libdispatchalloc " PACKAGE_VERSION
                     " knows 1");
    other = family;
    other.size_bytes = FAMILY_BYTES_LEAST - 1;
    ck_assert_int_eq(fill_family(&other, message, sizeof message), DAL_ERR_ABI);
    snprintf(wanted, sizeof wanted,
             "its struct dal_malloc_family has %zu bytes, libdispatchalloc " PACKAGE_VERSION
             " knows %zu and needs %zu",
             FAMILY_BYTES_LEAST - 1, sizeof other, FAMILY_BYTES_LEAST);
    ck_assert_str_eq(message, wanted);
    other = family;
    other.size_bytes = FAMILY_BYTES_LEAST;
    ck_assert_int_eq(fill_family(&other, message, sizeof message), 0);
    ck_assert_ptr_null(table.tail.malloc_family->make_function);
    other = family;
    other.usable_size_function = NULL;
    ck_assert_int_eq(fill_family(&other, message, sizeof message), DAL_ERR_INCOMPLETE);
    ck_assert_str_eq(message, "its malloc family lacks a function");
}
END_TEST

START_TEST(test_longer_family_is_taken_while_what_is_unknown_is_zero)
{
    struct later_family later = {.known = family};
    char message[256];

    later.known.size_bytes = sizeof later;
    ck_assert_int_eq(fill_family(&later.known, message, sizeof message), 0);
    ck_assert_ptr_nonnull(table.tail.malloc_family);
    ck_assert(table.tail.malloc_family->malloc_function == malloc);
    later.unknown[3] = 1;
    ck_assert_int_eq(fill_family(&later.known, message, sizeof message), DAL_ERR_ABI);
}
END_TEST

/* ---- What is derived ------------------------------------------------------------------------- */

START_TEST(test_derived_alloc_zeroed_is_alloc_and_zeros)
{
    unsigned char *block;

    begin(&two_functions);
    block = dal_instance_alloc_zeroed(traced, 100, 16);
    expect_calls("alloc(100,16) ");
    for (size_t i = 0; i < 100; i++)
        ck_assert_uint_eq(block[i], 0);
    ck_assert_uint_eq(block[100], 0);
    ck_assert_ptr_nonnull(dal_instance_alloc_zeroed(traced, 0, 8));
    trace.refuses = 1;
    ck_assert_ptr_null(dal_instance_alloc_zeroed(traced, 100, 16));
}
END_TEST

START_TEST(test_derived_realloc_moves_what_both_sizes_hold)
{
    unsigned char *block, *moved;

    begin(&two_functions);
    block = numbered_block(20, 8);
    moved = dal_instance_realloc(traced, block, 20, 8, 50);
    expect_calls("alloc(50,8) dealloc(20,8) ");
    ck_assert_ptr_ne(moved, block);
    expect_numbers(moved, 20);
    ck_assert_uint_eq(moved[20], 0xa5);

    block = dal_instance_realloc(traced, moved, 50, 8, 7);
    expect_calls("alloc(7,8) dealloc(50,8) ");
    expect_numbers(block, 7);

    ck_assert_ptr_nonnull(dal_instance_realloc(traced, block, 7, 8, 0));
    expect_calls("alloc(0,8) dealloc(7,8) ");
    ck_assert_ptr_nonnull(dal_instance_realloc(traced, NULL, 0, 4, 12));
    expect_calls("alloc(12,4) ");
}
END_TEST

START_TEST(test_failed_derived_resize_leaves_the_block)
{
    unsigned char *block;

    begin(&two_functions);
    block = numbered_block(20, 8);
    trace.refuses = 1;
    ck_assert_ptr_null(dal_instance_realloc(traced, block, 20, 8, 50));
    ck_assert_ptr_null(dal_instance_realloc(traced, block, 20, 8, 5));
    ck_assert_ptr_null(dal_instance_grow(traced, block, 20, 8, 50, 8));
    ck_assert_ptr_null(dal_instance_grow(traced, block, 20, 8, 50, 16));
    ck_assert_ptr_null(dal_instance_grow_zeroed(traced, block, 20, 8, 50, 64));
    ck_assert_ptr_null(dal_instance_shrink(traced, block, 20, 8, 5, 4));
    expect_calls("alloc(50,8) alloc(5,8) alloc(50,8) alloc(50,16) alloc(50,64) alloc(5,4) ");
    expect_numbers(block, 20);
}
END_TEST

START_TEST(test_derived_grow_goes_through_realloc_while_the_alignment_stays)
{
    unsigned char *block, *moved;

    begin(&with_realloc);
    block = numbered_block(20, 8);
    ck_assert_ptr_eq(dal_instance_grow(traced, block, 20, 8, 30, 8), block);
    ck_assert_ptr_eq(dal_instance_shrink(traced, block, 30, 8, 20, 8), block);
    expect_calls("realloc(20,8,30) realloc(30,8,20) ");

    moved = dal_instance_grow(traced, block, 20, 8, 30, 64);
    expect_calls("alloc(30,64) dealloc(20,8) ");
    expect_numbers(moved, 20);
    block = dal_instance_shrink(traced, moved, 30, 64, 10, 2);
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
        block = dal_instance_grow_zeroed(traced, block, 20, 8, 40, 8);
        expect_calls(calls[i]);
        expect_numbers(block, 20);
        for (size_t j = 20; j < 40; j++)
            ck_assert_uint_eq(block[j], 0);
        /* Nothing new, nothing to zero. */
        block[39] = 7;
        block = dal_instance_grow_zeroed(traced, block, 40, 8, 40, 8);
        ck_assert_uint_eq(block[39], 7);
    }
}
END_TEST

START_TEST(test_what_cannot_be_derived_says_so)
{
    unsigned char *block;

    begin(&two_functions);
    block = numbered_block(20, 8);
    ck_assert_int_eq(dal_instance_resize_in_place(traced, block, 20, 8, 20), 0);
    ck_assert_int_eq(dal_instance_resize_in_place(traced, block, 20, 8, 21), DAL_ERR_UNSUPPORTED);
    ck_assert_int_eq(dal_instance_resize_in_place(traced, block, 20, 8, 19), DAL_ERR_UNSUPPORTED);
    ck_assert_uint_eq(dal_instance_usable_size(traced, block, 20, 8), 20);
    ck_assert_int_eq(dal_instance_owns(traced, block), DAL_ERR_UNSUPPORTED);
    dal_instance_dealloc_unsized(traced, NULL);
    table.tail.fork_prepare.call(dal_tail_ctx_(traced, table.tail.fork_prepare.ctx));
    table.tail.fork_parent.call(dal_tail_ctx_(traced, table.tail.fork_parent.ctx));
    table.tail.fork_child.call(dal_tail_ctx_(traced, table.tail.fork_child.ctx));
    expect_calls("");
    expect_numbers(block, 20);
}
END_TEST

/* ---- Layers ---------------------------------------------------------------------------------- */

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

/* Every slot, and whether a layer that hooks alloc needs it. */
#define SLOTS(X)          \
    X(alloc, 1)           \
    X(alloc_zeroed, 1)    \
    X(realloc, 1)         \
    X(grow, 1)            \
    X(grow_zeroed, 1)     \
    X(shrink, 1)          \
    X(resize_in_place, 1) \
    X(dealloc, 0)         \
    X(usable_size, 0)     \
    X(dealloc_unsized, 0) \
    X(owns, 0)            \
    X(fork_prepare, 0)    \
    X(fork_parent, 0)     \
    X(fork_child, 0)      \
    X(alloc_natural, 0)

static struct dal_table_ next_table;
static const struct dal_instance *const next = &next_table.head;


static int fill_layer(const struct dal_allocator *layer, char *message, size_t message_bytes)
{
    struct dal_text_ why = dal_text_over_(message, message_bytes);

    return dal_instance_fill_(&table, layer, next, "layer+next", &why);
}

static void make_next(const struct dal_allocator *allocator)
{
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);

    ck_assert_int_eq(dal_instance_fill_(&next_table, allocator, NULL, "next", &nowhere), 0);
}

START_TEST(test_layer_that_hooks_nothing_is_the_next_one_pair_by_pair)
{
    const struct dal_allocator nothing = {DAL_ALLOCATOR_HEADER(&table), .alloc = NULL};
    const struct dal_allocator *const allocators[] = {&two_functions, &complete};
    char message[256];

    for (size_t i = 0; i < COUNT_OF(allocators); i++) {
        make_next(allocators[i]);
        ck_assert_int_eq(fill_layer(&nothing, message, sizeof message), 0);
#define EXPECT_NEXT(slot, own, wanted)                                                         \
    ck_assert_msg(own.call == wanted.call && own.ctx == dal_tail_ctx_(next, wanted.ctx), "%s", \
                  #slot);
#define NEXT_HEAD(slot, ...) EXPECT_NEXT(slot, table.head.slot, next_table.head.slot)
#define NEXT_TAIL(slot, ...) EXPECT_NEXT(slot, table.tail.slot, next_table.tail.slot)
        DAL_SLOTS_(NEXT_HEAD, NEXT_TAIL, NEXT_TAIL)
        NEXT_HEAD(alloc_natural)
        ck_assert_uint_eq(traced->native, next->native);
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
#define EXPECT_OWN(slot, own) \
    ck_assert_msg(own.call == complete.slot && own.ctx == &layer, "%s", #slot);
#define OWN_HEAD(slot, ...) EXPECT_OWN(slot, table.head.slot)
#define OWN_TAIL(slot, ...) EXPECT_OWN(slot, table.tail.slot)
    DAL_SLOTS_(OWN_HEAD, OWN_TAIL, OWN_TAIL)
    OWN_HEAD(alloc_natural)
    ck_assert_uint_eq(traced->native, (1u << 12) - 1);
}
END_TEST

START_TEST(test_natural_slot_that_is_missing_is_that_of_alloc)
{
    struct dal_allocator allocator = complete;
    struct dal_allocator layer = complete;
    char message[256];

    allocator.alloc_natural = NULL;
    make_next(&allocator);
    ck_assert(next->alloc_natural.call == trace_alloc && next->alloc_natural.ctx == &trace);

    /* Not the next one's, by which blocks would pass the layer. */
    layer.ctx = &layer;
    layer.alloc_natural = NULL;
    make_next(&complete);
    ck_assert_int_eq(fill_layer(&layer, message, sizeof message), 0);
    ck_assert(traced->alloc_natural.call == trace_alloc && traced->alloc_natural.ctx == &layer);
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
#define EXPECT_REFUSAL(slot_, sizing)                                                      \
    layer.slot_ = NULL;                                                                    \
    if ((sizing) && strcmp(#slot_, "alloc") != 0) {                                        \
        ck_assert_int_eq(fill_layer(&layer, message, sizeof message), DAL_ERR_INCOMPLETE); \
        snprintf(wanted, sizeof wanted, "it hooks alloc but not %s", #slot_);              \
        ck_assert_str_eq(message, wanted);                                                 \
    } else {                                                                               \
        ck_assert_int_eq(fill_layer(&layer, message, sizeof message), 0);                  \
    }                                                                                      \
    layer.slot_ = complete.slot_;
    SLOTS(EXPECT_REFUSAL)
}
END_TEST

/* A layer that was compiled before a slot that makes blocks was there: it is derived, and not the
 * next one's, by which blocks would pass the layer. */
START_TEST(test_layer_that_is_older_than_a_slot_has_it_derived)
{
    struct dal_allocator layer = complete;
    char message[256];

    layer.size_bytes = offsetof(struct dal_allocator, grow);
    layer.ctx = &layer;
    make_next(&complete);
    ck_assert_int_eq(fill_layer(&layer, message, sizeof message), 0);
    ck_assert(table.tail.grow.call == dal_derived_grow_);
    ck_assert(table.tail.grow_zeroed.call == dal_derived_grow_zeroed_);
    ck_assert(table.tail.shrink.call == dal_derived_shrink_);
    ck_assert(table.tail.resize_in_place.call == dal_derived_resize_in_place_);
    ck_assert(table.head.alloc_natural.call == complete.alloc &&
              table.head.alloc_natural.ctx == &layer);
    ck_assert(table.tail.owns.call == complete.owns);
    ck_assert_uint_eq(traced->native & (DAL_SLOTS_SIZING | DAL_SLOT_OWNS),
                      DAL_SLOT_ALLOC | DAL_SLOT_ALLOC_ZEROED | DAL_SLOT_REALLOC | DAL_SLOT_OWNS);
}
END_TEST

START_TEST(test_layer_that_hooks_dealloc_alone_switches_unsized_freeing_off)
{
    struct dal_allocator layer = {DAL_ALLOCATOR_HEADER(&table), .dealloc = trace_dealloc};
    char message[256];

    make_next(&complete);
    ck_assert(next->native & DAL_SLOT_DEALLOC_UNSIZED);
    ck_assert_int_eq(fill_layer(&layer, message, sizeof message), 0);
    ck_assert(!(traced->native & DAL_SLOT_DEALLOC_UNSIZED));
    ck_assert(table.tail.dealloc_unsized.call == dal_derived_dealloc_unsized_);
    ck_assert_ptr_eq(dal_tail_ctx_(traced, table.tail.dealloc_unsized.ctx), traced);
    ck_assert_uint_eq(traced->native, next->native & ~DAL_SLOT_DEALLOC_UNSIZED);

    layer.dealloc_unsized = dealloc_unsized;
    ck_assert_int_eq(fill_layer(&layer, message, sizeof message), 0);
    ck_assert_uint_eq(traced->native, next->native);
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
    block = dal_instance_alloc_zeroed(traced, 10, 2);
    block = dal_instance_grow(traced, block, 10, 2, 20, 4);
    dal_instance_dealloc(traced, block, 20, 4);
    expect_calls("alloc(10,2) alloc(20,4) dealloc(10,2) dealloc(20,4) ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("instance");
    TCase *ages = tcase_create("ages");
    TCase *derived = tcase_create("derived");
    TCase *layers = tcase_create("layers");

    tcase_add_test(ages, test_shorter_structure_is_filled_up_from_its_two_functions);
    tcase_add_test(ages, test_what_lies_behind_a_shorter_structure_is_not_looked_at);
    tcase_add_test(ages, test_longer_structure_is_accepted_while_what_is_unknown_is_zero);
    tcase_add_test(ages, test_another_version_is_refused_with_both_numbers);
    tcase_add_test(ages, test_allocator_needs_alloc_and_dealloc);
    tcase_add_test(ages, test_storage_of_a_program_has_room_for_more_slots);
    tcase_add_test(ages, test_family_of_another_version_or_size_is_refused);
    tcase_add_test(ages, test_longer_family_is_taken_while_what_is_unknown_is_zero);
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
    tcase_add_test(layers, test_layer_that_is_older_than_a_slot_has_it_derived);
    tcase_add_test(layers, test_layer_that_hooks_dealloc_alone_switches_unsized_freeing_off);
    tcase_add_test(layers, test_layer_over_derived_slots_calls_the_next_one);
    suite_add_tcase(suite, layers);
    return suite_run(suite);
}
