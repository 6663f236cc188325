/* SPDX-License-Identifier: MIT */
/*
 * The command on Windows: what starts programs, preloads into them or looks at them from outside is
 * refused, and there are no modules, for which the rest of this file has nothing to do. In the
 * place of the files that tools.mk names for POSIX systems.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tools/program.h"
#include "tools/program_environment.h"
#include "tools/tool.h"
#include "tools/variables.h"

/* ---- What is not there --------------------------------------------------------------------- */

static int refuse(const char *name)
{
    return tool_complain("'%s' is not there on Windows, which has no way to put an allocator under "
                         "a program that is built; list, info, explain and verify are",
                         name);
}

static const int always = 1;
static const struct tool_option no_options[] = {{.name = NULL}};

#define REFUSED(variable, word)                              \
    static int refuse_##variable(int count, char **operands) \
    {                                                        \
        (void)count;                                         \
        (void)operands;                                      \
        return refuse(word);                                 \
    }                                                        \
    const struct tool_command variable = {                   \
        .name = word,                                        \
        .synopsis = "",                                      \
        .summary = "not on Windows",                         \
        .help = "This command is not there on Windows.\n",   \
        .options = no_options,                               \
        .operand = "WORD",                                   \
        .needs_none = &always,                               \
        .is_absent = 1,                                      \
        .run = refuse_##variable,                            \
    }

REFUSED(tool_run, "run");
REFUSED(tool_status_of, "status");
REFUSED(tool_compare, "compare");
REFUSED(tool_doctor, "doctor");
REFUSED(tool_fail_each, "fail-each");
REFUSED(tool_profile, "profile");
REFUSED(tool_symbolize, "symbolize");

int program_locate(const char *name, char path[PATH_MAX])
{
    (void)name;
    *path = '\0';
    return PROGRAM_NOT_FOUND;
}

/* ---- What looks after modules ---------------------------------------------------------------- */

void tool_guard_set_up(void)
{
}

void tool_look_at(const char *what)
{
    (void)what;
}

void tool_room_set_up(int argc, char **argv)
{
    (void)argc;
    (void)argv;
}

int tool_room_is_missing(const char *message)
{
    (void)message;
    return 0;
}

void tool_make_room(const char *message)
{
    (void)message;
}

int tool_check_spec(const char *spec, char *message, size_t bytes)
{
    return dal_spec_visit(spec, NULL, NULL, message, bytes);
}

void tool_make_room_for(char *const *specs, int count)
{
    (void)specs;
    (void)count;
}

int environment_try(const char *spec)
{
    return tool_try_spec(spec);
}

int environment_look(const char *spec, char *reason, size_t bytes)
{
    (void)spec;
    (void)reason;
    (void)bytes;
    return 0;
}

/* ---- The library, which is linked into the command, and what is beside it ------------------ */

int tool_check_library(void)
{
    return TOOL_OK;
}

char *tool_whole_path(const char *path, char whole[PATH_MAX])
{
    (void)path;
    (void)whole;
    return NULL;
}

void variables_forget_told(void)
{
}

void variables_tell_near(void)
{
}

void variables_tell_relative(void)
{
}
