/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc status: files of counters (stats:file= and stats:share=). Whoever wrote one may
 * have written anything: the library reads the numbers, and what is text is printed with care.
 */
#include "tools/status/status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/shared/file_head.h"

/* No version makes one of these as long. */
enum { FILE_BYTES_MAX = 16 << 20, ALIGNMENT = 64 };

/* ---- Processes
 * ----------------------------------------------------------------------------------- */

static FILE *open_of(long process, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%ld/%s", process, name);
    return fopen(path, "re");
}

/* Resident memory of a process that no file is behind. */
static uint64_t anonymous_bytes(long process)
{
    FILE *status = open_of(process, "status");
    uint64_t kilobytes = 0;
    char line[256];

    while (status && fgets(line, sizeof line, status)) {
        if (sscanf(line, "RssAnon: %" SCNu64, &kilobytes) == 1)
            break;
    }
    if (status)
        fclose(status);
    return kilobytes * 1024;
}

/* A mapping of a process that is shared, of a file that is still there. */
struct mapped {
    char path[PATH_MAX];
    uint64_t device, inode;
};

static int next_mapped(FILE *maps, struct mapped *mapped)
{
    char line[PATH_MAX + 128], access[8];
    unsigned major_number, minor_number;

    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%*s %7s %*s %x:%x %" SCNu64 " %4095[^\n]", access, &major_number,
                   &minor_number, &mapped->inode, mapped->path) == 5 &&
            strcmp(access, "rw-s") == 0 && mapped->path[0] == '/') {
            mapped->device = makedev(major_number, minor_number);
            return 1;
        }
    }
    return 0;
}

/* Of a process that may not be looked at, that it is there has to do. */
static int maps_file(long process, const struct stat *status)
{
    FILE *maps = open_of(process, "maps");
    struct mapped mapped;
    int found = !maps && errno != ENOENT && (kill((pid_t)process, 0) == 0 || errno == EPERM);

    while (maps && !found && next_mapped(maps, &mapped))
        found =
            mapped.inode == (uint64_t)status->st_ino && mapped.device == (uint64_t)status->st_dev;
    if (maps)
        fclose(maps);
    return found;
}

/* ---- One file
 * -------------------------------------------------------------------------------------- */

static int take_number(const char *key, uint64_t value, void *data)
{
    struct status_counters *counters = data;

    if (strcmp(key, "live_bytes") == 0)
        counters->live_bytes = value;
    else if (strcmp(key, "peak_bytes") == 0)
        counters->peak_bytes = value;
    return 0;
}

/* The rest of the line of a text that begins with a word. */
static void take_line(const char *text, const char *word, char *rest, size_t bytes)
{
    const char *at = strstr(text, word);

    *rest = '\0';
    if (at)
        snprintf(rest, bytes, "%.*s", (int)strcspn(at + strlen(word), "\n"), at + strlen(word));
}

static void take_head(struct status_counters *counters)
{
    char head[DAL_FILE_HEAD_BYTES + 1];
    const char *number;

    if (dal_stats_file_text(counters->data, counters->bytes, "head", head, sizeof head) != 0)
        return;
    number = strstr(head, " process ");
    if (!number || sscanf(number, " process %ld", &counters->process) != 1)
        counters->process = 0;
    take_line(head, "\nprogram: ", counters->program, sizeof counters->program);
    take_line(head, "\ncommand: ", counters->command, sizeof counters->command);
}

#define TEXT(key, array) \
    (void)dal_stats_file_text(counters->data, counters->bytes, key, array, sizeof(array))

static int read_all(int file, struct status_counters *counters, const struct stat *status)
{
    if (!S_ISREG(status->st_mode) || status->st_size > FILE_BYTES_MAX)
        return TOOL_FAILED;
    counters->bytes = (size_t)status->st_size;
    counters->data =
        aligned_alloc(ALIGNMENT, (counters->bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT);
    if (!counters->data ||
        pread(file, counters->data, counters->bytes, 0) != (ssize_t)counters->bytes)
        return TOOL_TROUBLE;
    errno = 0;
    return dal_stats_file_visit(counters->data, counters->bytes, take_number, counters) == 0
               ? TOOL_OK
               : TOOL_FAILED;
}

int status_open(const char *path, struct status_counters *counters)
{
    struct stat status;
    int result = TOOL_TROUBLE;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    memset(counters, 0, sizeof *counters);
    snprintf(counters->path, sizeof counters->path, "%s", path);
    if (file >= 0 && fstat(file, &status) == 0)
        result = read_all(file, counters, &status);
    if (file >= 0)
        close(file);
    if (result != TOOL_OK) {
        status_close(counters);
        return result;
    }
    take_head(counters);
    TEXT("name", counters->name);
    TEXT("label", counters->label);
    TEXT("explanation", counters->explanation);
    counters->is_running = counters->process > 0 && maps_file(counters->process, &status);
    if (counters->is_running)
        counters->anonymous_bytes = anonymous_bytes(counters->process);
    return TOOL_OK;
}

void status_close(struct status_counters *counters)
{
    free(counters->data);
    counters->data = NULL;
}

/* ---- Many
 * ------------------------------------------------------------------------------------------ */

/* By the process's own root, since that may be another one than ours. */
int status_visit_mapped(long process, status_counters_visitor visit, void *data)
{
    FILE *maps = open_of(process, "maps");
    struct status_counters counters;
    struct mapped mapped;
    int count = 0;

    if (!maps)
        return -1;
    while (next_mapped(maps, &mapped)) {
        char path[PATH_MAX + 32];

        snprintf(path, sizeof path, "/proc/%ld/root%s", process, mapped.path);
        if (status_open(path, &counters) != TOOL_OK)
            continue;
        snprintf(counters.path, sizeof counters.path, "%s", mapped.path);
        /* Processes may number themselves otherwise in there. */
        counters.process = process;
        counters.is_running = 1;
        counters.anonymous_bytes = anonymous_bytes(process);
        visit(&counters, data);
        count++;
        status_close(&counters);
    }
    fclose(maps);
    return count;
}

int status_visit_ended(const char *directory, status_counters_visitor visit, void *data)
{
    DIR *files = opendir(directory);
    const struct dirent *entry;
    int count = 0;

    while (files && (entry = readdir(files)) != NULL) {
        struct status_counters counters;
        char path[PATH_MAX];

        if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) >= sizeof path ||
            status_open(path, &counters) != TOOL_OK)
            continue;
        if (!counters.is_running) {
            visit(&counters, data);
            count++;
        }
        status_close(&counters);
    }
    if (files)
        closedir(files);
    return count;
}
