/* SPDX-License-Identifier: MIT */
/* The backend `arena`: what a thread has of it, what it leaves behind, and who may free
 * what. The child keeps the books (counting.h), so that every chunk is accounted for. */
#include <config.h>

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

#include "backends/arena/heap.h"
#include "counting.h"
#include "over_child.h"
#include "suite.h"

enum {
    CHUNK = 65536,
    OWN = 16384, /* blocks from this size on have memory of their own */
    OWN_HEADER = 16,
    HEAP = sizeof(struct dal_heap_)
};

static struct counting child;
static struct over_child over;
static const struct dal_instance *arena = &over.storage.instance;

static void make(int chunk, int limit)
{
    if (limit > 0)
        ck_assert_int_eq(over_child_make(&over, "arena", &child.storage.instance, "chunk", chunk,
                                         "limit", limit, NULL),
                         0);
    else
        ck_assert_int_eq(
            over_child_make(&over, "arena", &child.storage.instance, "chunk", chunk, NULL), 0);
}

static void setup(void)
{
    counting_init(&child);
    make(CHUNK, 0);
}

/* Whatever a test did: all that was taken goes back. */
static void teardown(void)
{
    over_child_destroy(&over);
    ck_assert_uint_eq(atomic_load(&child.live_blocks), 0);
    ck_assert_uint_eq(atomic_load(&child.live_bytes), 0);
}

static size_t live_bytes(void)
{
    return atomic_load(&child.live_bytes) - HEAP;
}

static size_t live_blocks(void)
{
    return atomic_load(&child.live_blocks) - 1;
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
    char *ptr = dal_instance_alloc(arena, size, align);

    ck_assert_ptr_nonnull(ptr);
    ck_assert(is_aligned(ptr, align));
    return memset(ptr, value, size);
}

/* Run a function in a thread of its own, from beginning to end. */
static void *in_thread(void *(*function)(void *), void *data)
{
    pthread_t thread;
    void *result;

    ck_assert_int_eq(pthread_create(&thread, NULL, function, data), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    return result;
}

/* ---- One thread ------------------------------------------------------------------ */

START_TEST(test_blocks_lie_side_by_side_in_one_chunk)
{
    char *first = filled(64, 8, 1);

    ck_assert_uint_eq(live_bytes(), CHUNK);
    ck_assert_ptr_eq(filled(1, 1, 2), first + 64);
    ck_assert_ptr_eq(filled(16, 16, 3), first + 80);
    for (int i = 0; i < 1000; i++)
        ck_assert_ptr_eq(filled(60, 4, 4), first + 96 + i * 64);
    ck_assert_uint_eq(live_blocks(), 1);
}
END_TEST

START_TEST(test_last_block_is_freed_grown_and_shrunk_in_place)
{
    char *first = filled(64, 8, 1);
    char *block = filled(100, 8, 2);

    dal_instance_dealloc(arena, block, 100, 8);
    ck_assert_ptr_eq(filled(100, 8, 2), block);
    ck_assert_ptr_eq(dal_instance_realloc(arena, block, 100, 8, 10000), block);
    ck_assert_ptr_eq(filled(8, 8, 3), block + 10000);
    dal_instance_dealloc(arena, block + 10000, 8, 8);
    ck_assert_int_eq(dal_instance_resize_in_place(arena, block, 10000, 8, 50), 0);
    ck_assert_ptr_eq(filled(8, 8, 3), block + 64);
    ck_assert_ptr_eq(dal_instance_realloc(arena, block, 50, 8, 5), block); /* not the last */
    ck_assert_int_eq(dal_instance_resize_in_place(arena, block, 50, 8, 65), DAL_ERR_UNSUPPORTED);
    dal_instance_dealloc(arena, first, 64, 8);
    ck_assert_ptr_eq(filled(8, 8, 3), block + 80);
    ck_assert(is_all(block, 2, 5));
}
END_TEST

START_TEST(test_last_block_is_freed_at_every_size_that_is_cut)
{
    const size_t aligns[] = {1, 16, 32, 4096, OWN / 2};

    for (size_t size = 0; size < OWN; size = size < 66 ? size + 1 : size * 2 - 1) {
        for (size_t i = 0; i < sizeof aligns / sizeof aligns[0]; i++) {
            char *block = filled(size, aligns[i], 1);

            dal_instance_dealloc(arena, block, size, aligns[i]);
            ck_assert_ptr_eq(filled(size, aligns[i], 1), block);
            dal_instance_dealloc(arena, block, size, aligns[i]);
        }
    }
    ck_assert_uint_eq(live_bytes(), CHUNK);
}
END_TEST

START_TEST(test_empty_blocks_are_distinct_and_aligned)
{
    for (size_t align = 1; align <= 65536; align *= 2) {
        void *one = dal_instance_alloc(arena, 0, align);
        void *two = dal_instance_alloc_zeroed(arena, 0, align);

        ck_assert(one && two && one != two);
        ck_assert(is_aligned(one, align) && is_aligned(two, align));
        dal_instance_dealloc(arena, two, 0, align);
        dal_instance_dealloc(arena, one, 0, align);
        dal_instance_dealloc(arena, NULL, 0, align);
        dal_instance_dealloc(arena, NULL, OWN, align);
    }
    ck_assert_uint_eq(live_bytes(), CHUNK);
}
END_TEST

START_TEST(test_large_blocks_go_back_when_freed)
{
    char *blocks[5];

    for (int i = 0; i < 5; i++)
        blocks[i] = filled(OWN + (size_t)i, (size_t)1 << 4 * i, i);
    ck_assert_uint_eq(live_blocks(), 5);
    for (int i = 0; i < 5; i++) {
        int k = (i + 2) % 5; /* from the middle, both ends last */

        ck_assert(is_all(blocks[k], (unsigned char)k, OWN + (size_t)k));
        dal_instance_dealloc(arena, blocks[k], OWN + (size_t)k, (size_t)1 << 4 * k);
        ck_assert_uint_eq(live_blocks(), (size_t)(4 - i));
    }
}
END_TEST

START_TEST(test_blocks_change_between_chunks_and_memory_of_their_own)
{
    for (size_t align = 1; align <= 65536; align *= 4) {
        char *block = filled(100, align, 7);
        size_t size = 100;
        const size_t sizes[] = {OWN - 1, OWN, 100000, 60000, 10000, OWN, 8, 3000000, 0};

        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            size_t kept = size < sizes[i] ? size : sizes[i];

            block = dal_instance_realloc(arena, block, size, align, sizes[i]);
            ck_assert_ptr_nonnull(block);
            ck_assert(is_aligned(block, align));
            ck_assert(is_all(block, 7, kept));
            size = sizes[i];
            memset(block, 7, size);
        }
        dal_instance_dealloc(arena, block, size, align);
    }
    ck_assert_uint_le(live_bytes(), 6 * CHUNK);
}
END_TEST

