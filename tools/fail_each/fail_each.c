/* SPDX-License-Identifier: MIT */
/* dispatchalloc fail-each: a program with each of its allocations failing in turn. The command
 * line, and the order of things. */
#include "fail_each.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/program.h"
#include "tools/program_environment.h"

/* ---- Options --------------------------------------------------------------------------------- */

static struct each_test test = {
    .spec = "system",
    .frames = EACH_FRAMES,
    .jobs = 1,
    .state_file = -1,
    .report = &each_text,
};
static int wants_json, wants_junit;

static int take_spec(const char *spec)
{
    test.spec = spec;
    return TOOL_OK;
}

static int take_child(const char *name)
{
    if (!*name || strchr(name, '/') || strlen(name) > 64)
        return tool_misused(&tool_fail_each,
                            "invalid name of a program '%s': expected is what it is called in a "
                            "directory, at most 64 bytes",
                            name);
    test.child = name;
    return TOOL_OK;
}

static int take_state(const char *path)
{
    test.state = path;
    return TOOL_OK;
}

/* A number from 1 to most. */
static int take_number(const char *what, const char *text, uint64_t most, uint64_t *number)
{
    if (dal_number_parse_(text, 1, number) && *number >= 1 && *number <= most)
        return TOOL_OK;
    return tool_misused(&tool_fail_each, "invalid number of %s '%s': it is expected from 1 to %llu",
                        what, text, (unsigned long long)most);
}

static int take_sample(const char *text)
{
    return take_number("runs", text, UINT32_MAX, &test.sample);
}

static int take_jobs(const char *text)
{
    uint64_t jobs = 1;
    int status = take_number("jobs", text, EACH_JOBS_MAX, &jobs);

    test.jobs = (unsigned)jobs;
    return status;
}

static int take_frames(const char *text)
{
    uint64_t frames = 1;
    int status = take_number("frames", text, DAL_STACK_PLACES_MAX, &frames);

    test.frames = (unsigned)frames;
    return status;
}

static int take_timeout(const char *text)
{
    return tool_take_timeout(&tool_fail_each, text, &test.seconds_limit);
}

static const struct tool_option options[] = {
    {.name = "backend", .letter = 'b', .take = take_spec},
    {.name = "child", .take = take_child},
    {.name = "every", .flag = &test.is_every},
    {.name = "frames", .take = take_frames},
    {.name = "jobs", .letter = 'j', .take = take_jobs},
    {.name = "json", .flag = &wants_json},
    {.name = "junit", .flag = &wants_junit},
    {.name = "resume", .take = take_state},
    {.name = "sample", .take = take_sample},
    {.name = "timeout", .take = take_timeout},
    {.name = NULL},
};

/* ---- The command ----------------------------------------------------------------------------- */

static int is_ours(const struct dal_spec_item *item, void *data)
{
    (void)data;
    return strcmp(item->backend->name, "fail") == 0 || strcmp(item->backend->name, "stats") == 0;
}

/* What serves the program; 0, or TOOL_TROUBLE after a message. A layer that is there twice has no
 * malloc family for the upper one. */
static int make_environment(void)
{
    char message[1024], spec[DAL_SPEC_BYTES_MAX + 32];
    int result;

    if (environment_check(test.spec))
        return TOOL_TROUBLE;
    result = dal_spec_visit(test.spec, is_ours, NULL, message, sizeof message);
    if (result > 0)
        return tool_complain(
            "spec \"%s\": the layers fail and stats are what fail-each itself puts "
            "over it",
            test.spec);
    (void)snprintf(spec, sizeof spec, "fail+stats+%s", test.spec);
    result = environment_make(spec, ENVIRONMENT_ASKED_FOR, *test.command, &test.environment);
    return result ? TOOL_TROUBLE : 0;
}

/* 0, or an exit status after a message. */
static int run_all(struct each_runner *runners)
{
    int status = each_state_open(&test);

    if (!status)
        status = each_run_jobs(runners, &test);
    if (test.state_file >= 0)
        (void)close(test.state_file);
    return status;
}

