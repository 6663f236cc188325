/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/allocator/mimalloc.h
 * @brief mimalloc as a constant whose functions are inline, for a program that links it.
 *
 * For DAL_GLOBAL_ALLOCATOR_FIXED() (dispatchalloc/fixed.h), DAL_GLOBAL_ALLOCATOR() or any other use
 * of a struct dal_allocator. It takes mimalloc's own header, and the program is linked with
 * -lmimalloc. The module `mimalloc` is this code as well.
 *
 * mimalloc 2.0.9, Debian 12's, misaligns blocks: mi_malloc_aligned takes it for granted that a
 * block whose size is a power of two up to 1024 is aligned to its size, and from 256 on that
 * is not so (mi_posix_memalign and mi_realloc_aligned share the fault). mi_malloc_aligned_at
 * does not take that turn. What comes back is looked at all the same.
 *
 * mimalloc 3.0.1, Debian 13's, aligns most blocks by handing out the middle of a larger one, and
 * marks the page that has such. When the page is full, or its thread ends, the mark is lost:
 * mi_usable_size then says too much, by which mi_zalloc_aligned writes zeroes beyond the block, and
 * mi_free takes the middle for the beginning, so that later blocks overlap. So 3.0 is asked for
 * blocks that are aligned from their beginning alone.
 */
#ifndef DISPATCHALLOC_ALLOCATOR_MIMALLOC_H
#define DISPATCHALLOC_ALLOCATOR_MIMALLOC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <mimalloc.h>

#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/* A block that is not aligned is not handed out. */
static inline void *dal_mimalloc_aligned_or_null_(void *ptr, size_t align)
{
    if (DAL_LIKELY_(((uintptr_t)ptr & (align - 1)) == 0))
        return ptr;
    mi_free(ptr);
    return NULL;
}

#if MI_MALLOC_VERSION >= 300 && MI_MALLOC_VERSION < 310

/* Sizes in which mi_malloc aligns each block: multiples of the alignment, if that is not more than
 * where the first block of a page begins, and powers of two up to 1024. 0: there is none. (Who
 * calls has seen to it that size and alignment together are a number.) */
static inline size_t dal_mimalloc_natural_size_(size_t size, size_t align)
{
    size_t whole = align;

    if (align <= 128)
        return (size + align - 1) & ~(align - 1);
    while (whole < size && whole <= 1024)
        whole *= 2;
    return whole <= 1024 ? whole : 0;
}

/* From this alignment on a block has a mapping of its own, and begins where its page does: slow,
 * and Linux gives a process some 65,000 of them. */
static inline size_t dal_mimalloc_own_page_(size_t align)
{
    return align < (size_t)128 << 10 ? (size_t)128 << 10 : align;
}

/* Where mimalloc is built with padding behind its blocks the sizes are other ones. */
static inline void *dal_mimalloc_aligned_(size_t size, size_t align)
{
    size_t natural = dal_mimalloc_natural_size_(size, align);
    void *ptr = natural ? dal_mimalloc_aligned_or_null_(mi_malloc(natural), align) : NULL;

    if (ptr)
        return ptr;
    return dal_mimalloc_aligned_or_null_(mi_malloc_aligned(size, dal_mimalloc_own_page_(align)),
                                         align);
}

/* mi_zalloc() does not write to memory that is zero already. */
static inline void *dal_mimalloc_aligned_zeroed_(size_t size, size_t align)
{
    size_t natural = dal_mimalloc_natural_size_(size, align);
    void *ptr = natural ? dal_mimalloc_aligned_or_null_(mi_zalloc(natural), align) : NULL;

    if (ptr)
        return ptr;
    ptr = dal_mimalloc_aligned_or_null_(mi_malloc_aligned(size, dal_mimalloc_own_page_(align)),
                                        align);
    return ptr ? memset(ptr, 0, size) : NULL;
}

#else

static inline void *dal_mimalloc_aligned_(size_t size, size_t align)
{
    return dal_mimalloc_aligned_or_null_(mi_malloc_aligned_at(size, align, 0), align);
}

static inline void *dal_mimalloc_aligned_zeroed_(size_t size, size_t align)
{
    return dal_mimalloc_aligned_or_null_(mi_zalloc_aligned_at(size, align, 0), align);
}

#endif

DAL_END_DECLS_

/** The mimalloc that the program is linked with. Thread-safe. */
#define DAL_OVER_ALLOCATOR_          dal_mimalloc_allocator
#define DAL_OVER_(name)              dal_mimalloc_##name##_
#define DAL_OVER_MALLOC_(size)       mi_malloc(size)
#define DAL_OVER_CALLOC_(size)       mi_zalloc(size)
#define DAL_OVER_REALLOC_(ptr, size) mi_realloc(ptr, size)
#define DAL_OVER_FREE_(ptr)          mi_free(ptr)
#define DAL_OVER_LONG_               dal_mimalloc_aligned_
#define DAL_OVER_LONG_ZEROED_        dal_mimalloc_aligned_zeroed_
#define DAL_OVER_ROOM_(ptr)          mi_usable_size(ptr)
#include <dispatchalloc/allocator/over_malloc.h>

#endif /* DISPATCHALLOC_ALLOCATOR_MIMALLOC_H */
