/* SPDX-License-Identifier: MIT */
/* Arena handles: blocks, growth, checkpoints, limits, and what happens when the child has
 * no more. The child keeps the books (counting.h), so that every chunk is accounted for. */
#include <config.h>

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

#include "counting.h"
#include "suite.h"

static struct counting child;
static struct dal_arena arena;

/* Bytes that a chunk has in front of its blocks, which go by the size of pointers. */
static size_t header;

static void measure_header(void)
{
    struct dal_arena other = DAL_ARENA_INIT;
    struct dal_arena_stats known;

    ck_assert_ptr_nonnull(dal_arena_alloc(&other, 8, 8));
    dal_arena_stats_read(&other, &known);
    header = known.reserved_bytes - known.used_bytes - known.free_bytes;
    dal_arena_destroy(&other);
}

static void make(const struct dal_arena_options *base)
{
    struct dal_arena_options options = *base;

    options.child = &child.storage.instance;
    ck_assert_int_eq(dal_arena_init(&arena, &options), 0);
}

static void setup(void)
{
    measure_header();
    counting_init(&child);
    make(&(struct dal_arena_options){.chunk_bytes = 0});
}

/* Whatever a test did: all that was taken goes back. */
static void teardown(void)
{
    dal_arena_destroy(&arena);
    ck_assert_uint_eq(atomic_load(&child.live_blocks), 0);
    ck_assert_uint_eq(atomic_load(&child.live_bytes), 0);
}

static struct dal_arena_stats stats(void)
{
    struct dal_arena_stats known;

    dal_arena_stats_read(&arena, &known);
    ck_assert_uint_eq(known.reserved_bytes, atomic_load(&child.live_bytes));
    return known;
}

static size_t requests(void)
{
    return atomic_load(&child.requests);
}

static int is_aligned(const void *ptr, size_t align)
{
    return ((uintptr_t)ptr & (align - 1)) == 0;
}

static int is_all(const void *ptr, unsigned char value, size_t size)
{
    const unsigned char *bytes = ptr;

    return size == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static char *filled(size_t size, size_t align, int value)
{
    char *ptr = dal_arena_alloc(&arena, size, align);

    ck_assert_ptr_nonnull(ptr);
    ck_assert(is_aligned(ptr, align));
    return memset(ptr, value, size);
}

/* ---- Blocks ---------------------------------------------------------------------- */

START_TEST(test_nothing_is_taken_before_the_first_block)
{
    ck_assert_uint_eq(requests(), 0);
    ck_assert_uint_eq(stats().chunk_count, 0);
    (void)filled(1, 1, 0);
    ck_assert_uint_eq(requests(), 1);
    ck_assert_uint_eq(stats().chunk_count, 1);
    ck_assert_uint_eq(stats().reserved_bytes, 4096);
}
END_TEST

START_TEST(test_an_arena_of_zeros_grows_from_the_system)
{
    static struct dal_arena zeros = DAL_ARENA_INIT;
    struct dal_arena_stats known;
    char *block = dal_arena_alloc(&zeros, 100000, 64);

    ck_assert_ptr_nonnull(block);
    ck_assert(is_aligned(block, 64));
    memset(block, 1, 100000);
    for (int i = 0; i < 1000; i++)
        ck_assert_ptr_nonnull(memset(dal_arena_new(&zeros, long), 2, sizeof(long)));
    ck_assert(is_all(block, 1, 100000));
    dal_arena_stats_read(&zeros, &known);
    ck_assert_uint_ge(known.used_bytes, 100000 + 1000 * sizeof(long));
    dal_arena_destroy(&zeros);
    dal_arena_stats_read(&zeros, &known);
    ck_assert_uint_eq(known.reserved_bytes, 0);
    ck_assert_ptr_nonnull(dal_arena_new(&zeros, long)); /* as good as new */
    dal_arena_destroy(&zeros);
    dal_arena_destroy(NULL);
}
END_TEST

START_TEST(test_small_blocks_lie_side_by_side)
{
    char *first = filled(64, 8, 1);

    ck_assert_uint_le(header, sizeof(void *) == 8 ? 48 : 32);
    ck_assert_ptr_eq(filled(64, 16, 2), first + 64);
    ck_assert_ptr_eq(filled(1, 1, 3), first + 128);
    ck_assert_ptr_eq(filled(8, 8, 4), first + 136);
    ck_assert_ptr_eq(filled(16, 16, 4), first + 144);
    ck_assert_uint_eq(stats().used_bytes, 160);
    ck_assert_uint_eq(stats().free_bytes, 4096 - header - 160);
}
END_TEST

START_TEST(test_every_alignment_is_served)
{
    for (size_t align = 1; align <= (size_t)1 << 22; align *= 2) {
        char *small = filled(3, align, 1);
        char *large = filled(5000, align, 2);
        char *next = filled(3, align, 3);

        ck_assert(is_all(small, 1, 3));
        ck_assert(is_all(large, 2, 5000));
        ck_assert(is_all(next, 3, 3));
    }
}
END_TEST

START_TEST(test_empty_blocks_are_distinct_aligned_and_inside)
{
    for (size_t align = 1; align <= 8192; align *= 2) {
        char *one = dal_arena_alloc(&arena, 0, align);
        char *two = dal_arena_alloc_zeroed(&arena, 0, align);

        ck_assert_ptr_nonnull(one);
        ck_assert_ptr_nonnull(two);
        ck_assert_ptr_ne(one, two);
        ck_assert(is_aligned(one, align) && is_aligned(two, align));
        ck_assert_int_eq(dal_arena_owns(&arena, one), 1);
        dal_arena_dealloc(&arena, two, 0, align);
        if (align <= 1024) /* larger ones have chunks of their own */
            ck_assert_ptr_eq(dal_arena_alloc(&arena, 0, align), two);
    }
}
END_TEST

START_TEST(test_zeroed_blocks_are_zero_in_memory_that_was_not)
{
    static const size_t sizes[] = {1, 8, 100, 1000, 4000, 100000};

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            char *block = dal_arena_alloc_zeroed(&arena, sizes[i], 32);

            ck_assert_ptr_nonnull(block);
            ck_assert(is_aligned(block, 32));
            ck_assert(is_all(block, 0, sizes[i]));
            memset(block, 0x77, sizes[i]);
        }
        dal_arena_reset(&arena, DAL_ARENA_KEEP);
    }
}
END_TEST

START_TEST(test_sizes_and_alignments_near_the_end_of_numbers_give_null)
{
    char *block = filled(64, 8, 5);
    struct dal_arena_stats before = stats();
    const size_t top = (size_t)1 << (sizeof(size_t) * 8 - 1);

    for (size_t align = 1; align != 0; align *= 2) {
        const size_t sizes[] = {SIZE_MAX,    SIZE_MAX - 7, SIZE_MAX - align + 1, SIZE_MAX - align,
                                top,         top - 1,      top - align,          top / 2,
                                top / 2 - 1, top - 64};
        struct dal_arena_stats after;

        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            volatile size_t size = sizes[i];

            if (size < top / 4)
                continue;
            ck_assert_ptr_null(dal_arena_alloc(&arena, size, align));
            ck_assert_ptr_null(dal_arena_alloc_zeroed(&arena, size, align));
            ck_assert_ptr_null(dal_arena_realloc(&arena, block, 64, 8, size));
            ck_assert_int_ne(dal_arena_resize_in_place(&arena, block, 64, 8, size), 0);
            ck_assert_ptr_null(dal_arena_alloc_array(&arena, size, 2, 1));
            ck_assert_ptr_null(dal_arena_alloc_array(&arena, 2, size, 1));
        }
        if (align >= top / 4)
            ck_assert_ptr_null(dal_arena_alloc(&arena, 1, align));
        after = stats();
        ck_assert_mem_eq(&after, &before, sizeof after);
    }
    ck_assert(is_all(block, 5, 64));
    ck_assert_ptr_eq(filled(8, 8, 1), block + 64);
}
END_TEST

struct pair {
    double number;
    char letter;
};

