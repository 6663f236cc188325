/* SPDX-License-Identifier: MIT */
/* What a program that the tool starts reads and writes. See child.h. */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "tools/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tool.h"

void child_keep_standard_files(void)
{
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++) {
        /* The lowest one that is closed is what open() takes. */
        if (fcntl(file, F_GETFD) < 0)
            (void)open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

int child_open_null(void)
{
    int file = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (file < 0)
        (void)tool_complain("/dev/null: %s", strerror(errno));
    return file;
}

static int is_null(const struct stat *input)
{
    struct stat null;

    return stat("/dev/null", &null) == 0 && S_ISCHR(input->st_mode) &&
           input->st_rdev == null.st_rdev;
}

int child_open_input(off_t *start)
{
    struct stat status;

    *start = -1;
    if (fstat(STDIN_FILENO, &status) == 0) {
        if (S_ISREG(status.st_mode)) {
            *start = lseek(STDIN_FILENO, 0, SEEK_CUR);
            return STDIN_FILENO;
        }
        if (!isatty(STDIN_FILENO) && !is_null(&status))
            (void)fputs(TOOL_NAME ": standard input is not a file that can be read more than "
                                  "once: the program gets /dev/null\n",
                        stderr);
    }
    return child_open_null();
}
