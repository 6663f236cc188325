/* SPDX-License-Identifier: MIT */
/* What the process has at an address, from /proc. See mapping.h. */
#include <config.h>

#include "os/mapping.h"

#include <errno.h>
#include <string.h>

#include "os/lines.h"

/* A number in hexadecimal, and what ends it. */
static const char *read_number(const char *at, uintptr_t *number)
{
    for (*number = 0;; at++) {
        unsigned digit = (unsigned)*at - '0';

        if (digit > 9)
            digit = (unsigned)*at - 'a' + 10;
        if (digit > 15 || (digit < 10 && *at > '9'))
            return at + (*at != '\0');
        *number = *number << 4 | digit;
    }
}

static const char *skip_word(const char *at)
{
    at += strcspn(at, " ");
    return at + strspn(at, " ");
}

/* A line is "start-end rights offset device inode   name". sscanf(3) would take 2 KiB of stack,
 * which a handler on a stack of its own may not have. */
static void parse(const char *line, struct dal_os_mapping_ *mapping)
{
    const char *at = read_number(read_number(line, &mapping->start), &mapping->end);

    memset(mapping->rights, 0, sizeof mapping->rights);
    memcpy(mapping->rights, at, strnlen(at, 4));
    (void)read_number(at = skip_word(at), &mapping->offset);
    at = skip_word(skip_word(skip_word(at)));
    memcpy(mapping->name, at, strlen(at) + 1);
}

int dal_os_mapping_(const void *address, struct dal_os_mapping_ *mapping,
                    struct dal_os_mapping_ *before)
{
    const uintptr_t wanted = (uintptr_t)address;
    struct dal_os_lines_ lines;
    char line[sizeof mapping->name];
    int saved_errno = errno;
    int found = 0;

    mapping->end = 0;
    if (before)
        before->end = 0;
    if (!dal_os_lines_open_maps_(&lines)) {
        errno = saved_errno;
        return -1;
    }
    while (!found && dal_os_lines_next_(&lines, line, sizeof line)) {
        if (before)
            *before = *mapping;
        parse(line, mapping);
        found = wanted >= mapping->start && wanted < mapping->end;
    }
    dal_os_lines_close_(&lines);
    if (before && (!found || before->end != mapping->start))
        before->end = 0;
    errno = saved_errno;
    return found;
}
