/* SPDX-License-Identifier: MIT */
/*
 * What was given back last: looking for it, when something is wrong already. It is put in by
 * debug_ring_put() of debug.h.
 *
 * An entry is written by one thread, unless 512 others have given blocks of the same ring back
 * between two instructions of its; then it may tell of two blocks at once. A reader takes an entry
 * for whole if its address is there before and after: acquire, which pairs with the release of the
 * address, and a fence before the second look, which pairs with the one behind the store of 0.
 */
#include "debug.h"

static int read_gone(const struct debug_gone *gone, struct debug_known *known)
{
    uint64_t address = atomic_load_explicit(&gone->address, memory_order_acquire);
    uint64_t word = atomic_load_explicit(&gone->word, memory_order_relaxed);
    uint64_t stacks = atomic_load_explicit(&gone->stacks, memory_order_relaxed);

    atomic_thread_fence(memory_order_acquire);
    if (!address || atomic_load_explicit(&gone->address, memory_order_relaxed) != address)
        return 0;
    *known = (struct debug_known){
        .block = {.state = DEBUG_KEY_FREE,
                  .address = (uintptr_t)address,
                  .word = word,
                  .stack = (uint32_t)stacks},
        .ended_stack = (uint32_t)(stacks >> 32),
    };
    return 1;
}

/* Whether a block begins at an address, or, which is the wider question, has it in it. */
static int is_wanted(const struct debug_block *block, uintptr_t address, int is_around)
{
    return is_around ? address - block->address <= debug_size(block->word)
                     : address == block->address;
}

/* From the newest on. */
static int look(struct debug_ring *ring, uintptr_t address, int is_around,
                struct debug_known *known)
{
    uint32_t count = atomic_load_explicit(&ring->count, memory_order_acquire);
    struct debug_known seen;

    for (uint32_t i = 1; i <= DEBUG_RING_BLOCKS; i++) {
        if (read_gone(&ring->blocks[(count - i) % DEBUG_RING_BLOCKS], &seen) &&
            is_wanted(&seen.block, address, is_around)) {
            *known = seen;
            return 1;
        }
    }
    return 0;
}

int dal_debug_gone_at_(struct debug_ring *rings, uintptr_t address, struct debug_known *known)
{
    return look(debug_ring_of(rings, address), address, 0, known);
}

/* Blocks that lay over one another are in rings of their own, which have no order: the one that
 * begins nearest. */
int dal_debug_gone_around_(struct debug_ring *rings, uintptr_t address, struct debug_known *known)
{
    int found = 0;

    for (size_t i = 0; i < DEBUG_RINGS; i++) {
        struct debug_known seen;

        if (look(&rings[i], address, 1, &seen) &&
            (!found || seen.block.address > known->block.address)) {
            *known = seen;
            found = 1;
        }
    }
    return found;
}
