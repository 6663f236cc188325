/* SPDX-License-Identifier: MIT */
/* Looking at the objects of a process. Every copy of this library is found by its note. */
#include <config.h>

#include "os/os.h"
#include "shared/note.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#ifdef HAVE_GETAUXVAL
# include <sys/auxv.h>
#endif

/* By what the kernel told, without the loader's lock. */
int dal_os_is_static_(void)
{
#ifdef HAVE_GETAUXVAL
    const ElfW(Phdr) *segments = (const void *)getauxval(AT_PHDR);
    size_t count = segments ? getauxval(AT_PHNUM) : 0;
    size_t i = 0;

    while (i < count && segments[i].p_type != PT_INTERP)
        i++;
    return count > 0 && i == count;
#else
    return 0;
#endif
}

struct search {
    const struct dal_note_ *note;
    dal_os_copy_visitor_ visit;
    void *data;
};

static int is_in(const struct dl_phdr_info *object, const ElfW(Phdr) *segment, uintptr_t address)
{
    return address - (object->dlpi_addr + segment->p_vaddr) < segment->p_memsz;
}

/* Whether a segment is in memory: what is told of one that no other loads leads anywhere. */
static int is_loaded(const struct dl_phdr_info *object, const ElfW(Phdr) *segment)
{
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *load = &object->dlpi_phdr[i];
        uintptr_t offset = segment->p_vaddr - load->p_vaddr;

        if (load->p_type == PT_LOAD && (load->p_flags & PF_R) && offset <= load->p_filesz &&
            segment->p_memsz <= load->p_filesz - offset)
            return 1;
    }
    return 0;
}

static int look_into(struct dl_phdr_info *object, size_t size, void *data)
{
    const struct search *search = data;
    size_t version_bytes;

    (void)size;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

        if (segment->p_type == PT_NOTE && is_loaded(object, segment) &&
            dal_note_find_((const char *)(object->dlpi_addr + segment->p_vaddr), segment->p_memsz,
                           search->note->header.n_type, &version_bytes)) {
            search->visit(object->dlpi_name && object->dlpi_name[0] ? object->dlpi_name
                                                                    : "the program",
                          is_in(object, segment, (uintptr_t)search->note), search->data);
            break;
        }
    }
    return 0;
}

void dal_os_visit_copies_(const struct dal_note_ *note, dal_os_copy_visitor_ visit, void *data)
{
    struct search search = {note, visit, data};

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

        if (segment->p_type == PT_LOAD && is_in(object, segment, place->address)) {
            place->link_address = place->address - object->dlpi_addr;
            return 1;
        }
    }
    return 0;
}

uintptr_t dal_os_link_address_(uintptr_t address)
{
    struct place place = {address, 0};

    /* A forked child may have inherited the loader's lock from a thread that it does not have, and
     * would wait for it for ever. */
    if (!dal_os_is_loaded_here_())
        return 0;
    (void)dl_iterate_phdr(look_for_place, &place);
    return place.link_address;
}
