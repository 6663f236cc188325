/* SPDX-License-Identifier: MIT */
/* A module that ends the process which looks at it. See tool.h. */
#include "tools/tool.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/shared/control.h"

/* Not strsignal(3), which may allocate: the signal may come from inside of malloc. */
static const struct {
    int number;
    const char *name;
} signals[] = {{SIGSEGV, "SIGSEGV"},
               {SIGBUS, "SIGBUS"},
               {SIGABRT, "SIGABRT"},
               {SIGFPE, "SIGFPE"},
               {SIGILL, "SIGILL"}};
enum { SIGNAL_COUNT = sizeof signals / sizeof *signals };

static const char *looked_at; /* NULL: nothing */
static pid_t own_process;

/* Buffers may be half written: what was printed before is lost, and the status says so. */
static void tell(const char *how)
{
    char line[512];
    int length = snprintf(line, sizeof line - 1,
                          TOOL_NAME ": \"%.400s\": looking at it was ended by %s", looked_at, how);

    dal_clean_(line, (size_t)length);
    line[length++] = '\n';
    (void)!write(STDERR_FILENO, line, (size_t)length);
    _exit(TOOL_TROUBLE);
}

/* A child's end is looked at by its parent. */
static void end_by_signal(int number)
{
    (void)signal(number, SIG_DFL);
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        if (signals[i].number == number && looked_at && getpid() == own_process)
            tell(signals[i].name);
    }
    (void)raise(number);
}

static void end_by_exit(void)
{
    if (looked_at && getpid() == own_process)
        tell("exit()");
}

void tool_guard_set_up(void)
{
    own_process = getpid();
    (void)atexit(end_by_exit);
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        struct sigaction old;

        /* A sanitizer has its own. */
        if (sigaction(signals[i].number, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            (void)signal(signals[i].number, end_by_signal);
    }
}

void tool_look_at(const char *what)
{
    looked_at = what;
}
