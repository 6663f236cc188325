/* SPDX-License-Identifier: MIT */
/* The fixed arena: Rust's SimpleAllocator to the byte, at any alignment, from many threads. */
#include <config.h>

#include <check.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

#include "counting.h"
#include "over_child.h"
#include "suite.h"

#define CAPACITY 131072

static _Alignas(4096) unsigned char memory[CAPACITY + 4096];
static struct dal_fixed_arena arena;

/* The same as static objects, so that the initializers are proved to be constant. */
static _Alignas(4096) unsigned char static_memory[CAPACITY];
static struct dal_fixed_arena static_arena =
    DAL_FIXED_ARENA_INIT(static_memory, sizeof static_memory);
static const struct dal_allocator static_allocator = DAL_FIXED_ARENA_ALLOCATOR(&static_arena);

static void setup(void)
{
    memset(memory, 0x55, sizeof memory);
    arena = (struct dal_fixed_arena)DAL_FIXED_ARENA_INIT(memory, CAPACITY);
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

START_TEST(test_bytes_used_are_those_of_simple_allocator)
{
    unsigned char *first = dal_fixed_arena_alloc(&arena, 20, 1);

    ck_assert_ptr_eq(first, memory + CAPACITY - 20);
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 20);
    ck_assert_ptr_eq(dal_fixed_arena_alloc(&arena, 8, 8), memory + CAPACITY - 32);
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 32);
    ck_assert_ptr_eq(dal_fixed_arena_alloc(&arena, 1, 4096), memory + CAPACITY - 4096);
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 4096);
    ck_assert_ptr_null(dal_fixed_arena_alloc(&arena, CAPACITY, 1));
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 4096);
    ck_assert_ptr_null(dal_fixed_arena_alloc(&arena, 8, 8192));
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 4096);
    ck_assert_uint_eq(dal_fixed_arena_remaining(&arena), CAPACITY - 4096);
    ck_assert_uint_eq(dal_fixed_arena_capacity(&arena), CAPACITY);
}
END_TEST

START_TEST(test_the_last_byte_can_be_had_and_not_one_more)
{
    ck_assert_ptr_eq(dal_fixed_arena_alloc(&arena, CAPACITY, 4096), memory);
    ck_assert_uint_eq(dal_fixed_arena_remaining(&arena), 0);
    ck_assert_ptr_null(dal_fixed_arena_alloc(&arena, 1, 1));
    ck_assert_ptr_null(dal_fixed_arena_alloc(&arena, 0, 1));
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), CAPACITY);
}
END_TEST

START_TEST(test_zeroed_block_is_zero_though_the_memory_was_not)
{
    unsigned char *block = dal_fixed_arena_alloc_zeroed(&arena, 1000, 8);

    ck_assert_ptr_nonnull(block);
    ck_assert(is_all(block, 0, 1000));
    ck_assert(is_all(memory, 0x55, (size_t)(block - memory)));
    ck_assert_ptr_null(dal_fixed_arena_alloc_zeroed(&arena, CAPACITY, 1));
}
END_TEST

START_TEST(test_alignment_holds_in_memory_of_any_alignment)
{
    for (size_t shift = 0; shift < 64; shift++) {
        for (size_t align = 1; align <= DAL_FIXED_ARENA_ALIGN_MAX; align *= 2) {
            unsigned char *block;

            arena = (struct dal_fixed_arena)DAL_FIXED_ARENA_INIT(memory + shift, 8192 + 100);
            block = dal_fixed_arena_alloc(&arena, 100, align);
            ck_assert_ptr_nonnull(block);
            ck_assert(is_aligned(block, align));
            ck_assert(block >= memory + shift);
            ck_assert(block + 100 <= memory + shift + 8192 + 100);
            ck_assert_uint_eq(dal_fixed_arena_used(&arena),
                              (size_t)(memory + shift + 8192 + 100 - block));
        }
    }
}
END_TEST

