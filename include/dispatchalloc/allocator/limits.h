/* SPDX-License-Identifier: MIT */
/*
 * What the modules over other allocators have in common: which requests such an allocator is
 * asked for, and in which of its two ways.
 *
 * The short way is its malloc, which aligns a block of n bytes to the largest power of two
 * that divides n, up to DAL_MIN_ALIGN. So a request whose alignment is no more than that is
 * made one of at least `align` bytes, which no size class makes larger than it would have
 * been, and needs no second test; a size of 0 is covered as well. The long way is for the
 * alignments above, and for those its own arithmetic may not be trusted with.
 */
#ifndef DISPATCHALLOC_ALLOCATOR_LIMITS_H
#define DISPATCHALLOC_ALLOCATOR_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/layout.h>
#include <dispatchalloc/macros.h>

/* No machine has a block of a larger alignment, and near PTRDIFF_MAX some releases of some
 * allocators overflow instead of refusing (CVE-2026-0861 was the C library's). */
#define DAL_ALIGN_MAX_ ((size_t)PTRDIFF_MAX / 4 + 1)

static inline int dal_is_short_(size_t align)
{
    return DAL_LIKELY_(align <= DAL_MIN_ALIGN) != 0;
}

/* The size to ask for in the short way; never 0. */
static inline size_t dal_short_size_(size_t size, size_t align)
{
    return size < align ? align : size;
}

/* Whether the long way can be asked for a block at all. */
static inline int dal_is_possible_(size_t size, size_t align)
{
    return align <= DAL_ALIGN_MAX_ && size <= (size_t)PTRDIFF_MAX - align;
}

/* The size to ask for in the long way: not 0, which some answer with NULL. */
static inline size_t dal_long_size_(size_t size)
{
    return size ? size : 1;
}

#endif /* DISPATCHALLOC_ALLOCATOR_LIMITS_H */