START_TEST(test_typed_helpers_give_aligned_objects)
{
    struct pair *pair = dal_arena_new(&arena, struct pair);
    char *text = dal_arena_strdup(&arena, "a text");
    struct pair *zeroed = dal_arena_new_zeroed(&arena, struct pair);
    long *array = dal_arena_array_new(&arena, long, 100);
    long *copy;

    ck_assert(is_aligned(pair, _Alignof(struct pair)));
    ck_assert_str_eq(text, "a text");
    ck_assert(is_all(zeroed, 0, sizeof *zeroed));
    for (int i = 0; i < 100; i++)
        array[i] = i;
    copy = dal_arena_memdup(&arena, array, 100 * sizeof *array, _Alignof(long));
    ck_assert_mem_eq(copy, array, 100 * sizeof *array);
    ck_assert_ptr_nonnull(dal_arena_memdup(&arena, NULL, 0, 1));
    ck_assert_ptr_nonnull(dal_arena_array_new(&arena, long, 0));
    ck_assert_str_eq(text, "a text");
}
END_TEST

/* ---- Freeing and resizing -------------------------------------------------------- */

START_TEST(test_last_block_is_freed_and_older_ones_are_not)
{
    char *first = filled(20, 1, 1);
    char *second = filled(30, 8, 2);

    dal_arena_dealloc(&arena, first, 20, 1);
    ck_assert_ptr_eq(filled(1, 1, 3), second + 32);
    dal_arena_dealloc(&arena, second + 32, 1, 1);
    dal_arena_dealloc(&arena, second, 30, 8);
    dal_arena_dealloc(&arena, NULL, 30, 8);
    ck_assert_ptr_eq(filled(4, 4, 4), second);
    ck_assert(is_all(first, 1, 20));
}
END_TEST

START_TEST(test_last_block_grows_and_shrinks_in_place)
{
    char *block = filled(20, 4, 1);

    ck_assert_ptr_eq(dal_arena_realloc(&arena, block, 20, 4, 2000), block);
    memset(block + 20, 1, 1980);
    ck_assert_uint_eq(stats().used_bytes, 2000);
    ck_assert_ptr_eq(dal_arena_realloc(&arena, block, 2000, 4, 33), block);
    ck_assert_uint_eq(stats().used_bytes, 40);
    ck_assert_int_eq(dal_arena_resize_in_place(&arena, block, 33, 4, 100), 0);
    ck_assert_uint_eq(stats().used_bytes, 104);
    ck_assert_int_eq(dal_arena_resize_in_place(&arena, block, 100, 4, 4096 - header), 0);
    ck_assert_int_eq(dal_arena_resize_in_place(&arena, block, 4096 - header, 4, 4097 - header),
                     DAL_ERR_UNSUPPORTED);
    ck_assert_ptr_eq(dal_arena_realloc(&arena, block, 4096 - header, 4, 0), block);
    ck_assert_ptr_eq(filled(1, 1, 2), block + 8);
    ck_assert_uint_eq(requests(), 1);
}
END_TEST

START_TEST(test_older_block_shrinks_in_place_and_grows_by_a_copy)
{
    char *block = filled(100, 64, 1);
    char *other = filled(10, 1, 2);
    char *grown;

    ck_assert_int_eq(dal_arena_resize_in_place(&arena, block, 100, 64, 101), 0); /* rounding */
    ck_assert_int_eq(dal_arena_resize_in_place(&arena, block, 100, 64, 105), DAL_ERR_UNSUPPORTED);
    ck_assert_ptr_eq(dal_arena_realloc(&arena, block, 100, 64, 50), block);
    grown = dal_arena_realloc(&arena, block, 50, 64, 300);
    ck_assert_ptr_nonnull(grown);
    ck_assert_ptr_ne(grown, block);
    ck_assert(is_aligned(grown, 64));
    ck_assert(is_all(grown, 1, 50));
    ck_assert(is_all(other, 2, 10));
}
END_TEST

START_TEST(test_realloc_of_null_allocates)
{
    char *block = dal_arena_realloc(&arena, NULL, 0, 128, 10);

    ck_assert_ptr_nonnull(block);
    ck_assert(is_aligned(block, 128));
}
END_TEST

START_TEST(test_growing_last_block_leaves_a_full_chunk_without_loss)
{
    char *block = filled(1000, 8, 1);
    size_t size = 1000;

    for (; size < 100000; size *= 2) {
        block = dal_arena_realloc(&arena, block, size, 8, size * 2);
        ck_assert_ptr_nonnull(block);
        ck_assert(is_all(block, 1, size));
        memset(block, 1, size * 2);
    }
    /* Its own chunk, which grew with it, and the first one, empty again. */
    ck_assert_uint_eq(stats().chunk_count, 2);
    ck_assert_uint_eq(stats().used_bytes, size);
    ck_assert_uint_eq(stats().reserved_bytes, 4096 + size + header);
}
END_TEST

START_TEST(test_failed_realloc_leaves_block_intact)
{
    static const size_t aligns[] = {1, 16, 64, 8192};

    make(&(struct dal_arena_options){.chunk_bytes_max = 4096});
    for (size_t i = 0; i < 4; i++)
        for (size_t size = 10; size <= 20000; size *= 20) {
            char *block = filled(size, aligns[i], 7);
            struct dal_arena_stats before = stats(), after;

            child.limit_bytes = 1; /* nothing more */
            ck_assert_ptr_null(dal_arena_realloc(&arena, block, size, aligns[i], 500000));
            ck_assert_ptr_null(dal_arena_alloc(&arena, 500000, 1));
            ck_assert_ptr_null(dal_arena_alloc_zeroed(&arena, 500000, 1));
            after = stats();
            ck_assert_mem_eq(&after, &before, sizeof after);
            ck_assert(is_all(block, 7, size));
            child.limit_bytes = 0;
            block = dal_arena_realloc(&arena, block, size, aligns[i], 500000);
            ck_assert_ptr_nonnull(block);
            ck_assert(is_aligned(block, aligns[i]));
            ck_assert(is_all(block, 7, size));
        }
}
END_TEST

/* ---- Chunks ---------------------------------------------------------------------- */

START_TEST(test_oversized_block_does_not_waste_the_current_chunk)
{
    char *before = filled(64, 8, 1);
    char *large = filled(100000, 8, 2);
    char *after = filled(64, 8, 3);

    ck_assert_ptr_eq(after, before + 64);
    ck_assert(is_all(large, 2, 100000));
    ck_assert_uint_eq(stats().reserved_bytes, 4096 + 100000 + header);
    ck_assert_uint_eq(stats().used_bytes, 100128);
    ck_assert_uint_eq(stats().chunk_count, 2);
}
END_TEST

START_TEST(test_blocks_with_chunks_of_their_own_go_back_when_freed)
{
    char *small = filled(8, 8, 9);
    char *blocks[6];

    for (int i = 0; i < 6; i++)
        blocks[i] = filled(5000000, (size_t)16 << i, i);
    ck_assert_uint_eq(stats().chunk_count, 7);
    for (int i = 5; i >= 0; i--) {
        ck_assert(is_all(blocks[i], (unsigned char)i, 5000000));
        dal_arena_dealloc(&arena, blocks[i], 5000000, (size_t)16 << i);
        ck_assert_uint_eq(stats().chunk_count, (size_t)i + 1);
    }
    /* Not the newest, but among the newest few. */
    for (int i = 0; i < 3; i++)
        blocks[i] = filled(5000000, 8, i);
    dal_arena_dealloc(&arena, blocks[1], 5000000, 8);
    ck_assert_uint_eq(stats().chunk_count, 3);
    ck_assert(is_all(blocks[0], 0, 5000000));
    ck_assert(is_all(blocks[2], 2, 5000000));
    ck_assert_uint_eq(stats().reserved_bytes, 4096 + 2 * (5000000 + header));
    ck_assert(is_all(small, 9, 8));
}
END_TEST

