/* SPDX-License-Identifier: MIT */
/*
 * The backend `jemalloc`, a module.
 *
 * Ordinary alignments go to malloc, calloc, realloc and free, jemalloc's short way; the others
 * to mallocx and rallocx. A block of either may be given back by free and resized by the other,
 * so the alignment is looked at only where a block is made.
 *
 * Instructions of a pair at size 32 (callgrind; 5.3.0, gcc 12), called directly. Where the
 * thread-local storage is static, descriptors are found faster: the module is preloaded, as the
 * interposer is used, or glibc.rtld.optional_static_tls=4096 made room when it was opened.
 *
 *                                own, descriptors   own, general-dynamic   Debian's
 *     malloc, free                       93                131                81
 *     the same, opened                  138                131
 *     malloc, sdallocx                   86                129               145
 *     mallocx, sdallocx                 136                164               208
 *     mallocx(align 64), free           214                241               217
 *     mallocx(align 64), sdallocx       273                309               288
 *
 * So sized free is not used: in our own build it saves 7 instructions, and the tests for NULL
 * and for the alignment that have to come before it cost as many; measured in time it is a
 * little slower on blocks in the cache and a little faster on a million of them. Without it a
 * wrong size is harmless, and resize_in_place may leave a block in a larger class.
 */
#include <string.h>

#include <dispatchalloc/module.h>

#include "../family.h"
#include "../limits.h"
#include "jemalloc.h"

static int flags_of(size_t align)
{
    return MALLOCX_LG_ALIGN(__builtin_ctzl(align));
}

static void *alloc(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    if (dal_is_short(align))
        return jemalloc_malloc(dal_short_size(size, align));
    if (!dal_is_possible(size, align))
        return NULL;
    return JE(mallocx)(dal_long_size(size), flags_of(align));
}

static void *alloc_natural(size_t size, size_t align, void *ctx)
{
    (void)align;
    (void)ctx;
    return jemalloc_malloc(size);
}

static void dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    jemalloc_free(ptr);
}

static void *alloc_zeroed(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    if (dal_is_short(align))
        return jemalloc_calloc(1, dal_short_size(size, align));
    if (!dal_is_possible(size, align))
        return NULL;
    return JE(mallocx)(dal_long_size(size), flags_of(align) | MALLOCX_ZERO);
}

/* Also for a block that had another alignment. */
static void *resize(void *ptr, size_t align, size_t new_size)
{
    if (dal_is_short(align))
        return jemalloc_realloc(ptr, dal_short_size(new_size, align));
    if (!dal_is_possible(new_size, align))
        return NULL;
    if (!ptr)
        return JE(mallocx)(dal_long_size(new_size), flags_of(align));
    return JE(rallocx)(ptr, dal_long_size(new_size), flags_of(align));
}

static void *reallocate(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)old_size;
    (void)ctx;
    return resize(ptr, align, new_size);
}

static void *relayout(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                      size_t new_align, void *ctx)
{
    (void)old_size;
    (void)old_align;
    (void)ctx;
    return resize(ptr, new_align, new_size);
}

/* jemalloc zeroes what comes after the last usable byte of the old block, and leaves pages
 * alone that are zero already. What the old block had to spare is zeroed here. */
static void *grow_zeroed(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                         size_t new_align, void *ctx)
{
    size_t asked = dal_short_size(new_size, new_align);
    size_t spare;
    char *grown;

    (void)old_align;
    if (!ptr)
        return alloc_zeroed(new_size, new_align, ctx);
    if (!dal_is_possible(new_size, new_align))
        return NULL;
    spare = JE(sallocx)(ptr, 0);
    grown = JE(rallocx)(ptr, asked, flags_of(new_align) | MALLOCX_ZERO);
    if (spare > asked)
        spare = asked;
    if (grown && spare > old_size)
        memset(grown + old_size, 0, spare - old_size);
    return grown;
}

