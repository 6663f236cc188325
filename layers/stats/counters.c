/* SPDX-License-Identifier: MIT */
/*
 * Blocks of counters: who holds which.
 *
 * All blocks there are stand in slabs, which are never given back to the system, so that any
 * block may be looked at at any time. The word `owner` of a block says whose it is, and every
 * change of hands is one change of that word:
 *
 *     NEW, FREE         -> LOOSE             a thread takes it
 *     LOOSE             -> instance          and zeroes it for an instance
 *     instance          -> instance|IDLE     the thread ends; the counts stay
 *     instance|IDLE     -> instance          the next thread goes on with them
 *     instance          -> instance|LOOSE    the instance is destroyed
 *     instance|IDLE     -> FREE              likewise
 *     instance|LOOSE    -> other instance    its thread has a use for it
 *     instance|LOOSE    -> FREE              the thread ends
 *
 * A thread that ends thus touches its own blocks only, never an instance, which another
 * thread may be destroying. A thread whose dal_stats_mine_ names an instance that is gone
 * has a block instance|LOOSE: while there is one, no new instance gets that address.
 *
 * The blocks of a thread form a ring. To find a block by looking at all of them is linear in
 * the greatest number of threads that ever lived at one time; it is done once a thread and
 * instance, and only if there are spare ones.
 */
#include "stats.h"

struct stats_slab {
    struct stats_slab *older;
    _Atomic(size_t) used; /* how many were ever asked for; may exceed the number there are */
    _Alignas(64) struct stats_counters blocks[];
};

#define SLAB_BYTES  ((size_t)64 * 1024)
#define SLAB_BLOCKS ((SLAB_BYTES - sizeof(struct stats_slab)) / sizeof(struct stats_counters))

_Static_assert(sizeof(struct stats_counters) % 64 == 0, "threads do not share cache lines");

/* Release in add_slab, acquire in every reader. */
static _Atomic(struct stats_slab *) newest_slab;

/* Blocks that are STATS_FREE or idle. A hint: who reads too little takes a new block. */
static _Atomic(long) spare_count;

/* What a thread has instead of a block after its end. */
static struct stats_counters ended;

_Thread_local struct stats_mine dal_stats_mine_;

/* ---- Slabs ------------------------------------------------------------------------------- */

static size_t used_in(struct stats_slab *slab)
{
    size_t used = atomic_load_explicit(&slab->used, memory_order_acquire);

    return used < SLAB_BLOCKS ? used : SLAB_BLOCKS;
}

/* A block that nobody had yet; it is loose. */
static struct stats_counters *take_new_in(struct stats_slab *slab)
{
    size_t index;

    if (used_in(slab) == SLAB_BLOCKS)
        return NULL;
    index = atomic_fetch_add_explicit(&slab->used, 1, memory_order_acq_rel);
    if (index >= SLAB_BLOCKS)
        return NULL;
    atomic_store_explicit(&slab->blocks[index].owner, STATS_LOOSE, memory_order_relaxed);
    return &slab->blocks[index];
}

static struct stats_counters *take_new(void)
{
    struct stats_slab *newest = atomic_load_explicit(&newest_slab, memory_order_acquire);

    for (;;) {
        struct stats_counters *counters = newest ? take_new_in(newest) : NULL;
        struct stats_slab *slab;

        if (counters)
            return counters;
        slab = dal_stats_map_(SLAB_BYTES);
        if (!slab)
            return NULL;
        slab->older = newest;
        /* If another thread was quicker, ours is put before its one, whose rest stays unused. */
        while (!atomic_compare_exchange_weak_explicit(&newest_slab, &slab->older, slab,
                                                      memory_order_release,
                                                      memory_order_acquire))
            ;
        newest = slab;
    }
}

/* The first block from a place on, slab by slab; NULL at the end. */
static struct stats_counters *walk(struct stats_slab **slab, size_t *index)
{
    while (*slab) {
        if (*index < used_in(*slab))
            return &(*slab)->blocks[(*index)++];
        *slab = (*slab)->older;
        *index = 0;
    }
    return NULL;
}

/* A block whose owner word is `from`, which becomes `to`. Acquire: the counts that its last
 * holder wrote are ours now; pairs with the release in let_go. */
static struct stats_counters *take_spare(uintptr_t from, uintptr_t to)
{
    struct stats_slab *slab = atomic_load_explicit(&newest_slab, memory_order_acquire);
    size_t index = 0;
    struct stats_counters *counters;

    if (atomic_load_explicit(&spare_count, memory_order_relaxed) <= 0)
        return NULL;
    while ((counters = walk(&slab, &index)) != NULL) {
        uintptr_t owner = from;

        if (atomic_load_explicit(&counters->owner, memory_order_relaxed) == from &&
            atomic_compare_exchange_strong_explicit(&counters->owner, &owner, to,
                                                    memory_order_acquire, memory_order_relaxed)) {
            atomic_fetch_sub_explicit(&spare_count, 1, memory_order_relaxed);
            return counters;
        }
    }
    return NULL;
}

/* ---- Taking and letting go ----------------------------------------------------------------- */

#define ZERO(array)                                                          \
    for (size_t i_ = 0; i_ < sizeof(array) / sizeof(array)[0]; i_++)         \
        atomic_store_explicit(&(array)[i_], 0, memory_order_relaxed)

