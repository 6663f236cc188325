/* SPDX-License-Identifier: MIT */
/* What malloc and its kin do in C and POSIX, whoever gives the blocks. */
#ifndef DAL_MALLOC_RULES_H
#define DAL_MALLOC_RULES_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

/* The functions of a malloc family: result, name, parameters, how they are passed on, and `return`
 * where there is a result; and of a call, whether it asks for what there may not be yet, the size
 * that it asks for, what it returns where there is nothing. */
#define DAL_FAMILY_FUNCTIONS_(X)                                                           \
    X(void *, malloc, (size_t size), (size), return, 1, size, NULL)                        \
    X(void, free, (void *ptr), (ptr), , ptr != NULL, 0, )                                  \
    X(void *, calloc, (size_t count, size_t size), (count, size), return, 1, size, NULL)   \
    X(void *, realloc, (void *ptr, size_t size), (ptr, size), return, 1, size, NULL)       \
    X(void *, memalign, (size_t align, size_t size), (align, size), return, 1, size, NULL) \
    X(size_t, usable_size, (void *ptr), (ptr), return, ptr != NULL, 0, 0)

/* The family of functions that begin so. */
#define DAL_FAMILY_OF_(prefix)                                                                \
    {                                                                                         \
        .abi = DAL_ALLOCATOR_ABI, .size_bytes = sizeof(struct dal_malloc_family),             \
        .malloc_function = prefix##_malloc, .free_function = prefix##_free,                   \
        .calloc_function = prefix##_calloc, .realloc_function = prefix##_realloc,             \
        .memalign_function = prefix##_memalign, .usable_size_function = prefix##_usable_size, \
    }

/* count * size; 0 with errno ENOMEM if that overflows. */
int dal_malloc_product_(size_t count, size_t size, size_t *bytes);

static inline int dal_malloc_is_power_of_two_(size_t align)
{
    return align != 0 && (align & (align - 1)) == 0;
}

/* What a call that failed returns, with errno set. */
static inline void *dal_malloc_fail_(int error)
{
    errno = error;
    return NULL;
}

/* A layout that front.h calls valid; align is a power of two. */
static inline int dal_malloc_layout_is_valid_(size_t size, size_t align)
{
    return align <= (size_t)PTRDIFF_MAX && size <= (size_t)PTRDIFF_MAX - (align - 1);
}

/* The most that a realloc_function is asked for: jemalloc refuses more without a word in errno. */
#define DAL_MALLOC_REALLOC_MAX_ ((size_t)PTRDIFF_MAX / 8 * 7)

/* posix_memalign(3) and aligned_alloc(3) by a memalign_function. */
typedef void *(*dal_memalign_function_)(size_t align, size_t size);

int dal_malloc_posix_memalign_(dal_memalign_function_ memalign, void **out, size_t align,
                               size_t size);
void *dal_malloc_aligned_alloc_(dal_memalign_function_ memalign, size_t align, size_t size);

#endif /* DAL_MALLOC_RULES_H */
