/* SPDX-License-Identifier: MIT */
/*
 * Stopping a process, thread by thread, until none is left that goes on. What ends the command lets
 * them all go on: the kernel sees to that. See search.h.
 */
#define _GNU_SOURCE /* __WALL */
#include "tools/search/search.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

/* ---- Registers ----------------------------------------------------------------------------- */

/* Where among them are the stack pointer and the thread pointer, in words. */
#if defined __x86_64__
enum { STACK_REGISTER = 19, LOCAL_REGISTER = 21 };
#elif defined __aarch64__
enum { STACK_REGISTER = 31, LOCAL_REGISTER = -1 };
#elif defined __riscv
enum { STACK_REGISTER = 2, LOCAL_REGISTER = 4 };
#elif defined __i386__
enum { STACK_REGISTER = 15, LOCAL_REGISTER = -1 };
#elif defined __arm__
enum { STACK_REGISTER = 13, LOCAL_REGISTER = -1 };
#else
enum { STACK_REGISTER = -1, LOCAL_REGISTER = -1 };
#endif

/* A set of registers. Returns how many bytes there are. */
static size_t read_set(pid_t thread, uintptr_t set, void *to, size_t bytes)
{
    struct iovec part = {to, bytes};

    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    return ptrace(PTRACE_GETREGSET, thread, (void *)set, &part) == 0 ? part.iov_len : 0;
}

static uintptr_t word_at(const struct thread *thread, int at, size_t bytes)
{
    return at >= 0 && ((size_t)at + 1) * sizeof(uintptr_t) <= bytes ? thread->registers[at] : 0;
}

/* Those of numbers in vectors may hold addresses as well, in the middle of a copy; the larger ones
 * are in a set with what the kernel keeps besides. */
static size_t read_vectors(pid_t thread, void *to, size_t bytes)
{
    size_t got = 0;

#ifdef NT_X86_XSTATE
    got = read_set(thread, NT_X86_XSTATE, to, bytes);
#endif
    return got ? got : read_set(thread, NT_PRFPREG, to, bytes);
}

static void read_registers(struct thread *thread)
{
    size_t bytes =
        read_set(thread->number, NT_PRSTATUS, thread->registers, sizeof thread->registers / 2);

    thread->stack = word_at(thread, STACK_REGISTER, bytes);
    thread->local = word_at(thread, LOCAL_REGISTER, bytes);
#ifdef __aarch64__
    (void)read_set(thread->number, NT_ARM_TLS, &thread->local, sizeof thread->local);
#endif
    bytes -= bytes % sizeof(uintptr_t);
    thread->register_bytes = bytes + read_vectors(thread->number, (char *)thread->registers + bytes,
                                                  sizeof thread->registers - bytes);
}

/* ---- One thread ---------------------------------------------------------------------------- */

enum stopped { STANDS, HAS_ENDED, IS_REFUSED, IS_STUCK };

/* One that has ended and is not gone, as a main thread that others outlive. */
static int is_over(pid_t process, pid_t thread)
{
    char path[64], line[256] = "";
    const char *behind_name;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/stat", (long)process, (long)thread);
    file = fopen(path, "re");
    if (!file)
        return 1;
    (void)!fgets(line, sizeof line, file);
    (void)fclose(file);
    behind_name = strrchr(line, ')');
    return !behind_name || (behind_name[1] == ' ' && strchr("ZXx", behind_name[2]) != NULL);
}

static void pause_for(long nanoseconds)
{
    const struct timespec time = {0, nanoseconds};

    (void)nanosleep(&time, NULL);
}

/* Wait until it stands, if it does within two seconds: one that waits for what it has made by
 * vfork(2) does not, nor does a main thread that ends while others live, whose end nobody hears of.
 */
static enum stopped wait_for_stop(pid_t process, struct thread *thread)
{
    const long most = 2000000000, longest = 5000000;
    int status = 0;
    pid_t got;

