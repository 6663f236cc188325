/* SPDX-License-Identifier: MIT */
/* Running a program to its end and looking at all that came of it. See run.h. */
#include "run.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const library_variables[] = {
    "DISPATCHALLOC_BACKEND", "DISPATCHALLOC_MALLOC",      "DISPATCHALLOC_STRICT",
    "DISPATCHALLOC_VERBOSE", "DISPATCHALLOC_MODULE_PATH",
};

const char *run_path(const char *file)
{
    static char path[4096];
    const char *directory = getenv("builddir");
    int length = snprintf(path, sizeof path, "%s/%s", directory ? directory : ".", file);

    ck_assert_int_lt(length, (int)sizeof path);
    return path;
}

static void set_environment(const struct run_request *request)
{
    for (size_t i = 0; i < sizeof library_variables / sizeof library_variables[0]; i++)
        unsetenv(library_variables[i]);
    for (size_t i = 0; request->environment[i]; i++) {
        const char *equals = strchr(request->environment[i], '=');
        char name[64];

        snprintf(name, sizeof name, "%.*s", (int)(equals - request->environment[i]),
                 request->environment[i]);
        setenv(name, equals + 1, 1);
    }
}

/* In the child. An abort is expected of many programs here: no core is wanted. */
static void become(const struct run_request *request, const char *path, int out, int err)
{
    const struct rlimit no_core = {0, 0};
    char *arguments[RUN_ARGUMENTS_MAX + 1];
    size_t count = 0;

    arguments[count++] = (char *)(uintptr_t)path;
    for (size_t i = 0; request->arguments[i]; i++)
        arguments[count++] = (char *)(uintptr_t)request->arguments[i];
    arguments[count] = NULL;
    set_environment(request);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
        _exit(126);
    execv(path, arguments);
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    _exit(127);
}

static void read_back(FILE *file, char *text, size_t bytes)
{
    size_t length;

    rewind(file);
    length = fread(text, 1, bytes, file);
    ck_assert_msg(length < bytes, "the program says more than %zu bytes", bytes);
    text[length] = '\0';
    fclose(file);
}

void run_program(const struct run_request *request, struct run_result *result)
{
    const char *path = run_path(request->program);
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    int status;
    pid_t child;

    ck_assert_ptr_nonnull(out);
    ck_assert_ptr_nonnull(err);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        become(request, path, fileno(out), fileno(err));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    read_back(out, result->out, sizeof result->out);
    read_back(err, result->err, sizeof result->err);
}