START_TEST(test_large_block_is_resized_where_it_is_if_it_has_room)
{
    char *block = filled(100000, 8, 1);
    size_t held = live_bytes();

    ck_assert_ptr_eq(dal_instance_realloc(arena, block, 100000, 8, 60000), block);
    ck_assert_uint_eq(live_bytes(), held);
    ck_assert_int_eq(dal_instance_resize_in_place(arena, block, 60000, 8, 99999), 0);
    ck_assert_int_eq(dal_instance_resize_in_place(arena, block, 99999, 8, 200000),
                     DAL_ERR_UNSUPPORTED);
    ck_assert_int_eq(dal_instance_resize_in_place(arena, block, 99999, 8, 100),
                     DAL_ERR_UNSUPPORTED); /* its layout would not tell its kind */
    block = dal_instance_realloc(arena, block, 99999, 8, 20000);
    ck_assert(is_all(block, 1, 20000));
    ck_assert_uint_eq(live_bytes(), 20000 + OWN_HEADER);
    dal_instance_dealloc(arena, block, 20000, 8);
    ck_assert_uint_eq(live_blocks(), 0);
}
END_TEST

START_TEST(test_zeroed_blocks_are_zero_in_memory_that_was_used)
{
    char *block = filled(10000, 8, 7);

    dal_instance_dealloc(arena, block, 10000, 8);
    ck_assert_ptr_eq(dal_instance_alloc_zeroed(arena, 10000, 8), block);
    ck_assert(is_all(block, 0, 10000));
    block = dal_instance_alloc_zeroed(arena, 100000, 64);
    ck_assert(is_all(block, 0, 100000));
    while (live_blocks() < 5) { /* the first of a chunk, too */
        block = dal_instance_alloc_zeroed(arena, 5000, 8);
        ck_assert(is_all(block, 0, 5000));
        memset(block, 7, 5000);
    }
}
END_TEST

START_TEST(test_sizes_and_alignments_near_the_end_of_numbers_give_null)
{
    char *block = filled(64, 8, 5);
    size_t held = live_bytes();
    const size_t top = (size_t)1 << (sizeof(size_t) * 8 - 1);

    for (size_t align = 1; align != 0; align *= 2) {
        const size_t sizes[] = {SIZE_MAX,    SIZE_MAX - 7, SIZE_MAX - align + 1, SIZE_MAX - align,
                                top,         top - 1,      top - align,          top / 2,
                                top / 2 - 1, top - 64};

        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            volatile size_t size = sizes[i];

            if (size < top / 4)
                continue;
            ck_assert_ptr_null(dal_instance_alloc(arena, size, align));
            ck_assert_ptr_null(dal_instance_alloc_zeroed(arena, size, align));
            ck_assert_ptr_null(dal_instance_realloc(arena, block, 64, 8, size));
            ck_assert_int_ne(dal_instance_resize_in_place(arena, block, 64, 8, size), 0);
        }
        if (align >= top / 4)
            ck_assert_ptr_null(dal_instance_alloc(arena, 1, align));
    }
    ck_assert_uint_eq(live_bytes(), held);
    ck_assert(is_all(block, 5, 64));
    ck_assert_ptr_eq(filled(8, 8, 1), block + 64);
}
END_TEST

START_TEST(test_failed_realloc_leaves_block_intact)
{
    static const size_t sizes[] = {100, OWN, 100000};

    for (size_t i = 0; i < 3; i++) {
        char *block = filled(sizes[i], 8, 7);
        size_t held = live_bytes();

        child.limit_bytes = 1;
        ck_assert_ptr_null(dal_instance_realloc(arena, block, sizes[i], 8, 500000));
        ck_assert_ptr_null(dal_instance_realloc(arena, block, sizes[i], 64, 500000));
        ck_assert_uint_eq(live_bytes(), held);
        ck_assert(is_all(block, 7, sizes[i]));
        child.limit_bytes = 0;
        block = dal_instance_realloc(arena, block, sizes[i], 8, 500000);
        ck_assert_ptr_nonnull(block);
        ck_assert(is_all(block, 7, sizes[i]));
    }
}
END_TEST

