/* SPDX-License-Identifier: MIT */
/*
 * The states of heaps: how a thread comes to one, and how it is passed on. See heap.h.
 *
 *   pool --make--> owned --thread ends--> idle --taken on--> owned ...
 *                    |                      |
 *                 heap dies              heap dies
 *                    v                      v
 *                  dead --thread notices--> pool
 *
 * Whoever leaves exchanges the status and finds in the old value whether the other has
 * left before; the later one returns the state to the pool.
 *
 * A thread past its end (is_past) takes on a state for each call by itself: what it took for
 * good would never be let go.
 */
#include "heap.h"

#define PAGE_BYTES 4096u

_Thread_local struct dal_heap_cache_ dal_heap_cache_;

static _Atomic size_t generations = DAL_HEAP_PROCESS_GENERATION_;

size_t dal_heap_generation_(void)
{
    return atomic_fetch_add_explicit(&generations, 1, memory_order_relaxed) + 1;
}

/* ---- The pool -------------------------------------------------------------------- */

static struct dal_heap_state_ *_Atomic pool;

/* Release pairs with the acquire in pool_get(). */
static void pool_put(struct dal_heap_state_ *first)
{
    struct dal_heap_state_ *last = first;
    struct dal_heap_state_ *expected = NULL;

    if (!first || atomic_compare_exchange_strong_explicit(
                      &pool, &expected, first, memory_order_release, memory_order_relaxed))
        return;
    while (last->next_of_thread)
        last = last->next_of_thread;
    do
        last->next_of_thread = expected;
    while (!atomic_compare_exchange_weak_explicit(&pool, &expected, first, memory_order_release,
                                                  memory_order_relaxed));
}

static struct dal_heap_state_ *pool_fill(const struct dal_heap_ *heap)
{
    const size_t count = PAGE_BYTES / sizeof(struct dal_heap_state_);
    struct dal_heap_state_ *states = dal_heap_services_(heap)->pages_map(PAGE_BYTES);

    for (size_t i = 0; states && i + 1 < count; i++)
        states[i].next_of_thread = &states[i + 1];
    return states;
}

/* Takes the whole list, one from it, and puts the rest back: with no single state ever
 * popped, a list that changed and changed back meanwhile does no harm. */
static struct dal_heap_state_ *pool_get(const struct dal_heap_ *heap)
{
    struct dal_heap_state_ *state = atomic_exchange_explicit(&pool, NULL, memory_order_acquire);

    if (!state)
        state = pool_fill(heap);
    if (state)
        pool_put(state->next_of_thread);
    return state;
}

/* ---- The list of a thread -------------------------------------------------------- */

static void return_to_pool(struct dal_heap_state_ *state)
{
    state->next_of_thread = NULL;
    pool_put(state);
}

/* Write the place in the current chunk back to its state. */
static void pack(void)
{
    if (dal_heap_cache_.generation != 0)
        dal_heap_cache_.states->next = dal_heap_cache_.next;
    dal_heap_cache_.generation = 0;
}

/* Put a state first and use it from now on. */
static void unpack(struct dal_heap_state_ *state)
{
    struct dal_heap_chunk_ *chunk = atomic_load_explicit(&state->chunks, memory_order_relaxed);

    state->next_of_thread = dal_heap_cache_.states;
    dal_heap_cache_.states = state;
    dal_heap_cache_.next = state->next;
    dal_heap_cache_.end = chunk ? chunk->end : NULL;
    dal_heap_cache_.generation = state->generation;
}

struct dal_heap_state_ *dal_heap_find_(const struct dal_heap_ *heap)
{
    struct dal_heap_state_ **link = &dal_heap_cache_.states;
    struct dal_heap_state_ *state;

    if (dal_heap_cache_.generation == heap->generation)
        return dal_heap_cache_.states;
    while ((state = *link) != NULL) {
        if (state->generation == heap->generation) {
            pack();
            *link = state->next_of_thread;
            unpack(state);
            return state;
        }
        /* Acquire pairs with the release in dal_heap_abandon_(). */
        if (atomic_load_explicit(&state->status, memory_order_acquire) == DAL_HEAP_DEAD_) {
            if (link == &dal_heap_cache_.states)
                dal_heap_cache_.generation = 0;
            *link = state->next_of_thread;
            return_to_pool(state);
        } else {
            link = &state->next_of_thread;
        }
    }
    return NULL;
}

/* ---- Coming and going ------------------------------------------------------------ */

/* Become the owner of a state if it is idle: 1 if that worked. Acquire pairs with the release in
 * retire(): the new owner sees all that the old one did. */
