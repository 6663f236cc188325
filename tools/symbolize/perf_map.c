/* SPDX-License-Identifier: MIT */
/*
 * Code made at run time, which compilers such as those of Java and JavaScript name in
 * /tmp/perf-PID.map for perf(1): lines "START BYTES NAME", the numbers in hexadecimal. Anybody may
 * make a file of that name, so it has to be the user's own. See symbolize.h.
 */
#include "tools/symbolize/symbolize.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of what is larger the rest is not read. */
enum { MAP_BYTES_MAX = 256 << 20 };

/* What a line says: the code from start on. */
struct code {
    uint64_t start, last;
    uint64_t furthest; /* the last byte of all code that does not start behind this */
    const char *name;  /* of two places that overlap the one that is named later was made later */
};

/* That of the last process in question, by where code starts. */
static struct map {
    long process;
    struct stat status; /* as it was when it was read */
    char *text;
    struct code *codes;
    size_t count;
} map;

/* -1 if it is not there, or not the user's own. */
static int open_map(long process, struct stat *status)
{
    char path[64];
    int file;

    snprintf(path, sizeof path, "/tmp/perf-%ld.map", process);
    file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    if (file < 0)
        return -1;
    if (fstat(file, status) == 0 && S_ISREG(status->st_mode) && status->st_uid == geteuid() &&
        status->st_nlink == 1 && !(status->st_mode & S_IWOTH))
        return file;
    (void)close(file);
    return -1;
}

/* ---- Reading one ----------------------------------------------------------------------------- */

/* Terminated, in a block to be freed; NULL. */
static char *read_text(int file, size_t bytes)
{
    char *text = malloc(bytes + 1);
    size_t length = 0;
    ssize_t got = 1;

    while (text && length < bytes && got > 0) {
        got = read(file, text + length, bytes - length);
        length += got > 0 ? (size_t)got : 0;
    }
    if (text)
        text[length] = '\0';
    return text;
}

/* Take a line, ended, apart: 0 if it is none. */
static int read_code(char *line, struct code *code)
{
    char *at = line;
    uint64_t bytes;

    errno = 0;
    code->start = strtoull(at, &at, 16);
    bytes = *at == ' ' ? strtoull(at, &at, 16) : 0;
    if (errno || *at != ' ' || bytes == 0 ||
        __builtin_add_overflow(code->start, bytes - 1, &code->last))
        return 0;
    code->name = at + strspn(at, " ");
    return *code->name != '\0';
}

static size_t lines_in(const char *text)
{
    size_t count = 1;

    while ((text = strchr(text, '\n')) != NULL) {
        text++;
        count++;
    }
    return count;
}

static int compare_codes(const void *one, const void *other)
{
    const struct code *a = one, *b = other;

    return (a->start > b->start) - (a->start < b->start);
}

static void take_codes(char *text)
{
    size_t length;

    for (char *line = text, *next = text; *line; line = next) {
        length = strcspn(line, "\n");
        next = line + length + (line[length] == '\n');
        line[length] = '\0';
        line[strcspn(line, "\r")] = '\0';
        map.count += (size_t)read_code(line, &map.codes[map.count]);
    }
    if (map.count > 0)
        qsort(map.codes, map.count, sizeof *map.codes, compare_codes);
    for (size_t i = 0; i < map.count; i++) {
        uint64_t before = i > 0 ? map.codes[i - 1].furthest : 0;

        map.codes[i].furthest = map.codes[i].last > before ? map.codes[i].last : before;
    }
}

static void read_map(int file)
{
    size_t bytes = map.status.st_size < MAP_BYTES_MAX ? (size_t)map.status.st_size : MAP_BYTES_MAX;

    map.text = read_text(file, bytes);
    map.codes = map.text ? malloc(lines_in(map.text) * sizeof *map.codes) : NULL;
    if (map.codes)
        take_codes(map.text);
}

/* ---- Finding --------------------------------------------------------------------------------- */

void perf_map_close(void)
{
    free(map.codes);
    free(map.text);
    map = (struct map){.process = 0};
}

static int is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
           one->st_size == other->st_size && one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

/* A process that goes on writes more of it. */
static void use_map(long process)
{
    struct stat status;
    int file = process > 0 ? open_map(process, &status) : -1;

    if (file < 0 || map.process != process || !is_same(&map.status, &status))
        perf_map_close();
    if (file < 0)
        return;
    if (map.process != process) {
        map.process = process;
        map.status = status;
        read_map(file);
    }
    (void)close(file);
}

/* How many start there or before. */
static size_t count_up_to(uint64_t address)
{
    size_t low = 0, high = map.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (map.codes[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What was compiled last stands behind what was there before it. */
int perf_map_find(long process, uint64_t address, char *name)
{
    const char *found = NULL;

    use_map(process);
    for (size_t i = count_up_to(address); i > 0 && map.codes[i - 1].furthest >= address; i--) {
        const struct code *code = &map.codes[i - 1];

        if (code->last >= address && (!found || code->name > found))
            found = code->name;
    }
    return found && snprintf(name, SYMBOL_BYTES_MAX, "%s", found) > 0;
}