START_TEST(test_two_arenas_take_turns_in_a_thread)
{
    struct over_child second;
    char *last[2] = {NULL, NULL};

    ck_assert_int_eq(
        over_child_make(&second, "arena", &child.storage.instance, "chunk", CHUNK, NULL), 0);
    for (int i = 0; i < 500; i++) {
        const struct dal_instance *arenas[2] = {arena, &second.storage.instance};

        for (int k = 0; k < 2; k++) {
            char *block = dal_instance_alloc(arenas[k], 64, 8);

            ck_assert_ptr_nonnull(block);
            ck_assert(i == 0 || block == last[k] + 64);
            last[k] = block;
        }
    }
    ck_assert_uint_eq(live_bytes(), 2 * CHUNK + HEAP);
    over_child_destroy(&second);
    ck_assert_uint_eq(live_bytes(), CHUNK);
    ck_assert_ptr_eq(filled(64, 8, 1), last[0] + 64);
}
END_TEST

START_TEST(test_last_block_is_freed_whichever_arena_was_used_since)
{
    struct over_child second;
    char *one = filled(64, 8, 1), *two;

    ck_assert_int_eq(
        over_child_make(&second, "arena", &child.storage.instance, "chunk", CHUNK, NULL), 0);
    two = dal_instance_alloc(&second.storage.instance, 64, 8);
    dal_instance_dealloc(arena, one, 64, 8);
    dal_instance_dealloc(&second.storage.instance, two, 64, 8);
    ck_assert_ptr_eq(filled(64, 8, 1), one);
    ck_assert_ptr_eq(dal_instance_alloc(&second.storage.instance, 64, 8), two);
    over_child_destroy(&second);
}
END_TEST

/* The block ends with the inner arena's chunk, and so does the outer arena's last block. */
START_TEST(test_a_block_is_not_taken_for_the_last_one_of_another_arena)
{
    struct over_child inner;
    char *outer_block, *block = NULL, *next;

    ck_assert_int_eq(over_child_make(&inner, "arena", arena, "chunk", 4096, NULL), 0);
    for (int i = 0; i < (4096 - (int)sizeof(struct dal_heap_chunk_)) / 16; i++)
        block = dal_instance_alloc(&inner.storage.instance, 16, 8);
    outer_block = filled(64, 8, 1);
    ck_assert_ptr_eq(outer_block, block + 16);
    dal_instance_dealloc(arena, outer_block, 64, 8);
    dal_instance_dealloc(&inner.storage.instance, block, 16, 8);
    next = filled(64, 8, 2);
    ck_assert_ptr_eq(next, outer_block);
    over_child_destroy(&inner);
    ck_assert(is_all(next, 2, 64));
}
END_TEST

/* ---- Freed in reverse, over several chunks ------------------------------------------ */

enum { STACK = 5000 };

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
        dal_instance_dealloc(arena, stack[i], size, align);
    }
}

static const struct {
    size_t size, align;
} reversed[] = {{64, 16}, {0, 1}, {40, 1}, {100, 8}, {OWN - 1, 8}, {192, 64}, {4096, 4096}};

/* One chunk is current, and one to spare. */
START_TEST(test_blocks_freed_in_reverse_are_used_again_over_any_number_of_chunks)
{
    size_t size = reversed[_i].size, align = reversed[_i].align;
    const int count = size > 200 ? 200 : STACK;
    char *first = NULL;

    for (int round = 0; round < 20; round++) {
        push_all(count, size, align);
        ck_assert(round == 0 || stack[0] == first);
        first = stack[0];
        ck_assert_uint_gt(live_blocks(), 1);
        pop_all(count, size, align);
        ck_assert_uint_eq(live_bytes(), 2 * CHUNK);
    }
}
END_TEST

START_TEST(test_work_at_the_end_of_a_chunk_does_not_go_to_the_child)
{
    int count = 0;
    size_t asked;

    while (live_blocks() < 2)
        stack[count++] = filled(64, 8, 1);
    asked = atomic_load(&child.requests);
    for (int i = 0; i < 1000; i++) {
        dal_instance_dealloc(arena, stack[count - 1], 64, 8);
        dal_instance_dealloc(arena, stack[count - 2], 64, 8);
        stack[count - 2] = filled(64, 8, 1);
        stack[count - 1] = filled(64, 8, 1);
    }
    ck_assert_uint_eq(atomic_load(&child.requests), asked);
    ck_assert_uint_eq(live_bytes(), 2 * CHUNK);
}
END_TEST

/* Where it moves to the next chunk, its old place is the last block of the one before. */
START_TEST(test_an_array_that_grew_over_the_end_of_a_chunk_is_not_in_the_way)
{
    const int count = CHUNK / 64 - 4;
    size_t size = 64;
    char *array;

    push_all(count, 64, 8);
    array = filled(size, 8, 1);
    for (; live_blocks() < 2; size += 64)
        array = dal_instance_realloc(arena, array, size, 8, size + 64);
    dal_instance_dealloc(arena, array, size, 8);
    pop_all(count, 64, 8);
    ck_assert_ptr_eq(filled(64, 8, 1), stack[0]);
}
END_TEST

