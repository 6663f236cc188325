/* SPDX-License-Identifier: MIT */
/*
 * The environment of a program under a spec. See program_environment.h. A child prepares itself and
 * tells its environment: a module's code stays out of the tool that way, and so does what an
 * allocator takes of the addresses.
 */
#define _GNU_SOURCE /* environ */
#include "tools/program_environment.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* What came of a spec, after its message: a name that was found is left out. */
static int leave_out(int result, const char *spec, enum environment_kind kind)
{
    if (!result || kind != ENVIRONMENT_FOUND)
        return result;
    (void)tool_complain("'%s' is left out", spec);
    return LEFT_OUT;
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
    return leave_out(prepare_program(spec, program), spec, kind);
}

/* What a child tells, in memory that it shares. */
struct answer {
    int result; /* NO_ANSWER until there is one */
    size_t count;
    char bytes[];
};

/* An environment is that of this process with some more in it. */
enum { MORE_BYTES = 128 * 1024 };

typedef int child_work(const char *spec, enum environment_kind kind, const char *program,
                       struct answer *answer, size_t room);

static int tell_prepared(const char *spec, enum environment_kind kind, const char *program,
                         struct answer *answer, size_t room)
{
    int result = prepare(spec, kind, program);

    if (result)
        return result;
    /* Before the allocator is made, which may change it. */
    for (char **entry = environ; *entry; entry++) {
        size_t bytes = strlen(*entry) + 1;

        if (bytes > room - answer->count)
            return tool_complain("the environment would be too large");
        memcpy(answer->bytes + answer->count, *entry, bytes);
        answer->count += bytes;
    }
    return leave_out(tool_try_spec(spec), spec, kind);
}

static int look(const char *spec, enum environment_kind kind, const char *program,
                struct answer *answer, size_t room)
{
    char message[1024];
    int result;

    (void)kind;
    (void)program;
    (void)answer;
    (void)room;
    /* This process itself, where it can have no child. */
    tool_look_at(spec);
    result = dal_spec_visit(spec, NULL, NULL, message, sizeof message);
    tool_look_at(NULL);
    return result < 0 && tool_room_is_missing(message) ? ROOM_IS_MISSING : TOOL_OK;
}

static int try_spec(const char *spec, enum environment_kind kind, const char *program,
                    struct answer *answer, size_t room)
{
    int result = look(spec, kind, program, answer, room);

    return result ? result : tool_try_spec(spec);
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
    struct answer *answer; /* NULL: there is no memory for it */
    size_t mapped_bytes;
    int result;
    char end[32]; /* what ended the child if there is NO_ANSWER */
};

static void describe_end(int status, char *text, size_t text_bytes)
{
    const char *name = WIFSIGNALED(status) ? conformance_signal_name(WTERMSIG(status)) : "exit()";

    /* Those that a crash has are named. */
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        (void)snprintf(text, text_bytes, "%s", TOOL_START_LIMIT);
    else if (!WIFSIGNALED(status) || strncmp(name, "SIG", 3) == 0)
        (void)snprintf(text, text_bytes, "%s", name);
    else
        (void)snprintf(text, text_bytes, "signal %d", WTERMSIG(status));
}

/* Whatever SIGALRM is to who started the tool. */
static void limit_time(void)
{
    sigset_t alarm_signal;

    (void)signal(SIGALRM, SIG_DFL);
    sigemptyset(&alarm_signal);
    sigaddset(&alarm_signal, SIGALRM);
    (void)sigprocmask(SIG_UNBLOCK, &alarm_signal, NULL);
    (void)alarm(TOOL_START_SECONDS);
}

/* A spec that has ended a child, and how: commands look at each one before they begin, and then
 * once more, which is not to take another minute. */
static char *ended_spec, ended_by[sizeof((struct asked *)0)->end];

static int has_ended_one(const char *spec, struct asked *asked)
{
    if (!ended_spec || strcmp(spec, ended_spec) != 0)
        return 0;
    asked->result = NO_ANSWER;
    memcpy(asked->end, ended_by, sizeof ended_by);
    return 1;
}

static void note_end(const char *spec, const struct asked *asked)
{
    free(ended_spec);
    ended_spec = strdup(spec);
    memcpy(ended_by, asked->end, sizeof ended_by);
}

/* Have a child do it, which ends if this process does. Who holds what is the child's may outlive
 * it: so its end is waited for, and no end of file. */
