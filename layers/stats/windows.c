/* SPDX-License-Identifier: MIT */
/* What the layer `stats` needs from Windows, which has no signals to print on. See stats.h
 * for the preconditions. */
#include <windows.h>

#include "stats.h"

void *dal_stats_map_(size_t bytes)
{
    DWORD saved_error = GetLastError();
    void *pages = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

    SetLastError(saved_error);
    return pages;
}

uint64_t dal_stats_process_(void)
{
    return GetCurrentProcessId();
}

/* ---- The end of threads ----------------------------------------------------------------- */

/* The index plus 1; 0 before there is one. */
static _Atomic(uintptr_t) index_word;

/* Runs in the thread that ends; in a process that ends, in whichever thread ends it. */
static void WINAPI thread_ends(void *value)
{
    if (value)
        dal_stats_thread_ends_();
}

int dal_stats_watch_start_(void)
{
    uintptr_t none = 0;
    DWORD index;

    if (atomic_load_explicit(&index_word, memory_order_acquire))
        return 0;
    index = FlsAlloc(thread_ends);
    if (index == FLS_OUT_OF_INDEXES)
        return -1;
    if (!atomic_compare_exchange_strong_explicit(&index_word, &none, (uintptr_t)index + 1,
                                                 memory_order_release, memory_order_relaxed))
        (void)FlsFree(index);
    return 0;
}

void dal_stats_watch_thread_(void)
{
    DWORD saved_error = GetLastError();
    uintptr_t word = atomic_load_explicit(&index_word, memory_order_acquire);

    (void)FlsSetValue((DWORD)(word - 1), (void *)&index_word);
    SetLastError(saved_error);
}

/* ---- Writing ------------------------------------------------------------------------------ */

int dal_stats_write_(const char *path, int append, const char *text, size_t bytes)
{
    DWORD saved_error = GetLastError();
    HANDLE file = path ? CreateFileA(path, append ? FILE_APPEND_DATA : GENERIC_WRITE,
                                     FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                                     append ? OPEN_ALWAYS : CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL,
                                     NULL)
                       : GetStdHandle(STD_ERROR_HANDLE);
    DWORD error = 0;

    if (!file || file == INVALID_HANDLE_VALUE) {
        error = path ? GetLastError() : ERROR_INVALID_HANDLE;
    } else {
        while (bytes > 0 && !error) {
            DWORD written = 0;

            if (!WriteFile(file, text, (DWORD)bytes, &written, NULL) || written == 0)
                error = GetLastError() ? GetLastError() : ERROR_WRITE_FAULT;
            text += written;
            bytes -= written;
        }
        if (path)
            (void)CloseHandle(file);
    }
    SetLastError(saved_error);
    return (int)error;
}

const char *dal_stats_reason_(int error)
{
    switch (error) {
    case 0:                      return "the path is too long";
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:   return "no such file or directory";
    case ERROR_ACCESS_DENIED:    return "permission denied";
    case ERROR_DISK_FULL:        return "no space left";
    default:                     return NULL;
    }
}

/* ---- Signals -------------------------------------------------------------------------------- */

int dal_stats_signal_number_(const char *text)
{
    (void)text;
    return 0;
}

const char *dal_stats_signal_names_(void)
{
    return "the signals of this system: it has none to print on";
}

void dal_stats_signal_on_(int signal)
{
    (void)signal;
}

void dal_stats_signal_off_(int signal)
{
    (void)signal;
}
