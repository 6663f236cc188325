/* SPDX-License-Identifier: MIT */
/*
 * The runs of `dispatchalloc compare`, in rounds. Each round runs the program once under each
 * allocator, in an order that rotates, so that what changes in the machine meanwhile meets
 * them all. See compare.h.
 */
#define _GNU_SOURCE /* struct rusage */
#include "compare.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/shared/control.h"
#include "tools/child.h"
#include "tools/tool.h"

/* How the program is run. */
struct compare_setup {
    struct child_command child;
    off_t input_start; /* -1: input is no file */
    FILE *errors;      /* what the program says, or NULL */
    int is_verbose;    /* there is a terminal to show progress on */
};

/* ---- Runs --------------------------------------------------------------------------------- */

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void take(struct compare_candidate *candidate, const struct child_result *result)
{
    size_t at = candidate->done++;

    candidate->values[COMPARE_TIME][at] = result->seconds;
    candidate->values[COMPARE_CPU][at] =
        seconds_of(result->usage.ru_utime) + seconds_of(result->usage.ru_stime);
    /* Linux and the BSDs have it in KiB. */
    candidate->values[COMPARE_MEMORY][at] = (double)result->usage.ru_maxrss * 1024;
    candidate->values[COMPARE_FAULTS][at] =
        (double)(result->usage.ru_minflt + result->usage.ru_majflt);
}

static void rewind_files(const struct compare_setup *setup)
{
    if (setup->input_start >= 0)
        (void)lseek(setup->child.input, setup->input_start, SEEK_SET);
    child_forget_errors(setup->errors);
}

static void clear_progress(const struct compare_setup *setup)
{
    if (setup->is_verbose)
        fprintf(stderr, "\r%70s\r", "");
}

static void show_progress(const struct compare_setup *setup, const struct comparison *comparison,
                          const struct compare_candidate *candidate, size_t round)
{
    char line[128];

    if (!setup->is_verbose)
        return;
    if (round > 0)
        snprintf(line, sizeof line, "round %zu of %zu: %-50.50s", round, comparison->runs,
                 candidate->spec);
    else
        snprintf(line, sizeof line, "warm-up: %-58.58s", candidate->spec);
    dal_clean_(line, strlen(line));
    fprintf(stderr, "\r%s", line);
}

/* Once under one candidate. The warm-up is round 0. Returns 0, or an exit status that ends it
 * all: then there is nothing to print. */
static int run_once(const struct compare_setup *setup, const struct comparison *comparison,
                    struct compare_candidate *candidate, size_t round)
{
    struct child_command child = setup->child;
    struct child_result result;
    char failure[sizeof candidate->failure] = "";

    child.environment = candidate->environment;
    rewind_files(setup);
    if (comparison->load ? compare_serve(comparison, &child, &result, failure, sizeof failure)
                         : child_run(&child, &result))
        return TOOL_TROUBLE;
    if (child_interruption())
        return 0;
    if (result.not_executed) {
        child_show_errors(setup->errors, stderr, "");
        return result.not_executed;
    }
    if (result.timed_out)
        snprintf(failure, sizeof failure, "it took longer than %u s", comparison->seconds_limit);
    if (!*failure && !child_failure(&result, failure, sizeof failure)) {
        if (round > 0)
            take(candidate, &result);
        return 0;
    }
    clear_progress(setup);
    if (child_check_errors(&result, setup->errors))
        return TOOL_TROUBLE;
    memcpy(candidate->failure, failure, sizeof failure);
    candidate->failed_round = round;
    (void)tool_complain("'%s' failed under %s: %s", child.arguments[0], candidate->spec, failure);
    child_show_errors(setup->errors, stderr, "");
    return 0;
}

static int run_round(const struct compare_setup *setup, struct comparison *comparison, size_t round)
{
    int result = 0;

    for (size_t i = 0; i < comparison->candidate_count && !result; i++) {
        size_t at = (i + round) % comparison->candidate_count;
        struct compare_candidate *candidate = &comparison->candidates[at];

        if (*candidate->failure)
            continue;
        show_progress(setup, comparison, candidate, round);
        result = run_once(setup, comparison, candidate, round);
        if (child_interruption())
            break;
    }
    return result;
}

static int run_rounds(const struct compare_setup *setup, struct comparison *comparison)
{
    int result = 0;

    for (size_t round = 0; round <= comparison->runs && !result; round++) {
        result = run_round(setup, comparison, round);
        if (child_interruption())
            break;
    }
    comparison->interrupted = child_interruption();
    clear_progress(setup);
    return result;
}

/* ---- Set-up ------------------------------------------------------------------------------- */

static int open_files(struct compare_setup *setup, int shows_output)
{
    struct child_command *child = &setup->child;

    child->input = child_open_input(&setup->input_start);
    if (child->input < 0)
        return TOOL_TROUBLE;
    if (shows_output) {
        child->output = STDOUT_FILENO;
        child->errors = STDERR_FILENO;
        return 0;
    }
    setup->is_verbose = isatty(STDERR_FILENO);
    setup->errors = child_open_errors(child);
    if (!setup->errors)
        return TOOL_TROUBLE;
    child->output = child_open_null();
    return child->output < 0 ? TOOL_TROUBLE : 0;
}

int compare_run(struct comparison *comparison, const char *path, int shows_output)
{
    struct compare_setup setup = {
        .child = {.path = path,
                  .arguments = comparison->command,
                  .seconds_limit = comparison->seconds_limit},
    };
    int result = open_files(&setup, shows_output);

    if (!result)
        result = run_rounds(&setup, comparison);
    if (setup.errors)
        (void)fclose(setup.errors);
    return result;
}
