/* SPDX-License-Identifier: MIT */
/* Programs that the tool starts, waits for and measures. See child.h. */
#define _GNU_SOURCE /* wait4, environ */
#include "tools/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
# include <sys/prctl.h>
#endif

#include "tools/program.h"
#include "tools/tool.h"

/* A program that does not heed a signal has that long. */
enum { PATIENCE_SECONDS = 2 };

/* How often it is looked how much one has written that may not write what it will. */
enum { LOOK_MICROSECONDS = 200000 };

/* ---- Signals ------------------------------------------------------------------------------ */

/* The last ones to a program in front alone: to this process they mean nothing. */
static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

enum { PASSED_ON_IN_FRONT = sizeof passed_on / sizeof *passed_on, PASSED_ON = 4 };

/* See child_set_up_in_front(). */
static int is_in_front;

static size_t passed_on_count(void)
{
    return is_in_front ? PASSED_ON_IN_FRONT : PASSED_ON;
}

/* Written while those signals are blocked, or by their handlers. */
static volatile pid_t running;
static volatile sig_atomic_t interruption;
static volatile sig_atomic_t alarms, is_flooded, is_over;
static const struct child_command *running_command;
static double running_until; /* the end of its time */

/* To the group of a child, and to a child that has left it: its number is its own as long as it has
 * not been waited for. */
static void send_signal(pid_t child, int number)
{
    (void)kill(-child, number);
    if (getpgid(child) != child)
        (void)kill(child, number);
}

/* What a terminal sends, or another process to the group, the program has as well. */
static void pass_on_in_front(int number, siginfo_t *info, void *context)
{
    int error = errno;

    (void)context;
    if (running && info->si_code <= 0 && !child_group_has(number, info->si_pid))
        (void)kill(running, number);
    errno = error;
}

static void pass_on(int number)
{
    int error = errno;

    /* Who asks twice does not want to wait. */
    if (running)
        send_signal(running, interruption ? SIGKILL : number);
    interruption = number;
    alarms = 1;
    (void)alarm(PATIENCE_SECONDS);
    errno = error;
}

/* What is done beside a child is over, which is ended with that. */
static void end_running(int number)
{
    int error = errno;

    (void)number;
    is_over = alarms = 1;
    if (running)
        send_signal(running, SIGTERM);
    (void)alarm(PATIENCE_SECONDS);
    errno = error;
}

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint64_t size_of(int file)
{
    struct stat status;

    return fstat(file, &status) == 0 && status.st_size > 0 ? (uint64_t)status.st_size : 0;
}

/* Whether this alarm is only to look at what was written, and that is not too much. */
static int has_time_left(void)
{
    if (!running || alarms || !running_command->bytes_limit)
        return 0;
    is_flooded = size_of(running_command->output) + size_of(running_command->errors) >
                 running_command->bytes_limit;
    return !is_flooded && (!running_command->seconds_limit || now() < running_until);
}

/* A process that was stopped itself may hear of an alarm after its child has ended in time. */
static int has_ended(pid_t child)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid;
}

/* Also when a time limit is over: then it is told first. */
static void lose_patience(int number)
{
    int error = errno;

    (void)number;
    if (!(running && has_ended(running)) && !has_time_left()) {
        if (running)
            send_signal(running, alarms || is_flooded ? SIGKILL : SIGTERM);
        alarms = 1;
        (void)alarm(PATIENCE_SECONDS);
    }
    errno = error;
}

static void block(sigset_t *before)
{
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < passed_on_count(); i++)
        (void)sigaddset(&set, passed_on[i]);
    (void)sigaddset(&set, SIGALRM);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &set, before);
}

static int ends_are_ignored;

void child_keep_ends(void)
{
    struct sigaction action;

    if (sigaction(SIGCHLD, NULL, &action) != 0 ||
        (action.sa_handler != SIG_IGN && !(action.sa_flags & SA_NOCLDWAIT)))
        return;
    ends_are_ignored = 1;
    (void)signal(SIGCHLD, SIG_DFL);
}

void child_give_ends_back(void)
{
    if (ends_are_ignored)
        (void)signal(SIGCHLD, SIG_IGN);
    ends_are_ignored = 0;
}

