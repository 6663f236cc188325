/* SPDX-License-Identifier: MIT */
/* What the process has at an address, from /proc. See mapping.h. */
#include <config.h>

#include "os/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* What is read of the file, a block at a time. */
struct reader {
    int file;
    size_t at, length;
    char block[1024];
};

/* The next line, without its end; of a longer one the rest is left out. 0 at the end. */
static int read_line(struct reader *reader, char *line, size_t bytes)
{
    size_t length = 0;

    for (;;) {
        if (reader->at == reader->length) {
            ssize_t got = read(reader->file, reader->block, sizeof reader->block);

            if (got <= 0)
                return 0;
            reader->length = (size_t)got;
            reader->at = 0;
        }
        line[length] = reader->block[reader->at++];
        if (line[length] == '\n')
            break;
        if (length < bytes - 1)
            length++;
    }
    line[length] = '\0';
    return 1;
}

int dal_os_mapping_(const void *address, struct dal_os_mapping_ *mapping,
                    struct dal_os_mapping_ *before)
{
    const uintptr_t wanted = (uintptr_t)address;
    struct dal_os_mapping_ current = {.end = 0};
    struct reader reader = {.at = 0};
    char line[512];
    int saved_errno = errno;
    int found = 0;

    if (before)
        before->end = 0;
    reader.file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (reader.file < 0) {
        errno = saved_errno;
        return -1;
    }
    while (!found && read_line(&reader, line, sizeof line)) {
        if (before && current.end)
            *before = current;
        found = parse(line, &current) && wanted >= current.start && wanted < current.end;
    }
    (void)close(reader.file);
    if (found)
        *mapping = current;
    if (before && (!found || before->end != mapping->start))
        before->end = 0;
    errno = saved_errno;
    return found;
}
