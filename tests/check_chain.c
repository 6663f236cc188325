/* SPDX-License-Identifier: MIT */
/*
 * The chain: each of the four operations, with nothing registered and with an allocator,
 * reaches exactly the function that it is to reach, once. So does the first call of the
 * process, which resolves the hook, and so does a call on a layout or on dal_global().
 *
 * The C library's functions are wrapped by the linker (--wrap), for the library's objects as
 * well as for this one: a call that nobody expects shows. Each check is a process of its own.
 */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

#include "suite.h"

/* ---- Writing down who is called -------------------------------------------------------------- */

static char calls[512];
static int is_watching;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
    size_t length = strlen(calls);
    va_list arguments;

    if (!is_watching)
        return;
    va_start(arguments, format);
    vsnprintf(calls + length, sizeof calls - length, format, arguments);
    va_end(arguments);
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void __real_free(void *ptr);
int __real_posix_memalign(void **ptr, size_t align, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int file, long offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void __wrap_free(void *ptr);
int __wrap_posix_memalign(void **ptr, size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, long offset);

void *__wrap_malloc(size_t size)
{
    note("malloc(%zu) ", size);
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    note("calloc(%zu,%zu) ", count, size);
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    note("realloc(%s,%zu) ", ptr ? "block" : "NULL", size);
    return __real_realloc(ptr, size);
}

void __wrap_free(void *ptr)
{
    note("free(%s) ", ptr ? "block" : "NULL");
    __real_free(ptr);
}

int __wrap_posix_memalign(void **ptr, size_t align, size_t size)
{
    note("posix_memalign(%zu,%zu) ", align, size);
    return __real_posix_memalign(ptr, align, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    note("aligned_alloc(%zu,%zu) ", align, size);
    return __real_aligned_alloc(align, size);
}

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, long offset)
{
    note("mmap(%zu) ", bytes);
    return __real_mmap(address, bytes, protection, flags, file, offset);
}

/* ---- An allocator of the program ------------------------------------------------------------- */

static char custom_memory[4096] __attribute__((aligned(64)));
/* The compiler is not to see that no allocation gave this. */
static char *volatile custom_block = custom_memory;

static void *custom_alloc(size_t size, size_t align, void *ctx)
{
    note("custom alloc(%zu,%zu,%s) ", size, align, (const char *)ctx);
    return custom_block;
}

static void custom_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    note("custom dealloc(%s,%zu,%zu,%s) ", ptr == custom_block ? "block" : "?", size, align,
         (const char *)ctx);
}

static void *custom_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    note("custom alloc_zeroed(%zu,%zu,%s) ", size, align, (const char *)ctx);
    return custom_block;
}

static void *custom_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    note("custom realloc(%zu,%zu,%zu,%s) ", old_size, align, new_size, (const char *)ctx);
    return ptr;
}

static char context[] = "ctx";
static const struct dal_allocator custom = {
    DAL_ALLOCATOR_HEADER(context),       .alloc = custom_alloc,     .dealloc = custom_dealloc,
    .alloc_zeroed = custom_alloc_zeroed, .realloc = custom_realloc,
};

/* ---- The ways to call the front -------------------------------------------------------------- */

enum operation { ALLOC, DEALLOC, ALLOC_ZEROED, REALLOC };
enum way { SCALARS, LAYOUT, GLOBAL, WAYS };

static void *call(enum way way, enum operation operation, void *ptr, size_t size, size_t align,
                  size_t new_size)
{
    struct dal_layout layout = dal_layout_unchecked(size, align);

    switch (operation) {
    case ALLOC:
        return way == SCALARS  ? dal_alloc(size, align)
               : way == LAYOUT ? dal_alloc_layout(layout)
                               : dal_instance_alloc(dal_global(), size, align);
    case ALLOC_ZEROED:
        return way == SCALARS  ? dal_alloc_zeroed(size, align)
               : way == LAYOUT ? dal_alloc_zeroed_layout(layout)
                               : dal_instance_alloc_zeroed(dal_global(), size, align);
    case REALLOC:
        return way == SCALARS  ? dal_realloc(ptr, size, align, new_size)
               : way == LAYOUT ? dal_realloc_layout(ptr, layout, new_size)
                               : dal_instance_realloc(dal_global(), ptr, size, align, new_size);
    default:
        if (way == SCALARS)
            dal_dealloc(ptr, size, align);
        else if (way == LAYOUT)
            dal_dealloc_layout(ptr, layout);
        else
            dal_instance_dealloc(dal_global(), ptr, size, align);
        return NULL;
    }
}

