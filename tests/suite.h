/* SPDX-License-Identifier: MIT */
/* What the libcheck programs have in common. */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What follows where the first allocation is told of: its place, unless the front has to call
 * (DAL_CALL_SITE_ in lib/choice/hook.h). */
#if defined __i386__ || (defined __powerpc__ && !defined __powerpc64__)
# define SUITE_FROM ""
#else
# define SUITE_FROM " from "
#endif

/* What a test leaks from here on it leaks on purpose. */
#ifdef __has_feature
# define SUITE_IS_UNDER_ASAN __has_feature(address_sanitizer)
#elif defined __SANITIZE_ADDRESS__
# define SUITE_IS_UNDER_ASAN 1
#else
# define SUITE_IS_UNDER_ASAN 0
#endif
#if SUITE_IS_UNDER_ASAN
void __lsan_disable(void);
# define suite_leaks() __lsan_disable()
#else
# define suite_leaks() ((void)0)
#endif

/* How often to do what goes wrong only now and then. A slow machine, or valgrind, may ask for less
 * than usual, by RACE_RUNS. */
static inline int suite_race_runs(int usual)
{
    const char *wanted = getenv("RACE_RUNS");

    return wanted && atoi(wanted) > 0 ? atoi(wanted) : usual;
}

/* How many rounds of random input: more by hand, for a night, by FUZZ_TIMES; and what they begin
 * with, by FUZZ_SEED. */
static inline int suite_fuzz_rounds(int usual)
{
    const char *times = getenv("FUZZ_TIMES");

    return times && atoi(times) > 0 ? usual * atoi(times) : usual;
}

static inline uint32_t suite_fuzz_seed(void)
{
    const char *seed = getenv("FUZZ_SEED");

    return seed ? (uint32_t)strtoul(seed, NULL, 10) : 1;
}

/* Of many combinations every n-th: what a variable says, or all. Under a slow checker. */
static inline int suite_every(const char *variable)
{
    const char *wanted = getenv(variable);

    return wanted && atoi(wanted) > 1 ? atoi(wanted) : 1;
}

/* How many that is, of so many. */
static inline int suite_share(int count, int every)
{
    return (count + every - 1) / every;
}

/*
 * Where libcheck has no fork (SUITE_HAS_NO_FORK) each check has a process of its own by another
 * way: tests/unit.sh starts the program for each, which adds only the one of the number in
 * SUITE_CHECK. It says which that is, or that there is none.
 */
#ifndef SUITE_HAS_NO_FORK
# define SUITE_HAS_FORK 1
# include <sys/wait.h>
# include <unistd.h>
#else
# define SUITE_HAS_FORK  0
static int suite_count;
static int suite_has_wanted;
static int suite_awaited; /* the signal that is to end the process, or 0 */

static inline void suite_end_well(int number)
{
    (void)number;
    _Exit(EXIT_SUCCESS);
}

static inline void suite_add(TCase *cases, const TTest *test, int number, int status, int start,
                             int end)
{
    const char *wanted = getenv("SUITE_CHECK");

    for (int i = start; i < end; i++) {
        if (wanted && suite_count++ != atoi(wanted))
            continue;
        if (wanted) {
            printf("check %s:%d:%s:%d\n", test->file, test->line, test->name, i);
            fflush(stdout);
            suite_has_wanted = 1;
            suite_awaited = number;
            if (number)
                (void)signal(number, suite_end_well);
        }
        _tcase_add_test(cases, test, number, status, i, i + 1);
    }
}
# define _tcase_add_test suite_add
#endif

/* Run a suite, which is freed with it: the status to exit with. */
static inline int suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
#ifdef SUITE_HAS_NO_FORK
    if (suite_awaited && !failed)
        printf("it ends by itself, not by signal %d\n", suite_awaited);
    failed |= suite_awaited;
    if (getenv("SUITE_CHECK") && !suite_has_wanted)
        printf("no check of that number\n");
#endif
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif /* TESTS_SUITE_H */
