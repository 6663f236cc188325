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

static int run_program(int argc, char **argv)
{
    static char name[] = TOOL_NAME; /* getopt's messages begin with it */
    const char *inherited = getenv("DISPATCHALLOC_MALLOC");
    const char *spec = inherited && *inherited ? inherited : NULL;
    char path[PATH_MAX];
    int verbose = 0;
    int check = 0;
    int option;
    int result;

    argv[0] = name;
    while ((option = getopt_long(argc, argv, "+b:cv", run_options, NULL)) != -1) {
        switch (option) {
        case 'b': spec = optarg; break;
        case 'c': check = 1; break;
        case 'v': verbose = 1; break;
        case 'h': tool_print_command_help(&tool_run); return TOOL_OK;
        case 'V': tool_print_version(); return TOOL_OK;
        default: return (int)tool_try_help(&tool_run);
        }
    }
    if (optind == argc)
        return (int)tool_misused(&tool_run, "'run' needs a PROGRAM");
    /* The spec before the program: what is wrong with both is most likely the first. */
    if (spec) {
        char message[1024];

        if (dal_spec_visit(spec, NULL, NULL, message, sizeof message) < 0) {
            tool_make_room(message);
            return (int)tool_bad_spec(spec, message);
        }
    }
    result = spec ? (int)tool_try_spec(spec) : 0;
    if (!result)
        result = program_find(argv[optind], path);
    if (!result)
        result = program_check(path);
    if (!result)
        result = program_prepare(spec, verbose, check);
    return result ? result : program_become(path, argv + optind);
}

const struct tool_command tool_run = {
    .name = "run",
    .synopsis = "PROGRAM [ARG]...",
    .summary = "start an unmodified program under a SPEC",
    .help = "\n"
            "Start PROGRAM with the malloc family of SPEC in the place of the C library's.\n"
            "\n"
            "  -b, --backend=SPEC  the allocator; without it, what DISPATCHALLOC_MALLOC says,\n"
            "                      or else the C library's own\n"
            "  -c, --check         look at every pointer that is given back, and name those that\n"
            "                      are no live block of SPEC's\n"
            "  -v, --verbose       have the program say at its start what serves it\n"
            "\n"
            "Exit status: that of PROGRAM; 2 for a spec that is not good or a program that\n"
            "cannot be run this way, 126 if it cannot be executed, 127 if it is not found.\n",
    .run_program = run_program,
};
