/* SPDX-License-Identifier: MIT */
/*
 * Adding the blocks of an instance up, and the public calls that read them.
 *
 * Everything is read by relaxed loads while other threads may be counting. What a thread is
 * just moving from one counter to the next may be seen in both or in neither.
 */
#include <string.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/global.h>

#include "stats.h"

/* Before clamping: a block may have been allocated in one thread and given back in another. */
struct balance {
    int64_t bytes;
    int64_t blocks;
    int64_t live[STATS_CLASSES];
};

static void add_recent(struct stats_counters *counters, unsigned index, struct stats_sum *sum,
                       struct balance *balance)
{
    uint32_t made = atomic_load_explicit(&counters->recent_made[index], memory_order_relaxed);
    uint32_t given = atomic_load_explicit(&counters->recent_given[index], memory_order_relaxed);
    uint32_t made_blocks, given_blocks;

    if (made & STATS_RECENT_CLOSED)
        made = 0;
    if (given & STATS_RECENT_CLOSED)
        given = 0;
    made_blocks = made / (uint32_t)STATS_RECENT_BLOCK;
    given_blocks = given / (uint32_t)STATS_RECENT_BLOCK;
    sum->calls[STATS_ALLOC] += made_blocks;
    sum->calls[STATS_DEALLOC] += given_blocks;
    sum->obtained[index] += made_blocks;
    balance->live[index] += (int64_t)made_blocks - given_blocks;
    balance->blocks += (int64_t)made_blocks - given_blocks;
    balance->bytes += (int64_t)(made % STATS_RECENT_BLOCK) - (int64_t)(given % STATS_RECENT_BLOCK);
}

static void add_block(struct stats_counters *counters, struct stats_sum *sum,
                      struct balance *balance)
{
    for (unsigned i = 0; i < STATS_OPERATIONS; i++) {
        sum->calls[i] += atomic_load_explicit(&counters->calls[i], memory_order_relaxed);
        sum->failures[i] += atomic_load_explicit(&counters->failures[i], memory_order_relaxed);
    }
    for (unsigned i = 0; i < STATS_CLASSES; i++) {
        sum->obtained[i] += atomic_load_explicit(&counters->obtained[i], memory_order_relaxed);
        balance->live[i] += atomic_load_explicit(&counters->live[i], memory_order_relaxed);
    }
    balance->bytes += atomic_load_explicit(&counters->balance_bytes, memory_order_relaxed);
    balance->blocks += atomic_load_explicit(&counters->balance_blocks, memory_order_relaxed);
    for (unsigned i = 0; i < STATS_RECENT_CLASSES; i++)
        add_recent(counters, i, sum, balance);
}

static uint64_t positive(int64_t value)
{
    return value > 0 ? (uint64_t)value : 0;
}

void dal_stats_sum_(struct stats_instance *instance, struct stats_sum *sum)
{
    struct stats_place place = dal_stats_first_();
    struct stats_counters *counters;
    struct balance balance;

    memset(sum, 0, sizeof *sum);
    memset(&balance, 0, sizeof balance);
    sum->totals.abi = DAL_STATS_ABI;
    sum->totals.size_bytes = sizeof sum->totals;
    while ((counters = dal_stats_next_(instance, &place)) != NULL)
        add_block(counters, sum, &balance);
    balance.bytes += atomic_load_explicit(&instance->shared_bytes, memory_order_relaxed);
    balance.blocks += atomic_load_explicit(&instance->shared_blocks, memory_order_relaxed);
    /* It is a peak that we have seen, and the next reading must not tell of a lower one. */
    stats_raise(&instance->peak_bytes, balance.bytes);
    stats_raise(&instance->peak_blocks, balance.blocks);
    for (unsigned i = 0; i < STATS_CLASSES; i++)
        sum->live[i] = positive(balance.live[i]);
    sum->totals.live_bytes = positive(balance.bytes);
    sum->totals.live_blocks = positive(balance.blocks);
    sum->totals.peak_bytes =
        positive(atomic_load_explicit(&instance->peak_bytes, memory_order_relaxed));
    sum->totals.peak_blocks =
        positive(atomic_load_explicit(&instance->peak_blocks, memory_order_relaxed));
    sum->totals.uncounted = atomic_load_explicit(&instance->uncounted, memory_order_relaxed);
}

/* ---- The public calls ------------------------------------------------------------------------ */

struct stats_instance *dal_stats_layer_of_(const struct dal_instance *instance)
{
    if (!instance || instance == dal_global())
        instance = dal_global_active();
    return instance && instance->alloc.call == dal_stats_alloc_ ? instance->alloc.ctx : NULL;
}

int dal_stats_read(const struct dal_instance *instance, struct dal_stats *out)
{
    struct stats_instance *layer;
    struct stats_sum sum;
    size_t room;

    if (!out)
        return DAL_ERR_INVALID;
    room = out->size_bytes;
    if (out->abi != DAL_STATS_ABI || room < offsetof(struct dal_stats, live_blocks))
        return DAL_ERR_ABI;
    layer = dal_stats_layer_of_(instance);
    if (!layer)
        return DAL_ERR_UNSUPPORTED;
    dal_stats_sum_(layer, &sum);
    if (room < sizeof *out)
        sum.totals.size_bytes = (uint32_t)room;
    else
        memset((char *)out + sizeof *out, 0, room - sizeof *out);
    memcpy(out, &sum.totals, sum.totals.size_bytes);
    return DAL_OK;
}

int dal_stats_reset_peak(const struct dal_instance *instance)
{
    struct stats_instance *layer = dal_stats_layer_of_(instance);
    struct stats_sum sum;

    if (!layer)
        return DAL_ERR_UNSUPPORTED;
    dal_stats_sum_(layer, &sum);
    atomic_store_explicit(&layer->peak_bytes, (int64_t)sum.totals.live_bytes,
                          memory_order_relaxed);
    atomic_store_explicit(&layer->peak_blocks, (int64_t)sum.totals.live_blocks,
                          memory_order_relaxed);
    return DAL_OK;
}