/* nohup(1) and the shell's background ignore some of them: that stays so. */
static void handle_passed_on(const struct sigaction *action)
{
    struct sigaction before;

    for (size_t i = 0; i < passed_on_count(); i++) {
        if (sigaction(passed_on[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaction(passed_on[i], action, NULL);
    }
}

void child_set_up_in_front(void)
{
    struct sigaction action = {.sa_sigaction = pass_on_in_front, .sa_flags = SA_SIGINFO};

    (void)sigfillset(&action.sa_mask);
    is_in_front = 1;
    handle_passed_on(&action);
}

void child_let_go(void)
{
    const struct sigaction action = {.sa_handler = SIG_DFL};

    handle_passed_on(&action);
}

void child_set_up(void)
{
    struct sigaction action = {.sa_handler = lose_patience};
    struct sigaction before;

    (void)sigfillset(&action.sa_mask);
    (void)sigaction(SIGALRM, &action, NULL);
    action.sa_handler = pass_on;
    handle_passed_on(&action);
    /* A closed pipe is a write error: what has been made by then is removed. */
    if (sigaction(SIGPIPE, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
        (void)signal(SIGPIPE, tool_go_on);
#ifdef PR_SET_CHILD_SUBREAPER
    /* Daemons that leave the process group become children of the tool. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
}

int child_interruption(void)
{
    return interruption;
}

/* ---- The child ---------------------------------------------------------------------------- */

static void redirect(int from, int to)
{
    if (from == to)
        (void)fcntl(to, F_SETFD, 0);
    else if (dup2(from, to) < 0)
        _exit(PROGRAM_CANNOT_RUN);
}

/* What it is started with may have to name it, and who starts it does not know its number before.
 */
static void write_number(char *to)
{
    long number = (long)getpid();

    for (int i = CHILD_NUMBER_DIGITS; to && i-- > 0; number /= 10)
        to[i] = (char)('0' + number % 10);
}

void child_end_with(pid_t parent)
{
#ifdef PR_SET_PDEATHSIG
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent)
        _exit(PROGRAM_CANNOT_RUN);
}

/* Does not return. *not_executed is shared with the parent. */
static void be_child(const struct child_command *command, pid_t parent, const sigset_t *mask,
                     int *not_executed)
{
    if (!is_in_front)
        (void)setpgid(0, 0);
    child_end_with(parent);
    redirect(command->input, 0);
    redirect(command->output, 1);
    redirect(command->errors, 2);
    child_let_go();
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    write_number(command->number);
    environ = command->environment;
    *not_executed = program_become(command->path, command->arguments);
    _exit(*not_executed);
}

/* ---- Its end ------------------------------------------------------------------------------ */

/* Kills the children of this process, which are what the program left behind. */
static int kill_children(void)
{
    char path[64];
    long child;
    int count = 0;
    FILE *children;

    (void)snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    children = fopen(path, "re");
    while (children && fscanf(children, "%ld", &child) == 1) {
        (void)kill((pid_t)child, SIGKILL);
        count++;
    }
    if (children)
        (void)fclose(children);
    return count;
}

/* A killed child hands its own children up to us: until there are none. */
void child_kill_the_rest(void)
{
    while (kill_children() > 0)
        (void)waitpid(-1, NULL, 0);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

/* Its end is a signal, which is blocked so that none comes between two looks; others that are
 * passed on end the wait early. */
static void wait_and_look(pid_t child, const struct child_command *command)
{
    static const struct timespec second = {.tv_sec = 1};
    sigset_t end, before;

    (void)sigemptyset(&end);
    (void)sigaddset(&end, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &end, &before);
    while (!has_ended(child)) {
        if (sigtimedwait(&end, NULL, &second) < 0 && errno == EAGAIN)
            command->look(child, command->data);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Until it has ended, and not yet taken off the list of processes: so its group's number
 * remains its own. A child that stops has asked for the terminal, which it cannot have. */
static void wait_for_end(pid_t child, const struct child_command *command,
                         struct child_result *result)
{
    int stops = is_in_front ? 0 : WSTOPPED;

    if (is_in_front && command->look)
        wait_and_look(child, command);
    for (;;) {
        siginfo_t info;

        if (waitid(P_PID, (id_t)child, &info, WEXITED | stops | WNOWAIT) != 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        if (info.si_code != CLD_STOPPED)
            return;
        result->stop_signal = info.si_status;
        send_signal(child, SIGKILL);
    }
}

static void end(pid_t child, struct child_result *result)
{
    sigset_t mask;

    block(&mask);
    if (!is_in_front)
        send_signal(child, SIGKILL);
    running = 0;
    (void)alarm(0);
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    while (wait4(child, &result->status, 0, &result->usage) < 0 && errno == EINTR)
        continue;
    if (!is_in_front)
        child_kill_the_rest();
}

/* Once for its time, or again and again for what it writes. */
static void set_alarm(const struct child_command *command)
{
    static const struct itimerval often = {{0, LOOK_MICROSECONDS}, {0, LOOK_MICROSECONDS}};

    running_command = command;
    running_until = now() + command->seconds_limit;
    if (command->bytes_limit)
        (void)setitimer(ITIMER_REAL, &often, NULL);
    else
        (void)alarm(command->seconds_limit);
}

/* The child's number; 0 if there is to be none any more; -1. */
static pid_t start(const struct child_command *command, int *not_executed)
{
    pid_t parent = getpid();
    pid_t child = 0;
    sigset_t mask;

    block(&mask);
    alarms = is_flooded = 0;
    if (!interruption) {
        child = fork();
        if (child == 0)
            be_child(command, parent, &mask, not_executed);
    }
    if (child > 0) {
        if (!is_in_front)
            (void)setpgid(child, child);
        running = child;
        set_alarm(command);
    }
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    return child;
}

pid_t child_start_beside(void (*work)(void *data), void *data)
{
    struct sigaction action = {.sa_handler = end_running};
    pid_t parent = getpid(), child;
    sigset_t mask;

    (void)sigfillset(&action.sa_mask);
    (void)sigaction(SIGUSR1, &action, NULL);
    is_over = 0;
    (void)fflush(stdout);
    block(&mask);
    child = fork();
    if (child == 0) {
        (void)setpgid(0, 0);
        child_end_with(parent);
        for (size_t i = 0; i < passed_on_count(); i++)
            (void)signal(passed_on[i], SIG_DFL);
        (void)signal(SIGALRM, SIG_DFL);
        (void)sigprocmask(SIG_SETMASK, &mask, NULL);
        work(data);
        (void)kill(parent, SIGUSR1);
        _exit(0);
    }
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    if (child < 0)
        (void)tool_complain("cannot start a process: %s", strerror(errno));
    return child;
}

int child_run(const struct child_command *command, struct child_result *result)
{
    int *not_executed =
        mmap(NULL, sizeof *not_executed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double began;
    pid_t child = -1;

    memset(result, 0, sizeof *result);
    result->status = interruption;
    (void)fflush(stdout);
    began = now();
    if (is_in_front)
        child_group_watch();
    if (not_executed != MAP_FAILED)
        child = start(command, not_executed);
    if (child > 0) {
        wait_for_end(child, command, result);
        result->seconds = now() - began;
        end(child, result);
        result->not_executed = *not_executed;
        result->process = child;
        result->flooded = is_flooded && !interruption;
        result->is_over = is_over && !interruption;
        result->timed_out = alarms && !is_over && !is_flooded && !interruption;
    }
    is_over = 0;
    child_group_forget();
    if (child < 0)
        return tool_complain("cannot start a process: %s", strerror(errno));
    (void)munmap(not_executed, sizeof *not_executed);
    return 0;
}

const char *child_failure(const struct child_result *result, char *text, size_t text_bytes)
{
    int status = result->status;

    if (WIFSIGNALED(status) && result->stop_signal)
        (void)snprintf(text, text_bytes, "stopped by signal %d (%s), and was ended",
                       result->stop_signal, strsignal(result->stop_signal));
    else if (WIFSIGNALED(status))
        (void)snprintf(text, text_bytes, "killed by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status))
        (void)snprintf(text, text_bytes, "exit status %d", WEXITSTATUS(status));
    else
        return NULL;
    return text;
}

int child_end_as(int status)
{
    static const struct rlimit no_core = {0, 0};
    sigset_t mask;

    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    /* What can be looked into is the program's. A core that goes to a pipe heeds no limit. */
    (void)setrlimit(RLIMIT_CORE, &no_core);
#ifdef PR_SET_DUMPABLE
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
    (void)signal(WTERMSIG(status), SIG_DFL);
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, WTERMSIG(status));
    (void)sigprocmask(SIG_UNBLOCK, &mask, NULL);
    (void)raise(WTERMSIG(status));
    return 128 + WTERMSIG(status);
}