static int exit_status(void)
{
    return test.interrupted ? 128 + test.interrupted : each_findings(&test) ? TOOL_FAILED : TOOL_OK;
}

/* What there is to tell is told also where the runs were ended early, by whatever that was. */
static int count_and_run(struct each_runner *runners)
{
    int status = each_count(runners, &test);
    int told;

    if (status && (status != EACH_NOT_REPEATABLE || test.report == &each_text))
        return status;
    if (!status) {
        test.report->begin(&test);
        (void)fflush(stdout);
        status = run_all(runners);
    }
    told = test.report->end(&test);
    return status ? status : told ? told : exit_status();
}

static int with_runners(void)
{
    struct each_runner *runners = calloc(test.jobs, sizeof *runners);
    int status = runners ? 0 : tool_complain("not enough memory");
    unsigned opened = 0;

    while (!status && opened < test.jobs)
        status = each_runner_open(&runners[opened++], &test);
    if (!status)
        status = count_and_run(runners);
    for (unsigned i = 0; i < opened; i++)
        each_runner_close(&runners[i]);
    free(runners);
    return status;
}

static int check(char path[PATH_MAX])
{
    int status;

    if (program_switched_off())
        return tool_complain(
            "DISPATCHALLOC_OFF=%s is set, under which no allocation can be made to "
            "fail; unset it",
            program_switched_off());
    if (wants_json && wants_junit)
        return tool_misused(&tool_fail_each, "--json and --junit exclude each other");
    status = program_find(&tool_fail_each, test.command, path);
    return status ? status : program_check(path, test.command);
}

static int fail_each(int count, char **program)
{
    static char path[PATH_MAX];
    int status;

    (void)count;
    child_keep_standard_files();
    child_keep_ends();
    test.command = program;
    test.path = path;
    test.report = wants_json ? &each_json : wants_junit ? &each_junit : &each_text;
    status = check(path);
    if (!status)
        status = make_environment();
    if (!status) {
        child_set_up();
        status = with_runners();
    }
    each_free_results(&test);
    free(test.planned.all);
    free(test.left.all);
    free(test.environment);
    return status;
}

const struct tool_command tool_fail_each = {
    .name = "fail-each",
    .synopsis = "PROGRAM [ARG]...",
    .summary = "have each allocation of a program fail in turn",
    .help = "\n"
            "Count the allocations of PROGRAM, then run it again and again, each time with\n"
            "one of them failing, and print which of them made it crash, hang, end as if all\n"
            "were well with another result, or keep blocks; by stack, worst first.\n"
            "\n"
            "  -b, --backend=SPEC     the allocator below; system by default\n"
            "      --child=NAME       look at the programs called NAME that PROGRAM starts,\n"
            "                         and not at PROGRAM\n"
            "      --every            have every allocation fail, and not only the first and\n"
            "                         the last of each different stack\n"
            "      --frames=N         tell stacks apart by so many frames; 16 by default\n"
            "  -j, --jobs=N           so many runs at a time; 1 by default\n"
            "      --json             print JSON\n"
            "      --junit            print XML as JUnit has it\n"
            "      --resume=FILE      keep results in FILE, and go on from what is there\n"
            "      --sample=N         so many runs, evenly spread; also where two runs with\n"
            "                         nothing failing differ\n"
            "      --timeout=SECONDS  a run takes no longer; by default ten times what one\n"
            "                         with nothing failing takes, and ten seconds, for each\n"
            "                         job to a processor\n"
            "\n"
            "Every run of PROGRAM reads standard input from the same place if that is a file,\n"
            "else /dev/null. What it writes is compared, and not shown.\n"
            "\n"
            "Exit status: 0; 1 if something was found; 2 for a usage error, a spec that is\n"
            "not good or a program that cannot be run this way; 3 if two runs with nothing\n"
            "failing differ; 126 if PROGRAM cannot be executed, 127 if it is not found; 128\n"
            "and the signal's number if a signal ended fail-each before all runs were made.\n",
    .options = options,
    .operand = "PROGRAM",
    .takes_program = 1,
    .run = fail_each,
};
