/* SPDX-License-Identifier: MIT */
/*
 * Memory for what is allocated before an allocator is chosen: by the loader, by the C
 * library, by the start of a backend that itself calls malloc. Blocks live for ever, and are
 * told from all others by their address alone. Most processes have none, and no memory for them.
 */
#ifndef DAL_PRELOAD_EARLY_H
#define DAL_PRELOAD_EARLY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Where the region ends: it is mapped for the first block. Until then the end of the address space,
 * where no block is. Relaxed: who has a block of it has seen it mapped. */
extern _Atomic(uintptr_t) dal_early_end_ __attribute__((visibility("hidden")));

/* How long it is; 0 until it is first wanted. Set by the first allocation of the process, before
 * there is a second thread: glibc's pthread_create() itself allocates. No atomic, since compilers
 * read one by an instruction of its own. */
extern size_t dal_early_bytes_ __attribute__((visibility("hidden")));

/* Whether a block came from here. The distance to the end, not that from the start: it is one
 * instruction less, since ptr stays in its register. */
static inline int dal_early_has_(const void *ptr)
{
    return atomic_load_explicit(&dal_early_end_, memory_order_relaxed) - (uintptr_t)ptr <=
           dal_early_bytes_;
}

/* A zeroed block, or NULL with errno ENOMEM. */
void *dal_early_alloc_(size_t align, size_t size);

/* No block will be handed out from here on. Returns 1 if none ever was. Who sees it closed also
 * sees what the thread that closed it wrote before. */
int dal_early_close_(void);
int dal_early_is_closed_(void);

/* The size that a block of dal_early_alloc_() was asked for with. */
size_t dal_early_size_(const void *ptr);

#endif /* DAL_PRELOAD_EARLY_H */
