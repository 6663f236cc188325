/* SPDX-License-Identifier: MIT */
/* What the layer `stats` needs from Windows, which has no signals to print on. See stats.h
 * for the preconditions. */
#include <windows.h>

#include "stats.h"

uint64_t dal_stats_process_(void)
{
    return GetCurrentProcessId();
}

/* ---- Writing ------------------------------------------------------------------------------ */

int dal_stats_write_(const char *path, int append, const char *text, size_t bytes)
{
    DWORD saved_error = GetLastError();
    HANDLE file =
        path ? CreateFileA(path, append ? FILE_APPEND_DATA : GENERIC_WRITE,
                           FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                           append ? OPEN_ALWAYS : CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL)
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
    case 0: return "the path is too long";
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND: return "no such file or directory";
    case ERROR_ACCESS_DENIED: return "permission denied";
    case ERROR_DISK_FULL: return "no space left";
    default: return NULL;
    }
}

/* ---- Signals -------------------------------------------------------------------------------- */

int dal_stats_signal_(uint64_t index)
{
    (void)index;
    return 1;
}

const char *dal_stats_signal_on_(int signal)
{
    (void)signal;
    return "this system has none";
}

void dal_stats_signal_off_(int signal)
{
    (void)signal;
}
