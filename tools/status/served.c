/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc status: who serves a running process, by its own word. The library keeps a line
 * behind a mark in its writable data (lib/shared/status.h); it is searched for in the process's
 * memory, which takes the right to trace it, and nothing in the process takes notice.
 */
#define _GNU_SOURCE /* memmem */
#include "tools/status/status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "lib/shared/status.h"

/* Data of the library is some KB; what is larger is not searched to its end. */
enum { SEARCH_BYTES = 4 << 20 };

struct search {
    int memory;
    int count;
    status_served_visitor visit;
    void *data;
};

/* The status in one mapping, if it is there. */
static void search(struct search *searched, uint64_t start, uint64_t end, const char *file)
{
    size_t bytes = end - start < SEARCH_BYTES ? (size_t)(end - start) : SEARCH_BYTES;
    static const char start_of_mark[] = DAL_STATUS_MARK_START, end_of_mark[] = DAL_STATUS_MARK_END;
    char mark[sizeof((struct dal_status_ *)0)->mark + 1];
    char *block = malloc(bytes + 1);
    ssize_t got = block ? pread(searched->memory, block, bytes, (off_t)start) : -1;
    struct dal_status_ *found;

    snprintf(mark, sizeof mark, "%s%s", start_of_mark, end_of_mark);
    found = got > 0 ? memmem(block, (size_t)got, mark, sizeof mark - 1) : NULL;
    if (found && (size_t)(block + got - found->mark) >= sizeof *found) {
        found->text[sizeof found->text - 1] = '\0';
        searched->count++;
        searched->visit(file, found->text, searched->data);
    }
    free(block);
}

/* A line of /proc/PID/maps; only writable mappings of files are of interest. */
static void look_at(struct search *searched, const char *line)
{
    uint64_t start, end;
    char access[8];
    char file[PATH_MAX];

    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %4095[^\n]", &start, &end, access,
               file) == 4 &&
        access[0] == 'r' && access[1] == 'w' && file[0] == '/')
        search(searched, start, end, file);
}

FILE *status_proc(long process, const char *name)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/%s", process, name);
    file = fopen(path, "re");
    if (!file)
        status_check_descriptors();
    return file;
}

int status_visit_served(long process, status_served_visitor visit, void *data)
{
    struct search found = {.visit = visit, .data = data};
    char line[PATH_MAX + 128];
    FILE *maps = status_proc(process, "maps");
    FILE *memory = maps ? status_proc(process, "mem") : NULL;
    int count = -1;

    if (memory) {
        found.memory = fileno(memory);
        while (fgets(line, sizeof line, maps))
            look_at(&found, line);
        count = found.count;
        fclose(memory);
    }
    if (maps) {
        int saved_errno = errno;

        fclose(maps);
        errno = saved_errno;
    }
    return count;
}