START_TEST(test_two_large_arrays_that_grow_in_turn_waste_nothing)
{
    char *one = filled(2000, 8, 1);
    char *two = filled(2000, 64, 2); /* beyond what the child's realloc can keep */

    for (size_t size = 2000; size < 4000000; size *= 2) {
        one = dal_arena_realloc(&arena, one, size, 8, size * 2);
        two = dal_arena_realloc(&arena, two, size, 64, size * 2);
        ck_assert_ptr_nonnull(one);
        ck_assert_ptr_nonnull(two);
        ck_assert(is_aligned(two, 64));
        ck_assert(is_all(one, 1, size) && is_all(two, 2, size));
        memset(one, 1, size * 2);
        memset(two, 2, size * 2);
        ck_assert_uint_le(stats().reserved_bytes, 4 * size + 20000);
    }
    ck_assert_ptr_nonnull(one = dal_arena_realloc(&arena, one, 4096000, 8, 100));
    ck_assert(is_all(one, 1, 100));
    ck_assert_uint_le(stats().reserved_bytes, 4096000 + 20000);
}
END_TEST

START_TEST(test_chunks_grow_geometrically_to_a_cap)
{
    size_t last = 0, taken, cap = 0;

    for (int i = 0; i < 100000; i++) {
        (void)filled(100, 8, 1);
        taken = atomic_load(&child.live_bytes);
        if (taken == last)
            continue;
        ck_assert_uint_le(taken - last, (size_t)1 << 20);
        ck_assert(is_aligned((void *)(taken - last), 4096));
        ck_assert_uint_ge(taken - last, cap);
        cap = taken - last;
        last = taken;
    }
    ck_assert_uint_eq(cap, (size_t)1 << 20);
    ck_assert_uint_le(requests(), 8 + 10400000 / (1 << 20) + 1);
}
END_TEST

START_TEST(test_middling_blocks_share_chunks_in_the_end)
{
    for (int i = 0; i < 5000; i++)
        (void)filled(3000, 8, 1);
    ck_assert_uint_le(requests(), 40);
    ck_assert_uint_le(stats().reserved_bytes, 5000 * 3000 + (3 << 20));
}
END_TEST

START_TEST(test_chunk_sizes_are_those_of_the_options)
{
    teardown();
    make(&(struct dal_arena_options){.chunk_bytes = 1000, .chunk_bytes_max = 3000});
    (void)filled(1, 1, 1);
    ck_assert_uint_eq(stats().reserved_bytes, 1000);
    for (int i = 0; i < 125; i++)
        (void)filled(8, 8, 1);
    ck_assert_uint_eq(stats().reserved_bytes, 3000);
    for (int i = 0; i < 1000; i++)
        (void)filled(8, 8, 1);
    ck_assert_uint_eq(stats().reserved_bytes % 3000, 0);

    teardown();
    make(&(struct dal_arena_options){.chunk_bytes_max = 1}); /* raised to the least */
    (void)filled(1, 1, 1);
    ck_assert_uint_eq(stats().reserved_bytes, 256);
}
END_TEST

START_TEST(test_owns_blocks_and_nothing_else)
{
    char *small = filled(64, 8, 1);
    char *large = filled(100000, 8, 1);
    char on_stack;

    ck_assert_int_eq(dal_arena_owns(&arena, small + 63), 1);
    ck_assert_int_eq(dal_arena_owns(&arena, small + 64), 0);
    ck_assert_int_eq(dal_arena_owns(&arena, large + 99999), 1);
    ck_assert_int_eq(dal_arena_owns(&arena, &on_stack), 0);
    while (filled(64, 8, 1) && stats().chunk_count < 4)
        continue;
    ck_assert_int_eq(dal_arena_owns(&arena, small), 1);
}
END_TEST

/* ---- The caller's buffer --------------------------------------------------------- */

START_TEST(test_buffer_is_used_before_the_child)
{
    /* The first 8 bytes are the arena's. */
    static _Alignas(16) char whole[8 + 1024];
    char *buffer = whole + 8;

    make(&(struct dal_arena_options){.buffer = whole, .buffer_bytes = sizeof whole});
    ck_assert_ptr_eq(filled(512, 8, 1), buffer);
    ck_assert_ptr_eq(filled(512, 8, 2), buffer + 512);
    ck_assert_uint_eq(requests(), 0);
    (void)filled(1, 1, 3);
    ck_assert_uint_eq(requests(), 1);
    ck_assert(is_all(buffer, 1, 512) && is_all(buffer + 512, 2, 512));
    ck_assert_int_eq(dal_arena_owns(&arena, buffer), 1);
    ck_assert_uint_eq(stats().chunk_count, 2);
    dal_arena_reset(&arena, DAL_ARENA_FREE);
    ck_assert_uint_eq(atomic_load(&child.live_blocks), 0);
    ck_assert_ptr_eq(filled(8, 8, 1), buffer);
}
END_TEST

START_TEST(test_block_that_ends_at_the_buffer_is_not_its_last_one)
{
    static _Alignas(4096) char memory[16384 + 1024];
    static struct dal_fixed_arena below = DAL_FIXED_ARENA_INIT(memory, 16384);
    static const struct dal_allocator allocator = DAL_FIXED_ARENA_ALLOCATOR(&below);
    struct dal_instance_storage below_storage;
    struct dal_arena handle;
    char *block;

    ck_assert_int_eq(dal_instance_init(&below_storage, &allocator, NULL), 0);
    ck_assert_int_eq(
        dal_arena_init(&handle, &(struct dal_arena_options){.child = &below_storage.instance,
                                                            .buffer = memory + 16384,
                                                            .buffer_bytes = 1024}),
        0);
    /* Too large for the buffer: it has memory of its own, which ends where the buffer begins. */
    block = dal_arena_alloc(&handle, 4096, 8);
    ck_assert_ptr_nonnull(block);
    dal_arena_dealloc(&handle, block, 4096, 8);
    block = dal_arena_alloc(&handle, 8, 8);
    ck_assert(block >= memory + 16384 && block < memory + sizeof memory);
    dal_arena_destroy(&handle);
}
END_TEST

START_TEST(test_buffer_only_never_asks_the_child)
{
    static _Alignas(8) char buffer[256];

    make(&(struct dal_arena_options){
        .buffer = buffer, .buffer_bytes = sizeof buffer, .flags = DAL_ARENA_BUFFER_ONLY});
    for (int i = 0; i < 31; i++)
        (void)filled(8, 1, 1);
    ck_assert_ptr_null(dal_arena_alloc(&arena, 17, 1));
    ck_assert_ptr_null(dal_arena_alloc(&arena, 1000, 1));
    ck_assert_ptr_null(dal_arena_alloc_zeroed(&arena, 1, 4096 * 16));
    ck_assert_uint_eq(requests(), 0);
    dal_arena_reset(&arena, DAL_ARENA_FREE);
    ck_assert_ptr_nonnull(dal_arena_alloc(&arena, 200, 1));
    ck_assert_uint_eq(requests(), 0);
}
END_TEST

START_TEST(test_buffer_of_any_address_and_size)
{
    static _Alignas(64) char buffer[128];

    for (size_t shift = 0; shift < 64; shift++)
        for (size_t bytes = 1; bytes <= 64; bytes++) {
            char *block;
            size_t count = 0;

            memset(buffer, 0x55, sizeof buffer);
            make(&(struct dal_arena_options){
                .buffer = buffer + shift, .buffer_bytes = bytes, .flags = DAL_ARENA_BUFFER_ONLY});
            while ((block = dal_arena_alloc(&arena, 8, shift % 2 ? 16 : 1)) != NULL) {
                ck_assert(block >= buffer + shift && block + 8 <= buffer + shift + bytes);
                memset(block, 1, 8);
                count++;
            }
            ck_assert(shift % 2 || count >= (bytes < 15 ? 0 : (bytes - 15) / 8));
            ck_assert(is_all(buffer, 0x55, shift));
            ck_assert(is_all(buffer + shift + bytes, 0x55, sizeof buffer - shift - bytes));
        }
}
END_TEST

/* ---- Limits and children that have no more ------------------------------------------ */

