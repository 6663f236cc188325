/* SPDX-License-Identifier: MIT */
/*
 * Another program that does something for this process, on Linux. See command.h.
 *
 * It is the child of a child. That one has the exit signal 0, which wait(2) passes over and which
 * what is executed loses: so it executes nothing. It is made as vfork(2) makes one: no fork
 * handlers, no copy of what may be gigabytes, and the thread that asks stands until it has ended,
 * whose thread-local storage it has. What the program reads comes by a socket, to which a write
 * raises no signal; what it prints goes to a file without a name, so that neither waits for the
 * other.
 *
 * Filters of system calls may end who asks: so none is asked that the process has put up itself.
 * What a launcher has put up, as for a container, has let the program start.
 */
#include <config.h>

#include "os/command.h"

#if defined __linux__ && HAVE_MEMFD_CREATE

# include <errno.h>
# include <fcntl.h>
# include <limits.h>
# include <poll.h>
# include <pthread.h>
# include <sched.h>
# include <signal.h>
# include <stdatomic.h>
# include <stdint.h>
# include <stdlib.h>
# include <string.h>
# include <sys/mman.h> /* memfd_create */
# include <sys/prctl.h>
# include <sys/socket.h>
# include <sys/stat.h>
# include <sys/syscall.h>
# include <sys/wait.h>
# include <time.h>
# include <unistd.h>

# include "os/lines.h"
# include "os/os.h"

/* ---- Filters of system calls ------------------------------------------------------------------
 */

enum { FILTERS_UNKNOWN = -1, FILTERS_NOT_NOTED = -2 };
static _Atomic(long) filters_at_start = FILTERS_NOT_NOTED;

/* Those of this thread: a program may put them up for one. */
static long count_filters(void)
{
    static const char name[] = "Seccomp_filters:";
    struct dal_os_lines_ lines;
    char line[64];
    long count = FILTERS_UNKNOWN;
    int mode = prctl(PR_GET_SECCOMP);

    /* EINVAL: the kernel has none. Any other error is a filter's. */
    if (mode <= 0)
        return mode == 0 || errno == EINVAL ? 0 : FILTERS_UNKNOWN;
    if (!dal_os_lines_open_(&lines, "/proc/thread-self/status"))
        return count;
    while (dal_os_lines_next_(&lines, line, sizeof line)) {
        if (strncmp(line, name, sizeof name - 1) == 0)
            count = strtol(line + sizeof name - 1, NULL, 10);
    }
    dal_os_lines_close_(&lines);
    return count;
}

void dal_os_command_prepare_(void)
{
    int saved_errno = errno;
    long none = FILTERS_NOT_NOTED;

    (void)atomic_compare_exchange_strong_explicit(&filters_at_start, &none, count_filters(),
                                                  memory_order_relaxed, memory_order_relaxed);
    errno = saved_errno;
}

static int is_filtered(void)
{
    long before = atomic_load_explicit(&filters_at_start, memory_order_relaxed);

    return before < 0 || count_filters() != before;
}

/* ---- The file ----------------------------------------------------------------------------------
 */

