/* SPDX-License-Identifier: MIT */
/* What a stopped process has mapped, and reading that. See search.h. */
#define _GNU_SOURCE /* pread64, on systems of 32 bits */
#include "tools/search/search.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Mappings ------------------------------------------------------------------------------ */

static int open_file(const struct place *place, const char *name, int how)
{
    char path[96];

    (void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/%s", (long)place->process,
                   (long)place->thread, name);
    return open(path, how | O_CLOEXEC);
}

static struct mapping *add(struct memory *memory, size_t *room)
{
    struct mapping *more;

    if (memory->mapping_count == *room) {
        *room = *room ? 2 * *room : 256;
        more = realloc(memory->mappings, *room * sizeof *more);
        if (!more)
            return NULL;
        memory->mappings = more;
    }
    more = &memory->mappings[memory->mapping_count++];
    memset(more, 0, sizeof *more);
    return more;
}

/* "START-END rwxp OFFSET DEVICE INODE   NAME". What a device has mapped may be its registers. */
static int parse(const char *line, struct mapping *mapping)
{
    uint64_t start, end;
    char rights[5];
    int at = 0;
    const char *name;

    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %n", &start, &end, rights, &at) < 3 ||
        at == 0)
        return 0;
    name = line + at;
    mapping->range = (struct range){(uintptr_t)start, (uintptr_t)end};
    mapping->is_readable = rights[0] == 'r';
    mapping->is_writable = rights[1] == 'w';
    mapping->is_private = rights[3] == 'p';
    mapping->is_file = name[0] == '/';
    mapping->is_device = strncmp(name, "/dev/", 5) == 0 && strncmp(name, "/dev/shm/", 9) != 0 &&
                         strncmp(name, "/dev/zero", 9) != 0;
    mapping->is_libc = mapping->is_file && strstr(name, "/libc.so.6") != NULL;
    mapping->is_heap = strncmp(name, "[heap]", 6) == 0;
    mapping->is_stack = strncmp(name, "[stack]", 7) == 0;
    return name[0] != '[' || mapping->is_heap || mapping->is_stack ||
           strncmp(name, "[anon", 5) == 0;
}

/* By lines, which may be longer than is of interest. */
static int read_mappings(struct memory *memory, FILE *maps)
{
    char line[512];
    size_t room = 0;
    int is_start = 1;

    while (fgets(line, sizeof line, maps)) {
        struct mapping *last;

        if (is_start) {
            struct mapping *before;

            last = add(memory, &room);
            if (!last)
                return DAL_SEARCH_MEMORY_;
            before = last == memory->mappings ? NULL : last - 1;
            if (!parse(line, last))
                memory->mapping_count--;
            else
                last->is_guarded = before && before->range.end == last->range.start &&
                                   !before->is_readable && !before->is_writable;
        }
        is_start = strchr(line, '\n') != NULL;
    }
    return memory->mapping_count ? DAL_SEARCH_DONE_ : DAL_SEARCH_UNREADABLE_;
}

/* To read what was never touched takes memory, and time: so little of it is. */
static void share_out(struct memory *memory)
{
    size_t left = UNTOUCHED_BYTES;

    for (size_t i = 0; i < memory->mapping_count; i++) {
        struct mapping *mapping = &memory->mappings[i];
        size_t bytes = mapping->range.end - mapping->range.start;

        if (mapping->is_private || mapping->is_device || !mapping->is_writable)
            continue;
        mapping->untouched_bytes = bytes < left ? bytes : left;
        left -= mapping->untouched_bytes;
    }
}

int memory_open(const struct place *place, struct memory *memory)
{
    *memory = (struct memory){.page_bytes = (size_t)sysconf(_SC_PAGESIZE)};
    memory->words = malloc(CHUNK_BYTES);
    memory->entries = malloc(PAGES_AT_ONCE * sizeof *memory->entries);
    memory->pages = open_file(place, "pagemap", O_RDONLY);
    memory->file = open_file(place, "mem", O_RDWR);
    if (!memory->words || !memory->entries)
        return DAL_SEARCH_MEMORY_;
    if (memory->file >= 0)
        return DAL_SEARCH_DONE_;
    return errno == EACCES || errno == EPERM ? DAL_SEARCH_REFUSED_ : DAL_SEARCH_UNREADABLE_;
}

int memory_read_mappings(const struct place *place, struct memory *memory)
{
    int file = open_file(place, "maps", O_RDONLY);
    FILE *maps = file < 0 ? NULL : fdopen(file, "r");
    int status = DAL_SEARCH_UNREADABLE_;

    if (maps)
        status = read_mappings(memory, maps);
    share_out(memory);
    if (maps)
        (void)fclose(maps);
    else if (file >= 0)
        (void)close(file);
    return status;
}

