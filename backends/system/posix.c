/* SPDX-License-Identifier: MIT */
/*
 * The system allocator on POSIX: malloc, calloc, realloc and posix_memalign by their plain
 * names, so that LD_PRELOAD, sanitizers and valgrind keep working.
 *
 * Rust's System. malloc serves a request only where align <= size as well: jemalloc and
 * others that may stand in for malloc align a block of 8 bytes to 8, not to 16.
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

/* No machine has a block of such an alignment, and near PTRDIFF_MAX some releases of the
 * C library overflow instead of refusing (CVE-2026-0861). */
#define ALIGN_MAX ((size_t)PTRDIFF_MAX / 4 + 1)

/* Not inline: it needs a frame, which the usual way does without. */
DAL_ATTRIBUTE_((noinline)) static void *aligned_block(size_t size, size_t align)
{
    void *ptr;

    if (align > ALIGN_MAX || size > (size_t)PTRDIFF_MAX - align)
        return NULL;
    if (align < sizeof(void *))
        align = sizeof(void *);
    /* POSIX lets a size of 0 give NULL, which would mean exhausted here. */
    return posix_memalign(&ptr, align, size > 0 ? size : 1) == 0 ? ptr : NULL;
}

void *dal_system_alloc_(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    /* In two steps: the compiler would make one of them that takes an instruction more. */
    if (DAL_UNLIKELY_(align > DAL_MIN_ALIGN))
        return aligned_block(size, align);
    return DAL_LIKELY_(align <= size) ? malloc(size) : aligned_block(size, align);
}

#if !DAL_SYSTEM_IS_LIBC
void *dal_system_alloc_natural_(size_t size, size_t align, void *ctx)
{
    (void)align;
    (void)ctx;
    return malloc(size);
}

void dal_system_dealloc_(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    free(ptr);
}
#endif

void *dal_system_alloc_zeroed_(size_t size, size_t align, void *ctx)
{
    void *ptr;

    (void)ctx;
    /* calloc knows which pages come zeroed from the kernel and leaves those alone. */
    if (align <= DAL_MIN_ALIGN && align <= size)
        return calloc(size, 1);
    ptr = aligned_block(size, align);
    return ptr ? memset(ptr, 0, size) : NULL;
}

void *dal_system_realloc_(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    void *moved;

    (void)ctx;
    if (align <= DAL_MIN_ALIGN && align <= new_size)
        return realloc(ptr, new_size);
    moved = aligned_block(new_size, align);
    if (moved && ptr) {
        memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        free(ptr);
    }
    return moved;
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
    void *ptr = aligned_block(size, align);

    if (!ptr)
        errno = ENOMEM;
    return ptr;
}

/* malloc and its like by address and not by a wrapper: they are the C library's, or those
 * of whatever was put before it. */
const struct dal_malloc_family dal_system_family_ = {
    DAL_ALLOCATOR_ABI,  sizeof(struct dal_malloc_family), malloc, free, calloc, realloc,
    family_memalign, malloc_usable_size,
};
#endif