START_TEST(test_a_chunk_that_is_emptied_behind_the_current_one_is_used_again)
{
    const int count = CHUNK / 64 - 1;
    size_t asked = 0;

    for (int round = 0; round < 50; round++) {
        char *block;

        push_all(count, 64, 8);
        block = filled(64, 8, 1);
        ck_assert_uint_eq(live_bytes(), 2 * CHUNK);
        pop_all(count, 64, 8);
        dal_instance_dealloc(arena, block, 64, 8);
        if (round == 0)
            asked = atomic_load(&child.requests);
    }
    ck_assert_uint_eq(atomic_load(&child.requests), asked);
}
END_TEST

/* ---- Limits ---------------------------------------------------------------------- */

START_TEST(test_limit_is_kept_and_used_up)
{
    size_t count = 0;

    teardown();
    make(CHUNK, 1000000);
    while (dal_instance_alloc(arena, 64, 8)) {
        count++;
        ck_assert_uint_le(live_bytes(), 1000000);
    }
    ck_assert_uint_ge(count * 64, 990000);
    ck_assert_ptr_null(dal_instance_alloc(arena, OWN, 8));
    ck_assert_ptr_null(dal_instance_alloc_zeroed(arena, 64, 8));
}
END_TEST

START_TEST(test_limit_allows_again_what_went_back)
{
    char *large;

    teardown();
    make(CHUNK, 1000000);
    large = filled(900000, 8, 1);
    ck_assert_ptr_null(dal_instance_alloc(arena, 900000, 8));
    ck_assert_ptr_null(dal_instance_realloc(arena, large, 900000, 8, 1000000));
    large = dal_instance_realloc(arena, large, 900000, 8, 100000);
    ck_assert_ptr_nonnull(large);
    ck_assert_ptr_nonnull(dal_instance_alloc(arena, 800000, 8));
    dal_instance_dealloc(arena, large, 100000, 8);
    ck_assert_ptr_nonnull(dal_instance_alloc(arena, 150000, 8));
    ck_assert_uint_le(live_bytes(), 1000000);
}
END_TEST

static void *take_all(void *unused)
{
    size_t count = 0;

    (void)unused;
    while (dal_instance_alloc(arena, 64, 8))
        count++;
    return (void *)count;
}

enum { THREADS = 4 };

START_TEST(test_limit_holds_over_all_threads)
{
    pthread_t threads[THREADS];
    size_t count = 0;

    teardown();
    make(4096, 2000000);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_all, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;

        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        count += (uintptr_t)result;
    }
    ck_assert_uint_le(live_bytes(), 2000000);
    ck_assert_uint_ge(count * 64, 1950000);
}
END_TEST

static void *take_one(void *unused)
{
    (void)unused;
    return filled(64, 8, 1);
}

START_TEST(test_at_the_limit_what_ended_threads_left_is_used)
{
    pthread_t threads[THREADS];
    void *ignored;
    size_t count = 0;

    teardown();
    make(CHUNK, (THREADS + 1) * CHUNK);
    (void)filled(64, 8, 1);
    /* All alive at once, so that each has a chunk of its own, nearly empty. */
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_one, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], &ignored), 0);
    while (dal_instance_alloc(arena, 64, 8))
        count++;
    ck_assert_uint_ge((count + THREADS + 1) * 64, (THREADS + 1) * (CHUNK - 80));
}
END_TEST

START_TEST(test_whichever_request_the_child_refuses_nothing_is_lost)
{
    for (size_t n = 1; n < 12; n++) {
        char *small, *large, *grown;

        child.fail_at = atomic_load(&child.requests) + n;
        for (int i = 0; i < 3; i++) {
            small = dal_instance_alloc(arena, 10000, 8);
            large = dal_instance_alloc(arena, 30000, 64);
            grown = large ? dal_instance_realloc(arena, large, 30000, 64, 90000) : NULL;
            if (large)
                dal_instance_dealloc(arena, grown ? grown : large, grown ? 90000 : 30000, 64);
            ck_assert(small || n < 12);
        }
        child.fail_at = 0;
        (void)filled(10000, 8, 1);
    }
}
END_TEST

/* ---- Threads that come and go ------------------------------------------------------ */

START_TEST(test_a_thread_goes_on_where_an_ended_one_stopped)
{
    char *first = in_thread(take_one, NULL);

    for (int i = 1; i < 20; i++)
        ck_assert_ptr_eq(in_thread(take_one, NULL), first + 64 * i);
    ck_assert_uint_eq(live_bytes(), CHUNK);
}
END_TEST

enum { SHORT_LIVED = 10000 };

static void *live_shortly(void *data)
{
    char *block = dal_instance_alloc(arena, 100, 8);
    char *large = dal_instance_alloc(arena, OWN, 8);

    memset(block, 1, 100);
    memset(large, 2, 100);
    dal_instance_dealloc(arena, large, OWN, 8);
    return data;
}

