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

/* Untouched pages of it cost address space only. Backends were seen to want 91 KB. Below 16M,
 * so that compilers take the end for part of the address. */
#define EARLY_BYTES ((size_t)15 << 20)

/* The last bytes are nobody's. */
extern char dal_early_region_[EARLY_BYTES + 16] __attribute__((visibility("hidden")));

/* Whether a block came from here. The distance to the end, not that from the start: it is one
 * instruction less, since ptr stays in its register. */
static inline int dal_early_has_(const void *ptr)
{
    return (uintptr_t)&dal_early_region_[EARLY_BYTES] - (uintptr_t)ptr <= EARLY_BYTES;
}

/* A zeroed block, or NULL with errno ENOMEM. */
void *dal_early_alloc_(size_t align, size_t size);

/* If no block was ever handed out, see to it that none will be. Returns 1 if so. Who sees it closed
 * also sees what the thread that closed it wrote before. */
int dal_early_close_(void);
int dal_early_is_closed_(void);

/* The size that a block of dal_early_alloc_() was asked for with. */
size_t dal_early_size_(const void *ptr);

#endif /* DAL_PRELOAD_EARLY_H */
