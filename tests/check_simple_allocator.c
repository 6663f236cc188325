/* SPDX-License-Identifier: MIT */
/*
 * Rust's SimpleAllocator byte for byte, through the whole chain: the front, the link-time
 * choice, and a fixed arena over static memory that is filled with 0x55. The figures are
 * those that the program of Rust's documentation gives.
 */
#include <check.h>
#include <dispatchalloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "suite.h"

#define ARENA_BYTES 131072
#define X16(x)      x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
#define X64K(x)     X16(X16(X16(X16(x))))

static _Alignas(4096) unsigned char memory[ARENA_BYTES] = {X64K(0x55), X64K(0x55)};
static struct dal_fixed_arena arena = DAL_FIXED_ARENA_INIT(memory, sizeof memory);
static const struct dal_allocator simple = DAL_FIXED_ARENA_ALLOCATOR(&arena);
DAL_GLOBAL_ALLOCATOR(simple);

/* Allocates through the front; the bytes of the arena that are in use afterwards. */
static size_t used_after(size_t size, size_t align, int is_served)
{
    unsigned char *block = dal_alloc(size, align);

    ck_assert_int_eq(block != NULL, is_served);
    ck_assert_uint_eq((uintptr_t)block % align, 0);
    if (block != NULL) {
        ck_assert(block >= memory && block + size <= memory + ARENA_BYTES);
        ck_assert_uint_eq(*block, 0x55);
    }
    return dal_fixed_arena_used(&arena);
}

START_TEST(test_bytes_used_are_those_of_rusts_simple_allocator)
{
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), 0);
    ck_assert_uint_eq(used_after(20, 1, 1), 20);
    ck_assert_uint_eq(used_after(8, 8, 1), 32);
    ck_assert_uint_eq(used_after(1, 4096, 1), 4096);
    ck_assert_uint_eq(used_after(131072, 1, 0), 4096);
    ck_assert_uint_eq(used_after(8, 8192, 0), 4096);
    ck_assert_uint_eq(dal_fixed_arena_remaining(&arena), ARENA_BYTES - 4096);
    ck_assert_str_eq(dal_global_name(), "simple");
    ck_assert_int_eq(dal_global_source(), DAL_SOURCE_LINK);
}
END_TEST

START_TEST(test_zeroed_blocks_are_zero_although_the_memory_is_not)
{
    unsigned char *block = dal_alloc_zeroed(5000, 16);

    ck_assert_ptr_nonnull(block);
    for (size_t i = 0; i < 5000; i++)
        ck_assert_uint_eq(block[i], 0);
}
END_TEST

START_TEST(test_giving_back_frees_nothing)
{
    size_t before = dal_fixed_arena_used(&arena);
    void *block = dal_alloc(100, 1);

    ck_assert_ptr_nonnull(block);
    dal_dealloc(block, 100, 1);
    ck_assert_uint_eq(dal_fixed_arena_used(&arena), before + 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("simple_allocator");
    TCase *test_case = tcase_create("figures");

    tcase_add_test(test_case, test_bytes_used_are_those_of_rusts_simple_allocator);
    tcase_add_test(test_case, test_zeroed_blocks_are_zero_although_the_memory_is_not);
    tcase_add_test(test_case, test_giving_back_frees_nothing);
    suite_add_tcase(suite, test_case);
    return suite_run(suite);
}