void memory_close(struct memory *memory)
{
    if (memory->file >= 0)
        (void)close(memory->file);
    if (memory->pages >= 0)
        (void)close(memory->pages);
    free(memory->mappings);
    free(memory->words);
    free(memory->entries);
}

const struct mapping *memory_find(const struct memory *memory, uintptr_t address)
{
    size_t first = 0, end = memory->mapping_count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;
        const struct mapping *mapping = &memory->mappings[middle];

        if (address < mapping->range.start)
            end = middle;
        else if (address >= mapping->range.end)
            first = middle + 1;
        else
            return mapping;
    }
    return NULL;
}

/* ---- Reading ------------------------------------------------------------------------------- */

int memory_read(const struct memory *memory, uintptr_t address, void *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got =
            pread64(memory->file, (char *)to + done, bytes - done, (off64_t)(address + done));

        if (got <= 0)
            return 0;
        done += (size_t)got;
    }
    return 1;
}

int memory_write(const struct memory *memory, uintptr_t address, const void *from, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t put = pwrite64(memory->file, (const char *)from + done, bytes - done,
                               (off64_t)(address + done));

        if (put <= 0)
            return 0;
        done += (size_t)put;
    }
    return 1;
}

/* How many pages in a row are there, or are not: those that were never touched have nothing in
 * them, and would be made by being read. */
static size_t count_alike(const uint64_t *entries, size_t count, int *are_there)
{
    const uint64_t there = UINT64_C(3) << 62; /* in memory, or swapped out */
    size_t alike = 1;

    *are_there = (entries[0] & there) != 0;
    while (alike < count && ((entries[alike] & there) != 0) == *are_there)
        alike++;
    return alike;
}

static void visit_words(const struct memory *memory, struct range range, words_visitor visit,
                        void *data)
{
    uintptr_t *words = memory->words;

    while (range.start < range.end) {
        size_t bytes = range.end - range.start;

        if (bytes > CHUNK_BYTES)
            bytes = CHUNK_BYTES;
        bytes -= bytes % sizeof *words;
        if (bytes == 0)
            return;
        /* One page may be unreadable, and those around it not. */
        if (!memory_read(memory, range.start, words, bytes)) {
            size_t rest = memory->page_bytes - range.start % memory->page_bytes;

            bytes = bytes < rest ? bytes : rest;
            if (!memory_read(memory, range.start, words, bytes)) {
                range.start += bytes;
                continue;
            }
        }
        visit(words, bytes / sizeof *words, data);
        range.start += bytes;
    }
}

static void visit_pages(const struct memory *memory, struct range range, const uint64_t *entries,
                        size_t count, words_visitor visit, void *data)
{
    uintptr_t page = range.start - range.start % memory->page_bytes;

    while (count > 0) {
        int are_there;
        size_t alike = count_alike(entries, count, &are_there);
        struct range part = {page > range.start ? page : range.start,
                             page + alike * memory->page_bytes};

        if (part.end > range.end)
            part.end = range.end;
        if (are_there)
            visit_words(memory, part, visit, data);
        page += alike * memory->page_bytes;
        entries += alike;
        count -= alike;
    }
}

/* The part of a range that is read whatever the kernel says of its pages. */
static struct range untouched_part(const struct memory *memory, struct range range)
{
    const struct mapping *mapping = memory_find(memory, range.start);
    uintptr_t end = mapping ? mapping->range.start + mapping->untouched_bytes : range.start;

    if (end > range.end)
        end = range.end;
    return (struct range){range.start, end > range.start ? end : range.start};
}

void memory_visit(const struct memory *memory, struct range range, words_visitor visit, void *data)
{
    uint64_t *entries = memory->entries;
    const size_t word = sizeof(uintptr_t);
    struct range untouched;

    range.start = (range.start + word - 1) / word * word;
    untouched = untouched_part(memory, range);
    visit_words(memory, untouched, visit, data);
    range.start = untouched.end;
    while (range.start < range.end) {
        uintptr_t first = range.start / memory->page_bytes;
        size_t count = (range.end - 1) / memory->page_bytes - first + 1;
        struct range part = range;
        ssize_t got = -1;

        if (count > PAGES_AT_ONCE)
            count = PAGES_AT_ONCE;
        if (count * memory->page_bytes < range.end - first * memory->page_bytes)
            part.end = (first + count) * memory->page_bytes;
        /* What is small is read as it is. */
        if (count > 16 && memory->pages >= 0)
            got = pread64(memory->pages, entries, count * sizeof *entries,
                          (off64_t)(first * sizeof *entries));
        if (got == (ssize_t)(count * sizeof *entries))
            visit_pages(memory, part, entries, count, visit, data);
        else
            visit_words(memory, part, visit, data);
        range.start = part.end;
    }
}
