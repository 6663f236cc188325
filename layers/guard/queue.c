/* SPDX-License-Identifier: MIT */
/*
 * The free slots of a pool, in the order in which they were given back.
 *
 * The cell of a position holds the position and a slot, or the position alone where nothing was put
 * yet. So the exchange of a cell puts or takes, and head and tail only follow: whoever finds a cell
 * that is ahead of them moves them on, and nobody waits for a thread that has stopped between the
 * two, or that the child of a fork does not have. A position never comes twice.
 */
#include "guard.h"

/* The slots in it are one more here, and 0 is none. */
enum { SLOT_BITS = 16 };

_Static_assert(GUARD_SLOTS_MAX < 1 << SLOT_BITS, "a slot and none");

static uint64_t cell_of(uint64_t position, size_t slot_or_none)
{
    return position << SLOT_BITS | slot_or_none;
}

/* Relaxed: it is only where to look, and the cell decides. */
static void move_on(_Atomic(uint64_t) *position, uint64_t from)
{
    (void)atomic_compare_exchange_strong_explicit(position, &from, from + 1, memory_order_relaxed,
                                                  memory_order_relaxed);
}

void dal_guard_queue_fill_(struct guard_queue *queue, _Atomic(uint64_t) *cells, size_t count)
{
    queue->cells = cells;
    queue->count = count;
    for (size_t i = 0; i < count; i++)
        atomic_store_explicit(&cells[i], cell_of(i, i + 1), memory_order_relaxed);
    atomic_store_explicit(&queue->head, 0, memory_order_relaxed);
    atomic_store_explicit(&queue->tail, count, memory_order_relaxed);
}

/* Acquire: what was done to the slot before it was put. Pairs with the release in put. */
size_t dal_guard_queue_take_(struct guard_queue *queue)
{
    for (;;) {
        uint64_t at = atomic_load_explicit(&queue->head, memory_order_relaxed);
        _Atomic(uint64_t) *cell = &queue->cells[at % queue->count];
        uint64_t there = atomic_load_explicit(cell, memory_order_relaxed);

        if (there == cell_of(at, 0))
            return GUARD_SLOTS_MAX;
        if (there >> SLOT_BITS == at &&
            atomic_compare_exchange_strong_explicit(cell, &there, cell_of(at + queue->count, 0),
                                                    memory_order_acquire, memory_order_relaxed)) {
            move_on(&queue->head, at);
            return (size_t)(there & ((1 << SLOT_BITS) - 1)) - 1;
        }
        if (there >> SLOT_BITS != at)
            move_on(&queue->head, at);
    }
}

/* There is a cell for each slot, so that it finds an empty one. */
void dal_guard_queue_put_(struct guard_queue *queue, size_t slot)
{
    for (;;) {
        uint64_t at = atomic_load_explicit(&queue->tail, memory_order_relaxed);
        uint64_t there = cell_of(at, 0);

        if (atomic_compare_exchange_strong_explicit(&queue->cells[at % queue->count], &there,
                                                    cell_of(at, slot + 1), memory_order_release,
                                                    memory_order_relaxed)) {
            move_on(&queue->tail, at);
            return;
        }
        move_on(&queue->tail, at);
    }
}