START_TEST(test_limit_counts_what_is_held_of_the_child)
{
    size_t count = 0;

    make(&(struct dal_arena_options){.limit_bytes = 100000});
    while (dal_arena_alloc(&arena, 64, 8)) {
        count++;
        ck_assert_uint_le(stats().reserved_bytes, 100000);
    }
    /* Chunks of 4, 8, 16 and 32 KiB, and one of what is left. */
    ck_assert_uint_ge(count * 64, 100000 - 5 * header - 5 * 64 - 8);
    ck_assert_uint_eq(stats().limit_bytes, 100000);
    ck_assert_ptr_null(dal_arena_alloc(&arena, 100000, 1));
    dal_arena_reset(&arena, DAL_ARENA_FREE);
    ck_assert_ptr_nonnull(dal_arena_alloc(&arena, 100000 - header - 8, 1));
    ck_assert_ptr_null(dal_arena_alloc(&arena, 1000, 1));
}
END_TEST

START_TEST(test_limit_holds_for_resized_chunks)
{
    char *block;

    make(&(struct dal_arena_options){.limit_bytes = 50000});
    block = filled(20000, 8, 1);
    ck_assert_ptr_null(dal_arena_realloc(&arena, block, 20000, 8, 50000));
    ck_assert(is_all(block, 1, 20000));
    block = dal_arena_realloc(&arena, block, 20000, 8, 49000);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq(stats().reserved_bytes, 49000 + header);
    ck_assert_ptr_null(dal_arena_alloc(&arena, 5000, 8));
}
END_TEST

START_TEST(test_spare_chunks_make_room_under_a_limit)
{
    char *block;

    make(&(struct dal_arena_options){.limit_bytes = 100000});
    while (dal_arena_alloc(&arena, 64, 8))
        continue;
    dal_arena_reset(&arena, DAL_ARENA_KEEP);
    ck_assert_uint_gt(stats().spare_bytes, 90000);
    /* More than there is without the first chunk, which is in use: nothing is given up. */
    ck_assert_ptr_null(dal_arena_alloc(&arena, 99000, 1));
    ck_assert_uint_gt(stats().spare_bytes, 90000);
    block = filled(90000, 1, 1);
    ck_assert_uint_eq(stats().spare_bytes, 0);
    child.limit_bytes = 1;
    ck_assert_ptr_eq(dal_arena_realloc(&arena, block, 90000, 1, 80000), block);
}
END_TEST

START_TEST(test_spare_chunks_make_room_in_the_child)
{
    while (stats().reserved_bytes < 200000)
        (void)filled(64, 8, 1);
    dal_arena_reset(&arena, DAL_ARENA_KEEP);
    child.limit_bytes = atomic_load(&child.live_bytes);
    ck_assert_ptr_nonnull(dal_arena_alloc(&arena, 180000, 1));
}
END_TEST

START_TEST(test_smaller_chunks_are_tried_when_the_child_runs_out)
{
    size_t count = 0;

    child.limit_bytes = 300000;
    while (dal_arena_alloc(&arena, 64, 8))
        count++;
    ck_assert_uint_ge(count * 64, 300000 * 95 / 100);
    ck_assert_uint_le(requests(), 200);
}
END_TEST

START_TEST(test_an_arena_over_a_fixed_arena)
{
    static _Alignas(4096) char memory[65536];
    struct dal_fixed_arena fixed = DAL_FIXED_ARENA_INIT(memory, sizeof memory);
    const struct dal_allocator allocator = DAL_FIXED_ARENA_ALLOCATOR(&fixed);
    struct dal_instance_storage storage;
    struct dal_arena over;
    size_t count = 0;

    ck_assert_int_eq(dal_instance_init(&storage, &allocator, NULL), 0);
    ck_assert_int_eq(dal_arena_init(&over, &(struct dal_arena_options){.child = &storage.instance}),
                     0);
    ck_assert(is_aligned(dal_arena_alloc(&over, 10, 8192), 8192)); /* more than the child can */
    for (char *block; (block = dal_arena_alloc(&over, 64, 8)) != NULL; count++)
        ck_assert(block >= memory && block + 64 <= memory + sizeof memory);
    ck_assert_uint_ge(count * 64, (sizeof memory - 8192 - 64) * 9 / 10);
    dal_arena_destroy(&over);
}
END_TEST

START_TEST(test_an_arena_in_an_arena)
{
    struct dal_arena inner;

    ck_assert_int_eq(
        dal_arena_init(&inner, &(struct dal_arena_options){.child = dal_arena_instance(&arena)}),
        0);
    for (int i = 0; i < 10000; i++)
        ck_assert_ptr_nonnull(memset(dal_arena_alloc(&inner, 100, 16), 1, 100));
    dal_arena_destroy(&inner);
}
END_TEST

/* A bit of everything. 1 if it got all it asked for. */
static int do_work(void)
{
    struct dal_arena_checkpoint checkpoint;
    char *grown, *block = dal_arena_alloc(&arena, 100, 8);
    char *large = dal_arena_alloc_zeroed(&arena, 50000, 64);
    int complete = block && large;

    if (block)
        memset(block, 1, 100);
    checkpoint = dal_arena_checkpoint_take(&arena);
    for (int i = 0; i < 200; i++)
        complete &= dal_arena_alloc(&arena, 100, 8) != NULL;
    if (large && (grown = dal_arena_realloc(&arena, large, 50000, 64, 90000)) != NULL) {
        ck_assert(is_all(grown, 0, 50000));
    } else if (large) {
        ck_assert(is_all(large, 0, 50000));
        complete = 0;
    }
    ck_assert(!block || is_all(block, 1, 100));
    ck_assert_int_eq(dal_arena_rewind(&arena, checkpoint, DAL_ARENA_KEEP), 0);
    complete &= dal_arena_alloc(&arena, 20000, 1) != NULL;
    (void)stats();
    dal_arena_reset(&arena, DAL_ARENA_FREE);
    return complete;
}

START_TEST(test_whichever_request_the_child_refuses_nothing_is_lost)
{
    size_t n = 1;

    for (;; n++) {
        child.fail_at = requests() + n;
        if (do_work() && requests() < child.fail_at)
            break;
        ck_assert_uint_eq(atomic_load(&child.live_blocks), 0);
        child.fail_at = 0;
        ck_assert_int_eq(do_work(), 1);
    }
    ck_assert_uint_ge(n, 6);
}
END_TEST

/* ---- Freed in reverse, over several chunks ------------------------------------------ */

enum { STACK = 4000 };

static char *stack[STACK];

static void push_all(int count, size_t size, size_t align)
{
    for (int i = 0; i < count; i++)
        stack[i] = filled(size, align, i);
}

static void pop_all(int count, size_t size, size_t align)
{
    for (int i = count - 1; i >= 0; i--) {
        ck_assert(is_all(stack[i], (unsigned char)i, size));
        dal_arena_dealloc(&arena, stack[i], size, align);
    }
}

static const struct {
    size_t size, align;
} reversed[] = {{64, 8}, {0, 1}, {112, 16}, {900, 8}, {192, 64}, {512, 512}};

START_TEST(test_blocks_freed_in_reverse_are_used_again_over_any_number_of_chunks)
{
    static _Alignas(8) char buffer[3000];
    size_t size = reversed[_i].size, align = reversed[_i].align, held = 0;
    char *first = NULL;

    for (int has_buffer = 0; has_buffer < 2; has_buffer++) {
        teardown();
        make(&(struct dal_arena_options){.buffer = has_buffer ? buffer : NULL,
                                         .buffer_bytes = has_buffer ? sizeof buffer : 0});
        for (int round = 0; round < 20; round++) {
            push_all(STACK, size, align);
            ck_assert(round == 0 || stack[0] == first);
            first = stack[0];
            ck_assert_uint_gt(stats().chunk_count, 1);
            pop_all(STACK, size, align);
            ck_assert_uint_eq(stats().chunk_count, 1);
            ck_assert_uint_lt(stats().used_bytes, align); /* padding in front of the first */
            ck_assert_uint_eq(atomic_load(&child.live_blocks), has_buffer ? 1 : 2);
            ck_assert(round < 2 || held == stats().reserved_bytes);
            held = stats().reserved_bytes;
        }
    }
}
END_TEST

