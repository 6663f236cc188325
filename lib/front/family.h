/* SPDX-License-Identifier: MIT */
/*
 * The malloc family over any allocator: its own where it has one, else made from its slots.
 *
 * What is made knows only one allocator, the one behind the hook, since the functions have
 * no ctx. Where that allocator cannot tell the size of a block from its pointer, each block
 * gets a header that does.
 */
#ifndef DAL_FAMILY_H
#define DAL_FAMILY_H

#include <errno.h>
#include <stdint.h>

#include <dispatchalloc/instance.h>

/* The family for the instance that the hook holds, for ever. */
const struct dal_malloc_family *dal_family_for_(const struct dal_instance *winner);

/* What the functions of C and POSIX do around a family's, for whoever exports them. */

typedef void *(*dal_memalign_function_)(size_t align, size_t size);

/* count * size; 0 with errno ENOMEM if that overflows. */
int dal_family_product_(size_t count, size_t size, size_t *bytes);

static inline int dal_family_is_power_of_two_(size_t align)
{
    return align != 0 && (align & (align - 1)) == 0;
}

static inline void *dal_family_out_of_memory_(void)
{
    errno = ENOMEM;
    return NULL;
}

/* A layout that front.h calls valid; align is a power of two. */
static inline int dal_family_layout_is_valid_(size_t size, size_t align)
{
    return align <= (size_t)PTRDIFF_MAX && size <= (size_t)PTRDIFF_MAX - (align - 1);
}

/* The most that a realloc_function is asked for: jemalloc refuses more without a word in errno. */
#define DAL_FAMILY_REALLOC_MAX_ ((size_t)PTRDIFF_MAX / 8 * 7)

/* posix_memalign(3) and aligned_alloc(3) by a memalign_function. */
int dal_family_posix_memalign_(dal_memalign_function_ memalign, void **out, size_t align,
                               size_t size);
void *dal_family_aligned_alloc_(dal_memalign_function_ memalign, size_t align, size_t size);

#endif /* DAL_FAMILY_H */
