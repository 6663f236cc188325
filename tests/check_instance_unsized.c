/* SPDX-License-Identifier: MIT */
/* Calls without sizes on an instance: one that tells the sizes of its blocks, one that does not,
 * and the global one, which serves in any case. */
#include <check.h>
#include <dispatchalloc.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/system/system.h"
#include "suite.h"

static const struct dal_instance *make(const char *spec)
{
    const struct dal_instance *instance = NULL;
    char message[256];

    ck_assert_msg(dal_instance_create_spec(spec, &instance, message, sizeof message) == 0, "%s",
                  message);
    return instance;
}

START_TEST(test_who_can_is_told_beforehand)
{
    const struct dal_instance *arena = make("arena");
    const struct dal_instance *counted = make("stats:print=off+system");
    struct dal_arena handle = DAL_ARENA_INIT;

    ck_assert_int_eq(dal_instance_is_unsized(dal_system()), DAL_SYSTEM_KNOWS_SIZES);
    ck_assert(dal_instance_is_unsized(NULL));
    ck_assert(dal_instance_is_unsized(dal_global()));
    ck_assert(!dal_instance_is_unsized(arena));
    ck_assert(!dal_instance_is_unsized(counted));
    ck_assert(!dal_instance_is_unsized(dal_arena_instance(&handle)));
    dal_instance_destroy(arena);
    dal_instance_destroy(counted);
}
END_TEST

START_TEST(test_who_cannot_gives_no_block_and_says_why)
{
    const struct dal_instance *arena = make("arena");

    errno = 0;
    ck_assert_ptr_null(dal_instance_unsized_malloc(arena, 10));
    ck_assert_int_eq(errno, ENOTSUP);
    errno = 0;
    ck_assert_ptr_null(dal_instance_unsized_calloc(arena, 10, 10));
    ck_assert_int_eq(errno, ENOTSUP);
    errno = 0;
    ck_assert_ptr_null(dal_instance_unsized_realloc(arena, NULL, 10));
    ck_assert_int_eq(errno, ENOTSUP);
    errno = 0;
    ck_assert_ptr_null(dal_instance_unsized_aligned_alloc(arena, 64, 10));
    ck_assert_int_eq(errno, ENOTSUP);
    dal_instance_unsized_free(arena, NULL);
    ck_assert_uint_eq(dal_instance_unsized_usable_size(arena, NULL), 0);
    dal_instance_destroy(arena);
}
END_TEST

START_TEST(test_who_cannot_stops_at_a_block)
{
    const struct dal_instance *arena = make("arena");

    dal_instance_unsized_free(arena, dal_instance_alloc(arena, 10, 8));
}
END_TEST

/* One that takes a block back without its size but tells none: it is no unsized instance, and can
 * do no more than free. */
static void *raw_alloc(size_t size, size_t align, void *ctx)
{
    (void)align;
    (void)ctx;
    return malloc(size);
}

static void raw_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    free(ptr);
}

static void raw_dealloc_unsized(void *ptr, void *ctx)
{
    (void)ctx;
    free(ptr);
}

static const struct dal_instance *make_without_sizes(void)
{
    static struct dal_instance_storage storage;
    const struct dal_allocator raw = {
        DAL_ALLOCATOR_HEADER(NULL),
        .alloc = raw_alloc,
        .dealloc = raw_dealloc,
        .dealloc_unsized = raw_dealloc_unsized,
    };

    ck_assert_int_eq(dal_instance_init(&storage, &raw, "raw"), 0);
    return &storage.instance;
}

START_TEST(test_who_tells_no_sizes_is_not_unsized)
{
    const struct dal_instance *raw = make_without_sizes();

    ck_assert(!dal_instance_is_unsized(raw));
    errno = 0;
    ck_assert_ptr_null(dal_instance_unsized_malloc(raw, 10));
    ck_assert_int_eq(errno, ENOTSUP);
    dal_instance_dealloc_unsized(raw, dal_instance_alloc(raw, 10, 8));
    dal_instance_unsized_free(raw, dal_instance_alloc(raw, 10, 8));
}
END_TEST