START_TEST(test_a_block_never_begins_before_unaligned_memory)
{
    /* 100 bytes from an odd address hold no multiple of 4096, though 50 bytes remain. */
    arena = (struct dal_fixed_arena)DAL_FIXED_ARENA_INIT(memory + 5, 100);
    ck_assert_ptr_null(dal_fixed_arena_alloc(&arena, 50, 4096));
    ck_assert_ptr_null(dal_fixed_arena_alloc(&arena, 1, 128));
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 0);
    ck_assert_ptr_eq(dal_fixed_arena_alloc(&arena, 100, 1), memory + 5);
}
END_TEST

START_TEST(test_sizes_and_alignments_near_the_end_of_numbers_give_null)
{
    static const size_t sizes[] = {SIZE_MAX,
                                   SIZE_MAX - 1,
                                   SIZE_MAX - 4095,
                                   (size_t)PTRDIFF_MAX,
                                   (size_t)PTRDIFF_MAX + 1,
                                   (size_t)PTRDIFF_MAX - 4095,
                                   (size_t)1 << (sizeof(size_t) * 8 - 2),
                                   CAPACITY + 1};

    ck_assert_ptr_nonnull(dal_fixed_arena_alloc(&arena, 3, 1));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t align = 1; align <= 4096; align *= 2) {
            /* The compiler warns of such sizes where it sees them. */
            volatile size_t size = sizes[i];

            ck_assert_ptr_null(dal_fixed_arena_alloc(&arena, size, align));
            ck_assert_ptr_null(dal_fixed_arena_alloc_zeroed(&arena, size, align));
        }
    for (volatile size_t align = 8192; align != 0; align *= 2)
        ck_assert_ptr_null(dal_fixed_arena_alloc(&arena, 1, align));
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 3);
}
END_TEST

START_TEST(test_empty_blocks_are_aligned_and_lie_inside)
{
    for (size_t align = 1; align <= 4096; align *= 2) {
        unsigned char *block = dal_fixed_arena_alloc(&arena, 0, align);

        ck_assert_ptr_nonnull(block);
        ck_assert(is_aligned(block, align));
        ck_assert(block >= memory && block < memory + CAPACITY);
        ck_assert_int_eq(dal_fixed_arena_owns_(block, &arena), 1);
        dal_fixed_arena_dealloc(&arena, block, 0, align);
    }
}
END_TEST

START_TEST(test_dealloc_does_nothing)
{
    unsigned char *block = dal_fixed_arena_alloc(&arena, 100, 1);

    memset(block, 7, 100);
    dal_fixed_arena_dealloc(&arena, block, 100, 1);
    dal_fixed_arena_dealloc(&arena, NULL, 1, 1);
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 100);
    ck_assert(is_all(block, 7, 100));
    ck_assert_ptr_eq(dal_fixed_arena_alloc(&arena, 1, 1), block - 1);
}
END_TEST

START_TEST(test_realloc_shrinks_in_place)
{
    unsigned char *block = dal_fixed_arena_alloc(&arena, 100, 8);

    ck_assert_ptr_eq(dal_fixed_arena_realloc(&arena, block, 100, 8, 10), block);
    ck_assert_ptr_eq(dal_fixed_arena_realloc(&arena, block, 10, 8, 0), block);
    ck_assert_int_eq(dal_fixed_arena_resize_in_place_(block, 10, 8, 5, &arena), 0);
    ck_assert_int_eq(dal_fixed_arena_resize_in_place_(block, 10, 8, 11, &arena),
                     DAL_ERR_UNSUPPORTED);
}
END_TEST

START_TEST(test_realloc_grows_the_last_block_by_the_difference)
{
    unsigned char *block = dal_fixed_arena_alloc(&arena, 64, 8);
    unsigned char *grown;

    for (size_t i = 0; i < 64; i++)
        block[i] = (unsigned char)i;
    grown = dal_fixed_arena_realloc(&arena, block, 64, 8, 100);
    ck_assert_ptr_eq(grown, memory + CAPACITY - 104);
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 104);
    for (size_t i = 0; i < 64; i++)
        ck_assert_uint_eq(grown[i], i);
}
END_TEST