START_TEST(test_short_lived_threads_leave_nothing_behind)
{
    enum { AT_A_TIME = 4 };
    pthread_t threads[AT_A_TIME];
    void *ignored;
    uint64_t most;

    for (int i = 0; i < SHORT_LIVED / AT_A_TIME; i++) {
        for (int k = 0; k < AT_A_TIME; k++)
            ck_assert_int_eq(pthread_create(&threads[k], NULL, live_shortly, NULL), 0);
        for (int k = 0; k < AT_A_TIME; k++)
            ck_assert_int_eq(pthread_join(threads[k], &ignored), 0);
    }
    /* What they asked for, and at most one chunk that is not full for each at a time. */
    most = (uint64_t)SHORT_LIVED * 112 * CHUNK / (CHUNK - 16 - 112) + AT_A_TIME * CHUNK;
    ck_assert_uint_le(live_bytes(), most);
}
END_TEST

static pthread_key_t late_key;
static int late_rounds, late_rounds_most;

/* Destructors of keys run in rounds; the arena's own has run when this one comes again. */
static void allocate_late(void *value)
{
    char *block = filled(64, 8, 3);
    char *large = filled(OWN, 8, 4);

    large = dal_instance_realloc(arena, large, OWN, 8, 2 * OWN);
    ck_assert(is_all(large, 4, OWN));
    dal_instance_dealloc(arena, large, 2 * OWN, 8);
    dal_instance_dealloc(arena, block, 64, 8);
    if (++late_rounds < late_rounds_most)
        pthread_setspecific(late_key, value);
}

static void *end_late(void *does_allocate)
{
    late_rounds = 0;
    pthread_setspecific(late_key, &late_key);
    if (does_allocate)
        (void)filled(64, 8, 1);
    return NULL;
}

static size_t state_count(void)
{
    const struct dal_heap_ *heap = over.allocator.ctx;
    const struct dal_heap_state_ *state = atomic_load(&heap->states);
    size_t count = 0;

    for (; state; state = state->next_of_heap)
        count++;
    return count;
}

/* Up to those that set their key again each time, until the system stops. */
enum {
#if defined __SANITIZE_THREAD__ /* it has taken the thread down before the last round */
    LATE_ROUNDS = 3,
#else
    LATE_ROUNDS = 6,
#endif
    LATE_ROUNDS_LEAST = 4 /* that POSIX has every system do */
};

START_TEST(test_destructors_of_thread_storage_may_allocate)
{
    ck_assert_int_eq(pthread_key_create(&late_key, allocate_late), 0);
    late_rounds_most = _i + 1;
    for (int i = 0; i < 500; i++) {
        in_thread(end_late, &late_key);
        ck_assert_int_ge(late_rounds,
                         _i < LATE_ROUNDS_LEAST ? late_rounds_most : LATE_ROUNDS_LEAST);
        in_thread(end_late, NULL);
    }
    ck_assert_uint_eq(state_count(), 1);
    ck_assert_uint_eq(live_bytes(), CHUNK); /* 500 blocks of 64 bytes */
    pthread_key_delete(late_key);
}
END_TEST

/* ---- Blocks of other threads -------------------------------------------------------- */

static void *free_it(void *ptr)
{
    dal_instance_dealloc(arena, ptr, 64, 8);
    return dal_instance_alloc(arena, 64, 8);
}

START_TEST(test_freeing_a_block_of_another_thread_is_safe)
{
    char *block = filled(64, 8, 1);
    char *other = in_thread(free_it, block);

    ck_assert_ptr_ne(other, block);
    ck_assert_ptr_eq(filled(64, 8, 1), block + 64);
}
END_TEST

static void *grow_it(void *ptr)
{
    char *grown = dal_instance_realloc(arena, ptr, 64, 8, 128);

    return grown;
}

START_TEST(test_resizing_a_block_of_another_thread_copies_it)
{
    char *block = filled(64, 8, 5);
    char *grown = in_thread(grow_it, block);

    ck_assert_ptr_ne(grown, block);
    ck_assert(is_all(grown, 5, 64));
    ck_assert_ptr_eq(filled(64, 8, 1), block + 64);
}
END_TEST

/* Every kind of block that has memory of its own. */
static const struct {
    size_t size, align;
} owned[] = {{OWN, 8},     {OWN + 1, 1},  {100000, 8},
             {100000, 64}, {0, OWN},      {0, 65536},
             {100, 32768}, {CHUNK, 4096}, {CHUNK - OWN_HEADER, 16},
             {4000000, 16}};

enum { OWNED = sizeof owned / sizeof owned[0] };

static void take_owned(void **blocks)
{
    for (int i = 0; i < OWNED; i++)
        blocks[i] = filled(owned[i].size, owned[i].align, i);
}

static void *free_owned(void *data)
{
    void **blocks = data;

    for (int i = 0; i < OWNED; i++) {
        ck_assert(is_all(blocks[i], (unsigned char)i, owned[i].size));
        dal_instance_dealloc(arena, blocks[i], owned[i].size, owned[i].align);
    }
    return (void *)live_blocks();
}

/* In each case the thread that allocated waits, and comes by no more before it is asked. */
START_TEST(test_large_blocks_freed_elsewhere_go_back_at_once)
{
    const struct dal_heap_ *heap = over.allocator.ctx;
    void *blocks[OWNED];

    for (int round = 0; round < 100; round++) {
        take_owned(blocks);
        ck_assert_uint_eq(live_blocks(), OWNED);
        ck_assert_ptr_null(in_thread(free_owned, blocks));
    }
    ck_assert_ptr_null(atomic_load(&heap->own_pages)->older); /* nor are more places needed */
}
END_TEST

