/* SPDX-License-Identifier: MIT */
/* realloc, grow and shrink: contents, alignment, size 0, NULL. That new_size is honoured
 * shows in the fill of the whole block and in its neighbours. */
#include "kit.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Up over every boundary and down again, with a neighbour allocated after each step, so
 * that a block cannot stay where it is by luck. */
static void realloc_keeps_contents(struct kit *kit)
{
    size_t count;
    const size_t *sizes = kit_sizes(&count);

    for (size_t i = 1; i < count; i++) {
        struct kit_block block, neighbour;
        size_t align = (size_t)1 << i % 5;
        size_t up = sizes[i];
        size_t down = sizes[i - 1];

        if (!kit_want(kit, 4 * kit_cost(up, align)))
            break;
        if (!kit_alloc(kit, &block, down, align))
            continue;
        kit_alloc(kit, &neighbour, 24, 8);
        kit_realloc(kit, &block, up);
        kit_check(kit, &neighbour);
        kit_realloc(kit, &block, up);
        kit_realloc(kit, &block, down);
        kit_check(kit, &neighbour);
        kit_free(kit, &block);
        kit_free(kit, &neighbour);
    }
}

/* Steps of every length, small to large and back. */
static void realloc_takes_any_step(struct kit *kit)
{
    enum { SLOTS = 8, STEPS = 3000 };
    struct kit_block blocks[SLOTS] = {{0}};

    for (int step = 0; step < STEPS; step++) {
        struct kit_block *block = &blocks[kit_random(kit, SLOTS)];
        size_t size = kit_random_size(kit, kit->budget_bytes / 32);

        if (kit->budget_bytes - kit->spent_bytes < kit_cost(size, 64)) {
            kit_free_all(kit, blocks, SLOTS);
            kit_renew(kit);
        }
        if (block->ptr)
            kit_realloc(kit, block, size);
        else
            kit_alloc(kit, block, size, (size_t)1 << kit_random(kit, 7));
        if (step % 64 == 0)
            kit_check_all(kit, blocks, SLOTS);
    }
    kit_free_all(kit, blocks, SLOTS);
}

static void realloc_keeps_alignment(struct kit *kit)
{
    static const size_t sizes[] = {1, 8, 24, 100, 4096, 5000, 40000, 16, 3};

    for (size_t align = 1; align <= KIT_ALIGN_REQUIRED; align *= 2) {
        for (size_t i = 0; i + 1 < COUNT(sizes); i++) {
            struct kit_block block, between;
            size_t large = sizes[i] > sizes[i + 1] ? sizes[i] : sizes[i + 1];

            if (!kit_want(kit, 3 * kit_cost(large, align)))
                continue;
            if (!kit_alloc(kit, &block, sizes[i], align))
                continue;
            kit_alloc(kit, &between, 8, 1);
            kit_realloc(kit, &block, sizes[i + 1]);
            kit_free(kit, &between);
            kit_realloc(kit, &block, sizes[i]);
            kit_free(kit, &block);
        }
    }
}

static void realloc_of_null_allocates(struct kit *kit)
{
    static const size_t sizes[] = {0, 1, 8, 100, 4096, 70000};

    for (size_t align = 1; align <= KIT_ALIGN_REQUIRED; align *= 2) {
        for (size_t i = 0; i < COUNT(sizes); i++) {
            struct kit_block block = {.align = align};

            if (!kit_want(kit, kit_cost(sizes[i], align)))
                break;
            kit_realloc(kit, &block, sizes[i]);
            kit_free(kit, &block);
        }
    }
}

static void realloc_to_zero_and_back(struct kit *kit)
{
    for (size_t align = 1; align <= KIT_ALIGN_REQUIRED; align *= 2) {
        struct kit_block block, other;

        if (!kit_want(kit, 6 * kit_cost(100, align)))
            break;
        if (!kit_alloc(kit, &block, 100, align))
            continue;
        kit_realloc(kit, &block, 0);
        kit_alloc(kit, &other, 100, align);
        kit_realloc(kit, &block, 0);
        kit_realloc(kit, &block, 60);
        kit_realloc(kit, &block, 0);
        kit_check(kit, &other);
        kit_free(kit, &block);
        kit_free(kit, &other);
    }
}