START_TEST(test_an_array_that_grew_over_the_end_of_a_chunk_is_not_in_the_way)
{
    size_t size = 64, used;
    char *array;

    push_all(50, 64, 8);
    used = stats().used_bytes;
    array = filled(size, 8, 1);
    for (; stats().chunk_count < 2; size += 64)
        array = dal_arena_realloc(&arena, array, size, 8, size + 64);
    dal_arena_dealloc(&arena, array, size, 8);
    ck_assert_uint_eq(stats().used_bytes, used);
    pop_all(50, 64, 8);
    ck_assert_ptr_eq(filled(64, 8, 1), stack[0]);
}
END_TEST

START_TEST(test_a_chunk_that_is_emptied_behind_the_current_one_gives_way)
{
    const int count = (int)(4096 - header) / 64;
    char *block = NULL;

    for (int round = 0; round < 50; round++) {
        push_all(count, 64, 8);
        while (stats().chunk_count < 2)
            block = filled(64, 8, 1);
        pop_all(count, 64, 8);
        ck_assert_uint_eq(stats().chunk_count, 1);
        ck_assert(is_all(block, 1, 64));
        dal_arena_reset(&arena, DAL_ARENA_FREE);
    }
}
END_TEST

/* The buffer is on the stack, above all chunks. */
START_TEST(test_a_checkpoint_outlives_its_chunk)
{
    _Alignas(8) char buffer[3000];
    struct dal_arena_checkpoint first, middle, last;
    char *block, *kept;

    make(&(struct dal_arena_options){.buffer = buffer, .buffer_bytes = sizeof buffer});
    block = filled(64, 8, 1);
    for (int round = 0; round < 4; round++) {
        first = dal_arena_checkpoint_take(&arena);
        push_all(20, 64, 8);
        middle = dal_arena_checkpoint_take(&arena);
        push_all(STACK, 64, 8);
        last = dal_arena_checkpoint_take(&arena);
        pop_all(STACK, 64, 8);
        kept = filled(64, 8, 2);
        if (round > 0) {
            ck_assert_int_eq(dal_arena_rewind(&arena, last, (enum dal_arena_keep)(round % 2)), 0);
            ck_assert(dal_arena_owns(&arena, kept) && is_all(kept, 2, 64));
            ck_assert_int_eq(dal_arena_rewind(&arena, last, DAL_ARENA_KEEP), 0);
            ck_assert_int_eq(dal_arena_rewind(&arena, middle, DAL_ARENA_KEEP), 0);
            ck_assert_int_eq(dal_arena_rewind(&arena, first, DAL_ARENA_KEEP), 0);
            ck_assert_uint_eq(stats().used_bytes, 64);
            ck_assert_int_eq(dal_arena_rewind(&arena, last, DAL_ARENA_KEEP), DAL_ERR_INVALID);
        }
        dal_arena_reset(&arena, DAL_ARENA_KEEP);
        ck_assert_int_eq(dal_arena_rewind(&arena, last, DAL_ARENA_KEEP), DAL_ERR_INVALID);
        ck_assert_ptr_eq(filled(64, 8, 1), block);
    }
    dal_arena_destroy(&arena);
}
END_TEST

START_TEST(test_a_chunk_that_began_with_padding_is_used_again_from_its_start)
{
    struct dal_arena_checkpoint empty = dal_arena_checkpoint_take(&arena);

    teardown();
    make(&(struct dal_arena_options){.chunk_bytes = 65536});
    for (int rewinds = 0; rewinds < 2; rewinds++) {
        (void)filled(64, 4096, 1);
        if (rewinds)
            ck_assert_int_eq(dal_arena_rewind(&arena, empty, DAL_ARENA_KEEP), 0);
        else
            dal_arena_reset(&arena, DAL_ARENA_KEEP);
        (void)filled(8, 8, 1);
        /* What a chunk has for itself. */
        ck_assert_uint_eq(stats().free_bytes, 65536 - header - 8);
        dal_arena_reset(&arena, DAL_ARENA_FREE);
    }
}
END_TEST

/* ---- Checkpoints ----------------------------------------------------------------- */

START_TEST(test_rewinding_gives_the_same_memory_again)
{
    char *before = filled(10, 1, 1);
    struct dal_arena_checkpoint checkpoint = dal_arena_checkpoint_take(&arena);

    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_eq(filled(100, 8, 2), before + 16);
        ck_assert_int_eq(dal_arena_rewind(&arena, checkpoint, (enum dal_arena_keep)(i % 2)), 0);
    }
    ck_assert(is_all(before, 1, 10));
    ck_assert_uint_eq(stats().used_bytes, 16);
}
END_TEST

START_TEST(test_checkpoints_nest)
{
    enum { DEPTH = 50 };
    struct dal_arena_checkpoint marks[DEPTH];
    size_t used[DEPTH];
    char *blocks[DEPTH];

    for (int i = 0; i < DEPTH; i++) {
        marks[i] = dal_arena_checkpoint_take(&arena);
        used[i] = stats().used_bytes;
        blocks[i] = filled(1000, 8, i);
        if (i % 5 == 0)
            (void)filled(30000, 8, i);
    }
    for (int i = DEPTH - 1; i >= 0; i -= 2) {
        ck_assert_int_eq(dal_arena_rewind(&arena, marks[i], DAL_ARENA_KEEP), 0);
        ck_assert_uint_eq(stats().used_bytes, used[i]);
        for (int j = 0; j < i; j++)
            ck_assert(is_all(blocks[j], (unsigned char)j, 1000));
    }
    ck_assert_int_eq(dal_arena_rewind(&arena, marks[0], DAL_ARENA_FREE), 0);
    ck_assert_uint_eq(stats().reserved_bytes, 0);
}
END_TEST

START_TEST(test_rewinding_frees_or_keeps_chunks_as_told)
{
    struct dal_arena_checkpoint checkpoint;
    size_t before, asked;

    (void)filled(64, 8, 1);
    checkpoint = dal_arena_checkpoint_take(&arena);
    before = stats().reserved_bytes;
    for (int round = 0; round < 5; round++) {
        asked = requests();
        for (int i = 0; i < 1000; i++)
            (void)filled(64, 8, 2);
        (void)filled(400000, 8, 3);
        (void)filled(300000, 4096, 4);
        ck_assert(round == 0 || requests() == asked); /* all of it from what was kept */
        ck_assert_int_eq(dal_arena_rewind(&arena, checkpoint, DAL_ARENA_KEEP), 0);
        ck_assert_uint_gt(stats().reserved_bytes, before);
        ck_assert_uint_eq(stats().reserved_bytes, before + stats().spare_bytes);
    }
    ck_assert_int_eq(dal_arena_rewind(&arena, checkpoint, DAL_ARENA_FREE), 0);
    ck_assert_uint_eq(stats().reserved_bytes, before);
    ck_assert_uint_eq(stats().spare_bytes, 0);
}
END_TEST

START_TEST(test_rewinding_an_arena_that_was_empty)
{
    struct dal_arena_checkpoint checkpoint = dal_arena_checkpoint_take(&arena);

    (void)filled(64, 8, 1);
    (void)filled(64000, 8, 1);
    ck_assert_int_eq(dal_arena_rewind(&arena, checkpoint, DAL_ARENA_KEEP), 0);
    ck_assert_uint_eq(stats().used_bytes, 0);
    ck_assert_uint_eq(stats().chunk_count, 0);
    (void)filled(64, 8, 1);
    ck_assert_int_eq(dal_arena_rewind(&arena, checkpoint, DAL_ARENA_FREE), 0);
    ck_assert_uint_eq(atomic_load(&child.live_blocks), 0);
}
END_TEST