static void ask(struct asked *asked, child_work *work, const char *spec, enum environment_kind kind,
                const char *program, size_t room)
{
    pid_t self = getpid();
    pid_t child;
    int status;
    void *memory;

    *asked = (struct asked){.mapped_bytes = sizeof *asked->answer + room, .result = NO_PROCESS};
    if (has_ended_one(spec, asked))
        return;
    (void)fflush(stdout);
    child_keep_ends();
    memory =
        mmap(NULL, asked->mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return;
    asked->answer = memory;
    asked->answer->result = NO_ANSWER;
    child = fork();
    if (child == 0) {
        child_end_with(self);
        limit_time();
        asked->answer->result = work(spec, kind, program, asked->answer, room);
        _exit(TOOL_OK);
    }
    if (child < 0)
        return;
    while (waitpid(child, &status, 0) < 0) {
        if (errno == EINTR)
            continue;
        asked->result = tool_complain("cannot wait for a process: %s", strerror(errno));
        return;
    }
    asked->result = WIFSIGNALED(status) ? NO_ANSWER : asked->answer->result;
    describe_end(status, asked->end, sizeof asked->end);
    if (asked->result == NO_ANSWER)
        note_end(spec, asked);
}

static void forget(const struct asked *asked)
{
    if (asked->answer)
        (void)munmap(asked->answer, asked->mapped_bytes);
}

/* Starts over where that makes room. */
static int conclude(const struct asked *asked, const char *spec, enum environment_kind kind)
{
    switch (asked->result) {
    case NO_ANSWER:
        (void)tool_complain("\"%s\": looking at it was ended by %s", spec, asked->end);
        return kind == ENVIRONMENT_FOUND ? -1 : TOOL_TROUBLE;
    case LEFT_OUT: return -1;
    case ROOM_IS_MISSING:
        tool_make_room(room_is_missing);
        return tool_complain("cannot start over to keep room for \"%s\": %s", spec,
                             strerror(errno));
    default: return asked->result;
    }
}

int environment_make(const char *spec, enum environment_kind kind, const char *program,
                     char ***environment)
{
    struct asked asked;
    size_t room = MORE_BYTES;
    int result;

    for (char **entry = environ; *entry; entry++)
        room += strlen(*entry) + 1;
    *environment = NULL;
    ask(&asked, tell_prepared, spec, kind, program, room);
    result = asked.result == NO_PROCESS
                 ? tool_complain("cannot start a process: %s", strerror(errno))
                 : conclude(&asked, spec, kind);
    if (!result) {
        *environment = split(asked.answer->bytes, asked.answer->count);
        if (!*environment)
            result = tool_complain("not enough memory");
    }
    forget(&asked);
    return result;
}

int environment_try(const char *spec)
{
    struct asked asked;
    int result;

    ask(&asked, try_spec, spec, ENVIRONMENT_ASKED_FOR, NULL, 0);
    if (asked.result == NO_PROCESS)
        asked.result = try_spec(spec, ENVIRONMENT_ASKED_FOR, NULL, NULL, 0);
    result = conclude(&asked, spec, ENVIRONMENT_ASKED_FOR);
    forget(&asked);
    return result;
}

int environment_look(const char *spec, char *reason, size_t bytes)
{
    struct asked asked;
    int result = 0;

    ask(&asked, look, spec, ENVIRONMENT_FOUND, NULL, 0);
    if (asked.result == NO_ANSWER) {
        (void)snprintf(reason, bytes, "looking at it was ended by %s", asked.end);
        result = -1;
    } else if (asked.result == ROOM_IS_MISSING) {
        (void)conclude(&asked, spec, ENVIRONMENT_FOUND);
    }
    forget(&asked);
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

void environment_add_value(FILE *spec, const char *text, int is_path)
{
    for (; *text; text++) {
        int is_plain = (*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'z') ||
                       (*text >= 'A' && *text <= 'Z') || strchr("/._-", *text);

        if (is_plain)
            fputc(*text, spec);
        else
            fprintf(spec, "%%%02X%s", (unsigned)(unsigned char)*text,
                    is_path && *text == '%' ? "%25" : "");
    }
}

int environment_check(const char *spec)
{
    char message[1024];

    if (environment_look(spec, message, sizeof message) != 0)
        return tool_complain("\"%s\": %s", spec, message);
    if (tool_check_spec(spec, message, sizeof message) < 0)
        return tool_bad_spec(spec, message);
    return 0;
}
