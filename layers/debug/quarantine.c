/* SPDX-License-Identifier: MIT */
/*
 * The quarantine: blocks that were given back and that the child does not get yet, so that who
 * still writes to one is told of, and nobody else gets its address.
 *
 * A ring of addresses. Who puts one in takes the next place by an addition, and gets out what was
 * there; then the oldest leave while there are too many bytes. All by exchanges, so that nobody
 * waits, and of several threads one has a block. The record of a block stays in the register
 * (DEBUG_KEY_KEPT). A thread that a fork leaves behind between two of these steps leaves a place
 * empty, or a block that is in no place, which stays where it is in the child.
 *
 * An address is exchanged with release by who puts it in and acquire by who gets it out, so that
 * the stack that goes with it is there. The stack of a place that a second thread comes to before
 * the first is done, which takes a whole round of the ring, may be the other's.
 */
#include <dispatchalloc/error.h>

#include "debug.h"

/* What a block counts for: with what its record takes, lest there be places without end. */
enum { RECORD_BYTES = 64 };

static size_t weight_of(const struct debug_instance *instance, uint64_t word)
{
    struct debug_shape shape = dal_debug_shape_(instance, debug_align(word));

    return debug_size(word) + shape.front + shape.behind + RECORD_BYTES;
}

int dal_debug_quarantine_open_(struct debug_instance *instance, size_t limit)
{
    struct debug_quarantine *kept = &instance->quarantine;
    size_t places = 1;

    if (!limit)
        return 0;
    while (places < limit / RECORD_BYTES)
        places *= 2;
    kept->mapping_bytes = places * (sizeof *kept->addresses + sizeof *kept->stacks);
    kept->addresses = instance->services->pages_map(kept->mapping_bytes);
    if (!kept->addresses)
        return DAL_ERR_MEMORY;
    kept->stacks = (_Atomic(uint32_t) *)(void *)(kept->addresses + places);
    kept->places = places;
    kept->limit = limit;
    return 0;
}

/* ---- Leaving --------------------------------------------------------------------------------- */

/* The record of a block that is kept, if it still is, with a look at its bytes. */
static struct debug_record take_and_look(struct debug_instance *instance, uintptr_t address,
                                         uint32_t ended_stack)
{
    struct debug_record record =
        dal_debug_register_take_(&instance->blocks, address, DEBUG_KEY_KEPT);
    char *ptr = (char *)address; // NOLINT(performance-no-int-to-ptr)
    struct pattern_change change;
    struct debug_known known;

    if (!record.line || !instance->fill)
        return record;
    known = (struct debug_known){
        .block = {.state = DEBUG_KEY_KEPT,
                  .address = address,
                  .word = debug_record_word(record),
                  .stack = debug_record_stack(record)},
        .ended_stack = ended_stack,
    };
    change = dal_debug_ended_changed_(ptr, debug_size(known.block.word));
    if (!change.count)
        return record;
    dal_debug_fault_changed_(instance, &known, &change);
    /* It may be looked at again, and that is not to be told twice. */
    dal_debug_mark_ended_(instance, ptr, debug_size(known.block.word));
    return record;
}

static void leave(struct debug_instance *instance, uintptr_t address, uint32_t ended_stack)
{
    struct debug_record record = take_and_look(instance, address, ended_stack);
    uint64_t word;

    if (!record.line)
        return;
    word = debug_record_word(record);
    atomic_fetch_sub_explicit(&instance->quarantine.bytes, weight_of(instance, word),
                              memory_order_relaxed);
    dal_debug_give_back_(instance, record, address, word, ended_stack);
}

/* What is in a place leaves. */
static void empty(struct debug_instance *instance, size_t place)
{
    struct debug_quarantine *kept = &instance->quarantine;
    uint64_t address = atomic_exchange_explicit(&kept->addresses[place], 0, memory_order_acq_rel);

    if (address)
        leave(instance, (uintptr_t)address,
              atomic_load_explicit(&kept->stacks[place], memory_order_relaxed));
}

