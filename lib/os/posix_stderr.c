/* SPDX-License-Identifier: MIT */
/*
 * Standard error on POSIX systems. Descriptor 2 is the program's: by the time that there is
 * something to say it may be a database. Nothing here is a cancellation point, and no signal that
 * writing raises reaches the program.
 */
#include <config.h>

#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

/* What descriptor 2 led to when the process began to be ours, and whether it was a file to be read
 * as well. Release after those before, acquire in readers. */
static _Atomic(uint64_t) first_device, first_file;
static _Atomic(int) first_is_for_both, is_noted;

/* As file systems do it that are read and written, databases too: no place for messages, unless it
 * was standard error from the start. */
static int is_for_both(const struct stat *status)
{
    return S_ISREG(status->st_mode) && (fcntl(STDERR_FILENO, F_GETFL) & O_ACCMODE) != O_WRONLY;
}

static void note(const struct stat *status)
{
    atomic_store_explicit(&first_device, (uint64_t)status->st_dev, memory_order_relaxed);
    atomic_store_explicit(&first_file, (uint64_t)status->st_ino, memory_order_relaxed);
    atomic_store_explicit(&first_is_for_both, is_for_both(status), memory_order_relaxed);
    atomic_store_explicit(&is_noted, 1, memory_order_release);
}

void dal_os_note_stderr_(void)
{
    struct stat status = {.st_ino = 0};
    int saved_errno = errno;

    if (!atomic_load_explicit(&is_noted, memory_order_acquire)) {
        (void)fstat(STDERR_FILENO, &status);
        note(&status);
    }
    errno = saved_errno;
}

/* A file system may give the number of a file that is gone to the next. */
static int is_as_noted(const struct stat *status)
{
    return (!is_for_both(status) ||
            atomic_load_explicit(&first_is_for_both, memory_order_relaxed)) &&
           (uint64_t)status->st_dev == atomic_load_explicit(&first_device, memory_order_relaxed) &&
           (uint64_t)status->st_ino == atomic_load_explicit(&first_file, memory_order_relaxed);
}

DAL_OWN_FRAME_ static int may_be_written(void)
{
    struct stat status;

    if (fstat(STDERR_FILENO, &status) != 0)
        return 0;
    if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))
        return 1;
    /* A process that had no reason to note it: the first message finds what it finds. */
    if (!atomic_load_explicit(&is_noted, memory_order_acquire) && !is_for_both(&status))
        note(&status);
    if (atomic_load_explicit(&is_noted, memory_order_acquire) && is_as_noted(&status))
        return 1;
    return S_ISCHR(status.st_mode) ? isatty(STDERR_FILENO)
                                   : S_ISREG(status.st_mode) && !is_for_both(&status) &&
                                         (fcntl(STDERR_FILENO, F_GETFL) & O_APPEND) != 0;
}

/* A pipe or socket whose reader has stopped reading is not waited for longer than this. */
enum { PATIENCE_MILLISECONDS = 1000 };

/* How much may be written without waiting: the system promises PIPE_BUF where it has any room. */
static size_t has_room(size_t bytes)
{
    struct pollfd standard_error = {.fd = STDERR_FILENO, .events = POLLOUT};

    if (poll(&standard_error, 1, PATIENCE_MILLISECONDS) == 0)
        return 0;
    return bytes < PIPE_BUF ? bytes : PIPE_BUF;
}

static int write_all(const char *text, size_t bytes)
{
    while (bytes > 0) {
        size_t room = has_room(bytes);
        ssize_t written = room ? write(STDERR_FILENO, text, room) : 0;

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : 0;
        text += written;
        bytes -= (size_t)written;
    }
    return 0;
}

DAL_OWN_FRAME_ static int is_blocked(int signal)
{
    sigset_t blocked;

    return pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && sigismember(&blocked, signal) == 1;
}

DAL_OWN_FRAME_ static int is_pending(int signal)
{
    sigset_t pending;

    return sigpending(&pending) == 0 && sigismember(&pending, signal) == 1;
}

DAL_OWN_FRAME_ static void change_mask(int how, int signal)
{
    sigset_t one;

    (void)sigemptyset(&one);
    (void)sigaddset(&one, signal);
    (void)pthread_sigmask(how, &one, NULL);
}

DAL_OWN_FRAME_ static void take_back(int signal)
{
    sigset_t one;

    (void)sigemptyset(&one);
    (void)sigaddset(&one, signal);
    (void)sigwait(&one, &signal);
}

/* What a write may raise, and the error that comes with it: a pipe without a reader, a file that
 * may grow no more. */
static const struct {
    int signal, error;
} raised[] = {{SIGPIPE, EPIPE}, {SIGXFSZ, EFBIG}};
enum { RAISED = sizeof raised / sizeof raised[0] };

/* A message is not to end the program that it is about. What was pending before stays so. */
DAL_OWN_FRAME_ static void write_quietly(const char *text, size_t bytes)
{
    int was_blocked[RAISED], was_pending[RAISED], error;

    for (size_t i = 0; i < RAISED; i++) {
        was_blocked[i] = is_blocked(raised[i].signal);
        change_mask(SIG_BLOCK, raised[i].signal);
        was_pending[i] = is_pending(raised[i].signal);
    }
    error = write_all(text, bytes);
    for (size_t i = 0; i < RAISED; i++) {
        if (error == raised[i].error && !was_pending[i] && is_pending(raised[i].signal))
            take_back(raised[i].signal);
        if (!was_blocked[i])
            change_mask(SIG_UNBLOCK, raised[i].signal);
    }
}

void dal_os_write_(const char *text, size_t bytes)
{
    int saved_errno = errno;
    int state;

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    if (may_be_written())
        write_quietly(text, bytes);
    (void)pthread_setcancelstate(state, NULL);
    errno = saved_errno;
}