static int claim(struct dal_heap_state_ *state)
{
    int idle = DAL_HEAP_IDLE_;

    return atomic_load_explicit(&state->status, memory_order_relaxed) == DAL_HEAP_IDLE_ &&
           atomic_compare_exchange_strong_explicit(&state->status, &idle, DAL_HEAP_OWNED_,
                                                   memory_order_acquire, memory_order_relaxed);
}

/* Let go of a state that is in no thread's list. */
static void retire(struct dal_heap_state_ *state)
{
    if (atomic_exchange_explicit(&state->status, DAL_HEAP_IDLE_, memory_order_acq_rel) ==
        DAL_HEAP_DEAD_)
        return_to_pool(state);
}

void dal_heap_abandon_(struct dal_heap_state_ *state)
{
    if (atomic_exchange_explicit(&state->status, DAL_HEAP_DEAD_, memory_order_acq_rel) ==
        DAL_HEAP_IDLE_)
        return_to_pool(state);
}

/* The first idle state. The acquire pairs with the release in make_state(). */
static struct dal_heap_state_ *take_on(struct dal_heap_ *heap)
{
    struct dal_heap_state_ *state = atomic_load_explicit(&heap->states, memory_order_acquire);

    while (state && !claim(state))
        state = state->next_of_heap;
    return state;
}

static struct dal_heap_state_ *make_state(struct dal_heap_ *heap)
{
    struct dal_heap_state_ *state = pool_get(heap);

    if (!state)
        return NULL;
    state->generation = heap->generation;
    state->next = NULL;
    atomic_store_explicit(&state->chunks, NULL, memory_order_relaxed);
    atomic_store_explicit(&state->spare, NULL, memory_order_relaxed);
    atomic_store_explicit(&state->free_owns, NULL, memory_order_relaxed);
    atomic_store_explicit(&state->status, DAL_HEAP_OWNED_, memory_order_relaxed);
    state->next_of_heap = atomic_load_explicit(&heap->states, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&heap->states, &state->next_of_heap, state,
                                                  memory_order_release, memory_order_relaxed))
        continue;
    return state;
}

/* ---- The end of a thread --------------------------------------------------------- */

static void thread_ends(struct dal_thread_listener *listener)
{
    struct dal_heap_state_ *state;

    (void)listener;
    dal_heap_cache_.is_past = 1;
    pack();
    state = dal_heap_cache_.states;
    dal_heap_cache_.states = NULL;
    while (state) {
        struct dal_heap_state_ *next = state->next_of_thread;

        retire(state);
        state = next;
    }
}

int dal_heap_watch_threads_(const struct dal_services *services)
{
    static struct dal_thread_listener listener = {.ended = thread_ends};

    return services->thread_end_listen(&listener);
}

/* The heap of the process has no create() that would have begun to watch. If that fails the thread
 * keeps its states. */
static void watch_thread(const struct dal_heap_ *heap)
{
    const struct dal_services *services = dal_heap_services_(heap);

    if (heap->services || dal_heap_watch_threads_(services) == 0)
        services->thread_end_announce();
}

/* ---- Entering and trading ------------------------------------------------------------ */

struct dal_heap_state_ *dal_heap_enter_(struct dal_heap_ *heap)
{
    struct dal_heap_state_ *state = dal_heap_find_(heap);
    int is_first;

    if (state)
        return state;
    state = take_on(heap);
    if (!state)
        state = make_state(heap);
    if (!state)
        return NULL;
    pack();
    is_first = !dal_heap_cache_.states;
    unpack(state);
    /* Last, as it may allocate: the state is in place for that. */
    if (is_first && !dal_heap_cache_.is_past)
        watch_thread(heap);
    return state;
}

struct dal_heap_state_ *dal_heap_return_(struct dal_heap_ *heap)
{
    return dal_heap_cache_.is_past ? dal_heap_enter_(heap) : dal_heap_find_(heap);
}

void dal_heap_leave_(const struct dal_heap_ *heap)
{
    struct dal_heap_state_ *state = dal_heap_cache_.is_past ? dal_heap_find_(heap) : NULL;

    if (!state)
        return;
    pack();
    dal_heap_cache_.states = state->next_of_thread;
    retire(state);
}

int dal_heap_trade_(struct dal_heap_ *heap, size_t need)
{
    struct dal_heap_state_ *state = atomic_load_explicit(&heap->states, memory_order_acquire);

    for (; state; state = state->next_of_heap) {
        struct dal_heap_state_ *mine = dal_heap_cache_.states;
        struct dal_heap_chunk_ *chunk;

        if (!claim(state))
            continue;
        chunk = atomic_load_explicit(&state->chunks, memory_order_relaxed);
        if (!chunk || (size_t)(chunk->end - state->next) < need) {
            retire(state);
            continue;
        }
        pack();
        dal_heap_cache_.states = mine->next_of_thread;
        retire(mine);
        unpack(state);
        return 1;
    }
    return 0;
}
