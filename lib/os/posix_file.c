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
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/service.h>

#include "os/lines.h"
#include "os/trust.h"
#include "shared/file_head.h"

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
        {EEXIST, "files that others have left are in the way"},
        {EPERM, "not permitted"},
        {EROFS, "read-only file system"},
        {ENOSPC, "no space left"},
        {EDQUOT, "quota exceeded"},
        {EFBIG, "it would be larger than the process may make files (ulimit -f)"},
        {EMFILE, "too many open files"},
        {ENFILE, "too many open files"},
        {ENOMEM, "no memory to map it"},
        {ELOOP, "a symbolic link leads to it"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].error == error)
            return reasons[i].reason;
    }
    return "the system refuses it";
}

/* ---- Who has made a file ----------------------------------------------------------------- */

/* As the C library has it, which is nothing before that has started. */
static const char *program_name(void)
{
#if HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME
    return program_invocation_short_name ? program_invocation_short_name : "";
#else
    return "";
#endif
}

size_t dal_os_process_name_(char *text, size_t bytes)
{
    char program[512];
    const char *name = program_name();
    int length;

    if (!*name && (length = (int)readlink("/proc/self/exe", program, sizeof program - 1)) > 0) {
        program[length] = '\0';
        name = strrchr(program, '/');
        name = name ? name + 1 : program;
    }
    length = snprintf(text, bytes, *name ? "%ld (%.64s)" : "%ld", (long)getpid(), name);
    return length > 0 ? (size_t)length : 0;
}

