/* SPDX-License-Identifier: MIT */
/* See address_text.h. Nothing here allocates or takes a lock; it reads files of the system. */
#include <config.h>

#include "stack/address_text.h"

#include "base/text.h"
#ifdef HAVE_DL_ITERATE_PHDR

# include <inttypes.h>
# include <pthread.h>
# include <string.h>
# include <unistd.h>

# include "os/frames.h"
# include "os/mapping.h"
# include "stack/symbol.h"

static int covers(const struct dal_os_mapping_ *mapping, uintptr_t address)
{
    return address >= mapping->start && address < mapping->end;
}

/*
 * What a pointer is if it is of this thread, or NULL. The mapping alone does not tell: the
 * kernel joins what is mapped next to it. What pthread_self() points to, in the C libraries
 * where it is a pointer, is right above the thread-local storage, and that above the stack,
 * except in the main thread.
 */
static const char *of_this_thread(const struct dal_os_mapping_ *mapping, uintptr_t address)
{
    const uintptr_t local_bytes = 65536; /* at most, as a rule */
    pthread_t self = pthread_self();
    int has_stack = covers(mapping, (uintptr_t)&self);
    uintptr_t top = 0;

    if (strcmp(mapping->name, "[stack]") == 0)
        return has_stack ? "on the stack of this thread" : "on the stack of the main thread";
    memcpy(&top, &self, sizeof self < sizeof top ? sizeof self : sizeof top);
    if (!covers(mapping, top) || address >= top)
        return NULL;
    if (top - address <= local_bytes)
        return has_stack ? "on the stack or in the thread-local storage of this thread"
                         : "in the thread-local storage of this thread";
    return has_stack ? "on the stack of this thread" : NULL;
}

static void add_file(struct dal_text_ *text, const struct dal_os_mapping_ *file,
                     const struct dal_symbol_ *symbol, const char *rights)
{
    const char *what = rights[2] == 'x' ? "code" : rights[1] == 'w' ? "data" : "constants";

    dal_text_add_(text, "in the %s of ", what);
    dal_text_add_(text, "%s+0x%" PRIxPTR, file->name, symbol->link_address);
    if (symbol->name[0])
        dal_text_add_(text, " (%s+0x%" PRIxPTR ")", symbol->name, symbol->offset);
}

# if defined __GLIBC__ && DAL_OS_HAS_READABLE_
/* Not of a file or a device: to read those may do something, or fault where the file was cut. */
static int is_memory(const struct dal_os_mapping_ *mapping)
{
    return !mapping->name[0] || strcmp(mapping->name, "[heap]") == 0;
}

/* The words in front of a block of glibc's malloc that has a mapping, or a thread's arena, of
 * its own. */
static int looks_like_glibc(const struct dal_os_mapping_ *mapping, uintptr_t address)
{
    const size_t in_mapping = 2, in_arena = 4, flags = 7;
    const size_t arena_bytes = (size_t)64 << 20;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size;

    if (!is_memory(mapping) || mapping->rights[0] != 'r' || address % (2 * sizeof size) != 0 ||
        address - mapping->start < 2 * sizeof size || !dal_os_is_readable_(address - sizeof size))
        return 0;
    memcpy(&size, (const void *)(address - sizeof size), sizeof size);
    if ((size & flags & ~(size_t)1) == in_mapping)
        return (address - 2 * sizeof size) % page == 0 && (size & ~flags) % page == 0 &&
               (size & ~flags) <= mapping->end - address + 2 * sizeof size;
    return (size & flags & ~(size_t)1) == in_arena && mapping->start % arena_bytes == 0 &&
           (size & ~flags) <= arena_bytes;
}
# else
static int looks_like_glibc(const struct dal_os_mapping_ *mapping, uintptr_t address)
{
    (void)mapping;
    (void)address;
    return 0;
}
# endif

/* It may be any allocator's memory. What looks for blocks remembers for a while those that were
 * given back. */
static void add_anonymous(struct dal_text_ *text, const struct dal_os_mapping_ *mapping,
                          uintptr_t address)
{
    if (mapping->name[0])
        dal_text_add_(text, "in %s", mapping->name);
    else
        dal_text_add_(text, "in an anonymous mapping of %zuK",
                      (size_t)(mapping->end - mapping->start) / 1024);
    dal_text_add_(text,
                  ", and no block that is known here: one that was given back long ago, or one "
                  "of another allocator");
    if (looks_like_glibc(mapping, address))
        dal_text_add_(text, " (it looks like one of the C library's own malloc)");
}

static void add_what(struct dal_text_ *text, const void *ptr)
{
    const uintptr_t address = (uintptr_t)ptr;
    struct dal_os_mapping_ mapping, before;
    struct dal_symbol_ symbol;
    int found = dal_os_mapping_(ptr, &mapping, &before);
    const char *of_thread = found > 0 ? of_this_thread(&mapping, address) : NULL;

    if (found < 0)
        return;
    if (address < 65536 && !found)
        dal_text_add_(text, "not mapped: a small number, not an address");
    else if (!found)
        dal_text_add_(text, "not mapped");
    else if (of_thread)
        dal_text_add_(text, "%s", of_thread);
    else if (dal_symbol_find_(&mapping, ptr, &symbol))
        add_file(text, &mapping, &symbol, mapping.rights);
    else if (!mapping.name[0] && before.end && dal_symbol_find_(&before, ptr, &symbol))
        add_file(text, &before, &symbol, mapping.rights);
    else
        add_anonymous(text, &mapping, address);
}
#else
static void add_what(struct dal_text_ *text, const void *address)
{
    (void)text;
    (void)address;
}
#endif

size_t dal_address_text_(const void *address, char *text, size_t bytes)
{
    struct dal_text_ words = dal_text_over_(text, bytes);

    add_what(&words, address);
    dal_text_clean_(&words, 0);
    return words.length;
}
