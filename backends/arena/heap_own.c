/* SPDX-License-Identifier: MIT */
/*
 * Memory of the child's, and blocks of a heap with memory of their own: large ones, which go
 * back to the child when they are freed, whoever frees them. See heap.h.
 *
 * What is known of such a block is in a place apart, to which a header in front of the block
 * leads. The places lie in pages that the heap alone gives back, and its destroy() looks at
 * all of them; so a block is in no list that only its thread may change. A free place goes back
 * to the state that it came from: whoever frees the block pushes it, and only the owner of the
 * state pops, so that the next one of what it sees is still that when it pops it.
 */
#include "heap.h"

/* In front of the block. */
struct header {
    DAL_ALIGNAS_(DAL_HEAP_GRAIN) struct dal_heap_own_ *own;
};

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

static void give(struct dal_heap_ *heap, void *base, size_t bytes)
{
    dal_instance_dealloc(child_of(heap), base, bytes, dal_heap_align_of_(heap, bytes));
    unreserve(heap, bytes);
}

void dal_heap_give_chunk_(struct dal_heap_ *heap, struct dal_heap_chunk_ *chunk)
{
    give(heap, chunk, (size_t)(chunk->end - (char *)chunk));
}

/* Give back what threads have to spare: 1 if there was any. Acquire pairs with the release in
 * keep_spare() of heap.c. */
static int give_spares(struct dal_heap_ *heap)
{
    struct dal_heap_state_ *state = atomic_load_explicit(&heap->states, memory_order_acquire);
    int given = 0;

    for (; state; state = state->next_of_heap) {
        struct dal_heap_chunk_ *spare =
            atomic_exchange_explicit(&state->spare, NULL, memory_order_acquire);

        if (!spare)
            continue;
        dal_heap_give_chunk_(heap, spare);
        given = 1;
    }
    return given;
}

static void *try_to_take(struct dal_heap_ *heap, size_t bytes, int zeroed)
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

void *dal_heap_take_(struct dal_heap_ *heap, size_t bytes, int zeroed)
{
    void *base = try_to_take(heap, bytes, zeroed);

    return base || !give_spares(heap) ? base : try_to_take(heap, bytes, zeroed);
}

/* ---- Places ---------------------------------------------------------------------- */

/* Release pairs with the acquire in pop(): who uses the place next comes after who freed it. */
static void push(struct dal_heap_state_ *state, struct dal_heap_own_ *first,
                 struct dal_heap_own_ *last)
{
    last->next_free = atomic_load_explicit(&state->free_owns, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&state->free_owns, &last->next_free, first,
                                                  memory_order_release, memory_order_relaxed))
        continue;
}

static struct dal_heap_own_ *pop(struct dal_heap_state_ *state)
{
    struct dal_heap_own_ *own = atomic_load_explicit(&state->free_owns, memory_order_acquire);

    while (own &&
           !atomic_compare_exchange_weak_explicit(&state->free_owns, &own, own->next_free,
                                                  memory_order_acquire, memory_order_acquire))
        continue;
    return own;
}

/* Release pairs with the acquire in dal_heap_own_destroy_(): the pages are zeroed. */
static int add_page(struct dal_heap_ *heap, struct dal_heap_state_ *state)
{
    struct dal_heap_own_page_ *page = dal_heap_services_(heap)->pages_map(sizeof *page);
    const size_t last = sizeof page->owns / sizeof page->owns[0] - 1;

    if (!page)
        return 0;
    page->older = atomic_load_explicit(&heap->own_pages, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&heap->own_pages, &page->older, page,
                                                  memory_order_release, memory_order_relaxed))
        continue;
    for (size_t i = 0; i <= last; i++) {
        page->owns[i].state = state;
        page->owns[i].next_free = &page->owns[i + (i < last)];
    }
    push(state, &page->owns[0], &page->owns[last]);
    return 1;
}

/* For the owner of the state. */
static struct dal_heap_own_ *take_place(struct dal_heap_ *heap, struct dal_heap_state_ *state)
{
    struct dal_heap_own_ *own = pop(state);

    return own || !add_page(heap, state) ? own : pop(state);
}

void dal_heap_own_destroy_(struct dal_heap_ *heap)
{
    struct dal_heap_own_page_ *page = atomic_load_explicit(&heap->own_pages, memory_order_acquire);

    while (page) {
        struct dal_heap_own_page_ *older = page->older;

        for (size_t i = 0; i < sizeof page->owns / sizeof page->owns[0]; i++) {
            void *base = atomic_load_explicit(&page->owns[i].base, memory_order_acquire);

            if (base)
                give(heap, base, page->owns[i].total_bytes);
        }
        heap->services->pages_unmap(page, sizeof *page);
        page = older;
    }
}

