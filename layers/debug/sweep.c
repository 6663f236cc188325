/* SPDX-License-Identifier: MIT */
/*
 * The sweep: at each call some blocks are looked at in turn, so that what was written around a
 * block that lives long, or into one in quarantine, is told of long before it is given back.
 *
 * The block is another thread's, which may give it back meanwhile; it is not to wait for that, nor
 * to be told that there is no such block. So who looks says which address it looks at, and looks
 * once more whether it is still registered; who gives a block back takes its record first, and then
 * looks whether somebody looks at it. Both are sequentially consistent, so that one of them sees
 * the other. A block that is looked at goes back to the allocator when the last who looks is done,
 * by that one. Its record stays taken until then, and says how: who looks may have come late, for a
 * block that was at the address before.
 *
 * A thread that a fork leaves behind looks at nothing in the child (dal_debug_sweep_fork_()).
 */
#include "debug.h"

/* With an address: who gave it back leaves it to who looks. */
#define LEFT (UINT64_C(1) << 60)

/* Of a sweep that is to look at n blocks, how many records are walked by at most for each. */
enum { RECORDS_A_BLOCK = 16 };

int dal_debug_sweep_leave_(struct debug_instance *instance, uintptr_t address)
{
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t i = 0; i < DEBUG_LOOKERS; i++) {
        uint64_t looked_at = address;

        if (atomic_compare_exchange_strong_explicit(&instance->looked_at[i], &looked_at,
                                                    address | LEFT, memory_order_seq_cst,
                                                    memory_order_relaxed))
            return 1;
    }
    return 0;
}

void dal_debug_sweep_fork_(struct debug_instance *instance)
{
    for (size_t i = 0; i < DEBUG_LOOKERS; i++)
        atomic_store_explicit(&instance->looked_at[i], 0, memory_order_relaxed);
}

/* A place to say it in, or NULL where all are taken. */
static _Atomic(uint64_t) *look_at(struct debug_instance *instance, uintptr_t address)
{
    for (size_t i = 0; i < DEBUG_LOOKERS; i++) {
        uint64_t nothing = 0;

        if (atomic_compare_exchange_strong_explicit(&instance->looked_at[i], &nothing, address,
                                                    memory_order_seq_cst, memory_order_relaxed))
            return &instance->looked_at[i];
    }
    return NULL;
}

static void look_away(struct debug_instance *instance, _Atomic(uint64_t) *place, uintptr_t address)
{
    struct debug_record record;

    if (!(atomic_exchange_explicit(place, 0, memory_order_seq_cst) & LEFT))
        return;
    record = dal_debug_register_take_(&instance->blocks, address, DEBUG_KEY_GOING);
    if (record.line)
        dal_debug_to_child_(instance, record, address);
}

static int is_there(struct debug_record record, const struct debug_block *block)
{
    return atomic_load_explicit(&record.line->keys[record.index], memory_order_seq_cst) ==
           (block->address | block->state);
}

static void look_at_live(struct debug_instance *instance, struct debug_record record,
                         const struct debug_block *block)
{
    char *ptr = (char *)block->address; // NOLINT(performance-no-int-to-ptr)
    struct debug_shape shape = dal_debug_shape_(instance, debug_align(block->word));
    struct pattern_change front = dal_debug_front_changed_(ptr, shape);
    struct pattern_change behind = dal_debug_behind_changed_(ptr, debug_size(block->word), shape);

    if ((!front.count && !behind.count) || !is_there(record, block))
        return;
    if (front.count)
        dal_debug_fault_swept_(instance, block, &front);
    if (behind.count)
        dal_debug_fault_swept_(instance, block, &behind);
    dal_debug_mark_zones_(ptr, debug_size(block->word), shape);
}

static void look_at_kept(struct debug_instance *instance, struct debug_record record,
                         const struct debug_block *block)
{
    char *ptr = (char *)block->address; // NOLINT(performance-no-int-to-ptr)
    struct pattern_change change = dal_debug_ended_changed_(ptr, debug_size(block->word));
    struct debug_known known = {.block = *block};

    if (!change.count || !is_there(record, block))
        return;
    known.ended_stack = dal_debug_quarantine_stack_(instance, block->address);
    dal_debug_fault_changed_(instance, &known, &change);
    dal_debug_mark_ended_(instance, ptr, debug_size(block->word));
}

/* Returns whether there was something to look at. */
static int look(struct debug_instance *instance, struct debug_record record)
{
    struct debug_block block;
    _Atomic(uint64_t) *place;

    if (!dal_debug_record_read_(record, &block) ||
        (block.state != DEBUG_KEY_LIVE && block.state != DEBUG_KEY_KEPT))
        return 0;
    place = look_at(instance, block.address);
    if (!place)
        return 0;
    /* The word was read before that: by another one the block would be another one, too. */
    if (is_there(record, &block) && debug_record_word(record) == block.word) {
        if (block.state == DEBUG_KEY_LIVE && instance->zones)
            look_at_live(instance, record, &block);
        else if (block.state == DEBUG_KEY_KEPT && instance->fill)
            look_at_kept(instance, record, &block);
    }
    look_away(instance, place, block.address);
    return 1;
}

void dal_debug_sweep_(struct debug_instance *instance)
{
    uint64_t count = (uint64_t)instance->sweep * RECORDS_A_BLOCK;
    unsigned looked = 0;

    for (uint64_t i = 0; i < count && looked < instance->sweep; i++) {
        uint64_t number = atomic_fetch_add_explicit(&instance->swept, 1, memory_order_relaxed);

        looked += (unsigned)look(instance, dal_debug_register_record_(&instance->blocks, number));
    }
}
