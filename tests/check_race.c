/* SPDX-License-Identifier: MIT */
/*
 * First calls that race, a thousand times, forks in the middle of one, and choices that race:
 * programs of tests/race, each run in a fresh process.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "suite.h"

/* The runtime of a sanitizer is not there before constructors. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
# define CAN_BE_EARLY 0
#elif defined __has_feature
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define CAN_BE_EARLY 0
# else
#  define CAN_BE_EARLY 1
# endif
#else
# define CAN_BE_EARLY 1
#endif

static int count(const char *text, const char *what)
{
    int found = 0;

    while ((text = strstr(text, what)) != NULL) {
        found++;
        text++;
    }
    return found;
}

/* However many threads come first, one resolves: one line says who serves, and this. */
static void race(const char *program, const char *argument, const char *said)
{
    struct run_request request = {
        .program = program,
        .arguments = {argument},
        .environment = {"DISPATCHALLOC_VERBOSE=1"},
    };
    struct run_result result;

    for (int i = 0, runs = suite_race_runs(250); i < runs; i++) {
        run_program(&request, &result);
        ck_assert_msg(result.exit_status == 0, "run %d: exit %d, signal %d: %s%s", i,
                      result.exit_status, result.signal, result.out, result.err);
        ck_assert_msg(count(result.err, " serves (") == 1 && strstr(result.err, said), "run %d: %s",
                      i, result.err);
    }
}

START_TEST(test_racing_first_calls_resolve_once)
{
    race("tests/race/first", "allocate", "dispatchalloc: linked serves (DAL_GLOBAL_ALLOCATOR(");
}
END_TEST

/* A choice is made before the first allocation or refused; no block is of two minds. */
START_TEST(test_racing_choices_are_recorded_or_refused)
{
    race("tests/race/first", "choose", " serves (");
}
END_TEST

START_TEST(test_racing_first_calls_before_constructors_start_the_library_once)
{
    race("tests/race/first_early", "allocate",
         "dispatchalloc: linked serves (DAL_GLOBAL_ALLOCATOR(");
}
END_TEST

START_TEST(test_racing_choices_before_constructors_are_recorded_or_refused)
{
    race("tests/race/first_early", "choose", " serves (");
}
END_TEST

/* The variable holds from the very first instruction of the program on. */
START_TEST(test_environment_is_read_before_constructors)
{
    struct run_request request = {
        .program = "tests/race/first_early",
        .environment = {"DISPATCHALLOC_BACKEND=system", "DISPATCHALLOC_VERBOSE=1"},
    };
    struct run_result result;

    run_program(&request, &result);
    ck_assert_ptr_nonnull(strstr(result.err, " serves (DISPATCHALLOC_BACKEND=system; overrides "
                                             "DAL_GLOBAL_ALLOCATOR(linked) at "));
    ck_assert_str_eq(result.out, "0 of 200 calls arrived\n");
}
END_TEST

/* Run a program that says what is wrong. */
static void run_quietly(const char *program, const char *mode, const char *variable)
{
    struct run_request request = {
        .program = program,
        .arguments = {mode},
        .environment = {variable},
    };
    struct run_result result;

    run_program(&request, &result);
    ck_assert_str_eq(result.out, "");
    ck_assert_msg(result.exit_status == 0, "exit %d, signal %d: %s", result.exit_status,
                  result.signal, result.err);
}

START_TEST(test_child_of_a_fork_inside_create_can_choose_and_allocate)
{
    run_quietly("tests/race/forks", "create", NULL);
}
END_TEST

START_TEST(test_child_of_a_fork_while_options_are_set_can_set_them)
{
    run_quietly("tests/race/forks", "options", NULL);
}
END_TEST

START_TEST(test_child_of_a_fork_inside_the_start_starts_over)
{
    run_quietly("tests/race/forks", "start", "DISPATCHALLOC_BACKEND=slow");
}
END_TEST

START_TEST(test_child_of_a_fork_between_seal_and_publication_publishes)
{
    run_quietly("tests/race/forks", "publish", "DISPATCHALLOC_VERBOSE=1");
}
END_TEST

START_TEST(test_child_of_a_fork_anywhere_in_the_first_call_can_allocate)
{
    run_quietly("tests/race/forks", "storm", NULL);
}
END_TEST

START_TEST(test_choice_replaced_under_a_create_outlives_it)
{
    run_quietly("tests/race/choices", "replace", "DISPATCHALLOC_BACKEND=over");
}
END_TEST

START_TEST(test_child_of_a_fork_inside_create_over_a_choice_can_replace_it)
{
    run_quietly("tests/race/choices", "fork", "DISPATCHALLOC_BACKEND=over");
}
END_TEST

START_TEST(test_name_of_a_choice_outlives_it)
{
    run_quietly("tests/race/choices", "read", "DISPATCHALLOC_BACKEND=over");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("race");
    TCase *races = tcase_create("races");
    TCase *forks = tcase_create("forks");
    TCase *choices = tcase_create("choices");

    tcase_add_test(races, test_racing_first_calls_resolve_once);
    tcase_add_test(races, test_racing_choices_are_recorded_or_refused);
    tcase_add_test(choices, test_choice_replaced_under_a_create_outlives_it);
    tcase_add_test(choices, test_child_of_a_fork_inside_create_over_a_choice_can_replace_it);
    tcase_add_test(choices, test_name_of_a_choice_outlives_it);
    tcase_add_test(forks, test_child_of_a_fork_inside_create_can_choose_and_allocate);
    tcase_add_test(forks, test_child_of_a_fork_while_options_are_set_can_set_them);
    tcase_add_test(forks, test_child_of_a_fork_between_seal_and_publication_publishes);
#if CAN_BE_EARLY
    /* A sanitizer's own allocator may hang in such a child. */
    tcase_add_test(forks, test_child_of_a_fork_anywhere_in_the_first_call_can_allocate);
    tcase_add_test(races, test_racing_first_calls_before_constructors_start_the_library_once);
    tcase_add_test(races, test_racing_choices_before_constructors_are_recorded_or_refused);
    tcase_add_test(races, test_environment_is_read_before_constructors);
    tcase_add_test(forks, test_child_of_a_fork_inside_the_start_starts_over);
#endif
    suite_add_tcase(suite, races);
    suite_add_tcase(suite, forks);
    suite_add_tcase(suite, choices);
    return suite_run(suite);
}
