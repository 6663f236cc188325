/* SPDX-License-Identifier: MIT */
/*
 * Files that are mapped to be read by others while this process stores into them, on POSIX systems.
 * All that the system is asked for is asked for when the file is made: filters, changed users,
 * other roots and closed descriptors find it done, and a process that is killed leaves it readable.
 */
#include <config.h>

#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dispatchalloc/service.h>

#include "os/trust.h"
#include "shared/file_head.h"

/* Ours, with room for "." and two numbers behind what a user gives. */
#define PATH_BYTES (DAL_FILE_PATH_MAX + 64)

/* strerror(3) may allocate. */
static const char *reason_of(int error)
{
    static const struct {
        int error;
        const char *reason;
    } reasons[] = {
        {ENAMETOOLONG, "the path is too long"},
        {ENOENT, "no such file or directory"},
        {ENOTDIR, "not a directory"},
        {EISDIR, "is a directory"},
        {EACCES, "permission denied"},
        {EPERM, "not permitted"},
        {EROFS, "read-only file system"},
        {ENOSPC, "no space left"},
        {EDQUOT, "quota exceeded"},
        {EFBIG, "it would be larger than the process may make files (ulimit -f)"},
        {EMFILE, "too many open files"},
        {ENFILE, "too many open files"},
        {ENOMEM, "no memory to map it"},
        {ELOOP, "is a symbolic link"},
        {EEXIST, "other processes keep making files of this name"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].error == error)
            return reasons[i].reason;
    }
    return "the system refuses it";
}

/* ---- Who has made a file -----------------------------------------------------------------------
 */

size_t dal_os_process_name_(char *text, size_t bytes)
{
    const char *name = "";
    int length;

#if HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME
    name = program_invocation_short_name ? program_invocation_short_name : "";
#endif
    length = snprintf(text, bytes, *name ? "%ld (%.64s)" : "%ld", (long)getpid(), name);
    return length > 0 ? (size_t)length : 0;
}

/* What a file of the system holds, or nothing: one line, its parts separated by blanks. */
static void add_file(char *text, size_t bytes, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, text, bytes - 1);

    if (file >= 0)
        (void)close(file);
    for (ssize_t i = 0; i < length; i++) {
        if (text[i] == '\0' || text[i] == '\n')
            text[i] = ' ';
    }
    text[length > 0 ? length : 0] = '\0';
}

/* Written at once, before the file grows: who finds it knows whose it is. */
static int write_head(int file)
{
    struct dal_file_head_ head = {.text = ""};
    char program[512], command[1024];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);

    program[length > 0 ? length : 0] = '\0';
    add_file(command, sizeof command, "/proc/self/cmdline");
    (void)snprintf(head.text, sizeof head.text,
                   DAL_FILE_TITLE DAL_FILE_OPEN " process %ld, %016" PRIx64
                                                "\nprogram: %s\ncommand: %s\n",
                   (long)getpid(), dal_os_chance_(), program, command);
    head.text[sizeof head.text - 1] = '\n'; /* what follows begins a line */
    return write(file, &head, sizeof head) == (ssize_t)sizeof head ? 0 : errno;
}

/* Whether a file that is there is being written by a living process. One of our own number that
 * another program has made is of the program that we were before exec(2). */
static int is_in_use(const char *path)
{
    char text[sizeof(struct dal_file_head_) + 1];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
    uint64_t chance;
    long process;

    if (file >= 0)
        (void)close(file);
    text[length > 0 ? length : 0] = '\0';
    if (!dal_file_head_parse_(text, &process, &chance))
        return 0;
    if (process == (long)getpid())
        return chance == dal_os_chance_();
    return kill((pid_t)process, 0) == 0 || errno == EPERM;
}

/* ---- Making a new one --------------------------------------------------------------------------
 */

/* What is in the way, if it may not be taken away; NULL if it may, or is gone. */
static const char *why_not_replaced(const char *path)
{
    struct stat status;

    if (lstat(path, &status) != 0)
        return NULL;
    if (S_ISLNK(status.st_mode))
        return "is a symbolic link";
    if (!S_ISREG(status.st_mode))
        return "is no regular file";
    return status.st_uid == geteuid() ? NULL : "another user's file is there";
}

/* A file that did not exist, open to be written; or -1. No link is followed, and who has the old
 * file open or mapped keeps it. */
