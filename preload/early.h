/* SPDX-License-Identifier: MIT */
/*
 * Memory for what is allocated before an allocator is chosen: by the loader, by the C
 * library, by the start of a backend that itself calls malloc. Blocks live for ever, and are
 * told from all others by their address alone.
 */
#ifndef DAL_PRELOAD_EARLY_H
#define DAL_PRELOAD_EARLY_H

#include <stddef.h>
#include <stdint.h>

/* Untouched pages of it cost address space only. Backends were seen to want 91 KB. */
#define EARLY_BYTES ((size_t)16 << 20)

extern char dal_early_region_[EARLY_BYTES] __attribute__((visibility("hidden")));

/* Whether a block came from here. One subtraction and one comparison. */
static inline int dal_early_has_(const void *ptr)
{
    return (uintptr_t)ptr - (uintptr_t)dal_early_region_ < EARLY_BYTES;
}

/* A zeroed block, or NULL with errno ENOMEM. */
void *dal_early_alloc_(size_t align, size_t size);

/* The size that a block of dal_early_alloc_() was asked for with. */
size_t dal_early_size_(const void *ptr);

#endif /* DAL_PRELOAD_EARLY_H */
