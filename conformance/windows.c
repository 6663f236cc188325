/* SPDX-License-Identifier: MIT */
/*
 * Pages and processes of the kit on Windows: see system.h. There is no fork. A case's process is
 * this program with its arguments once more, which finds in a variable where the report is, and
 * comes by its own way to conformance_probe() of the same subject: there it does what the report
 * asks for. What it prints until then goes nowhere.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "system.h"

#define VARIABLE "DISPATCHALLOC_CONFORMANCE_REPORT"

/* ---- Pages -------------------------------------------------------------------------------- */

size_t kit_page_bytes(void)
{
    static size_t bytes;
    SYSTEM_INFO system;

    if (bytes == 0) {
        GetSystemInfo(&system);
        bytes = system.dwPageSize;
    }
    return bytes;
}

void *kit_map(size_t bytes)
{
    return VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

void *kit_reserve(size_t bytes)
{
    return VirtualAlloc(NULL, bytes, MEM_RESERVE, PAGE_NOACCESS);
}

bool kit_open_pages(void *pages, size_t bytes)
{
    return bytes == 0 || VirtualAlloc(pages, bytes, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

bool kit_close_pages(void *pages, size_t bytes)
{
    return VirtualFree(pages, bytes, MEM_DECOMMIT) != 0;
}

void kit_unmap(void *pages, size_t bytes)
{
    (void)bytes;
    VirtualFree(pages, 0, MEM_RELEASE);
}

static void (*fault_told)(uintptr_t address);

void kit_on_fault(const struct kit *kit, void (*told)(uintptr_t address))
{
    (void)kit;
    fault_told = told;
}

/* ---- How a process ended ------------------------------------------------------------------ */

#define HUNG    ((DWORD)0xe0000001) /* of our own making */
#define ABORTED ((DWORD)0xc0000409) /* what abort() of the newer run-time library ends with */

static const struct {
    DWORD status;
    const char *name;
} ends[] = {
    {EXCEPTION_ACCESS_VIOLATION, "SIGSEGV (access violation)"},
    {EXCEPTION_STACK_OVERFLOW, "SIGSEGV (stack overflow)"},
    {EXCEPTION_DATATYPE_MISALIGNMENT, "SIGBUS (misaligned access)"},
    {EXCEPTION_ILLEGAL_INSTRUCTION, "SIGILL (illegal instruction)"},
    {EXCEPTION_INT_DIVIDE_BY_ZERO, "SIGFPE (division by zero)"},
    {EXCEPTION_BREAKPOINT, "SIGTRAP (breakpoint)"},
    {(DWORD)0xc0000374, "SIGABRT (the system found its heap damaged)"},
    {ABORTED, "SIGABRT (abort)"},
    {HUNG, "no answer in time: it hangs"},
};

const char *conformance_signal_name(int number)
{
    return number == SIGSEGV   ? "SIGSEGV"
           : number == SIGABRT ? "SIGABRT"
           : number == SIGFPE  ? "SIGFPE"
           : number == SIGILL  ? "SIGILL"
                               : "a signal";
}

bool kit_has_hung(int status)
{
    return (DWORD)status == HUNG;
}

bool kit_has_aborted(int status)
{
    return (DWORD)status == ABORTED;
}

bool kit_has_crashed(int status)
{
    return (DWORD)status >= 0x80000000 && (DWORD)status != HUNG;
}

bool kit_has_exited(int status)
{
    return !kit_has_hung(status) && !kit_has_crashed(status);
}

void kit_describe_end(int status, char *text, size_t text_bytes)
{
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (ends[i].status == (DWORD)status) {
            snprintf(text, text_bytes, "%s", ends[i].name);
            return;
        }
    }
    snprintf(text, text_bytes, "the process ended with status %d", status);
}

/* ---- Processes ---------------------------------------------------------------------------- */

struct shared {
    HANDLE mapping;
    char subject[256];
    const void *image; /* where the process of the case has a constant of the program */
    struct kit_report report;
};

static struct shared *shared_of(struct kit_report *report)
{
    return (struct shared *)(void *)((char *)report - offsetof(struct shared, report));
}

struct kit_report *kit_report_map(void)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    HANDLE mapping = CreateFileMappingA(INVALID_HANDLE_VALUE, &inherited, PAGE_READWRITE, 0,
                                        (DWORD)sizeof(struct shared), NULL);
    struct shared *shared = mapping ? MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0) : NULL;

    if (shared)
        shared->mapping = mapping;
    else if (mapping)
        CloseHandle(mapping);
    return shared ? &shared->report : NULL;
}

void kit_report_unmap(struct kit_report *report)
{
    HANDLE mapping = shared_of(report)->mapping;

    UnmapViewOfFile(shared_of(report));
    CloseHandle(mapping);
}

struct kit_report *kit_report_asked(const struct conformance_subject *subject)
{
    const char *number = getenv(VARIABLE);
    struct shared *shared = NULL;