START_TEST(test_who_tells_no_sizes_does_not_resize)
{
    const struct dal_instance *raw = make_without_sizes();
    char *block = dal_instance_alloc(raw, 10, 8);

    strcpy(block, "as it was");
    errno = 0;
    ck_assert_ptr_null(dal_instance_unsized_realloc(raw, block, 20));
    ck_assert_int_eq(errno, ENOTSUP);
    ck_assert_str_eq(block, "as it was");
    /* To size 0 it is given back, which this one can do. */
    ck_assert_ptr_null(dal_instance_unsized_realloc(raw, block, 0));
}
END_TEST

START_TEST(test_who_cannot_give_back_stops_at_resizing_to_nothing)
{
    const struct dal_instance *arena = make("arena");

    ck_assert_ptr_null(dal_instance_unsized_realloc(arena, dal_instance_alloc(arena, 10, 8), 0));
}
END_TEST

/* ---- An allocator that aligns by what it is asked and no more -------------------------------- */

static _Alignas(4096) char exact_bytes[1 << 16];
static size_t exact_used, exact_sizes[1 << 16];

/* At an address that has the alignment and not twice as much. */
static void *exact_alloc(size_t size, size_t align, void *ctx)
{
    size_t at = (exact_used + align - 1) / align * align;

    (void)ctx;
    at += at / align % 2 ? 0 : align;
    if (at + size > sizeof exact_bytes)
        return NULL;
    exact_used = at + size;
    exact_sizes[at] = size;
    return exact_bytes + at;
}

static void exact_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ptr;
    (void)size;
    (void)align;
    (void)ctx;
}

static void exact_dealloc_unsized(void *ptr, void *ctx)
{
    (void)ptr;
    (void)ctx;
}

static size_t exact_usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    return exact_sizes[(const char *)ptr - exact_bytes];
}

static size_t least_bit(const void *ptr)
{
    return (size_t)((uintptr_t)ptr & -(uintptr_t)ptr);
}

START_TEST(test_blocks_are_aligned_as_mallocs_are)
{
    const struct dal_allocator exact = {
        DAL_ALLOCATOR_HEADER(NULL),
        .alloc = exact_alloc,
        .dealloc = exact_dealloc,
        .usable_size = exact_usable_size,
        .dealloc_unsized = exact_dealloc_unsized,
    };
    struct dal_instance_storage storage;
    const struct dal_instance *instance = &storage.instance;

    ck_assert_int_eq(dal_instance_init(&storage, &exact, "exact"), 0);
    ck_assert(dal_instance_is_unsized(instance));
    ck_assert_uint_eq(least_bit(dal_instance_unsized_malloc(instance, 8)), 8);
    ck_assert_uint_eq(least_bit(dal_instance_unsized_malloc(instance, 40)), 16);
    ck_assert_uint_eq(least_bit(dal_instance_unsized_aligned_alloc(instance, 1, 64)), 16);
    ck_assert_uint_eq(least_bit(dal_instance_unsized_aligned_alloc(instance, 2, 3)), 8);
    ck_assert_uint_eq(least_bit(dal_instance_unsized_aligned_alloc(instance, 64, 3)), 64);
    /* What was aligned for less moves when it is to be a block of malloc's. */
    for (size_t align = 1; align <= 16; align *= 2) {
        void *small = dal_instance_alloc(instance, 10, align);
        void *large = dal_instance_alloc(instance, 44, align);

        ck_assert_uint_ge(least_bit(dal_instance_unsized_realloc(instance, small, 40)), 16);
        ck_assert_uint_ge(least_bit(dal_instance_unsized_realloc(instance, large, 40)), 16);
    }
}
END_TEST

#if DAL_SYSTEM_KNOWS_SIZES
static void *resize_plainly(void *ptr, size_t size)
{
    return realloc(ptr, size);
}

static void *resize_on_system(void *ptr, size_t size)
{
    return dal_instance_unsized_realloc(dal_system(), ptr, size);
}

static int count_moves(void *(*resize)(void *ptr, size_t size))
{
    int moves = 0;
    char *block = NULL;

    for (size_t size = 1 << 20; size <= 64 << 20; size += 1 << 20) {
        uintptr_t before = (uintptr_t)block;

        block = resize(block, size);
        ck_assert_ptr_nonnull(block);
        moves += (uintptr_t)block != before;
    }
    free(block);
    return moves;
}

