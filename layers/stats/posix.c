/* SPDX-License-Identifier: MIT */
/* What the layer `stats` needs from POSIX systems. See stats.h for the preconditions. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "stats.h"

uint64_t dal_stats_process_(void)
{
    return (uint64_t)getpid();
}

/* ---- Writing ------------------------------------------------------------------------------ */

static int write_all(int file, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t written = write(file, text, bytes);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno;
        text += written;
        bytes -= (size_t)written;
    }
    return 0;
}

/* Write to a pipe that may have no reader: a report must not kill the program it is about. */
static int write_without_sigpipe(int file, const char *text, size_t bytes)
{
    sigset_t pipe_only, before, pending;
    int was_pending, error, signal;

    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    (void)sigemptyset(&pending);
    (void)sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE) == 1;
    if (pthread_sigmask(SIG_BLOCK, &pipe_only, &before) != 0)
        return write_all(file, text, bytes);
    error = write_all(file, text, bytes);
    if (error == EPIPE && !was_pending) {
        (void)sigpending(&pending);
        if (sigismember(&pending, SIGPIPE) == 1)
            (void)sigwait(&pipe_only, &signal);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

int dal_stats_write_(const char *path, int append, const char *text, size_t bytes)
{
    int saved_errno = errno;
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : O_TRUNC);
    int file = path ? open(path, flags, 0666) : STDERR_FILENO;
    int error = file < 0 ? errno : write_without_sigpipe(file, text, bytes);

    if (path && file >= 0)
        (void)close(file);
    errno = saved_errno;
    return error;
}

/* strerror(3) may not be called in a signal handler. */
const char *dal_stats_reason_(int error)
{
    static const struct {
        int error;
        const char *reason;
    } reasons[] = {
        {0, "the path is too long"},
        {ENAMETOOLONG, "the path is too long"},
        {ENOENT, "no such file or directory"},
        {ENOTDIR, "not a directory"},
        {EISDIR, "is a directory"},
        {EACCES, "permission denied"},
        {EPERM, "not permitted"},
        {EROFS, "read-only file system"},
        {ENOSPC, "no space left"},
        {EFBIG, "file too large"},
        {EDQUOT, "quota exceeded"},
        {EMFILE, "too many open files"},
        {ENFILE, "too many open files"},
        {EPIPE, "nobody reads the pipe"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].error == error)
            return reasons[i].reason;
    }
    return NULL;
}

/* ---- Signals -------------------------------------------------------------------------------- */

int dal_stats_signal_(uint64_t index)
{
    static const int numbers[] = {SIGUSR1,  SIGUSR2, SIGHUP,  SIGURG,  SIGIO,
                                  SIGWINCH, SIGCONT, SIGALRM, SIGPROF, SIGVTALRM};

    return numbers[index];
}

static void on_signal(int signal)
{
    int saved_errno = errno;

    dal_stats_print_on_signal_(signal);
    errno = saved_errno;
}

static int is_ours(const struct sigaction *action)
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == on_signal;
}

const char *dal_stats_signal_on_(int signal)
{
    static const char in_use[] = "the program uses it";
    struct sigaction before, ours;

    memset(&ours, 0, sizeof ours);
    ours.sa_handler = on_signal;
    ours.sa_flags = SA_RESTART;
    (void)sigemptyset(&ours.sa_mask);
    if (sigaction(signal, NULL, &before) != 0)
        return in_use;
    if (is_ours(&before))
        return NULL;
    return !(before.sa_flags & SA_SIGINFO) && before.sa_handler == SIG_DFL &&
                   sigaction(signal, &ours, NULL) == 0
               ? NULL
               : in_use;
}

void dal_stats_signal_off_(int signal)
{
    struct sigaction now;

    if (sigaction(signal, NULL, &now) != 0 || !is_ours(&now))
        return;
    memset(&now, 0, sizeof now);
    now.sa_handler = SIG_DFL;
    (void)sigemptyset(&now.sa_mask);
    (void)sigaction(signal, &now, NULL);
}
