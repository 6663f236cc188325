/* SPDX-License-Identifier: MIT */
/* A module that ends the process which looks at it. See tool.h. */
#include "tools/tool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "conformance/conformance.h"
#include "lib/shared/control.h"

static char stack[64 * 1024]; /* for one by too deep a recursion */

static const char *volatile looked_at; /* NULL: nothing */
static int is_starting;                /* it may be another constructor's doing */
static pid_t own_process;

/* Also in a handler, and from inside of malloc: what is called takes no memory. */
static void tell(const char *how)
{
    char line[512];
    int length = snprintf(line, sizeof line - 1, TOOL_NAME ": \"%.400s\": %s by %s", looked_at,
                          is_starting ? "with that this command was ended before it began"
                                      : "looking at it was ended",
                          how);

    dal_clean_(line, (size_t)length);
    line[length++] = '\n';
    (void)!write(STDERR_FILENO, line, (size_t)length);
    _exit(TOOL_TROUBLE);
}

static sigjmp_buf way_back;
/* Whether there is one, and the signal by which it was gone. */
static volatile sig_atomic_t is_way_back, survived;


/* A child's end is looked at by its parent. What is half in a buffer is lost. */
static void end_by_signal(int number)
{
    int is_own = looked_at && getpid() == own_process;

    if (is_own && is_way_back && (number == SIGBUS || number == SIGSEGV)) {
        survived = number;
        siglongjmp(way_back, 1);
    }
    (void)signal(number, SIG_DFL);
    if (is_own)
        tell(conformance_signal_name(number));
    (void)raise(number);
}

static void end_by_exit(void)
{
    if (!looked_at || getpid() != own_process)
        return;
    (void)fflush(stdout);
    tell("exit()");
}

void tool_go_on(int number)
{
    (void)number;
}

void tool_guard_set_up(void)
{
    stack_t own_stack = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = end_by_signal, .sa_flags = SA_ONSTACK};

    if (own_process)
        return;
    own_process = getpid();
    (void)atexit(end_by_exit);
    /* A file that may not grow (ulimit -f) is a write error. */
    if (signal(SIGXFSZ, tool_go_on) == SIG_IGN)
        (void)signal(SIGXFSZ, SIG_IGN);
    (void)sigaltstack(&own_stack, NULL);
    for (const int *crash = conformance_crashes; *crash; crash++) {
        struct sigaction old;

        /* A sanitizer has its own. */
        if (sigaction(*crash, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            (void)sigaction(*crash, &action, NULL);
    }
}

/* ---- Before main() ----------------------------------------------------------------------------
 */

/* A limit to that, and what SIGALRM was before. */
static int is_limited;
static struct sigaction before_limit;

static void end_limit(void)
{
    if (!is_limited)
        return;
    (void)alarm(0);
    (void)sigaction(SIGALRM, &before_limit, NULL);
    is_limited = 0;
}

/* MemorySanitizer starts in a constructor, and its own functions crash before. */
#ifdef __has_feature
# define IS_TOO_EARLY __has_feature(memory_sanitizer)
#else
# define IS_TOO_EARLY 0
#endif

#if defined __GLIBC__ && !IS_TOO_EARLY
/* "NAME=value", or NULL if it has none. */
static const char *find_variable(char **environment, const char *name)
{
    size_t length = strlen(name);

    while (*environment &&
           (strncmp(*environment, name, length) != 0 || (*environment)[length] != '='))
        environment++;
    return *environment && (*environment)[length + 1] ? *environment : NULL;
}

static void end_by_time(int number)
{
    (void)number;
    if (looked_at && getpid() == own_process)
        tell(TOOL_START_LIMIT);
}

/* An alarm that was set for this command, or for what it is to start, stays. */
static void begin_limit(void)
{
    struct sigaction action = {.sa_handler = end_by_time};
    struct itimerval running;

    if (getitimer(ITIMER_REAL, &running) != 0 || running.it_value.tv_sec ||
        running.it_value.tv_usec)
        return;
    (void)sigaction(SIGALRM, &action, &before_limit);
    (void)alarm(TOOL_START_SECONDS);
    is_limited = 1;
}

/* The library's constructor opens what is chosen for this process too, which is before main(). How
 * a process of the kit ends is for the kit. */
static void guard_environment(int argc, char **argv, char **environment)
{
    const char *chosen = find_variable(environment, "DISPATCHALLOC_BACKEND");

    (void)argc;
    (void)argv;
    if (!chosen || find_variable(environment, CONFORMANCE_RUN_VARIABLE))
        return;
    tool_guard_set_up();
    tool_look_at(chosen);
    is_starting = 1;
    begin_limit();
}

/* Others run nothing before constructors, or do not say how. */
__attribute__((section(".preinit_array"), used)) static void (*const before_constructors)(
    int argc, char **argv, char **environment) = guard_environment;
#endif

void tool_look_at(const char *what)
{
    end_limit();
    is_starting = 0;
    looked_at = what;
}

const char *tool_survive(const char *what, void (*look)(void *data), void *data)
{
    survived = 0;
    if (sigsetjmp(way_back, 1) == 0) {
        is_way_back = 1;
        looked_at = what; /* for as long as it takes: debug files may come from a network */
        look(data);
    }
    is_way_back = 0;
    looked_at = NULL;
    return survived ? conformance_signal_name(survived) : NULL;
}
