/* SPDX-License-Identifier: MIT */
/* The runs of `dispatchalloc fail-each` in which nothing fails, and what is to fail in the others.
 * See fail_each.h. */
#include "fail_each.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Numbers --------------------------------------------------------------------------------- */

int each_numbers_add(struct each_numbers *numbers, uint64_t number)
{
    if (numbers->count == numbers->room) {
        size_t room = numbers->room ? 2 * numbers->room : 1024;
        uint64_t *more = realloc(numbers->all, room * sizeof *more);

        if (!more)
            return tool_complain("not enough memory");
        numbers->all = more;
        numbers->room = room;
    }
    numbers->all[numbers->count++] = number;
    return 0;
}

static int compare_numbers(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

    return (a > b) - (a < b);
}

void each_numbers_sort(struct each_numbers *numbers)
{
    size_t count = 0;

    if (numbers->count > 0)
        qsort(numbers->all, numbers->count, sizeof *numbers->all, compare_numbers);
    for (size_t i = 0; i < numbers->count; i++) {
        if (count == 0 || numbers->all[count - 1] != numbers->all[i])
            numbers->all[count++] = numbers->all[i];
    }
    numbers->count = count;
}

/* So many, as far apart as they can be; the first of all is among them. */
static void thin(struct each_numbers *numbers, uint64_t sample)
{
    if (sample == 0 || sample >= numbers->count)
        return;
    for (uint64_t i = 0; i < sample; i++)
        numbers->all[i] =
            numbers->all[(size_t)((double)i * (double)numbers->count / (double)sample)];
    numbers->count = (size_t)sample;
}

/* Numbers are those of each process. */
static int plan(struct each_test *test, struct each_numbers *ends)
{
    int status = 0;

    if (test->is_every) {
        ends->count = 0;
        for (uint64_t number = 1; !status && number <= test->counted.most_calls; number++)
            status = each_numbers_add(ends, number);
    }
    each_numbers_sort(ends);
    thin(ends, test->sample);
    test->planned = *ends;
    return status;
}

/* ---- What the program does by itself --------------------------------------------------------- */

/* No process has left a record. */
static int tell_missing(const struct each_runner *runner, const struct each_test *test)
{
    if (each_check_record(runner, test))
        return TOOL_TROUBLE;
    if (test->child)
        return tool_complain("no program called '%s' that '%s' starts allocates anything by malloc",
                             test->child, *test->command);
    return tool_complain("'%s' allocates nothing by malloc; what a program that it starts "
                         "allocates is looked at by --child=NAME",
                         *test->command);
}

/* 0, or TOOL_TROUBLE after a message. */
static int check_end(const struct each_runner *runner, const struct each_test *test,
                     const struct each_run *run)
{
    const char *name = *test->command;
    char failure[96];

    if (run->ended.timed_out)
        return tool_complain("'%s' takes longer than %u seconds where nothing fails; --timeout "
                             "says how long it may",
                             name, test->seconds_limit);
    if (!WIFEXITED(run->ended.status)) {
        (void)tool_complain("'%s' fails where no allocation does: %s", name,
                            child_failure(&run->ended, failure, sizeof failure));
        child_show_errors(runner->errors, stderr, "");
        return TOOL_TROUBLE;
    }
    if (run->processes == 0)
        return tell_missing(runner, test);
    if (run->lost)
        return tool_complain("'%s' allocates by more different stacks than can be told apart; "
                             "--frames=%u or less makes them fewer",
                             name, test->frames > 1 ? test->frames / 2 : 1);
    return 0;
}

static uint64_t larger(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

/* What is kept is what is live beyond what either had. */
static void join_live(struct each_test *test, struct each_run *one, const struct each_run *other)
{
    test->live_varies =
        one->live_blocks != other->live_blocks || one->live_bytes != other->live_bytes;
    one->live_blocks = larger(one->live_blocks, other->live_blocks);
    one->live_bytes = larger(one->live_bytes, other->live_bytes);
}

static int compare_ends(struct each_test *test, const struct each_run *one,
                        const struct each_run *other)
{
    test->output_varies = one->output != other->output || one->output_bytes != other->output_bytes;
    test->statuses[0] = WEXITSTATUS(one->ended.status);
    test->statuses[1] = WEXITSTATUS(other->ended.status);
    if (test->statuses[0] != test->statuses[1]) {
        test->is_repeatable = 0;
        (void)tool_complain("'%s' ends with status %d, and the next time with %d, where no "
                            "allocation fails",
                            *test->command, test->statuses[0], test->statuses[1]);
        return EACH_NOT_REPEATABLE;
    }
    if (one->calls == other->calls)
        return 0;
    test->is_repeatable = 0;
    (void)tool_complain("'%s' makes %" PRIu64 " allocations, and the next time %" PRIu64 "%s",
                        *test->command, one->calls, other->calls,
                        test->sample ? ""
                                     : ": the same one cannot be met again; --sample=N tries "
                                       "some all the same");
    return test->sample ? 0 : EACH_NOT_REPEATABLE;
}

/* A script is run by its interpreter, and env(1) becomes what it starts: then the process is told
 * by that name as well, since its allocations have numbers from 1 on in each program that it
 * becomes. */
static void take_name(struct each_test *test)
{
    char whole[PATH_MAX];

    if (!test->child &&
        (!tool_whole_path(test->path, whole) || strcmp(whole, test->counted.program) != 0))
        memcpy(test->name, test->counted.name, sizeof test->name);
}

/* How many runs may share a processor. */
static unsigned sharing(unsigned jobs)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    return processors > 0 ? (jobs - 1) / (unsigned)processors + 1 : jobs;
}

/* Enough for what takes its time when it fails, and complains; it was counted with nothing beside
 * it. */
static void set_limits(struct each_test *test)
{
    double seconds = (10 + 10 * test->counted.ended.seconds) * sharing(test->jobs);

    if (!test->seconds_limit)
        test->seconds_limit = seconds < 86400 ? (unsigned)seconds : 86400;
    test->bytes_limit =
        16 * (test->counted.output_bytes + test->counted.errors_bytes) + (UINT64_C(64) << 20);
}

int each_count(struct each_runner *runner, struct each_test *test)
{
    static struct each_run again;
    struct each_numbers ends = {.count = 0};
    int status = each_run(runner, test, 0, &test->counted, &ends);

    test->is_repeatable = 1;
    if (!status && !child_interruption())
        status = check_end(runner, test, &test->counted);
    if (!status && !child_interruption())
        status = each_run(runner, test, 0, &again, NULL);
    if (!status && !child_interruption())
        status = check_end(runner, test, &again);
    if (!status && child_interruption())
        status = 128 + child_interruption();
    test->calls[0] = test->counted.calls;
    test->calls[1] = again.calls;
    if (!status)
        status = compare_ends(test, &test->counted, &again);
    if (!status)
        join_live(test, &test->counted, &again);
    if (status) {
        free(ends.all);
        return status;
    }
    take_name(test);
    set_limits(test);
    return plan(test, &ends);
}
