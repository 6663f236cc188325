/* SPDX-License-Identifier: MIT */
/* Who may write to a file or directory, on POSIX systems. See trust.h. */
#include <config.h>

#include "os/trust.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#if HAVE_SYS_XATTR_H
# include <sys/xattr.h>
#endif

#include "os/lines.h"

/* ---- The user's own group ----------------------------------------------------------------- */

/* Whether a line "name:password:NUMBER:rest" has that number; its name and rest are cut out. */
static int is_of(char *line, long number, char **rest)
{
    long found;
    char *at = strchr(line, ':');

    if (!at)
        return 0;
    *at++ = '\0';
    at = strchr(at, ':');
    if (!at || sscanf(at + 1, "%ld", &found) != 1 || found != number)
        return 0;
    at = strchr(at + 1, ':');
    *rest = at ? at + 1 : line + strlen(line);
    return 1;
}

/* The line of a number in a file of groups: 1 if there is one, its name and members cut out. */
static int find_group(long group, char *line, size_t bytes, char **members)
{
    struct dal_os_lines_ lines;
    int found = 0;

    if (!dal_os_lines_open_(&lines, "/etc/group"))
        return 0;
    while (!found && dal_os_lines_next_(&lines, line, bytes))
        found = is_of(line, group, members);
    dal_os_lines_close_(&lines);
    return found;
}

/* Whether the user of a number, who has that name, and nobody else has a group for the primary one.
 */
static int is_only_primary(long group, const char *name)
{
    struct dal_os_lines_ lines;
    char line[256], *rest;
    int is_own = 0, is_others = 0;

    if (!dal_os_lines_open_(&lines, "/etc/passwd"))
        return 0;
    while (dal_os_lines_next_(&lines, line, sizeof line)) {
        char *number = strchr(line, ':');
        long primary, user;

        number = number ? strchr(number + 1, ':') : NULL;
        if (!number || sscanf(number, ":%ld:%ld", &user, &primary) != 2 || primary != group)
            continue;
        if (user == (long)geteuid() && is_of(line, user, &rest) && strcmp(line, name) == 0)
            is_own = 1;
        else
            is_others = 1;
    }
    dal_os_lines_close_(&lines);
    return is_own && !is_others;
}

/* A group is the user's own if it is the primary one, has the same name, and nobody else is in it.
 * By the files: asking the name service would load libraries. */
static int is_private_group(long group)
{
    char name[256];
    char *members;

    return find_group(group, name, sizeof name, &members) &&
           (*members == '\0' || strcmp(members, name) == 0) && is_only_primary(group, name);
}

/* ---- Access control lists ----------------------------------------------------------------- */

#if HAVE_SYS_XATTR_H
/* As Linux has them in an extended attribute: a version, then entries, little-endian. */
enum { ENTRY_BYTES = 8, HEAD_BYTES = 4, USER = 0x02, GROUP = 0x08, MASK = 0x10, MAY_WRITE = 2 };

static unsigned word(const unsigned char *at)
{
    return at[0] | (unsigned)at[1] << 8;
}

/* Whether an entry for a named user or group gives write access that the mask leaves. */
static int list_lets_others_write(const char *path, int file)
{
    unsigned char list[HEAD_BYTES + 128 * ENTRY_BYTES];
    static const char name[] = "system.posix_acl_access";
    ssize_t length = file < 0 ? lgetxattr(path, name, list, sizeof list)
                              : fgetxattr(file, name, list, sizeof list);
    unsigned named = 0, mask = MAY_WRITE;

    if (length < 0)
        return errno == ERANGE;
    for (const unsigned char *entry = list + HEAD_BYTES; entry + ENTRY_BYTES <= list + length;
         entry += ENTRY_BYTES) {
        uint32_t id = word(entry + 4) | (uint32_t)word(entry + 6) << 16;

        if (word(entry) == GROUP || (word(entry) == USER && id != 0 && id != (uint32_t)geteuid()))
            named |= word(entry + 2);
        if (word(entry) == MASK)
            mask = word(entry + 2);
    }
    return (named & mask & MAY_WRITE) != 0;
}
#else
static int list_lets_others_write(const char *path, int file)
{
    (void)path;
    (void)file;
    return 0;
}
#endif

const char *dal_os_why_others_write_(const char *path, int file, const struct stat *status)
{
    if (status->st_mode & S_IWOTH)
        return "everybody may write it";
    /* Where there is a list, the mode shows its mask here: without this bit it gives nothing. */
    if (!(status->st_mode & S_IWGRP))
        return NULL;
    if (list_lets_others_write(path, file))
        return "its access control list lets others write it";
    return is_private_group((long)status->st_gid)
               ? NULL
               : "a group may write it that is not the user's own";
}
