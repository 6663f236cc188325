/* SPDX-License-Identifier: MIT */
/* The layer `debug`: each fault, to the word; the register, and what is known of released blocks.
 */
#include <check.h>
#include <dispatchalloc.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/sanitizer.h"
#include "debug_saying.h"
#include "suite.h"

#define HEAD  "dispatchalloc: debug[N]: "
#define FRAME "    #\n"

/* ---- The allocator underneath, where one is needed that says what it was told -----------------
 */

static struct {
    uintptr_t next; /* the addresses are nobody's */
    int fails, live;
    size_t size, align, new_size, new_align;
} mock = {.next = 0x10000};

static void *mock_alloc(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    if (mock.fails)
        return NULL;
    mock.next = (mock.next + align - 1) & ~(uintptr_t)(align - 1);
    mock.next += (size + 15) / 16 * 16 + 16;
    mock.live++;
    return (void *)((mock.next - (size + 15) / 16 * 16 - 16 + align - 1) & ~(uintptr_t)(align - 1));
}

static void mock_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ptr;
    (void)ctx;
    mock.size = size;
    mock.align = align;
    mock.live--;
}

static void *mock_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    return mock_alloc(size, align, ctx);
}

static void *mock_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)ptr;
    mock.size = old_size;
    mock.align = align;
    mock.new_size = new_size;
    if (mock.fails)
        return NULL;
    mock.live--;
    return mock_alloc(new_size, align, ctx);
}

static void *mock_grow(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                       size_t new_align, void *ctx)
{
    mock.new_align = new_align;
    return mock_realloc(ptr, old_size, old_align, new_size, ctx);
}

static int mock_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    allocator->alloc = mock_alloc;
    allocator->dealloc = mock_dealloc;
    allocator->alloc_zeroed = mock_alloc_zeroed;
    allocator->realloc = mock_realloc;
    allocator->grow = mock_grow;
    allocator->shrink = mock_grow;
    return 0;
}

static const struct dal_backend mock_backend = {
    DAL_BACKEND_HEADER,    .name = "mock", .version = "1", .summary = "gives any address",
    .create = mock_create,
};

/* ---- Each fault, to the word ------------------------------------------------------------------
 */

static const struct dal_instance *other; /* another instance */

static void wrong_size(const struct dal_instance *instance)
{
    release(instance, dal_instance_alloc(instance, 32, 8), 24, 8);
}

static void wrong_align(const struct dal_instance *instance)
{
    release(instance, dal_instance_alloc(instance, 32, 8), 32, 16);
}

static void no_align(const struct dal_instance *instance)
{
    release(instance, dal_instance_alloc(instance, 32, 8), 32, 24);
}

static void zero_align(const struct dal_instance *instance)
{
    release(instance, dal_instance_alloc(instance, 32, 8), 32, 0);
}

static void twice(const struct dal_instance *instance)
{
    void *block = hidden(dal_instance_alloc(instance, 32, 8));

    release(instance, block, 32, 8);
    release(instance, hidden(block), 32, 8);
}

static void twice_unsized(const struct dal_instance *instance)
{
    void *block = hidden(dal_instance_alloc_zeroed(instance, 32, 8));

    dal_instance_dealloc_unsized(instance, block);
    dal_instance_dealloc_unsized(instance, hidden(block));
    __asm__ volatile("");
}

static void interior(const struct dal_instance *instance)
{
    char *block = dal_instance_alloc(instance, 100, 8);

    release(instance, hidden(block + 8), 100, 8);
    release(instance, block, 100, 8);
}

static void at_end(const struct dal_instance *instance)
{
    char *block = dal_instance_alloc(instance, 100, 8);

    release(instance, hidden(block + 100), 8, 8);
    release(instance, block, 100, 8);
}

static void interior_of_released(const struct dal_instance *instance)
{
    char *block = hidden(dal_instance_alloc(instance, 100, 8));

    release(instance, block, 100, 8);
    release(instance, hidden(block + 8), 100, 8);
}

static void unknown(const struct dal_instance *instance)
{
    static char data[64];

    release(instance, hidden(data), 64, 8);
}

