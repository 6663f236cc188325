/* SPDX-License-Identifier: MIT */
/* The symbols of objects that are loaded. See loaded.h. */
#include <config.h>

#include "loaded.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

#include "../backends/relocations.h"

static int is_called(const char *path, const char *name)
{
    const char *file = strrchr(path, '/');

    return strcmp(!strchr(name, '/') && file ? file + 1 : path, name) == 0;
}

static const void *table_at(const struct dal_loaded_ *object, ElfW(Addr) place)
{
    return (const void *)dal_table_at_(object->base, object->start, place);
}

/* Of an object whose place is known. Returns 0 if a table is missing. */
static int read_tables(struct dal_loaded_ *object, const ElfW(Dyn) *entry)
{
    object->dynamic = entry;
    for (; entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_SYMTAB: object->symbols = table_at(object, entry->d_un.d_ptr); break;
        case DT_STRTAB: object->strings = table_at(object, entry->d_un.d_ptr); break;
        case DT_GNU_HASH: object->hash = table_at(object, entry->d_un.d_ptr); break;
        case DT_VERSYM: object->versions = table_at(object, entry->d_un.d_ptr); break;
        /* Not written over by anybody. */
        case DT_INIT_ARRAY: object->init = (const void *)(object->base + entry->d_un.d_ptr); break;
        case DT_INIT_ARRAYSZ: object->init_bytes = entry->d_un.d_val; break;
        default: break;
        }
    }
    return object->symbols && object->strings;
}

static int read_object(const struct dl_phdr_info *loaded, struct dal_loaded_ *object)
{
    const ElfW(Dyn) *entries = NULL;

    *object = (struct dal_loaded_){.base = loaded->dlpi_addr, .start = UINTPTR_MAX};
    for (size_t i = 0; i < loaded->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &loaded->dlpi_phdr[i];
        uintptr_t start = loaded->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_DYNAMIC)
            entries = (const void *)start;
        if (segment->p_type != PT_LOAD)
            continue;
        if (start < object->start)
            object->start = start;
        if (start + segment->p_memsz > object->end)
            object->end = start + segment->p_memsz;
    }
    return entries && read_tables(object, entries);
}

/* By its name, or by an address in it. */
struct object_search {
    const char *name;
    const void *address;
    struct dal_loaded_ *object;
};

static int look_for_object(struct dl_phdr_info *loaded, size_t size, void *data)
{
    const struct object_search *search = data;

    (void)size;
    if (search->name && (!loaded->dlpi_name || !is_called(loaded->dlpi_name, search->name)))
        return 0;
    return read_object(loaded, search->object) &&
           (search->name ? search->object->hash != NULL
                         : dal_loaded_has_(search->object, search->address));
}

int dal_loaded_find_(const char *name, struct dal_loaded_ *object)
{
    struct object_search search = {name, NULL, object};

    return dl_iterate_phdr(look_for_object, &search);
}

int dal_loaded_at_(const void *address, struct dal_loaded_ *object)
{
#ifdef HAVE__DL_FIND_OBJECT
    struct dl_find_object found;

    if (_dl_find_object((void *)(uintptr_t)address, &found) != 0)
        return 0;
    *object = (struct dal_loaded_){
        .base = found.dlfo_link_map->l_addr,
        .start = (uintptr_t)found.dlfo_map_start,
        .end = (uintptr_t)found.dlfo_map_end,
    };
    return read_tables(object, found.dlfo_link_map->l_ld);
#else
    struct object_search search = {NULL, address, object};

    return dl_iterate_phdr(look_for_object, &search);
#endif
}

uint32_t dal_loaded_hash_(const char *name)
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
    static const uint32_t empty[4];
    const uint32_t *table = object->hash ? object->hash : empty;
    uint32_t bucket_count = table[0], first = table[1];
    const uint32_t *buckets = table + 4 + table[2] * (sizeof(ElfW(Addr)) / 4);
    const uint32_t *hashes = buckets + bucket_count;
    uint32_t hash = dal_loaded_hash_(name);
    uint32_t index = bucket_count ? buckets[hash % bucket_count] : 0;

    if (index < first || !bucket_count)
        return NULL;
    for (;; index++) {
        if ((hashes[index - first] | 1) == (hash | 1) && is_wanted(object, index, name))
            return (void *)(object->base + ((const ElfW(Sym) *)object->symbols + index)->st_value);
        if (hashes[index - first] & 1)
            return NULL;
    }
}

/* ---- What an object takes from others ---------------------------------------------------------
 */

struct need {
    const char *start, *found;
};

static int look_for_need(const char *name, const ElfW(Sym) *symbol, unsigned type, uintptr_t *place,
                         void *data)
{
    struct need *need = data;

    (void)type;
    (void)place;
    if (ELF32_ST_BIND(symbol->st_info) == STB_WEAK || /* as in the other class */
        strncmp(name, need->start, strlen(need->start)) != 0)
        return 0;
    need->found = name;
    return 1;
}

const char *dal_loaded_needs_(const struct dal_loaded_ *object, const char *start)
{
    struct dal_relocations_ relocations = {.base = object->base, .start = object->start};
    struct need need = {start, NULL};

    dal_relocations_read_(&relocations, object->dynamic);
    (void)dal_relocations_visit_(&relocations, look_for_need, &need);
    return need.found;
}

struct beside {
    const char *start, *name;
    void *found;
};

/* A function that was not called yet may be bound to the object's own table of calls. */
static int look_beside(const char *name, const ElfW(Sym) *symbol, unsigned type, uintptr_t *place,
                       void *data)
{
    struct beside *beside = data;
    struct dal_loaded_ source;
    uintptr_t bound;

    (void)symbol;
    (void)type;
    if (strncmp(name, beside->start, strlen(beside->start)) != 0)
        return 0;
    memcpy(&bound, place, sizeof bound); /* which a packed table has anywhere */
    if (!dal_loaded_at_((const void *)bound, &source))
        return 0;
    beside->found = dal_loaded_symbol_(&source, beside->name);
    return beside->found != NULL;
}

void *dal_loaded_beside_(const struct dal_loaded_ *object, const char *start, const char *name)
{
    struct dal_relocations_ relocations = {.base = object->base, .start = object->start};
    struct beside beside = {start, name, NULL};

    dal_relocations_read_(&relocations, object->dynamic);
    (void)dal_relocations_visit_(&relocations, look_beside, &beside);
    return beside.found;
}

/* ---- All of them ------------------------------------------------------------------------------
 */

struct visit {
    dal_loaded_visitor_ visit;
    void *data;
};

static int visit_one(struct dl_phdr_info *loaded, size_t size, void *data)
{
    const struct visit *visit = data;
    struct dal_loaded_ object;

    (void)size;
    return read_object(loaded, &object) && visit->visit(&object, visit->data);
}

int dal_loaded_visit_(dal_loaded_visitor_ visit, void *data)
{
    struct visit each = {visit, data};

    return dl_iterate_phdr(visit_one, &each);
}

struct next {
    const char *symbol;
    int is_behind;
    struct dal_loaded_ *object;
};

static int look_for_next(const struct dal_loaded_ *object, void *data)
{
    struct next *next = data;

    if (!next->is_behind) {
        next->is_behind = dal_loaded_has_(object, (const void *)(uintptr_t)dal_loaded_next_);
        return 0;
    }
    *next->object = *object;
    return dal_loaded_symbol_(object, next->symbol) != NULL;
}

int dal_loaded_next_(const char *symbol, struct dal_loaded_ *object)
{
    struct next next = {symbol, 0, object};

    return dal_loaded_visit_(look_for_next, &next);
}
