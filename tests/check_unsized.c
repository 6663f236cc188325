/* SPDX-License-Identifier: MIT */
/*
 * The malloc family over each kind of allocator: one with a family of its own, one that
 * knows its blocks, and one that does not, whose blocks get a header. Each test runs in a
 * process of its own, so each can choose the global allocator.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

#include "suite.h"

/* ---- Allocators that keep books --------------------------------------------------------- */

static long live_blocks;
static int fails;

/* In front of each block. */
struct keep_header {
    void *base;
    size_t size;
};

static struct keep_header *keep_header_of(const void *ptr)
{
    return (struct keep_header *)(uintptr_t)ptr - 1;
}

static void *keep_alloc(size_t size, size_t align, void *ctx)
{
    size_t step = align < 16 ? 16 : align;
    char *base = fails ? NULL : malloc(size + step + sizeof(struct keep_header));
    char *ptr;

    (void)ctx;
    if (!base)
        return NULL;
    ptr = base + sizeof(struct keep_header);
    ptr += step - ((uintptr_t)ptr - 1) % step - 1;
    *keep_header_of(ptr) = (struct keep_header){base, size};
    memset(ptr, 0xa5, size);
    live_blocks++;
    return ptr;
}

/* Wrong sizes would be seen by the pattern that is written over the block. */
static void keep_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    ck_assert_uint_eq((uintptr_t)ptr % align, 0);
    if (!ptr)
        return;
    memset(ptr, 0x5a, size);
    live_blocks--;
    free(keep_header_of(ptr)->base);
}

static void keep_dealloc_unsized(void *ptr, void *ctx)
{
    (void)ctx;
    if (!ptr)
        return;
    live_blocks--;
    free(keep_header_of(ptr)->base);
}

static size_t keep_usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)align;
    (void)ctx;
    ck_assert_uint_eq(size, 0);
    return keep_header_of(ptr)->size;
}

static const struct dal_allocator headed = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = keep_alloc,
    .dealloc = keep_dealloc,
};
static const struct dal_allocator known = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = keep_alloc,
    .dealloc = keep_dealloc,
    .usable_size = keep_usable_size,
    .dealloc_unsized = keep_dealloc_unsized,
};

enum { OWN_FAMILY, KNOWS_SIZES, HEADED, KIND_COUNT };

static void choose(int kind)
{
    if (kind != OWN_FAMILY)
        ck_assert_int_eq(dal_global_set(kind == HEADED ? &headed : &known), 0);
}

static int is_filled(const unsigned char *bytes, size_t count, int value)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != value)
            return 0;
    }
    return 1;
}

/* Sizes that no object has, in a variable, so that the compiler does not refuse them. */
static volatile size_t size_max = SIZE_MAX, no_power = 48;

/* ---- Promises --------------------------------------------------------------------------- */

START_TEST(test_block_suits_every_object_that_fits)
{
    choose(_i);
    for (size_t size = 0; size < 300; size++) {
        void *ptr = dal_unsized_malloc(size);

        ck_assert_ptr_nonnull(ptr);
        ck_assert_uint_eq((uintptr_t)ptr % (size >= 16 ? _Alignof(max_align_t) : 8), 0);
        ck_assert_uint_ge(dal_unsized_usable_size(ptr), size);
        memset(ptr, 1, size);
        dal_unsized_free(ptr);
    }
    ck_assert_int_eq(live_blocks, 0);
}
END_TEST

START_TEST(test_size_zero_gives_distinct_blocks)
{
    void *a, *b;

    choose(_i);
    a = dal_unsized_malloc(0);
    b = dal_unsized_calloc(0, 7);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert_ptr_ne(a, b);
    dal_unsized_free(a);
    dal_unsized_free(b);
    ck_assert_int_eq(live_blocks, 0);
}
END_TEST

START_TEST(test_calloc_is_zero_and_checks_its_product)
{
    unsigned char *ptr;

    choose(_i);
    ptr = dal_unsized_calloc(33, 11);
    ck_assert_ptr_nonnull(ptr);
    ck_assert(is_filled(ptr, 363, 0));
    dal_unsized_free(ptr);
    errno = 0;
    ck_assert_ptr_null(dal_unsized_calloc(size_max / 2, 3));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_int_eq(live_blocks, 0);
}
END_TEST

