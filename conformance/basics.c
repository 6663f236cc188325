/* SPDX-License-Identifier: MIT */
/* Serving, giving back, size 0, NULL, and what a block really holds. */
#include "kit.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* NULL is always allowed somewhere; an allocator that answers nothing else is not one. */
static void serves_requests(struct kit *kit)
{
    enum { BLOCKS_MAX = 50000 };
    static const size_t sizes[] = {64, 1, 4096, 1048576};
    size_t capacity = kit->profile->capacity_bytes;
    struct kit_block *blocks = kit_memory(kit, BLOCKS_MAX * sizeof *blocks);

    if (!kit->subject->capacity_bytes && capacity < CONFORMANCE_CAPACITY_MIN) {
        kit_suspect(kit, "alloc() takes itself for full, or fails for another reason than its "
                         "memory; if there is no more, that is to be declared (--capacity)");
        kit_fail_asked(kit, "blocks of 32768 bytes, then smaller ones, until NULL",
                       "4096 bytes in all, where no smaller capacity is declared", "%zu bytes",
                       capacity);
    }

    for (size_t i = 0; i < COUNT(sizes); i++) {
        size_t count = kit->budget_bytes / kit_cost(sizes[i], 8);

        count = count < BLOCKS_MAX ? count : BLOCKS_MAX;
        if (count == 0)
            continue;
        kit_renew(kit);
        for (size_t j = 0; j < count; j++)
            kit_alloc(kit, &blocks[j], sizes[i], 8);
        kit_free_all(kit, blocks, count);
    }
}

/* Three blocks of each size, given back in both orders. */
static void size_classes(struct kit *kit)
{
    size_t count;
    const size_t *sizes = kit_sizes(&count);

    for (size_t i = 0; i < count; i++) {
        struct kit_block blocks[3] = {{0}};
        size_t align = (size_t)1 << i % 5;

        if (!kit_want(kit, 3 * kit_cost(sizes[i], align)))
            continue;
        for (size_t j = 0; j < COUNT(blocks); j++)
            kit_alloc(kit, &blocks[j], sizes[i], align);
        kit_check_all(kit, blocks, COUNT(blocks));
        kit_free(kit, &blocks[i % 3]);
        kit_check_all(kit, blocks, COUNT(blocks));
        kit_free_all(kit, blocks, COUNT(blocks));
    }
}

enum { LIVE_BLOCKS = 400 };

static size_t fill_instance(struct kit *kit, struct kit_block *blocks)
{
    size_t count = 0;

    while (count < LIVE_BLOCKS) {
        size_t size = kit_random_size(kit, kit->budget_bytes / 32);
        size_t align = (size_t)1 << kit_random(kit, 7);

        if (kit->budget_bytes - kit->spent_bytes < kit_cost(size, align))
            break;
        kit_alloc(kit, &blocks[count++], size, align);
    }
    return count;
}

static void live_blocks_share_nothing(struct kit *kit)
{
    struct kit_block *blocks = kit_memory(kit, LIVE_BLOCKS * sizeof *blocks);

    for (int round = 0; round < 4; round++) {
        size_t count;

        kit_renew(kit);
        count = fill_instance(kit, blocks);
        kit_check_all(kit, blocks, count);
        kit_check_apart(kit, blocks, count);
        kit_free_all(kit, blocks, count);
    }
}

/* Blocks come and go in any order; what is live keeps its bytes. */
static void reuse_leaves_live_blocks(struct kit *kit)
{
    enum { SLOTS = 64, STEPS = 6000 };
    struct kit_block *blocks = kit_memory(kit, SLOTS * sizeof *blocks);

    for (int step = 0; step < STEPS; step++) {
        struct kit_block *block = &blocks[kit_random(kit, SLOTS)];
        size_t size = kit_random_size(kit, kit->budget_bytes / 64);

        if (block->ptr) {
            kit_free(kit, block);
        } else if (kit->budget_bytes - kit->spent_bytes < kit_cost(size, 64)) {
            kit_free_all(kit, blocks, SLOTS);
            kit_renew(kit);
        } else {
            kit_alloc(kit, block, size, (size_t)1 << kit_random(kit, 7));
        }
    }
    kit_free_all(kit, blocks, SLOTS);
}

static void size_zero(struct kit *kit)
{
    for (size_t align = 1; align <= KIT_ALIGN_REQUIRED; align *= 2) {
        struct kit_block blocks[8] = {{0}};

        if (!kit_want(kit, COUNT(blocks) * kit_cost(1, align)))
            break;
        for (size_t i = 0; i < COUNT(blocks); i += 4) {
            kit_alloc(kit, &blocks[i], 0, align);
            kit_alloc_zeroed(kit, &blocks[i + 1], 0, align);
            kit_alloc(kit, &blocks[i + 2], 1, align);
            kit_usable_size(kit, &blocks[i]);
            kit_free(kit, &blocks[i]);
        }
        kit_check_all(kit, blocks, COUNT(blocks));
        kit_free_all(kit, blocks, COUNT(blocks));
    }
}

