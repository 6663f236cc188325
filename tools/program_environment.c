/* SPDX-License-Identifier: MIT */
/*
 * The environment of a program under a spec. See program_environment.h. A child prepares itself and
 * sends its environment: a module's code stays out of the tool that way, and so does what an
 * allocator takes of the addresses.
 */
#define _GNU_SOURCE /* environ, pipe2 */
#include "tools/program_environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/conformance.h"
#include "tools/child.h"
#include "tools/program.h"
#include "tools/tool.h"

/* Exit statuses of a child that leaves a name out, for which the tool has to start over, and which
 * a module has ended, whatever status that gave. */
enum { LEFT_OUT = 3, ROOM_IS_MISSING = 4, ENDED_BY_EXIT = 5 };
static const char room_is_missing[] = "static TLS";

static int is_layer(const struct dal_spec_item *item, void *data)
{
    (void)data;
    return item->backend->flags & DAL_BACKEND_LAYER ? 1 : 0;
}

static int prepare_program(const char *spec, const char *program)
{
    char path[PATH_MAX];
    int result;

    if (program_locate(program, path) != 0)
        return program_prepare(program, spec, 0);
    result = program_prepare(path, spec, 0);
    return result ? result : program_fit(path, program, 0);
}

/* 0, LEFT_OUT, ROOM_IS_MISSING or TOOL_TROUBLE. */
static int prepare(const char *spec, enum environment_kind kind, const char *program)
{
    char message[1024];
    int result = program_check_interposer();

    if (result)
        return result;
    result = dal_spec_visit(spec, kind == ENVIRONMENT_FOUND ? is_layer : NULL, NULL, message,
                            sizeof message);
    if (result > 0)
        return LEFT_OUT;
    if (result < 0 && tool_room_is_missing(message))
        return ROOM_IS_MISSING;
    if (result < 0 && kind == ENVIRONMENT_FOUND) {
        (void)tool_complain("'%s' is left out: %s", spec, message);
        return LEFT_OUT;
    }
    if (result < 0)
        return tool_bad_spec(spec, message);
    if (setenv("DISPATCHALLOC_STRICT", "1", 1) != 0)
        return tool_complain("cannot set DISPATCHALLOC_STRICT: %s", strerror(errno));
    result = prepare_program(spec, program);
    if (result && kind == ENVIRONMENT_FOUND) {
        (void)tool_complain("'%s' is left out", spec);
        return LEFT_OUT;
    }
    return result;
}

static int send_all(int to, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(to, bytes, count);

        if (written < 0 && errno != EINTR)
            return 0;
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        }
    }
    return 1;
}

static void end_by_exit(void)
{
    _exit(ENDED_BY_EXIT);
}

static void be_child(const char *spec, enum environment_kind kind, const char *program, int to)
{
    int result = atexit(end_by_exit) ? TOOL_TROUBLE : prepare(spec, kind, program);

    for (char **entry = environ; !result && *entry; entry++) {
        if (!send_all(to, *entry, strlen(*entry) + 1))
            result = TOOL_TROUBLE;
    }
    _exit(result);
}

/* What comes until the end of file, in a block to be freed, or NULL. */
static char *receive(int from, size_t *count)
{
    size_t size = 64 * 1024;
    char *bytes = malloc(size);

    *count = 0;
    while (bytes) {
        ssize_t got = read(from, bytes + *count, size - *count);

        if (got == 0)
            return bytes;
        if (got < 0 && errno != EINTR)
            break;
        if (got > 0)
            *count += (size_t)got;
        if (*count == size) {
            char *larger = realloc(bytes, size *= 2);

            if (!larger)
                break;
            bytes = larger;
        }
    }
    free(bytes);
    return NULL;
}

/* The pointers and the text in one block. */
static char **split(const char *bytes, size_t count)
{
    size_t entries = 0;
    size_t at = 0;
    char **environment;
    char *text;

    for (size_t i = 0; i < count; i++)
        entries += bytes[i] == '\0';
    environment = malloc((entries + 1) * sizeof *environment + count + 1);
    if (!environment)
        return NULL;
    text = (char *)(environment + entries + 1);
    memcpy(text, bytes, count);
    for (size_t i = 0; i < entries; i++) {
        environment[i] = text + at;
        at += strlen(text + at) + 1;
    }
    environment[entries] = NULL;
    return environment;
}

