/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc status: who serves a running process. The library keeps a line behind a mark in
 * its writable data (lib/shared/status.h); it is searched for in the process's memory, which takes
 * the right to trace it, and nothing in the process takes notice.
 */
#define _GNU_SOURCE /* memmem */
#include "tools/tool.h"

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

struct process {
    const char *number;
    int memory;
    int found;
};

static void print_status(struct process *process, const char *file, const char *text)
{
    process->found++;
    printf("%s: %s: %s\n", process->number, file,
           *text ? text : "has not allocated yet, so nobody serves");
}

/* The status in one mapping, if it is there. */
static void search(struct process *process, uint64_t start, uint64_t end, const char *file)
{
    size_t bytes = end - start < SEARCH_BYTES ? (size_t)(end - start) : SEARCH_BYTES;
    static const char start_of_mark[] = DAL_STATUS_MARK_START, end_of_mark[] = DAL_STATUS_MARK_END;
    char mark[sizeof((struct dal_status_ *)0)->mark + 1];
    char *block = malloc(bytes + 1);
    ssize_t got = block ? pread(process->memory, block, bytes, (off_t)start) : -1;
    struct dal_status_ *found;

    snprintf(mark, sizeof mark, "%s%s", start_of_mark, end_of_mark);
    found = got > 0 ? memmem(block, (size_t)got, mark, sizeof mark - 1) : NULL;
    if (found && (size_t)(block + got - found->mark) >= sizeof *found) {
        found->text[sizeof found->text - 1] = '\0';
        print_status(process, file, found->text);
    }
    free(block);
}

/* A line of /proc/PID/maps; only writable mappings of files are of interest. */
static void look_at(struct process *process, const char *line)
{
    uint64_t start, end;
    char access[8];
    char file[PATH_MAX];

    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %4095[^\n]", &start, &end, access,
               file) == 4 &&
        access[0] == 'r' && access[1] == 'w' && file[0] == '/')
        search(process, start, end, file);
}

static FILE *open_of(const char *pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
    return fopen(path, "re");
}

static int show(const char *pid)
{
    struct process process = {pid, -1, 0};
    FILE *maps, *memory;
    char line[PATH_MAX + 128];

    if (!*pid || strspn(pid, "0123456789") != strlen(pid) || strlen(pid) > 10)
        return tool_misused(&tool_status_of, "invalid process number '%s'", pid);
    maps = open_of(pid, "maps");
    memory = maps ? open_of(pid, "mem") : NULL;
    if (!memory) {
        int status = tool_complain("process %s: %s", pid,
                                   errno == ENOENT ? "no such process" : strerror(errno));

        if (maps)
            fclose(maps);
        return status;
    }
    process.memory = fileno(memory);
    while (fgets(line, sizeof line, maps))
        look_at(&process, line);
    fclose(maps);
    fclose(memory);
    if (process.found)
        return TOOL_OK;
    printf("%s: libdispatchalloc is not in this process\n", pid);
    return TOOL_FAILED;
}

static int show_all(int operand_count, char **operands)
{
    int worst = TOOL_OK;

    for (int i = 0; i < operand_count; i++) {
        int status = show(operands[i]);

        if (status > worst)
            worst = status;
    }
    return worst;
}

const struct tool_command tool_status_of = {
    .name = "status",
    .synopsis = "PID...",
    .summary = "tell who serves a running process",
    .help = "\n"
            "Print for each copy of the library in the process PID, the interposer's included,\n"
            "which allocator serves and who chose it. It needs the right to trace the process\n"
            "and changes nothing in it.\n"
            "\n"
            "Exit status: 0; 1 if the library is not in the process; 2 for trouble.\n",
    .operand = "PID",
    .run = show_all,
};
