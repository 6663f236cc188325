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
    int64_t live[DAL_STATS_CLASSES];
};

static void add_recent(struct stats_counters *counters, unsigned index, struct dal_stats *sum,
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
    sum->operations[DAL_STATS_ALLOC].calls += made_blocks;
    sum->operations[DAL_STATS_DEALLOC].calls += given_blocks;
    sum->sizes[index].obtained += made_blocks;
    balance->live[index] += (int64_t)made_blocks - given_blocks;
    balance->blocks += (int64_t)made_blocks - given_blocks;
    balance->bytes += (int64_t)(made % STATS_RECENT_BLOCK) - (int64_t)(given % STATS_RECENT_BLOCK);
}

static void add_block(struct stats_counters *counters, struct dal_stats *sum,
                      struct balance *balance)
{
    for (unsigned i = 0; i < DAL_STATS_OPERATIONS; i++) {
        sum->operations[i].calls += atomic_load_explicit(&counters->calls[i], memory_order_relaxed);
        sum->operations[i].failures +=
            atomic_load_explicit(&counters->failures[i], memory_order_relaxed);
    }
    for (unsigned i = 0; i < DAL_STATS_CLASSES; i++) {
        sum->sizes[i].obtained +=
            atomic_load_explicit(&counters->obtained[i], memory_order_relaxed);
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

void dal_stats_sum_(struct stats_instance *instance, struct dal_stats *sum)
{
    struct stats_place place = dal_stats_first_();
    struct stats_counters *counters;
    struct balance balance;

    memset(sum, 0, sizeof *sum);
    memset(&balance, 0, sizeof balance);
    sum->abi = DAL_STATS_ABI;
    sum->size_bytes = sizeof *sum;
    while ((counters = dal_stats_next_(instance, &place)) != NULL)
        add_block(counters, sum, &balance);
    balance.bytes += atomic_load_explicit(&instance->shared_bytes, memory_order_relaxed);
    balance.blocks += atomic_load_explicit(&instance->shared_blocks, memory_order_relaxed);
    /* It is a peak that we have seen, and the next reading must not tell of a lower one. */
    stats_raise(&instance->peak_bytes, balance.bytes);
    stats_raise(&instance->peak_blocks, balance.blocks);
    for (unsigned i = 0; i < DAL_STATS_CLASSES; i++)
        sum->sizes[i].live = positive(balance.live[i]);
    sum->live_bytes = positive(balance.bytes);
    sum->live_blocks = positive(balance.blocks);
    sum->peak_bytes =
        positive(atomic_load_explicit(&instance->peak_bytes, memory_order_relaxed));
    sum->peak_blocks =
        positive(atomic_load_explicit(&instance->peak_blocks, memory_order_relaxed));
    sum->uncounted = atomic_load_explicit(&instance->uncounted, memory_order_relaxed);
}

/* ---- The public calls ------------------------------------------------------------------------ */

/* The stats layer that an allocation from an instance comes to first, or NULL. */
static struct stats_instance *layer_of(const struct dal_instance *instance)
{
    if (!instance || instance == dal_global())
        instance = dal_global_active();
    return instance && instance->alloc.call == dal_stats_alloc_ ? instance->alloc.ctx : NULL;
}

int dal_stats_read(const struct dal_instance *instance, struct dal_stats *out)
{
    struct stats_instance *layer;
    struct dal_stats sum;
    size_t known;

    if (!out)
        return DAL_ERR_INVALID;
    if (out->abi != DAL_STATS_ABI || out->size_bytes < sizeof sum)
        return DAL_ERR_ABI;
    layer = layer_of(instance);
    if (!layer)
        return DAL_ERR_UNSUPPORTED;
    dal_stats_sum_(layer, &sum);
    known = out->size_bytes;
    memset(out, 0, known);
    memcpy(out, &sum, sizeof sum);
    out->size_bytes = (uint32_t)known;
    return DAL_OK;
}

int dal_stats_reset_peak(const struct dal_instance *instance)
{
    struct stats_instance *layer = layer_of(instance);
    struct dal_stats sum;

    if (!layer)
        return DAL_ERR_UNSUPPORTED;
    dal_stats_sum_(layer, &sum);
    atomic_store_explicit(&layer->peak_bytes, (int64_t)sum.live_bytes, memory_order_relaxed);
    atomic_store_explicit(&layer->peak_blocks, (int64_t)sum.live_blocks, memory_order_relaxed);
    return DAL_OK;
}
