/* SPDX-License-Identifier: MIT */
/* What an address of this process is, in words. See address.h. */
#include <config.h>

#include "address.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "os/mapping.h"
#include "stack/symbol.h"

/* A line is to hold two sites and more: of a longer path its end tells most. */
#define PATH_BYTES 160

static void add_path(struct dal_text_ *text, const char *path)
{
    size_t length = strlen(path);

    if (length > PATH_BYTES)
        dal_text_add_(text, "...%s", path + length - PATH_BYTES);
    else
        dal_text_add_(text, "%s", path);
}

static void add_symbol(struct dal_text_ *text, const struct dal_os_mapping_ *file,
                       const struct dal_symbol_ *symbol)
{
    add_path(text, file->name);
    dal_text_add_(text, "+0x%" PRIxPTR, symbol->link_address);
    if (symbol->name[0])
        dal_text_add_(text, " (%s+0x%" PRIxPTR ")", symbol->name, symbol->offset);
}

void dal_address_add_site_(struct dal_text_ *text, const void *site)
{
    /* The call itself, which is before what it returns to: that may be another line of the
     * source, or another function. */
    const char *call = (const char *)site - 1;
    struct dal_os_mapping_ mapping;
    struct dal_symbol_ symbol;

    if (dal_os_mapping_(call, &mapping, NULL) <= 0)
        dal_text_add_(text, "%p", (const void *)call);
    else if (dal_symbol_find_(&mapping, call, &symbol))
        add_symbol(text, &mapping, &symbol);
    else
        dal_text_add_(text, "%p in %s", (const void *)call,
                      mapping.name[0] ? mapping.name : "code made at run time");
}

/* ---- Pointers ----------------------------------------------------------------------------- */

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
    add_symbol(text, file, symbol);
}

#ifdef __GLIBC__
# define MOST_LIKELY "another allocator"
/* The words in front of a block of glibc's malloc that has a mapping, or a thread's arena, of
 * its own. What is read was found to be mapped. */
static int looks_like_glibc(const struct dal_os_mapping_ *mapping, uintptr_t address)
{
    const size_t in_mapping = 2, in_arena = 4, flags = 7;
    const size_t arena_bytes = (size_t)64 << 20;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size;

    if (mapping->rights[0] != 'r' || address % (2 * sizeof size) != 0 ||
        address - mapping->start < 2 * sizeof size)
        return 0;
    memcpy(&size, (const void *)(address - sizeof size), sizeof size);
    if ((size & flags & ~(size_t)1) == in_mapping)
        return (address - 2 * sizeof size) % page == 0 && (size & ~flags) % page == 0 &&
               (size & ~flags) <= mapping->end - address + 2 * sizeof size;
    return (size & flags & ~(size_t)1) == in_arena && mapping->start % arena_bytes == 0 &&
           (size & ~flags) <= arena_bytes;
}
#else
# define MOST_LIKELY "another allocator, or of the C library's own"
static int looks_like_glibc(const struct dal_os_mapping_ *mapping, uintptr_t address)
{
    (void)mapping;
    (void)address;
    return 0;
}
#endif

static void add_anonymous(struct dal_text_ *text, const struct dal_os_mapping_ *mapping,
                          uintptr_t address)
{
    size_t kilobytes = (mapping->end - mapping->start) / 1024;

    if (strcmp(mapping->name, "[heap]") == 0)
        dal_text_add_(text, "in [heap], and no block that was given out here: most likely one of "
                            "the C library's own malloc");
    else if (mapping->name[0])
        dal_text_add_(text, "in %s, and no block that was given out here", mapping->name);
    else if (looks_like_glibc(mapping, address))
        dal_text_add_(text,
                      "in an anonymous mapping of %zuK, and no block that was given out "
                      "here: it looks like one of the C library's own malloc",
                      kilobytes);
    else
        dal_text_add_(text,
                      "in an anonymous mapping of %zuK, and no block that was given out "
                      "here: most likely one of " MOST_LIKELY,
                      kilobytes);
}

uintptr_t dal_address_add_what_(struct dal_text_ *text, const void *ptr)
{
    const uintptr_t address = (uintptr_t)ptr;
    struct dal_os_mapping_ mapping, before;
    struct dal_symbol_ symbol;
    int found = dal_os_mapping_(ptr, &mapping, &before);
    const char *of_thread = found > 0 ? of_this_thread(&mapping, address) : NULL;

    if (found < 0)
        dal_text_add_(text, "no block that was given out here");
    else if (address < 65536 && !found)
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
    return found > 0 ? mapping.start : 0;
}
