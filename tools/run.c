/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc run: start an unmodified program with another allocator. By exec: signals,
 * terminal and exit status are the program's own.
 */
#include "tools/tool.h"

#include <getopt.h>
#include <stdlib.h>

#include "tools/program.h"

static const struct option run_options[] = {
    {"backend", required_argument, NULL, 'b'},
    {"check", no_argument, NULL, 'c'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

struct run_arguments {
    const char *spec; /* NULL if none was given */
    int check;
    int verbose;
};

static int take_spec(struct run_arguments *arguments, const char *spec)
{
    if (arguments->spec)
        return (int)tool_misused(&tool_run,
                                 "'run' takes -b once, and was given '%s' and '%s'; one SPEC has "
                                 "its layers and the backend with '+' between",
                                 arguments->spec, spec);
    arguments->spec = spec;
    return 0;
}

/* Returns 0, TOOL_TROUBLE after a message, or -1 if all was said: the help or the version. */
static int take_options(struct run_arguments *arguments, int argc, char **argv)
{
    int option;
    int result = 0;

    while (!result && (option = getopt_long(argc, argv, "+b:cv", run_options, NULL)) != -1) {
        switch (option) {
        case 'b': result = take_spec(arguments, optarg); break;
        case 'c': arguments->check = 1; break;
        case 'v': arguments->verbose = 1; break;
        case 'h': tool_print_command_help(&tool_run); return -1;
        case 'V': tool_print_version(); return -1;
        default: return (int)tool_try_help(&tool_run);
        }
    }
    if (!result && optind == argc)
        result = (int)tool_misused(&tool_run, "'run' needs a PROGRAM");
    return result;
}

/* Whether an allocator can be made of it. Returns 0, or TOOL_TROUBLE after a message. */
static int check_spec(const char *spec)
{
    char message[1024];

    if (dal_spec_visit(spec, NULL, NULL, message, sizeof message) < 0) {
        tool_make_room(message);
        return (int)tool_bad_spec(spec, message);
    }
    return (int)tool_try_spec(spec);
}

/* As if without this tool: a spec or an interposer that is at fault must not keep a program from
 * being had without them, so neither is looked at. */
static int start_switched_off(const char *off, char **program)
{
    char path[PATH_MAX];
    int result = program_find(*program, path);

    if (result)
        return result;
    (void)tool_complain("DISPATCHALLOC_OFF=%s is set, so '%s' runs with the C library's own "
                        "malloc; unset it to have another",
                        off, *program);
    return program_become(path, program);
}

/* The spec before the program: what is wrong with both is most likely the first. */
static int start(const struct run_arguments *arguments, char **program)
{
    char path[PATH_MAX];
    const char *off = program_switched_off();
    int result;

    if (off)
        return start_switched_off(off, program);
    result = arguments->spec ? check_spec(arguments->spec) : 0;
    if (!result)
        result = program_find(*program, path);
    if (!result)
        result = program_check(path);
    if (!result)
        result = program_prepare(arguments->spec, arguments->verbose, arguments->check);
    return result ? result : program_become(path, program);
}

static int run_program(int argc, char **argv)
{
    static char name[] = TOOL_NAME; /* getopt's messages begin with it */
    const char *inherited = getenv("DISPATCHALLOC_MALLOC");
    struct run_arguments arguments = {.spec = NULL};
    int result;

    argv[0] = name;
    result = take_options(&arguments, argc, argv);
    if (result)
        return result < 0 ? TOOL_OK : result;
    if (!arguments.spec && inherited && *inherited)
        arguments.spec = inherited;
    return start(&arguments, argv + optind);
}

const struct tool_command tool_run = {
    .name = "run",
    .synopsis = "PROGRAM [ARG]...",
    .summary = "start an unmodified program under a SPEC",
    .help = "\n"
            "Start PROGRAM with the malloc family of SPEC in the place of the C library's.\n"
            "\n"
            "  -b, --backend=SPEC  the allocator, once; without it, what DISPATCHALLOC_MALLOC\n"
            "                      says, or else the C library's own\n"
            "  -c, --check         look at every pointer that is given back, and name those that\n"
            "                      are no live block of SPEC's\n"
            "  -v, --verbose       have the program say at its start what serves it\n"
            "\n"
            "Exit status: that of PROGRAM; 2 for a spec that is not good or a program that\n"
            "cannot be run this way, 126 if it cannot be executed, 127 if it is not found.\n",
    .run_program = run_program,
};
