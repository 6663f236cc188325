/* SPDX-License-Identifier: MIT */
/* Memory for what is allocated before an allocator is chosen. See early.h. */
#include <config.h>

#include "early.h"

#include <dispatchalloc/service.h>

#include "base/malloc_rules.h"
#include "os/os.h"

_Atomic(uintptr_t) dal_early_end_ = UINTPTR_MAX;

/* In front of each block. */
#define HEADER_BYTES 16

/* Behind the region, and nobody's. */
#define TAIL_BYTES 16

/* In such steps it becomes memory: all of it would be counted as data (ulimit -d). */
#define STEP_BYTES ((size_t)128 << 10)
static _Atomic(size_t) accessible;

/* Where the next header may stand, or CLOSED. */
#define CLOSED SIZE_MAX
static _Atomic(size_t) used;

static size_t round_up(size_t value, size_t align)
{
    return (value + align - 1) & ~(align - 1);
}

/* Also what is accessible already: threads that do so at the same time take nothing from each
 * other. */
static int make_accessible(uintptr_t base, size_t end)
{
    size_t old = atomic_load_explicit(&accessible, memory_order_acquire);
    size_t wanted = round_up(end, STEP_BYTES);

    if (end <= old)
        return 1;
    if (dal_os_protect_((void *)base, wanted, DAL_PAGES_READ_WRITE) != 0)
        return 0;
    /* Release: pairs with the load above. */
    while (old < wanted &&
           !atomic_compare_exchange_weak_explicit(&accessible, &old, wanted, memory_order_release,
                                                  memory_order_relaxed))
        ;
    return 1;
}

/* The start of the region, mapped if need be; 0 if it cannot be had. Of several threads that map it
 * the first is followed by the others. */
static uintptr_t region(void)
{
    uintptr_t end = atomic_load_explicit(&dal_early_end_, memory_order_acquire);
    void *mapped;

    if (end != UINTPTR_MAX)
        return end - EARLY_BYTES;
    mapped = dal_os_reserve_(EARLY_BYTES + TAIL_BYTES);
    if (!mapped)
        return 0;
    if (atomic_compare_exchange_strong_explicit(&dal_early_end_, &end,
                                                (uintptr_t)mapped + EARLY_BYTES,
                                                memory_order_acq_rel, memory_order_acquire))
        return (uintptr_t)mapped;
    dal_os_unmap_(mapped, EARLY_BYTES + TAIL_BYTES);
    return end - EARLY_BYTES;
}

void *dal_early_alloc_(size_t align, size_t size)
{
    size_t old_used = atomic_load_explicit(&used, memory_order_acquire);
    uintptr_t base = old_used == CLOSED ? 0 : region();
    size_t start;

    if (align < HEADER_BYTES)
        align = HEADER_BYTES;
    do {
        /* The region is aligned to a page; no more is asked for this early. */
        if (old_used == CLOSED || !base || align > 4096 || size > EARLY_BYTES)
            return dal_malloc_fail_(ENOMEM);
        start = round_up(old_used + HEADER_BYTES, align);
        if (start > EARLY_BYTES || size > EARLY_BYTES - start)
            return dal_malloc_fail_(ENOMEM);
    } while (!atomic_compare_exchange_weak_explicit(&used, &old_used, start + size,
                                                    memory_order_acquire, memory_order_acquire));
    if (!make_accessible(base, start + size))
        return dal_malloc_fail_(ENOMEM);
    *(size_t *)(base + start - HEADER_BYTES) = size;
    return (void *)(base + start);
}

int dal_early_close_(void)
{
    /* Release: pairs with the acquires above and below. */
    size_t last = atomic_exchange_explicit(&used, CLOSED, memory_order_acq_rel);
    size_t kept = round_up(last, dal_os_page_bytes_());
    uintptr_t end = atomic_load_explicit(&dal_early_end_, memory_order_relaxed);

    /* Its addresses stay ours, since they tell whose a block is; mlockall() passes them by. */
    if (end != UINTPTR_MAX && kept < EARLY_BYTES)
        (void)dal_os_protect_((void *)(end - EARLY_BYTES + kept), EARLY_BYTES - kept, 0);
    return last == 0;
}

int dal_early_is_closed_(void)
{
    return atomic_load_explicit(&used, memory_order_acquire) == CLOSED;
}

size_t dal_early_size_(const void *ptr)
{
    return *(const size_t *)(const void *)((const char *)ptr - HEADER_BYTES);
}