START_TEST(test_realloc_keeps_the_bytes)
{
    unsigned char *ptr = NULL;
    size_t old_size = 0;

    choose(_i);
    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        ptr = dal_unsized_realloc(ptr, size);
        ck_assert_ptr_nonnull(ptr);
        ck_assert(is_filled(ptr, old_size, 7));
        memset(ptr, 7, size);
        old_size = size;
    }
    for (size_t size = old_size; size > 0; size /= 3) {
        ptr = dal_unsized_realloc(ptr, size);
        ck_assert(is_filled(ptr, size, 7));
    }
    ck_assert_ptr_null(dal_unsized_realloc(ptr, 0));
    ck_assert_int_eq(live_blocks, 0);
}
END_TEST

START_TEST(test_realloc_that_fails_leaves_the_block)
{
    unsigned char *ptr;

    choose(_i);
    ptr = dal_unsized_malloc(100);
    memset(ptr, 9, 100);
    errno = 0;
    ck_assert_ptr_null(dal_unsized_realloc(ptr, size_max - 100));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(dal_unsized_reallocarray(ptr, size_max / 2, 4));
    ck_assert_int_eq(errno, ENOMEM);
    fails = 1;
    if (_i != OWN_FAMILY)
        ck_assert_ptr_null(dal_unsized_realloc(ptr, 5000));
    fails = 0;
    ck_assert(is_filled(ptr, 100, 9));
    dal_unsized_free(ptr);
    ck_assert_int_eq(live_blocks, 0);
}
END_TEST

START_TEST(test_alignment_is_kept_and_checked)
{
    choose(_i);
    for (size_t align = 1; align <= 65536; align *= 2) {
        void *ptr = dal_unsized_aligned_alloc(align, 40);

        ck_assert_ptr_nonnull(ptr);
        ck_assert_uint_eq((uintptr_t)ptr % align, 0);
        memset(ptr, 3, 40);
        ptr = dal_unsized_realloc(ptr, 4000);
        ck_assert(is_filled(ptr, 40, 3));
        dal_unsized_free(ptr);
    }
    for (size_t align = 1; align < 100; align++) {
        int good = align >= sizeof(void *) && (align & (align - 1)) == 0;
        void *ptr = &ptr;

        ck_assert_int_eq(dal_unsized_posix_memalign(&ptr, align, 24), good ? 0 : EINVAL);
        if (good)
            dal_unsized_free(ptr);
        else
            ck_assert_ptr_eq(ptr, &ptr);
    }
    errno = 0;
    ck_assert_ptr_null(dal_unsized_aligned_alloc(no_power, 1));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(dal_unsized_aligned_alloc(size_max / 2 + 1, 1));
    ck_assert_ptr_null(dal_unsized_aligned_alloc(size_max / 4 + 1, size_max / 2));
    ck_assert_int_eq(live_blocks, 0);
}
END_TEST

START_TEST(test_exhaustion_sets_errno)
{
    void *ptr = &ptr;

    choose(_i);
    errno = 0;
    ck_assert_ptr_null(dal_unsized_malloc(size_max / 2 + 1));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(dal_unsized_malloc(size_max));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 7;
    ck_assert_int_eq(dal_unsized_posix_memalign(&ptr, 64, size_max - 64), ENOMEM);
    ck_assert_int_eq(errno, 7);
    ck_assert_ptr_eq(ptr, &ptr);
}
END_TEST

START_TEST(test_null_is_a_block_of_no_bytes)
{
    choose(_i);
    dal_unsized_free(NULL);
    ck_assert_uint_eq(dal_unsized_usable_size(NULL), 0);
    ck_assert(!dal_global_is_sealed());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("malloc");
    TCase *tests = tcase_create("family");

    tcase_add_loop_test(tests, test_block_suits_every_object_that_fits, 0, KIND_COUNT);
    tcase_add_loop_test(tests, test_size_zero_gives_distinct_blocks, 0, KIND_COUNT);
    tcase_add_loop_test(tests, test_calloc_is_zero_and_checks_its_product, 0, KIND_COUNT);
    tcase_add_loop_test(tests, test_realloc_keeps_the_bytes, 0, KIND_COUNT);
    tcase_add_loop_test(tests, test_realloc_that_fails_leaves_the_block, 0, KIND_COUNT);
    tcase_add_loop_test(tests, test_alignment_is_kept_and_checked, 0, KIND_COUNT);
    tcase_add_loop_test(tests, test_exhaustion_sets_errno, 0, KIND_COUNT);
    tcase_add_loop_test(tests, test_null_is_a_block_of_no_bytes, 0, KIND_COUNT);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
