/* SPDX-License-Identifier: MIT */
/*
 * The runs of `dispatchalloc fail-each` in which something fails, several at a time. Each job is a
 * process of its own, since what a program leaves running is found by who is its parent, and
 * children are run one at a time (tools/child.h). They take numbers from a counter that they share,
 * and send a line for each run, whole as packets of a socket are. See fail_each.h.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC, MAP_ANONYMOUS */
#include "fail_each.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
# include <sys/prctl.h>
#endif

/* Relaxed: it orders nothing. */
struct shared {
    _Atomic(size_t) next; /* of the numbers that are left */
};

/* ---- A job ----------------------------------------------------------------------------------- */

/* The place of a number to be run, or one behind the last. */
static size_t take_next(struct shared *shared)
{
    return atomic_fetch_add_explicit(&shared->next, 1, memory_order_relaxed);
}

/* Does not return. What it says it has said; a signal that has ended its runs it tells by the
 * status, as a shell does. */
static void be_job(struct each_runner *runner, const struct each_test *test, struct shared *shared,
                   int to)
{
    static struct each_run run;
    char line[EACH_LINE_BYTES];
    size_t at;
    int status = 0;

#ifdef PR_SET_PDEATHSIG
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
    child_set_up();
    while (!status && (at = take_next(shared)) < test->left.count) {
        size_t bytes;

        status = each_run(runner, test, test->left.all[at], &run, NULL);
        if (status || child_interruption())
            break;
        bytes = each_line(test, test->left.all[at], &run, line);
        if (send(to, line, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
            break;
    }
    if (status)
        atomic_store_explicit(&shared->next, test->left.count, memory_order_relaxed);
    _exit(!status && child_interruption() ? 128 + child_interruption() : status);
}

/* ---- All of them ----------------------------------------------------------------------------- */

struct jobs {
    pid_t processes[EACH_JOBS_MAX];
    unsigned count;
    int from; /* where lines come */
    int is_told;
};

/* They end what they run, and themselves. */
static void tell(struct jobs *jobs)
{
    for (unsigned i = 0; !jobs->is_told && i < jobs->count; i++)
        (void)kill(jobs->processes[i], SIGTERM);
    jobs->is_told = 1;
}

static int start(struct jobs *jobs, struct each_runner *runners, const struct each_test *test,
                 struct shared *shared)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return tool_complain("cannot make a socket: %s", strerror(errno));
    jobs->from = ends[0];
    (void)fflush(stdout);
    while (jobs->count < test->jobs && jobs->count < test->left.count) {
        pid_t process = fork();

        if (process == 0) {
            (void)close(ends[0]);
            be_job(&runners[jobs->count], test, shared, ends[1]);
        }
        if (process < 0)
            break;
        jobs->processes[jobs->count++] = process;
    }
    (void)close(ends[1]);
    return jobs->count ? 0 : tool_complain("cannot start a process: %s", strerror(errno));
}

/* On a terminal: how far it is. */
static void show_progress(const struct each_test *test)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%zu of %zu runs, %zu findings", test->result_count, test->planned.count,
                each_findings(test));
}

static void clear_progress(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%70s\r", "");
}

static int keep(const struct each_test *test, const char *line, size_t bytes)
{
    if (test->state_file < 0 || write(test->state_file, line, bytes) == (ssize_t)bytes)
        return 0;
    return tool_complain("%s: %s", test->state, strerror(errno));
}

static int take(struct each_test *test, const char *line, size_t bytes)
{
    int status = keep(test, line, bytes);

    clear_progress();
    if (!status)
        status = each_take_line(test, line, bytes);
    (void)fflush(stdout);
    show_progress(test);
    return status;
}

/* Until all of them have closed their ends. A signal, and then an alarm every other second, ends
 * the waiting. */
static int collect(struct jobs *jobs, struct each_test *test)
{
    static char line[EACH_LINE_BYTES];
    ssize_t got;
    int status = 0;

    while ((got = recv(jobs->from, line, sizeof line, 0)) != 0) {
        if (got < 0 && errno != EINTR)
            return tool_complain("cannot read results: %s", strerror(errno));
        if (got > 0 && !status)
            status = take(test, line, (size_t)got);
        if (status || child_interruption())
            tell(jobs);
    }
    return status;
}

/* Its exit status; TOOL_TROUBLE after a message if it was ended by a signal that nobody has sent
 * who ends all of this. */
static int end_of(int status, int is_told)
{
    int number = WIFSIGNALED(status)         ? WTERMSIG(status)
                 : WEXITSTATUS(status) > 128 ? WEXITSTATUS(status) - 128
                                             : 0;

    if (number && !is_told)
        return tool_complain("a process that runs the program was ended by signal %d, which the "
                             "program may have sent to its parent",
                             number);
    return number ? 0 : WEXITSTATUS(status);
}

/* What the worst of them ends with. */
static int wait_for_all(const struct jobs *jobs)
{
    int worst = 0;

    for (unsigned i = 0; i < jobs->count; i++) {
        int status = 0, ended;

        while (waitpid(jobs->processes[i], &status, 0) < 0 && errno == EINTR)
            continue;
        ended = end_of(status, jobs->is_told || child_interruption() || worst);
        worst = ended > worst ? ended : worst;
    }
    return worst;
}

int each_run_jobs(struct each_runner *runners, struct each_test *test)
{
    struct jobs jobs = {.count = 0};
    size_t wanted = test->result_count + test->left.count;
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status, ended;

    if (test->left.count == 0)
        return 0;
    if (shared == MAP_FAILED)
        return tool_complain("not enough memory");
    status = start(&jobs, runners, test, shared);
    if (!status) {
        status = collect(&jobs, test);
        (void)close(jobs.from);
        clear_progress();
        ended = wait_for_all(&jobs);
        child_kill_the_rest(); /* of jobs that were killed */
        status = status ? status : ended;
    }
    (void)munmap(shared, sizeof *shared);
    test->interrupted = child_interruption();
    if (!status && !test->interrupted && test->result_count < wanted)
        status = tool_complain("%zu of %zu runs have left no result", wanted - test->result_count,
                               test->planned.count);
    return status;
}
