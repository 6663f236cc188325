/* SPDX-License-Identifier: MIT */
/* An allocator of a program's, over malloc, with a malloc family. With PROBE it has the slot that
 * only the next version has, with FAMILY the family has what only the next version has. */
#ifndef OWN_H
#define OWN_H

#include <dispatchalloc.h>
#include <malloc.h>
#include <stdlib.h>

static int own_calls;

static void *own_alloc(size_t size, size_t align, void *ctx)
{
    void *ptr = NULL;

    (void)ctx;
    own_calls++;
    if (align < sizeof(void *))
        align = sizeof(void *);
    return posix_memalign(&ptr, align, size ? size : 1) == 0 ? ptr : NULL;
}

static void own_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    free(ptr);
}

static size_t own_usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    return malloc_usable_size((void *)(size_t)ptr);
}

static void own_dealloc_unsized(void *ptr, void *ctx)
{
    (void)ctx;
    free(ptr);
}

static void *own_malloc(size_t size)
{
    own_calls++;
    return malloc(size ? size : 1);
}

#ifdef FAMILY
static void own_grown(void)
{
}
#endif

static const struct dal_malloc_family own_family = {
    .abi = DAL_ALLOCATOR_ABI,
    .size_bytes = sizeof(struct dal_malloc_family),
    .malloc_function = own_malloc,
    .free_function = free,
    .calloc_function = calloc,
    .realloc_function = realloc,
    .memalign_function = memalign,
    .usable_size_function = malloc_usable_size,
#ifdef FAMILY
    .grown_function = own_grown,
#endif
};

#ifdef PROBE
static size_t own_probe(size_t number, void *ctx)
{
    (void)ctx;
    return 2 * number;
}
#endif

static const struct dal_allocator own = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = own_alloc,
    .dealloc = own_dealloc,
    .usable_size = own_usable_size,
    .dealloc_unsized = own_dealloc_unsized,
    .malloc_family = &own_family,
#ifdef PROBE
    .probe = own_probe,
#endif
};

#endif /* OWN_H */