static int resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)old_size;
    (void)ctx;
    if (!dal_is_possible(new_size, align))
        return DAL_ERR_UNSUPPORTED;
    return JE(xallocx)(ptr, dal_long_size(new_size), 0, flags_of(align)) >= new_size
               ? DAL_OK
               : DAL_ERR_UNSUPPORTED;
}

static size_t usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    return JE(sallocx)(ptr, 0);
}

static void dealloc_unsized(void *ptr, void *ctx)
{
    (void)ctx;
    jemalloc_free(ptr);
}

/* ---- Its own controls ----------------------------------------------------------------- */

/* Statistics, settings and size classes of the jemalloc at hand, for a program that looks these
 * up in the module (dispatchalloc(7)): mallctl and nallocx as in jemalloc(3). */
DAL_API int dal_jemalloc_mallctl(const char *name, void *old, size_t *old_bytes, void *new,
                                 size_t new_bytes);
DAL_API size_t dal_jemalloc_nallocx(size_t size, int flags);

int dal_jemalloc_mallctl(const char *name, void *old, size_t *old_bytes, void *new,
                         size_t new_bytes)
{
    return JE(mallctl)(name, old, old_bytes, new, new_bytes);
}

size_t dal_jemalloc_nallocx(size_t size, int flags)
{
    return JE(nallocx)(size, flags);
}

/* ---- The malloc family ---------------------------------------------------------------- */

#ifdef DAL_JEMALLOC_SOURCE
# define family_malloc JE(malloc)
# define family_calloc JE(calloc)
# define family_free   JE(free)
#else
/* The system's are known at run time only. */
static void *family_malloc(size_t size)
{
    return jemalloc_malloc(size);
}

static void *family_calloc(size_t count, size_t size)
{
    return jemalloc_calloc(count, size);
}

static void family_free(void *ptr)
{
    jemalloc_free(ptr);
}
#endif

static void *family_realloc(void *ptr, size_t size)
{
    return dal_family_realloc(ptr, size, jemalloc_realloc, jemalloc_free);
}

static void *family_memalign(size_t align, size_t size)
{
    return dal_family_result(alloc(size, align, NULL));
}

static size_t family_usable_size(void *ptr)
{
    return ptr ? JE(sallocx)(ptr, 0) : 0;
}

static const struct dal_malloc_family family = {
    DAL_ALLOCATOR_ABI, sizeof family, family_malloc, family_free, family_calloc, family_realloc,
    family_memalign, family_usable_size,
};

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    int error = dal_jemalloc_start_(request);

    if (error)
        return error;
    allocator->alloc = alloc;
    allocator->alloc_natural = alloc_natural;
    allocator->dealloc = dealloc;
    allocator->alloc_zeroed = alloc_zeroed;
    allocator->realloc = reallocate;
    allocator->grow = relayout;
    allocator->grow_zeroed = grow_zeroed;
    allocator->shrink = relayout;
    allocator->resize_in_place = resize_in_place;
    allocator->usable_size = usable_size;
    allocator->dealloc_unsized = dealloc_unsized;
    allocator->malloc_family = &family;
    return DAL_OK;
}

#define TEXT_OF(x) #x
#define VERSION_OF(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

#ifdef DAL_JEMALLOC_SOURCE
# define SUMMARY "jemalloc, a copy of its own that can be opened at any time"
#else
# define SUMMARY "the system's jemalloc, for programs that it was there at the start of"
#endif

/* Never destroyed: jemalloc has no end but the process's. */
static const struct dal_backend jemalloc = {
    DAL_BACKEND_HEADER,
    .name = "jemalloc",
    .version = VERSION_OF(JEMALLOC_VERSION_MAJOR, JEMALLOC_VERSION_MINOR, JEMALLOC_VERSION_BUGFIX),
    .summary = SUMMARY,
    .option_count = DAL_JEMALLOC_OPTION_COUNT,
    .options = dal_jemalloc_options_,
    .create = create,
};

DAL_MODULE(jemalloc);
