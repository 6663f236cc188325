/* SPDX-License-Identifier: MIT */
/*
 * What an object that is loaded takes from others: the places that the loader filled in with the
 * addresses of their symbols, by the object's own tables. Nothing here locks or allocates.
 */
#ifndef DAL_RELOCATIONS_H
#define DAL_RELOCATIONS_H

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

#if UINTPTR_MAX > 0xffffffff
# define DAL_RELOCATION_SYMBOL_(info) ELF64_R_SYM(info)
# define DAL_RELOCATION_TYPE_(info)   ELF64_R_TYPE(info)
#else
# define DAL_RELOCATION_SYMBOL_(info) ELF32_R_SYM(info)
# define DAL_RELOCATION_TYPE_(info)   ELF32_R_TYPE(info)
#endif

/* A list of such places, of entries with an addend or without. */
struct dal_relocation_list_ {
    uintptr_t start;
    size_t bytes, entry_bytes;
};

struct dal_relocations_ {
    uintptr_t base;  /* what the object's addresses are added to */
    uintptr_t start; /* of its mappings */
    const ElfW(Sym) *symbols;
    const char *strings;
    struct dal_relocation_list_ calls, with_addend, without;
};

/* Returns 0 to go on. place holds the address that the loader found. */
typedef int (*dal_relocation_visitor_)(const char *name, const ElfW(Sym) *symbol, unsigned type,
                                       uintptr_t *place, void *data);

/* glibc writes addresses over the offsets of most processors; musl leaves them. */
static inline uintptr_t dal_table_at_(uintptr_t base, uintptr_t start, ElfW(Addr) place)
{
    return place >= start ? place : base + place;
}

/* *relocations has base and start; the rest is filled from the dynamic section. */
static inline void dal_relocations_read_(struct dal_relocations_ *relocations,
                                         const ElfW(Dyn) *entry)
{
    relocations->with_addend.entry_bytes = sizeof(ElfW(Rela));
    relocations->without.entry_bytes = sizeof(ElfW(Rel));
    for (; entry->d_tag != DT_NULL; entry++) {
        uintptr_t table = dal_table_at_(relocations->base, relocations->start, entry->d_un.d_ptr);
        size_t number = entry->d_un.d_val;

        switch (entry->d_tag) {
        case DT_SYMTAB: relocations->symbols = (const void *)table; break;
        case DT_STRTAB: relocations->strings = (const void *)table; break;
        case DT_JMPREL: relocations->calls.start = table; break;
        case DT_PLTRELSZ: relocations->calls.bytes = number; break;
        case DT_PLTREL:
            relocations->calls.entry_bytes =
                number == DT_RELA ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
            break;
        case DT_RELA: relocations->with_addend.start = table; break;
        case DT_RELASZ: relocations->with_addend.bytes = number; break;
        case DT_REL: relocations->without.start = table; break;
        case DT_RELSZ: relocations->without.bytes = number; break;
        default: break;
        }
    }
}

/* Each place of a symbol that the object does not define, until the visitor returns another number
 * than 0, which is returned. */
static inline int dal_relocations_visit_(const struct dal_relocations_ *relocations,
                                         dal_relocation_visitor_ visit, void *data)
{
    const struct dal_relocation_list_ lists[] = {relocations->calls, relocations->with_addend,
                                                 relocations->without};
    int result = 0;

    if (!relocations->symbols || !relocations->strings)
        return 0;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const struct dal_relocation_list_ *list = &lists[i];

        for (size_t at = 0;
             list->start && list->entry_bytes && at + list->entry_bytes <= list->bytes;
             at += list->entry_bytes) {
            /* The start of either kind. */
            const ElfW(Rel) *entry = (const void *)(list->start + at);
            const ElfW(Sym) *symbol = relocations->symbols + DAL_RELOCATION_SYMBOL_(entry->r_info);

            if (symbol->st_name && symbol->st_shndx == SHN_UNDEF)
                result = visit(relocations->strings + symbol->st_name, symbol,
                               (unsigned)DAL_RELOCATION_TYPE_(entry->r_info),
                               (uintptr_t *)(relocations->base + entry->r_offset), data);
            if (result)
                return result;
        }
    }
    return 0;
}

#endif /* DAL_RELOCATIONS_H */