/* The oldest place that is in use leaves. Returns 0 if there is none. */
static int empty_oldest(struct debug_instance *instance)
{
    struct debug_quarantine *kept = &instance->quarantine;
    uint64_t tail = atomic_load_explicit(&kept->tail, memory_order_relaxed);

    do {
        if (tail == atomic_load_explicit(&kept->head, memory_order_relaxed))
            return 0;
    } while (!atomic_compare_exchange_weak_explicit(&kept->tail, &tail, tail + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    empty(instance, (size_t)(tail & (kept->places - 1)));
    return 1;
}

/* ---- Coming ---------------------------------------------------------------------------------- */

static void put(struct debug_instance *instance, uintptr_t address, uint32_t ended_stack)
{
    struct debug_quarantine *kept = &instance->quarantine;
    size_t place = (size_t)(atomic_fetch_add_explicit(&kept->head, 1, memory_order_relaxed) &
                            (kept->places - 1));
    uint64_t older;

    empty(instance, place);
    atomic_store_explicit(&kept->stacks[place], ended_stack, memory_order_relaxed);
    older = atomic_exchange_explicit(&kept->addresses[place], address, memory_order_acq_rel);
    if (older)
        leave(instance, (uintptr_t)older, 0);
}

int dal_debug_quarantine_keep_(struct debug_instance *instance, struct debug_record record,
                               uintptr_t address, uint64_t word, uint32_t ended_stack)
{
    struct debug_quarantine *kept = &instance->quarantine;
    size_t weight = weight_of(instance, word);

    if (weight > kept->limit)
        return 0;
    atomic_fetch_add_explicit(&kept->bytes, weight, memory_order_relaxed);
    debug_record_put(record, address | DEBUG_KEY_KEPT, word, debug_record_stack(record));
    put(instance, address, ended_stack);
    while (atomic_load_explicit(&kept->bytes, memory_order_relaxed) > kept->limit &&
           empty_oldest(instance))
        ;
    return 1;
}

/* ---- All ------------------------------------------------------------------------------------- */

uint32_t dal_debug_quarantine_stack_(struct debug_instance *instance, uintptr_t address)
{
    struct debug_quarantine *kept = &instance->quarantine;

    for (size_t i = 0; i < kept->places; i++) {
        if (atomic_load_explicit(&kept->addresses[i], memory_order_acquire) == address)
            return atomic_load_explicit(&kept->stacks[i], memory_order_relaxed);
    }
    return 0;
}

/* Whether the oldest have left up to a place since the tail was another. */
static int is_passed(const struct debug_quarantine *kept, size_t place, uint64_t tail)
{
    uint64_t number = tail + ((place - tail) & (kept->places - 1));

    return atomic_load_explicit(&kept->tail, memory_order_relaxed) > number;
}

/* Who looks has the block out of its place meanwhile: who finds the place empty goes on. What then
 * would have left by now leaves. The exchange that found it empty is acquired by the one that fills
 * it again, and with it the tail of who was there. */
static void look_at_place(struct debug_instance *instance, size_t place)
{
    struct debug_quarantine *kept = &instance->quarantine;
    uint64_t tail = atomic_load_explicit(&kept->tail, memory_order_relaxed), nothing = 0;
    uint64_t address = atomic_exchange_explicit(&kept->addresses[place], 0, memory_order_acq_rel);
    uint32_t ended_stack = atomic_load_explicit(&kept->stacks[place], memory_order_relaxed);
    struct debug_record record = {NULL, 0};

    if (address)
        record = take_and_look(instance, (uintptr_t)address, ended_stack);
    if (!record.line)
        return;
    debug_record_release(record, address | DEBUG_KEY_KEPT);
    if (!atomic_compare_exchange_strong_explicit(&kept->addresses[place], &nothing, address,
                                                 memory_order_acq_rel, memory_order_relaxed))
        leave(instance, (uintptr_t)address, ended_stack);
    else if (is_passed(kept, place, tail))
        empty(instance, place);
}

void dal_debug_quarantine_look_(struct debug_instance *instance)
{
    struct debug_quarantine *kept = &instance->quarantine;

    for (size_t i = 0; i < kept->places && instance->fill; i++) {
        if (atomic_load_explicit(&kept->addresses[i], memory_order_relaxed))
            look_at_place(instance, i);
    }
}

void dal_debug_quarantine_empty_(struct debug_instance *instance)
{
    while (empty_oldest(instance))
        ;
    for (size_t i = 0; i < instance->quarantine.places; i++)
        empty(instance, i);
}

void dal_debug_quarantine_close_(struct debug_instance *instance)
{
    instance->services->pages_unmap(instance->quarantine.addresses,
                                    instance->quarantine.mapping_bytes);
}