/* What could be taken for a record in another state than live. */
static void no_address(const struct dal_instance *instance)
{
    release(instance, hidden((void *)(UINTPTR_MAX / 4 + 1)), 64, 8);
}

static void anothers(const struct dal_instance *instance)
{
    char *block = dal_instance_alloc(other, 48, 8);

    release(instance, hidden(block), 48, 8);
    release(other, block, 48, 8);
}

static void inside_anothers(const struct dal_instance *instance)
{
    char *block = dal_instance_alloc(other, 48, 8);

    release(instance, hidden(block + 16), 48, 8);
    release(other, block, 48, 8);
}

static void invalid_align(const struct dal_instance *instance)
{
    volatile size_t align = 24; /* which compilers know to be wrong */

    ck_assert_ptr_null(dal_instance_alloc(instance, 24, align));
}

static void invalid_size(const struct dal_instance *instance)
{
    ck_assert_ptr_null(dal_instance_alloc_zeroed(instance, PTRDIFF_MAX, 16));
}

static void realloc_wrong(const struct dal_instance *instance)
{
    char *block = dal_instance_alloc(instance, 32, 8);

    block[31] = 7;
    block = dal_instance_realloc(instance, block, 24, 8, 4000);
    ck_assert_int_eq(block[31], 7);
    release(instance, block, 4000, 8);
}

static void realloc_unknown(const struct dal_instance *instance)
{
    static char data[64];

    ck_assert_ptr_null(dal_instance_realloc(instance, hidden(data), 64, 8, 128));
}

static void realloc_invalid(const struct dal_instance *instance)
{
    char *block = dal_instance_alloc(instance, 32, 8);

    ck_assert_ptr_null(dal_instance_realloc(instance, block, 32, 8, SIZE_MAX));
    release(instance, block, 32, 8);
}

static void grow_wrong(const struct dal_instance *instance)
{
    char *block = dal_instance_alloc(instance, 32, 8);

    block = dal_instance_grow(instance, block, 32, 16, 64, 64);
    release(instance, block, 64, 64);
}

/* Said to be smaller than it is, and so grown to less than it has. */
static void grow_less(const struct dal_instance *instance)
{
    char *block = dal_instance_alloc(instance, 100, 8);

    block[49] = 3;
    block = dal_instance_grow(instance, block, 32, 8, 50, 8);
    ck_assert_int_eq(block[49], 3);
    release(instance, block, 50, 8);
}

static void resize_unknown(const struct dal_instance *instance)
{
    static char data[64];

    ck_assert_int_eq(dal_instance_resize_in_place(instance, hidden(data), 64, 8, 32),
                     DAL_ERR_UNSUPPORTED);
}

static void size_of_released(const struct dal_instance *instance)
{
    void *block = hidden(dal_instance_alloc(instance, 32, 8));

    release(instance, block, 32, 8);
    ck_assert_uint_eq(dal_instance_usable_size(instance, hidden(block), 20, 8), 20);
}

#define FROM(call)     "  allocated by " call ":\n" FRAME
#define RELEASED(call) "  released by " call ":\n" FRAME

#if UINTPTR_MAX > UINT32_MAX
# define LARGEST    "18446744073709551615"
# define MOST       "9223372036854775807"
# define MOST_BY_8  "9223372036854775800"
# define MOST_BY_16 "9223372036854775792"
#else
# define LARGEST    "4294967295"
# define MOST       "2147483647"
# define MOST_BY_8  "2147483640"
# define MOST_BY_16 "2147483632"
#endif

