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
#include <unistd.h>

#include "lib/shared/file_head.h"

/* No version makes one of these as long. */
enum { FILE_BYTES_MAX = 16 << 20 };

/* ---- Processes ---------------------------------------------------------------------------- */

/* Resident memory of a process that no file is behind. */
static uint64_t anonymous_bytes(long process)
{
    FILE *status = status_proc(process, "status");
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

/* Whether a process maps a file, by its number alone, since maps of some file systems have another
 * device than fstat(2); -1 if it may not be looked at. */
static int maps_file(long process, const struct stat *status)
{
    FILE *maps = status_proc(process, "maps");
    struct status_mapped mapped;
    int found = 0;

    if (!maps && (errno != ENOENT || kill((pid_t)process, 0) == 0 || errno == EPERM))
        return -1;
    while (maps && !found && status_next_mapped(maps, &mapped))
        found = mapped.inode == (uint64_t)status->st_ino;
    if (maps)
        fclose(maps);
    return found;
}

static uint64_t started(long process)
{
    FILE *file = status_proc(process, "stat");
    char text[512];
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;

    if (file)
        fclose(file);
    text[length] = '\0';
    return dal_process_started_(text);
}

/* A device may be called otherwise after the system was started again, but not while the maker is
 * there. */
static int is_copy(const struct dal_file_origin_ *origin, const struct stat *file, uint64_t now)
{
    if (!origin->file)
        return 0;
    return origin->file != (uint64_t)file->st_ino ||
           (origin->device != (uint64_t)file->st_dev && now == origin->maker.started);
}

/* Of one in another namespace nobody here knows. is_hidden: it may not be looked at. */
static enum status_state state_of(const struct dal_file_origin_ *origin, int is_open,
                                  const struct stat *file, int *is_hidden)
{
    const struct dal_process_ *maker = &origin->maker;
    struct stat name_space = {.st_ino = 0};
    uint64_t now;
    int maps;

    (void)stat("/proc/self/ns/pid", &name_space);
    if (maker->name_space != (uint64_t)name_space.st_ino)
        return STATUS_UNKNOWN;
    maps = is_open ? maps_file(maker->number, file) : 0;
    now = started(maker->number);
    if (is_copy(origin, file, now))
        return STATUS_COPY;
    *is_hidden = maps < 0;
    if (maps > 0 || (*is_hidden && !now))
        return STATUS_RUNNING;
    if (!now || now != maker->started)
        return STATUS_ENDED;
    return *is_hidden ? STATUS_RUNNING : is_open ? STATUS_EXECUTED : STATUS_CLOSED;
}

/* ---- One file ----------------------------------------------------------------------------- */

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

static void take_head(struct status_counters *counters, const struct stat *file)
{
    char head[DAL_FILE_HEAD_BYTES + 1];
    struct dal_file_origin_ origin;
    int is_open;

    counters->state = STATUS_COPY;
    counters->file = (uint64_t)file->st_ino;
    counters->device = (uint64_t)file->st_dev;
    if (dal_stats_file_text(counters->data, counters->bytes, "head", head, sizeof head) != 0)
        return;
    take_line(head, "\nprogram: ", counters->program, sizeof counters->program);
    take_line(head, "\ncommand: ", counters->command, sizeof counters->command);
    if (!dal_file_head_parse_(head, &origin, &is_open) || origin.maker.number <= 0)
        return;
    counters->process = origin.maker.number;
    counters->state = state_of(&origin, is_open, file, &counters->is_hidden);
}

#define TEXT(key, array) \
    (void)dal_stats_file_text(counters->data, counters->bytes, key, array, sizeof(array))

/* What was read is taken apart. */
static void take_texts(struct status_counters *counters, const struct stat *file)
{
    take_head(counters, file);
    TEXT("name", counters->name);
    TEXT("label", counters->label);
    TEXT("explanation", counters->explanation);
    if (counters->state == STATUS_RUNNING)
        counters->anonymous_bytes = anonymous_bytes(counters->process);
}

static int take_counters(const struct status_bytes *bytes, void *data)
{
    struct status_counters *counters = data;
    int result = status_read(bytes, FILE_BYTES_MAX, &counters->data);

    counters->bytes = (size_t)bytes->count;
    if (result == TOOL_OK &&
        dal_stats_file_visit(counters->data, counters->bytes, take_number, counters) != 0)
        result = TOOL_FAILED;
    if (result == TOOL_OK)
        take_texts(counters, &bytes->status);
    else
        status_close(counters);
    return result;
}

static int open_counters(const char *path, struct status_counters *counters)
{
    memset(counters, 0, sizeof *counters);
    snprintf(counters->path, sizeof counters->path, "%s", path);
    return status_take_file(path, O_RDONLY, take_counters, counters);
}

void status_close(struct status_counters *counters)
{
    free(counters->data);
    counters->data = NULL;
}

/* ---- Many --------------------------------------------------------------------------------- */

/* The files that processes were found to have mapped. In another namespace a process is called
 * otherwise than its file has it, so that the file alone tells that it is the same. */
static struct found {
    uint64_t file, device;
    long process;
} *found_mapped;
static size_t found_count;

static void note_found(const struct status_counters *counters, long process)
{
    struct found *more = realloc(found_mapped, (found_count + 1) * sizeof *more);

    if (!more)
        return;
    found_mapped = more;
    found_mapped[found_count++] = (struct found){counters->file, counters->device, process};
}

/* The process that was found; 0: none. */
static long who_maps(const struct status_counters *counters)
{
    for (size_t i = 0; i < found_count; i++) {
        if (found_mapped[i].file == counters->file && found_mapped[i].device == counters->device)
            return found_mapped[i].process;
    }
    return 0;
}

static void set_running(struct status_counters *counters, long process)
{
    counters->process = process;
    counters->state = STATUS_RUNNING;
    counters->anonymous_bytes = anonymous_bytes(process);
}

int status_visit_mapped(long process, status_counters_visitor visit, void *data)
{
    static struct status_counters counters; /* large, for a small stack */
    FILE *maps = status_proc(process, "maps");
    struct status_mapped mapped;
    int count = 0;

    if (!maps)
        return -1;
    while (status_next_mapped(maps, &mapped)) {
        memset(&counters, 0, sizeof counters);
        if (status_take_mapped(process, &mapped, O_RDONLY, take_counters, &counters) != TOOL_OK)
            continue;
        note_found(&counters, process);
        snprintf(counters.path, sizeof counters.path, "%s", mapped.path);
        /* Processes may number themselves otherwise in there. */
        set_running(&counters, process);
        visit(&counters, data);
        count++;
        status_close(&counters);
    }
    fclose(maps);
    return count;
}

static void pass_over(struct status_counters *counters, void *unused)
{
    (void)counters;
    (void)unused;
}

/* Have every process's files noted, once. */
static void find_all(void)
{
    static int is_done;
    DIR *processes = is_done ? NULL : opendir("/proc");
    const struct dirent *entry;

    is_done = 1;
    while (processes && (entry = readdir(processes)) != NULL) {
        long process = strtol(entry->d_name, NULL, 10);

        if (process > 0)
            (void)status_visit_mapped(process, pass_over, NULL);
    }
    if (processes)
        closedir(processes);
}

int status_open(const char *path, struct status_counters *counters)
{
    int result = open_counters(path, counters);

    if (result == TOOL_OK && counters->state == STATUS_UNKNOWN) {
        find_all();
        if (who_maps(counters))
            set_running(counters, who_maps(counters));
    }
    return result;
}

int status_visit_directory(const char *directory, status_counters_visitor visit, void *data)
{
    DIR *files = opendir(directory);
    const struct dirent *entry;
    int count = 0;

    if (!files)
        status_check_descriptors();
    while (files && (entry = readdir(files)) != NULL) {
        static struct status_counters counters;
        static char path[PATH_MAX];

        if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) >= sizeof path ||
            status_open(path, &counters) != TOOL_OK)
            continue;
        if ((counters.state != STATUS_RUNNING || counters.is_hidden) && !who_maps(&counters)) {
            visit(&counters, data);
            count++;
        }
        status_close(&counters);
    }
    if (files)
        closedir(files);
    return count;
}
