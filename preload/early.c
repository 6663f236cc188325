/* SPDX-License-Identifier: MIT */
/* Memory for what is allocated before an allocator is chosen. See early.h. */
#include <config.h>

#include "early.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

_Alignas(4096) char dal_early_region_[EARLY_BYTES + 16];

/* In front of each block. */
#define HEADER_BYTES 16

/* Where the next header may stand, or CLOSED. Not in the region, of which most processes touch no
 * page; and never 0, lest it lie behind the region on a page of its own. */
#define NONE   HEADER_BYTES
#define CLOSED SIZE_MAX
static _Atomic(size_t) used = NONE;

static size_t round_up(size_t value, size_t align)
{
    return (value + align - 1) & ~(align - 1);
}

void *dal_early_alloc_(size_t align, size_t size)
{
    size_t old_used = atomic_load_explicit(&used, memory_order_acquire);
    size_t start;

    if (align < HEADER_BYTES)
        align = HEADER_BYTES;
    do {
        /* The region is aligned to a page; no more is asked for this early. */
        if (old_used == CLOSED || align > 4096 || size > EARLY_BYTES) {
            errno = ENOMEM;
            return NULL;
        }
        start = round_up(old_used + HEADER_BYTES, align);
        if (start > EARLY_BYTES || size > EARLY_BYTES - start) {
            errno = ENOMEM;
            return NULL;
        }
    } while (!atomic_compare_exchange_weak_explicit(&used, &old_used, start + size,
                                                    memory_order_acquire, memory_order_acquire));
    *(size_t *)(void *)(dal_early_region_ + start - HEADER_BYTES) = size;
    return dal_early_region_ + start;
}

int dal_early_close_(void)
{
    size_t none = NONE;

    /* Release: pairs with the acquires above and below. */
    return atomic_compare_exchange_strong_explicit(&used, &none, CLOSED, memory_order_release,
                                                   memory_order_relaxed);
}

int dal_early_is_closed_(void)
{
    return atomic_load_explicit(&used, memory_order_acquire) == CLOSED;
}

size_t dal_early_size_(const void *ptr)
{
    return *(const size_t *)(const void *)((const char *)ptr - HEADER_BYTES);
}
