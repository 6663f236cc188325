/* SPDX-License-Identifier: MIT */
/* By which rules `dispatchalloc compare` judges: tools/compare/statistics.c. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../tools/compare/compare.h"
#include "suite.h"

enum { MANY = 20 };

static double base[COMPARE_METRICS][MANY];
static struct comparison comparison;
static char names[8][16];
static double values[8][COMPARE_METRICS][MANY];

/* ---- Help ----------------------------------------------------------------------------------- */

static void set_up(void)
{
    memset(&comparison, 0, sizeof comparison);
    for (int i = 0; i < MANY; i++) {
        base[COMPARE_TIME][i] = 1.0 + (i % 3) * 0.01;
        base[COMPARE_CPU][i] = 0.5 + (i % 2) * 0.01;
        base[COMPARE_MEMORY][i] = 1e8;
    }
}

/* A candidate whose time and memory are those of the base by the factors; CPU time is the same. */
static void add(const char *name, double time, double memory)
{
    size_t at = comparison.candidate_count++;
    struct compare_candidate *candidate = &comparison.candidates[at];

    strcpy(names[at], name);
    candidate->spec = names[at];
    candidate->done = 10;
    for (int metric = 0; metric < COMPARE_METRICS; metric++) {
        for (int i = 0; i < MANY; i++)
            values[at][metric][i] = base[metric][i] * (metric == COMPARE_TIME  ? time
                                                       : metric == COMPARE_CPU ? 1
                                                                               : memory);
        candidate->values[metric] = values[at][metric];
    }
}

static void assert_verdict(const char *expected)
{
    char text[1024];

    ck_assert_str_eq(compare_verdict(&comparison, text, sizeof text), expected);
}

/* ---- Numbers -------------------------------------------------------------------------------- */

START_TEST(test_summary_has_median_deviation_and_range)
{
    static const double odd[] = {5, 1, 100, 3, 4};
    static const double even[] = {4, 1, 3, 2};
    struct compare_summary summary = compare_summarise(odd, 5);

    ck_assert_double_eq(summary.median, 4);
    ck_assert_double_eq(summary.deviation, 1);
    ck_assert_double_eq(summary.minimum, 1);
    ck_assert_double_eq(summary.maximum, 100);
    ck_assert_double_eq(compare_summarise(even, 4).median, 2.5);
    ck_assert_double_eq(compare_summarise(even, 1).median, 4);
    ck_assert_double_eq(compare_summarise(even, 1).deviation, 0);
    ck_assert_msg(odd[0] == 5, "the rounds have to keep their order");
}
END_TEST

START_TEST(test_drift_of_the_machine_does_not_hide_a_difference)
{
    static const double a[] = {1.0, 2.0, 3.0, 4.0, 5.0};
    static const double b[] = {1.2, 2.2, 3.2, 4.2, 5.2};

    ck_assert_int_eq(compare_order_of(a, b, 5, 0), COMPARE_LESS);
    ck_assert_int_eq(compare_order_of(b, a, 5, 0), COMPARE_MORE);
    ck_assert_int_eq(compare_order_of(a, b, 5, 0.1), COMPARE_LESS);
    ck_assert_int_eq(compare_order_of(a, b, 5, 0.3), COMPARE_SAME);
}
END_TEST

START_TEST(test_one_round_against_it_makes_noise_of_five)
{
    static const double a[] = {1.0, 1.0, 1.0, 1.0, 1.3};
    static const double b[] = {1.2, 1.2, 1.2, 1.2, 1.2};

    ck_assert_int_eq(compare_order_of(a, b, 5, 0), COMPARE_SAME);
}
END_TEST

START_TEST(test_one_round_in_ten_may_be_against_it)
{
    static const double a[] = {1, 1, 1, 1, 1.3, 1, 1, 1, 1, 1};
    static const double two[] = {1, 1, 1, 1, 1.3, 1, 1.3, 1, 1, 1};
    static const double b[] = {1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2};

    ck_assert_int_eq(compare_order_of(a, b, 10, 0), COMPARE_LESS);
    ck_assert_int_eq(compare_order_of(a, b, 9, 0), COMPARE_SAME);
    ck_assert_int_eq(compare_order_of(two, b, 10, 0), COMPARE_SAME);
}
END_TEST

START_TEST(test_spread_differences_are_noise)
{
    static const double b[] = {10, 10, 10, 10, 10};
    /* Always more: by 1, 2, 3, 7, 9. Median 3, deviation 2. */
    static const double a[] = {11, 12, 13, 17, 19};

    ck_assert_int_eq(compare_order_of(a, b, 5, 0), COMPARE_SAME);
}
END_TEST

START_TEST(test_less_than_a_hundredth_is_no_difference)
{
    static const double a[] = {1000, 1000, 1000, 1000, 1000};
    static const double near[] = {1010, 1010, 1010, 1010, 1010};
    static const double off[] = {1011, 1011, 1011, 1011, 1011};

    ck_assert_int_eq(compare_order_of(near, a, 5, 0), COMPARE_SAME);
    ck_assert_int_eq(compare_order_of(off, a, 5, 0), COMPARE_MORE);
}
END_TEST

