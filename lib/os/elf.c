/* SPDX-License-Identifier: MIT */
/* Looking at the objects of a process. Every copy of this library is found by its note. */
#include <config.h>

#include "os/os.h"
#include "shared/note.h"

#include <elf.h>
#include <link.h>
#include <string.h>

/* The interposer's copy is meant to be there beside the program's own. */
#ifdef DAL_INTERPOSER
# define NOTE_TYPE DAL_NOTE_INTERPOSER
#else
# define NOTE_TYPE DAL_NOTE_LIBRARY
#endif

struct note {
    ElfW(Nhdr) header;
    char owner[16];
    char version[16];
};

__attribute__((section(".note.dispatchalloc"), used, aligned(4))) static const struct note note = {
    {sizeof DAL_NOTE_OWNER, sizeof note.version, NOTE_TYPE},
    DAL_NOTE_OWNER,
    PACKAGE_VERSION,
};

struct search {
    dal_os_copy_visitor_ visit;
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
    size_t version_bytes;

    (void)size;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

        if (segment->p_type == PT_NOTE &&
            dal_note_find_((const char *)(object->dlpi_addr + segment->p_vaddr), segment->p_memsz,
                           NOTE_TYPE, &version_bytes)) {
            search->visit(object->dlpi_name && object->dlpi_name[0] ? object->dlpi_name
                                                                    : "the program",
                          is_in(object, segment, &note), search->data);
            break;
        }
    }
    return 0;
}

void dal_os_visit_copies_(dal_os_copy_visitor_ visit, void *data)
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
    loaded_in = dal_os_process_();
}

uintptr_t dal_os_link_address_(uintptr_t address)
{
    struct place place = {address, 0};

    if (dal_os_process_() != loaded_in)
        return 0;
    (void)dl_iterate_phdr(look_for_place, &place);
    return place.link_address;
}

#ifdef DAL_INTERPOSER
/* ---- Symbols of what is loaded ------------------------------------------------------- */

struct object_search {
    const char *name;
    struct dal_os_object_ *object;
};

static int is_called(const char *path, const char *name)
{
    const char *file = strrchr(path, '/');

    return strcmp(!strchr(name, '/') && file ? file + 1 : path, name) == 0;
}

/* glibc writes addresses over the offsets of most processors; musl leaves them. */
static const void *table_at(const struct dl_phdr_info *loaded, ElfW(Addr) place)
{
    for (size_t i = 0; i < loaded->dlpi_phnum; i++) {
        if (loaded->dlpi_phdr[i].p_type == PT_LOAD &&
            is_in(loaded, &loaded->dlpi_phdr[i], (const void *)place))
            return (const void *)place;
    }
    return (const void *)(loaded->dlpi_addr + place);
}

static void read_tables(const struct dl_phdr_info *loaded, const ElfW(Dyn) *entry,
                        struct dal_os_object_ *object)
{
    *object = (struct dal_os_object_){.base = loaded->dlpi_addr};
    for (; entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_SYMTAB: object->symbols = table_at(loaded, entry->d_un.d_ptr); break;
        case DT_STRTAB: object->strings = table_at(loaded, entry->d_un.d_ptr); break;
        case DT_GNU_HASH: object->hash = table_at(loaded, entry->d_un.d_ptr); break;
        case DT_VERSYM: object->versions = table_at(loaded, entry->d_un.d_ptr); break;
        default: break;
        }
    }
}

static int look_for_object(struct dl_phdr_info *loaded, size_t size, void *data)
{
    const struct object_search *search = data;
    struct dal_os_object_ *object = search->object;

    (void)size;
    if (!loaded->dlpi_name || !is_called(loaded->dlpi_name, search->name))
        return 0;
    for (size_t i = 0; i < loaded->dlpi_phnum; i++) {
        if (loaded->dlpi_phdr[i].p_type == PT_DYNAMIC) {
            read_tables(loaded,
                        (const void *)(loaded->dlpi_addr + loaded->dlpi_phdr[i].p_vaddr), object);
            return object->symbols && object->strings && object->hash;
        }
    }
    return 0;
}

int dal_os_find_object_(const char *name, struct dal_os_object_ *object)
{
    struct object_search search = {name, object};

    return dl_iterate_phdr(look_for_object, &search);
}

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 5381;

    while (*name)
        hash = hash * 33 + (unsigned char)*name++;
    return hash;
}

/* Not a version that only old programs are bound to. Functions that choose another, thread-local
 * variables, and symbols without a type are left to dlsym(). */
static int is_wanted(const struct dal_os_object_ *object, uint32_t index, const char *name)
{
    const ElfW(Sym) *symbol = (const ElfW(Sym) *)object->symbols + index;
    unsigned type = ELF32_ST_TYPE(symbol->st_info); /* as in the other class */

    return (type == STT_FUNC || type == STT_OBJECT) && symbol->st_shndx != SHN_UNDEF &&
           !(object->versions && object->versions[index] & 0x8000) &&
           strcmp(object->strings + symbol->st_name, name) == 0;
}

/* The table of DT_GNU_HASH: four numbers, a Bloom filter, buckets of the first symbol of each, and
 * for every symbol its hash, whose lowest bit ends a bucket. */
void *dal_os_object_symbol_(const struct dal_os_object_ *object, const char *name)
{
    uint32_t bucket_count = object->hash[0], first = object->hash[1];
    const uint32_t *buckets = object->hash + 4 + object->hash[2] * (sizeof(ElfW(Addr)) / 4);
    const uint32_t *hashes = buckets + bucket_count;
    uint32_t hash = hash_of(name);
    uint32_t index = bucket_count ? buckets[hash % bucket_count] : 0;

    if (index < first)
        return NULL;
    for (;; index++) {
        if ((hashes[index - first] | 1) == (hash | 1) && is_wanted(object, index, name))
            return (void *)(object->base +
                            ((const ElfW(Sym) *)object->symbols + index)->st_value);
        if (hashes[index - first] & 1)
            return NULL;
    }
}
#endif
