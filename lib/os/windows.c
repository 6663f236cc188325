/* SPDX-License-Identifier: MIT */
/* The platform seam on Windows. See os.h for the preconditions. What stands there of
 * errno is kept for GetLastError() too. */
#include <config.h>

#include "os/os.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/service.h>

#include "shared/file_head.h"

void *dal_os_map_(size_t bytes)
{
    DWORD saved_error = GetLastError();
    void *pages = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

    SetLastError(saved_error);
    return pages;
}

void dal_os_unmap_(void *pages, size_t bytes)
{
    DWORD saved_error = GetLastError();

    /* To be released, pages have to be named as a whole, which is size 0. */
    (void)bytes;
    if (pages)
        (void)VirtualFree(pages, 0, MEM_RELEASE);
    SetLastError(saved_error);
}

int dal_os_protect_(void *pages, size_t bytes, uint32_t access)
{
    static const DWORD rights[] = {
        [DAL_PAGES_NO_ACCESS] = PAGE_NOACCESS,
        [DAL_PAGES_READ] = PAGE_READONLY,
        [DAL_PAGES_READ_WRITE] = PAGE_READWRITE,
    };
    DWORD saved_error = GetLastError();
    DWORD before;
    int failed =
        access > DAL_PAGES_READ_WRITE || !VirtualProtect(pages, bytes, rights[access], &before);

    SetLastError(saved_error);
    return failed ? DAL_ERR_SYSTEM : DAL_OK;
}

size_t dal_os_page_bytes_(void)
{
    SYSTEM_INFO system;

    GetSystemInfo(&system);
    return system.dwPageSize;
}

/* A process has to have a right for large pages, and map them itself. */
size_t dal_os_huge_page_bytes_(void)
{
    return 0;
}

void dal_os_wish_(void *memory, size_t bytes, uint32_t wishes)
{
    if (wishes & DAL_PAGES_PRESENT)
        dal_os_touch_(memory, bytes, dal_os_page_bytes_());
}

/* ---- The end of threads ---------------------------------------------------------------------- */

/* The one index of the process plus 1; 0 before there is one. A fibre-local slot calls its function
 * when a thread ends, as a POSIX key does, but only once: what destructors allocate after that
 * stays with the thread that is gone. */
static _Atomic(uintptr_t) index_word;

/* Release in prepare, acquire at the end of a thread. */
static void (*_Atomic thread_ended)(void);

/* Runs in the thread that ends; in a process that ends, in whichever thread ends it. */
static VOID WINAPI at_thread_end(PVOID value)
{
    if (value)
        atomic_load_explicit(&thread_ended, memory_order_acquire)();
}

int dal_os_thread_end_prepare_(void (*ended)(void))
{
    uintptr_t none = 0;
    DWORD index;

    if (atomic_load_explicit(&index_word, memory_order_acquire))
        return 0;
    atomic_store_explicit(&thread_ended, ended, memory_order_release);
    index = FlsAlloc(at_thread_end);
    if (index == FLS_OUT_OF_INDEXES)
        return -1;
    if (!atomic_compare_exchange_strong_explicit(&index_word, &none, (uintptr_t)index + 1,
                                                 memory_order_acq_rel, memory_order_acquire))
        (void)FlsFree(index);
    return 0;
}

void dal_os_thread_end_announce_(void)
{
    DWORD saved_error = GetLastError();
    uintptr_t word = atomic_load_explicit(&index_word, memory_order_acquire);

    (void)FlsSetValue((DWORD)(word - 1), (void *)&index_word);
    SetLastError(saved_error);
}

/* ---- A clock, and chance --------------------------------------------------------------------- */

uint64_t dal_os_clock_(void)
{
    LARGE_INTEGER ticks, ticks_per_second;
    uint64_t seconds, rest;

    (void)QueryPerformanceFrequency(&ticks_per_second);
    (void)QueryPerformanceCounter(&ticks);
    seconds = (uint64_t)(ticks.QuadPart / ticks_per_second.QuadPart);
    rest = (uint64_t)(ticks.QuadPart % ticks_per_second.QuadPart);
    return seconds * UINT64_C(1000000000) +
           rest * UINT64_C(1000000000) / (uint64_t)ticks_per_second.QuadPart;
}

/* There is nothing like AT_SECURE: no program runs with more rights than its caller's because
 * of who owns its file. */
int dal_os_is_secure_(void)
{
    return 0;
}

/* The run-time's copy of the environment, made before any code of the program runs: what
 * GetEnvironmentVariable() gives would need memory that lives for ever. */
const char *dal_os_getenv_(const char *name)
{
    return getenv(name);
}

