/* SPDX-License-Identifier: MIT */
/*
 * A thread that is stopped in the middle of what it does, by itself, while the first thread does
 * something else or forks; and what the programs here check by.
 */
#ifndef TESTS_RACE_MIDDLE_H
#define TESTS_RACE_MIDDLE_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 10 };

/* A program that hangs ends. */
static inline void be_patient(void)
{
    const char *slower = getenv("CK_TIMEOUT_MULTIPLIER"); /* under a checker */

    alarm(3 * PATIENCE_SECONDS * (slower ? (unsigned)atoi(slower) : 1));
}

/* ---- Checks --------------------------------------------------------------------------------- */

static int failures;

#define REQUIRE(condition) require((condition), #condition, __LINE__)

static inline void require(int is_true, const char *condition, int line)
{
    char text[256];
    int length;

    if (is_true)
        return;
    failures++;
    length = snprintf(text, sizeof text, "process %d, line %d: %s does not hold\n", (int)getpid(),
                      line, condition);
    (void)syscall(SYS_write, STDOUT_FILENO, text, (size_t)length);
}

/* Fork and run a function in the child. */
static inline void in_a_child(void (*function)(void))
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        alarm(PATIENCE_SECONDS);
        failures = 0;
        function();
        _exit(failures != 0);
    }
    REQUIRE(child > 0);
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
}

/* ---- Taking turns ---------------------------------------------------------------------------- */

static atomic_int in_the_middle;
static atomic_int may_go_on;
static atomic_int stops;

/* The first thread that comes here after go_to_the_middle() stays until go_on(). */
static inline void stop_in_the_middle(void)
{
    if (!atomic_exchange(&stops, 0))
        return;
    atomic_store(&in_the_middle, 1);
    while (!atomic_load(&may_go_on))
        sched_yield();
}

/* Run a function in a thread up to there. */
static inline pthread_t go_to_the_middle(void *(*function)(void *))
{
    pthread_t thread;

    atomic_store(&stops, 1);
    REQUIRE(pthread_create(&thread, NULL, function, NULL) == 0);
    while (!atomic_load(&in_the_middle))
        sched_yield();
    return thread;
}

/* And to its end. */
static inline void go_on(pthread_t thread)
{
    atomic_store(&may_go_on, 1);
    REQUIRE(pthread_join(thread, NULL) == 0);
}

#endif /* TESTS_RACE_MIDDLE_H */
