/* SPDX-License-Identifier: MIT */
/* Pages and processes of the kit on POSIX systems: see system.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system.h"

#ifndef MAP_NORESERVE
# define MAP_NORESERVE 0 /* not everywhere is there a need to say so */
#endif

/* ---- Pages -------------------------------------------------------------------------------- */

size_t kit_page_bytes(void)
{
    static size_t bytes;

    if (bytes == 0)
        bytes = (size_t)sysconf(_SC_PAGESIZE);
    return bytes;
}

static void *map(void *at, size_t bytes, int access, int flags)
{
    void *pages = mmap(at, bytes, access, flags | MAP_ANONYMOUS, -1, 0);

    return pages == MAP_FAILED ? NULL : pages;
}

void *kit_map(size_t bytes)
{
    return map(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

void *kit_reserve(size_t bytes)
{
    return map(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE);
}

bool kit_open_pages(void *pages, size_t bytes)
{
    return mprotect(pages, bytes, PROT_READ | PROT_WRITE) == 0;
}

bool kit_close_pages(void *pages, size_t bytes)
{
    return map(pages, bytes, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED) != NULL;
}

void kit_unmap(void *pages, size_t bytes)
{
    munmap(pages, bytes);
}

static void (*fault_told)(uintptr_t address);

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR)
        fault_told((uintptr_t)info->si_addr);
    signal(number, SIG_DFL);
}

void kit_on_fault(const struct kit *kit, void (*told)(uintptr_t address))
{
    enum { STACK_BYTES = 64 << 10 };
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    const stack_t stack = {.ss_sp = kit_memory(kit, STACK_BYTES), .ss_size = STACK_BYTES};

    fault_told = told;
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
}

/* ---- How a process ended ------------------------------------------------------------------ */

static const struct {
    int number;
    const char *name;
} signals[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGABRT, "SIGABRT"}, {SIGFPE, "SIGFPE"},
    {SIGILL, "SIGILL"},   {SIGTRAP, "SIGTRAP"}, {SIGKILL, "SIGKILL"}, {SIGTERM, "SIGTERM"},
    {SIGINT, "SIGINT"},   {SIGPIPE, "SIGPIPE"}, {SIGSYS, "SIGSYS"},
};

const char *conformance_signal_name(int number)
{
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        if (signals[i].number == number)
            return signals[i].name;
    }
    return "a signal";
}

const int conformance_crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGSYS, 0};

bool kit_has_hung(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
}

bool kit_has_aborted(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

bool kit_has_exited(int status)
{
    return WIFEXITED(status);
}

bool kit_has_crashed(int status)
{
    const int *crash = conformance_crashes;

    while (*crash && !(WIFSIGNALED(status) && WTERMSIG(status) == *crash))
        crash++;
    return *crash != 0;
}

void kit_describe_end(int status, char *text, size_t text_bytes)
{
    if (kit_has_hung(status))
        snprintf(text, text_bytes, "no answer in time: it hangs");
    else if (WIFSIGNALED(status))
        snprintf(text, text_bytes, "%s (%s)", conformance_signal_name(WTERMSIG(status)),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(text, text_bytes, "the process ended with status %d", WEXITSTATUS(status));
}

/* ---- Processes ---------------------------------------------------------------------------- */

struct kit_report *kit_report_map(void)
{
    return map(NULL, sizeof(struct kit_report), PROT_READ | PROT_WRITE, MAP_SHARED);
}

void kit_report_unmap(struct kit_report *report)
{
    munmap(report, sizeof *report);
}

bool kit_run_apart(const struct conformance_subject *subject, struct kit_report *report,
                   kit_work *work, int *status)
{
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        work(subject, report);
        _exit(0);
    }
    if (child > 0)
        *status = kit_wait(child);
    return child > 0;
}

struct kit_report *kit_report_asked(const struct conformance_subject *subject)
{
    (void)subject;
    return NULL;
}

const char *kit_no_process_reason(void)
{
    return strerror(errno);
}

int kit_wait(pid_t child)
{
    int status = 0;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

void kit_limit_process(unsigned seconds)
{
    const struct rlimit no_core = {0, 0};
    sigset_t alarm_only;

    signal(SIGALRM, SIG_DFL);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
    setrlimit(RLIMIT_CORE, &no_core);
    alarm(seconds);
}

void kit_limit_case(struct kit_report *report, unsigned seconds)
{
    (void)report;
    alarm(seconds);
}

unsigned kit_child_seconds(const struct kit *kit)
{
    unsigned seconds = kit->profile->timeout_seconds / 2;

    return seconds ? seconds : 1;
}
