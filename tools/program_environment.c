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

/* What a child answers besides those of enum tool_status: that it leaves a name out, and that the
 * tool has to start over for it. Of one that a module has ended there is no answer. */
enum { LEFT_OUT = 3, ROOM_IS_MISSING = 4, NO_ANSWER = -1, NO_PROCESS = -2 };
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
    if (!result)
        result = tool_try_spec(spec);
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

/* What a child does, and may send; its answer. */
typedef int child_work(const char *spec, enum environment_kind kind, const char *program, int to);

static int send_prepared(const char *spec, enum environment_kind kind, const char *program, int to)
{
    int result = prepare(spec, kind, program);

    for (char **entry = environ; !result && *entry; entry++) {
        if (!send_all(to, *entry, strlen(*entry) + 1))
            result = TOOL_TROUBLE;
    }
    return result;
}

static int look(const char *spec, enum environment_kind kind, const char *program, int to)
{
    char message[1024];

    (void)kind;
    (void)program;
    (void)to;
    return dal_spec_visit(spec, NULL, NULL, message, sizeof message) < 0 &&
                   tool_room_is_missing(message)
               ? ROOM_IS_MISSING
               : TOOL_OK;
}

static int try_spec(const char *spec, enum environment_kind kind, const char *program, int to)
{
    int result = look(spec, kind, program, to);

    return result ? result : tool_try_spec(spec);
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

/* What was asked of a child. */
struct asked {
    char *bytes; /* what it has sent, to be freed */
    size_t count;
    int answer;
    char end[32]; /* what ended it if there is NO_ANSWER */
};

static int wait_for(pid_t child, struct asked *asked)
{
    const char *name;
    int status;

    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return tool_complain("cannot wait for a process: %s", strerror(errno));
    }
    if (!WIFSIGNALED(status)) {
        (void)snprintf(asked->end, sizeof asked->end, "exit()");
        return asked->answer;
    }
    /* Those that a crash has are named. */
    name = conformance_signal_name(WTERMSIG(status));
    if (strncmp(name, "SIG", 3) == 0)
        (void)snprintf(asked->end, sizeof asked->end, "%s", name);
    else
        (void)snprintf(asked->end, sizeof asked->end, "signal %d", WTERMSIG(status));
    return NO_ANSWER;
}

/* Have a child do it, which ends if this process does. */
static void ask(struct asked *asked, child_work *work, const char *spec, enum environment_kind kind,
                const char *program)
{
    pid_t self = getpid();
    pid_t child;
    int ends[2];

    *asked = (struct asked){.answer = NO_PROCESS};
    (void)fflush(stdout);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    child = fork();
    if (child == 0) {
        char answer;

        child_end_with(self);
        answer = (char)work(spec, kind, program, ends[1]);
        (void)send_all(ends[1], &answer, 1);
        _exit(answer);
    }
    (void)close(ends[1]);
    if (child > 0) {
        asked->bytes = receive(ends[0], &asked->count);
        if (!asked->bytes)
            asked->answer = tool_complain("not enough memory");
        else
            asked->answer = asked->count > 0 ? asked->bytes[--asked->count] : NO_ANSWER;
        asked->answer = wait_for(child, asked);
    }
    (void)close(ends[0]);
}

/* Starts over where that makes room. */
static int conclude(const struct asked *asked, const char *spec, enum environment_kind kind)
{
    switch (asked->answer) {
    case NO_ANSWER:
        (void)tool_complain("\"%s\": looking at it was ended by %s", spec, asked->end);
        return kind == ENVIRONMENT_FOUND ? -1 : TOOL_TROUBLE;
    case LEFT_OUT: return -1;
    case ROOM_IS_MISSING:
        child_give_ends_back();
        tool_make_room(room_is_missing);
        return tool_complain("cannot start over to keep room for \"%s\"", spec);
    default: return asked->answer;
    }
}

int environment_make(const char *spec, enum environment_kind kind, const char *program,
                     char ***environment)
{
    struct asked asked;
    int result;

    *environment = NULL;
    ask(&asked, send_prepared, spec, kind, program);
    result = asked.answer == NO_PROCESS
                 ? tool_complain("cannot start a process: %s", strerror(errno))
                 : conclude(&asked, spec, kind);
    if (!result) {
        *environment = split(asked.bytes, asked.count);
        if (!*environment)
            result = tool_complain("not enough memory");
    }
    free(asked.bytes);
    return result;
}

int environment_try(const char *spec)
{
    struct asked asked;
    int result;

    child_keep_ends();
    ask(&asked, try_spec, spec, ENVIRONMENT_ASKED_FOR, NULL);
    if (asked.answer == NO_PROCESS)
        asked.answer = try_spec(spec, ENVIRONMENT_ASKED_FOR, NULL, -1);
    result = conclude(&asked, spec, ENVIRONMENT_ASKED_FOR);
    child_give_ends_back();
    free(asked.bytes);
    return result;
}

int environment_look(const char *spec, char *reason, size_t bytes)
{
    struct asked asked;
    int result = 0;

    child_keep_ends();
    ask(&asked, look, spec, ENVIRONMENT_FOUND, NULL);
    if (asked.answer == NO_ANSWER) {
        (void)snprintf(reason, bytes, "looking at it was ended by %s", asked.end);
        result = -1;
    } else if (asked.answer == ROOM_IS_MISSING) {
        (void)conclude(&asked, spec, ENVIRONMENT_FOUND);
    }
    child_give_ends_back();
    free(asked.bytes);
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