START_TEST(test_realloc_of_an_older_block_copies_it)
{
    unsigned char *block = dal_fixed_arena_alloc(&arena, 64, 64);
    unsigned char *other = dal_fixed_arena_alloc(&arena, 16, 1);
    unsigned char *grown;

    memset(block, 1, 64);
    memset(other, 2, 16);
    grown = dal_fixed_arena_realloc(&arena, block, 64, 64, 128);
    ck_assert_ptr_nonnull(grown);
    ck_assert(grown + 128 <= other);
    ck_assert(is_aligned(grown, 64));
    ck_assert(is_all(grown, 1, 64));
    ck_assert(is_all(other, 2, 16));
}
END_TEST

START_TEST(test_realloc_of_null_allocates)
{
    ck_assert_ptr_eq(dal_fixed_arena_realloc(&arena, NULL, 0, 8, 64), memory + CAPACITY - 64);
}
END_TEST

START_TEST(test_failed_realloc_leaves_block_and_arena_intact)
{
    unsigned char *block = dal_fixed_arena_alloc(&arena, 64, 8);
    volatile size_t huge = SIZE_MAX - 8;

    memset(block, 9, 64);
    ck_assert_ptr_null(dal_fixed_arena_realloc(&arena, block, 64, 8, CAPACITY + 1));
    ck_assert_ptr_null(dal_fixed_arena_realloc(&arena, block, 64, 8, huge));
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 64);
    ck_assert_ptr_nonnull(dal_fixed_arena_alloc(&arena, 1, 1));
    ck_assert_ptr_null(dal_fixed_arena_realloc(&arena, block, 64, 8, CAPACITY - 64));
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 65);
    ck_assert(is_all(block, 9, 64));
}
END_TEST

START_TEST(test_owns_what_was_allocated_and_nothing_else)
{
    unsigned char *block = dal_fixed_arena_alloc(&arena, 64, 8);

    ck_assert_int_eq(dal_fixed_arena_owns_(block, &arena), 1);
    ck_assert_int_eq(dal_fixed_arena_owns_(block + 63, &arena), 1);
    ck_assert_int_eq(dal_fixed_arena_owns_(block - 1, &arena), 0);
    ck_assert_int_eq(dal_fixed_arena_owns_(memory + CAPACITY, &arena), 0);
    ck_assert_int_eq(dal_fixed_arena_owns_(&arena, &arena), 0);
}
END_TEST

/* ---- As an allocator ------------------------------------------------------------- */

START_TEST(test_static_initializers_make_an_allocator)
{
    struct dal_instance_storage storage;
    const struct dal_instance *instance = &storage.instance;
    void *block;

    ck_assert_int_eq(dal_instance_init(&storage, &static_allocator, "static arena"), 0);
    ck_assert(instance->native & DAL_SLOT_REALLOC);
    block = dal_instance_alloc(instance, 20, 1);
    /* The compiler is told that a block is nowhere that it knows of. */
    __asm__("" : "+r"(block));
    ck_assert_ptr_eq(block, static_memory + CAPACITY - 20);
    ck_assert_int_eq(dal_instance_owns(instance, block), 1);
    ck_assert_uint_eq(dal_fixed_arena_used(&static_arena), 20);
    ck_assert_ptr_eq(dal_fixed_arena_of(instance), &static_arena);
}
END_TEST

START_TEST(test_a_spec_makes_one_that_can_be_read)
{
    const struct dal_instance *instance;
    const struct dal_fixed_arena *made;
    char message[200];

    ck_assert_int_eq(
        dal_instance_create_spec("fixed-arena:capacity=128K", &instance, message, sizeof message),
        0);
    made = dal_fixed_arena_of(instance);
    ck_assert_ptr_nonnull(made);
    ck_assert_uint_eq(dal_fixed_arena_capacity(made), CAPACITY);
    ck_assert_ptr_nonnull(dal_instance_alloc(instance, 20, 1));
    ck_assert_ptr_nonnull(dal_instance_alloc(instance, 8, 8));
    ck_assert_ptr_nonnull(dal_instance_alloc(instance, 1, 4096));
    ck_assert_uint_eq(dal_fixed_arena_used(made), 4096);
    ck_assert_ptr_null(dal_instance_alloc(instance, CAPACITY, 1));
    ck_assert_ptr_null(dal_instance_alloc(instance, 8, 8192));
    ck_assert_uint_eq(dal_fixed_arena_remaining(made), CAPACITY - 4096);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_an_instance_without_a_fixed_arena_has_none)
{
    ck_assert_ptr_null(dal_fixed_arena_of(dal_system()));
}
END_TEST

