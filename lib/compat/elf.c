/* SPDX-License-Identifier: MIT */
/*
 * Looking at the objects of a process. Every copy of this library is found by an ELF note,
 * in the shared library or in whatever the static one was linked into.
 */
#include <config.h>

#include "compat/compat.h"

#include <elf.h>
#include <link.h>
#include <string.h>

#define NOTE_OWNER "dispatchalloc"

/* The interposer's copy is meant to be there beside the program's own. */
#ifdef DAL_INTERPOSER
# define NOTE_TYPE 2
#else
# define NOTE_TYPE 1
#endif

/* Name and descriptor are padded to 4 bytes, as readers of notes expect. */
struct note {
    ElfW(Nhdr) header;
    char owner[16];
    char version[16];
};

__attribute__((section(".note.dispatchalloc"), used, aligned(4))) static const struct note note = {
    {sizeof NOTE_OWNER, sizeof note.version, NOTE_TYPE},
    NOTE_OWNER,
    PACKAGE_VERSION,
};

static size_t padded(size_t bytes)
{
    return (bytes + 3) & ~(size_t)3;
}

/* Whether a segment of notes has one of ours. */
static int has_note(const char *at, size_t bytes)
{
    while (bytes >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) header;
        size_t owner, whole;

        memcpy(&header, at, sizeof header);
        owner = padded(header.n_namesz);
        whole = sizeof header + owner + padded(header.n_descsz);
        if (whole > bytes)
            return 0;
        if (header.n_type == NOTE_TYPE && header.n_namesz == sizeof NOTE_OWNER &&
            memcmp(at + sizeof header, NOTE_OWNER, sizeof NOTE_OWNER) == 0)
            return 1;
        at += whole;
        bytes -= whole;
    }
    return 0;
}

struct search {
    dal_compat_copy_visitor_ visit;
    void *data;
};

static int is_in(const struct dl_phdr_info *object, const ElfW(Phdr) *segment, const void *address)
{
    uintptr_t start = object->dlpi_addr + segment->p_vaddr;

    return (uintptr_t)address >= start && (uintptr_t)address - start < segment->p_memsz;
}

static int look_into(struct dl_phdr_info *object, size_t size, void *data)
{
    const struct search *search = data;

    (void)size;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

        if (segment->p_type == PT_NOTE &&
            has_note((const char *)(object->dlpi_addr + segment->p_vaddr), segment->p_memsz)) {
            search->visit(object->dlpi_name && object->dlpi_name[0] ? object->dlpi_name
                                                                    : "the program",
                          is_in(object, segment, &note), search->data);
            break;
        }
    }
    return 0;
}

void dal_compat_visit_copies_(dal_compat_copy_visitor_ visit, void *data)
{
    struct search search = {visit, data};

    (void)dl_iterate_phdr(look_into, &search);
}

struct place {
    uintptr_t address;
    uintptr_t link_address;
};

static int look_for_place(struct dl_phdr_info *object, size_t size, void *data)
{
    struct place *place = data;

    (void)size;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + segment->p_vaddr;

        if (segment->p_type != PT_LOAD || place->address < start ||
            place->address - start >= segment->p_memsz)
            continue;
        place->link_address = place->address - object->dlpi_addr;
        return 1;
    }
    return 0;
}

/* The process that loaded us. A forked child may have inherited the loader's lock from a
 * thread that it does not have, and would wait for it for ever. */
static uint64_t loaded_in;

__attribute__((constructor(101))) static void note_process(void)
{
    loaded_in = dal_compat_process_();
}

uintptr_t dal_compat_link_address_(uintptr_t address)
{
    struct place place = {address, 0};

    if (dal_compat_process_() != loaded_in)
        return 0;
    (void)dl_iterate_phdr(look_for_place, &place);
    return place.link_address;
}
