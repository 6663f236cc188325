/* SPDX-License-Identifier: MIT */
/*
 * What the malloc families of the modules have in common (struct dal_malloc_family): where the
 * allocator's own functions differ from what is promised there.
 */
#ifndef DAL_BACKENDS_MALLOC_CONVENTIONS_H
#define DAL_BACKENDS_MALLOC_CONVENTIONS_H

#include <errno.h>
#include <stddef.h>

#include <dispatchalloc/instance.h>

/* What failed says so, also where the allocator itself does not. */
static inline void *dal_family_result(void *ptr)
{
    if (DAL_UNLIKELY_(!ptr))
        errno = ENOMEM;
    return ptr;
}

/*
 * realloc_function by an allocator's realloc and free. Size 0 frees; most allocators would
 * return a block, which programs that are written for glibc never free.
 */
static inline void *dal_family_realloc(void *ptr, size_t size, void *(*resize)(void *, size_t),
                                       void (*release)(void *))
{
    if (DAL_UNLIKELY_(size == 0) && ptr) {
        release(ptr);
        return NULL;
    }
    return dal_family_result(resize(ptr, size));
}

#endif /* DAL_BACKENDS_MALLOC_CONVENTIONS_H */