/* Make a loose block that of an instance. */
static void attach(struct stats_counters *counters, struct stats_instance *instance)
{
    atomic_store_explicit(&counters->balance_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&counters->balance_blocks, 0, memory_order_relaxed);
    ZERO(counters->calls);
    ZERO(counters->failures);
    ZERO(counters->obtained);
    ZERO(counters->live);
    for (size_t i = 0; i < STATS_CLASSES; i++) {
        atomic_store_explicit(&counters->recent_made[i],
                              i < STATS_RECENT_CLASSES ? 0 : STATS_RECENT_CLOSED,
                              memory_order_relaxed);
        atomic_store_explicit(&counters->recent_given[i], STATS_RECENT_CLOSED,
                              memory_order_relaxed);
    }
    /* Pairs with the acquire in dal_stats_next_: who sees the owner sees zeroes. */
    atomic_store_explicit(&counters->owner, (uintptr_t)instance, memory_order_release);
}

/* A block for an instance that this thread has not held yet. */
static struct stats_counters *take(struct stats_instance *instance)
{
    uintptr_t self = (uintptr_t)instance;
    struct stats_counters *counters = take_spare(self | STATS_IDLE, self);

    if (counters)
        return counters;
    counters = take_spare(STATS_FREE, STATS_LOOSE);
    if (!counters)
        counters = take_new();
    if (counters)
        attach(counters, instance);
    return counters;
}

/* Release: pairs with the acquire in take_spare. */
static void let_go(struct stats_counters *counters)
{
    uintptr_t owner = atomic_load_explicit(&counters->owner, memory_order_relaxed);

    while (!atomic_compare_exchange_weak_explicit(
        &counters->owner, &owner, owner & STATS_LOOSE ? STATS_FREE : owner | STATS_IDLE,
        memory_order_release, memory_order_relaxed))
        ;
    atomic_fetch_add_explicit(&spare_count, 1, memory_order_relaxed);
}

/* ---- The blocks of a thread ------------------------------------------------------------------ */

/* A block of this thread for an instance; else one of an instance that is gone; else NULL. */
static struct stats_counters *find(struct stats_instance *instance)
{
    struct stats_counters *first = dal_stats_mine_.counters;
    struct stats_counters *counters = first;
    struct stats_counters *loose = NULL;

    if (!first)
        return NULL;
    do {
        uintptr_t owner = atomic_load_explicit(&counters->owner, memory_order_relaxed);

        if (owner == (uintptr_t)instance)
            return counters;
        if (owner & STATS_LOOSE)
            loose = counters;
        counters = counters->ring;
    } while (counters != first);
    if (loose)
        attach(loose, instance);
    return loose;
}

static void join_ring(struct stats_counters *counters)
{
    struct stats_counters *first = dal_stats_mine_.counters;

    counters->ring = first ? first->ring : counters;
    if (first)
        first->ring = counters;
}

int dal_stats_switch_(struct stats_instance *instance)
{
    struct stats_mine *mine = &dal_stats_mine_;
    int is_first = !mine->counters;
    struct stats_counters *counters;

    if (mine->counters == &ended)
        return 0;
    counters = find(instance);
    if (!counters) {
        counters = take(instance);
        if (!counters)
            return 0;
        join_ring(counters);
    }
    *mine = (struct stats_mine){instance, counters};
    if (is_first) {
        /* Only now, since the system may allocate for it, and that call has to find its block. */
        dal_stats_watch_thread_();
        *mine = (struct stats_mine){instance, counters};
    }
    return 1;
}

/* A thread that is past its end, in the destructor of some thread-local object, holds no
 * block any more; it takes one for this call only. */
struct stats_counters *dal_stats_borrow_(struct stats_instance *instance)
{
    if (dal_stats_mine_.counters == &ended)
        return take(instance);
    return dal_stats_switch_(instance) ? dal_stats_mine_.counters : NULL;
}

void dal_stats_hand_back_(struct stats_counters *counters)
{
    if (dal_stats_mine_.counters == &ended)
        let_go(counters);
}

void dal_stats_thread_ends_(void)
{
    struct stats_counters *first = dal_stats_mine_.counters;
    struct stats_counters *counters = first;

    if (!first || first == &ended)
        return;
    dal_stats_mine_ = (struct stats_mine){NULL, &ended};
    do {
        struct stats_counters *after = counters->ring;

        let_go(counters);
        counters = after;
    } while (counters != first);
}

/* ---- The blocks of an instance ----------------------------------------------------------------- */

struct stats_counters *dal_stats_next_(const struct stats_instance *instance,
                                       struct stats_place *place)
{
    struct stats_counters *counters;

    while ((counters = walk(&place->slab, &place->index)) != NULL) {
        uintptr_t owner = atomic_load_explicit(&counters->owner, memory_order_acquire);

        if ((owner & ~STATS_IDLE) == (uintptr_t)instance)
            return counters;
    }
    return NULL;
}

struct stats_place dal_stats_first_(void)
{
    return (struct stats_place){atomic_load_explicit(&newest_slab, memory_order_acquire), 0};
}

int dal_stats_is_remembered_(const struct stats_instance *instance)
{
    struct stats_place place = dal_stats_first_();
    struct stats_counters *counters;

    while ((counters = walk(&place.slab, &place.index)) != NULL) {
        if (atomic_load_explicit(&counters->owner, memory_order_acquire) ==
            ((uintptr_t)instance | STATS_LOOSE))
            return 1;
    }
    return 0;
}

void dal_stats_detach_(struct stats_instance *instance)
{
    struct stats_place place = dal_stats_first_();
    struct stats_counters *counters;

    while ((counters = dal_stats_next_(instance, &place)) != NULL) {
        uintptr_t owner = (uintptr_t)instance;

        /* Idle, perhaps since this moment, in which its thread ends: spare already. */
        if (atomic_compare_exchange_strong_explicit(&counters->owner, &owner,
                                                    owner | STATS_LOOSE, memory_order_acq_rel,
                                                    memory_order_acquire))
            continue;
        atomic_store_explicit(&counters->owner, STATS_FREE, memory_order_release);
    }
}
