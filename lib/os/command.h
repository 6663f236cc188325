/* SPDX-License-Identifier: MIT */
/*
 * Another program that does something for this process: it reads a text, prints one, and ends.
 * Where the system cannot do that without the process noticing, it is not done.
 *
 * A process has its signals, children and descriptors for itself: no SIGCHLD comes, no wait(2)
 * finds a child, and nothing is opened. Nothing here allocates or takes a lock; a thread waits, for
 * a bounded time, also for the one that another thread runs: of a process there is one at a time.
 */
#ifndef DAL_OS_COMMAND_H
#define DAL_OS_COMMAND_H

#include <stddef.h>
#include <stdint.h>

/* Which file a path leads to, and in what state. */
struct dal_os_file_ {
    uint64_t device, number;
    int64_t seconds, nanoseconds; /* of its last change */
};

struct dal_os_command_ {
    const char *path;
    const struct dal_os_file_ *file; /* which that has to be still; NULL: any */
    const char *const *arguments;    /* with its name, up to NULL */
    const char *input;
    size_t input_bytes;
    unsigned milliseconds; /* it is ended after so long, with the wait for one of another thread */
    int may_trace;         /* it is allowed to stop this process, and to look into it */
    /* If not NULL: it writes a byte to its standard input, and this is what it gets for that,
     * behind the input. Called in a process that has this one's memory, on a stack of some KiB: it
     * may neither allocate nor wait. */
    unsigned char (*answer)(void *data);
    void *data;
    const void *room; /* pages with that stack, while it runs */
    size_t room_bytes;
    /* What it has printed, in pages for dal_os_unmap_(); NULL and 0 if that is nothing. */
    char *output;
    size_t output_bytes;
};

/* Note how the process stands to the system at its start, where what it may call is decided by who
 * has started it. */
void dal_os_command_prepare_(void);

/* Note what a path leads to: 1, or 0. */
int dal_os_file_note_(const char *path, struct dal_os_file_ *file);

/* Run one to its end. Returns its exit status, or -1 with the reason, a text that lives for ever,
 * if it was not started, or ended by a signal. It has the environment that the process was
 * started with, but for what is ours, what preloads, and the servers of debug information: nothing
 * here waits for a network. */
int dal_os_command_run_(struct dal_os_command_ *command, const char **reason);

/* The system's number of the thread that calls, and an address in what it has for itself. */
long dal_os_thread_number_(void);
uintptr_t dal_os_thread_local_(void);

#endif /* DAL_OS_COMMAND_H */