START_TEST(test_wrong_options_say_what_is_accepted)
{
    static const char *const specs[] = {
        "fixed-arena:capacity=0",          "fixed-arena:capacity=lots", "fixed-arena:capacity=-1",
        "fixed-arena:capacity=100000000G", "fixed-arena:capacity=",     "fixed-arena:size=1K"};
    const struct dal_instance *instance = NULL;
    char message[200];
    int result = 0;

    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        ck_assert_int_eq(dal_instance_create_spec(specs[i], &instance, message, sizeof message),
                         DAL_ERR_OPTION);
        ck_assert_ptr_null(instance);
        ck_assert_ptr_nonnull(strstr(message, "capacity"));
    }
    /* Of 32-bit addresses there are none left before the fourth. */
    for (int i = 0; i < 4 && result == 0; i++)
        result = dal_instance_create_spec(sizeof(size_t) > 4 ? "fixed-arena:capacity=60000G"
                                                             : "fixed-arena:capacity=1G",
                                          &instance, message, sizeof message);
    ck_assert_int_eq(result, DAL_ERR_MEMORY);
    ck_assert_ptr_nonnull(strstr(message, "cannot get a block of"));
}
END_TEST

/* ---- The backend over a child of the test's ---------------------------------------- */

START_TEST(test_backend_takes_one_block_of_its_child_and_gives_it_back)
{
    struct counting child;
    struct over_child over;
    const struct dal_fixed_arena *made;
    void *block;

    counting_init(&child);
    ck_assert_int_eq(
        over_child_make(&over, "fixed-arena", &child.storage.instance, "capacity", 1000, NULL), 0);
    ck_assert_uint_eq(atomic_load(&child.live_blocks), 1);
    block = dal_instance_alloc(&over.storage.instance, 1000, 1);
    ck_assert_ptr_nonnull(block);
    memset(block, 1, 1000);
    made = dal_fixed_arena_of(&over.storage.instance);
    ck_assert_uint_eq(dal_fixed_arena_remaining(made), 0);
    ck_assert_ptr_null(dal_instance_alloc(&over.storage.instance, 1, 1));
    over_child_destroy(&over);
    ck_assert_uint_eq(atomic_load(&child.live_blocks), 0);

    child.limit_bytes = 999;
    ck_assert_int_eq(
        over_child_make(&over, "fixed-arena", &child.storage.instance, "capacity", 1000, NULL),
        DAL_ERR_MEMORY);
    ck_assert_uint_eq(atomic_load(&child.live_blocks), 0);
}
END_TEST

/* ---- Threads --------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS  2000

static pthread_barrier_t start;

/* Allocate, fill with the thread's number, sometimes grow; every block still has its bytes
 * at the end, so no two ever overlapped. */
static void *hammer(void *data)
{
    unsigned char mark = (unsigned char)(uintptr_t)data;
    unsigned char *blocks[ROUNDS];
    size_t sizes[ROUNDS];

    pthread_barrier_wait(&start);
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t size = 1 + i % 9;
        unsigned char *block = dal_fixed_arena_alloc(&arena, size, (size_t)1 << i % 3);

        if (block)
            memset(block, mark, size);
        if (block && i % 3 == 0) {
            unsigned char *grown =
                dal_fixed_arena_realloc(&arena, block, size, (size_t)1 << i % 3, size + 5);

            if (grown) {
                memset(grown + size, mark, 5);
                block = grown;
                size += 5;
            }
        }
        blocks[i] = block;
        sizes[i] = size;
    }
    pthread_barrier_wait(&start);
    for (size_t i = 0; i < ROUNDS; i++)
        if (!blocks[i] || !is_all(blocks[i], mark, sizes[i]))
            return data;
    return NULL;
}

