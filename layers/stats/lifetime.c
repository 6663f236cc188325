/* SPDX-License-Identifier: MIT */
/*
 * How long blocks live, by the clock, of one block in STATS_FOLLOW_EVERY on average, at random.
 *
 * Of a block that is followed a table has the address and when it was made, in the place that the
 * address hashes to: so whether one is followed is told by one comparison. Where another one has
 * that place the older is lost sight of, and counted by the age that it had: long-lived
 * blocks do not keep the table from those that come later.
 *
 * A place is written by who has taken it, by an exchange for TAKEN: who makes a block or gives it
 * back. The birth is written before the address, which is stored with release and found with
 * acquire. There is no lock, so a fork at any moment leaves the child able to go on; a place that
 * another thread had taken is never followed in again there.
 */
#include <errno.h>

#include "../sampling.h"
#include "stats.h"

enum { TAKEN = 1 };

int dal_stats_lives_open_(struct stats_instance *instance)
{
    instance->lives = instance->services->pages_map(STATS_LIVES_BYTES);
    return instance->lives != NULL;
}

void dal_stats_lives_close_(struct stats_instance *instance)
{
    if (instance->lives)
        instance->services->pages_unmap(instance->lives, STATS_LIVES_BYTES);
}

static void count_age(_Atomic(uint64_t) *classes, uint64_t born, uint64_t now)
{
    atomic_fetch_add_explicit(&classes[stats_class_of(now > born ? now - born : 0)], 1,
                              memory_order_relaxed);
}

static void put(struct stats_instance *instance, const void *ptr, uint64_t born, uint64_t now)
{
    struct stats_lives *lives = instance->lives;
    size_t place = stats_life_place(ptr);
    uintptr_t before =
        atomic_exchange_explicit(&lives->addresses[place], TAKEN, memory_order_acquire);

    if (before == TAKEN) {
        count_age(instance->shared->lost, born, now);
        return;
    }
    if (before)
        count_age(instance->shared->lost,
                  atomic_load_explicit(&lives->born[place], memory_order_relaxed), now);
    atomic_store_explicit(&lives->born[place], born, memory_order_relaxed);
    atomic_store_explicit(&lives->addresses[place], (uintptr_t)ptr, memory_order_release);
}

/* When a block was made that is followed, and is not from here on; 0: it is not. */
static uint64_t take(struct stats_instance *instance, const void *ptr)
{
    struct stats_lives *lives = instance->lives;
    size_t place = stats_life_place(ptr);
    uintptr_t expected = (uintptr_t)ptr;
    uint64_t born;

    if (!ptr ||
        !atomic_compare_exchange_strong_explicit(&lives->addresses[place], &expected, TAKEN,
                                                 memory_order_acquire, memory_order_relaxed))
        return 0;
    born = atomic_load_explicit(&lives->born[place], memory_order_relaxed);
    atomic_store_explicit(&lives->addresses[place], 0, memory_order_release);
    return born;
}

void dal_stats_life_begins_(struct stats_instance *instance, const void *ptr)
{
    struct stats_counters *counters = stats_mine(instance);
    int is_first, saved_errno = errno;
    uint64_t random;

    /* A thread that has ended follows nothing. */
    if (!stats_is_block(counters) || !ptr)
        return;
    random = atomic_load_explicit(&counters->random, memory_order_relaxed);
    is_first = !random;
    if (is_first)
        random = instance->services->seed() | 1;
    atomic_store_explicit(&counters->until, (int32_t)sampling_gap(&random, STATS_FOLLOW_EVERY) - 1,
                          memory_order_relaxed);
    atomic_store_explicit(&counters->random, random, memory_order_relaxed);
    if (!is_first) {
        uint64_t now = instance->services->clock();

        put(instance, ptr, now, now);
    }
    errno = saved_errno;
}

void dal_stats_life_ends_(struct stats_instance *instance, const void *ptr)
{
    int saved_errno = errno;
    uint64_t born = take(instance, ptr);

    if (born)
        count_age(instance->shared->ended, born, instance->services->clock());
    errno = saved_errno;
}

uint64_t dal_stats_life_leaves_(struct stats_instance *instance, const void *ptr)
{
    return take(instance, ptr);
}

void dal_stats_life_goes_on_(struct stats_instance *instance, const void *ptr, uint64_t born)
{
    int saved_errno = errno;

    put(instance, ptr, born, instance->services->clock());
    errno = saved_errno;
}