static void *free_and_take_again(void *data)
{
    char **blocks = data;

    for (int i = 0; i < 9; i++)
        dal_instance_dealloc(arena, blocks[i], 100000, 8);
    for (int i = 0; i < 9; i++)
        blocks[i] = filled(100000, 8, i);
    return NULL;
}

START_TEST(test_what_another_thread_freed_is_there_within_the_limit)
{
    char *blocks[9];

    teardown();
    make(CHUNK, 1000000);
    for (int i = 0; i < 9; i++)
        blocks[i] = filled(100000, 8, i);
    ck_assert_ptr_null(dal_instance_alloc(arena, 100000, 8));
    in_thread(free_and_take_again, blocks); /* of a thread that waits */
    (void)free_and_take_again(blocks);      /* of one that has ended */
}
END_TEST

static void *take_large_beside(void *unused)
{
    (void)unused;
    return filled(1000000 - CHUNK - OWN_HEADER, 8, 1);
}

static void *grow_large_beside(void *block)
{
    return dal_instance_realloc(arena, block, OWN, 8, 1000000 - CHUNK - OWN_HEADER);
}

START_TEST(test_spare_chunks_of_all_threads_make_room)
{
    const int count = 7 * CHUNK / 128 - 50;

    for (int in_place = 0; in_place < 2; in_place++) {
        void *large;

        teardown();
        make(CHUNK, 1000000);
        push_all(count, 128, 8);
        ck_assert_uint_eq(live_blocks(), 7);
        pop_all(count, 128, 8);
        ck_assert_uint_eq(live_bytes(), 2 * CHUNK);
        large = in_place ? in_thread(grow_large_beside, filled(OWN, 8, 1))
                         : in_thread(take_large_beside, NULL);
        ck_assert_ptr_nonnull(large);
        ck_assert_uint_le(live_bytes(), 1000000);
    }
}
END_TEST

static void *take_large(void *unused)
{
    (void)unused;
    return filled(100000, 8, 4);
}

START_TEST(test_large_block_of_an_ended_thread_goes_back_at_once)
{
    char *one = in_thread(take_large, NULL);
    char *two = in_thread(take_large, NULL);

    ck_assert(is_all(one, 4, 100000) && is_all(two, 4, 100000));
    dal_instance_dealloc(arena, one, 100000, 8);
    dal_instance_dealloc(arena, two, 100000, 8);
    ck_assert_uint_eq(live_blocks(), 0);
}
END_TEST

static void *grow_large(void *ptr)
{
    return dal_instance_realloc(arena, ptr, 100000, 8, 300000);
}

START_TEST(test_a_large_block_of_another_thread_is_resized)
{
    char *block = filled(100000, 8, 5);

    block = in_thread(grow_large, block);
    ck_assert(is_all(block, 5, 100000));
    ck_assert_uint_eq(live_blocks(), 1);
    memset(block, 6, 300000);
    block = dal_instance_realloc(arena, block, 300000, 8, 400000);
    ck_assert(is_all(block, 6, 300000));
    ck_assert_uint_eq(live_bytes(), 400000 + OWN_HEADER);
}
END_TEST

/* Threads that pass blocks round, free and resize what others made. */

enum { STEPS = 4000, SLOTS = 64 };

struct passed {
    size_t size;
    unsigned char value;
};

static void *_Atomic slots[SLOTS];

/* Every block begins with what it holds. */
static void *make_passed(uint32_t random)
{
    size_t size = sizeof(struct passed) + (random % 50 == 0 ? random % 60000 : random % 300);
    struct passed *block = random & 1024 ? dal_instance_alloc(arena, size, 8)
                                         : dal_instance_alloc_zeroed(arena, size, 8);

    if (block) {
        memset(block, (int)(random & 255), size);
        *block = (struct passed){size, (unsigned char)(random & 255)};
    }
    return block;
}

static int is_intact(const struct passed *block)
{
    return is_all(block + 1, block->value, block->size - sizeof *block);
}

static void *pass_round(void *data)
{
    uint32_t random = (uint32_t)(uintptr_t)data;

    for (int i = 0; i < STEPS; i++) {
        struct passed *block;

        random = random * 1664525 + 1013904223;
        block = atomic_exchange(&slots[random >> 8 & (SLOTS - 1)], make_passed(random >> 14));
        if (!block)
            continue;
        if (!is_intact(block))
            return data;
        if (random >> 30 == 0) {
            size_t size = block->size + 40;
            struct passed *grown = dal_instance_realloc(arena, block, block->size, 8, size);

            if (!grown || !is_intact(grown))
                return data;
            block = grown;
            block->size = size; /* for the dealloc below */
        }
        dal_instance_dealloc(arena, block, block->size, 8);
    }
    return NULL;
}

START_TEST(test_threads_that_free_each_others_blocks)
{
    pthread_t threads[THREADS];
    size_t failures = 0;

    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, pass_round, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;

        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        failures += failed != NULL;
    }
    ck_assert_uint_eq(failures, 0);
    for (int i = 0; i < SLOTS; i++) {
        struct passed *block = atomic_exchange(&slots[i], NULL);

        if (!block)
            continue;
        ck_assert(is_intact(block));
        dal_instance_dealloc(arena, block, block->size, 8);
    }
}
END_TEST

