/* SPDX-License-Identifier: MIT */
/* See stack_table.h. */
#include <config.h>

#include "stack/stack_table.h"

#include <stdatomic.h>
#include <string.h>

#include "os/os.h"

/* The number of a record is where it begins, in units, over all segments; the first unit is
 * nobody's.
 */
enum { UNIT = 8, SEGMENT_UNITS = 1 << 17, SEGMENTS = 256, LISTS = 1 << 16 };

struct record {
    uint32_t next; /* in its list; 0: the last one */
    uint32_t hash;
    size_t count;
    const void *places[];
};

struct dal_stack_table_ {
    /* Release when a record becomes the head, acquire when it is read: what is found by a number of
     * another thread is filled. */
    _Atomic(uint32_t) lists[LISTS];
    /* The same for a segment and its bytes, which the system has zeroed. */
    _Atomic(unsigned char *) segments[SEGMENTS];
    _Atomic(uint32_t) used; /* units; relaxed: the memory is who took it's alone */
};

const size_t dal_stack_table_bytes_ = sizeof(struct dal_stack_table_);

static uint32_t hash_of(const void *const *places, size_t count)
{
    uint64_t hash = count;

    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ (uintptr_t)places[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return (uint32_t)hash;
}

static struct record *record_of(struct dal_stack_table_ *table, uint32_t number)
{
    unsigned char *segment =
        atomic_load_explicit(&table->segments[number / SEGMENT_UNITS], memory_order_acquire);

    return segment ? (struct record *)(void *)(segment + number % SEGMENT_UNITS * UNIT) : NULL;
}

static int make_segment(struct dal_stack_table_ *table, uint32_t index)
{
    _Atomic(unsigned char *) *segment = &table->segments[index];
    unsigned char *there = NULL, *made;

    if (atomic_load_explicit(segment, memory_order_acquire))
        return 1;
    made = dal_os_map_((size_t)SEGMENT_UNITS * UNIT);
    if (!made)
        return 0;
    if (!atomic_compare_exchange_strong_explicit(segment, &there, made, memory_order_acq_rel,
                                                 memory_order_acquire))
        dal_os_unmap_(made, (size_t)SEGMENT_UNITS * UNIT);
    return 1;
}

/* Room for a record: its number, or 0. What is left of a segment that is too short for it is lost.
 */
static uint32_t take(struct dal_stack_table_ *table, size_t bytes)
{
    uint32_t units = (uint32_t)((bytes + UNIT - 1) / UNIT);
    uint32_t used = atomic_load_explicit(&table->used, memory_order_relaxed);
    uint32_t start;

    do {
        start = used ? used : 1;
        if (start % SEGMENT_UNITS + units > SEGMENT_UNITS)
            start += SEGMENT_UNITS - start % SEGMENT_UNITS;
        if (start / SEGMENT_UNITS >= SEGMENTS || !make_segment(table, start / SEGMENT_UNITS))
            return 0;
    } while (!atomic_compare_exchange_weak_explicit(&table->used, &used, start + units,
                                                    memory_order_relaxed, memory_order_relaxed));
    return start;
}

static int is_of(const struct record *record, uint32_t hash, const void *const *places,
                 size_t count)
{
    return record->hash == hash && record->count == count &&
           memcmp(record->places, places, count * sizeof *places) == 0;
}

/* In a list up to where it was looked through before. */
static uint32_t find(struct dal_stack_table_ *table, uint32_t head, uint32_t seen, uint32_t hash,
                     const void *const *places, size_t count)
{
    for (uint32_t number = head; number != seen;) {
        const struct record *record = record_of(table, number);

        if (is_of(record, hash, places, count))
            return number;
        number = record->next;
    }
    return 0;
}

uint32_t dal_stack_table_add_(struct dal_stack_table_ *table, const void *const *places,
                              size_t count)
{
    uint32_t hash = hash_of(places, count);
    _Atomic(uint32_t) *list = &table->lists[hash % LISTS];
    uint32_t head = atomic_load_explicit(list, memory_order_acquire);
    uint32_t number = find(table, head, 0, hash, places, count);
    struct record *record;

    if (number)
        return number;
    number = take(table, sizeof *record + count * sizeof *places);
    if (!number)
        return 0;
    record = record_of(table, number);
    record->hash = hash;
    record->count = count;
    memcpy(record->places, places, count * sizeof *places);
    for (;;) {
        uint32_t seen = record->next = head, found;

        if (atomic_compare_exchange_weak_explicit(list, &head, number, memory_order_release,
                                                  memory_order_acquire))
            return number;
        /* Another thread may have added the same. The room is lost then. */
        found = find(table, head, seen, hash, places, count);
        if (found)
            return found;
    }
}

size_t dal_stack_table_get_(struct dal_stack_table_ *table, uint32_t number,
                            const void *const **places)
{
    struct record *record =
        number && number / SEGMENT_UNITS < SEGMENTS ? record_of(table, number) : NULL;

    if (!record)
        return 0;
    *places = record->places;
    return record->count;
}