/* ---- Blocks ----------------------------------------------------------------------
 * destroy() may look in a child of fork, where a thread was stopped in the middle. So a place
 * has a base once it is complete, and has none before the child may use that memory again:
 * release and acquire of `base` pair with that look, and keep the order. */

static struct dal_heap_own_ *own_of(const void *ptr)
{
    return ((const struct header *)ptr - 1)->own;
}

/* The memory is the caller's alone afterwards. */
static void *base_out_of(struct dal_heap_own_ *own)
{
    return atomic_exchange_explicit(&own->base, NULL, memory_order_acq_rel);
}

/* Bytes to take for a block, or 0 if that is more than there can be. */
static size_t total_for(size_t size, size_t align)
{
    const size_t most = (size_t)PTRDIFF_MAX - sizeof(struct header) - DAL_HEAP_GRAIN;
    size_t padding = dal_heap_padding_(align);

    if (padding > most || size > most - padding)
        return 0;
    return sizeof(struct header) + padding + dal_heap_block_bytes_(size);
}

/* Make the memory at base a block. */
static char *set_up(struct dal_heap_own_ *own, char *base, size_t total_bytes, size_t align)
{
    char *ptr = dal_heap_align_up_(base + sizeof(struct header), align);

    ((struct header *)(void *)ptr - 1)->own = own;
    own->total_bytes = total_bytes;
    atomic_store_explicit(&own->base, base, memory_order_release);
    return ptr;
}

void *dal_heap_own_alloc_(struct dal_heap_ *heap, size_t size, size_t align, int zeroed)
{
    size_t total_bytes = total_for(size, align);
    struct dal_heap_state_ *state = total_bytes > 0 ? dal_heap_enter_(heap) : NULL;
    struct dal_heap_own_ *own;
    void *base;

    if (!state)
        return NULL;
    own = take_place(heap, state);
    dal_heap_leave_(heap);
    if (!own)
        return NULL;
    base = dal_heap_take_(heap, total_bytes, zeroed);
    if (base)
        return set_up(own, base, total_bytes, align);
    push(own->state, own, own);
    return NULL;
}

void dal_heap_own_free_(struct dal_heap_ *heap, void *ptr)
{
    struct dal_heap_own_ *own = own_of(ptr);
    size_t total_bytes = own->total_bytes;
    void *base = base_out_of(own);

    push(own->state, own, own);
    give(heap, base, total_bytes);
}

size_t dal_heap_own_room_(const void *ptr)
{
    const struct dal_heap_own_ *own = own_of(ptr);
    uintptr_t base = (uintptr_t)atomic_load_explicit(&own->base, memory_order_relaxed);

    return (size_t)(base + own->total_bytes - (uintptr_t)ptr);
}

/* Let the child resize the memory, which may know a way without a copy. For alignments that
 * the child keeps. NULL if it is not done, with the block as it was. */
void *dal_heap_own_resize_(struct dal_heap_ *heap, void *ptr, size_t align, size_t new_size)
{
    struct dal_heap_own_ *own = own_of(ptr);
    size_t old_bytes = own->total_bytes;
    size_t total_bytes = total_for(new_size, align);
    size_t grown_bytes = total_bytes > old_bytes ? total_bytes - old_bytes : 0;
    size_t child_align = dal_heap_align_of_(heap, old_bytes);
    void *base, *resized;

    if (child_align != dal_heap_align_of_(heap, total_bytes))
        return NULL;
    if (total_bytes == 0 || align > DAL_HEAP_GRAIN)
        return NULL;
    if (!reserve(heap, grown_bytes) && !(give_spares(heap) && reserve(heap, grown_bytes)))
        return NULL;
    base = base_out_of(own);
    resized = dal_instance_realloc(child_of(heap), base, old_bytes, child_align, total_bytes);
    if (!resized) {
        atomic_store_explicit(&own->base, base, memory_order_release);
        unreserve(heap, grown_bytes);
        return NULL;
    }
    if (total_bytes < old_bytes)
        unreserve(heap, old_bytes - total_bytes);
    wish(heap, resized, total_bytes);
    return set_up(own, resized, total_bytes, align);
}