static int wait_for(pid_t child, const char *spec, enum environment_kind kind)
{
    int status;

    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return tool_complain("cannot wait for a process: %s", strerror(errno));
    }
    if (WIFSIGNALED(status)) {
        const char *name = conformance_signal_name(WTERMSIG(status));
        char number[32];

        /* Those that a crash has are named. */
        snprintf(number, sizeof number, "signal %d", WTERMSIG(status));
        (void)tool_complain("\"%s\": looking at it was ended by %s", spec,
                            strncmp(name, "SIG", 3) == 0 ? name : number);
        return kind == ENVIRONMENT_FOUND ? -1 : TOOL_TROUBLE;
    }
    if (WEXITSTATUS(status) == ENDED_BY_EXIT) {
        (void)tool_complain("\"%s\": looking at it was ended by exit()", spec);
        return kind == ENVIRONMENT_FOUND ? -1 : TOOL_TROUBLE;
    }
    if (WEXITSTATUS(status) == ROOM_IS_MISSING) {
        tool_make_room(room_is_missing);
        return tool_complain("cannot start over to keep room for \"%s\"", spec);
    }
    return WEXITSTATUS(status) == LEFT_OUT ? -1 : WEXITSTATUS(status) ? TOOL_TROUBLE : 0;
}

int environment_make(const char *spec, enum environment_kind kind, const char *program,
                     char ***environment)
{
    int ends[2];
    pid_t child;
    size_t count;
    char *bytes;
    int result;

    *environment = NULL;
    (void)fflush(stdout);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return tool_complain("cannot make a pipe: %s", strerror(errno));
    child = fork();
    if (child == 0)
        be_child(spec, kind, program, ends[1]);
    (void)close(ends[1]);
    bytes = child < 0 ? NULL : receive(ends[0], &count);
    (void)close(ends[0]);
    if (child < 0)
        return tool_complain("cannot start a process: %s", strerror(errno));
    result = wait_for(child, spec, kind);
    if (!result)
        *environment = bytes ? split(bytes, count) : NULL;
    if (!result && !*environment)
        result = tool_complain("not enough memory");
    free(bytes);
    return result;
}

/* 0, ROOM_IS_MISSING or TOOL_TROUBLE. */
static int try_spec(const char *spec)
{
    char message[1024];

    if (dal_spec_visit(spec, NULL, NULL, message, sizeof message) < 0 &&
        tool_room_is_missing(message))
        return ROOM_IS_MISSING;
    return tool_try_spec(spec);
}

int environment_try(const char *spec)
{
    pid_t child;
    int result;

    (void)fflush(stdout);
    child_keep_ends();
    child = fork();
    if (child == 0)
        _exit(atexit(end_by_exit) ? TOOL_TROUBLE : try_spec(spec));
    result = child < 0 ? tool_complain("cannot start a process: %s", strerror(errno))
                       : wait_for(child, spec, ENVIRONMENT_ASKED_FOR);
    child_give_ends_back();
    return result;
}

static int is_assigned(const char *entry, const char *const *assignments, size_t count)
{
    size_t name = strcspn(entry, "=") + 1;

    for (size_t i = 0; i < count; i++) {
        if (strncmp(entry, assignments[i], name) == 0)
            return 1;
    }
    return 0;
}

char **environment_with(char **environment, const char *const *assignments, size_t count)
{
    size_t entries = 0;
    size_t at = 0;
    char **result;

    while (environment[entries])
        entries++;
    result = malloc((entries + count + 1) * sizeof *result);
    if (!result) {
        (void)tool_complain("not enough memory");
        return NULL;
    }
    for (size_t i = 0; i < entries; i++) {
        if (!is_assigned(environment[i], assignments, count))
            result[at++] = environment[i];
    }
    for (size_t i = 0; i < count; i++)
        result[at++] = (char *)(uintptr_t)assignments[i];
    result[at] = NULL;
    return result;
}
