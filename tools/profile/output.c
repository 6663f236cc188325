/* SPDX-License-Identifier: MIT */
/* A profile as a file: its form, by its name. See output.h. */
#define _GNU_SOURCE /* fileno, fseeko, mkostemp */
#include "tools/profile/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a form may return besides. */
enum { FORM_FAILED = -2 };

struct form {
    const char *ending;
    int (*write)(const struct profile *profile, FILE *to);
    int needs_zlib;
    int is_private; /* as the layer's own file is */
};

/* As it is, but that pages of zeroes, which most are, take no room where that can be. */
static int write_raw(const struct profile *profile, FILE *to)
{
    static const char zeroes[4096];
    const char *bytes = profile->raw;
    struct stat status;
    int has_holes = fstat(fileno(to), &status) == 0 && S_ISREG(status.st_mode);
    size_t count;

    for (size_t i = 0; i < profile->raw_bytes; i += count) {
        size_t left = profile->raw_bytes - i;

        count = left < sizeof zeroes ? left : sizeof zeroes;
        if (!has_holes || memcmp(bytes + i, zeroes, count) != 0)
            (void)fwrite(bytes + i, 1, count, to);
        else
            (void)fseeko(to, (off_t)count, SEEK_CUR);
    }
    (void)fflush(to);
    return !has_holes || ferror(to) || ftruncate(fileno(to), (off_t)profile->raw_bytes) == 0
               ? 0
               : FORM_FAILED;
}

static const struct form forms[] = {
    {".pb.gz", profile_write_pprof_packed, .needs_zlib = 1},
    {".pb", profile_write_pprof, .needs_zlib = 0},
    {".folded", profile_write_folded, .needs_zlib = 0},
    {".json", profile_write_dhat, .needs_zlib = 0},
    {".svg", profile_write_svg, .needs_zlib = 0},
    {".html", profile_write_html, .needs_zlib = 0},
    {".raw", write_raw, .is_private = 1},
};

static int has_ending(const char *path, const char *ending)
{
    size_t length = strlen(path), wanted = strlen(ending);

    return length > wanted && strcmp(path + length - wanted, ending) == 0;
}

/* NULL after a message. */
static const struct form *find_form(const char *path)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (!has_ending(path, forms[i].ending))
            continue;
        if (!forms[i].needs_zlib || gzip_is_there())
            return &forms[i];
        (void)tool_complain("%s: there is no zlib to pack it with; .pb is the same unpacked", path);
        return NULL;
    }
    (void)tool_complain("%s: the end of its name says no form that is known: .pb.gz or .pb "
                        "(pprof), .folded, .json (DHAT), .svg, .html, or .raw, the layer's own",
                        path);
    return NULL;
}

/* Whether it is what something can be written to: a regular file, a pipe, a terminal; with errno.
 */
static int takes_bytes(const struct stat *status)
{
    errno = S_ISDIR(status->st_mode) ? EISDIR : EINVAL;
    return S_ISREG(status->st_mode) || S_ISFIFO(status->st_mode) || S_ISCHR(status->st_mode);
}

/* What it would be made in, or replaced by, may be written to; with errno. */
static int may_be_written(const char *path)
{
    const char *slash = strrchr(path, '/');
    char directory[PATH_MAX];
    struct stat status;

    if (stat(path, &status) == 0)
        return takes_bytes(&status) && access(path, W_OK) == 0;
    (void)snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) + 1 : 1,
                   slash ? path : ".");
    return access(directory, W_OK | X_OK) == 0;
}

int profile_check_name(const char *path)
{
    if (!find_form(path))
        return TOOL_TROUBLE;
    return may_be_written(path) ? TOOL_OK : tool_complain("%s: %s", path, strerror(errno));
}

/* ---- Writing one ------------------------------------------------------------------------------
 */

/* A file is written beside the one that it replaces, which stays if that fails. */
struct target {
    char path[PATH_MAX];        /* without symbolic links */
    char beside[PATH_MAX + 16]; /* "": it is written itself */
    FILE *to;
    sigset_t signals; /* those that were blocked before */
};

/* Whether it can be replaced: it is a file of our own, under one name, or there is none. */
static int is_replaceable(const char *path, mode_t *mode)
{
    struct stat status;

    if (lstat(path, &status) != 0)
        return errno == ENOENT;
    *mode = status.st_mode & 0777;
    return S_ISREG(status.st_mode) && status.st_uid == geteuid() && status.st_nlink == 1;
}

static mode_t mode_of(const struct form *form)
{
    mode_t mask = umask(0);

    (void)umask(mask);
    return form->is_private ? 0600 : 0666 & ~mask;
}

/* It is removed whatever comes: signals that would end us wait. */
static int open_beside(struct target *target, mode_t mode)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    sigset_t set;
    int file;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        (void)sigaddset(&set, ends[i]);
    (void)sigprocmask(SIG_BLOCK, &set, &target->signals);
    (void)snprintf(target->beside, sizeof target->beside, "%s.XXXXXX", target->path);
    file = mkostemp(target->beside, O_CLOEXEC);
    if (file >= 0 && fchmod(file, mode) == 0)
        return file;
    (void)sigprocmask(SIG_SETMASK, &target->signals, NULL);
    if (file >= 0) {
        (void)unlink(target->beside);
        (void)close(file);
    }
    target->beside[0] = '\0';
    return -1;
}

/* Returns 0 with errno. */
static int open_target(const char *path, const struct form *form, struct target *target)
{
    mode_t mode = mode_of(form);
    int file = -1;

    *target = (struct target){.to = NULL};
    if (!realpath(path, target->path))
        (void)snprintf(target->path, sizeof target->path, "%s", path);
    if (is_replaceable(target->path, &mode))
        file = open_beside(target, mode);
    if (file < 0)
        file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    target->to = file < 0 ? NULL : fdopen(file, "w");
    return target->to != NULL;
}

/* What could not be written may be found out by the last flush alone. Returns 0 with errno, which
 * is 0 where that does not say. */
static int close_target(struct target *target, int is_good)
{
    int has_failed = ferror(target->to), error;

    has_failed |= fclose(target->to) != 0;
    if (*target->beside && (has_failed || !is_good || rename(target->beside, target->path) != 0)) {
        has_failed = 1;
        error = errno;
        (void)unlink(target->beside);
        errno = error;
    }
    error = errno;
    if (*target->beside)
        (void)sigprocmask(SIG_SETMASK, &target->signals, NULL);
    errno = error;
    return !has_failed;
}

int profile_write(const struct profile *profile, const char *path)
{
    const struct form *form = find_form(path);
    struct target target;
    int written, is_closed;

    if (!form)
        return TOOL_TROUBLE;
    if (!open_target(path, form, &target))
        return tool_complain("%s: %s", path, strerror(errno));
    errno = 0;
    written = form->write(profile, target.to);
    is_closed = close_target(&target, written == 0);
    if (written == FORM_FAILED)
        return tool_complain("%s: it cannot be made as long", path);
    if (written != 0)
        return tool_complain("%s: not enough memory", path);
    return is_closed
               ? TOOL_OK
               : tool_complain("%s: %s", path, errno ? strerror(errno) : "it could not be written");
}
