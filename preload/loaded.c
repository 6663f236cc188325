/* SPDX-License-Identifier: MIT */
/* The symbols of objects that are loaded. See loaded.h. */
#include <config.h>

#include "loaded.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

struct object_search {
    const char *name;
    struct dal_loaded_ *object;
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
            place - (loaded->dlpi_addr + loaded->dlpi_phdr[i].p_vaddr) <
                loaded->dlpi_phdr[i].p_memsz)
            return (const void *)place;
    }
    return (const void *)(loaded->dlpi_addr + place);
}

static void read_tables(const struct dl_phdr_info *loaded, const ElfW(Dyn) *entry,
                        struct dal_loaded_ *object)
{
    *object = (struct dal_loaded_){.base = loaded->dlpi_addr};
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
    struct dal_loaded_ *object = search->object;

    (void)size;
    if (!loaded->dlpi_name || !is_called(loaded->dlpi_name, search->name))
        return 0;
    for (size_t i = 0; i < loaded->dlpi_phnum; i++) {
        if (loaded->dlpi_phdr[i].p_type == PT_DYNAMIC) {
            read_tables(loaded, (const void *)(loaded->dlpi_addr + loaded->dlpi_phdr[i].p_vaddr),
                        object);
            return object->symbols && object->strings && object->hash;
        }
    }
    return 0;
}

int dal_loaded_find_(const char *name, struct dal_loaded_ *object)
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
static int is_wanted(const struct dal_loaded_ *object, uint32_t index, const char *name)
{
    const ElfW(Sym) *symbol = (const ElfW(Sym) *)object->symbols + index;
    unsigned type = ELF32_ST_TYPE(symbol->st_info); /* as in the other class */

    return (type == STT_FUNC || type == STT_OBJECT) && symbol->st_shndx != SHN_UNDEF &&
           !(object->versions && object->versions[index] & 0x8000) &&
           strcmp(object->strings + symbol->st_name, name) == 0;
}

/* The table of DT_GNU_HASH: four numbers, a Bloom filter, buckets of the first symbol of each, and
 * for every symbol its hash, whose lowest bit ends a bucket. */
void *dal_loaded_symbol_(const struct dal_loaded_ *object, const char *name)
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
            return (void *)(object->base + ((const ElfW(Sym) *)object->symbols + index)->st_value);
        if (hashes[index - first] & 1)
            return NULL;
    }
}
