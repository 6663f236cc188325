/* SPDX-License-Identifier: MIT */
/*
 * Whether a file may be loaded as code: it, its directory and every ancestor must be out of
 * reach of other users, or one of them could put another file in its place. Where that holds
 * for the whole of a resolved path, what was looked at is also what is opened a moment later.
 */
#include <config.h>

#include "installed/loader_trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dispatchalloc/error.h>

#include "base/copies.h"
#include "os/os.h"
#include "os/trust.h"

/* What a path is to the module. Only a directory further up may be sticky: in it nobody can
 * replace another user's entry, but in the module's own one anybody can add files. */
enum role { THE_FILE, ITS_DIRECTORY, AN_ANCESTOR };

static const char *why_untrusted(const char *path, const struct stat *status, enum role role)
{
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return "another user owns it";
    if (role == AN_ANCESTOR && (status->st_mode & S_ISVTX))
        return NULL;
    return dal_os_why_others_write_(path, -1, status);
}

static int check(const char *path, enum role role, const char *module, struct dal_text_ *why)
{
    struct stat status;
    const char *problem;

    if (lstat(path, &status) != 0)
        return dal_fail_(why, DAL_ERR_MODULE, "module %s is refused: %s: %s", module, path,
                         strerror(errno));
    if (role == THE_FILE && !S_ISREG(status.st_mode))
        return dal_fail_(why, DAL_ERR_MODULE, "module %s is refused: it is not a regular file",
                         module);
    problem = why_untrusted(path, &status, role);
    if (!problem)
        return DAL_OK;
    return dal_fail_(why, DAL_ERR_MODULE,
                     "module %s is refused: %s (mode %04o, owner %ld, group %ld): %s", module, path,
                     (unsigned)(status.st_mode & 07777), (long)status.st_uid, (long)status.st_gid,
                     problem);
}

/* There is something at a path that cannot be resolved: it decides like a file that is. */
static int refuse_link(const char *path, struct dal_text_ *why)
{
    struct stat status;

    if (lstat(path, &status) != 0)
        return DAL_ERR_UNKNOWN;
    return dal_fail_(why, DAL_ERR_MODULE,
                     "module %s is refused: it is a symbolic link to what is not there", path);
}

/* Cut the last component off; "/" stays. Returns 0 when there was nothing left to cut. */
static int to_parent(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash || path[1] == '\0')
        return 0;
    slash[slash == path] = '\0';
    return 1;
}

/* Whether the dynamic loader would put something else in the place of a part of a path. */
static int is_expanded(const char *path)
{
    static const char *const names[] = {"ORIGIN", "LIB", "PLATFORM"};

    for (; (path = strchr(path, '$')) != NULL; path++) {
        const char *name = path + 1 + (path[1] == '{');

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            if (strncmp(name, names[i], strlen(names[i])) == 0)
                return 1;
        }
    }
    return 0;
}

int dal_loader_trust_(const char *path, char resolved[PATH_MAX], struct dal_text_ *why)
{
    char place[PATH_MAX];
    enum role role = THE_FILE;

    if (!realpath(path, resolved)) {
        if (errno == ENOENT || errno == ENOTDIR)
            return refuse_link(path, why);
        return dal_fail_(why, DAL_ERR_MODULE, "module %s: %s", path, strerror(errno));
    }
    if (is_expanded(resolved))
        return dal_fail_(why, DAL_ERR_MODULE,
                         "module %s is refused: the dynamic loader puts another path in the place "
                         "of $ORIGIN, $LIB and $PLATFORM",
                         resolved);
    memcpy(place, resolved, strlen(resolved) + 1);
    do {
        int error = check(place, role, resolved, why);

        if (error)
            return error;
        role = role == THE_FILE ? ITS_DIRECTORY : AN_ANCESTOR;
    } while (to_parent(place));
    return DAL_OK;
}

/* What lies at a path from our file's directory. A link to our file alone counts as the place that
 * it leads to. With raised privileges nothing does: nobody may say by a path to us what is used. */
static int find_beside(const char *relative, char found[PATH_MAX])
{
    static const char name[] = "/libdispatchalloc";
    const char *own = dal_os_is_secure_() ? NULL : dal_copies_own_file_();
    char file[PATH_MAX], place[PATH_MAX];
    const char *slash = own && own[0] == '/' && realpath(own, file) ? strrchr(file, '/') : NULL;
    int length;

    if (!slash || strncmp(slash, name, sizeof name - 1) != 0)
        return 0;
    length = snprintf(place, sizeof place, "%.*s/%s", (int)(slash - file), file, relative);
    return length > 0 && (size_t)length < sizeof place && realpath(place, found);
}

void dal_loader_installed_(char directory[PATH_MAX])
{
    int saved_errno = errno;

    if (!find_beside("dispatchalloc", directory))
        (void)snprintf(directory, PATH_MAX, "%s", DAL_BACKEND_DIRECTORY);
    errno = saved_errno;
}

int dal_loader_command_(char path[PATH_MAX])
{
    struct dal_text_ why = dal_text_over_(NULL, 0);
    char found[PATH_MAX];
    int saved_errno = errno, error;

    if (!find_beside(DAL_COMMAND_BESIDE, found))
        (void)snprintf(found, sizeof found, "%s", DAL_COMMAND);
    error = dal_loader_trust_(found, path, &why);
    errno = saved_errno;
    return error == DAL_OK;
}
