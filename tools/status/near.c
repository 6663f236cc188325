/* SPDX-License-Identifier: MIT */
/* dispatchalloc status: the program that was meant by a name that none has. */
#include "tools/status/status.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void pass_over(const char *file, const char *text, void *unused)
{
    (void)file;
    (void)text;
    (void)unused;
}

/* As the kernel calls it, which a program may change: it counts if it can be asked for by that. */
static int name_process(long process, status_named is_named, char *name, size_t bytes)
{
    FILE *file = status_proc(process, "comm");
    int is_there = file && fgets(name, (int)bytes, file);

    if (file)
        fclose(file);
    if (is_there)
        name[strcspn(name, "\n")] = '\0';
    return is_there && is_named(process, name);
}

static void try_process(long process, status_named is_named, struct dal_nearest_ *nearest)
{
    struct dal_nearest_ before = *nearest;
    char name[64];

    if (process <= 0 || process == getpid() || !name_process(process, is_named, name, sizeof name))
        return;
    dal_nearest_try_(nearest, name);
    if (strcmp(nearest->best, before.best) != 0 &&
        status_visit_served(process, pass_over, NULL) <= 0)
        *nearest = before;
}

static void try_counters(struct status_counters *counters, void *nearest)
{
    dal_nearest_try_(nearest, tool_file_name(counters->program));
}

void status_find_near(const char *directory, status_named is_named, struct dal_nearest_ *nearest)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;

    while (processes && (entry = readdir(processes)) != NULL)
        try_process(strtol(entry->d_name, NULL, 10), is_named, nearest);
    if (processes)
        closedir(processes);
    (void)status_visit_directory(directory, try_counters, nearest);
}
