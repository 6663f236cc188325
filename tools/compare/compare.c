/* SPDX-License-Identifier: MIT */
/* dispatchalloc compare: one program under several allocators. The command line. */
#define _GNU_SOURCE /* strdup, environ */
#include "compare.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/child.h"
#include "tools/program_environment.h"
#include "tools/program.h"
#include "tools/tool.h"

/* ---- Candidates --------------------------------------------------------------------------- */

/* Its environment has been made. */
static int keep_candidate(struct comparison *comparison, const char *spec)
{
    struct compare_candidate *candidate = &comparison->candidates[comparison->candidate_count];

    candidate->spec = strdup(spec);
    for (int metric = 0; metric < COMPARE_METRICS; metric++) {
        candidate->values[metric] = calloc(comparison->runs, sizeof(double));
        if (!candidate->values[metric] || !candidate->spec)
            return tool_complain("not enough memory");
    }
    comparison->candidate_count++;
    return 0;
}

static int add_candidate(struct comparison *comparison, const char *spec,
                         enum environment_kind kind)
{
    struct compare_candidate *candidate = &comparison->candidates[comparison->candidate_count];
    int result;

    if (comparison->candidate_count == COMPARE_CANDIDATES_MAX)
        return tool_complain("more than %d allocators", (int)COMPARE_CANDIDATES_MAX);
    result = environment_make(spec, kind, *comparison->command, &candidate->environment);
    if (result)
        return result < 0 ? 0 : result;
    return keep_candidate(comparison, spec);
}

/* The program as it runs by itself: what the interposer adds is seen beside it. */
static int add_bare(struct comparison *comparison)
{
    struct compare_candidate *candidate = &comparison->candidates[comparison->candidate_count];

    if (comparison->candidate_count == COMPARE_CANDIDATES_MAX)
        return tool_complain("more than %d allocators", (int)COMPARE_CANDIDATES_MAX);
    candidate->environment = environment_with(environ, NULL, 0);
    if (!candidate->environment)
        return TOOL_TROUBLE;
    candidate->is_bare = 1;
    return keep_candidate(comparison, "(bare)");
}

static int add_module(const char *name, const char *path, void *data)
{
    (void)path;
    return add_candidate(data, name, ENVIRONMENT_FOUND);
}

/* The arenas do not give back what a program frees: they suit short ones only, and serve when
 * they are asked for. */
static int suits_any_program(const struct dal_backend *backend)
{
    return !(backend->flags & DAL_BACKEND_LAYER) && strcmp(backend->name, "system") != 0 &&
           strcmp(backend->name, "arena") != 0 && strcmp(backend->name, "fixed-arena") != 0;
}

static int add_backend(const struct dal_backend *backend, void *data)
{
    return suits_any_program(backend) ? add_candidate(data, backend->name, ENVIRONMENT_FOUND) : 0;
}

static int add_all(struct comparison *comparison)
{
    int result = dal_backend_visit(add_backend, comparison);

    return result ? result : tool_visit_modules(add_module, comparison);
}

/* system is always there: the others are told in parts of it. */
static int add_candidates(struct comparison *comparison, const char *const *specs,
                          size_t spec_count)
{
    size_t system_at = 0;
    int result = 0;

    while (system_at < spec_count && strcmp(specs[system_at], "system") != 0)
        system_at++;
    if (system_at == spec_count) {
        result = add_candidate(comparison, "system", ENVIRONMENT_ASKED_FOR);
        system_at = 0;
    }
    comparison->baseline = system_at;
    if (!result && spec_count == 0)
        return add_all(comparison);
    for (size_t i = 0; !result && i < spec_count; i++)
        result = add_candidate(comparison, specs[i], ENVIRONMENT_ASKED_FOR);
    return result;
}

static void free_candidates(struct comparison *comparison)
{
    for (size_t i = 0; i < COMPARE_CANDIDATES_MAX; i++) {
        struct compare_candidate *candidate = &comparison->candidates[i];

        free(candidate->spec);
        free(candidate->environment);
        for (int metric = 0; metric < COMPARE_METRICS; metric++)
            free(candidate->values[metric]);
    }
}

static int exit_status(const struct comparison *comparison)
{
    if (comparison->interrupted)
        return 128 + comparison->interrupted;
    for (size_t i = 0; i < comparison->candidate_count; i++) {
        if (*comparison->candidates[i].failure)
            return TOOL_FAILED;
    }
    return TOOL_OK;
}

/* ---- Options ------------------------------------------------------------------------------ */

static struct comparison comparison = {.runs = 5};
static const char *specs[COMPARE_CANDIDATES_MAX];
static size_t spec_count;
static int wants_json, wants_chart, wants_bare, shows_output;

static int take_runs(const char *text)
{
    uint64_t runs;

    if (!dal_number_parse_(text, 1, &runs) || runs == 0 || runs > COMPARE_RUNS_MAX)
        return tool_misused(&tool_compare,
                            "invalid number of runs '%s': it is expected from 1 to %d", text,
                            (int)COMPARE_RUNS_MAX);
    comparison.runs = (size_t)runs;
    return TOOL_OK;
}

