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

/* What is live is added up modulo 2^64, since a block may have been allocated in one thread and
 * given back in another, and clamped at the end. */
static void add_recent(struct stats_counters *counters, unsigned index, struct stats_sum *sum)
{
    uint32_t made = atomic_load_explicit(&counters->recent_made[index], memory_order_relaxed);
    uint32_t given = atomic_load_explicit(&counters->recent_given[index], memory_order_relaxed);
    uint64_t made_blocks, given_blocks;

    if (made & STATS_RECENT_CLOSED)
        made = 0;
    if (given & STATS_RECENT_CLOSED)
        given = 0;
    made_blocks = made / STATS_RECENT_BLOCK;
    given_blocks = given / STATS_RECENT_BLOCK;
    sum->calls[STATS_ALLOC] += made_blocks;
    sum->calls[STATS_DEALLOC] += given_blocks;
    sum->obtained[index] += made_blocks;
    sum->live[index] += made_blocks - given_blocks;
    sum->totals.live_blocks += made_blocks - given_blocks;
    sum->totals.live_bytes += made % STATS_RECENT_BLOCK - given % STATS_RECENT_BLOCK;
}

static uint64_t load(const _Atomic(int64_t) *counter)
{
    return (uint64_t)atomic_load_explicit(counter, memory_order_relaxed);
}

static int add_block(void *part, void *data)
{
    struct stats_counters *counters = part;
    struct stats_sum *sum = data;

    for (unsigned i = 0; i < STATS_OPERATIONS; i++) {
        sum->calls[i] += atomic_load_explicit(&counters->calls[i], memory_order_relaxed);
        sum->failures[i] += atomic_load_explicit(&counters->failures[i], memory_order_relaxed);
    }
    for (unsigned i = 0; i < STATS_CLASSES; i++) {
        sum->obtained[i] += atomic_load_explicit(&counters->obtained[i], memory_order_relaxed);
        sum->live[i] += load(&counters->live[i]);
    }
    sum->totals.live_bytes += load(&counters->balance_bytes);
    sum->totals.live_blocks += load(&counters->balance_blocks);
    for (unsigned i = 0; i < STATS_RECENT_CLASSES; i++)
        add_recent(counters, i, sum);
    return 0;
}

static void clamp(uint64_t *value)
{
    if ((int64_t)*value < 0)
        *value = 0;
}

void dal_stats_sum_(struct stats_instance *instance, struct stats_sum *sum)
{
    struct dal_stats *totals = &sum->totals;

    memset(sum, 0, sizeof *sum);
    totals->abi = DAL_STATS_ABI;
    totals->size_bytes = sizeof *totals;
    (void)instance->services->thread_record_visit(&instance->record, add_block, sum);
    totals->live_bytes += load(&instance->shared_bytes);
    totals->live_blocks += load(&instance->shared_blocks);
    clamp(&totals->live_bytes);
    clamp(&totals->live_blocks);
    for (unsigned i = 0; i < STATS_CLASSES; i++)
        clamp(&sum->live[i]);
    /* It is a peak that we have seen, and the next reading must not tell of a lower one. */
    stats_raise(&instance->peak_bytes, (int64_t)totals->live_bytes);
    stats_raise(&instance->peak_blocks, (int64_t)totals->live_blocks);
    totals->peak_bytes = load(&instance->peak_bytes);
    totals->peak_blocks = load(&instance->peak_blocks);
    totals->uncounted = atomic_load_explicit(&instance->uncounted, memory_order_relaxed);
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
    room = out->size_bytes / sizeof(uint64_t) * sizeof(uint64_t);
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
    atomic_store_explicit(&layer->peak_bytes, (int64_t)sum.totals.live_bytes, memory_order_relaxed);
    atomic_store_explicit(&layer->peak_blocks, (int64_t)sum.totals.live_blocks,
                          memory_order_relaxed);
    return DAL_OK;
}