static int open_new(const char *path, const char **reason)
{
    for (int attempt = 0; attempt < 10; attempt++) {
        int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);

        if (file >= 0)
            return file;
        if (errno != EEXIST)
            break;
        *reason = why_not_replaced(path);
        if (*reason || (unlink(path) != 0 && errno != ENOENT))
            break;
        errno = EEXIST;
    }
    if (!*reason)
        *reason = reason_of(errno);
    return -1;
}

/* The directory that a path ends in may be ours to make, and has to be ours alone. */
static const char *why_not_directory(const char *path, size_t length)
{
    char directory[PATH_BYTES];
    struct stat status;

    memcpy(directory, path, length);
    directory[length] = '\0';
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return reason_of(errno);
    if (stat(directory, &status) != 0)
        return reason_of(errno);
    if (!S_ISDIR(status.st_mode))
        return "not a directory";
    if (status.st_uid != geteuid())
        return "the directory is another user's";
    return dal_os_why_others_write_(directory, &status);
}

/* Put the path for this process together: "%p" is its number, "%%" is '%', and any other '%' is
 * itself; in a directory the file is named by the number. Returns NULL, or what is wrong. */
static const char *expand(const char *path, char *expanded)
{
    size_t length = 0;
    const char *problem = NULL;

    if (!path) {
        const char *runtime = dal_os_getenv_("XDG_RUNTIME_DIR");

        if (!runtime || runtime[0] != '/')
            return "XDG_RUNTIME_DIR is not set; a directory can be given";
        length = (size_t)snprintf(expanded, DAL_FILE_PATH_MAX, "%s/dispatchalloc/", runtime);
        path = "";
    }
    for (; *path && length < DAL_FILE_PATH_MAX; path++) {
        if (path[0] == '%' && path[1] == 'p') {
            length += (size_t)snprintf(expanded + length, 24, "%ld", (long)getpid());
            path++;
        } else {
            path += path[0] == '%' && path[1] == '%';
            expanded[length++] = *path;
        }
    }
    if (length >= DAL_FILE_PATH_MAX)
        return reason_of(ENAMETOOLONG);
    expanded[length] = '\0';
    if (expanded[length - 1] == '/') {
        problem = why_not_directory(expanded, length);
        (void)snprintf(expanded + length, 24, "%ld", (long)getpid());
    }
    return problem;
}

/* Of the path that was asked for, while a living process has it: with the number of this one behind
 * it, and of further files that it makes. */
static int open_free(char *path, const char **reason)
{
    size_t length = strlen(path);

    for (unsigned number = 1; number < 1000 && is_in_use(path); number++)
        (void)snprintf(path + length, PATH_BYTES - length, number > 1 ? ".%ld.%u" : ".%ld",
                       (long)getpid(), number);
    return open_new(path, reason);
}

/* Blocks are reserved, so that no store finds the file system full. */
static void *map(int file, size_t bytes, void *pages, const char **reason)
{
    struct rlimit limit;
    void *mapped;
    int error = 0;

    /* Beyond the limit there would be a signal. */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur < bytes)
        error = EFBIG;
    if (!error)
        error = write_head(file);
    if (!error)
        error = posix_fallocate(file, 0, (off_t)bytes);
    if (error) {
        *reason = reason_of(error);
        return NULL;
    }
    mapped =
        mmap(pages, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | (pages ? MAP_FIXED : 0), file, 0);
    if (mapped != MAP_FAILED)
        return mapped;
    *reason = reason_of(errno);
    return NULL;
}

static void *make(const char *path, size_t bytes, void *pages, const char **reason)
{
    char expanded[PATH_BYTES];
    void *mapped;
    int file;

    *reason = expand(path, expanded);
    if (*reason)
        return NULL;
    file = open_free(expanded, reason);
    if (file < 0)
        return NULL;
    mapped = map(file, bytes, pages, reason);
    (void)close(file);
    if (!mapped)
        (void)unlink(expanded);
    return mapped;
}

void *dal_os_file_map_(const char *path, size_t bytes, void *pages, const char **reason)
{
    int saved_errno = errno;
    void *mapped;
    int state;

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    mapped = make(path, bytes, pages, reason);
    /* What was mapped there is another process's. */
    if (!mapped && pages)
        (void)mmap(pages, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                   -1, 0);
    (void)pthread_setcancelstate(state, NULL);
    errno = saved_errno;
    return mapped;
}

void dal_os_file_unmap_(void *pages, size_t bytes)
{
    int saved_errno = errno;

    if (pages) {
        dal_file_head_close_(pages);
        (void)munmap(pages, bytes);
    }
    errno = saved_errno;
}