static int take_spec(const char *spec)
{
    char each[256];

    if (tool_meant_each("-b ", spec, tool_is_named, each, sizeof each))
        return tool_misused(&tool_compare,
                            "-b takes one SPEC, not '%s'; it is given once for each (did you mean "
                            "'%s'?)",
                            spec, each);
    if (spec_count == COMPARE_CANDIDATES_MAX)
        return tool_misused(&tool_compare, "more than %d allocators", (int)COMPARE_CANDIDATES_MAX);
    specs[spec_count++] = spec;
    return TOOL_OK;
}

static int take_timeout(const char *text)
{
    return tool_take_timeout(&tool_compare, text, &comparison.seconds_limit);
}

static int take_load(const char *command)
{
    comparison.load = command;
    return TOOL_OK;
}

static int take_ready(const char *command)
{
    comparison.ready = command;
    return TOOL_OK;
}

static const struct tool_option options[] = {
    {.name = "runs", .letter = 'n', .take = take_runs},
    {.name = "backend", .letter = 'b', .take = take_spec},
    {.name = "timeout", .take = take_timeout},
    {.name = "load", .take = take_load},
    {.name = "ready", .take = take_ready},
    {.name = "bare", .flag = &wants_bare},
    {.name = "chart", .flag = &wants_chart},
    {.name = "json", .flag = &wants_json},
    {.name = "output", .flag = &shows_output},
    {.name = NULL},
};

/* ---- The command -------------------------------------------------------------------------- */

static int compare(void)
{
    char path[PATH_MAX];
    int result;

    if (program_switched_off())
        return tool_complain("DISPATCHALLOC_OFF=%s is set, under which every allocator would be "
                             "the C library's own; unset it to compare",
                             program_switched_off());
    result = add_candidates(&comparison, specs, spec_count);
    if (!result && wants_bare)
        result = add_bare(&comparison);
    if (!result)
        result = program_find(&tool_compare, comparison.command, path);
    if (!result)
        result = program_check(path, comparison.command);
    if (result)
        return result;
    child_set_up();
    result = compare_run(&comparison, path, shows_output);
    if (result)
        return result;
    result = exit_status(&comparison);
    if (result == TOOL_FAILED)
        (void)tool_complain(
            "`" TOOL_NAME " doctor %s'%s tells whether it fails by itself, or what it "
            "has that does not go together with another allocator",
            *comparison.command, comparison.command[1] ? " with the same arguments" : "");
    if (wants_json)
        compare_print_json(&comparison);
    else
        compare_print_table(&comparison);
    if (wants_chart)
        compare_print_chart(&comparison);
    return result;
}

static int compare_program(int count, char **program)
{
    int result;

    (void)count;
    child_keep_standard_files();
    child_keep_ends();
    if (wants_json && shows_output)
        return tool_misused(&tool_compare, "--json and --output exclude each other");
    if (wants_json && wants_chart)
        return tool_misused(&tool_compare, "--json and --chart exclude each other");
    if (!comparison.load != !comparison.ready)
        return tool_misused(&tool_compare,
                            "--load and --ready go together: a command that is the load of a "
                            "server, and one that succeeds when it can be asked");
    comparison.command = program;
    result = compare();
    free_candidates(&comparison);
    return result;
}

const struct tool_command tool_compare = {
    .name = "compare",
    .synopsis = "PROGRAM [ARG]...",
    .summary = "measure a program under several SPECs",
    .help = "\n"
            "Run PROGRAM in rounds, in each once under every allocator, and print the medians of\n"
            "time, CPU time, peak resident memory and page faults, how far they spread (+-, the\n"
            "median absolute deviation), and their ratio to those under system.\n"
            "\n"
            "  -n, --runs=RUNS        rounds, 5 by default, after one that does not count\n"
            "  -b, --backend=SPEC     an allocator; once for each that is to be compared, as in\n"
            "                         -b jemalloc -b stats+system. Without it, every backend\n"
            "                         that `" TOOL_NAME " list' has and that can be started, but\n"
            "                         for the arenas\n"
            "      --timeout=SECONDS  a run, or a load, that takes longer has failed\n"
            "      --load=COMMAND     PROGRAM is a server: when it is ready the shell runs this,\n"
            "                         whose time it is that is told, and ends the server by\n"
            "                         SIGTERM after it\n"
            "      --ready=COMMAND    the shell runs this again and again until it succeeds: the\n"
            "                         server is ready then, or has failed after the timeout,\n"
            "                         60 seconds if none is given\n"
            "      --bare             PROGRAM without the interposer as well\n"
            "      --chart            draw the medians as bars, below the table\n"
            "      --json             print JSON, with each single value\n"
            "      --output           let PROGRAM write to standard output and standard error\n"
            "\n"
            "Every run of PROGRAM reads standard input from the same place if that is a file,\n"
            "else /dev/null.\n"
            "\n"
            "Exit status: 0; 1 if PROGRAM failed under an allocator; 2 for a usage error, a spec\n"
            "that is not good or a program that cannot be run this way; 126 if PROGRAM cannot be\n"
            "executed, 127 if it is not found; 128 and the signal's number if a signal ended\n"
            "compare before all rounds were run.\n",
    .options = options,
    .operand = "PROGRAM",
    .takes_program = 1,
    .run = compare_program,
};
