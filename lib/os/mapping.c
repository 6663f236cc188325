/* SPDX-License-Identifier: MIT */
/* What the process has at an address, from /proc. See mapping.h. */
#include <config.h>

#include "os/mapping.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "os/lines.h"

/* A line is "start-end rights offset device inode   name". */
static int parse(const char *line, struct dal_os_mapping_ *mapping)
{
    int name_at = 0;

    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNxPTR " %*s %*s %n", &mapping->start,
               &mapping->end, mapping->rights, &mapping->offset, &name_at) < 4 ||
        name_at == 0)
        return 0;
    (void)snprintf(mapping->name, sizeof mapping->name, "%s", line + name_at);
    return 1;
}

int dal_os_mapping_(const void *address, struct dal_os_mapping_ *mapping,
                    struct dal_os_mapping_ *before)
{
    const uintptr_t wanted = (uintptr_t)address;
    struct dal_os_mapping_ current = {.end = 0};
    struct dal_os_lines_ lines;
    char line[512];
    int saved_errno = errno;
    int found = 0;

    if (before)
        before->end = 0;
    if (!dal_os_lines_open_(&lines, "/proc/self/maps")) {
        errno = saved_errno;
        return -1;
    }
    while (!found && dal_os_lines_next_(&lines, line, sizeof line)) {
        if (before && current.end)
            *before = current;
        found = parse(line, &current) && wanted >= current.start && wanted < current.end;
    }
    dal_os_lines_close_(&lines);
    if (found)
        *mapping = current;
    if (before && (!found || before->end != mapping->start))
        before->end = 0;
    errno = saved_errno;
    return found;
}