START_TEST(test_checkpoint_of_another_empty_arena_is_refused)
{
    struct dal_arena other = DAL_ARENA_INIT;
    struct dal_arena_checkpoint checkpoint = dal_arena_checkpoint_take(&other);
    const struct dal_arena_checkpoint zeros = {NULL, NULL, 0};
    char *block = filled(64, 8, 1);

    for (int keep = 0; keep < 2; keep++) {
        ck_assert_int_eq(dal_arena_rewind(&arena, checkpoint, (enum dal_arena_keep)keep),
                         DAL_ERR_INVALID);
        ck_assert_int_eq(dal_arena_rewind(&arena, zeros, (enum dal_arena_keep)keep),
                         DAL_ERR_INVALID);
    }
    ck_assert(dal_arena_owns(&arena, block));
    ck_assert_int_eq(dal_arena_rewind(&other, checkpoint, DAL_ARENA_KEEP), 0);
}
END_TEST

START_TEST(test_rewinding_after_an_older_block_was_freed)
{
    char *block = filled(64, 8, 1);
    struct dal_arena_checkpoint checkpoint = dal_arena_checkpoint_take(&arena);
    char *large;

    dal_arena_dealloc(&arena, block, 64, 8); /* before the checkpoint */
    ck_assert_int_eq(dal_arena_rewind(&arena, checkpoint, DAL_ARENA_KEEP), 0);
    ck_assert_ptr_eq(filled(64, 8, 1), block);

    large = filled(50000, 8, 1);
    checkpoint = dal_arena_checkpoint_take(&arena);
    (void)filled(50000, 8, 2);
    dal_arena_dealloc(&arena, large, 50000, 8);
    ck_assert_int_eq(dal_arena_rewind(&arena, checkpoint, DAL_ARENA_FREE), 0);
    ck_assert_uint_eq(stats().chunk_count, 1);
    ck_assert_uint_eq(stats().reserved_bytes, 4096);
}
END_TEST

START_TEST(test_a_block_resized_since_is_given_back)
{
    char *one = filled(50000, 8, 1);
    char *two = filled(50000, 8, 2);
    struct dal_arena_checkpoint checkpoint = dal_arena_checkpoint_take(&arena);

    ck_assert_ptr_nonnull(dal_arena_realloc(&arena, one, 50000, 8, 70000));
    ck_assert_int_eq(dal_arena_rewind(&arena, checkpoint, DAL_ARENA_FREE), 0);
    ck_assert_uint_eq(stats().chunk_count, 1);
    ck_assert(is_all(two, 2, 50000));
}
END_TEST

/* Also where there is no chunk to give back or to keep. */
START_TEST(test_rewinding_refuses_what_is_neither_to_free_nor_to_keep)
{
    struct dal_arena_checkpoint checkpoint = dal_arena_checkpoint_take(&arena);
    struct dal_arena_stats before, after;

    (void)filled(64, 8, 1);
    for (int chunks = 1; chunks <= 3; chunks += 2) {
        while (stats().chunk_count < (size_t)chunks)
            (void)filled(64, 8, 1);
        before = stats();
        ck_assert_int_eq(dal_arena_rewind(&arena, checkpoint, (enum dal_arena_keep)2),
                         DAL_ERR_INVALID);
        after = stats();
        ck_assert_mem_eq(&after, &before, sizeof after);
        checkpoint = dal_arena_checkpoint_take(&arena);
    }
}
END_TEST

START_TEST(test_dead_checkpoints_are_refused)
{
    struct dal_arena_checkpoint empty = dal_arena_checkpoint_take(&arena);
    struct dal_arena_checkpoint first, second, foreign;
    struct dal_arena other;
    struct dal_arena_stats before, after;
    char *block = filled(64, 8, 1);

    (void)empty;
    first = dal_arena_checkpoint_take(&arena);
    while (stats().chunk_count < 3)
        (void)filled(64, 8, 1);
    second = dal_arena_checkpoint_take(&arena);
    ck_assert_int_eq(dal_arena_rewind(&arena, first, DAL_ARENA_KEEP), 0);
    before = stats();
    ck_assert_int_eq(dal_arena_rewind(&arena, second, DAL_ARENA_KEEP), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_arena_rewind(&arena, second, DAL_ARENA_FREE), DAL_ERR_INVALID);
    after = stats();
    ck_assert_mem_eq(&after, &before, sizeof after);

    /* The same chunk in a new life. */
    while (stats().chunk_count < 3)
        (void)filled(64, 8, 1);
    ck_assert_int_eq(dal_arena_rewind(&arena, second, DAL_ARENA_KEEP), DAL_ERR_INVALID);

    dal_arena_reset(&arena, DAL_ARENA_KEEP);
    ck_assert_ptr_eq(filled(64, 8, 1), block);
    ck_assert_int_eq(dal_arena_rewind(&arena, first, DAL_ARENA_KEEP), DAL_ERR_INVALID);

    ck_assert_int_eq(dal_arena_init(&other, NULL), 0);
    ck_assert_ptr_nonnull(dal_arena_alloc(&other, 1, 1));
    foreign = dal_arena_checkpoint_take(&other);
    ck_assert_int_eq(dal_arena_rewind(&arena, foreign, DAL_ARENA_FREE), DAL_ERR_INVALID);
    dal_arena_destroy(&other);
    ck_assert_int_eq(dal_arena_owns(&arena, block), 1);
}
END_TEST

START_TEST(test_a_dead_checkpoint_in_a_live_chunk_never_goes_forward)
{
    char *block = filled(64, 8, 1);
    struct dal_arena_checkpoint first = dal_arena_checkpoint_take(&arena), second;

    (void)filled(64, 8, 1);
    second = dal_arena_checkpoint_take(&arena);
    ck_assert_int_eq(dal_arena_rewind(&arena, first, DAL_ARENA_KEEP), 0);
    (void)dal_arena_rewind(&arena, second, DAL_ARENA_KEEP);
    ck_assert_ptr_eq(filled(64, 8, 1), block + 64);
}
END_TEST

START_TEST(test_reset_keeps_or_frees_as_told)
{
    size_t asked, held;

    for (int round = 0; round < 4; round++) {
        asked = requests();
        for (int i = 0; i < 3000; i++)
            (void)filled(64, 8, 1);
        for (int i = 0; i < 3; i++)
            (void)filled((size_t)100000 << i, 8, 2);
        ck_assert(round == 0 || requests() == asked);
        held = stats().reserved_bytes;
        dal_arena_reset(&arena, DAL_ARENA_KEEP);
        ck_assert_uint_eq(stats().reserved_bytes, held);
        ck_assert_uint_eq(stats().used_bytes, 0);
        ck_assert_uint_eq(stats().chunk_count, 1);
    }
    dal_arena_reset(&arena, DAL_ARENA_FREE);
    ck_assert_uint_eq(atomic_load(&child.live_blocks), 0);
    (void)filled(64, 8, 1);
    ck_assert_uint_eq(stats().reserved_bytes, 4096); /* growth starts over */
}
END_TEST

START_TEST(test_resetting_an_empty_arena_is_harmless)
{
    dal_arena_reset(&arena, DAL_ARENA_KEEP);
    dal_arena_reset(&arena, DAL_ARENA_FREE);
    ck_assert_uint_eq(requests(), 0);
    (void)filled(64, 8, 1);
}
END_TEST

/* ---- Anything, in any order ------------------------------------------------------ */

enum { MODEL_BLOCKS = 400, MODEL_CHECKPOINTS = 8, MODEL_STEPS = 20000 };

struct model_block {
    unsigned char *ptr;
    size_t size, align;
    unsigned char value;
};

static struct model_block model[MODEL_BLOCKS];
static int model_count;
static struct {
    struct dal_arena_checkpoint checkpoint;
    int count;
} model_checkpoints[MODEL_CHECKPOINTS];
static int model_checkpoint_count;
static uint32_t model_random = 1;

static uint32_t random_below(uint32_t most)
{
    model_random = model_random * 1664525 + 1013904223;
    return (model_random >> 8) % most;
}