    if (number)
        shared =
            MapViewOfFile((HANDLE)(uintptr_t)strtoull(number, NULL, 16), FILE_MAP_WRITE, 0, 0, 0);
    if (!shared || strcmp(shared->subject, subject->name) != 0)
        return NULL;
    shared->image = VARIABLE;
    return &shared->report;
}

/* The text that a process of another place in memory calls so. */
static const char *text_here(const struct shared *shared, const char *there)
{
    return there ? (const char *)VARIABLE + (there - (const char *)shared->image) : NULL;
}

static void find_texts(struct shared *shared)
{
    struct kit_report *report = &shared->report;

    if (!shared->image)
        return;
    report->likely = text_here(shared, report->likely);
    report->likely_hang = text_here(shared, report->likely_hang);
    for (size_t i = 0; i < sizeof report->notes / sizeof *report->notes; i++)
        report->notes[i].phase = text_here(shared, report->notes[i].phase);
    shared->image = NULL;
}

static bool start(const struct shared *shared, PROCESS_INFORMATION *process)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    HANDLE nowhere =
        CreateFileA("NUL", GENERIC_READ | GENERIC_WRITE, 0, &inherited, OPEN_EXISTING, 0, NULL);
    STARTUPINFOA startup = {
        .cb = sizeof startup,
        .dwFlags = STARTF_USESTDHANDLES,
        .hStdInput = nowhere,
        .hStdOutput = nowhere,
        .hStdError = GetStdHandle(STD_ERROR_HANDLE),
    };
    char number[32], program[4096];
    DWORD length = GetModuleFileNameA(NULL, program, sizeof program);
    bool is_started;

    snprintf(number, sizeof number, "%" PRIxPTR, (uintptr_t)shared->mapping);
    SetEnvironmentVariableA(VARIABLE, number);
    is_started = length > 0 && length < sizeof program &&
                 CreateProcessA(program, GetCommandLineA(), NULL, NULL, TRUE, DETACHED_PROCESS,
                                NULL, NULL, &startup, process);
    SetEnvironmentVariableA(VARIABLE, NULL);
    CloseHandle(nowhere);
    return is_started;
}

bool kit_run_apart(const struct conformance_subject *subject, struct kit_report *report,
                   kit_work *work, int *status)
{
    enum { LOOK_MS = 50 };
    struct shared *shared = shared_of(report);
    PROCESS_INFORMATION process;
    DWORD ended = 0;

    (void)work;
    /* The process of another subject's case comes past this one, on its way. */
    if (getenv(VARIABLE)) {
        *status = 0;
        return true;
    }
    snprintf(shared->subject, sizeof shared->subject, "%s", subject->name);
    kit_limit_case(report, report->seconds);
    fflush(NULL);
    if (!start(shared, &process))
        return false;
    while (WaitForSingleObject(process.hProcess, LOOK_MS) == WAIT_TIMEOUT) {
        if (GetTickCount64() > atomic_load_explicit(&report->ends_at, memory_order_relaxed))
            TerminateProcess(process.hProcess, HUNG);
    }
    GetExitCodeProcess(process.hProcess, &ended);
    CloseHandle(process.hProcess);
    CloseHandle(process.hThread);
    find_texts(shared);
    *status = (int)ended;
    return true;
}

const char *kit_no_process_reason(void)
{
    static char text[32];

    snprintf(text, sizeof text, "error %lu", GetLastError());
    return text;
}

static void on_abort(int number)
{
    (void)number;
    TerminateProcess(GetCurrentProcess(), ABORTED);
}

/* Without one the system starts a debugger where there is one, before it ends the process. */
static LONG WINAPI on_exception(EXCEPTION_POINTERS *pointers)
{
    const EXCEPTION_RECORD *record = pointers->ExceptionRecord;

    if (fault_told && record->ExceptionCode == EXCEPTION_ACCESS_VIOLATION)
        fault_told((uintptr_t)record->ExceptionInformation[1]);
    TerminateProcess(GetCurrentProcess(), record->ExceptionCode);
    return EXCEPTION_EXECUTE_HANDLER;
}

void kit_limit_process(unsigned seconds)
{
    (void)seconds;
    signal(SIGABRT, on_abort);
    SetUnhandledExceptionFilter(on_exception);
}

void kit_limit_case(struct kit_report *report, unsigned seconds)
{
    atomic_store_explicit(&report->ends_at, GetTickCount64() + (uint64_t)seconds * 1000,
                          memory_order_relaxed);
}

/* ---- The cases about processes ------------------------------------------------------------ */

int conformance_process_main(void)
{
    return -1;
}

void kit_fork_leaves_two_heaps(struct kit *kit)
{
    kit_skip(kit, "this system has no fork");
}

void kit_fork_while_threads_allocate(struct kit *kit)
{
    kit_skip(kit, "this system has no fork");
}

void kit_serves_before_and_after_main(struct kit *kit)
{
    kit_skip(kit, "not written for this system");
}

void kit_serves_the_front_around_fork(struct kit *kit)
{
    kit_skip(kit, "this system has no fork");
}