START_TEST(test_blocks_of_many_threads_never_overlap)
{
    pthread_t threads[THREADS];
    size_t failures = 0;

    ck_assert_int_eq(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed;

        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        failures += failed != NULL;
    }
    ck_assert_uint_eq(failures, 0);
    pthread_barrier_destroy(&start);
}
END_TEST

/* Threads that exhaust an arena together get every byte of it once. */
static void *exhaust(void *data)
{
    size_t got = 0;

    (void)data;
    pthread_barrier_wait(&start);
    while (dal_fixed_arena_alloc(&arena, 7, 1))
        got += 7;
    return (void *)got;
}

START_TEST(test_threads_that_exhaust_it_get_every_byte_once)
{
    pthread_t threads[THREADS];
    size_t sum = 0;

    ck_assert_int_eq(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, exhaust, NULL), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *got;

        ck_assert_int_eq(pthread_join(threads[i], &got), 0);
        sum += (uintptr_t)got;
    }
    ck_assert_uint_eq(sum, CAPACITY / 7 * 7);
    ck_assert_uint_eq(dal_fixed_arena_remaining(&arena), CAPACITY % 7);
    pthread_barrier_destroy(&start);
}
END_TEST

#if SUITE_HAS_FORK
START_TEST(test_a_forked_child_allocates_from_its_own_copy)
{
    pid_t child;
    int status;

    ck_assert_ptr_nonnull(dal_fixed_arena_alloc(&arena, 10, 1));
    child = fork();
    if (child == 0)
        _exit(dal_fixed_arena_alloc(&arena, 10, 1) == memory + CAPACITY - 20 ? 0 : 1);
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 10);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("fixed_arena");
    TCase *blocks = tcase_create("blocks");
    TCase *allocator = tcase_create("allocator");
    TCase *threads = tcase_create("threads");

    tcase_add_checked_fixture(blocks, setup, NULL);
    tcase_add_test(blocks, test_bytes_used_are_those_of_simple_allocator);
    tcase_add_test(blocks, test_the_last_byte_can_be_had_and_not_one_more);
    tcase_add_test(blocks, test_zeroed_block_is_zero_though_the_memory_was_not);
    tcase_add_test(blocks, test_alignment_holds_in_memory_of_any_alignment);
    tcase_add_test(blocks, test_a_block_never_begins_before_unaligned_memory);
    tcase_add_test(blocks, test_sizes_and_alignments_near_the_end_of_numbers_give_null);
    tcase_add_test(blocks, test_empty_blocks_are_aligned_and_lie_inside);
    tcase_add_test(blocks, test_dealloc_does_nothing);
    tcase_add_test(blocks, test_realloc_shrinks_in_place);
    tcase_add_test(blocks, test_realloc_grows_the_last_block_by_the_difference);
    tcase_add_test(blocks, test_realloc_of_an_older_block_copies_it);
    tcase_add_test(blocks, test_realloc_of_null_allocates);
    tcase_add_test(blocks, test_failed_realloc_leaves_block_and_arena_intact);
    tcase_add_test(blocks, test_owns_what_was_allocated_and_nothing_else);
    suite_add_tcase(suite, blocks);

    tcase_add_test(allocator, test_static_initializers_make_an_allocator);
    tcase_add_test(allocator, test_a_spec_makes_one_that_can_be_read);
    tcase_add_test(allocator, test_an_instance_without_a_fixed_arena_has_none);
    tcase_add_test(allocator, test_wrong_options_say_what_is_accepted);
    tcase_add_test(allocator, test_backend_takes_one_block_of_its_child_and_gives_it_back);
    suite_add_tcase(suite, allocator);

    tcase_add_checked_fixture(threads, setup, NULL);
    tcase_add_test(threads, test_blocks_of_many_threads_never_overlap);
    tcase_add_test(threads, test_threads_that_exhaust_it_get_every_byte_once);
#if SUITE_HAS_FORK
    tcase_add_test(threads, test_a_forked_child_allocates_from_its_own_copy);
#endif
    suite_add_tcase(suite, threads);
    return suite_run(suite);
}
