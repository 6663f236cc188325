/* SPDX-License-Identifier: MIT */
/* Running out of memory: NULL, and nothing else changes. */
#include "kit.h"

enum { BLOCKS_MAX = 8192 };

/* Blocks of a size until NULL comes or the table is full. */
static size_t drain(struct kit *kit, struct kit_block *blocks, size_t count, size_t size,
                    size_t align)
{
    while (count < BLOCKS_MAX && kit_alloc(kit, &blocks[count], size, align))
        count++;
    return count;
}

/* Large blocks first, then what is left in ever smaller ones. */
static size_t drain_all(struct kit *kit, struct kit_block *blocks)
{
    size_t first = kit->profile->capacity_bytes / 1024;
    size_t count = 0;

    for (size_t size = first > 4096 ? first : 4096; size > 0; size /= 8)
        count = drain(kit, blocks, count, size, size % 64 ? 1 : 64);
    return drain(kit, blocks, count, 1, 1);
}

/* Every call may fail now, none may harm; what it still serves is good memory. */
static void press_on(struct kit *kit, struct kit_block *blocks, size_t count)
{
    for (size_t i = 0; i < count && i < 64; i++) {
        struct kit_block more[4] = {{0}};

        kit_alloc(kit, &more[0], 1 + kit_random_size(kit, 10000), (size_t)1 << i % 13);
        kit_alloc_zeroed(kit, &more[1], 1 + kit_random_size(kit, 10000), (size_t)1 << i % 13);
        kit_alloc(kit, &more[2], 0, (size_t)1 << i % 13);
        kit_realloc(kit, &blocks[i], 2 * blocks[i].size + 5000);
        kit_grow(kit, &blocks[i], blocks[i].size + 100, blocks[i].align);
        kit_grow_zeroed(kit, &blocks[i], blocks[i].size + 100, 2 * blocks[i].align);
        kit_resize_in_place(kit, &blocks[i], blocks[i].size + 1);
        kit_realloc(kit, &blocks[i], blocks[i].size / 2);
        kit_free_all(kit, more, 4);
    }
}

static void exhaustion_is_null(struct kit *kit)
{
    struct kit_block *blocks = kit_memory(kit, BLOCKS_MAX * sizeof *blocks);
    size_t count;

    if (!kit->profile->limited)
        kit_skip(kit, "it served %zu MiB without an end", CONFORMANCE_PROBE_BYTES >> 20);
    for (int round = 0; round < 2; round++) {
        kit_renew(kit);
        kit_phase(kit, "on the way to exhaustion");
        count = drain_all(kit, blocks);
        kit_phase(kit, "when memory is exhausted");
        kit_check_all(kit, blocks, count);
        press_on(kit, blocks, count);
        kit_check_apart(kit, blocks, count);
        kit_check_all(kit, blocks, count);
        kit_free_all(kit, blocks, count);
        kit_phase(kit, "after all was given back");
        count = drain(kit, blocks, 0, 100, 4);
        kit_check_apart(kit, blocks, count);
        kit_free_all(kit, blocks, count);
    }
}

/* A refused request must not use up, or wrap around, what is left. */
static void refusals_take_nothing(struct kit *kit)
{
    enum { REFUSALS = 2000, BLOCKS = 4096 };
    struct kit_block *blocks = kit_memory(kit, BLOCKS * sizeof *blocks);
    size_t large = (size_t)PTRDIFF_MAX / 2;
    size_t count = 0;

    if (kit->profile->limited && kit->subject->capacity_bytes == 0)
        large = 2 * kit->profile->capacity_bytes + 65536;
    kit_alloc(kit, &blocks[count++], 40, 8);
    kit_phase(kit, "again and again");
    for (size_t i = 0; i < REFUSALS; i++) {
        size_t align = (size_t)1 << i % 13;

        kit_refuse_alloc(kit, i % 2 ? large : (size_t)PTRDIFF_MAX - (align - 1), align, false);
    }
    kit_phase(kit, "after requests that were too large");
    while (count < BLOCKS && kit->budget_bytes - kit->spent_bytes >= kit_cost(64, 8))
        kit_alloc(kit, &blocks[count++], 64, 8);
    kit_check_all(kit, blocks, count);
    kit_check_apart(kit, blocks, count);
    kit_free_all(kit, blocks, count);
}

const struct conformance_case kit_cases_exhaust[] = {
    {"exhaustion_is_null", "exhausted memory is NULL, and live blocks stay as they were",
     exhaustion_is_null},
    {"refusals_take_nothing", "a refused request uses nothing up", refusals_take_nothing},
    {NULL, NULL, NULL},
};
