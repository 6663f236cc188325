/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc run: start an unmodified program with another allocator. By exec: signals,
 * terminal and exit status are the program's own.
 */
#include "tools/tool.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/child.h"
#include "tools/program.h"
#include "tools/program_environment.h"
#include "tools/variables.h"

static const char *spec; /* NULL if none was given */
static int debugs, is_verbose, strips_deepbind;

static int take_spec(const char *value)
{
    if (spec)
        return tool_misused(&tool_run,
                            "'run' takes -b once, and was given '%s' and '%s'; one SPEC has "
                            "its layers and the backend with '+' between",
                            spec, value);
    spec = value;
    return TOOL_OK;
}

static const struct tool_option options[] = {
    {.name = "backend", .letter = 'b', .take = take_spec},
    {.name = "debug", .letter = 'd', .flag = &debugs},
    {.name = "strip-deepbind", .flag = &strips_deepbind},
    {.name = "verbose", .letter = 'v', .flag = &is_verbose},
    {.name = NULL},
};

/* As if without this tool: a spec or an interposer that is at fault must not keep a program from
 * being had without them, so neither is looked at. */
static int start_switched_off(const char *off, char **program)
{
    char path[PATH_MAX];
    int result = program_find(&tool_run, program, path);

    if (result)
        return result;
    (void)tool_complain("DISPATCHALLOC_OFF=%s is set, so '%s' runs with the malloc that it "
                        "has by itself; unset it to have another",
                        off, *program);
    return program_become(path, program);
}

/* The layer before what is there, or what would be. */
static int put_debug_before_spec(void)
{
    static char debugged[16 * 1024];
    int written =
        snprintf(debugged, sizeof debugged, "debug%s%s", spec ? "+" : "", spec ? spec : "");

    if (written < 0 || (size_t)written >= sizeof debugged)
        return tool_complain("the SPEC is too long");
    spec = debugged;
    return 0;
}

static void tell_of_front(void)
{
    const char *front = getenv("DISPATCHALLOC_BACKEND");

    if (front && *front)
        (void)tool_complain(
            "DISPATCHALLOC_BACKEND=%s chooses for programs that are linked with the "
            "library, and not for malloc; for that it is -b or DISPATCHALLOC_MALLOC",
            front);
}

/* What has no say, after what may start over. */
static void tell_of_variables(void)
{
    variables_tell_near();
    variables_tell_relative();
}

/* The spec before the program: what is wrong with both is most likely the first. Until the
 * environment is prepared this process opens no module, which may leave no room to look at files.
 */
static int run_program(int count, char **program)
{
    const char *inherited = getenv("DISPATCHALLOC_MALLOC");
    const char *off = program_switched_off();
    char path[PATH_MAX];
    int result;

    (void)count;
    if (off)
        return start_switched_off(off, program);
    child_keep_ends();
    if (!spec && inherited && *inherited)
        spec = inherited;
    if (!spec)
        tell_of_front();
    result = debugs ? put_debug_before_spec() : 0;
    if (!result)
        result = program_check_interposer();
    if (!result && spec)
        result = environment_try(spec);
    if (!result)
        tell_of_variables();
    if (!result)
        result = program_find(&tool_run, program, path);
    if (!result)
        result = program_check(path, program);
    if (!result)
        result = program_prepare(path, spec, is_verbose);
    if (!result)
        program_tell_passed();
    if (!result)
        result =
            strips_deepbind ? program_prepare_deepbind() : program_prepare_deepbind_warning(path);
    if (!result)
        result = program_fit(path, *program, is_verbose);
    if (!result)
        result = program_check_root(program);
    return result ? result : program_become(path, program);
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
            "  -d, --debug         look at every pointer, size and alignment that is given back:\n"
            "                      -b debug+SPEC\n"
            "      --strip-deepbind  have what PROGRAM opens with RTLD_DEEPBIND, such as PHP's\n"
            "                      extensions, served as well: the flag is taken off\n"
            "  -v, --verbose       have the program say at its start what serves it\n"
            "\n"
            "Exit status: that of PROGRAM; 2 for a spec that is not good or a program that\n"
            "cannot be run this way, 126 if it cannot be executed, 127 if it is not found.\n",
    .options = options,
    .operand = "PROGRAM",
    .takes_program = 1,
    .run = run_program,
};
