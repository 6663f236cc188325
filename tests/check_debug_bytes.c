/* SPDX-License-Identifier: MIT */
/* The layer `debug`: what it does to bytes (fill, zones, quarantine), and what it says of blocks
 * that are still live. */
#include <check.h>
#include <dispatchalloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "debug_saying.h"
#include "suite.h"

#define HEAD  "dispatchalloc: debug[N]: "
#define FRAME "    #\n"

/* ---- Zones ------------------------------------------------------------------------------------
 */

static void assert_said(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void assert_said(const char *format, ...)
{
    char expected[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(expected, sizeof expected, format, arguments);
    va_end(arguments);
    ck_assert_str_eq(said_end(), expected);
}

static const size_t widths[] = {1, 8, 16};

/* By so many bytes from the end of a block on. */
static void overrun(char *block, size_t size, size_t width)
{
    memset((char *)hidden(block) + size, 'x', width);
}

static void underrun(char *block, size_t width)
{
    memset((char *)hidden(block) - width, 'y', width);
}

START_TEST(test_overrun_is_told_at_release)
{
    const struct dal_instance *instance = make("debug:zones=16+system");
    size_t width = widths[_i % 3], size = 24 + (size_t)_i / 3;
    char *block = dal_instance_alloc(instance, size, 8);

    said_begin();
    overrun(block, size, width);
    release(instance, block, size, 8);
    assert_said(HEAD
                "dealloc(0xA, %zu, 8): a block of %zu bytes was written to behind its end: %zu "
                "byte%s changed, the first at %zu (0x78); it is given back all the same\n" FRAME
                "  allocated by alloc:\n" FRAME,
                size, size, width, width == 1 ? "" : "s", size);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_underrun_is_told_at_release)
{
    const struct dal_instance *instance = make("debug:zones=16+arena:limit=1M");
    size_t width = widths[_i];
    char *block = dal_instance_alloc(instance, 24, 8);

    said_begin();
    underrun(block, width);
    release(instance, block, 24, 8);
    assert_said(HEAD
                "dealloc(0xA, 24, 8): a block of 24 bytes was written to in front of its "
                "beginning: %zu byte%s changed, the nearest at -1 (0x79); it is given back all "
                "the same\n" FRAME "  allocated by alloc:\n" FRAME,
                width, width == 1 ? "" : "s");
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_overrun_is_told_at_realloc)
{
    const struct dal_instance *instance = make("debug:zones=16+system");
    char *block = dal_instance_alloc(instance, 24, 8);

    said_begin();
    overrun(block, 24, 1);
    block = dal_instance_realloc(instance, block, 24, 8, 100);
    assert_said(HEAD
                "realloc(0xA, 24, 8): a block of 24 bytes was written to behind its end: 1 byte "
                "changed, the first at 24 (0x78); it is resized all the same\n" FRAME
                "  allocated by alloc:\n" FRAME);
    said_begin();
    release(instance, block, 100, 8);
    assert_said("%s", "");
    dal_instance_destroy(instance);
}
END_TEST

/* Of every alignment, as wide as said, and in front up to a page. */
START_TEST(test_zones_keep_the_alignment)
{
    static const size_t asked[] = {1, 16, 20, 4096};
    const size_t zones[] = {1, 16, 32, 4096};
    char spec[64];
    const struct dal_instance *instance;

    snprintf(spec, sizeof spec, "debug:zones=%zu+system", asked[_i]);
    instance = make(spec);
    said_begin();
    for (size_t align = 1; align <= 16384; align *= 2) {
        size_t width = zones[_i] > align ? zones[_i] : align;
        unsigned char *block = dal_instance_alloc(instance, 5, align);

        ck_assert_uint_eq((uintptr_t)block % align, 0);
        for (size_t i = 1; width <= 4096 && i <= width; i++)
            ck_assert_int_eq(((unsigned char *)hidden(block))[-(ptrdiff_t)i], 0xaa);
        for (size_t i = 0; i < (width <= 4096 ? width : zones[_i]); i++)
            ck_assert_int_eq(((unsigned char *)hidden(block))[5 + i], 0xbb);
        release(instance, block, 5, align);
    }
    assert_said("%s", "");
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_too_large_with_zones_fails)
{
    const struct dal_instance *instance = make("debug:zones=16+system");

    said_begin();
    ck_assert_ptr_null(dal_instance_alloc(instance, PTRDIFF_MAX, 1));
    ck_assert_ptr_null(dal_instance_alloc(instance, PTRDIFF_MAX - 7, 8));
    assert_said("%s", "");
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Fill -------------------------------------------------------------------------------------
 */

static void assert_filled(const void *bytes, size_t count, int with)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(((const unsigned char *)hidden(bytes))[i], with);
}

START_TEST(test_fill_marks_what_is_made_and_given_back)
{
    const struct dal_instance *instance = make("debug:fill=on,quarantine=1M+system");
    char *block = dal_instance_alloc(instance, 100, 8), *zeroed;

    assert_filled(block, 100, 0xeb);
    memset(block, 1, 100);
    release(instance, block, 100, 8);
    assert_filled(block, 100, 0xef);
    zeroed = dal_instance_alloc_zeroed(instance, 100, 8);
    assert_filled(zeroed, 100, 0);
    zeroed = dal_instance_grow_zeroed(instance, zeroed, 100, 8, 200, 8);
    assert_filled(zeroed, 200, 0);
    zeroed = dal_instance_realloc(instance, zeroed, 200, 8, 300);
    assert_filled(zeroed, 200, 0);
    assert_filled(zeroed + 200, 100, 0xeb);
    release(instance, zeroed, 300, 8);
    dal_instance_destroy(instance);
}
END_TEST

/* What a program reserves and never touches is to take no memory. */
START_TEST(test_fill_is_of_the_beginning_of_large_blocks)
{
    const struct dal_instance *instance = make("debug:fill=on,quarantine=16M+system");
    size_t filled = (size_t)1 << 20, size = 4 * filled;
    char *block = dal_instance_alloc(instance, size, 8);

    assert_filled(block + filled - 100, 100, 0xeb);
    memset(block, 1, size);
    release(instance, block, size, 8);
    assert_filled(block + filled - 100, 100, 0xef);
    assert_filled(block + filled, 100, 1);
    dal_instance_destroy(instance);
}
END_TEST

#define CHANGED(size, count, bytes, at)                                                    \
    HEAD "a block of " size " bytes at 0xA was written to after it was given back: " count \
         " byte" bytes " changed, the first at " at " (0x78); it was in quarantine\n"      \
         "  allocated by alloc:\n" FRAME "  released by dealloc:\n" FRAME

START_TEST(test_change_in_quarantine_is_told_when_it_leaves)
{
    const struct dal_instance *instance = make("debug:fill=on,quarantine=4K+system");
    char *block = hidden(dal_instance_alloc(instance, 100, 8));

    release(instance, block, 100, 8);
    ((char *)hidden(block))[42] = 'x';
    said_begin();
    for (int i = 0; i < 10; i++)
        release(instance, dal_instance_alloc(instance, 1000, 8), 1000, 8);
    assert_said("%s", CHANGED("100", "1", "", "42"));
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_change_in_quarantine_is_told_at_the_end)
{
    const struct dal_instance *instance = make("debug:fill=on,quarantine=4K+system");
    char *block = hidden(dal_instance_alloc(instance, 100, 8));
    int status;

    release(instance, block, 100, 8);
    memset(hidden(block), 'x', 100);
    said_begin();
    if (fork() == 0)
        exit(0);
    ck_assert_int_ge(wait(&status), 0);
    assert_said("%s" HEAD "1 fault at 1 place, 1 of them told above\n",
                CHANGED("100", "100", "s", "0"));
    said_begin();
    dal_instance_destroy(instance);
    assert_said("%s", CHANGED("100", "100", "s", "0"));
}
END_TEST

START_TEST(test_change_in_quarantine_is_told_once)
{
    const struct dal_instance *instance = make("debug:leaks=live,fill=on,quarantine=4K+system");
    char *block = dal_instance_alloc(instance, 100, 8);

    release(instance, block, 100, 8);
    ((char *)hidden(block))[42] = 'x';
    said_begin();
    ck_assert_int_eq(dal_debug_find_leaks(instance, NULL, NULL), 0);
    ck_assert_int_eq(dal_debug_find_leaks(instance, NULL, NULL), 0);
    assert_said("%s", CHANGED("100", "1", "", "42"));
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Sweep ------------------------------------------------------------------------------------
 */

/* Calls that come by every record of a small register, with 8 blocks each. */
static void call_often(const struct dal_instance *instance)
{
    for (int i = 0; i < 1000; i++)
        release(instance, dal_instance_alloc(instance, 8, 8), 8, 8);
}

START_TEST(test_sweep_finds_what_was_written_around_live_blocks)
{
    const struct dal_instance *instance = make("debug:zones=16,sweep=8+system");
    char *before = dal_instance_alloc(instance, 40, 8),
         *behind = dal_instance_alloc(instance, 50, 8);

    said_begin();
    overrun(behind, 50, 2);
    call_often(instance);
    assert_said(HEAD
                "a block of 50 bytes was written to behind its end: 2 bytes changed, the first at "
                "50 (0x78); it is live; the sweep has found it\n  allocated by alloc:\n" FRAME);
    said_begin();
    underrun(before, 1);
    call_often(instance);
    assert_said(
        HEAD
        "a block of 40 bytes was written to in front of its beginning: 1 byte changed, the "
        "nearest at -1 (0x79); it is live; the sweep has found it\n  allocated by alloc:\n" FRAME);
    /* Told once. */
    said_begin();
    release(instance, before, 40, 8);
    release(instance, behind, 50, 8);
    dal_instance_destroy(instance);
    assert_said("%s", "");
}
END_TEST

START_TEST(test_sweep_finds_what_was_written_in_quarantine)
{
    const struct dal_instance *instance = make("debug:fill=on,quarantine=1M,sweep=8+system");
    char *block = dal_instance_alloc(instance, 40, 8);

    release(instance, block, 40, 8);
    memset(hidden(block), 'x', 3);
    said_begin();
    call_often(instance);
    assert_said("%s", CHANGED("40", "3", "s", "0"));
    said_begin();
    dal_instance_destroy(instance);
    assert_said("%s", "");
}
END_TEST

START_TEST(test_sweep_of_nothing_is_refused)
{
    const struct dal_instance *instance = NULL;
    char message[512];

    ck_assert_int_lt(
        dal_instance_create_spec("debug:sweep=1+system", &instance, message, sizeof message), 0);
    ck_assert_ptr_nonnull(strstr(message, "it needs zones=, or fill=on with quarantine="));
}
END_TEST

/* ---- Quarantine -------------------------------------------------------------------------------
 */

/* A child that remembers what came back to it. */
static struct {
    void *last;
    size_t live_bytes, most_bytes, count;
} seen;

static void *seeing_alloc(size_t size, size_t align, void *ctx)
{
    const struct dal_instance *child = ctx;

    seen.live_bytes += size;
    if (seen.live_bytes > seen.most_bytes)
        seen.most_bytes = seen.live_bytes;
    return dal_instance_alloc(child, size, align);
}

static void seeing_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    const struct dal_instance *child = ctx;

    seen.last = ptr;
    seen.count++;
    seen.live_bytes -= size;
    dal_instance_dealloc(child, ptr, size, align);
}

static int seeing_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    allocator->ctx = (void *)(uintptr_t)request->child;
    allocator->alloc = seeing_alloc;
    allocator->dealloc = seeing_dealloc;
    return 0;
}

static const struct dal_backend seeing = {
    DAL_BACKEND_HEADER,     .name = "seeing",        .version = "1",
    .summary = "remembers", .create = seeing_create,
};

START_TEST(test_quarantine_keeps_the_order_and_its_bound)
{
    const struct dal_instance *instance = make("debug:quarantine=64K+seeing");
    void *blocks[64];

    for (int i = 0; i < 64; i++)
        blocks[i] = dal_instance_alloc(instance, 4032, 16);
    for (int i = 0; i < 64; i++) {
        release(instance, blocks[i], 4032, 16);
        /* 16 of 4032 bytes and 64 for the record. */
        ck_assert_uint_eq(seen.count, i < 16 ? 0 : (size_t)i - 15);
        if (i >= 16)
            ck_assert_ptr_eq(seen.last, blocks[i - 16]);
    }
    for (int i = 0; i < 10000; i++)
        release(instance, dal_instance_alloc(instance, (size_t)i % 3000, 8), (size_t)i % 3000, 8);
    ck_assert_uint_le(seen.live_bytes, 65536);
    dal_instance_destroy(instance);
    ck_assert_uint_eq(seen.live_bytes, 0);
}
END_TEST

START_TEST(test_what_is_larger_than_the_quarantine_is_not_kept)
{
    const struct dal_instance *instance = make("debug:quarantine=4K+seeing");
    void *block = dal_instance_alloc(instance, 5000, 8);

    release(instance, block, 5000, 8);
    ck_assert_ptr_eq(seen.last, block);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- What is still live -----------------------------------------------------------------------
 */

__attribute__((noinline)) static void *leave_one(const struct dal_instance *instance)
{
    void *block = dal_instance_alloc(instance, 48, 8);

    __asm__ volatile("" : "+r"(block));
    return block;
}

static void leave_some(const struct dal_instance *instance)
{
    void *volatile block = NULL;

    suite_leaks();
    for (volatile int i = 0; i < 2; i++) /* by one call */
        block = leave_one(instance);
    block = dal_instance_alloc_zeroed(instance, 24, 8);
    block = dal_instance_realloc(instance, NULL, 0, 8, 1000);
    release(instance, dal_instance_alloc(instance, 5000, 8), 5000, 8);
    (void)block;
}

#define LIVE(when)                                                          \
    HEAD "debug+system: 4 blocks, of 1120 bytes, are still live " when "\n" \
         "  1 block, of 1000 bytes, from realloc:\n" FRAME                  \
         "  2 blocks, of 96 bytes, from alloc:\n" FRAME                     \
         "  1 block, of 24 bytes, from alloc_zeroed:\n" FRAME

START_TEST(test_live_blocks_are_told_by_place_most_bytes_first)
{
    const struct dal_instance *instance = make("debug:leaks=live+system");
    int status;

    leave_some(instance);
    said_begin();
    if (fork() == 0)
        exit(0);
    ck_assert_int_ge(wait(&status), 0);
    assert_said("%s", LIVE("at exit"));
    said_begin();
    dal_instance_destroy(instance);
    assert_said("%s", LIVE("when it ends"));
}
END_TEST

/* What the file says, and what is left then. */
static void live_with(const char *suppressions, const char *expected)
{
    char path[] = "/tmp/suppressions.XXXXXX", spec[128];
    int file = mkstemp(path);
    const struct dal_instance *instance;

    ck_assert_int_ge(file, 0);
    ck_assert_int_eq((int)write(file, suppressions, strlen(suppressions)),
                     (int)strlen(suppressions));
    close(file);
    snprintf(spec, sizeof spec, "debug:leaks=on,suppressions=%s+system", path);
    instance = make(spec);
    unlink(path);
    leave_some(instance);
    said_begin();
    dal_instance_destroy(instance);
    assert_said("%s", expected);
}

START_TEST(test_suppressions)
{
    live_with("# nothing\n\n", LIVE("when it ends"));
    live_with("leak:no-such-file\n", LIVE("when it ends"));
    live_with("leak:^check_debug\nleak:check_debug$x\nleak:^*nothing$\n", LIVE("when it ends"));
    live_with("leak:nothing\n  leak:check_debug_bytes \n", "");
    live_with("leak:^/*check_debug*bytes$\n", "");
    live_with("leak:check*bytes", "");
}
END_TEST

START_TEST(test_wrong_suppressions_are_refused)
{
    const struct dal_instance *instance;
    char path[] = "/tmp/suppressions.XXXXXX", spec[128], message[512], expected[512];
    int file = mkstemp(path);

    ck_assert_int_ge(file, 0);
    ck_assert_int_eq((int)write(file, "leak:a\nrace:b\n", 14), 14);
    close(file);
    snprintf(spec, sizeof spec, "debug:suppressions=%s+system", path);
    ck_assert_int_eq(dal_instance_create_spec(spec, &instance, message, sizeof message),
                     DAL_ERR_OPTION);
    snprintf(expected, sizeof expected,
             "\"debug\": line 2 of the suppressions \"%s\" is not understood; accepted are "
             "leak:PATTERN, and comments behind #",
             path);
    ck_assert_ptr_nonnull(strstr(message, expected));
    unlink(path);
    ck_assert_int_eq(dal_instance_create_spec(spec, &instance, message, sizeof message),
                     DAL_ERR_OPTION);
    snprintf(expected, sizeof expected,
             "option \"suppressions\" cannot be \"%s\": there is no such "
             "file",
             path);
    ck_assert_ptr_nonnull(strstr(message, expected));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("debug, bytes");
    TCase *tcase = tcase_create("zones");

    tcase_add_loop_test(tcase, test_overrun_is_told_at_release, 0, 24);
    tcase_add_loop_test(tcase, test_underrun_is_told_at_release, 0, 3);
    tcase_add_test(tcase, test_overrun_is_told_at_realloc);
    tcase_add_loop_test(tcase, test_zones_keep_the_alignment, 0, 4);
    tcase_add_test(tcase, test_too_large_with_zones_fails);
    suite_add_tcase(suite, tcase);

    tcase = tcase_create("fill and quarantine");
    tcase_add_test(tcase, test_fill_marks_what_is_made_and_given_back);
    tcase_add_test(tcase, test_fill_is_of_the_beginning_of_large_blocks);
    tcase_add_test(tcase, test_change_in_quarantine_is_told_when_it_leaves);
    tcase_add_test(tcase, test_change_in_quarantine_is_told_at_the_end);
    tcase_add_test(tcase, test_change_in_quarantine_is_told_once);
    tcase_add_test(tcase, test_sweep_finds_what_was_written_around_live_blocks);
    tcase_add_test(tcase, test_sweep_finds_what_was_written_in_quarantine);
    tcase_add_test(tcase, test_sweep_of_nothing_is_refused);
    tcase_add_test(tcase, test_quarantine_keeps_the_order_and_its_bound);
    tcase_add_test(tcase, test_what_is_larger_than_the_quarantine_is_not_kept);
    suite_add_tcase(suite, tcase);

    tcase = tcase_create("what is live");
    tcase_add_test(tcase, test_live_blocks_are_told_by_place_most_bytes_first);
    tcase_add_test(tcase, test_suppressions);
    tcase_add_test(tcase, test_wrong_suppressions_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    if (dal_backend_register(&seeing) != 0)
        return 1;
    return suite_run(make_suite());
}
