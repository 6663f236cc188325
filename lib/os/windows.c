/* SPDX-License-Identifier: MIT */
/* The platform seam on Windows. See compat.h for the preconditions. What stands there of
 * errno is kept for GetLastError() too. */
#include <config.h>

#include "os/os.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

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
    (void)VirtualFree(pages, 0, MEM_RELEASE);
    SetLastError(saved_error);
}

void dal_os_protect_(void *pages, size_t bytes)
{
    DWORD saved_error = GetLastError();
    DWORD before;

    (void)VirtualProtect(pages, bytes, PAGE_READONLY, &before);
    SetLastError(saved_error);
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

uint64_t dal_os_process_(void)
{
    return GetCurrentProcessId();
}

void dal_os_yield_(void)
{
    (void)SwitchToThread();
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
