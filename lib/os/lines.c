/* SPDX-License-Identifier: MIT */
/* Reading a file of the system by lines. See lines.h. */
#include <config.h>

#include "os/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dispatchalloc/error.h>

#include "os/os.h"

int dal_os_lines_open_(struct dal_os_lines_ *lines, const char *path)
{
    lines->at = lines->length = 0;
    lines->error = 0;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &lines->cancel_state);
    /* Nobody is waited for who might write to a FIFO. */
    lines->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (lines->file >= 0)
        return 1;
    (void)pthread_setcancelstate(lines->cancel_state, NULL);
    return 0;
}

static int fill(struct dal_os_lines_ *lines)
{
    ssize_t got;

    do
        got = read(lines->file, lines->block, sizeof lines->block);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        lines->error = errno;
    if (got <= 0)
        return 0;
    lines->length = (size_t)got;
    lines->at = 0;
    return 1;
}

/* A main thread that has ended before others, for which `self` stands, has nothing mapped;
 * emulators of other systems know that name alone. */
int dal_os_lines_open_maps_(struct dal_os_lines_ *lines)
{
    if (dal_os_lines_open_(lines, "/proc/self/maps")) {
        if (fill(lines))
            return 1;
        dal_os_lines_close_(lines);
    }
    return dal_os_lines_open_(lines, "/proc/thread-self/maps");
}

int dal_os_lines_next_(struct dal_os_lines_ *lines, char *line, size_t bytes)
{
    size_t length = 0;

    for (;;) {
        if (lines->at == lines->length && !fill(lines)) {
            if (length == 0)
                return 0;
            break; /* a last line without an end */
        }
        line[length] = lines->block[lines->at++];
        if (line[length] == '\n')
            break;
        if (length < bytes - 1)
            length++;
    }
    line[length] = '\0';
    return 1;
}

void dal_os_lines_close_(struct dal_os_lines_ *lines)
{
    (void)close(lines->file);
    (void)pthread_setcancelstate(lines->cancel_state, NULL);
}

/* ---- The service ----------------------------------------------------------------------------- */

static const char *reason_of(int error)
{
    switch (error) {
    case ENOENT: return "there is no such file";
    case EACCES: return "it may not be read";
    case EISDIR: return "it is a directory";
    case EINVAL: return "it is no regular file";
    case EIO: return "reading it failed";
    default: return "it cannot be opened";
    }
}

/* A pipe may have no end. */
static int why_not_read(int file)
{
    struct stat status;

    if (fstat(file, &status) != 0)
        return errno;
    if (S_ISDIR(status.st_mode))
        return EISDIR;
    return S_ISREG(status.st_mode) || S_ISCHR(status.st_mode) ? 0 : EINVAL;
}

int dal_os_file_lines_(const char *path, int (*line)(const char *text, void *data), void *data,
                       const char **reason)
{
    int saved_errno = errno, result = 0;
    struct dal_os_lines_ lines;
    char text[1024];

    if (!dal_os_lines_open_(&lines, path)) {
        *reason = reason_of(errno);
        errno = saved_errno;
        return DAL_ERR_SYSTEM;
    }
    lines.error = why_not_read(lines.file);
    while (!result && !lines.error && dal_os_lines_next_(&lines, text, sizeof text))
        result = line(text, data);
    if (!result && lines.error) {
        *reason = reason_of(lines.error);
        result = DAL_ERR_SYSTEM;
    }
    dal_os_lines_close_(&lines);
    errno = saved_errno;
    return result;
}
