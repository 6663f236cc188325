/* SPDX-License-Identifier: MIT */
/*
 * Signals that were sent to the whole group of processes, as by timeout(1), by kill(1) with a
 * negative number or by a manager of services: the program of the tool has them already. No process
 * is told to whom else a signal goes, so one more of the group, which does nothing else, says which
 * it gets. See child.h.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "tools/child.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIGNALS 65

/* How far apart one signal may come to two processes. */
#define APART_NS UINT64_C(100000000)
#define LOOK_NS  2000000
enum { LOOKS = 10 };

/* The last one of each number; the sender is written first: release and acquire. */
struct arrival {
    _Atomic(uint64_t) time_ns;
    _Atomic(long) sender;
};

static struct arrival *arrivals; /* shared; NULL: nobody watches */
static pid_t watcher;

/* May be called by a handler. */
static uint64_t now_ns(void)
{
    struct timespec now = {.tv_sec = 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Does not return. */
static void watch(pid_t parent)
{
    siginfo_t info;
    sigset_t all;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    child_end_with(parent);
    for (int file = 0; file < 3; file++)
        (void)close(file);
    for (;;) {
        int number = sigwaitinfo(&all, &info);

        if (number <= 0 || number >= SIGNALS)
            continue;
        atomic_store_explicit(&arrivals[number].sender, (long)info.si_pid, memory_order_relaxed);
        atomic_store_explicit(&arrivals[number].time_ns, now_ns(), memory_order_release);
    }
}

void child_group_watch(void)
{
    pid_t parent = getpid();
    void *shared = mmap(NULL, SIGNALS * sizeof *arrivals, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED)
        return;
    arrivals = shared;
    watcher = fork();
    if (watcher == 0)
        watch(parent);
}

void child_group_forget(void)
{
    if (watcher > 0) {
        (void)kill(watcher, SIGKILL);
        (void)waitpid(watcher, NULL, 0);
    }
    watcher = 0;
}

static int has_arrived(int number, pid_t sender, uint64_t since_ns)
{
    return atomic_load_explicit(&arrivals[number].time_ns, memory_order_acquire) > since_ns &&
           atomic_load_explicit(&arrivals[number].sender, memory_order_relaxed) == (long)sender;
}

int child_group_has(int number, pid_t sender)
{
    static const struct timespec while_ns = {.tv_nsec = LOOK_NS};
    uint64_t since_ns = now_ns() - APART_NS;

    for (int i = 0; watcher > 0 && number > 0 && number < SIGNALS && i < LOOKS; i++) {
        if (has_arrived(number, sender, since_ns))
            return 1;
        (void)nanosleep(&while_ns, NULL);
    }
    return 0;
}