/* Layouts for grow and shrink: every pair of alignments, sizes that are worth it. */
static void relayout_all(struct kit *kit, bool growing)
{
    static const size_t pairs[][2] = {{0, 1}, {1, 1}, {8, 9}, {16, 64}, {100, 4097}, {5000, 30000}};

    for (size_t i = 0; i < COUNT(pairs) * 13 * 13; i++) {
        size_t small = pairs[i % COUNT(pairs)][0];
        size_t large = pairs[i % COUNT(pairs)][1];
        size_t old_align = (size_t)1 << i / COUNT(pairs) % 13;
        size_t new_align = (size_t)1 << i / COUNT(pairs) / 13;
        struct kit_block block, neighbour;

        if (!kit_want(kit, 3 * kit_cost(large, old_align > new_align ? old_align : new_align)))
            continue;
        if (!kit_alloc(kit, &block, growing ? small : large, old_align))
            continue;
        kit_alloc(kit, &neighbour, 40, 8);
        if (growing)
            kit_grow(kit, &block, large, new_align);
        else
            kit_shrink(kit, &block, small, new_align);
        kit_check(kit, &neighbour);
        kit_free(kit, &block);
        kit_free(kit, &neighbour);
    }
}

static void grow_takes_another_alignment(struct kit *kit)
{
    relayout_all(kit, true);
}

static void shrink_takes_another_alignment(struct kit *kit)
{
    relayout_all(kit, false);
}

/* Sizes that are valid for the alignment and that no machine can serve. */
static void failed_resize_leaves_block(struct kit *kit)
{
    static const size_t sizes[] = {1, 16, 100, 5000, 200000};

    for (size_t i = 0; i < COUNT(sizes) * 13; i++) {
        size_t align = (size_t)1 << i / COUNT(sizes);
        struct kit_block block, other;

        if (!kit_want(kit, 2 * kit_cost(sizes[i % COUNT(sizes)], align)))
            continue;
        if (!kit_alloc(kit, &block, sizes[i % COUNT(sizes)], align))
            continue;
        for (size_t huge = KIT_SIZE_IMPOSSIBLE; huge <= (size_t)PTRDIFF_MAX / 2; huge *= 2)
            kit_refuse_realloc(kit, &block, huge - 1 + i % 2);
        kit_refuse_realloc(kit, &block, (size_t)PTRDIFF_MAX - (align - 1));
        kit_refuse_grow(kit, &block, (size_t)PTRDIFF_MAX - (align - 1), false);
        kit_refuse_grow(kit, &block, (size_t)PTRDIFF_MAX / 2, true);
        /* Neither lost nor given away: a new block of its size is another one. */
        kit_alloc(kit, &other, block.size, align);
        kit_phase(kit, "after resizes of it that failed");
        kit_check(kit, &block);
        kit_phase(kit, NULL);
        kit_free(kit, &other);
        kit_free(kit, &block);
    }
}

const struct conformance_case kit_cases_resize[] = {
    {"realloc_keeps_contents", "realloc keeps the common bytes over every size boundary",
     realloc_keeps_contents},
    {"realloc_takes_any_step", "realloc keeps the common bytes over steps of any length",
     realloc_takes_any_step},
    {"realloc_keeps_alignment", "realloc keeps alignments from 1 to 4096", realloc_keeps_alignment},
    {"realloc_of_null_allocates", "realloc(NULL, 0, ...) allocates", realloc_of_null_allocates},
    {"realloc_to_zero_and_back", "realloc to 0 leaves a valid block of size 0",
     realloc_to_zero_and_back},
    {"grow_takes_another_alignment", "grow keeps the bytes and takes any new alignment",
     grow_takes_another_alignment},
    {"shrink_takes_another_alignment", "shrink keeps the bytes and takes any new alignment",
     shrink_takes_another_alignment},
    {"failed_resize_leaves_block", "a failed realloc or grow leaves the block as it was",
     failed_resize_leaves_block},
    {NULL, NULL, NULL},
};
