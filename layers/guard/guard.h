/* SPDX-License-Identifier: MIT */
/*
 * The insides of the layer `guard`, for its own files only.
 *
 *   guard.c            the slots, and what making an instance takes
 *   family.c           malloc and its family over that of the wrapped allocator
 *   sample.c           which calls get a guarded block
 *   pool.c             pages, and who has which: guarded blocks are made and end here
 *   queue.c            the slots that are free, the one that was given back first before the others
 *   fault.c            saying what is wrong
 *   posix.c, windows.c how the processor's faults come here
 *   signals.c          whose handler runs after ours; in an object of its own under `run`
 *
 * A guarded block lies in a page of its own, at its end or its start, between two closed pages;
 * when it was given back its page is closed too, for as long as others are there to be used. What
 * it is beside is told by the address alone, so a call that is not for a guarded block costs a
 * comparison, and one that makes no guarded block counts down a number of its thread's.
 *
 * There is no lock anywhere, so a fork at any moment leaves the child able to go on; what a thread
 * that it does not have was just making or giving back stays as it is, and its slot is lost.
 *
 * Memory orders: what a slot is about is written by who has taken it out of the queue, before the
 * state that says so (release; acquire by who reads it). It is given back into the queue with
 * release, and taken out with acquire. A handler that looks at a slot while another thread changes
 * it may tell of the one block or the other, or have places of both.
 */
#ifndef DAL_GUARD_PRIVATE_H
#define DAL_GUARD_PRIVATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/backend.h>
#include <dispatchalloc/guard.h>

#include "../instances.h"
#include "../pattern.h"

#define GUARD_SLOTS_MAX      16384
#define GUARD_PER_SECOND_MAX 1000000

/* ---- A thread's part, and its clock -------------------------------------------------------- */

/* Below 0 by the calls until one is guarded, which finds -1, as does one of a thread that has no
 * part; 0 before the first one. So the sign tells. */
struct guard_part {
    _Alignas(64) int32_t clock;
    uint64_t random; /* 0 before the first one */
};

/* Whether this call is not one of those that are only counted. */
static inline int guard_is_due(int32_t *clock)
{
    int32_t left = *clock + 1;

    if (DAL_UNLIKELY_(left >= 0))
        return 1;
    *clock = left;
    return 0;
}

/* ---- queue.c ------------------------------------------------------------------------------- */

/* First in, first out, over as many cells as there are slots. A cell is a position, counted from
 * the start on, and above 0 the slot that lies there. */
struct guard_queue {
    _Atomic(uint64_t) head, tail; /* the positions that are taken and put next, or before that */
    _Atomic(uint64_t) *cells;
    size_t count;
};

/* In zeroed memory for count cells; all slots are in it then. */
LAYER_HIDDEN void dal_guard_queue_fill_(struct guard_queue *queue, _Atomic(uint64_t) *cells,
                                        size_t count);
/* A slot, or GUARD_SLOTS_MAX if there is none. */
LAYER_HIDDEN size_t dal_guard_queue_take_(struct guard_queue *queue);
LAYER_HIDDEN void dal_guard_queue_put_(struct guard_queue *queue, size_t slot);

/* ---- pool.c -------------------------------------------------------------------------------- */

enum guard_state { GUARD_UNUSED, GUARD_LIVE, GUARD_GOING, GUARD_RELEASED };

/* A page for blocks, and the last block in it. */
struct guard_slot {
    _Atomic(uint32_t) state; /* enum guard_state */
    uint32_t size, offset;   /* of the block, and in the page */
    uint32_t count;          /* of blocks that it had; may come round */
    /* How many places there are of its two stacks. */
    uint32_t made_count, ended_count;
};

/* Pages: a closed one, a slot's, a closed one, ..., a closed one. */
struct guard_pool {
    uintptr_t start;
    size_t bytes; /* 0 if there are none */
    size_t page_bytes, slot_count, frames;
    struct guard_slot *slots;
    const void **places; /* of two stacks for each slot, in room for so many frames each */
    struct guard_queue queue;
    void *memory; /* of slots, cells and places */
};

/* Map as many slots as there is memory for, up to slot_count, which may be none. */
LAYER_HIDDEN void dal_guard_pool_open_(struct guard_pool *pool, const struct dal_services *services,
                                       size_t slot_count, size_t frames);
LAYER_HIDDEN void dal_guard_pool_close_(struct guard_pool *pool,
                                        const struct dal_services *services);

static inline int guard_pool_has(const struct guard_pool *pool, uintptr_t address)
{
    return address - pool->start < pool->bytes;
}

/* Where the page of a slot begins, and where its last block does. */
static inline uintptr_t guard_page_of(const struct guard_pool *pool, size_t slot)
{
    return pool->start + (2 * slot + 1) * pool->page_bytes;
}

static inline uintptr_t guard_block_of(const struct guard_pool *pool, size_t slot)
{
    return guard_page_of(pool, slot) + pool->slots[slot].offset;
}

