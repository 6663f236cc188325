/* SPDX-License-Identifier: MIT */
/*
 * Files that a process shares with who reads them, as layers make them: found by what the process
 * has mapped, wherever they are, and by their path. Whoever made one may have made anything.
 */
#define _GNU_SOURCE /* O_PATH */
#include "tools/status/status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/shared/file_head.h"

enum { ALIGNMENT = 64 };

int status_next_mapped(FILE *maps, struct status_mapped *mapped)
{
    char line[PATH_MAX + 128], access[8];

    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %" SCNu64 " %4095[^\n]",
                   &mapped->start, &mapped->end, access, &mapped->inode, mapped->path) == 5 &&
            strcmp(access, "rw-s") == 0 && mapped->path[0] == '/')
            return 1;
    }
    return 0;
}

int status_read(const struct status_bytes *bytes, uint64_t most, void **data)
{
    size_t count = (size_t)bytes->count;
    ssize_t got;

    if (bytes->count > most)
        return TOOL_FAILED;
    *data = aligned_alloc(ALIGNMENT, (count + ALIGNMENT) / ALIGNMENT * ALIGNMENT);
    if (!*data)
        return TOOL_TROUBLE;
    errno = 0;
    got = pread(bytes->file, *data, count, (off_t)bytes->start);
    if (got == (ssize_t)count)
        return TOOL_OK;
    return got < 0 ? TOOL_TROUBLE : TOOL_FAILED;
}

/* Whether a file of the library's begins there: any other one is not read, which may be long. */
static int begins_as_ours(int file, uint64_t start)
{
    static const char title[] = DAL_FILE_TITLE;
    char begins[sizeof title - 1];

    return pread(file, begins, sizeof begins, (off_t)start) == sizeof begins &&
           memcmp(begins, title, sizeof begins) == 0;
}

/* ---- By a path ---------------------------------------------------------------------------- */

/* A regular file alone is opened, since another may wait, or do something when it is: -1 with
 * errno, or with 0 there if it is none. */
static int open_regular(const char *path, int access, struct stat *status)
{
    char again[64];
    int place = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    int file = -1, error = errno;

    if (place < 0)
        return -1;
    snprintf(again, sizeof again, "/proc/self/fd/%d", place);
    if (fstat(place, status) != 0)
        error = errno;
    else if (!S_ISREG(status->st_mode))
        error = S_ISLNK(status->st_mode) ? ELOOP : 0;
    else if ((file = open(again, access | O_CLOEXEC)) < 0)
        error = errno;
    /* A root may have no /proc. What comes to the place meanwhile is not waited for. */
    if (file < 0 && error == ENOENT) {
        file = open(path, access | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        error = file < 0 ? errno : 0;
        if (file >= 0 && (fstat(file, status) != 0 || !S_ISREG(status->st_mode))) {
            close(file);
            file = -1;
        }
    }
    close(place);
    errno = error;
    return file;
}

/* wanted: which file it has to be, or NULL. */
static int take_file(const char *path, const struct status_mapped *wanted, int access,
                     status_taker take, void *data)
{
    struct status_bytes bytes = {.start = 0};
    int result;

    bytes.file = open_regular(path, access, &bytes.status);
    result = bytes.file < 0 && errno ? TOOL_TROUBLE : TOOL_FAILED;
    bytes.count = (uint64_t)bytes.status.st_size;
    if (bytes.file >= 0 && (!wanted || wanted->inode == (uint64_t)bytes.status.st_ino) &&
        begins_as_ours(bytes.file, 0))
        result = take(&bytes, data);
    if (bytes.file >= 0)
        close(bytes.file);
    return result;
}

int status_take_file(const char *path, int access, status_taker take, void *data)
{
    return take_file(path, NULL, access, take, data);
}

/* ---- By a process ------------------------------------------------------------------------- */

/* Of a file that was removed its process has the bytes. */
static int take_memory(long process, const struct status_mapped *mapped, status_taker take,
                       void *data)
{
    FILE *memory = status_proc(process, "mem");
    struct status_bytes bytes = {.start = mapped->start, .count = mapped->end - mapped->start};
    int result = TOOL_FAILED;

    if (!memory)
        return result;
    bytes.file = fileno(memory);
    if (begins_as_ours(bytes.file, mapped->start))
        result = take(&bytes, data);
    fclose(memory);
    return result;
}

/* By its path as we see it, or as the process does whose files may be others. */
int status_take_mapped(long process, const struct status_mapped *mapped, int access,
                       status_taker take, void *data)
{
    char path[PATH_MAX + 32];
    int result = take_file(mapped->path, mapped, access, take, data);

    if (result != TOOL_OK) {
        snprintf(path, sizeof path, "/proc/%ld/root%s", process, mapped->path);
        result = take_file(path, mapped, access, take, data);
    }
    return result == TOOL_OK ? result : take_memory(process, mapped, take, data);
}
