/* SPDX-License-Identifier: MIT */
/*
 * Running a program to its end and looking at all that came of it, for tests of what a
 * process does as a whole: exit status or signal, and the exact text on both streams.
 */
#ifndef TESTS_RUN_H
#define TESTS_RUN_H

#define RUN_ARGUMENTS_MAX 48

/* What a program is run with. End both lists by NULL. */
struct run_request {
    const char *program;                      /* relative to the build directory */
    const char *arguments[RUN_ARGUMENTS_MAX]; /* without the program's own name */
    const char *environment[8];               /* "NAME=value", on top of the test's own */
};

struct run_result {
    int exit_status; /* -1 if a signal ended it */
    int signal;      /* 0 if it ended by itself */
    char out[16384];
    char err[16384];
};

/* Run a program; the test fails if that cannot be done. Variables of the library that the
 * request does not name are unset. */
void run_program(const struct run_request *request, struct run_result *result);

/* The path of a file in the build directory, in static memory that the next call reuses. */
const char *run_path(const char *file);

#endif /* TESTS_RUN_H */