/* Where the places of its allocation are, and of its release. They are not kept for ever, as all
 * that are captured: a process may run for years. */
static inline const void **guard_made(const struct guard_pool *pool, size_t slot)
{
    return pool->places + 2 * slot * pool->frames;
}

static inline const void **guard_ended(const struct guard_pool *pool, size_t slot)
{
    return guard_made(pool, slot) + pool->frames;
}

/* The slot in whose page an address of the pool is, or GUARD_SLOTS_MAX in a closed one between. */
LAYER_HIDDEN size_t dal_guard_slot_at_(const struct guard_pool *pool, uintptr_t address);

/* ---- An instance --------------------------------------------------------------------------- */

/* Counters, relaxed: they order nothing. */
#define GUARD_COUNTS(X) X(guarded) X(live) X(too_large) X(too_often) X(no_slot) X(refused) X(faults)

/* An instance, the ctx of the slots; at the start of a page. */
struct guard_instance {
    struct layer_instance listed; /* first */
    const struct dal_instance *next;
    struct dal_thread_record record; /* of struct guard_part */
    struct guard_pool pool;
    const struct dal_services *services;
    const struct dal_instance_calls *calls;

    uint64_t every, per_second;
    _Alignas(64) _Atomic(uint64_t) second; /* the last one with a guarded block, and how many */
#define MEMBER(name) _Atomic(uint64_t) name##_count;
    GUARD_COUNTS(MEMBER)
#undef MEMBER
};

#define GUARD_COUNT(instance, name) \
    atomic_fetch_add_explicit(&(instance)->name##_count, 1, memory_order_relaxed)

LAYER_HIDDEN extern struct layer_instances dal_guard_instances_;

/* What is asked for: a layout, and from where. */
struct guard_call {
    size_t size, align;
    int is_zeroed;
    const void *site;
};

/* A block in a page of its own, or NULL. at_start: whether it begins the page, or ends it. */
LAYER_HIDDEN void *dal_guard_make_(struct guard_instance *instance, const struct guard_call *call,
                                   int at_start);

/* The size of a live block that begins at an address of the pool; SIZE_MAX after a report if there
 * is none, by the name of the call. */
LAYER_HIDDEN size_t dal_guard_size_of_(struct guard_instance *instance, const void *ptr,
                                       const char *name, const void *site);

/* The same, where it is to be left unsaid. */
LAYER_HIDDEN int dal_guard_is_live_(const struct guard_instance *instance, const void *ptr);

/* End it, if there is one. */
LAYER_HIDDEN void dal_guard_end_(struct guard_instance *instance, void *ptr, const char *name,
                                 const void *site);

/* ---- sample.c ------------------------------------------------------------------------------ */

/* For a call that guard_is_due() has found: a guarded block if there is to be one, or NULL. clock:
 * the one that was counted down; NULL: that of the thread's part. */
LAYER_HIDDEN void *dal_guard_sample_(struct guard_instance *instance, int32_t *clock,
                                     const struct guard_call *call);

/* ---- guard.c ------------------------------------------------------------------------------- */

LAYER_HIDDEN void *dal_guard_alloc_(size_t size, size_t align, void *ctx);

/* ---- family.c ------------------------------------------------------------------------------ */

LAYER_HIDDEN extern const struct dal_malloc_family dal_guard_family_;

/* Have this thread begin again. */
LAYER_HIDDEN void dal_guard_family_forget_(void);

/* ---- fault.c ------------------------------------------------------------------------------- */

/* An access that the processor refused, as the system tells it. */
struct guard_access {
    uintptr_t address;
    const char *how;  /* "SIGSEGV" */
    const char *what; /* "read", "write", or "access" where that is not told */
    const void *context;
};

/* Tell of it if it was beside a guarded block or in a released one. For the handler of a signal. */
LAYER_HIDDEN void dal_guard_fault_access_(const struct guard_access *access);

/* A call for an address of the pool at which no live block begins. */
LAYER_HIDDEN void dal_guard_fault_pointer_(struct guard_instance *instance, const void *ptr,
                                           const char *name, const void *site);

/* A block whose surroundings in its page were changed. */
LAYER_HIDDEN void dal_guard_fault_change_(struct guard_instance *instance, size_t slot,
                                          const struct pattern_change *change, const char *name,
                                          const void *site);

/* What may be called by a handler is called once before: the loader binds it then. */
LAYER_HIDDEN void dal_guard_fault_prepare_(const struct dal_services *services);

/* ---- posix.c, windows.c --------------------------------------------------------------------- */

/* Have faults come to dal_guard_fault_access_() from now on, in this process and its children. */
LAYER_HIDDEN void dal_guard_watch_(void);

/* The signal whose handler is not ours any more, by its name, or NULL. */
LAYER_HIDDEN const char *dal_guard_unwatched_(void);

#endif /* DAL_GUARD_PRIVATE_H */
