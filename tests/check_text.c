/* SPDX-License-Identifier: MIT */
/* Text in a buffer: what is put there by our own hands is what snprintf() puts there. */
#include <config.h>

#include <check.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "suite.h"

#define ASSERT_AS_SNPRINTF(...)                                                      \
    do {                                                                             \
        char expected_[200], got_[200];                                              \
        struct dal_text_ text_;                                                      \
        size_t length_ = (size_t)snprintf(expected_, sizeof expected_, __VA_ARGS__); \
                                                                                     \
        for (size_t room_ = 0; room_ <= length_ + 1; room_++) {                      \
            memset(got_, 'x', sizeof got_);                                          \
            text_ = dal_text_over_(got_, room_);                                     \
            dal_text_add_(&text_, __VA_ARGS__);                                      \
            ck_assert_uint_eq(text_.length, length_);                                \
            (void)snprintf(expected_, room_, __VA_ARGS__);                           \
            if (room_ > 0)                                                           \
                ck_assert_str_eq(got_, expected_);                                   \
            ck_assert_int_eq(got_[room_], 'x');                                      \
        }                                                                            \
    } while (0)

START_TEST(test_text_is_that_of_snprintf)
{
    ASSERT_AS_SNPRINTF("nothing in it");
    ASSERT_AS_SNPRINTF("%s", "");
    ASSERT_AS_SNPRINTF("%s and %s%%", "one", "other");
    ASSERT_AS_SNPRINTF("%.3s %.0s %.100s", "four", "none", "all");
    ASSERT_AS_SNPRINTF("%d %d %d", 0, INT_MIN, INT_MAX);
    ASSERT_AS_SNPRINTF("%ld %ld", LONG_MIN, LONG_MAX);
    ASSERT_AS_SNPRINTF("%lld %" PRId64, LLONG_MIN, INT64_MAX);
    ASSERT_AS_SNPRINTF("%u %lu %llu %zu", UINT_MAX, ULONG_MAX, ULLONG_MAX, SIZE_MAX);
    ASSERT_AS_SNPRINTF("%x %lx %" PRIx64 " %" PRIxPTR, 0xabcdef01u, 0x10ul, UINT64_MAX,
                       UINTPTR_MAX);
    /* What the C library is asked for. */
    ASSERT_AS_SNPRINTF("%04o %-5d| %+d %X %.*s %5s", 0755, 1, 2, 0xab, 2, "many", "pad");
    ASSERT_AS_SNPRINTF("%s %c %d", "before", 'c', 3);
    ASSERT_AS_SNPRINTF("%hhu %hd %jd %td", (unsigned char)200, (short)-3, (intmax_t)-4,
                       (ptrdiff_t)5);
    ASSERT_AS_SNPRINTF("%.2d %.1f", 3, 1.5);
}
END_TEST

/* The C libraries have forms of their own. */
START_TEST(test_address_has_a_prefix)
{
    char text[32];
    struct dal_text_ over = dal_text_over_(text, sizeof text);

    dal_text_add_(&over, "[%p]", (void *)0x1234abcd);
    ck_assert_str_eq(text, "[0x1234abcd]");
}
END_TEST

START_TEST(test_null_is_told)
{
    char text[32];
    struct dal_text_ over = dal_text_over_(text, sizeof text);
    const char *volatile none = NULL;

    dal_text_add_(&over, "[%s]", none);
    ck_assert_str_eq(text, "[(null)]");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = tcase_create("text");

    tcase_add_test(tcase, test_text_is_that_of_snprintf);
    tcase_add_test(tcase, test_address_has_a_prefix);
    tcase_add_test(tcase, test_null_is_told);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