static const struct {
    void (*commit)(const struct dal_instance *instance);
    const char *said;
} faults[] = {
    {wrong_size, HEAD "dealloc(0xA, 24, 8): given as 24 bytes at alignment 8, but a block of 32 "
                      "bytes at alignment 8; it is given back as that\n" FRAME FROM("alloc")},
    {wrong_align, HEAD "dealloc(0xA, 32, 16): given as 32 bytes at alignment 16, but a block of 32 "
                       "bytes at alignment 8; it is given back as that\n" FRAME FROM("alloc")},
    {no_align, HEAD "dealloc(0xA, 32, 24): given as 32 bytes at alignment 24, but a block of 32 "
                    "bytes at alignment 8; it is given back as that\n" FRAME FROM("alloc")},
    {zero_align, HEAD "dealloc(0xA, 32, 0): given as 32 bytes at alignment 0, but a block of 32 "
                      "bytes at alignment 8; it is given back as that\n" FRAME FROM("alloc")},
    {twice,
     HEAD "dealloc(0xA, 32, 8): a block of 32 bytes that was given back already, by dealloc; "
          "it is left alone\n" FRAME FROM("alloc") RELEASED("dealloc")},
    {twice_unsized, HEAD
     "dealloc_unsized(0xA): a block of 32 bytes that was given back already, by "
     "dealloc_unsized; it is left alone\n" FRAME FROM("alloc_zeroed") RELEASED("dealloc_unsized")},
    {interior, HEAD "dealloc(0xA, 100, 8): 8 bytes into a live block of 100 bytes; it is left "
                    "alone\n" FRAME FROM("alloc")},
    {at_end, HEAD "dealloc(0xA, 8, 8): at the end of a live block of 100 bytes; it is left "
                  "alone\n" FRAME FROM("alloc")},
    {interior_of_released,
     HEAD "dealloc(0xA, 100, 8): 8 bytes into a block of 100 bytes that was given back; it is left "
          "alone\n" FRAME FROM("alloc") RELEASED("dealloc")},
    {unknown, HEAD "dealloc(0xA, 64, 8): WHAT; it is left alone\n" FRAME},
    {no_address, HEAD "dealloc(0xA, 64, 8): WHAT; it is left alone\n" FRAME},
    {anothers, HEAD "dealloc(0xA, 48, 8): a live block of 48 bytes of another instance, "
                    "\"debug+arena\"; it is left alone\n" FRAME FROM("alloc")},
    {inside_anothers,
     HEAD "dealloc(0xA, 48, 8): 16 bytes into a live block of 48 bytes of another instance, "
          "\"debug+arena\"; it is left alone\n" FRAME FROM("alloc")},
    {invalid_align, HEAD "alloc(24, 24): no layout: alignment 24 is no power of two; NULL is "
                         "returned\n" FRAME},
    {invalid_size, HEAD "alloc_zeroed(" MOST ", 16): no layout: more than " MOST_BY_16
                        " bytes at alignment 16; NULL is returned\n" FRAME},
    {realloc_wrong, HEAD "realloc(0xA, 24, 8): given as 24 bytes at alignment 8, but a block of 32 "
                         "bytes at alignment 8; it is resized as that\n" FRAME FROM("alloc")},
    {realloc_unknown, HEAD "realloc(0xA, 64, 8): WHAT; NULL is returned\n" FRAME},
    {realloc_invalid, HEAD "realloc(" LARGEST ", 8): no layout: more than " MOST_BY_8
                           " bytes at alignment 8; NULL is returned\n" FRAME},
    {grow_wrong, HEAD "grow(0xA, 32, 16): given as 32 bytes at alignment 16, but a block of 32 "
                      "bytes at alignment 8; it is resized as that\n" FRAME FROM("alloc")},
    {grow_less, HEAD "grow(0xA, 32, 8): given as 32 bytes at alignment 8, but a block of 100 bytes "
                     "at alignment 8; it is resized as that\n" FRAME FROM("alloc")},
    {resize_unknown, HEAD "resize_in_place(0xA, 64, 8): WHAT; it is refused\n" FRAME},
    {size_of_released, HEAD "usable_size(0xA, 20, 8): a block of 32 bytes that was given back "
                            "already, by dealloc; the size that was given is returned\n" FRAME FROM(
                                "alloc") RELEASED("dealloc")},
};
enum { FAULTS = sizeof faults / sizeof *faults };

