/* SPDX-License-Identifier: MIT */
/* Alignment of what alloc and alloc_zeroed return. */
#include "kit.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Sizes around an alignment: well below it, where a fast path for small blocks goes wrong,
 * and on both sides of its multiples. */
static size_t size_around(size_t align, size_t which)
{
    switch (which) {
    case 0: return 1;
    case 1: return 8;
    case 2: return align / 2 + 1;
    case 3: return align - align / 4;
    case 4: return align + 1;
    default: return 3 * align;
    }
}

enum { SIZES_AROUND = 6 };

/* Many blocks of one layout with blocks of odd sizes between them: chance alone aligns
 * every second block. */
static void try_layout(struct kit *kit, size_t size, size_t align, bool zeroed)
{
    enum { REPEATS = 48 };
    struct kit_block blocks[2 * REPEATS] = {{0}};
    size_t pair = kit_cost(size, align) + kit_cost(64, 1);
    size_t repeats = kit->budget_bytes / pair;

    if (repeats > REPEATS)
        repeats = REPEATS;
    if (!kit_want(kit, repeats * pair))
        return;
    for (size_t i = 0; i < repeats; i++) {
        kit_alloc(kit, &blocks[2 * i], 1 + kit_random(kit, 64), 1);
        if (zeroed)
            kit_alloc_zeroed(kit, &blocks[2 * i + 1], size, align);
        else
            kit_alloc(kit, &blocks[2 * i + 1], size, align);
    }
    kit_free_all(kit, blocks, 2 * repeats);
}

static void try_alignments(struct kit *kit, bool zeroed)
{
    for (size_t align = 1; align <= KIT_ALIGN_REQUIRED; align *= 2) {
        for (size_t i = 0; i < SIZES_AROUND; i++)
            try_layout(kit, size_around(align, i), align, zeroed);
    }
}

static void alloc_is_aligned(struct kit *kit)
{
    try_alignments(kit, false);
}

static void alloc_zeroed_is_aligned(struct kit *kit)
{
    try_alignments(kit, true);
}

/* Every alignment beside every other, freed in another order; so many that an allocator's pages
 * are full of them and have room again. */
static void alignments_mix(struct kit *kit)
{
    enum { SLOTS = 512, MUCH_BYTES = 1 << 20 };
    struct kit_block blocks[SLOTS] = {{0}};
    /* One with little room is made anew every few steps. */
    int steps = kit->budget_bytes >= MUCH_BYTES ? 12000 : 1000;

    for (int step = 0; step < steps; step++) {
        struct kit_block *block = &blocks[kit_random(kit, SLOTS)];
        size_t align = (size_t)1 << kit_random(kit, 13);
        size_t size = kit_random(kit, 700);

        kit_free(kit, block);
        if (kit->budget_bytes - kit->spent_bytes < kit_cost(size, align)) {
            kit_free_all(kit, blocks, SLOTS);
            if (!kit_want(kit, kit_cost(size, align)))
                continue;
        }
        if (step % 2)
            kit_alloc(kit, block, size, align);
        else
            kit_alloc_zeroed(kit, block, size, align);
    }
    kit_free_all(kit, blocks, SLOTS);
}

/* Above 4096 an allocator may refuse, but it may not misalign. */
static void large_alignments(struct kit *kit)
{
    for (size_t align = 2 * KIT_ALIGN_REQUIRED; align <= (size_t)2 << 20; align *= 2) {
        static const size_t sizes[] = {1, 100, 4096, 10000};

        for (size_t i = 0; i < COUNT(sizes); i++) {
            struct kit_block blocks[3] = {{0}};

            /* Where it is too much for one instance, NULL is expected as well. */
            if (!kit_want(kit, COUNT(blocks) * kit_cost(sizes[i], align)))
                kit_renew(kit);
            kit_alloc(kit, &blocks[0], sizes[i], align);
            kit_alloc_zeroed(kit, &blocks[1], sizes[i], align);
            kit_alloc(kit, &blocks[2], sizes[i], align);
            kit_check_apart(kit, blocks, COUNT(blocks));
            kit_free_all(kit, blocks, COUNT(blocks));
        }
    }
}

const struct conformance_case kit_cases_align[] = {
    {"alloc_is_aligned", "alignments from 1 to 4096 are kept for sizes on both sides of them",
     alloc_is_aligned},
    {"alloc_zeroed_is_aligned", "alloc_zeroed keeps the same alignments", alloc_zeroed_is_aligned},
    {"alignments_mix", "blocks of all alignments live side by side", alignments_mix},
    {"large_alignments", "alignments to 2 MiB are kept or refused", large_alignments},
    {NULL, NULL, NULL},
};