static void dealloc_of_null_is_nothing(struct kit *kit)
{
    static const size_t sizes[] = {0, 1, 64, 100000};
    const struct dal_dealloc_slot *slot = &kit->instance->dealloc;
    struct kit_block block;

    kit_alloc(kit, &block, 64, 8);
    kit_suspect(kit, "NULL is taken for a block: dealloc() is to return at once for it");
    kit_suspect_hang(kit, "dealloc() returns for NULL with its lock held");
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (size_t align = 1; align <= KIT_ALIGN_REQUIRED; align *= 8) {
            kit_asks(kit, KIT_DEALLOC_NULL, sizes[i], align, 0, 0);
            slot->call(NULL, sizes[i], align, slot->ctx);
        }
    }
    kit_phase(kit, "after dealloc(NULL)");
    kit_free(kit, &block);
    kit_want(kit, kit_cost(64, 8));
    kit_alloc(kit, &block, 64, 8);
    kit_free(kit, &block);
    kit_suspect(kit, NULL);
    kit_suspect_hang(kit, NULL);
}

/* All that usable_size tells is written, in several neighbours at once. */
static void usable_size_is_usable(struct kit *kit)
{
    size_t count;
    const size_t *sizes = kit_sizes(&count);

    for (size_t i = 0; i < count && sizes[i] <= KIT_SIZE_LARGE; i++) {
        struct kit_block blocks[3] = {{0}};
        size_t asked[COUNT(blocks)];

        if (!kit_want(kit, 3 * kit_cost(sizes[i], 8)))
            break;
        for (size_t j = 0; j < COUNT(blocks); j++) {
            if (!kit_alloc(kit, &blocks[j], sizes[i], 8))
                return;
        }
        for (size_t j = 0; j < COUNT(blocks); j++) {
            asked[j] = blocks[j].size;
            blocks[j].size = kit_usable_size(kit, &blocks[j]);
            kit_fill(kit, &blocks[j]);
        }
        kit_phase(kit, "after all usable bytes of it and its neighbours were written");
        kit_check_all(kit, blocks, COUNT(blocks));
        kit_phase(kit, NULL);
        for (size_t j = 0; j < COUNT(blocks); j++) {
            blocks[j].size = asked[j];
            kit_free_dirty(kit, &blocks[j]);
        }
    }
}

static void expect_owns(struct kit *kit, const void *ptr, int expected, const char *what)
{
    int answer = dal_instance_owns(kit->instance, ptr);

    if (answer == DAL_ERR_UNSUPPORTED)
        kit_skip(kit, "it does not know its blocks");
    kit_suspect(kit, expected
                         ? "owns() looks at some of its memory only, such as at the last piece, "
                           "or at the start of it"
                         : "owns() does not look whether the address is in its memory, or "
                           "looks at one end of it only");
    if (answer != expected)
        kit_fail(kit, expected ? "1" : "0", "%d for %s", answer, what);
    kit_suspect(kit, NULL);
}

static void owns_its_blocks_only(struct kit *kit)
{
    static int somewhere;
    size_t count;
    const size_t *sizes = kit_sizes(&count);
    int here = 0;

    for (size_t i = 0; i < count; i += 3) {
        struct kit_block blocks[2];

        if (!kit_want(kit, 2 * kit_cost(sizes[i], 16)))
            break;
        kit_alloc(kit, &blocks[0], sizes[i], 1);
        kit_alloc(kit, &blocks[1], sizes[i], 16);
        kit_asks(kit, KIT_OWNS, sizes[i], 1, 0, 0);
        expect_owns(kit, blocks[0].ptr, 1, "a live block");
        kit_asks(kit, KIT_OWNS, sizes[i], 16, 0, 0);
        expect_owns(kit, blocks[1].ptr, 1, "a live block");
        kit_free_all(kit, blocks, COUNT(blocks));
    }
    kit_asks(kit, KIT_OWNS, 0, 0, 0, 0);
    expect_owns(kit, NULL, 0, "NULL");
    expect_owns(kit, &here, 0, "a variable on the stack");
    expect_owns(kit, &somewhere, 0, "a static variable");
    expect_owns(kit, kit_memory(kit, 4096), 0, "a page that it never served");
}

const struct conformance_case kit_cases_basics[] = {
    {"serves_requests", "memory is served, up to a fair part of the capacity", serves_requests},
    {"size_classes", "a block of every size holds what is written to it", size_classes},
    {"live_blocks_share_nothing", "no byte belongs to two live blocks", live_blocks_share_nothing},
    {"reuse_leaves_live_blocks", "blocks that come and go leave the others as they were",
     reuse_leaves_live_blocks},
    {"size_zero", "a block of size 0 is aligned, not NULL, and can be given back", size_zero},
    {"dealloc_of_null_is_nothing", "dealloc(NULL) does nothing", dealloc_of_null_is_nothing},
    {"usable_size_is_usable", "usable_size is the size at least, and all of it can be written",
     usable_size_is_usable},
    {"owns_its_blocks_only", "owns tells live blocks from other memory", owns_its_blocks_only},
    {NULL, NULL, NULL},
};
