/* SPDX-License-Identifier: MIT */
/*
 * Blocks of a heap with memory of their own: large ones, which go back to the child when
 * they are freed, whoever frees them. See heap.h.
 *
 * Each is in the list of the state of the thread that allocated it, and only the owner of
 * that state changes the list. Another thread becomes the owner for a moment if the state
 * is idle; if not, it puts the block on the state's list of returned ones, which the owner
 * empties when it next wants memory.
 */
#include "heap.h"

#define HEADER_BYTES \
    ((sizeof(struct dal_heap_own_) + DAL_HEAP_GRAIN - 1) & ~(size_t)(DAL_HEAP_GRAIN - 1))

/* ---- Memory of the child --------------------------------------------------------- */

/* The counter only counts; no memory is passed on by it. */
static int reserve(struct dal_heap_ *heap, size_t bytes)
{
    size_t reserved = atomic_load_explicit(&heap->reserved_bytes, memory_order_relaxed);

    do {
        if (bytes > heap->limit_bytes - reserved)
            return 0;
    } while (!atomic_compare_exchange_weak_explicit(&heap->reserved_bytes, &reserved,
                                                    reserved + bytes, memory_order_relaxed,
                                                    memory_order_relaxed));
    return 1;
}

static void unreserve(struct dal_heap_ *heap, size_t bytes)
{
    atomic_fetch_sub_explicit(&heap->reserved_bytes, bytes, memory_order_relaxed);
}

static const struct dal_instance *child_of(const struct dal_heap_ *heap)
{
    return heap->child ? heap->child : dal_system();
}

static void wish(const struct dal_heap_ *heap, void *base, size_t bytes)
{
    if (heap->wishes)
        heap->services->pages_wish(base, bytes, heap->wishes);
}

void *dal_heap_take_(struct dal_heap_ *heap, size_t bytes, int zeroed)
{
    size_t align = dal_heap_align_of_(heap, bytes);
    void *base;

    if (!reserve(heap, bytes))
        return NULL;
    base = zeroed ? dal_instance_alloc_zeroed(child_of(heap), bytes, align)
                  : dal_instance_alloc(child_of(heap), bytes, align);
    if (base)
        wish(heap, base, bytes);
    else
        unreserve(heap, bytes);
    return base;
}

void dal_heap_give_(struct dal_heap_ *heap, void *base, size_t bytes)
{
    dal_instance_dealloc(child_of(heap), base, bytes, dal_heap_align_of_(heap, bytes));
    unreserve(heap, bytes);
}

/* ---- The list of a state ---------------------------------------------------------
 * The list by `next` from the state is what destroy() walks, in a child of fork perhaps
 * when this thread was stopped in the middle. So a block is complete before it is linked
 * and unlinked before it is touched; release orders that for whoever reads by it. */

static struct dal_heap_own_ *own_of(const void *ptr)
{
    return (struct dal_heap_own_ *)((uintptr_t)ptr - HEADER_BYTES);
}

static void link_own(struct dal_heap_state_ *state, struct dal_heap_own_ *own)
{
    struct dal_heap_own_ *next = atomic_load_explicit(&state->own, memory_order_relaxed);

    own->state = state;
    own->previous = NULL;
    atomic_store_explicit(&own->next, next, memory_order_relaxed);
    if (next)
        next->previous = own;
    atomic_store_explicit(&state->own, own, memory_order_release);
}

static void unlink_own(struct dal_heap_own_ *own)
{
    struct dal_heap_own_ *next = atomic_load_explicit(&own->next, memory_order_relaxed);

    atomic_store_explicit(own->previous ? &own->previous->next : &own->state->own, next,
                          memory_order_release);
    if (next)
        next->previous = own->previous;
    /* Not before the stores: what comes next may be the child's reuse of the block. */
    atomic_signal_fence(memory_order_seq_cst);
}

static void release_own(struct dal_heap_ *heap, struct dal_heap_own_ *own)
{
    unlink_own(own);
    dal_heap_give_(heap, own->base, own->total_bytes);
}

