/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc doctor: which library serves each function of the malloc family in a program,
 * what conflicts, and what to do. The program is run twice, as it is and under the interposer.
 */
#define _GNU_SOURCE /* environ */
#include "doctor.h"

#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/environment.h"
#include "tools/program.h"
#include "tools/tool.h"

enum { SECONDS_DEFAULT = 10, OUTPUT = 1 };

static const struct option doctor_options[] = {
    {"output", no_argument, NULL, OUTPUT},
    {"timeout", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* ---- One run ------------------------------------------------------------------------------- */

/* Returns whether it failed. */
static int tell_end(const struct child_result *result, unsigned seconds_limit)
{
    char failure[96];

    if (result->timed_out) {
        printf("  it was ended after %u seconds; what it does later is not known\n",
               seconds_limit);
        return 0;
    }
    if (child_interruption() || !child_failure(result, failure, sizeof failure))
        return 0;
    printf("  it failed: %s\n", failure);
    return 1;
}

/* Returns 0, or an exit status after a message. */
static int examine(const struct child_command *child, off_t input_start, const char *heading,
                   const char *owner, struct doctor_findings *findings, struct bindings *bindings)
{
    struct child_result result;
    int has_failed;
    int status;

    if (input_start >= 0)
        (void)lseek(child->input, input_start, SEEK_SET);
    status = doctor_trace(child, &result, bindings);
    if (status)
        return status;
    printf("%s %s:\n", child->arguments[0], heading);
    has_failed = tell_end(&result, child->seconds_limit);
    if (!bindings->has_started)
        return (int)tool_complain("the loader could not start '%s'", child->arguments[0]);
    status = doctor_judge(bindings, owner, findings);
    findings->has_failed = has_failed;
    return status;
}

/* ---- The command line ---------------------------------------------------------------------- */

static int run_twice(struct child_command *child, off_t input_start)
{
    struct bindings bindings[2] = {{.count = 0}, {.count = 0}};
    struct doctor_findings plain, interposed;
    char **prepared = NULL;
    int status = environment_make("system", ENVIRONMENT_ASKED_FOR, &prepared);

    if (!status) {
        child->environment = environ;
        status = examine(child, input_start, "as it is", NULL, &plain, &bindings[0]);
    }
    if (!status && child_interruption()) {
        status = 128 + child_interruption();
    } else if (!status) {
        child->environment = prepared;
        status = examine(child, input_start, "under `" TOOL_NAME " run'", program_interposer(),
                         &interposed, &bindings[1]);
        if (!status && child_interruption())
            status = 128 + child_interruption();
        else if (!status)
            status = doctor_advise(&plain, &interposed, child->arguments[0]) ? TOOL_OK
                                                                            : TOOL_FAILED;
    }
    bindings_free(&bindings[0]);
    bindings_free(&bindings[1]);
    free(prepared);
    return status;
}

static int look_at(struct child_command *child, int shows_output)
{
    char path[PATH_MAX];
    off_t input_start;
    int null;
    int status = program_find(child->arguments[0], path);

    if (status)
        return status;
    if (program_check_loading(path)) {
        puts("what to do: its allocator is the one that it was built with; to change that, "
             "build it with the library, as dispatchalloc(7) tells");
        return TOOL_FAILED;
    }
    child->path = path;
    child->input = child_open_input(&input_start);
    null = child->input < 0 ? -1 : child_open_null();
    if (null < 0)
        return TOOL_TROUBLE;
    child->output = shows_output ? STDOUT_FILENO : null;
    child->errors = shows_output ? STDERR_FILENO : null;
    child_set_up();
    return run_twice(child, input_start);
}

static int examine_program(int argc, char **argv)
{
    static char name[] = TOOL_NAME; /* getopt's messages begin with it */
    struct child_command child = {.seconds_limit = SECONDS_DEFAULT};
    uint64_t seconds;
    int shows_output = 0;
    int option;

    argv[0] = name;
    child_keep_standard_files();
    while ((option = getopt_long(argc, argv, "+", doctor_options, NULL)) != -1) {
        switch (option) {
        case OUTPUT: shows_output = 1; break;
        case 't':
            if (!tool_parse_bytes(optarg, &seconds) || seconds == 0 || seconds > 86400)
                return (int)tool_misused(&tool_doctor, "invalid timeout '%s': a number of "
                                         "seconds from 1 to 86400 is expected", optarg);
            child.seconds_limit = (unsigned)seconds;
            break;
        case 'h': tool_print_command_help(&tool_doctor); return TOOL_OK;
        case 'V': tool_print_version(); return TOOL_OK;
        default: return (int)tool_try_help(&tool_doctor);
        }
    }
    if (optind == argc)
        return (int)tool_misused(&tool_doctor, "'doctor' needs a PROGRAM");
    child.arguments = argv + optind;
    return look_at(&child, shows_output);
}

const struct tool_command tool_doctor = {
    .name = "doctor",
    .synopsis = "PROGRAM [ARG]...",
    .summary = "tell which library serves malloc in a program",
    .help = "\n"
            "Run PROGRAM twice, as it is and as `" TOOL_NAME " run' would, and print which\n"
            "file serves each function of the malloc family to which others, what conflicts,\n"
            "and what to do. It takes the loader of glibc, which is asked for a trace.\n"
            "\n"
            "      --output           let PROGRAM write to standard output and standard error\n"
            "      --timeout=SECONDS  end PROGRAM after that long, and take what is known by\n"
            "                         then; 10 by default\n"
            "\n"
            "Exit status: 0; 1 if there is a conflict or PROGRAM cannot be run with another\n"
            "allocator; 2 for trouble; 126 if PROGRAM cannot be executed, 127 if it is not\n"
            "found; 128 and the signal's number if a signal ended it.\n",
    .run_program = examine_program,
};
