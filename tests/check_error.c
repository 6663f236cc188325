/* SPDX-License-Identifier: MIT */
/* Error numbers and their texts, which are part of the interface: a number never changes its
 * meaning. Giving up stands in tests/check_misuse.c. */
#include <check.h>
#include <dispatchalloc/error.h>
#include <dispatchalloc/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

/* By hand, not by DAL_ERRORS: whoever changes a number has to change it here as well. */
static const struct {
    int number;
    int enumerator;
    const char *text;
} errors[] = {
    {0, DAL_OK, "success"},
    {-1, DAL_ERR_INVALID, "invalid argument"},
    {-2, DAL_ERR_LAYOUT, "layout too large, or its alignment not a power of two"},
    {-3, DAL_ERR_MEMORY, "out of memory"},
    {-4, DAL_ERR_SEALED, "the global allocator is fixed since the first allocation"},
    {-5, DAL_ERR_UNKNOWN, "no backend, layer or key has that name"},
    {-6, DAL_ERR_SYNTAX, "malformed spec"},
    {-7, DAL_ERR_OPTION, "unknown option, or a value that it does not accept"},
    {-8, DAL_ERR_TAKEN, "the name is taken"},
    {-9, DAL_ERR_ABI, "made for another version of the interface"},
    {-10, DAL_ERR_UNSUPPORTED, "not supported by this allocator"},
    {-11, DAL_ERR_FULL, "a fixed table of the library is full"},
    {-12, DAL_ERR_INCOMPLETE, "a required function is missing"},
    {-13, DAL_ERR_CREATE, "the backend could not be started"},
    {-14, DAL_ERR_SYSTEM, "the operating system refused"},
    {-15, DAL_ERR_MODULE, "the module cannot be used"},
};

enum { ERROR_COUNT = (int)(sizeof errors / sizeof errors[0]) };

START_TEST(test_number_has_its_text_for_ever)
{
    ck_assert_int_eq(errors[_i].enumerator, errors[_i].number);
    ck_assert_str_eq(dal_strerror(errors[_i].number), errors[_i].text);
}
END_TEST

START_TEST(test_list_here_is_whole_and_other_numbers_are_unknown)
{
    static const int strangers[] = {1, -1000, 12, 2147483647, -2147483647 - 1};

    ck_assert_int_eq(DAL_ERR_END_, -ERROR_COUNT);
    ck_assert_str_eq(dal_strerror(DAL_ERR_END_), "unknown error");
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
        ck_assert_str_eq(dal_strerror(strangers[i]), "unknown error");
}
END_TEST

/* They are put into the middle of sentences. */
START_TEST(test_texts_differ_and_have_no_full_stop)
{
    for (int i = 0; i < ERROR_COUNT; i++) {
        const char *text = dal_strerror(-i);

        ck_assert(text[0] >= 'a' && text[0] <= 'z');
        ck_assert_int_ne(text[strlen(text) - 1], '.');
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(text, dal_strerror(-j));
    }
}
END_TEST

/* For the preprocessor, hence without a cast or a suffix. */
#if DAL_VERSION_NUMBER < DAL_VERSION_MAJOR * 1000000 + DAL_VERSION_MINOR * 1000
# error "DAL_VERSION_NUMBER is not that of its parts"
#endif

START_TEST(test_version_is_one_number_at_build_and_run_time)
{
    unsigned major, minor, patch;

    ck_assert_int_eq(sscanf(dal_version(), "%u.%u.%u", &major, &minor, &patch), 3);
    ck_assert_uint_eq(dal_version_number(), major * 1000000 + minor * 1000 + patch);
    ck_assert_uint_eq(dal_version_number(), DAL_VERSION_NUMBER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("error");
    TCase *cases = tcase_create("numbers");

    tcase_add_loop_test(cases, test_number_has_its_text_for_ever, 0, ERROR_COUNT);
    tcase_add_test(cases, test_list_here_is_whole_and_other_numbers_are_unknown);
    tcase_add_test(cases, test_texts_differ_and_have_no_full_stop);
    tcase_add_test(cases, test_version_is_one_number_at_build_and_run_time);
    suite_add_tcase(suite, cases);
    return suite_run(suite);
}