/* Do one operation, as the first call of the process or as a later one, and compare. */
static void expect_calls(int round, enum operation operation, size_t size, size_t align,
                         size_t new_size, const char *wanted)
{
    enum way way = (enum way)(round % WAYS);
    int is_custom = strncmp(wanted, "custom", 6) == 0;
    int needs_block = operation == DEALLOC || (operation == REALLOC && size > 0);
    void *block = NULL, *result;

    if (is_custom)
        ck_assert_int_eq(dal_global_set(&custom), 0);
    if (round >= WAYS)
        dal_dealloc(dal_alloc(1, 1), 1, 1);
    ck_assert_int_eq(dal_global_is_sealed(), round >= WAYS);
    if (needs_block)
        block = is_custom ? custom_block : dal_instance_alloc(dal_system(), size, align);
    is_watching = 1;
    result = call(way, operation, block, size, align, new_size);
    is_watching = 0;
    ck_assert_str_eq(calls, wanted);
    ck_assert(dal_global_is_sealed());
    if (operation != DEALLOC) {
        ck_assert_ptr_nonnull(result);
        ck_assert_uint_eq((uintptr_t)result % align, 0);
        if (!is_custom)
            dal_instance_dealloc(dal_system(), result, operation == REALLOC ? new_size : size,
                                 align);
    }
}

/* ---- Nothing registered: the system ---------------------------------------------------------- */

START_TEST(test_alloc_is_one_malloc)
{
    expect_calls(_i, ALLOC, 32, 8, 0, "malloc(32) ");
}
END_TEST

START_TEST(test_dealloc_is_one_free)
{
    expect_calls(_i, DEALLOC, 32, 8, 0, "free(block) ");
}
END_TEST

START_TEST(test_alloc_zeroed_is_one_calloc)
{
    expect_calls(_i, ALLOC_ZEROED, 32, 8, 0, "calloc(32,1) ");
}
END_TEST

START_TEST(test_realloc_is_one_realloc)
{
    expect_calls(_i, REALLOC, 32, 8, 64, "realloc(block,64) ");
}
END_TEST

/* Where the alignment is above what malloc gives, or above the size. */
START_TEST(test_aligned_alloc_is_one_posix_memalign)
{
    expect_calls(_i, ALLOC, 32, 64, 0, "posix_memalign(64,32) ");
}
END_TEST

START_TEST(test_small_aligned_alloc_is_one_posix_memalign)
{
    expect_calls(_i, ALLOC, 8, 16, 0, "posix_memalign(16,8) ");
}
END_TEST

START_TEST(test_alloc_of_no_bytes_is_one_posix_memalign)
{
    expect_calls(_i, ALLOC, 0, 1, 0,
                 sizeof(void *) == 8 ? "posix_memalign(8,1) " : "posix_memalign(4,1) ");
}
END_TEST

START_TEST(test_aligned_alloc_zeroed_is_one_posix_memalign)
{
    expect_calls(_i, ALLOC_ZEROED, 32, 64, 0, "posix_memalign(64,32) ");
}
END_TEST

START_TEST(test_aligned_realloc_is_a_new_block_and_one_free)
{
    expect_calls(_i, REALLOC, 32, 64, 64, "posix_memalign(64,64) free(block) ");
}
END_TEST

START_TEST(test_realloc_of_nothing_is_one_realloc)
{
    expect_calls(_i, REALLOC, 0, 8, 64, "realloc(NULL,64) ");
}
END_TEST

/* ---- An allocator registered: it alone ------------------------------------------------------- */

START_TEST(test_alloc_is_one_alloc_of_the_custom_one)
{
    expect_calls(_i, ALLOC, 32, 8, 0, "custom alloc(32,8,ctx) ");
}
END_TEST

START_TEST(test_dealloc_is_one_dealloc_of_the_custom_one)
{
    expect_calls(_i, DEALLOC, 32, 8, 0, "custom dealloc(block,32,8,ctx) ");
}
END_TEST

START_TEST(test_alloc_zeroed_is_one_alloc_zeroed_of_the_custom_one)
{
    expect_calls(_i, ALLOC_ZEROED, 32, 8, 0, "custom alloc_zeroed(32,8,ctx) ");
}
END_TEST

START_TEST(test_realloc_is_one_realloc_of_the_custom_one)
{
    expect_calls(_i, REALLOC, 32, 8, 64, "custom realloc(32,8,64,ctx) ");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_alloc_is_one_malloc,
        test_dealloc_is_one_free,
        test_alloc_zeroed_is_one_calloc,
        test_realloc_is_one_realloc,
        test_aligned_alloc_is_one_posix_memalign,
        test_small_aligned_alloc_is_one_posix_memalign,
        test_alloc_of_no_bytes_is_one_posix_memalign,
        test_aligned_alloc_zeroed_is_one_posix_memalign,
        test_aligned_realloc_is_a_new_block_and_one_free,
        test_realloc_of_nothing_is_one_realloc,
        test_alloc_is_one_alloc_of_the_custom_one,
        test_dealloc_is_one_dealloc_of_the_custom_one,
        test_alloc_zeroed_is_one_alloc_zeroed_of_the_custom_one,
        test_realloc_is_one_realloc_of_the_custom_one,
    };
    Suite *suite = suite_create("chain");
    TCase *cases = tcase_create("operations");

    /* Each way as the first call, then each way as a later one. */
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_loop_test(cases, tests[i], 0, 2 * WAYS);
    suite_add_tcase(suite, cases);
    return suite_run(suite);
}
