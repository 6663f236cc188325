/* SPDX-License-Identifier: MIT */
/*
 * The sampled blocks that are live, hashed by address: each lies among the first WINDOW places from
 * its own on, so that a place which is free again breaks nobody's way, and nothing is ever moved.
 */
#include "profile.h"

enum { WINDOW = 64 };

size_t dal_profile_live_bytes_(const struct profile_instance *instance)
{
    return (((size_t)1 << instance->live_bits) + WINDOW) * sizeof *instance->live;
}

int dal_profile_live_open_(struct profile_instance *instance, size_t count)
{
    while ((size_t)1 << instance->live_bits < count)
        instance->live_bits++;
    instance->live = instance->services->pages_map(dal_profile_live_bytes_(instance));
    return instance->live != NULL;
}

void dal_profile_live_close_(struct profile_instance *instance)
{
    instance->services->pages_unmap(instance->live, dal_profile_live_bytes_(instance));
}

static struct profile_live *home_of(const struct profile_instance *instance, uintptr_t block)
{
    uint64_t hash = (block >> 3) * UINT64_C(0x9e3779b97f4a7c15);

    return &instance->live[hash >> (64 - instance->live_bits)];
}

static _Atomic(uint16_t) *filter_of(struct profile_instance *instance, const void *block)
{
    uint32_t hash = (uint32_t)(uintptr_t)block * UINT32_C(0x9e3779b1);

    return &instance->filter[hash >> (32 - PROFILE_FILTER_BITS)];
}

/* Acquire: who had the place is done with it. Pairs with the release in take. */
int dal_profile_live_put_(struct profile_instance *instance, const void *block, uint32_t site,
                          uint64_t size)
{
    struct profile_live *home = home_of(instance, (uintptr_t)block);

    for (struct profile_live *place = home; place < home + WINDOW; place++) {
        uintptr_t none = 0;

        if (atomic_load_explicit(&place->block, memory_order_relaxed) ||
            !atomic_compare_exchange_strong_explicit(&place->block, &none, (uintptr_t)block,
                                                     memory_order_acquire, memory_order_relaxed))
            continue;
        place->site = site;
        place->size = size;
        atomic_fetch_add_explicit(filter_of(instance, block), 1, memory_order_relaxed);
        return 1;
    }
    return 0;
}

int dal_profile_live_take_(struct profile_instance *instance, const void *block, uint32_t *site,
                           uint64_t *size)
{
    struct profile_live *home = home_of(instance, (uintptr_t)block);

    for (struct profile_live *place = home; block && place < home + WINDOW; place++) {
        if (atomic_load_explicit(&place->block, memory_order_relaxed) != (uintptr_t)block)
            continue;
        *site = place->site;
        *size = place->size;
        atomic_store_explicit(&place->block, 0, memory_order_release);
        atomic_fetch_sub_explicit(filter_of(instance, block), 1, memory_order_relaxed);
        return 1;
    }
    return 0;
}