static void commit(const char *spec)
{
    const struct dal_instance *instance = make(spec);

    other = make("debug+arena:limit=1M");
    said_begin();
    errno = 77;
    for (int i = 0; i < FAULTS; i++) {
        faults[i].commit(instance);
        ck_assert_int_eq(errno, 77);
        fputs("--\n", stderr);
        fflush(stderr);
    }
    (void)said_end();
    dal_instance_destroy(other);
    dal_instance_destroy(instance);
}

/* The reports of several faults, the separator between them. */
static void assert_all_said(void)
{
    char *text = said.text;

    for (int i = 0; i < FAULTS; i++) {
        char *end = strstr(text, "--\n");

        ck_assert_ptr_nonnull(end);
        *end = '\0';
        ck_assert_str_eq(text, faults[i].said);
        text = end + 3;
    }
}

START_TEST(test_each_fault_is_named)
{
    static const char *const specs[] = {
        "debug+system",
        "debug:stacks=0+system",
        "debug:stacks=64+system",
        "debug:zones=16+system",
        "debug:fill=on+system",
        "debug+arena:limit=8M",
        "debug+stats:print=off+system",
        "debug:quarantine=1M+system",
    };

    commit(specs[_i]);
    assert_all_said();
}
END_TEST

START_TEST(test_layout_off_says_nothing_and_does_what_is_true)
{
    const struct dal_instance *instance = make("debug:layout=off+mock");
    void *block = dal_instance_alloc(instance, 32, 8);

    said_begin();
    release(instance, block, 24, 4);
    release(instance, hidden(block), 24, 4);
    ck_assert_str_eq(said_end(), "");
    ck_assert_uint_eq(mock.size, 32);
    ck_assert_uint_eq(mock.align, 8);
    ck_assert_int_eq(mock.live, 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_call_is_carried_out_by_what_is_true)
{
    const struct dal_instance *instance = make("debug+mock");
    void *block = dal_instance_alloc(instance, 32, 8);

    said_begin();
    block = dal_instance_realloc(instance, block, 24, 4, 64);
    ck_assert_uint_eq(mock.size, 32);
    ck_assert_uint_eq(mock.align, 8);
    ck_assert_uint_eq(mock.new_size, 64);
    block = dal_instance_shrink(instance, block, 60, 8, 16, 32);
    ck_assert_uint_eq(mock.size, 64);
    ck_assert_uint_eq(mock.new_size, 16);
    ck_assert_uint_eq(mock.new_align, 32);
    release(instance, block, 17, 32);
    ck_assert_uint_eq(mock.size, 16);
    ck_assert_uint_eq(mock.align, 32);
    ck_assert_int_eq(mock.live, 0);
    (void)said_end();
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_failed_call_leaves_the_block)
{
    static const char *const specs[] = {"debug+mock", "debug:stacks=1+mock"};
    const struct dal_instance *instance = make(specs[_i]);
    void *block = dal_instance_alloc(instance, 32, 8);

    mock.fails = 1;
    ck_assert_ptr_null(dal_instance_alloc(instance, 32, 8));
    ck_assert_ptr_null(dal_instance_alloc_zeroed(instance, 32, 8));
    ck_assert_ptr_null(dal_instance_realloc(instance, block, 32, 8, 64));
    ck_assert_ptr_null(dal_instance_grow(instance, block, 32, 8, 64, 16));
    ck_assert_ptr_null(dal_instance_grow_zeroed(instance, block, 32, 8, 64, 8));
    ck_assert_ptr_null(dal_instance_shrink(instance, block, 32, 8, 16, 8));
    ck_assert_int_eq(dal_instance_resize_in_place(instance, block, 32, 8, 64), DAL_ERR_UNSUPPORTED);
    ck_assert_ptr_null(dal_instance_alloc(instance, (size_t)1 << 50, 8));
    mock.fails = 0;
    ck_assert_int_eq(dal_instance_owns(instance, block), 1);
    said_begin();
    release(instance, block, 32, 8);
    ck_assert_str_eq(said_end(), "");
    dal_instance_destroy(instance);
}
END_TEST

static void use_every_slot(const struct dal_instance *instance, size_t size, size_t align)
{
    char *block = dal_instance_alloc(instance, size, align);

    ck_assert_uint_eq((uintptr_t)block % align, 0);
    memset(block, 1, size);
    ck_assert_uint_eq(dal_instance_usable_size(instance, block, size, align), size);
    ck_assert_int_eq(dal_instance_resize_in_place(instance, block, size, align, size), 0);
    block = dal_instance_realloc(instance, block, size, align, size + 100);
    ck_assert(size == 0 || block[size - 1] == 1);
    block = dal_instance_grow_zeroed(instance, block, size + 100, align, size + 5000, 2 * align);
    ck_assert_int_eq(block[size + 4999], 0);
    ck_assert_uint_eq((uintptr_t)block % (2 * align), 0);
    block = dal_instance_grow(instance, block, size + 5000, 2 * align, size + 6000, align);
    block = dal_instance_shrink(instance, block, size + 6000, align, size, align);
    ck_assert(size == 0 || block[size - 1] == 1);
    ck_assert_int_eq(dal_instance_owns(instance, block), 1);
    release(instance, block, size, align);
    ck_assert_int_eq(dal_instance_owns(instance, block), 0);
    block = dal_instance_alloc_zeroed(instance, size, align);
    for (size_t i = 0; i < size; i++)
        ck_assert_int_eq(block[i], 0);
    if (instance->native & DAL_SLOT_DEALLOC_UNSIZED)
        dal_instance_dealloc_unsized(instance, block);
    else
        release(instance, block, size, align);
    block = dal_instance_realloc(instance, NULL, 0, align, size);
    release(instance, block, size, align);
    release(instance, NULL, size, align);
    if (instance->native & DAL_SLOT_DEALLOC_UNSIZED)
        dal_instance_dealloc_unsized(instance, NULL);
}

START_TEST(test_nothing_is_said_where_nothing_is_wrong)
{
    static const char *const specs[] = {
        "debug:leaks=on+system",
        "debug:leaks=on+arena:limit=64M",
        "debug:fill=on,zones=16,quarantine=1M,leaks=on+system",
        "debug:fill=on,zones=16,quarantine=1M,leaks=on+arena:limit=64M",
        "debug:zones=64+stats:print=off+system",
        "stats:print=off+debug:zones=1,leaks=on+system",
        "stats:print=off+debug:zones=16,leaks=on+stats:print=off+system",
        "debug:quarantine=10K,stacks=0,leaks=on+arena:limit=64M",
    };
    const struct dal_instance *instance = make(specs[_i]);

    said_begin();
    for (size_t align = 1; align <= 8192; align *= 2) {
        use_every_slot(instance, 0, align);
        use_every_slot(instance, 24, align);
        use_every_slot(instance, 3000, align);
    }
    dal_instance_destroy(instance);
    ck_assert_str_eq(said_end(), "");
}
END_TEST

/* ---- How much is said -------------------------------------------------------------------------
 */

static size_t lines_with(const char *what)
{
    size_t count = 0;

    for (const char *at = said.text; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

START_TEST(test_three_reports_a_fault)
{
    const struct dal_instance *instance = make("debug+system");

    said_begin();
    for (int i = 0; i < 1000; i++)
        unknown(instance);
    (void)said_end();
    ck_assert_uint_eq(lines_with(HEAD), 3);
    ck_assert_uint_eq(lines_with("; more of this is only counted\n"), 1);
    dal_instance_destroy(instance);
}
END_TEST

/* Calls from so many places. */
#define FOUR(call) \
    call;          \
    call;          \
    call;          \
    call
#define SIXTEEN(call) FOUR(FOUR(call))

START_TEST(test_hundred_reports_in_all_and_a_sum_at_exit)
{
    const struct dal_instance *instance = make("debug:stacks=0+system");
    void *nobody = hidden(&instance);
    int status;

    said_begin();
    if (fork() == 0) {
        /* clang-format off */
        for (int volatile i = 0; i < 2; i++) {
            SIXTEEN(FOUR(dal_instance_dealloc(instance, nobody, 8, 8)));
        }
        /* clang-format on */
        exit(0);
    }
    ck_assert_int_ge(wait(&status), 0);
    (void)said_end();
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(lines_with("; it is left alone"), 100);
    ck_assert_uint_eq(
        lines_with(HEAD "100 reports were written; further faults are only counted\n"), 1);
    ck_assert_uint_eq(lines_with(HEAD "128 faults at 64 places, 100 of them told above\n"), 1);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_child_of_fork_counts_its_own)
{
    const struct dal_instance *instance = make("debug+system");
    int status;

    said_begin();
    /* From one place. */
    for (volatile int i = 0; i < 10; i++)
        unknown(instance);
    if (fork() == 0) {
        unknown(instance);
        exit(0);
    }
    ck_assert_int_ge(wait(&status), 0);
    (void)said_end();
    ck_assert_uint_eq(lines_with("WHAT"), 4);
    ck_assert_uint_eq(lines_with(HEAD "1 fault at 1 place, 1 of them told above\n"), 1);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_stop)
{
    unknown(make("debug:stop=on+system"));
}
END_TEST

/* ---- The register -----------------------------------------------------------------------------
 */

enum { CHURN = 20000 };

START_TEST(test_register_is_exact_under_churn)
{
    const struct dal_instance *instance = make("debug+mock");
    static struct {
        void *ptr;
        size_t size;
    } blocks[CHURN];
    uint32_t random = suite_fuzz_seed();

    said_begin();
    for (int i = 0; i < suite_fuzz_rounds(400000); i++) {
        size_t at = (random = random * 1664525 + 1013904223) >> 8;
        size_t size = at % 777;

        at %= CHURN;
        if (blocks[at].ptr) {
            ck_assert_uint_eq(dal_instance_usable_size(instance, blocks[at].ptr, 0, 0),
                              blocks[at].size);
            release(instance, blocks[at].ptr, blocks[at].size, 8);
            ck_assert_int_eq(dal_instance_owns(instance, blocks[at].ptr), 0);
            blocks[at].ptr = NULL;
        } else {
            blocks[at].ptr = dal_instance_alloc(instance, size, 8);
            blocks[at].size = size;
        }
    }
    for (size_t i = 0; i < CHURN; i++) {
        if (blocks[i].ptr)
            release(instance, blocks[i].ptr, blocks[i].size, 8);
    }
    ck_assert_str_eq(said_end(), "");
    ck_assert_int_eq(mock.live, 0);
    dal_instance_destroy(instance);
}
END_TEST

static void assert_bytes_a_block(const struct dal_instance *instance, size_t blocks)
{
    size_t bytes = dal_debug_register_bytes_(&debug_of(instance)->blocks);

    ck_assert_msg(bytes <= 64 * blocks, "%zu bytes for %zu live blocks: %.1f", bytes, blocks,
                  (double)bytes / (double)blocks);
}

static void *block_of_size(const struct dal_instance *instance, size_t count)
{
    static const size_t sizes[] = {24, 16, 4096 - 16, 100, sizeof(void *) > 4 ? 1 << 20 : 5000};

    return dal_instance_alloc(instance, sizes[count % 5], 16);
}

/* Blocks side by side, far apart, and of any size. */
START_TEST(test_live_block_takes_64_bytes)
{
    static const size_t sizes[] = {16, 4080, 0};
    const struct dal_instance *instance = make("debug:stacks=0+mock");
    size_t most = (size_t)1 << (sizeof(void *) > 4 ? 20 : 18); /* there are addresses for */

    for (size_t blocks = 1; blocks <= most; blocks++) {
        if (sizes[_i])
            ck_assert_ptr_nonnull(dal_instance_alloc(instance, sizes[_i], 16));
        else
            ck_assert_ptr_nonnull(block_of_size(instance, blocks));
        if (blocks >= 65536 && blocks % 1024 == 0)
            assert_bytes_a_block(instance, blocks);
    }
    dal_instance_destroy(instance);
}
END_TEST

/* What lives on while others come and go does not make it grow. */
START_TEST(test_churn_does_not_let_the_register_grow)
{
    const struct dal_instance *instance = make("debug:stacks=0+mock");
    static void *blocks[65536];

    for (size_t i = 0; i < 65536; i++)
        blocks[i] = dal_instance_alloc(instance, 32, 16);
    for (size_t i = 0; i < 2000000; i++) {
        size_t at = i * 7919 % 65536;

        release(instance, blocks[at], 32, 16);
        blocks[at] = dal_instance_alloc(instance, 32, 16);
    }
    assert_bytes_a_block(instance, 65536);
    dal_instance_destroy(instance);
}
END_TEST

/* Where there are no more pages an allocation fails, and nothing is wrong with what is there. */
START_TEST(test_register_without_memory)
{
    const struct dal_instance *instance = make("debug:stacks=0+mock");
    struct rlimit limit = {0, RLIM_INFINITY};
    size_t blocks = 0;
    void *first = dal_instance_alloc(instance, 32, 16), *last = first, *ptr;

    (void)getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = 1;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    while ((ptr = dal_instance_alloc(instance, 32, 16)) != NULL && blocks++ < 100000)
        last = ptr;
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_uint_ge(blocks, 2000);
    ck_assert_uint_lt(blocks, 100000);
    ck_assert_int_eq(dal_instance_owns(instance, first), 1);
    ck_assert_int_eq(dal_instance_owns(instance, last), 1);
    ck_assert_uint_eq((size_t)mock.live, blocks + 1);
    ck_assert_ptr_nonnull(dal_instance_alloc(instance, 32, 16));
    dal_instance_destroy(instance);
}
END_TEST

/* ---- What was given back ----------------------------------------------------------------------
 */

START_TEST(test_released_block_is_known_until_it_falls_out_of_the_ring)
{
    const struct dal_instance *instance = make("debug:stacks=0+mock");
    void *block = hidden(dal_instance_alloc(instance, 32, 8));

    release(instance, block, 32, 8);
    for (int i = 0; i < DEBUG_RING_BLOCKS - 1; i++)
        release(instance, dal_instance_alloc(instance, 16, 8), 16, 8);
    said_begin();
    release(instance, hidden(block), 32, 8);
    (void)said_end();
    ck_assert_uint_eq(lines_with("a block of 32 bytes that was given back already"), 1);
    for (int i = 0; i < DEBUG_RINGS * DEBUG_RING_BLOCKS * 2; i++)
        release(instance, dal_instance_alloc(instance, 16, 8), 16, 8);
    said_begin();
    release(instance, hidden(block), 32, 8);
    (void)said_end();
    ck_assert_uint_eq(lines_with("WHAT"), 1);
    dal_instance_destroy(instance);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("debug");
    TCase *tcase = tcase_create("faults");

    tcase_add_loop_test(tcase, test_each_fault_is_named, 0, 8);
    tcase_add_test(tcase, test_layout_off_says_nothing_and_does_what_is_true);
    tcase_add_test(tcase, test_call_is_carried_out_by_what_is_true);
    tcase_add_loop_test(tcase, test_failed_call_leaves_the_block, 0, 2);
    tcase_add_loop_test(tcase, test_nothing_is_said_where_nothing_is_wrong, 0, 8);
    tcase_add_test(tcase, test_three_reports_a_fault);
    tcase_add_test(tcase, test_hundred_reports_in_all_and_a_sum_at_exit);
    tcase_add_test(tcase, test_child_of_fork_counts_its_own);
    tcase_add_test_raise_signal(tcase, test_stop, SIGABRT);
    suite_add_tcase(suite, tcase);

    tcase = tcase_create("register");
    tcase_add_test(tcase, test_register_is_exact_under_churn);
    tcase_add_loop_test(tcase, test_live_block_takes_64_bytes, 0, 3);
    tcase_add_test(tcase, test_churn_does_not_let_the_register_grow);
    /* A sanitizer cannot do without memory. */
    if (!CONFORMANCE_SANITIZED)
        tcase_add_test(tcase, test_register_without_memory);
    tcase_add_test(tcase, test_released_block_is_known_until_it_falls_out_of_the_ring);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    if (dal_backend_register(&mock_backend) != 0)
        return 1;
    return suite_run(make_suite());
}