/* The beginning of a file of the system, terminated; "" if there is none. Returns its length. */
static size_t read_text(const char *path, char *text, size_t bytes)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, text, bytes - 1);

    if (file >= 0)
        (void)close(file);
    text[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

DAL_OWN_FRAME_ static struct dal_process_ this_process(void)
{
    struct stat name_space = {.st_ino = 0};
    char text[512];

    (void)stat("/proc/self/ns/pid", &name_space);
    (void)read_text("/proc/self/stat", text, sizeof text);
    return (struct dal_process_){(long)getpid(), dal_process_started_(text),
                                 (uint64_t)name_space.st_ino};
}

/* The number of the file in a line "start-end rights offset device number   name" of maps. */
static uint64_t file_number(const char *line)
{
    for (int word = 0; word < 4; word++) {
        line += strcspn(line, " ");
        line += strspn(line, " ");
    }
    return strtoull(line, NULL, 10);
}

/* By its number alone: maps of some file systems have another device, and a file that is taken for
 * this one costs no more than another name. */
static int is_in_maps(uint64_t number)
{
    struct dal_os_lines_ lines;
    char line[128];
    int found = 0;

    if (!dal_os_lines_open_maps_(&lines))
        return 1;
    while (!found && dal_os_lines_next_(&lines, line, sizeof line))
        found = file_number(line) == number;
    dal_os_lines_close_(&lines);
    return found;
}

/* Whether this process has a file mapped; 1 also if the system does not tell. Pages are moved once,
 * after the file has its name: who reads maps meanwhile may see them neither where they were nor
 * where they are, but the second time does. */
DAL_OWN_FRAME_ static int is_mapped_here(int file)
{
    struct stat status;

    return fstat(file, &status) != 0 || is_in_maps((uint64_t)status.st_ino) ||
           is_in_maps((uint64_t)status.st_ino);
}

/* Whether a process of this namespace is not there any more. One that is hidden (hidepid=2) has no
 * text to read, but can be found. */
static int has_ended(const struct dal_process_ *process)
{
    char text[512], path[64];

    (void)snprintf(path, sizeof path, "/proc/%ld/stat", process->number);
    if (process->started && read_text(path, text, sizeof text) > 0)
        return dal_process_started_(text) != process->started;
    return kill((pid_t)process->number, 0) != 0 && errno != EPERM;
}

/* Whether a file may still be written by who made it. One of our own number may be of another copy
 * of the library in this process, or of a program that it was before exec(2); of a process in
 * another namespace nobody knows. */
DAL_OWN_FRAME_ static int is_in_use(int file, const struct dal_process_ *here)
{
    struct dal_file_origin_ origin;
    const struct dal_process_ *maker = &origin.maker;
    char text[256];
    ssize_t length = pread(file, text, sizeof text - 1, 0);
    int is_open;

    text[length > 0 ? length : 0] = '\0';
    if (!dal_file_head_parse_(text, &origin, &is_open) || !is_open)
        return 0;
    if (maker->name_space != here->name_space)
        return 1;
    if (maker->number == here->number)
        return is_mapped_here(file);
    return !has_ended(maker);
}

/* What would begin another line, or end a text, is shown as something else. */
static char *end_line(char *at, size_t length, char separator)
{
    for (size_t i = 0; i < length; i++) {
        if (at[i] == '\n')
            at[i] = '?';
        else if (at[i] == '\0')
            at[i] = separator;
    }
    return at + length;
}

/* Its path, as much of the end as there is room for. */
static char *add_program(char *at, size_t room, size_t most)
{
    ssize_t length = readlink("/proc/self/exe", at, room);
    size_t bytes = length > 0 ? (size_t)length : strnlen(program_name(), most);

    if (length <= 0)
        memcpy(at, program_name(), bytes);
    if (bytes > most)
        memmove(at, at + bytes - most, most);
    return end_line(at, bytes < most ? bytes : most, '?');
}

/* As much of the beginning as there is room for. */
static char *add_arguments(char *at, size_t room)
{
    size_t length = read_text("/proc/self/cmdline", at, room);

    while (length > 0 && at[length - 1] == '\0')
        length--;
    return end_line(at, length, ' ');
}

/* What it says first, and behind that the program and its arguments. Titles and numbers are short.
 */
static void fill_head(struct dal_file_head_ *head, const struct dal_file_origin_ *origin)
{
    char *end = head->text + sizeof head->text - 1; /* what follows begins a line */
    char *at = head->text + dal_file_head_write_(head->text, sizeof head->text, origin);

    at = stpcpy(at, "program: ");
    at = add_program(at, (size_t)(end - at), (size_t)(end - at) / 2);
    at = stpcpy(at, "\ncommand: ");
    at = add_arguments(at, (size_t)(end - at));
    memset(at, '\0', (size_t)(end - at));
    *end = '\n';
}

/* ---- Its name ---------------------------------------------------------------------------- */

/* A directory, and what a file is to be called in it. */
struct place {
    int directory;
    char name[DAL_FILE_PATH_MAX];
    char made[64]; /* what it is called until it is whole; "": not any more */
};

enum outcome { TAKEN, IN_USE, AGAIN, REFUSED };

/* What has the name, if that may not give way. */
static const char *why_not_replaced(const struct stat *status)
{
    if (S_ISLNK(status->st_mode))
        return "is a symbolic link";
    if (!S_ISREG(status->st_mode))
        return "is no regular file";
    return status->st_uid == geteuid() ? NULL : "another user's file is there";
}

/* What another process may have done to a name since it was looked at, or what all files have. */
static int is_gone_or_short(int error)
{
    return error == ENOENT || error == ELOOP || error == EMFILE || error == ENFILE;
}

/* For writing, which NFS wants of a file that is locked; one that may only be read is replaced all
 * the same. Returns the descriptor, or -1 with errno. */
static int open_old(const struct place *place, const char *name)
{
    const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    int file = openat(place->directory, name, O_RDWR | flags);

    return file < 0 && !is_gone_or_short(errno) ? openat(place->directory, name, O_RDONLY | flags)
                                                : file;
}

/* 0 if another process has it locked. Where there are no locks it goes without: then of two that
 * replace a file in the same moment one may count in a file without a name, which is better than
 * that nobody ever can. */
static int lock(int file)
{
    return flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

/* Take the name from an open file, if nobody writes to that. Who else tries has to wait for the
 * lock, and finds then that the name leads to another file. */
static enum outcome replace_open(const struct place *place, const char *name, int file,
                                 const struct dal_process_ *here, const char **reason)
{
    struct stat status, named;

    if (fstat(file, &status) != 0 || why_not_replaced(&status))
        return AGAIN;
    if (is_in_use(file, here))
        return IN_USE;
    if (!lock(file) || fstatat(place->directory, name, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
        named.st_ino != status.st_ino || named.st_dev != status.st_dev)
        return AGAIN;
    if (renameat(place->directory, place->made, place->directory, name) == 0)
        return TAKEN;
    *reason = reason_of(errno);
    return REFUSED;
}

static enum outcome replace(const struct place *place, const char *name,
                            const struct dal_process_ *here, const char **reason)
{
    struct stat status;
    enum outcome outcome = AGAIN;
    int file;

    if (fstatat(place->directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return AGAIN;
    *reason = why_not_replaced(&status);
    if (*reason)
        return REFUSED;
    file = open_old(place, name);
    if (file < 0 && errno != ENOENT && errno != ELOOP) {
        *reason = reason_of(errno);
        return REFUSED;
    }
    if (file >= 0) {
        outcome = replace_open(place, name, file, here, reason);
        (void)close(file);
    }
    return outcome;
}

/* Rename if nothing has that name: 0, or -1 with errno. Not by link(2), after which maps of the
 * process show a file that is deleted; by number, since musl has had no function for it for long.
 */
static int rename_new(const struct place *place, const char *name)
{
    struct stat status;

#ifdef SYS_renameat2
    const unsigned no_replace = 1;

    if (syscall(SYS_renameat2, place->directory, place->made, place->directory, name, no_replace) ==
        0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != EPERM)
        return -1;
#endif
    if (fstatat(place->directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return renameat(place->directory, place->made, place->directory, name);
    errno = EEXIST;
    return -1;
}

/* Give the file a name. It is whole by then, so that who finds it knows whose it is; and what had
 * the name before has it until then. */
static enum outcome take_name(struct place *place, const char *name,
                              const struct dal_process_ *here, const char **reason)
{
    enum outcome outcome = AGAIN;

    for (int attempt = 0; outcome == AGAIN && attempt < 100; attempt++) {
        if (rename_new(place, name) == 0)
            return TAKEN;
        if (errno != EEXIST) {
            *reason = reason_of(errno);
            return REFUSED;
        }
        outcome = replace(place, name, here, reason);
        if (outcome == AGAIN)
            (void)sched_yield();
    }
    if (outcome == AGAIN)
        *reason = "other processes keep taking its name";
    return outcome;
}

/* The name that was asked for; while a living process has it, with the number of this one behind
 * it, and of further files that it makes. */
DAL_OWN_FRAME_ static int take_free_name(struct place *place, const struct dal_process_ *here,
                                         const char **reason)
{
    char name[sizeof place->name + 64];
    enum outcome outcome;
    unsigned number = 0;

    (void)strcpy(name, place->name);
    do {
        outcome = take_name(place, name, here, reason);
        number++;
        (void)snprintf(name, sizeof name, number > 1 ? "%s.%ld.%u" : "%s.%ld", place->name,
                       here->number, number);
    } while (outcome == IN_USE && number < 1000);
    if (outcome == IN_USE)
        *reason = "all its names are in use";
    if (outcome == TAKEN)
        place->made[0] = '\0';
    return outcome == TAKEN;
}

/* ---- Making it ---------------------------------------------------------------------------- */

/* The path for this process, by default of a directory that is ours to make. Returns NULL, or what
 * is wrong. */
static const char *expand(const char *path, char *expanded)
{
    int length;

    if (!path) {
        const char *runtime = dal_os_getenv_("XDG_RUNTIME_DIR");
        int wanted =
            snprintf(expanded, DAL_FILE_PATH_MAX, "%s/dispatchalloc/", runtime ? runtime : "");

        if (!runtime || !*runtime)
            return "XDG_RUNTIME_DIR is not set: give a directory";
        if (*runtime != '/')
            return "XDG_RUNTIME_DIR is no absolute path: give a directory";
        return wanted < DAL_FILE_PATH_MAX ? NULL : "XDG_RUNTIME_DIR is too long: give a directory";
    }
    length = dal_file_path_expand_(path, (long)getpid(), expanded, DAL_FILE_PATH_MAX);
    return length > 0 ? NULL : reason_of(length < 0 ? ENAMETOOLONG : ENOENT);
}

/* A directory of files that are named by number is ours to make, and has to be ours alone. */
static const char *open_own(char *path, struct place *place)
{
    struct stat status;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return reason_of(errno);
    /* Behind its '/' a link would be followed. */
    for (size_t length = strlen(path); length > 0 && path[length - 1] == '/'; length--)
        path[length - 1] = '\0';
    place->directory = open(*path ? path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (place->directory < 0 || fstat(place->directory, &status) != 0)
        return errno == ENOTDIR ? "is a symbolic link, or no directory" : reason_of(errno);
    if (status.st_uid != geteuid())
        return "the directory is another user's";
    (void)snprintf(place->name, sizeof place->name, "%ld", (long)getpid());
    return dal_os_why_others_write_(path, place->directory, &status);
}

DAL_OWN_FRAME_ static const char *open_place(char *path, struct place *place)
{
    char *name = strrchr(path, '/');

    if (name && name[1] == '\0')
        return open_own(path, place);
    (void)snprintf(place->name, sizeof place->name, "%s", name ? name + 1 : path);
    if (name)
        name[name == path] = '\0';
    place->directory = open(name ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return place->directory < 0 ? reason_of(errno) : NULL;
}

/* Blocks are reserved, so that no store finds the file system full. */
static void *map(int file, size_t bytes, const char **reason)
{
    struct rlimit limit;
    void *mapped;
    int error = 0;

    /* Beyond the limit there would be a signal. */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur < bytes)
        error = EFBIG;
    if (!error)
        error = posix_fallocate(file, 0, (off_t)bytes);
    if (error) {
        *reason = reason_of(error);
        return NULL;
    }
    mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
        return mapped;
    *reason = reason_of(errno);
    return NULL;
}

/* A file without a name of its own yet. What killed processes have left has such names too, and
 * processes of several namespaces may have one number: by when they were started they differ
 * mostly, and then by the count. Returns the descriptor, or -1 with errno. */
static int open_new(struct place *place, const struct dal_process_ *here)
{
    static _Atomic(unsigned) count;
    int file = -1;

    for (int attempt = 0; file < 0 && attempt < 100; attempt++) {
        (void)snprintf(place->made, sizeof place->made, ".dispatchalloc.%ld.%" PRIu64 ".%u",
                       here->number, here->started,
                       atomic_fetch_add_explicit(&count, 1, memory_order_relaxed));
        file = openat(place->directory, place->made,
                      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
        if (file < 0 && errno != EEXIST)
            break;
    }
    if (file < 0)
        place->made[0] = '\0';
    return file;
}

DAL_OWN_FRAME_ static void *map_new(struct place *place, const struct dal_process_ *here,
                                    size_t bytes, const char **reason)
{
    int file = open_new(place, here);
    void *mapped;

    if (file < 0) {
        *reason = reason_of(errno);
        return NULL;
    }
    mapped = map(file, bytes, reason);
    (void)close(file);
    return mapped;
}

/* Of a file that was made and has no name yet. */
DAL_OWN_FRAME_ static struct dal_file_origin_ origin_of(const struct place *place,
                                                        const struct dal_process_ *here)
{
    struct stat status = {.st_ino = 0};

    (void)fstatat(place->directory, place->made, &status, AT_SYMLINK_NOFOLLOW);
    return (struct dal_file_origin_){*here, (uint64_t)status.st_ino, (uint64_t)status.st_dev};
}

static void *make(const char *path, size_t bytes, const char **reason)
{
    char expanded[DAL_FILE_PATH_MAX];
    struct place place = {.directory = -1};
    struct dal_process_ here;
    struct dal_file_origin_ origin;
    void *mapped = NULL;

    *reason = expand(path, expanded);
    if (!*reason)
        *reason = open_place(expanded, &place);
    if (!*reason) {
        here = this_process();
        mapped = map_new(&place, &here, bytes, reason);
    }
    if (mapped) {
        origin = origin_of(&place, &here);
        fill_head(mapped, &origin);
        if (!take_free_name(&place, &here, reason)) {
            (void)munmap(mapped, bytes);
            mapped = NULL;
        }
    }
    /* Once it has its name another file may be called so. */
    if (place.made[0])
        (void)unlinkat(place.directory, place.made, 0);
    if (place.directory >= 0)
        (void)close(place.directory);
    return mapped;
}

void *dal_os_file_map_(const char *path, size_t bytes, const char **reason)
{
    int saved_errno = errno;
    void *mapped;
    int held = dal_os_hold_cancellation_();

    mapped = make(path, bytes, reason);
    dal_os_release_cancellation_(held);
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

DAL_OWN_FRAME_ size_t dal_os_file_path_(const char *path, char *text, size_t bytes)
{
    char expanded[DAL_FILE_PATH_MAX];
    int length = expand(path, expanded) ? 0 : snprintf(text, bytes, "%s", expanded);

    return length > 0 ? (size_t)length : 0;
}
