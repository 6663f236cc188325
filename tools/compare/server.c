/* SPDX-License-Identifier: MIT */
/*
 * A server under `dispatchalloc compare`: it is started, asked until it is ready, given its load
 * and ended by SIGTERM. What is timed is the load; CPU time, memory and page faults are the
 * server's. See compare.h.
 */
#define _GNU_SOURCE /* struct rusage */
#include "compare.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/child.h"
#include "tools/tool.h"

/* A server that is not ready by then never is, if no other limit is given. */
enum { READY_SECONDS = 60, ASK_NANOSECONDS = 20 * 1000 * 1000 };

/* What the process beside the server found out, in memory that is shared with it. */
struct visit {
    const struct comparison *comparison;
    const struct child_command *server; /* whose files the commands have */
    int is_ready;
    int has_ended; /* the load */
    int is_late;   /* and was ended, since it took too long */
    int status;    /* of the load, as system(3) has it */
    double seconds;
};

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static unsigned limit_of(const struct comparison *comparison)
{
    return comparison->seconds_limit ? comparison->seconds_limit : READY_SECONDS;
}

static volatile sig_atomic_t is_late;

/* The load is in the group of this process, which goes on. */
static void end_load(int number)
{
    is_late = number;
    (void)kill(0, SIGTERM);
}

/* In a process of its own. */
static void visit_server(void *data)
{
    const struct timespec pause = {0, ASK_NANOSECONDS};
    struct visit *visit = data;
    double began = now();

    (void)dup2(visit->server->input, STDIN_FILENO);
    (void)dup2(visit->server->output, STDOUT_FILENO);
    /* What is said while it is not ready is said in vain. */
    (void)dup2(visit->server->output, STDERR_FILENO);
    while (system(visit->comparison->ready) != 0) {
        if (now() - began > limit_of(visit->comparison))
            return;
        (void)nanosleep(&pause, NULL);
    }
    visit->is_ready = 1;
    (void)dup2(visit->server->errors, STDERR_FILENO);
    (void)signal(SIGTERM, tool_go_on);
    (void)signal(SIGALRM, end_load);
    (void)alarm(visit->comparison->seconds_limit);
    began = now();
    visit->status = system(visit->comparison->load);
    visit->seconds = now() - began;
    (void)alarm(0);
    visit->is_late = is_late != 0;
    visit->has_ended = 1;
}

/* It was ended by us, and not by a fault of its own. */
static int has_failed(const struct child_result *result)
{
    return WIFSIGNALED(result->status) && WTERMSIG(result->status) != SIGTERM &&
           WTERMSIG(result->status) != SIGKILL;
}

static void judge(const struct comparison *comparison, const struct visit *visit,
                  struct child_result *result, char *failure, size_t bytes)
{
    if (!result->is_over)
        snprintf(failure, bytes, "it ended before its load did%s",
                 visit->is_ready ? "" : ", and was not ready");
    else if (!visit->is_ready)
        snprintf(failure, bytes, "it was not ready within %u s", limit_of(comparison));
    else if (visit->is_late)
        snprintf(failure, bytes, "the load took longer than %u s", comparison->seconds_limit);
    else if (!visit->has_ended || visit->status != 0)
        snprintf(failure, bytes, "the load ended with status %d",
                 WIFEXITED(visit->status) ? WEXITSTATUS(visit->status)
                                          : 128 + WTERMSIG(visit->status));
    else if (!has_failed(result))
        result->status = 0;
    result->seconds = visit->seconds;
}

/* One that is there already would be asked in its place. TOOL_OK, or TOOL_TROUBLE after a message.
 */
static int check_that_none_is_ready(const struct comparison *comparison,
                                    const struct child_command *server)
{
    static char shell[] = "/bin/sh", name[] = "sh", option[] = "-c";
    char *arguments[] = {name, option, (char *)(uintptr_t)comparison->ready, NULL};
    struct child_command command = *server;
    struct child_result result;

    command.path = shell;
    command.arguments = arguments;
    command.environment = environ;
    command.errors = server->output;
    command.seconds_limit = limit_of(comparison);
    if (child_run(&command, &result))
        return TOOL_TROUBLE;
    if (!child_interruption() && WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0)
        return tool_complain("--ready succeeds before '%s' is started: another one is there",
                             *server->arguments);
    return TOOL_OK;
}

int compare_serve(const struct comparison *comparison, const struct child_command *server,
                  struct child_result *result, char *failure, size_t failure_bytes)
{
    struct visit *visit =
        mmap(NULL, sizeof *visit, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct child_command command = *server;
    int status = TOOL_TROUBLE;

    /* It has no limit of its own: those of its load end it. */
    command.seconds_limit = 0;
    *failure = '\0';
    if (visit == MAP_FAILED)
        return tool_complain("not enough memory");
    visit->comparison = comparison;
    visit->server = server;
    if (check_that_none_is_ready(comparison, server) == TOOL_OK && !child_interruption() &&
        child_start_beside(visit_server, visit) > 0)
        status = child_run(&command, result);
    else if (child_interruption())
        status = TOOL_OK;
    if (status == TOOL_OK && !child_interruption() && !result->not_executed)
        judge(comparison, visit, result, failure, failure_bytes);
    (void)munmap(visit, sizeof *visit);
    return status;
}
