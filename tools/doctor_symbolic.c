/* SPDX-License-Identifier: MIT */
/* Whether a library binds its own functions to itself, by a look at its file. See doctor.h. */
#define _GNU_SOURCE /* O_CLOEXEC, pread */
#include "tools/doctor.h"

#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <unistd.h>

/* Returns whether all of it was there. */
static int read_at(int file, uint64_t offset, void *bytes, size_t count)
{
    return offset <= INT32_MAX && pread(file, bytes, count, (off_t)offset) == (ssize_t)count;
}

static int find_dynamic(int file, ElfW(Phdr) *segment)
{
    ElfW(Ehdr) header;

    if (!read_at(file, 0, &header, sizeof header) || header.e_phentsize != sizeof *segment)
        return 0;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (!read_at(file, header.e_phoff + i * sizeof *segment, segment, sizeof *segment))
            return 0;
        if (segment->p_type == PT_DYNAMIC)
            return 1;
    }
    return 0;
}

static int says_symbolic(const ElfW(Dyn) *entry)
{
    return entry->d_tag == DT_SYMBOLIC ||
           (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_SYMBOLIC));
}

static int is_symbolic(int file)
{
    ElfW(Phdr) segment;
    ElfW(Dyn) entry = {.d_tag = DT_NULL};
    uint64_t at = 0;

    if (!find_dynamic(file, &segment))
        return 0;
    do {
        if (!read_at(file, segment.p_offset + at, &entry, sizeof entry))
            return 0;
        if (says_symbolic(&entry))
            return 1;
        at += sizeof entry;
    } while (entry.d_tag != DT_NULL && at < segment.p_filesz);
    return 0;
}

int doctor_is_symbolic(const char *path)
{
    /* It is the loader's own name for what it has opened; a FIFO would wait for a writer. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int result = file >= 0 && is_symbolic(file);

    if (file >= 0)
        (void)close(file);
    return result;
}