int dal_os_file_note_(const char *path, struct dal_os_file_ *file)
{
    int saved_errno = errno, error;
    struct stat status;

    error = stat(path, &status);
    errno = saved_errno;
    if (error)
        return 0;
    *file = (struct dal_os_file_){(uint64_t)status.st_dev, (uint64_t)status.st_ino,
                                  status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
    return 1;
}

/* After a chroot(2), for one, the path of what was trusted leads elsewhere. */
static int is_file(const struct dal_os_command_ *command)
{
    const struct dal_os_file_ *noted = command->file;
    struct dal_os_file_ file;

    return !noted || (dal_os_file_note_(command->path, &file) && file.device == noted->device &&
                      file.number == noted->number && file.seconds == noted->seconds &&
                      file.nanoseconds == noted->nanoseconds);
}

/* ---- The child ---------------------------------------------------------------------------------
 */

enum { CANNOT_RUN = 127 };
enum { STACK_BYTES = 64 * 1024, VARIABLES_MAX = 4096, ENVIRONMENT_BYTES = 256 * 1024 };

/* Functions on a stack that sanitizers do not know. */
# define ON_OWN_STACK __attribute__((no_sanitize_address, no_sanitize_thread))

/* Pages that are mapped for it. A stack begins where the next member does. */
struct room {
    char stacks[2][STACK_BYTES];
    char *variables[VARIABLES_MAX + 1];
    char environment[ENVIRONMENT_BYTES + 1];
};

struct run {
    struct dal_os_command_ *command;
    struct room *room;
    sigset_t mask;
    int here, there; /* ends of the socket */
    int output;
    uint64_t deadline; /* of dal_os_clock_() */
    int status;        /* of the program, if it has ended by itself */
    int has_started, has_ended;
};

/* Handlers are the program's, and its memory is shared until something else is executed. */
static void reset_signals(void)
{
    struct sigaction action;

    for (int number = 1; number < NSIG; number++) {
        if (sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_DFL ||
            (action.sa_handler == SIG_IGN && number != SIGCHLD))
            continue;
        memset(&action, 0, sizeof action);
        action.sa_handler = SIG_DFL;
        (void)sigaction(number, &action, NULL);
    }
}

ON_OWN_STACK static int be_program(void *data)
{
    const struct run *run = data;

    if (dup2(run->there, STDIN_FILENO) < 0 || dup2(run->output, STDOUT_FILENO) < 0)
        _exit(CANNOT_RUN);
# ifdef SYS_close_range
    (void)syscall(SYS_close_range, STDERR_FILENO + 1, UINT_MAX, 0);
# endif
    (void)sigprocmask(SIG_SETMASK, &run->mask, NULL);
    /* Not by its name, from which `doctor` takes it that the program starts others. */
    (void)syscall(SYS_execve, run->command->path, run->command->arguments, run->room->variables);
    _exit(CANNOT_RUN);
}

static int is_passed_on(const char *variable)
{
    static const char *const kept_back[] = {"DISPATCHALLOC_",
                                            "LD_PRELOAD=", "LD_AUDIT=", "DEBUGINFOD_URLS="};

    for (size_t i = 0; i < sizeof kept_back / sizeof *kept_back; i++) {
        if (strncmp(variable, kept_back[i], strlen(kept_back[i])) == 0)
            return 0;
    }
    return 1;
}

/* The environment that the process was started with: what it has now may be gone already, as at the
 * exit of a program that has moved it. */
static void read_environment(struct room *room)
{
    int file = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
    size_t length = 0, count = 0;
    ssize_t got;

    while (file >= 0 &&
           (got = read(file, room->environment + length, ENVIRONMENT_BYTES - length)) > 0)
        length += (size_t)got;
    if (file >= 0)
        (void)close(file);
    for (size_t at = 0; at < length && count < VARIABLES_MAX;
         at += strlen(room->environment + at) + 1) {
        if (is_passed_on(room->environment + at))
            room->variables[count++] = room->environment + at;
    }
}

/* A descriptor above the standard ones, which may be closed and mean something to the child. */
static int move_up(int file)
{
    int moved = file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    if (file >= 0)
        (void)close(file);
    return moved;
}

static int open_files(struct run *run)
{
    int ends[2];

    run->here = run->there = run->output = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return 0;
    run->here = move_up(ends[0]);
    run->there = move_up(ends[1]);
    run->output = move_up(memfd_create("dispatchalloc", MFD_CLOEXEC));
    return run->here >= 0 && run->there >= 0 && run->output >= 0;
}

/* What has been printed, in pages as all are that are given back. */
static void take_output(struct run *run)
{
    struct dal_os_command_ *command = run->command;
    struct stat status;
    size_t bytes, done = 0;
    ssize_t got;
    char *pages;

    if (fstat(run->output, &status) != 0 || status.st_size <= 0)
        return;
    bytes = (size_t)status.st_size;
    pages = dal_os_map_(bytes);
    while (pages && done < bytes &&
           (got = pread(run->output, pages + done, bytes - done, (off_t)done)) > 0)
        done += (size_t)got;
    if (done < bytes) {
        dal_os_unmap_(pages, bytes);
        return;
    }
    command->output = pages;
    command->output_bytes = bytes;
}

/* Milliseconds that are left. */
static int patience(const struct run *run)
{
    uint64_t now = dal_os_clock_();

    return now >= run->deadline ? 0 : (int)((run->deadline - now) / 1000000) + 1;
}

static int wait_for(const struct run *run, short what)
{
    struct pollfd socket = {.fd = run->here, .events = what};

    while (poll(&socket, 1, patience(run)) < 0 && errno == EINTR)
        continue;
    return socket.revents;
}

/* Until all is there, or nobody reads it. */
static void send_input(const struct run *run)
{
    const char *at = run->command->input;
    size_t left = run->command->input_bytes;

    while (left > 0 && (wait_for(run, POLLOUT) & POLLOUT)) {
        ssize_t sent = send(run->here, at, left, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (sent <= 0)
            break;
        at += sent;
        left -= (size_t)sent;
    }
}

/* Where it ends without a question there is none to answer. */
static void answer(const struct run *run)
{
    const struct dal_os_command_ *command = run->command;
    unsigned char byte;

    if (!command->answer || !(wait_for(run, POLLIN) & POLLIN) ||
        recv(run->here, &byte, 1, MSG_DONTWAIT) != 1)
        return;
    byte = command->answer(command->data);
    (void)send(run->here, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* All signals are blocked, so its end can be waited for. */
static void wait_for_end(struct run *run, pid_t program)
{
    struct timespec time;
    sigset_t ends;
    pid_t ended;
    int left;

    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGCHLD);
    while ((ended = waitpid(program, &run->status, WNOHANG)) == 0 && (left = patience(run)) > 0) {
        time = (struct timespec){left / 1000, left % 1000 * 1000000L};
        (void)sigtimedwait(&ends, NULL, &time);
    }
    run->has_ended = ended == program;
    if (ended != 0)
        return;
    (void)kill(program, SIGKILL);
    (void)waitpid(program, NULL, 0);
}

/* The child in between. Descriptors are its own, memory is the process's. */
ON_OWN_STACK static int be_parent(void *data)
{
    struct run *run = data;
    pid_t program;

    reset_signals();
    if (!open_files(run))
        _exit(0);
    read_environment(run->room);
    program = clone(be_program, run->room->stacks[1], CLONE_VM | CLONE_VFORK | SIGCHLD, run);
    (void)close(run->there);
    if (program > 0) {
        run->has_started = 1;
        send_input(run);
        answer(run);
        (void)shutdown(run->here, SHUT_WR);
        wait_for_end(run, program);
        take_output(run);
    }
    _exit(0);
}

/* ---- Its life ---------------------------------------------------------------------------------
 */

/* Until all is over. */
static void start(struct run *run)
{
    sigset_t all;
    pid_t child;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &run->mask);
    child = clone(be_parent, run->room->variables, CLONE_VM | CLONE_VFORK, run);
    while (child > 0 && waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
        continue;
    (void)pthread_sigmask(SIG_SETMASK, &run->mask, NULL);
}

/* Where the system asks for that (Yama): this process, which stands for what it has started. */
static void allow_trace(const struct run *run, unsigned long process)
{
# ifdef PR_SET_PTRACER
    if (run->command->may_trace)
        (void)prctl(PR_SET_PTRACER, process, 0, 0, 0);
# else
    (void)run;
    (void)process;
# endif
}

static int run_child(struct run *run, const char **reason)
{
    allow_trace(run, (unsigned long)getpid());
    start(run);
    allow_trace(run, 0);
    if (run->has_ended && WIFEXITED(run->status) && WEXITSTATUS(run->status) != CANNOT_RUN)
        return WEXITSTATUS(run->status);
    dal_os_unmap_(run->command->output, run->command->output_bytes);
    run->command->output = NULL;
    run->command->output_bytes = 0;
    *reason = !run->has_started ? "no process or descriptor is left"
              : !run->has_ended ? "the command took too long"
                                : "the command was ended, or cannot run";
    return -1;
}

/* ---- One at a time -----------------------------------------------------------------------------
 */

/* The process and the thread that run a command; 0: none does. Who stands in vfork cannot be
 * stopped, as a search is to do. Release when it is let go of, acquire when it is taken. */
static _Atomic(uint64_t) owner;

static uint64_t process_of(uint64_t thread)
{
    return thread >> 32;
}

/* What a process has noted that was forked from is not this one's. Who waits sleeps, and can be
 * stopped. Returns 0 where this thread has it already, as below a handler, or another one for too
 * long. */
static int take_turn(uint64_t deadline)
{
    const struct timespec time = {0, 1000000};
    const uint64_t self = (uint64_t)getpid() << 32 | (uint64_t)dal_os_thread_number_();
    uint64_t there = 0;

    while (!atomic_compare_exchange_weak_explicit(&owner, &there, self, memory_order_acquire,
                                                  memory_order_relaxed)) {
        if (there == self || dal_os_clock_() >= deadline)
            return 0;
        if (process_of(there) != process_of(self))
            continue;
        (void)nanosleep(&time, NULL);
        there = 0;
    }
    return 1;
}

static int run_alone(struct run *run, const char **reason)
{
    int result;

    *reason = "another one runs";
    if (!take_turn(run->deadline))
        return -1;
    result = run_child(run, reason);
    atomic_store_explicit(&owner, 0, memory_order_release);
    return result;
}

int dal_os_command_run_(struct dal_os_command_ *command, const char **reason)
{
    struct run run = {.command = command};
    int saved_errno = errno, result = -1, state;

    command->output = NULL;
    command->output_bytes = 0;
    *reason = "the process has filters of system calls";
    if (is_filtered())
        return -1;
    *reason = "the command is another file than it was";
    if (!is_file(command))
        return -1;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    *reason = "no memory is left";
    run.deadline = dal_os_clock_() + (uint64_t)command->milliseconds * 1000000;
    run.room = dal_os_map_(sizeof *run.room);
    command->room = run.room;
    command->room_bytes = sizeof *run.room;
    if (run.room)
        result = run_alone(&run, reason);
    dal_os_unmap_(run.room, sizeof *run.room);
    (void)pthread_setcancelstate(state, NULL);
    errno = saved_errno;
    return result;
}

long dal_os_thread_number_(void)
{
    return syscall(SYS_gettid);
}

/* In the C libraries where it is an address. */
uintptr_t dal_os_thread_local_(void)
{
    pthread_t self = pthread_self();
    uintptr_t address = 0;

    memcpy(&address, &self, sizeof self < sizeof address ? sizeof self : sizeof address);
    return address;
}

#else

long dal_os_thread_number_(void)
{
    return 0;
}

uintptr_t dal_os_thread_local_(void)
{
    return 0;
}

void dal_os_command_prepare_(void)
{
}

int dal_os_file_note_(const char *path, struct dal_os_file_ *file)
{
    (void)path;
    (void)file;
    return 0;
}

int dal_os_command_run_(struct dal_os_command_ *command, const char **reason)
{
    command->output = NULL;
    command->output_bytes = 0;
    *reason = "there is no way to do that on this system";
    return -1;
}

#endif
