/* SPDX-License-Identifier: MIT */
/*
 * Prints what a program can see of itself, a line a fact, at each of the moments of its life: the
 * same without the interposer and under it, or it leaves a trace (alone.sh, allowed). Nothing is
 * printed that differs between two runs of one kind.
 *
 *     observe PLUGIN
 *
 * With -DPLUGIN this is a library, once linked to the program and once opened by it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char line[4096];

/* Not by stdio, which would allocate where nothing else does. */
static void say(const char *where, const char *format, ...)
{
    va_list arguments;
    int length = snprintf(line, sizeof line, "%s: ", where);

    va_start(arguments, format);
    length += vsnprintf(line + length, sizeof line - (size_t)length - 1, format, arguments);
    va_end(arguments);
    line[length++] = '\n';
    if (write(1, line, (size_t)length) != length)
        _exit(9);
}

static const char *last_of(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return slash ? slash + 1 : path ? path : "NULL";
}

static void say_arguments(const char *where, int argc, char **argv, char **envp)
{
    say(where, "errno %d, %d arguments, the first %s, %s environment, name %s, short name %s",
        errno, argc, argv ? last_of(argv[0]) : "none", envp && envp[0] ? "an" : "no",
        last_of(program_invocation_name), program_invocation_short_name);
    errno = 0;
}

#ifdef PLUGIN

__attribute__((constructor)) static void start(int argc, char **argv, char **envp)
{
    say_arguments("constructor of " PLUGIN, argc, argv, envp);
}

void plugin_end(void);

__attribute__((destructor)) void plugin_end(void)
{
    say("destructor of " PLUGIN, "errno %d", errno);
}

#else
# include <dlfcn.h>
# include <fcntl.h>
# include <pthread.h>
# include <signal.h>
# include <sys/resource.h>
# include <sys/stat.h>
# include <sys/wait.h>

/* A file of /proc, whole. */
static const char *contents(const char *path)
{
    static char text[256 * 1024];
    size_t length = 0;
    ssize_t got;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    while (file >= 0 && (got = read(file, text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    if (file >= 0)
        close(file);
    text[length] = '\0';
    return text;
}

static void say_status(const char *where, const char *key)
{
    const char *text = strstr(contents("/proc/self/status"), key);

    say(where, "%.*s", text ? (int)strcspn(text, "\n") : 0, text ? text : "");
}

static void say_signals(const char *where)
{
    stack_t stack;
    sigset_t mask;

    for (int i = 1; i < NSIG; i++) {
        struct sigaction action;

        if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
            say(where, "signal %d %s", i, action.sa_handler == SIG_IGN ? "ignored" : "handled");
    }
    if (pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0) {
        for (int i = 1; i < NSIG; i++) {
            if (sigismember(&mask, i) == 1)
                say(where, "signal %d blocked", i);
        }
    }
    if (sigaltstack(NULL, &stack) == 0)
        say(where, "alternative stack %s", stack.ss_flags & SS_DISABLE ? "none" : "there");
}

static void say_descriptors(const char *where)
{
    for (int i = 0; i < 1024; i++) {
        int flags = fcntl(i, F_GETFD);

        if (flags >= 0)
            say(where, "descriptor %d, flags %d, mode %d", i, flags, fcntl(i, F_GETFL) & O_ACCMODE);
    }
}

static void say_limits(const char *where)
{
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit;

        if (getrlimit((__rlimit_resource_t)i, &limit) == 0)
            say(where, "limit %d %lx %lx", i, (long)limit.rlim_cur, (long)limit.rlim_max);
    }
}

static void say_environment(const char *where)
{
    for (char **entry = environ; *entry; entry++) {
        if (strncmp(*entry, "_=", 2) != 0) /* what the shell started */
            say(where, "environment %s", *entry);
    }
}

/* Larger than 1 MiB. What is the allocator's own differs with the allocator. */
static void say_mappings(const char *where)
{
    for (const char *at = contents("/proc/self/maps"); *at; at += strcspn(at, "\n") + 1) {
        unsigned long start, end;
        char rights[5], name[256] = "";

        if (sscanf(at, "%lx-%lx %4s %*s %*s %*s%*[ ]%255[^\n]", &start, &end, rights, name) >= 3 &&
            end - start > 1 << 20)
            say(where, "mapping %lu KiB %s %s", (end - start) / 1024, rights, last_of(name));
    }
}

static void say_all(const char *where)
{
    say(where, "errno %d", errno);
    say(where, "name %s, command %.*s", last_of(program_invocation_name),
        (int)strcspn(contents("/proc/self/comm"), "\n"), contents("/proc/self/comm"));
    say_signals(where);
    say_descriptors(where);
    say_limits(where);
    say_mappings(where);
    say_status(where, "VmLck");
    say_status(where, "Threads");
    say(where, "mask of files %o", (unsigned)umask(022));
    errno = 0;
}

__attribute__((constructor)) static void construct(int argc, char **argv, char **envp)
{
    say_arguments("constructor", argc, argv, envp);
    say_all("constructor");
}

static void at_end(void)
{
    say_all("end");
}

static void handle(int signal)
{
    (void)signal;
    say_all("handler");
}

static void *in_thread(void *unused)
{
    void *block = malloc(100);

    say_all("thread");
    free(block);
    return unused;
}

static void wait_for(pid_t child)
{
    int status;

    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        say("main", "a child failed");
}

int main(int argc, char **argv)
{
    pthread_t thread;
    pid_t child;
    int error = errno;

    if (argc < 2)
        return 2;
    errno = error;
    say_arguments("main", argc, argv, environ);
    say_all("main");
    say_environment("main");
    if (strcmp(argv[1], "again") == 0) {
        say("executed", "the same program");
        return 0;
    }
    atexit(at_end);
    if (!dlopen(argv[1], RTLD_NOW | RTLD_LOCAL))
        say("main", "no plug-in: %s", dlerror());
    if (pthread_create(&thread, NULL, in_thread, NULL) == 0)
        pthread_join(thread, NULL);
    signal(SIGUSR1, handle);
    raise(SIGUSR1);
    child = fork();
    if (child == 0) {
        say_all("child");
        _exit(0);
    }
    wait_for(child);
    child = fork();
    if (child == 0) {
        execl(argv[0], argv[0], "again", (char *)NULL);
        _exit(8);
    }
    wait_for(child);
    free(malloc(1000));
    errno = 0;
    return 0;
}
#endif
