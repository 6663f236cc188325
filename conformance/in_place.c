/* SPDX-License-Identifier: MIT */
/* resize_in_place: 0 has to be true, and a refusal harmless. */
#include "kit.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char claimed[] =
    "resize_in_place() says 0 without a look whether the bytes are there, "
    "or are another block's";

/* The last block of an instance, and one with a neighbour, up and down in small steps. */
static void resize_in_place_is_honest(struct kit *kit)
{
    static const size_t steps[] = {0, 1, 8, 15, 16, 17, 64, 100, 1000, 4096, 5000};
    size_t count;
    const size_t *sizes = kit_sizes(&count);

    for (size_t i = 0; i < count && sizes[i] <= 100000; i += 5) {
        for (size_t j = 0; j < 2 * COUNT(steps); j++) {
            size_t step = steps[j / 2];
            size_t align = (size_t)1 << j % 7;
            size_t size = sizes[i];
            struct kit_block before, block, after = {0}, late;

            if (!kit_want(kit, 8 * kit_cost(size + step, align)))
                break;
            kit_alloc(kit, &before, 33, 1);
            if (!kit_alloc(kit, &block, size, align))
                continue;
            if (j % 2)
                kit_alloc(kit, &after, 33, 1);
            /* From the first such answer on, whatever becomes of it. */
            if (kit_resize_in_place(kit, &block, size + step) && step > 0)
                kit_suspect_first(kit, claimed);
            kit_alloc(kit, &late, size, 1);
            kit_phase(kit, "beside a block resized in place");
            kit_check(kit, &before);
            kit_check(kit, &after);
            kit_check(kit, &block);
            kit_phase(kit, NULL);
            kit_resize_in_place(kit, &block, size > step ? size - step : 0);
            kit_free(kit, &late);
            kit_alloc(kit, &late, step + 1, 1);
            kit_check(kit, &block);
            kit_resize_in_place(kit, &block, size);
            kit_phase(kit, "beside a block resized in place");
            kit_check(kit, &late);
            kit_check(kit, &before);
            kit_check(kit, &after);
            kit_phase(kit, NULL);
            kit_free(kit, &before);
            kit_free(kit, &block);
            kit_free(kit, &after);
            kit_free(kit, &late);
        }
    }
}

/* More than any machine has cannot be there. */
static void resize_in_place_refuses_the_impossible(struct kit *kit)
{
    static const size_t sizes[] = {1, 100, 5000};

    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct kit_block block, after;

        if (!kit_want(kit, 3 * kit_cost(sizes[i], 16)))
            break;
        if (!kit_alloc(kit, &block, sizes[i], 16))
            continue;
        for (size_t huge = (size_t)PTRDIFF_MAX - 15; huge >= KIT_SIZE_IMPOSSIBLE; huge /= 2) {
            kit_asks(kit, KIT_RESIZE_IN_PLACE, block.size, 16, huge, 0);
            if (dal_instance_resize_in_place(kit->instance, block.ptr, block.size, 16, huge) ==
                DAL_ERR_UNSUPPORTED)
                continue;
            kit_suspect(kit, claimed);
            kit_fail(kit, "DAL_ERR_UNSUPPORTED: no machine has that much memory", "another answer");
        }
        kit_phase(kit, "after refused resizes");
        kit_alloc(kit, &after, sizes[i], 16);
        kit_check(kit, &block);
        kit_phase(kit, NULL);
        kit_free(kit, &after);
        kit_free(kit, &block);
    }
}

const struct conformance_case kit_cases_in_place[] = {
    {"resize_in_place_is_honest", "resize_in_place gives bytes that are there, or refuses",
     resize_in_place_is_honest},
    {"resize_in_place_refuses_the_impossible", "resize_in_place refuses absurd sizes",
     resize_in_place_refuses_the_impossible},
    {NULL, NULL, NULL},
};
