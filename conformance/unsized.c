/* SPDX-License-Identifier: MIT */
/* Freeing without a size: whether it takes any block, and whether that is memory again. */
#include <stdio.h>

#include "kit.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char kit_likely_unsized[] =
    "dealloc_unsized() does not give the block back, or not to where dealloc() gives it";

bool kit_frees_unsized(const struct kit *kit)
{
    return (kit->instance->native & DAL_SLOT_DEALLOC_UNSIZED) != 0;
}

static void free_unsized(struct kit *kit, struct kit_block *block)
{
    kit_check(kit, block);
    kit_asks(kit, KIT_DEALLOC_UNSIZED, block->size, block->align, 0, 0);
    dal_instance_dealloc_unsized(kit->instance, block->ptr);
    block->ptr = NULL;
}

/* An allocator that frees without a size also tells the usable size without one. */
static void check_unsized_usable(struct kit *kit, const struct kit_block *block)
{
    size_t usable;

    if (!(kit->instance->native & DAL_SLOT_USABLE_SIZE))
        return;
    kit_asks(kit, KIT_USABLE_SIZE, 0, 0, 0, 0);
    usable = dal_instance_usable_size(kit->instance, block->ptr, 0, 0);
    if (usable >= block->size)
        return;
    kit_suspect(kit,
                "usable_size() goes by the size that it is told: beside dealloc_unsized it has "
                "to find it by the address");
    kit_fail(kit, "the size of the block at least, told from the pointer alone",
             "%zu for a block of size %zu, align %zu", usable, block->size, block->align);
}

static void take_every_size(struct kit *kit)
{
    size_t count;
    const size_t *sizes = kit_sizes(&count);

    for (size_t i = 0; i < count && sizes[i] <= KIT_SIZE_LARGE; i++) {
        size_t align = (size_t)1 << i % 13;
        struct kit_block before, block, after;

        if (!kit_want(kit, 3 * kit_cost(sizes[i], align)))
            continue;
        kit_alloc(kit, &before, sizes[i], 8);
        kit_alloc(kit, &block, sizes[i], align);
        kit_alloc(kit, &after, sizes[i], 8);
        check_unsized_usable(kit, &block);
        free_unsized(kit, &block);
        kit_free(kit, &before);
        kit_free(kit, &after);
    }
}

/* ---- What was given back is memory again ----------------------------------------------- */

enum { TURN_BLOCKS = 32, TURNS = 32 };

/* Blocks of one size that come and go, and where those were that went. */
struct turnover {
    size_t size, turns, served, reused;
    size_t gone_count;
    void *gone[TURNS * TURN_BLOCKS];
};

static bool has_gone(const struct turnover *turnover, const void *ptr)
{
    for (size_t i = 0; i < turnover->gone_count; i++) {
        if (turnover->gone[i] == ptr)
            return true;
    }
    return false;
}

/* The last block of a turn stays: who takes back the last one only, or all when none is live, as an
 * arena may, uses nothing again here. */
static void turn(struct kit *kit, struct turnover *turnover, struct kit_block *kept,
                 void (*give)(struct kit *kit, struct kit_block *block))
{
    struct kit_block blocks[TURN_BLOCKS];

    for (size_t i = 0; i < TURN_BLOCKS; i++) {
        if (!kit_alloc(kit, &blocks[i], turnover->size, 8))
            continue;
        turnover->served++;
        turnover->reused += has_gone(turnover, blocks[i].ptr);
    }
    for (size_t i = 0; i + 1 < TURN_BLOCKS; i++) {
        turnover->gone[turnover->gone_count++] = blocks[i].ptr;
        if (blocks[i].ptr)
            give(kit, &blocks[i]);
    }
    *kept = blocks[TURN_BLOCKS - 1];
}

/* How many of the blocks were where one had been before, in a fresh instance. */
static size_t turn_over(struct kit *kit, struct turnover *turnover,
                        void (*give)(struct kit *kit, struct kit_block *block))
{
    struct kit_block kept[TURNS];

    kit_renew(kit);
    turnover->served = turnover->reused = turnover->gone_count = 0;
    for (size_t i = 0; i < turnover->turns; i++)
        turn(kit, turnover, &kept[i], give);
    kit_free_all(kit, kept, turnover->turns);
    return turnover->reused;
}

/* Where the memory comes from does not matter: who serves a place again after dealloc(), and never
 * one after dealloc_unsized(), has not taken it back. Who uses nothing again in either way passes.
 */
static void expect_used_again(struct kit *kit, struct turnover *turnover)
{
    size_t turns = kit->budget_bytes / TURN_BLOCKS / kit_cost(turnover->size, 8);
    size_t by_size;
    char asked[128];

    turnover->turns = turns < TURNS ? turns : TURNS;
    by_size = turn_over(kit, turnover, kit_free);
    if (by_size < TURN_BLOCKS || turn_over(kit, turnover, free_unsized) > 0)
        return;
    snprintf(asked, sizeof asked,
             "blocks of size %zu, given back by dealloc_unsized again and again", turnover->size);
    kit_suspect(kit, kit_likely_unsized);
    kit_fail_asked(kit, asked, "what was given back used again, as after dealloc",
                   "none of %zu blocks in the place of one that was given back; after dealloc, %zu",
                   turnover->served, by_size);
}

static void dealloc_unsized_frees(struct kit *kit)
{
    static const size_t sizes[] = {16, 200, 3000, 100000};
    struct turnover *turnover;

    if (!kit_frees_unsized(kit))
        kit_skip(kit, "it cannot free a block without its size");
    kit_suspect(kit, "NULL is taken for a block: dealloc_unsized() is to return at once for it");
    kit_asks(kit, KIT_DEALLOC_UNSIZED, 0, 0, 0, 0);
    dal_instance_dealloc_unsized(kit->instance, NULL);
    kit_suspect(kit, NULL);
    take_every_size(kit);
    turnover = kit_memory(kit, sizeof *turnover);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        turnover->size = sizes[i];
        expect_used_again(kit, turnover);
    }
}

const struct conformance_case kit_cases_unsized[] = {
    {"dealloc_unsized_frees", "dealloc_unsized gives back blocks of every size and alignment",
     dealloc_unsized_frees},
    {NULL, NULL, NULL},
};