    for (long waited = 0, next = 20000;; waited += next, next = next < longest ? 2 * next : next) {
        got = waitpid(thread->number, &status, __WALL | WNOHANG);
        if (got > 0)
            break;
        if ((got < 0 && errno != EINTR) || is_over(process, thread->number))
            return HAS_ENDED;
        if (waited >= most)
            return IS_STUCK;
        pause_for(next);
    }
    if (!WIFSTOPPED(status))
        return HAS_ENDED;
    if (status >> 16 != PTRACE_EVENT_STOP)
        thread->signal = WSTOPSIG(status);
    return STANDS;
}

static enum stopped stop(pid_t process, struct thread *thread)
{
    enum stopped stopped;

    if (ptrace(PTRACE_SEIZE, thread->number, NULL, NULL) != 0)
        return errno == ESRCH || is_over(process, thread->number) ? HAS_ENDED : IS_REFUSED;
    if (ptrace(PTRACE_INTERRUPT, thread->number, NULL, NULL) != 0)
        return HAS_ENDED;
    stopped = wait_for_stop(process, thread);
    if (stopped == STANDS)
        read_registers(thread);
    return stopped;
}

/* ---- All of them --------------------------------------------------------------------------- */

static int is_known(const struct threads *threads, pid_t number)
{
    for (size_t i = 0; i < threads->count; i++) {
        if (threads->threads[i].number == number)
            return 1;
    }
    return 0;
}

static struct thread *add(struct threads *threads, pid_t number)
{
    struct thread *more;

    if (threads->count == threads->room) {
        size_t room = threads->room ? 2 * threads->room : 16;

        more = realloc(threads->threads, room * sizeof *more);
        if (!more)
            return NULL;
        threads->threads = more;
        threads->room = room;
    }
    more = &threads->threads[threads->count];
    memset(more, 0, sizeof *more);
    more->number = number;
    return more;
}

/* Those that are not stopped yet. *stopped counts them. */
static int stop_others(pid_t process, DIR *list, struct threads *threads, size_t *stopped)
{
    const struct dirent *entry;

    while ((entry = readdir(list)) != NULL) {
        pid_t number = (pid_t)strtol(entry->d_name, NULL, 10);
        struct thread *thread;
        enum stopped how;

        if (number <= 0 || is_known(threads, number))
            continue;
        thread = add(threads, number);
        if (!thread)
            return DAL_SEARCH_MEMORY_;
        how = stop(process, thread);
        if (how == IS_REFUSED || how == IS_STUCK)
            return how == IS_STUCK ? DAL_SEARCH_STUCK_ : DAL_SEARCH_REFUSED_;
        threads->count += how == STANDS;
        *stopped += how == STANDS;
    }
    return DAL_SEARCH_DONE_;
}

static int add_asking(const struct dal_search_ *asked, struct threads *threads)
{
    struct thread *asking = add(threads, (pid_t)asked->thread);

    if (!asking)
        return 0;
    asking->is_asking = 1;
    asking->stack = (uintptr_t)asked->stack;
    asking->local = asked->local;
    threads->count++;
    return 1;
}

/* While one goes on it may make others. */
int threads_stop(pid_t process, const struct dal_search_ *asked, struct threads *threads)
{
    char path[64];
    size_t stopped;
    int status;

    threads->process = process;
    if (!add_asking(asked, threads))
        return DAL_SEARCH_MEMORY_;
    (void)snprintf(path, sizeof path, "/proc/%ld/task", (long)process);
    do {
        DIR *list = opendir(path);

        if (!list)
            return DAL_SEARCH_UNREADABLE_;
        stopped = 0;
        status = stop_others(process, list, threads, &stopped);
        (void)closedir(list);
    } while (status == DAL_SEARCH_DONE_ && stopped > 0);
    return status;
}

void threads_go_on(struct threads *threads)
{
    for (size_t i = 0; i < threads->count; i++) {
        const struct thread *thread = &threads->threads[i];

        if (thread->is_asking)
            continue;
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        (void)ptrace(PTRACE_DETACH, thread->number, NULL, (void *)(intptr_t)thread->signal);
    }
    free(threads->threads);
    *threads = (struct threads){.threads = NULL};
}