START_TEST(test_few_rounds_show_nothing)
{
    static const double a[] = {1, 1, 1, 1, 1};
    static const double b[] = {2, 2, 2, 2, 2};

    ck_assert_int_eq(compare_order_of(a, b, 4, 0), COMPARE_SAME);
    ck_assert_int_eq(compare_order_of(a, b, 5, 0), COMPARE_LESS);
    ck_assert_int_eq(compare_order_of(a, b, 0, 0), COMPARE_SAME);
}
END_TEST

/* ---- The verdict ---------------------------------------------------------------------------- */

START_TEST(test_verdict_without_differences)
{
    add("system", 1, 1);
    add("a", 1.005, 1);
    add("b", 0.995, 0.999);
    assert_verdict("time: no difference beyond noise; CPU time: no difference beyond noise; "
                   "peak memory: no difference beyond noise");
}
END_TEST

START_TEST(test_verdict_names_the_best_and_what_is_not_behind_it)
{
    add("system", 1, 1);
    add("a", 0.705, 1.2);
    add("b", 0.7, 1);
    add("c", 0.9, 1);
    assert_verdict(
        "time: b (0.70 of system's) is best; within noise of it: a; "
        "CPU time: no difference beyond noise; peak memory: no difference beyond noise but for a (1.20 of system's)");
}
END_TEST

START_TEST(test_verdict_when_all_others_are_worse)
{
    add("system", 1, 1);
    add("a", 2, 3);
    add("b", 1.5, 0.5);
    assert_verdict("time: system is best; CPU time: no difference beyond noise; "
                   "peak memory: b (0.50 of system's) is best");
}
END_TEST

START_TEST(test_cpu_time_has_a_verdict_of_its_own)
{
    add("system", 1, 1);
    add("a", 1, 1);
    for (int i = 0; i < MANY; i++)
        values[1][COMPARE_CPU][i] *= 0.95;
    assert_verdict("time: no difference beyond noise; CPU time: a (0.95 of system's) is best; "
                   "peak memory: no difference beyond noise");
}
END_TEST

START_TEST(test_what_is_bare_is_not_judged)
{
    add("system", 1, 1);
    add("a", 1, 1);
    add("(bare)", 0.5, 0.5);
    comparison.candidates[2].is_bare = 1;
    assert_verdict("time: no difference beyond noise; CPU time: no difference beyond noise; "
                   "peak memory: no difference beyond noise");
    comparison.candidate_count = 2;
    comparison.candidates[1].is_bare = 1;
    assert_verdict("none, as there is nothing to compare");
}
END_TEST

START_TEST(test_verdict_does_not_speak_of_what_failed)
{
    add("a", 0.1, 0.1);
    add("system", 1, 1);
    add("b", 1, 1);
    comparison.baseline = 1;
    strcpy(comparison.candidates[0].failure, "exit status 1");
    assert_verdict("time: no difference beyond noise; CPU time: no difference beyond noise; "
                   "peak memory: no difference beyond noise");
    strcpy(comparison.candidates[2].failure, "exit status 1");
    assert_verdict("none, as there is nothing to compare");
    strcpy(comparison.candidates[1].failure, "exit status 1");
    assert_verdict("none, as the program fails under system");
}
END_TEST

START_TEST(test_verdict_takes_rounds_that_both_have)
{
    add("system", 1, 1);
    add("a", 0.5, 1);
    comparison.candidates[1].done = 4;
    assert_verdict("none, as 4 rounds are too few to tell a difference from noise (5 are needed)");
    comparison.candidates[1].done = 1;
    assert_verdict("none, as 1 round is too few to tell a difference from noise (5 are needed)");
    comparison.candidates[1].done = 0;
    assert_verdict("none, as there is nothing to compare");
}
END_TEST

START_TEST(test_verdict_that_is_too_long_is_cut)
{
    char text[8];

    add("system", 1, 1);
    add("a", 1, 1);
    compare_verdict(&comparison, text, sizeof text);
    ck_assert_str_eq(text, "time: n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compare");
    TCase *numbers = tcase_create("numbers");
    TCase *verdict = tcase_create("verdict");

    tcase_add_test(numbers, test_summary_has_median_deviation_and_range);
    tcase_add_test(numbers, test_drift_of_the_machine_does_not_hide_a_difference);
    tcase_add_test(numbers, test_one_round_against_it_makes_noise_of_five);
    tcase_add_test(numbers, test_one_round_in_ten_may_be_against_it);
    tcase_add_test(numbers, test_spread_differences_are_noise);
    tcase_add_test(numbers, test_less_than_a_hundredth_is_no_difference);
    tcase_add_test(numbers, test_few_rounds_show_nothing);
    suite_add_tcase(suite, numbers);
    tcase_add_checked_fixture(verdict, set_up, NULL);
    tcase_add_test(verdict, test_verdict_without_differences);
    tcase_add_test(verdict, test_verdict_names_the_best_and_what_is_not_behind_it);
    tcase_add_test(verdict, test_verdict_when_all_others_are_worse);
    tcase_add_test(verdict, test_cpu_time_has_a_verdict_of_its_own);
    tcase_add_test(verdict, test_what_is_bare_is_not_judged);
    tcase_add_test(verdict, test_verdict_does_not_speak_of_what_failed);
    tcase_add_test(verdict, test_verdict_takes_rounds_that_both_have);
    tcase_add_test(verdict, test_verdict_that_is_too_long_is_cut);
    suite_add_tcase(suite, verdict);
    return suite_run(suite);
}