/* The C library may move the pages of a large block, where we could but copy it. */
START_TEST(test_the_system_allocator_resizes_by_its_own_realloc)
{
    int moves = count_moves(resize_plainly);

    ck_assert_int_le(count_moves(resize_on_system), moves + 4);
}
END_TEST
#endif

static const struct dal_instance *of(int which)
{
    return which == 0 ? dal_system() : which == 1 ? dal_global() : NULL;
}

START_TEST(test_the_family_does_as_malloc_does)
{
    const struct dal_instance *instance = of(_i);
    char *block = dal_instance_unsized_malloc(instance, 100);

    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq((uintptr_t)block % _Alignof(max_align_t), 0);
    ck_assert_uint_ge(dal_instance_unsized_usable_size(instance, block), 100);
    memset(block, 7, 100);
    block = dal_instance_unsized_realloc(instance, block, 100000);
    ck_assert_ptr_nonnull(block);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(block[i], 7);
    errno = 99;
    dal_instance_unsized_free(instance, block);
    ck_assert_int_eq(errno, 99);

    block = dal_instance_unsized_calloc(instance, 10, 33);
    ck_assert_ptr_nonnull(block);
    for (int i = 0; i < 330; i++)
        ck_assert_int_eq(block[i], 0);
    ck_assert_ptr_null(dal_instance_unsized_realloc(instance, block, 0));

    block = dal_instance_unsized_aligned_alloc(instance, 4096, 1);
    ck_assert_uint_eq((uintptr_t)block % 4096, 0);
    dal_instance_unsized_free(instance, block);
    void *empty = dal_instance_unsized_malloc(instance, 0);
    ck_assert_ptr_nonnull(empty);
    dal_instance_unsized_free(instance, empty);
    dal_instance_unsized_free(instance, NULL);
}
END_TEST

START_TEST(test_what_fails_sets_errno_and_leaves_the_block)
{
    const struct dal_instance *instance = of(_i);
    volatile size_t huge = SIZE_MAX, no_power = 48; /* the compiler knows better than to ask so */
    char *block = dal_instance_unsized_malloc(instance, 10);

    memset(block, 5, 10);
    errno = 0;
    ck_assert_ptr_null(dal_instance_unsized_malloc(instance, huge));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(dal_instance_unsized_calloc(instance, huge, 2));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(dal_instance_unsized_aligned_alloc(instance, no_power, 10));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(dal_instance_unsized_realloc(instance, block, huge / 2));
    ck_assert_int_eq(errno, ENOMEM);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(block[i], 5);
    dal_instance_unsized_free(instance, block);
}
END_TEST

#if DAL_SYSTEM_KNOWS_SIZES
/* The blocks are the instance's own, however they came. */
START_TEST(test_a_block_with_a_size_may_go_without)
{
    char *block = dal_instance_alloc(dal_system(), 50, 64);

    memset(block, 3, 50);
    block = dal_instance_unsized_realloc(dal_system(), block, 5000);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(block[i], 3);
    dal_instance_unsized_free(dal_system(), block);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("calls without sizes on an instance");
    TCase *all = tcase_create("all");

    tcase_add_test(all, test_who_can_is_told_beforehand);
    tcase_add_test(all, test_who_cannot_gives_no_block_and_says_why);
    tcase_add_test_raise_signal(all, test_who_cannot_stops_at_a_block, SIGABRT);
    tcase_add_test(all, test_who_tells_no_sizes_is_not_unsized);
    tcase_add_test(all, test_who_tells_no_sizes_does_not_resize);
    tcase_add_test_raise_signal(all, test_who_cannot_give_back_stops_at_resizing_to_nothing,
                                SIGABRT);
    tcase_add_test(all, test_blocks_are_aligned_as_mallocs_are);
#if DAL_SYSTEM_KNOWS_SIZES
    tcase_add_test(all, test_the_system_allocator_resizes_by_its_own_realloc);
    tcase_add_test(all, test_a_block_with_a_size_may_go_without);
#endif
    tcase_add_loop_test(all, test_the_family_does_as_malloc_does, !DAL_SYSTEM_KNOWS_SIZES, 3);
    tcase_add_loop_test(all, test_what_fails_sets_errno_and_leaves_the_block,
                        !DAL_SYSTEM_KNOWS_SIZES, 3);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
