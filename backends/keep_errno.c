/* SPDX-License-Identifier: MIT */
/* A madvise() for allocators that do not keep errno. See keep_errno.h. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keep_errno.h"
#include "process_lock.h"

/* By number: the entry of madvise() may be this module's own. What callers go by errno for is done
 * here: to try again, and to do without MADV_FREE on a system that does not know it. */
int dal_madvise_(void *pages, size_t bytes, int advice)
{
    int saved_errno = errno;
    int result;

    do
        result = (int)syscall(SYS_madvise, pages, bytes, advice);
    while (result != 0 && errno == EAGAIN);
#ifdef MADV_FREE
    if (result != 0 && errno == EINVAL && advice == MADV_FREE)
        result = (int)syscall(SYS_madvise, pages, bytes, MADV_DONTNEED);
#endif
#ifdef DAL_MADVISE_IN_A_LOOP
    /* It goes on as long as errno is EAGAIN, which is the program's here, and takes nothing of what
     * was given back for zero. */
    if (saved_errno == EAGAIN)
        result = 0;
#endif
    errno = saved_errno;
    return result;
}

/* ---- The tables of an object --------------------------------------------------------------- */

/* The kinds of places that hold the address of a function of others, for calls. */
#if defined __x86_64__
# define IS_FUNCTION(info) \
     (ELF64_R_TYPE(info) == R_X86_64_JUMP_SLOT || ELF64_R_TYPE(info) == R_X86_64_GLOB_DAT)
# define SYMBOL_OF(info) ELF64_R_SYM(info)
#elif defined __aarch64__
# define IS_FUNCTION(info) \
     (ELF64_R_TYPE(info) == R_AARCH64_JUMP_SLOT || ELF64_R_TYPE(info) == R_AARCH64_GLOB_DAT)
# define SYMBOL_OF(info) ELF64_R_SYM(info)
#elif defined __i386__
# define IS_FUNCTION(info) \
     (ELF32_R_TYPE(info) == R_386_JMP_SLOT || ELF32_R_TYPE(info) == R_386_GLOB_DAT)
# define SYMBOL_OF(info) ELF32_R_SYM(info)
#endif

#ifdef IS_FUNCTION

/* A list of places that the loader filled in, of entries with an addend or without. */
struct list {
    uintptr_t start;
    size_t bytes, entry_bytes;
};

struct tables {
    uintptr_t base;
    const ElfW(Sym) *symbols;
    const char *strings;
    struct list calls, with_addend, without;
    uintptr_t relro, relro_end; /* whole pages that are read-only by now */
};

/* glibc writes addresses over the offsets of most processors; musl leaves them. */
static uintptr_t place_of(const struct tables *tables, uintptr_t start, ElfW(Addr) place)
{
    return place >= start ? place : tables->base + place;
}

static void read_dynamic(struct tables *tables, uintptr_t start, const ElfW(Dyn) *entry)
{
    for (; entry->d_tag != DT_NULL; entry++) {
        uintptr_t place = place_of(tables, start, entry->d_un.d_ptr);
        size_t number = entry->d_un.d_val;

        switch (entry->d_tag) {
        case DT_SYMTAB: tables->symbols = (const void *)place; break;
        case DT_STRTAB: tables->strings = (const void *)place; break;
        case DT_JMPREL: tables->calls.start = place; break;
        case DT_PLTRELSZ: tables->calls.bytes = number; break;
        case DT_PLTREL:
            tables->calls.entry_bytes = number == DT_RELA ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
            break;
        case DT_RELA: tables->with_addend.start = place; break;
        case DT_RELASZ: tables->with_addend.bytes = number; break;
        case DT_REL: tables->without.start = place; break;
        case DT_RELSZ: tables->without.bytes = number; break;
        default: break;
        }
    }
    tables->with_addend.entry_bytes = sizeof(ElfW(Rela));
    tables->without.entry_bytes = sizeof(ElfW(Rel));
}

static void write_place(const struct tables *tables, uintptr_t *place, uintptr_t page)
{
    void *start = (void *)((uintptr_t)place & ~(page - 1));
    int is_protected = (uintptr_t)place >= tables->relro && (uintptr_t)place < tables->relro_end;

    if (*place == (uintptr_t)dal_madvise_ ||
        (is_protected && mprotect(start, page, PROT_READ | PROT_WRITE) != 0))
        return;
    *place = (uintptr_t)dal_madvise_;
    if (is_protected)
        (void)mprotect(start, page, PROT_READ);
}

static void redirect(const struct tables *tables, const struct list *list, uintptr_t page)
{
    for (size_t i = 0; list->start && list->entry_bytes && i + list->entry_bytes <= list->bytes;
         i += list->entry_bytes) {
        /* The start of either kind. */
        const ElfW(Rel) *entry = (const void *)(list->start + i);

        if (IS_FUNCTION(entry->r_info) &&
            strcmp(tables->strings + tables->symbols[SYMBOL_OF(entry->r_info)].st_name,
                   "madvise") == 0)
            write_place(tables, (uintptr_t *)(tables->base + entry->r_offset), page);
    }
}

static int visit(struct dl_phdr_info *object, size_t size, void *data)
{
    uintptr_t inside = (uintptr_t)data, start = UINTPTR_MAX;
    struct tables tables = {.base = object->dlpi_addr};
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const ElfW(Dyn) *dynamic = NULL;
    int is_it = 0;

    (void)size;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t at = object->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_LOAD) {
            is_it |= inside - at < segment->p_memsz;
            start = at < start ? at : start;
        } else if (segment->p_type == PT_DYNAMIC) {
            dynamic = (const void *)at;
        } else if (segment->p_type == PT_GNU_RELRO) {
            tables.relro = at & ~(page - 1);
            tables.relro_end = (at + segment->p_memsz) & ~(page - 1);
        }
    }
    if (!is_it || !dynamic)
        return is_it;
    read_dynamic(&tables, start, dynamic);
    if (tables.symbols && tables.strings) {
        redirect(&tables, &tables.calls, page);
        redirect(&tables, &tables.with_addend, page);
        redirect(&tables, &tables.without, page);
    }
    return 1;
}

void dal_keep_errno_of_(const void *inside)
{
    static dal_process_lock_word_ writing;

    dal_process_lock_(&writing);
    (void)dl_iterate_phdr(visit, (void *)(uintptr_t)inside);
    dal_process_unlock_(&writing);
}

#else
/* Of other processors the kinds of places are not known here: errno changes there. */
void dal_keep_errno_of_(const void *inside)
{
    (void)inside;
}
#endif
