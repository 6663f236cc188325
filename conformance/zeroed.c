/* SPDX-License-Identifier: MIT */
/* Zeroed memory, above all memory that was in use before. The kit fills every block that it
 * gets and never cleans one up, so what comes back was dirty. */
#include "kit.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void alloc_zeroed_is_zero(struct kit *kit)
{
    size_t count;
    const size_t *sizes = kit_sizes(&count);

    for (size_t i = 0; i < count; i++) {
        struct kit_block blocks[2] = {{0}};
        size_t align = (size_t)1 << i % 8;

        if (!kit_want(kit, 2 * kit_cost(sizes[i], align)))
            continue;
        kit_alloc_zeroed(kit, &blocks[0], sizes[i], align);
        kit_alloc_zeroed(kit, &blocks[1], sizes[i], align);
        kit_free_all(kit, blocks, COUNT(blocks));
    }
}

/* Dirty blocks of a size are given back, then zeroed ones of the same size asked for, some
 * smaller and some with another alignment. */
static void zeroed_after_dirty(struct kit *kit)
{
    enum { BLOCKS = 8 };
    size_t count;
    const size_t *sizes = kit_sizes(&count);

    for (size_t i = 0; i < count && sizes[i] <= 2 * KIT_SIZE_LARGE; i++) {
        struct kit_block blocks[BLOCKS] = {{0}};
        size_t used = sizes[i] > 65536 ? 2 : BLOCKS;
        size_t align = (size_t)1 << i % 6;

        if (!kit_want(kit, 2 * used * kit_cost(sizes[i], align)))
            continue;
        for (size_t j = 0; j < used; j++)
            kit_alloc(kit, &blocks[j], sizes[i], align);
        kit_free_all(kit, blocks, used);
        for (size_t j = 0; j < used; j++)
            kit_alloc_zeroed(kit, &blocks[j], sizes[i] - j % 2 * (sizes[i] / 3), align);
        kit_free_all(kit, blocks, used);
    }
}

/* Every byte that the block has is dirty before it grows, those beyond its size too. */
static void grow_zeroed_zeroes_the_rest(struct kit *kit)
{
    size_t count;
    const size_t *sizes = kit_sizes(&count);

    for (size_t i = 0; i < count && sizes[i] <= KIT_SIZE_LARGE; i++) {
        static const size_t more[] = {0, 1, 13, 64, 5000};

        for (size_t j = 0; j < COUNT(more); j++) {
            size_t size = sizes[i];
            size_t align = (size_t)1 << (i + j) % 7;
            struct kit_block block;

            if (!kit_want(kit, kit_cost(size, align) + kit_cost(size + more[j], 2 * align)))
                break;
            if (!kit_alloc(kit, &block, size, align))
                continue;
            block.size = kit_usable_size(kit, &block);
            kit_fill(kit, &block);
            block.size = size;
            kit_grow_zeroed(kit, &block, size + more[j], j % 2 ? align : 2 * align);
            kit_free(kit, &block);
        }
    }
}

/* What a block left behind when it shrank must not come back as zeroes. */
static void grow_zeroed_after_shrink(struct kit *kit)
{
    size_t count;
    const size_t *sizes = kit_sizes(&count);

    for (size_t i = 0; i < count && sizes[i] <= KIT_SIZE_LARGE; i += 2) {
        struct kit_block block;
        size_t size = sizes[i];

        if (!kit_want(kit, 3 * kit_cost(size, 16)))
            break;
        if (!kit_alloc(kit, &block, size, 16))
            continue;
        if (i % 4)
            kit_shrink(kit, &block, size / 2, 16);
        else
            kit_realloc(kit, &block, size / 3);
        kit_grow_zeroed(kit, &block, size, 16);
        kit_free(kit, &block);
    }
}

const struct conformance_case kit_cases_zeroed[] = {
    {"alloc_zeroed_is_zero", "alloc_zeroed gives zero bytes", alloc_zeroed_is_zero},
    {"zeroed_after_dirty", "alloc_zeroed gives zero bytes after dirty blocks were given back",
     zeroed_after_dirty},
    {"grow_zeroed_zeroes_the_rest", "grow_zeroed keeps the old bytes and zeroes all new ones",
     grow_zeroed_zeroes_the_rest},
    {"grow_zeroed_after_shrink", "grow_zeroed zeroes what a block gave up when it shrank",
     grow_zeroed_after_shrink},
    {NULL, NULL, NULL},
};