static size_t random_size(void)
{
    switch (random_below(40)) {
    case 0: return 0;
    case 1: return random_below(60000);
    case 2:
    case 3:
    case 4: return random_below(3000);
    default: return random_below(100);
    }
}

static void model_fill(struct model_block *block, size_t from)
{
    memset(block->ptr + (from < block->size ? from : block->size), block->value,
           from < block->size ? block->size - from : 0);
}

static void model_add(void)
{
    struct model_block *block = &model[model_count];

    if (model_count == MODEL_BLOCKS)
        return;
    block->size = random_size();
    block->align = (size_t)1 << random_below(random_below(20) == 0 ? 15 : 6);
    block->value = (unsigned char)random_below(256);
    if (random_below(3) == 0) {
        block->ptr = dal_arena_alloc_zeroed(&arena, block->size, block->align);
        ck_assert(block->ptr && is_all(block->ptr, 0, block->size));
    } else {
        block->ptr = dal_arena_alloc(&arena, block->size, block->align);
        ck_assert_ptr_nonnull(block->ptr);
    }
    ck_assert(is_aligned(block->ptr, block->align));
    ck_assert_int_eq(dal_arena_owns(&arena, block->ptr), 1);
    model_fill(block, 0);
    model_count++;
}

/* Resize or free one of the newest blocks, which no checkpoint holds. */
static void model_change(void)
{
    int oldest =
        model_checkpoint_count > 0 ? model_checkpoints[model_checkpoint_count - 1].count : 0;
    struct model_block *block;
    size_t size;

    if (model_count == oldest)
        return;
    block = &model[model_count - 1 - (int)random_below((uint32_t)(model_count - oldest)) / 4];
    size = random_size();
    if (random_below(3) == 0) {
        dal_arena_dealloc(&arena, block->ptr, block->size, block->align);
        *block = model[--model_count];
    } else {
        size_t kept = size < block->size ? size : block->size;

        block->ptr = dal_arena_realloc(&arena, block->ptr, block->size, block->align, size);
        ck_assert_ptr_nonnull(block->ptr);
        ck_assert(is_aligned(block->ptr, block->align));
        ck_assert(is_all(block->ptr, block->value, kept));
        block->size = size;
        model_fill(block, kept);
    }
}

/* Free the newest blocks, also from before checkpoints, which remain live. */
static void model_free_in_reverse(void)
{
    int count = (int)random_below((uint32_t)model_count + 1);

    while (model_count > count) {
        struct model_block *block = &model[--model_count];

        ck_assert(is_all(block->ptr, block->value, block->size));
        dal_arena_dealloc(&arena, block->ptr, block->size, block->align);
    }
    for (int i = 0; i < model_checkpoint_count; i++)
        if (model_checkpoints[i].count > count)
            model_checkpoints[i].count = count;
}

static void model_check(void)
{
    for (int i = 0; i < model_count; i++)
        ck_assert(is_all(model[i].ptr, model[i].value, model[i].size));
    (void)stats();
}

static void model_step(void)
{
    uint32_t what = random_below(100);

    if (what < 60) {
        model_add();
    } else if (what < 90) {
        model_change();
    } else if (what < 91) {
        model_free_in_reverse();
    } else if (what < 95 && model_checkpoint_count < MODEL_CHECKPOINTS) {
        model_checkpoints[model_checkpoint_count].checkpoint = dal_arena_checkpoint_take(&arena);
        model_checkpoints[model_checkpoint_count++].count = model_count;
    } else if (model_checkpoint_count > 0 && (what < 99 || model_count == MODEL_BLOCKS)) {
        int to = (int)random_below((uint32_t)model_checkpoint_count);

        ck_assert_int_eq(dal_arena_rewind(&arena, model_checkpoints[to].checkpoint,
                                          (enum dal_arena_keep)random_below(2)),
                         0);
        model_count = model_checkpoints[to].count;
        model_checkpoint_count = to;
        model_check();
    } else if (model_count == MODEL_BLOCKS) {
        dal_arena_reset(&arena, (enum dal_arena_keep)random_below(2));
        model_count = model_checkpoint_count = 0;
    }
}

START_TEST(test_random_work_never_breaks_a_block)
{
    static _Alignas(8) char buffer[3000];

    /* _i picks a configuration. */
    make(&(struct dal_arena_options){
        .chunk_bytes = _i == 1 ? 256 : 0,
        .chunk_bytes_max = _i == 1 ? 4096 : 0,
        .buffer = _i == 2 ? buffer : NULL,
        .buffer_bytes = _i == 2 ? sizeof buffer : 0,
    });
    model_random = 12345 + (uint32_t)_i;
    model_count = model_checkpoint_count = 0;
    for (int step = 0; step < MODEL_STEPS; step++)
        model_step();
    model_check();
}
END_TEST

/* ---- Handles --------------------------------------------------------------------- */

START_TEST(test_a_created_arena_lives_in_its_child)
{
    struct dal_arena *created = NULL;
    struct dal_arena_stats known;

    ck_assert_int_eq(
        dal_arena_create(&(struct dal_arena_options){.child = &child.storage.instance}, &created),
        0);
    ck_assert_uint_eq(atomic_load(&child.live_blocks), 1);
    ck_assert_ptr_nonnull(dal_arena_alloc(created, 100, 8));
    dal_arena_stats_read(created, &known);
    ck_assert_uint_eq(known.reserved_bytes, sizeof *created + 4096);
    dal_arena_reset(created, DAL_ARENA_FREE);
    ck_assert_uint_eq(atomic_load(&child.live_blocks), 1);
    dal_arena_destroy(created);
    ck_assert_uint_eq(atomic_load(&child.live_blocks), 0);

    created = NULL;
    ck_assert_int_eq(dal_arena_create(NULL, &created), 0);
    ck_assert_ptr_nonnull(dal_arena_alloc(created, 100, 8));
    dal_arena_destroy(created);
}
END_TEST

START_TEST(test_creation_that_fails_changes_nothing)
{
    struct dal_arena *created = (struct dal_arena *)&child;

    ck_assert_int_eq(dal_arena_create(&(struct dal_arena_options){.child = &child.storage.instance,
                                                                  .limit_bytes = 100},
                                      &created),
                     DAL_ERR_MEMORY);
    child.limit_bytes = 1;
    ck_assert_int_eq(
        dal_arena_create(&(struct dal_arena_options){.child = &child.storage.instance}, &created),
        DAL_ERR_MEMORY);
    ck_assert_int_eq(
        dal_arena_create(&(struct dal_arena_options){.flags = DAL_ARENA_BUFFER_ONLY}, &created),
        DAL_ERR_INVALID);
    ck_assert_ptr_eq(created, &child);
    ck_assert_int_eq(dal_arena_create(NULL, NULL), DAL_ERR_INVALID);
}
END_TEST

START_TEST(test_contradicting_options_are_refused)
{
    static char buffer[100];
    const struct dal_arena_options bad[] = {
        {.buffer = NULL, .buffer_bytes = 100},
        {.flags = DAL_ARENA_BUFFER_ONLY},
        {.buffer = buffer, .flags = DAL_ARENA_BUFFER_ONLY},
        {.chunk_bytes = 8192, .chunk_bytes_max = 4096},
        {.chunk_bytes = SIZE_MAX},
        {.chunk_bytes_max = SIZE_MAX},
        {.buffer = buffer, .buffer_bytes = SIZE_MAX},
        {.flags = 8},
        {.buffer = buffer,
         .buffer_bytes = 100,
         .flags = DAL_ARENA_BUFFER_ONLY | DAL_ARENA_PREFAULT},
        {.reserved_ = 1},
    };
    struct {
        struct dal_arena_options known;
        long tail;
    } longer = {.tail = 0};
    const size_t cut[] = {1, sizeof(void *) - 1,
                          offsetof(struct dal_arena_options, limit_bytes) + 1,
                          offsetof(struct dal_arena_options, reserved_) + 1};
    struct dal_arena before;

    (void)filled(64, 8, 1);
    memcpy(&before, &arena, sizeof arena);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(dal_arena_init(&arena, &bad[i]), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_arena_init(NULL, NULL), DAL_ERR_INVALID);
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++)
        ck_assert_int_eq(dal_arena_init_sized(&arena, &longer.known, cut[i]), DAL_ERR_INVALID);
    longer.tail = 1;
    ck_assert_int_eq(dal_arena_init_sized(&arena, &longer.known, sizeof longer), DAL_ERR_ABI);
    ck_assert_mem_eq(&before, &arena, sizeof arena);
    longer.tail = 0;
    ck_assert_int_eq(dal_arena_init_sized(&before, &longer.known, sizeof longer), 0);
    dal_arena_destroy(&before);
}
END_TEST

