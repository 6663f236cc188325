/* SPDX-License-Identifier: MIT */
/*
 * The sampled blocks that are live, by address: each lies among the first WINDOW places from its
 * own on, so that a place which is free again breaks nobody's way, and nothing is ever moved. Those
 * of neighbours are neighbours, which saves misses of the cache where each block is sampled; what
 * is as far away as the table is long is hashed.
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
    uint64_t place = block >> 4;
    uint64_t far = (place >> instance->live_bits) * UINT64_C(0x9e3779b97f4a7c15) >> 32;

    return &instance->live[(place + far) & (((uint64_t)1 << instance->live_bits) - 1)];
}

static _Atomic(uint16_t) *filter_of(struct profile_instance *instance, const void *block)
{
    return &instance->filter[profile_filter_place(block)];
}

/* Acquire: who had the place is done with it. Pairs with the release in take. */
static int take_place(struct profile_live *place, uintptr_t block)
{
    uintptr_t none = 0;

    if (atomic_load_explicit(&place->block, memory_order_relaxed))
        return 0;
    if (!PROFILE_IS_SINGLE_THREADED)
        return atomic_compare_exchange_strong_explicit(&place->block, &none, block,
                                                       memory_order_acquire, memory_order_relaxed);
    atomic_store_explicit(&place->block, block, memory_order_relaxed);
    return 1;
}

static void change_filter(struct profile_instance *instance, const void *block, uint16_t more)
{
    _Atomic(uint16_t) *filter = filter_of(instance, block);

    if (PROFILE_IS_SINGLE_THREADED)
        atomic_store_explicit(filter,
                              (uint16_t)(atomic_load_explicit(filter, memory_order_relaxed) + more),
                              memory_order_relaxed);
    else
        atomic_fetch_add_explicit(filter, more, memory_order_relaxed);
}

int dal_profile_live_put_(struct profile_instance *instance, const void *address,
                          const struct profile_block *block)
{
    struct profile_live *home = home_of(instance, (uintptr_t)address);

    if (block->size >> (64 - PROFILE_SITE_BITS))
        return 0;
    for (struct profile_live *place = home; place < home + WINDOW; place++) {
        if (!take_place(place, (uintptr_t)address))
            continue;
        place->size_and_site = block->size << PROFILE_SITE_BITS | block->site;
        place->born_ns = block->born_ns;
        change_filter(instance, address, 1);
        return 1;
    }
    return 0;
}

static struct profile_block read_place(const struct profile_live *place)
{
    return (struct profile_block){(uint32_t)(place->size_and_site % PROFILE_SITES_MAX),
                                  place->size_and_site >> PROFILE_SITE_BITS, place->born_ns};
}

int dal_profile_live_take_(struct profile_instance *instance, const void *address,
                           struct profile_block *block)
{
    struct profile_live *home = home_of(instance, (uintptr_t)address);

    for (struct profile_live *place = home; address && place < home + WINDOW; place++) {
        if (atomic_load_explicit(&place->block, memory_order_relaxed) != (uintptr_t)address)
            continue;
        *block = read_place(place);
        atomic_store_explicit(&place->block, 0, memory_order_release);
        change_filter(instance, address, UINT16_MAX);
        return 1;
    }
    return 0;
}

void dal_profile_live_visit_(struct profile_instance *instance, profile_live_visitor visit)
{
    const struct profile_live *end = instance->live + ((size_t)1 << instance->live_bits) + WINDOW;

    for (const struct profile_live *place = instance->live; place < end; place++) {
        const struct profile_block block = read_place(place);

        if (atomic_load_explicit(&place->block, memory_order_relaxed))
            visit(instance, &block);
    }
}
