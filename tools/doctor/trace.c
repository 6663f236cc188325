/* SPDX-License-Identifier: MIT */
/* A run of a program under the trace of the dynamic loader. See doctor.h. */
#define _GNU_SOURCE /* dirfd */
#include "doctor.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/program_environment.h"
#include "tools/tool.h"

static int read_trace(const char *directory, pid_t process, struct bindings *bindings)
{
    char path[PATH_MAX + 32];
    FILE *trace;
    int result;

    (void)snprintf(path, sizeof path, "%s/trace.%ld", directory, (long)process);
    trace = fopen(path, "re");
    if (!trace)
        return tool_complain("the loader has left no trace of the program; that of glibc "
                             "is needed, and a program that it loads");
    result = bindings_read(bindings, trace);
    (void)fclose(trace);
    return result;
}

/* Of a trace without its end nothing is told, nor of a program that was ended by writing it. */
static int is_cut(const char *directory)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;
    int found = 0;

    while (stream && !found && (entry = readdir(stream)) != NULL) {
        int file = entry->d_name[0] == '.'
                       ? -1
                       : openat(dirfd(stream), entry->d_name, O_RDONLY | O_CLOEXEC);

        found = file >= 0 && child_is_cut(file);
        if (file >= 0)
            (void)close(file);
    }
    if (stream)
        (void)closedir(stream);
    return found;
}

/* What it started has left traces too: a script is no more than that. */
static void read_started(const char *directory, struct bindings *bindings)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;

    while (stream && !bindings->started && (entry = readdir(stream)) != NULL) {
        int file = openat(dirfd(stream), entry->d_name, O_RDONLY | O_CLOEXEC);
        FILE *trace = file < 0 || entry->d_name[0] == '.' ? NULL : fdopen(file, "r");
        struct bindings others = {.count = 0};

        if (trace && bindings_read(&others, trace) == 0 && doctor_has_own(&others) &&
            strcmp(others.program, bindings->program ? bindings->program : "") != 0)
            bindings->started = strdup(others.program);
        bindings_free(&others);
        if (trace)
            (void)fclose(trace);
        else if (file >= 0)
            (void)close(file);
    }
    if (stream)
        (void)closedir(stream);
}

static int run_in(const char *directory, const struct child_command *child,
                  struct child_result *result, struct bindings *bindings)
{
    static char output[PATH_MAX + 32];
    const char *const assignments[] = {"LD_DEBUG=bindings", "LD_BIND_NOW=1", output};
    struct child_command traced = *child;
    int status;

    (void)snprintf(output, sizeof output, "LD_DEBUG_OUTPUT=%s/trace", directory);
    traced.environment =
        environment_with(child->environment, assignments, sizeof assignments / sizeof *assignments);
    if (!traced.environment)
        return TOOL_TROUBLE;
    status = child_run(&traced, result);
    free(traced.environment);
    if (status)
        return status;
    if (result->not_executed)
        return result->not_executed;
    if (is_cut(directory))
        return child_tell_cut("the loader's trace");
    status = read_trace(directory, result->process, bindings);
    if (!status)
        read_started(directory, bindings);
    return status;
}

int doctor_trace(const struct child_command *child, struct child_result *result,
                 struct bindings *bindings)
{
    char directory[PATH_MAX];
    int status = child_make_directory(directory);

    if (status)
        return status;
    status = run_in(directory, child, result, bindings);
    child_remove_directory(directory);
    return status;
}