/* As of a caller that was compiled when the structure ended there. */
START_TEST(test_options_may_end_with_any_member)
{
    static const size_t ends[] = {
        0,
        offsetof(struct dal_arena_options, buffer),
        offsetof(struct dal_arena_options, limit_bytes),
        offsetof(struct dal_arena_options, flags),
        offsetof(struct dal_arena_options, reserved_),
        sizeof(struct dal_arena_options),
    };

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct dal_arena_options options = {.limit_bytes = 12345};
        size_t limit = ends[i] > offsetof(struct dal_arena_options, limit_bytes) ? 12345 : 0;
        struct dal_arena_stats stats;
        struct dal_arena shorter;

        ck_assert_int_eq(dal_arena_init_sized(&shorter, &options, ends[i]), 0);
        dal_arena_stats_read(&shorter, &stats);
        ck_assert_uint_eq(stats.limit_bytes, limit);
        dal_arena_destroy(&shorter);
    }
}
END_TEST

START_TEST(test_the_instance_allocates_from_the_arena)
{
    const struct dal_instance *instance = dal_arena_instance(&arena);
    char *block = dal_instance_alloc(instance, 64, 8);
    char *grown;

    ck_assert_ptr_eq(instance, dal_arena_instance(&arena));
    ck_assert_ptr_nonnull(block);
    memset(block, 1, 64);
    ck_assert_ptr_eq(dal_instance_realloc(instance, block, 64, 8, 128), block);
    ck_assert_int_eq(dal_instance_resize_in_place(instance, block, 128, 8, 64), 0);
    ck_assert_int_eq(dal_instance_owns(instance, block), 1);
    ck_assert_int_eq(dal_instance_owns(instance, instance), 0);
    grown = dal_instance_grow(instance, block, 64, 8, 100, 256);
    ck_assert(is_aligned(grown, 256) && is_all(grown, 1, 64));
    ck_assert(is_all(dal_instance_alloc_zeroed(instance, 64, 8), 0, 64));
    dal_instance_dealloc(instance, grown, 100, 256);
    ck_assert_int_eq(dal_arena_owns(&arena, block), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arena");
    TCase *blocks = tcase_create("blocks");
    TCase *random = tcase_create("random");

    tcase_add_checked_fixture(blocks, setup, teardown);
    tcase_add_test(blocks, test_nothing_is_taken_before_the_first_block);
    tcase_add_test(blocks, test_an_arena_of_zeros_grows_from_the_system);
    tcase_add_test(blocks, test_small_blocks_lie_side_by_side);
    tcase_add_test(blocks, test_every_alignment_is_served);
    tcase_add_test(blocks, test_empty_blocks_are_distinct_aligned_and_inside);
    tcase_add_test(blocks, test_zeroed_blocks_are_zero_in_memory_that_was_not);
    tcase_add_test(blocks, test_sizes_and_alignments_near_the_end_of_numbers_give_null);
    tcase_add_test(blocks, test_typed_helpers_give_aligned_objects);

    tcase_add_test(blocks, test_last_block_is_freed_and_older_ones_are_not);
    tcase_add_test(blocks, test_last_block_grows_and_shrinks_in_place);
    tcase_add_test(blocks, test_older_block_shrinks_in_place_and_grows_by_a_copy);
    tcase_add_test(blocks, test_realloc_of_null_allocates);
    tcase_add_test(blocks, test_growing_last_block_leaves_a_full_chunk_without_loss);
    tcase_add_test(blocks, test_failed_realloc_leaves_block_intact);

    tcase_add_test(blocks, test_oversized_block_does_not_waste_the_current_chunk);
    tcase_add_test(blocks, test_blocks_with_chunks_of_their_own_go_back_when_freed);
    tcase_add_test(blocks, test_two_large_arrays_that_grow_in_turn_waste_nothing);
    tcase_add_test(blocks, test_chunks_grow_geometrically_to_a_cap);
    tcase_add_test(blocks, test_middling_blocks_share_chunks_in_the_end);
    tcase_add_test(blocks, test_chunk_sizes_are_those_of_the_options);
    tcase_add_test(blocks, test_owns_blocks_and_nothing_else);

    tcase_add_test(blocks, test_buffer_is_used_before_the_child);
    tcase_add_test(blocks, test_block_that_ends_at_the_buffer_is_not_its_last_one);
    tcase_add_test(blocks, test_buffer_only_never_asks_the_child);
    tcase_add_test(blocks, test_buffer_of_any_address_and_size);

    tcase_add_test(blocks, test_limit_counts_what_is_held_of_the_child);
    tcase_add_test(blocks, test_limit_holds_for_resized_chunks);
    tcase_add_test(blocks, test_spare_chunks_make_room_under_a_limit);
    tcase_add_test(blocks, test_spare_chunks_make_room_in_the_child);
    tcase_add_test(blocks, test_smaller_chunks_are_tried_when_the_child_runs_out);
    tcase_add_test(blocks, test_an_arena_over_a_fixed_arena);
    tcase_add_test(blocks, test_an_arena_in_an_arena);
    tcase_add_test(blocks, test_whichever_request_the_child_refuses_nothing_is_lost);

    tcase_add_loop_test(blocks,
                        test_blocks_freed_in_reverse_are_used_again_over_any_number_of_chunks, 0,
                        sizeof reversed / sizeof reversed[0]);
    tcase_add_test(blocks, test_an_array_that_grew_over_the_end_of_a_chunk_is_not_in_the_way);
    tcase_add_test(blocks, test_a_chunk_that_is_emptied_behind_the_current_one_gives_way);
    tcase_add_test(blocks, test_a_checkpoint_outlives_its_chunk);
    tcase_add_test(blocks, test_a_chunk_that_began_with_padding_is_used_again_from_its_start);
    tcase_add_test(blocks, test_rewinding_gives_the_same_memory_again);
    tcase_add_test(blocks, test_checkpoints_nest);
    tcase_add_test(blocks, test_rewinding_frees_or_keeps_chunks_as_told);
    tcase_add_test(blocks, test_rewinding_an_arena_that_was_empty);
    tcase_add_test(blocks, test_checkpoint_of_another_empty_arena_is_refused);
    tcase_add_test(blocks, test_rewinding_refuses_what_is_neither_to_free_nor_to_keep);
    tcase_add_test(blocks, test_rewinding_after_an_older_block_was_freed);
    tcase_add_test(blocks, test_a_block_resized_since_is_given_back);
    tcase_add_test(blocks, test_dead_checkpoints_are_refused);
    tcase_add_test(blocks, test_a_dead_checkpoint_in_a_live_chunk_never_goes_forward);
    tcase_add_test(blocks, test_reset_keeps_or_frees_as_told);
    tcase_add_test(blocks, test_resetting_an_empty_arena_is_harmless);

    tcase_add_test(blocks, test_a_created_arena_lives_in_its_child);
    tcase_add_test(blocks, test_creation_that_fails_changes_nothing);
    tcase_add_test(blocks, test_contradicting_options_are_refused);
    tcase_add_test(blocks, test_options_may_end_with_any_member);
    tcase_add_test(blocks, test_the_instance_allocates_from_the_arena);
    suite_add_tcase(suite, blocks);

    tcase_add_checked_fixture(random, setup, teardown);
    tcase_add_loop_test(random, test_random_work_never_breaks_a_block, 0, 3);
    suite_add_tcase(suite, random);
    return suite_run(suite);
}