/* ---- Arenas that come and go ------------------------------------------------------- */

static pthread_barrier_t turn;

/* A child that gives every heap the same address, one after the other. */
static _Alignas(64) char heap_place[HEAP];

static void *same_place_alloc(size_t size, size_t align, void *ctx)
{
    return size == HEAP ? heap_place : counting_alloc(size, align, ctx);
}

static void same_place_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    if (ptr != heap_place)
        counting_dealloc(ptr, size, align, ctx);
}

/* Use the arena of the moment at every turn, and stay alive all the while. */
static void *use_each(void *data)
{
    for (int i = 0; i < 100; i++) {
        char *block;

        pthread_barrier_wait(&turn);
        block = dal_instance_alloc(arena, 64, 8);
        if (!block)
            return data;
        memset(block, i, 64); /* in freed memory, a sanitizer and the child's books see it */
        pthread_barrier_wait(&turn);
    }
    return NULL;
}

static size_t states_of_this_thread(void)
{
    size_t count = 0;

    for (const struct dal_heap_state_ *state = dal_heap_cache_.states; state;
         state = state->next_of_thread)
        count++;
    return count;
}

START_TEST(test_a_thread_never_takes_a_new_arena_for_a_destroyed_one)
{
    const struct dal_allocator same_place = {
        DAL_ALLOCATOR_HEADER(&child),
        .alloc = same_place_alloc,
        .dealloc = same_place_dealloc,
    };
    struct dal_instance_storage storage;
    pthread_t thread;
    void *failed;

    ck_assert_int_eq(dal_instance_init(&storage, &same_place, NULL), 0);
    ck_assert_int_eq(pthread_barrier_init(&turn, NULL, 2), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, use_each, &turn), 0);
    for (int i = 0; i < 100; i++) {
        teardown();
        ck_assert_int_eq(over_child_make(&over, "arena", &storage.instance, "chunk", CHUNK, NULL),
                         0);
        ck_assert_ptr_eq(over.allocator.ctx, heap_place);
        (void)filled(64, 8, 1);
        pthread_barrier_wait(&turn);
        pthread_barrier_wait(&turn);
        /* Each got a chunk, and of this very arena. */
        ck_assert_uint_eq(atomic_load(&child.live_bytes), 2 * CHUNK);
        ck_assert_uint_le(states_of_this_thread(), 2);
    }
    ck_assert_int_eq(pthread_join(thread, &failed), 0);
    ck_assert_ptr_null(failed);
    pthread_barrier_destroy(&turn);
    teardown();
    make(CHUNK, 0);
}
END_TEST

static void *wait_and_end(void *unused)
{
    (void)filled(64, 8, 1);
    (void)filled(OWN, 8, 1);
    pthread_barrier_wait(&turn);
    return unused;
}

START_TEST(test_a_thread_may_end_while_its_arena_is_destroyed)
{
    ck_assert_int_eq(pthread_barrier_init(&turn, NULL, 2), 0);
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        void *ignored;

        ck_assert_int_eq(pthread_create(&thread, NULL, wait_and_end, NULL), 0);
        pthread_barrier_wait(&turn);
        teardown();
        make(CHUNK, 0);
        ck_assert_int_eq(pthread_join(thread, &ignored), 0);
    }
    pthread_barrier_destroy(&turn);
}
END_TEST

/* ---- fork ------------------------------------------------------------------------ */

#if SUITE_HAS_FORK
static atomic_int stop;

static void *be_busy(void *unused)
{
    while (!atomic_load(&stop)) {
        char *small = dal_instance_alloc(arena, 64, 8);
        char *large = dal_instance_alloc(arena, 20000, 8);

        large = dal_instance_realloc(arena, large, 20000, 8, 50000);
        dal_instance_dealloc(arena, large, 50000, 8);
        dal_instance_dealloc(arena, small, 64, 8);
    }
    return unused;
}

/* In a child of fork: the other threads are gone, in the middle of whatever they did. What
 * they held is lost, which a leak checker would report where the child exits; so it dies. */
static _Noreturn void go_on_in_child(const char *block, char *large)
{
    alarm(20);
    if (!is_all(block, 1, 64) || !is_all(large, 2, 50000))
        _exit(1);
    for (int i = 0; i < 3000; i++)
        if (!dal_instance_alloc(arena, 64, 8))
            _exit(2);
    dal_instance_dealloc(arena, large, 50000, 8);
    large = dal_instance_alloc_zeroed(arena, 50000, 8);
    if (!large || !is_all(large, 0, 50000))
        _exit(3);
# if !defined __SANITIZE_THREAD__ /* it refuses new threads here */
    if (!in_thread(take_one, NULL))
        _exit(4);
# endif
    over_child_destroy(&over);
    (void)kill(getpid(), SIGKILL);
    abort();
}

START_TEST(test_a_child_of_fork_goes_on_whatever_other_threads_did)
{
    pthread_t threads[THREADS];
    char *block = filled(64, 8, 1);
    char *large = filled(50000, 8, 2);
    void *ignored;

    atomic_store(&stop, 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, be_busy, NULL), 0);
    for (int i = 0; i < 30; i++) {
        pid_t forked = fork();
        int status;

        if (forked == 0)
            go_on_in_child(block, large);
        ck_assert_int_gt(forked, 0);
        ck_assert_int_eq(waitpid(forked, &status, 0), forked);
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %d", status);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], &ignored), 0);
}
END_TEST
#endif

