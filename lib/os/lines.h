/* SPDX-License-Identifier: MIT */
/* Reading a file of the system by lines, without memory of its own. No cancellation point: while it
 * is open the thread cannot be cancelled. POSIX systems only. */
#ifndef DAL_OS_LINES_H
#define DAL_OS_LINES_H

#include <stddef.h>

struct dal_os_lines_ {
    int file, cancel_state, error; /* 0, or why what came was not all */
    size_t at, length;
    char block[512]; /* who reads may have little stack */
};

/* 1 if the file is open, else 0 with errno. */
int dal_os_lines_open_(struct dal_os_lines_ *lines, const char *path);

/* The same of what the process has mapped. */
int dal_os_lines_open_maps_(struct dal_os_lines_ *lines);

/* The next line, without its end; of a longer one the rest is left out. 0 at the end. */
int dal_os_lines_next_(struct dal_os_lines_ *lines, char *line, size_t bytes);

void dal_os_lines_close_(struct dal_os_lines_ *lines);

#endif /* DAL_OS_LINES_H */
