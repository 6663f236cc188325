/* SPDX-License-Identifier: MIT */
/*
 * The system allocator on POSIX, as functions for a table; what they do is in
 * dispatchalloc/allocator/system.h. In the interposer the plain names lead back to the
 * interposer itself, so there they stand for functions that find the C library's own.
 */
#include "system.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if DAL_SYSTEM_KNOWS_SIZES
# if defined __FreeBSD__
#  include <malloc_np.h>
# else
#  include <malloc.h>
# endif
#endif

#ifdef DAL_INTERPOSER
# include "../../preload/libc_names.h"
# define malloc             dal_libc_malloc_
# define free               dal_libc_free_
# define calloc             dal_libc_calloc_
# define realloc            dal_libc_realloc_
# define posix_memalign     dal_libc_posix_memalign_
# define malloc_usable_size dal_libc_usable_size_
#endif

#include <dispatchalloc/allocator/system.h>

void *dal_system_alloc_(size_t size, size_t align, void *ctx)
{
    return dal_inline_system_alloc_(size, align, ctx);
}

#if !DAL_SYSTEM_IS_LIBC
void *dal_system_alloc_natural_(size_t size, size_t align, void *ctx)
{
    return dal_inline_system_alloc_natural_(size, align, ctx);
}

void dal_system_dealloc_(void *ptr, size_t size, size_t align, void *ctx)
{
    dal_inline_system_dealloc_(ptr, size, align, ctx);
}
#endif

void *dal_system_alloc_zeroed_(size_t size, size_t align, void *ctx)
{
    return dal_inline_system_alloc_zeroed_(size, align, ctx);
}

void *dal_system_realloc_(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    return dal_inline_system_realloc_(ptr, old_size, align, new_size, ctx);
}

#if DAL_SYSTEM_KNOWS_SIZES
size_t dal_system_usable_size_(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    return malloc_usable_size((void *)(uintptr_t)ptr);
}

void dal_system_dealloc_unsized_(void *ptr, void *ctx)
{
    (void)ctx;
    free(ptr);
}

static void *family_memalign(size_t align, size_t size)
{
    void *ptr = dal_inline_system_aligned_(size, align);

    if (!ptr)
        errno = ENOMEM;
    return ptr;
}

# if DAL_SYSTEM_REALLOC_FREES
#  define family_realloc realloc
# else
static void *family_realloc(void *ptr, size_t size)
{
    if (size != 0 || !ptr)
        return realloc(ptr, size);
    free(ptr);
    return NULL;
}
# endif

/* malloc and its like by address and not by a wrapper: they are the C library's, or those
 * of whatever was put before it. */
const struct dal_malloc_family dal_system_family_ = {
    .abi = DAL_ALLOCATOR_ABI,
    .size_bytes = sizeof(struct dal_malloc_family),
    .malloc_function = malloc,
    .free_function = free,
    .calloc_function = calloc,
    .realloc_function = family_realloc,
    .memalign_function = family_memalign,
    .usable_size_function = malloc_usable_size,
};
#endif
