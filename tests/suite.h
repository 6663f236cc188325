/* SPDX-License-Identifier: MIT */
/* What the libcheck programs have in common. */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/* How often to do what goes wrong only now and then. A slow machine, or valgrind, may ask for less
 * than usual, by RACE_RUNS. */
static inline int suite_race_runs(int usual)
{
    const char *wanted = getenv("RACE_RUNS");

    return wanted && atoi(wanted) > 0 ? atoi(wanted) : usual;
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