/* ---- By name --------------------------------------------------------------------- */

START_TEST(test_wrong_options_say_what_is_accepted)
{
    static const struct {
        const char *spec, *says;
    } bad[] = {
        {"arena:chunk=4095", "4K"},       {"arena:chunk=2G", "1G"},
        {"arena:chunk=big", "chunk"},     {"arena:limit=1", "4K"},
        {"arena:limit=1K", "limit"},      {"arena:size=1M", "chunk"},
        {"arena:limit=32K", "chunk=64K"}, {"arena:limit=1M,chunk=2M", "limit=1M"},
        {"arena:prefault=2", "prefault"}, {"arena:huge_pages=on", "default|advise|never"},
    };
    const struct dal_instance *instance = NULL;
    char message[300];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(dal_instance_create_spec(bad[i].spec, &instance, message, sizeof message),
                         DAL_ERR_OPTION);
        ck_assert_ptr_null(instance);
        ck_assert_msg(strstr(message, bad[i].says) != NULL, "%s: %s", bad[i].spec, message);
    }
}
END_TEST

START_TEST(test_thread_local_storage_is_within_its_budget)
{
    ck_assert_uint_le(sizeof dal_heap_cache_, 40);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arena_threads");
    TCase *cases = tcase_create("cases");
    TCase *names = tcase_create("names");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_blocks_lie_side_by_side_in_one_chunk);
    tcase_add_test(cases, test_last_block_is_freed_grown_and_shrunk_in_place);
    tcase_add_test(cases, test_last_block_is_freed_at_every_size_that_is_cut);
    tcase_add_test(cases, test_empty_blocks_are_distinct_and_aligned);
    tcase_add_test(cases, test_large_blocks_go_back_when_freed);
    tcase_add_test(cases, test_blocks_change_between_chunks_and_memory_of_their_own);
    tcase_add_test(cases, test_large_block_is_resized_where_it_is_if_it_has_room);
    tcase_add_test(cases, test_zeroed_blocks_are_zero_in_memory_that_was_used);
    tcase_add_test(cases, test_sizes_and_alignments_near_the_end_of_numbers_give_null);
    tcase_add_test(cases, test_failed_realloc_leaves_block_intact);
    tcase_add_test(cases, test_two_arenas_take_turns_in_a_thread);
    tcase_add_test(cases, test_last_block_is_freed_whichever_arena_was_used_since);
    tcase_add_test(cases, test_a_block_is_not_taken_for_the_last_one_of_another_arena);
    tcase_add_loop_test(cases,
                        test_blocks_freed_in_reverse_are_used_again_over_any_number_of_chunks, 0,
                        sizeof reversed / sizeof reversed[0]);
    tcase_add_test(cases, test_work_at_the_end_of_a_chunk_does_not_go_to_the_child);
    tcase_add_test(cases, test_an_array_that_grew_over_the_end_of_a_chunk_is_not_in_the_way);
    tcase_add_test(cases, test_a_chunk_that_is_emptied_behind_the_current_one_is_used_again);
    tcase_add_test(cases, test_limit_is_kept_and_used_up);
    tcase_add_test(cases, test_limit_allows_again_what_went_back);
    tcase_add_test(cases, test_limit_holds_over_all_threads);
    tcase_add_test(cases, test_at_the_limit_what_ended_threads_left_is_used);
    tcase_add_test(cases, test_whichever_request_the_child_refuses_nothing_is_lost);
    tcase_add_test(cases, test_a_thread_goes_on_where_an_ended_one_stopped);
    tcase_add_test(cases, test_short_lived_threads_leave_nothing_behind);
    tcase_add_loop_test(cases, test_destructors_of_thread_storage_may_allocate, 0, LATE_ROUNDS);
    tcase_add_test(cases, test_freeing_a_block_of_another_thread_is_safe);
    tcase_add_test(cases, test_resizing_a_block_of_another_thread_copies_it);
    tcase_add_test(cases, test_large_blocks_freed_elsewhere_go_back_at_once);
    tcase_add_test(cases, test_what_another_thread_freed_is_there_within_the_limit);
    tcase_add_test(cases, test_spare_chunks_of_all_threads_make_room);
    tcase_add_test(cases, test_large_block_of_an_ended_thread_goes_back_at_once);
    tcase_add_test(cases, test_a_large_block_of_another_thread_is_resized);
    tcase_add_test(cases, test_threads_that_free_each_others_blocks);
    tcase_add_test(cases, test_a_thread_never_takes_a_new_arena_for_a_destroyed_one);
    tcase_add_test(cases, test_a_thread_may_end_while_its_arena_is_destroyed);
#if !SUITE_HAS_FORK
    /* There is nothing to go on in. */
#elif !defined __SANITIZE_ADDRESS__ /* its malloc, the child here, hangs after such a fork */
    tcase_add_test(cases, test_a_child_of_fork_goes_on_whatever_other_threads_did);
#else
    (void)test_a_child_of_fork_goes_on_whatever_other_threads_did;
#endif
    suite_add_tcase(suite, cases);

    tcase_add_test(names, test_wrong_options_say_what_is_accepted);
    tcase_add_test(names, test_thread_local_storage_is_within_its_budget);
    suite_add_tcase(suite, names);
    return suite_run(suite);
}
