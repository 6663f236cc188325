/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/allocator/mimalloc.h
 * @brief mimalloc as a constant whose functions are inline, for a program that links it.
 *
 * For DAL_GLOBAL_ALLOCATOR_FIXED() (dispatchalloc/fixed.h), DAL_GLOBAL_ALLOCATOR() or any other use
 * of a struct dal_allocator. It takes mimalloc's own header, and the program is linked with
 * -lmimalloc. The module `mimalloc` is this code as well.
 *
 * A block of mi_malloc or of mi_malloc_aligned_at may be given back by mi_free and resized by
 * mi_realloc, so the alignment is looked at only where a block is made.
 *
 * mimalloc 2.0.9, Debian 12's, misaligns blocks: mi_malloc_aligned takes it for granted that a
 * block whose size is a power of two up to 1024 is aligned to its size, and from 256 on that
 * is not so (mi_posix_memalign and mi_realloc_aligned share the fault). mi_malloc_aligned_at
 * does not take that turn. What comes back is looked at all the same.
 */
#ifndef DISPATCHALLOC_ALLOCATOR_MIMALLOC_H
#define DISPATCHALLOC_ALLOCATOR_MIMALLOC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <mimalloc.h>

#include <dispatchalloc/allocator/limits.h>
#include <dispatchalloc/error.h>
#include <dispatchalloc/instance.h>
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

static inline void *dal_mimalloc_alloc_(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    if (dal_is_short_(align))
        return mi_malloc(dal_short_size_(size, align));
    if (!dal_is_possible_(size, align))
        return NULL;
    return dal_mimalloc_aligned_or_null_(mi_malloc_aligned_at(dal_long_size_(size), align, 0),
                                         align);
}

static inline void *dal_mimalloc_alloc_natural_(size_t size, size_t align, void *ctx)
{
    (void)align;
    (void)ctx;
    return mi_malloc(size);
}

static inline void dal_mimalloc_dealloc_(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    mi_free(ptr);
}

static inline void *dal_mimalloc_alloc_zeroed_(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    if (dal_is_short_(align))
        return mi_zalloc(dal_short_size_(size, align));
    if (!dal_is_possible_(size, align))
        return NULL;
    return dal_mimalloc_aligned_or_null_(mi_zalloc_aligned_at(dal_long_size_(size), align, 0),
                                         align);
}

/* mi_realloc's rule: a block stays where it has room and is not more than half empty. */
static inline int dal_mimalloc_may_stay_(const void *ptr, size_t align, size_t new_size)
{
    size_t room = mi_usable_size(ptr);

    return ((uintptr_t)ptr & (align - 1)) == 0 && new_size <= room && new_size >= room / 2;
}

/* Also for a block that had another alignment. */
static inline void *dal_mimalloc_resize_(void *ptr, size_t old_size, size_t align, size_t new_size)
{
    void *moved;

    if (dal_is_short_(align))
        return mi_realloc(ptr, dal_short_size_(new_size, align));
    if (ptr && dal_mimalloc_may_stay_(ptr, align, new_size))
        return ptr;
    moved = dal_mimalloc_alloc_(new_size, align, NULL);
    if (moved && ptr) {
        memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        mi_free(ptr);
    }
    return moved;
}

static inline void *dal_mimalloc_realloc_(void *ptr, size_t old_size, size_t align,
                                          size_t new_size, void *ctx)
{
    (void)ctx;
    return dal_mimalloc_resize_(ptr, old_size, align, new_size);
}

static inline void *dal_mimalloc_relayout_(void *ptr, size_t old_size, size_t old_align,
                                           size_t new_size, size_t new_align, void *ctx)
{
    (void)old_align;
    (void)ctx;
    return dal_mimalloc_resize_(ptr, old_size, new_align, new_size);
}

static inline int dal_mimalloc_resize_in_place_(void *ptr, size_t old_size, size_t align,
                                                size_t new_size, void *ctx)
{
    (void)old_size;
    (void)align;
    (void)ctx;
    return new_size <= mi_usable_size(ptr) ? DAL_OK : DAL_ERR_UNSUPPORTED;
}

static inline size_t dal_mimalloc_usable_size_(const void *ptr, size_t size, size_t align,
                                               void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    return mi_usable_size(ptr);
}

static inline void dal_mimalloc_dealloc_unsized_(void *ptr, void *ctx)
{
    (void)ctx;
    mi_free(ptr);
}

/** The mimalloc that the program is linked with. Thread-safe. */
DAL_ATTRIBUTE_((unused))
static const struct dal_allocator dal_mimalloc_allocator = {
    DAL_ALLOCATOR_HEADER(NULL),
    dal_mimalloc_alloc_,
    dal_mimalloc_dealloc_,
    dal_mimalloc_alloc_zeroed_,
    dal_mimalloc_realloc_,
    dal_mimalloc_relayout_,
    NULL, /* grow_zeroed: derived */
    dal_mimalloc_relayout_,
    dal_mimalloc_resize_in_place_,
    dal_mimalloc_usable_size_,
    dal_mimalloc_dealloc_unsized_,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    dal_mimalloc_alloc_natural_
};

DAL_END_DECLS_

#endif /* DISPATCHALLOC_ALLOCATOR_MIMALLOC_H */
