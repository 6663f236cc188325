/* SPDX-License-Identifier: MIT */
/* What the libcheck programs have in common. */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

/* What follows where the first allocation is told of: its place, unless the front has to call
 * (DAL_CALL_SITE_ in lib/choice/hook.h). */
#if defined __i386__ || (defined __powerpc__ && !defined __powerpc64__)
# define SUITE_FROM ""
#else
# define SUITE_FROM " from "
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

/* Run a suite, which is freed with it: the status to exit with. */
static inline int suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif /* TESTS_SUITE_H */
