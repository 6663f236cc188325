/* SPDX-License-Identifier: MIT */
/* Memory for what is allocated before an allocator is chosen. See early.h. */
#include <config.h>

#include "early.h"

#include <dispatchalloc/service.h>

#include <sys/resource.h>

#include "base/malloc_rules.h"
#include "os/os.h"

_Atomic(uintptr_t) dal_early_end_ = UINTPTR_MAX;
size_t dal_early_bytes_;

/* How long the region is. Backends were seen to want 91 KB, constructors of libraries more than
 * 1 MiB. Where addresses are limited (ulimit -v), allocator and program need them as well: this
 * part of them, and constructors that want more get NULL. */
#define MOST_BYTES    ((size_t)4 << 20)
#define PART_OF_LIMIT 32

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

static void set_bytes(void)
{
    size_t bytes = MOST_BYTES;
    struct rlimit addresses;

    if (getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur / PART_OF_LIMIT < bytes)
        bytes = round_up((size_t)addresses.rlim_cur / PART_OF_LIMIT + 1, STEP_BYTES);
    dal_early_bytes_ = bytes;
}

/* The start of the region, mapped if need be; 0 if it cannot be had. Of several threads that map it
 * the first is followed by the others. */
static uintptr_t region(void)
{
    uintptr_t end = atomic_load_explicit(&dal_early_end_, memory_order_acquire);
    void *mapped;

    if (dal_early_bytes_ == 0)
        set_bytes();
    if (end != UINTPTR_MAX)
        return end - dal_early_bytes_;
    mapped = dal_os_reserve_(dal_early_bytes_ + TAIL_BYTES);
    if (!mapped)
        return 0;
    if (atomic_compare_exchange_strong_explicit(&dal_early_end_, &end,
                                                (uintptr_t)mapped + dal_early_bytes_,
                                                memory_order_acq_rel, memory_order_acquire))
        return (uintptr_t)mapped;
    dal_os_unmap_(mapped, dal_early_bytes_ + TAIL_BYTES);
    return end - dal_early_bytes_;
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
        if (old_used == CLOSED || !base || align > dal_os_page_bytes_() || size > dal_early_bytes_)
            return dal_malloc_fail_(ENOMEM);
        start = round_up(old_used + HEADER_BYTES, align);
        if (start > dal_early_bytes_ || size > dal_early_bytes_ - start)
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
    if (end != UINTPTR_MAX && kept < dal_early_bytes_)
        (void)dal_os_protect_((void *)(end - dal_early_bytes_ + kept), dal_early_bytes_ - kept, 0);
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