char *const *dal_os_environment_(void)
{
    return _environ;
}

void dal_os_write_(const char *text, size_t bytes)
{
    DWORD saved_error = GetLastError();
    HANDLE output = GetStdHandle(STD_ERROR_HANDLE);

    while (bytes > 0 && output != NULL && output != INVALID_HANDLE_VALUE) {
        DWORD most = bytes < 0x10000 ? (DWORD)bytes : 0x10000, written = 0;

        if (!WriteFile(output, text, most, &written, NULL) || written == 0)
            break;
        text += written;
        bytes -= written;
    }
    SetLastError(saved_error);
}

void dal_os_note_constructor_(void)
{
}

int dal_os_is_loaded_here_(void)
{
    return 1;
}

uint64_t dal_os_process_(void)
{
    return GetCurrentProcessId();
}

void dal_os_yield_(void)
{
    (void)SwitchToThread();
}

/* There is no such thing. */
int dal_os_hold_cancellation_(void)
{
    return 0;
}

void dal_os_release_cancellation_(int held)
{
    (void)held;
}

int dal_os_atfork_(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    (void)prepare;
    (void)parent;
    (void)child;
    return 0;
}

void dal_os_locate_(const void *address, char *text, size_t bytes)
{
    DWORD saved_error = GetLastError();
    HMODULE module = NULL;
    char file[MAX_PATH];
    DWORD length = 0;

    if (GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                               GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                           (LPCSTR)address, &module))
        length = GetModuleFileNameA(module, file, sizeof file);
    /* A name that does not fit is cut and fills the array. */
    if (length > 0 && length < sizeof file)
        (void)snprintf(text, bytes, "%s+0x%" PRIxPTR, file, (uintptr_t)address - (uintptr_t)module);
    else
        (void)snprintf(text, bytes, "0x%" PRIxPTR, (uintptr_t)address);
    SetLastError(saved_error);
}

size_t dal_os_process_name_(char *text, size_t bytes)
{
    return (size_t)snprintf(text, bytes, "%lu", (unsigned long)GetCurrentProcessId());
}

/* ---- Files to be read from outside -------------------------------------------------------------
 */

/* What another process has mapped cannot be replaced here. */
static void *map_file(HANDLE file, size_t bytes)
{
    struct dal_file_origin_ origin = {.maker = {.number = (long)GetCurrentProcessId()}};
    HANDLE mapping = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, (DWORD)bytes, NULL);
    struct dal_file_head_ *head = NULL;

    if (mapping) {
        head = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, bytes);
        (void)CloseHandle(mapping);
    }
    if (head)
        (void)dal_file_head_write_(head->text, sizeof head->text, &origin);
    return head;
}

void *dal_os_file_map_(const char *path, size_t bytes, const char **reason)
{
    DWORD saved_error = GetLastError();
    char expanded[DAL_FILE_PATH_MAX + 24];
    HANDLE file = INVALID_HANDLE_VALUE;
    void *mapped = NULL;

    *reason = "the system refuses it";
    if (path &&
        dal_file_path_expand_(path, (long)GetCurrentProcessId(), expanded, sizeof expanded) >= 0)
        file =
            CreateFileA(expanded, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE,
                        NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    else
        *reason = path ? "the path is too long" : "a directory has to be given";
    if (file != INVALID_HANDLE_VALUE) {
        mapped = map_file(file, bytes);
        (void)CloseHandle(file);
    }
    SetLastError(saved_error);
    return mapped;
}

size_t dal_os_file_path_(const char *path, char *text, size_t bytes)
{
    char expanded[DAL_FILE_PATH_MAX];
    int length =
        path ? dal_file_path_expand_(path, (long)GetCurrentProcessId(), expanded, sizeof expanded)
             : 0;

    return length > 0 ? (size_t)snprintf(text, bytes, "%s", expanded) : 0;
}

int dal_os_file_lines_(const char *path, int (*line)(const char *text, void *data), void *data,
                       const char **reason)
{
    (void)path;
    (void)line;
    (void)data;
    *reason = "files are not read on this system";
    return DAL_ERR_UNSUPPORTED;
}

/* Nothing moves here: who wants it keeps what was there. */
int dal_os_move_(void *from, void *to, size_t bytes)
{
    (void)from;
    (void)to;
    (void)bytes;
    return DAL_ERR_SYSTEM;
}

void dal_os_file_unmap_(void *pages, size_t bytes)
{
    (void)bytes;
    if (pages) {
        dal_file_head_close_(pages);
        (void)UnmapViewOfFile(pages);
    }
}

void dal_os_note_stderr_(void)
{
}