void dal_heap_collect_(struct dal_heap_ *heap, struct dal_heap_state_ *state)
{
    struct dal_heap_own_ *own = NULL;

    /* Acquire pairs with the release in hand_over(). */
    if (atomic_load_explicit(&state->returned, memory_order_relaxed))
        own = atomic_exchange_explicit(&state->returned, NULL, memory_order_acquire);
    while (own) {
        struct dal_heap_own_ *next = own->next_returned;

        release_own(heap, own);
        own = next;
    }
}

static void hand_over(struct dal_heap_state_ *state, struct dal_heap_own_ *own)
{
    own->next_returned = atomic_load_explicit(&state->returned, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&state->returned, &own->next_returned, own,
                                                  memory_order_release, memory_order_relaxed))
        continue;
}

/* ---- Blocks ---------------------------------------------------------------------- */

/* Bytes to take for a block, or 0 if that is more than there can be. */
static size_t total_for(size_t size, size_t align)
{
    const size_t most = (size_t)PTRDIFF_MAX - HEADER_BYTES - DAL_HEAP_GRAIN;
    size_t padding = dal_heap_padding_(align);

    if (padding > most || size > most - padding)
        return 0;
    return HEADER_BYTES + padding + dal_heap_block_bytes_(size);
}

/* Describe the memory at base as a block. */
static char *set_up(void *base, size_t total_bytes, size_t align)
{
    char *ptr = dal_heap_align_up_((char *)base + HEADER_BYTES, align);
    struct dal_heap_own_ *own = own_of(ptr);

    own->base = base;
    own->total_bytes = total_bytes;
    return ptr;
}

void *dal_heap_own_alloc_(struct dal_heap_ *heap, size_t size, size_t align, int zeroed)
{
    size_t total_bytes = total_for(size, align);
    struct dal_heap_state_ *state;
    void *base;
    char *ptr;

    if (total_bytes == 0)
        return NULL;
    state = dal_heap_enter_(heap);
    if (!state)
        return NULL;
    dal_heap_collect_(heap, state);
    base = dal_heap_take_(heap, total_bytes, zeroed);
    if (!base)
        return NULL;
    ptr = set_up(base, total_bytes, align);
    link_own(state, own_of(ptr));
    return ptr;
}

void dal_heap_own_free_(struct dal_heap_ *heap, void *ptr)
{
    struct dal_heap_own_ *own = own_of(ptr);
    struct dal_heap_state_ *state = own->state;

    if (state == dal_heap_find_(heap)) {
        release_own(heap, own);
    } else if (dal_heap_claim_(state)) {
        release_own(heap, own);
        dal_heap_collect_(heap, state);
        dal_heap_retire_(state);
    } else {
        hand_over(state, own);
    }
}

size_t dal_heap_own_room_(const void *ptr)
{
    const struct dal_heap_own_ *own = own_of(ptr);

    return (size_t)((uintptr_t)own->base + own->total_bytes - (uintptr_t)ptr);
}

/* Let the child resize the memory, which may know a way without a copy. For alignments that
 * the child keeps, and for the owner of the state, who alone may unlink. NULL if it is not
 * done, with the block as it was. */
void *dal_heap_own_resize_(struct dal_heap_ *heap, void *ptr, size_t align, size_t new_size)
{
    struct dal_heap_own_ *own = own_of(ptr);
    struct dal_heap_state_ *state = own->state;
    size_t old_bytes = own->total_bytes;
    size_t total_bytes = total_for(new_size, align);
    size_t child_align = dal_heap_align_of_(heap, old_bytes);
    void *base;

    if (child_align != dal_heap_align_of_(heap, total_bytes))
        return NULL;
    if (total_bytes == 0 || align > DAL_HEAP_GRAIN || state != dal_heap_find_(heap))
        return NULL;
    if (total_bytes > old_bytes && !reserve(heap, total_bytes - old_bytes))
        return NULL;
    unlink_own(own);
    base = dal_instance_realloc(child_of(heap), own->base, old_bytes, child_align, total_bytes);
    if (!base) {
        link_own(state, own);
        if (total_bytes > old_bytes)
            unreserve(heap, total_bytes - old_bytes);
        return NULL;
    }
    if (total_bytes < old_bytes)
        unreserve(heap, old_bytes - total_bytes);
    wish(heap, base, total_bytes);
    ptr = set_up(base, total_bytes, align);
    link_own(state, own_of(ptr));
    return ptr;
}
