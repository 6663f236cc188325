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

/* A map is read anew for each place in it; of what is larger the rest is not. */
enum { MAP_BYTES_MAX = 256 << 20 };

static FILE *open_map(long process)
{
    char path[64];
    struct stat status;
    FILE *map = NULL;
    int file;

    snprintf(path, sizeof path, "/tmp/perf-%ld.map", process);
    file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (file < 0)
        return NULL;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        status.st_nlink == 1 && !(status.st_mode & S_IWOTH))
        map = fdopen(file, "r");
    if (!map)
        (void)close(file);
    return map;
}

/* The name in a line that covers an address, or NULL. */
static char *name_in(char *line, uint64_t address)
{
    char *at = line;
    uint64_t start, bytes;

    errno = 0;
    start = strtoull(at, &at, 16);
    bytes = *at == ' ' ? strtoull(at, &at, 16) : 0;
    if (errno || *at != ' ' || address < start || address - start >= bytes)
        return NULL;
    at += strspn(at, " ");
    at[strcspn(at, "\r\n")] = '\0';
    return *at ? at : NULL;
}

/* What was compiled last stands behind what was there before it. */
int perf_map_find(long process, uint64_t address, char *name)
{
    FILE *map = process > 0 ? open_map(process) : NULL;
    char line[SYMBOL_BYTES_MAX];
    int found = 0;

    if (!map)
        return 0;
    for (size_t read = 0; read < MAP_BYTES_MAX && fgets(line, sizeof line, map);
         read += strlen(line)) {
        const char *there = name_in(line, address);

        if (there)
            found = snprintf(name, SYMBOL_BYTES_MAX, "%s", there) > 0;
    }
    (void)fclose(map);
    return found;
}
