/* SPDX-License-Identifier: MIT */
/*
 * The fixed arena: one block, one counter, no lock.
 *
 * Rust's SimpleAllocator (example of std::alloc::GlobalAlloc), with two things added: its
 * alignment is that of the address, so that the block itself may be aligned to anything,
 * and its last block can grow by the difference alone.
 *
 * The counter alone decides who owns which byte. It only ever goes down, so a successful
 * compare-and-swap cannot have missed a change in between, and relaxed order is enough:
 * what a block holds is passed between threads by the program, never by this counter.
 */
#include <dispatchalloc/error.h>

#include "chain/slots.h"
#include <dispatchalloc/fixed_arena.h>
#include <dispatchalloc/global.h>

#include <stdint.h>
#include <string.h>

static size_t load_remaining(const struct dal_fixed_arena *arena)
{
    return __atomic_load_n(&arena->remaining_, __ATOMIC_RELAXED);
}

/* Lower the counter from *remaining; otherwise *remaining becomes what it is now. */
static int claim(struct dal_fixed_arena *arena, size_t *remaining, size_t lowered)
{
    return __atomic_compare_exchange_n(&arena->remaining_, remaining, lowered, 1, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

/* Where a block would begin whose end is `top` bytes above the arena's start: its offset,
 * or SIZE_MAX if it does not fit. */
static size_t place_below(const struct dal_fixed_arena *arena, size_t top, size_t size,
                          size_t align)
{
    uintptr_t start = (uintptr_t)arena->memory_;
    uintptr_t place;

    if (size > top)
        return SIZE_MAX;
    place = (start + (top - size)) & ~((uintptr_t)align - 1);
    return place >= start ? (size_t)(place - start) : SIZE_MAX;
}

void *dal_fixed_arena_alloc_(size_t size, size_t align, void *ctx)
{
    struct dal_fixed_arena *arena = ctx;
    size_t remaining = load_remaining(arena);
    size_t offset;

    /* The subtraction refuses an alignment of 0 as well, which is no valid one. */
    if (align - 1 >= DAL_FIXED_ARENA_ALIGN_MAX)
        return NULL;
    size += size == 0;
    do {
        offset = place_below(arena, remaining, size, align);
        if (offset == SIZE_MAX)
            return NULL;
    } while (!claim(arena, &remaining, offset));
    return (char *)arena->memory_ + offset;
}

void dal_fixed_arena_dealloc_(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ptr;
    (void)size;
    (void)align;
    (void)ctx;
}

/* The memory is the program's and may hold anything, so it is always cleared. */
void *dal_fixed_arena_alloc_zeroed_(size_t size, size_t align, void *ctx)
{
    void *ptr = dal_fixed_arena_alloc_(size, align, ctx);

    return ptr ? memset(ptr, 0, size) : NULL;
}

/* Grow the block that was allocated last by moving its start down. NULL if it is not the
 * last one, or does not fit. */
static void *grow_last(struct dal_fixed_arena *arena, char *ptr, size_t old_size, size_t align,
                       size_t new_size)
{
    size_t offset = (size_t)(ptr - (char *)arena->memory_);
    size_t remaining = offset;
    size_t lowered = place_below(arena, offset + old_size, new_size, align);
    char *grown;

    if (lowered == SIZE_MAX)
        return NULL;
    /* The exchange may fail for no reason; only another value means another last block. */
    while (!claim(arena, &remaining, lowered))
        if (remaining != offset)
            return NULL;
    grown = (char *)arena->memory_ + lowered;
    return memmove(grown, ptr, old_size);
}

void *dal_fixed_arena_realloc_(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    void *grown;

    if (!ptr)
        return dal_fixed_arena_alloc_(new_size, align, ctx);
    if (new_size <= old_size)
        return ptr;
    grown = grow_last(ctx, ptr, old_size, align, new_size);
    if (grown)
        return grown;
    grown = dal_fixed_arena_alloc_(new_size, align, ctx);
    return grown ? memcpy(grown, ptr, old_size) : NULL;
}

int dal_fixed_arena_resize_in_place_(void *ptr, size_t old_size, size_t align, size_t new_size,
                                     void *ctx)
{
    (void)ptr;
    (void)align;
    (void)ctx;
    return new_size <= old_size ? DAL_OK : DAL_ERR_UNSUPPORTED;
}

int dal_fixed_arena_owns_(const void *ptr, void *ctx)
{
    const struct dal_fixed_arena *arena = ctx;
    uintptr_t offset = (uintptr_t)ptr - (uintptr_t)arena->memory_;

    return offset >= load_remaining(arena) && offset < arena->capacity_;
}

size_t dal_fixed_arena_used(const struct dal_fixed_arena *arena)
{
    return arena->capacity_ - load_remaining(arena);
}

size_t dal_fixed_arena_remaining(const struct dal_fixed_arena *arena)
{
    return load_remaining(arena);
}

size_t dal_fixed_arena_capacity(const struct dal_fixed_arena *arena)
{
    return arena->capacity_;
}

/* A layer passes the slots that it leaves alone on as they are, and none that only watches
 * or limits has a reason to hook owns. */
struct dal_fixed_arena *dal_fixed_arena_of(const struct dal_instance *instance)
{
    if (!instance || instance == dal_global())
        instance = dal_global_active();
    if (!instance)
        return NULL;
    return dal_tail_of_(instance)->owns.call == dal_fixed_arena_owns_
               ? dal_tail_of_(instance)->owns.ctx
               : NULL;
}
