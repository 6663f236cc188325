/* SPDX-License-Identifier: MIT */
/*
 * Adding the blocks of an instance up, and the public calls that read them.
 *
 * Everything is read by relaxed loads while other threads may be counting. What a thread is
 * just moving from one counter to the next may be seen in both or in neither.
 */
#include <string.h>

#include <dispatchalloc/error.h>

#include "stats.h"

/* What is live is added up modulo 2^64, since a block may have been allocated in one thread and
 * given back in another, and clamped at the end. */
static void add_recent(const struct stats_counters *counters, unsigned index, struct stats_sum *sum)
{
    struct stats_recent made =
        stats_recent_of(atomic_load_explicit(&counters->recent_made[index], memory_order_relaxed));
    struct stats_recent given =
        stats_recent_of(atomic_load_explicit(&counters->recent_given[index], memory_order_relaxed));

    sum->calls[STATS_ALLOC] += made.blocks;
    sum->calls[STATS_DEALLOC] += given.blocks;
    sum->obtained[index] += made.blocks;
    sum->live[index] += (uint64_t)made.blocks - given.blocks;
    sum->totals.live_blocks += (uint64_t)made.blocks - given.blocks;
    sum->totals.live_bytes += (uint64_t)made.bytes - given.bytes;
}

static uint64_t load(const _Atomic(int64_t) *counter)
{
    return (uint64_t)atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_block(const struct stats_counters *counters, struct stats_sum *sum)
{
    for (unsigned i = 0; i < STATS_OPERATIONS; i++) {
        sum->calls[i] += atomic_load_explicit(&counters->calls[i], memory_order_relaxed);
        sum->failures[i] += atomic_load_explicit(&counters->failures[i], memory_order_relaxed);
    }
    for (unsigned i = 0; i < STATS_CLASSES; i++) {
        sum->obtained[i] += atomic_load_explicit(&counters->obtained[i], memory_order_relaxed);
        sum->live[i] += load(&counters->live[i]);
    }
    sum->totals.live_bytes += (uint64_t)stats_balance(counters);
    sum->totals.live_blocks += load(&counters->balance_blocks);
    /* Where those were closed before a fork they hold nothing. */
    for (unsigned i = 0; i < STATS_WORD_CLASSES && stats_is_block(counters); i++)
        add_recent(counters, i, sum);
}

static int add_part(void *part, void *sum)
{
    add_block(part, sum);
    return 0;
}

static void begin(struct stats_sum *sum)
{
    memset(sum, 0, sizeof *sum);
    sum->totals.abi = DAL_STATS_ABI;
    sum->totals.size_bytes = sizeof sum->totals;
}

static void clamp(uint64_t *value)
{
    if ((int64_t)*value < 0)
        *value = 0;
}

static void take_peak(uint64_t *peak, uint64_t live, const _Atomic(int64_t) *seen)
{
    *peak = load(seen) > live ? load(seen) : live;
}

/* Those of alloc and dealloc were counted with the blocks that others have made and given back, and
 * come down to their own. */
static void take_own_calls(struct stats_sum *sum)
{
    for (unsigned i = 0; i < STATS_OPERATIONS; i++) {
        uint64_t succeeded = sum->calls[i] - sum->failures[i];

        sum->calls[STATS_ALLOC] -= stats_makes(i) ? succeeded : 0;
        sum->calls[STATS_DEALLOC] -= stats_resizes(i) ? succeeded : 0;
    }
    clamp(&sum->calls[STATS_ALLOC]);
    clamp(&sum->calls[STATS_DEALLOC]);
}

/* Add what all threads share to what each has counted. */
static void end(const struct stats_shared *shared, struct stats_sum *sum)
{
    struct dal_stats *totals = &sum->totals;

    take_own_calls(sum);
    totals->live_bytes += load(&shared->bytes);
    totals->live_blocks += load(&shared->blocks);
    clamp(&totals->live_bytes);
    clamp(&totals->live_blocks);
    for (unsigned i = 0; i < STATS_CLASSES; i++) {
        clamp(&sum->live[i]);
        sum->ended[i] = atomic_load_explicit(&shared->ended[i], memory_order_relaxed);
        sum->lost[i] = atomic_load_explicit(&shared->lost[i], memory_order_relaxed);
    }
    take_peak(&totals->peak_bytes, totals->live_bytes, &shared->peak_bytes);
    take_peak(&totals->peak_blocks, totals->live_blocks, &shared->peak_blocks);
    totals->uncounted = atomic_load_explicit(&shared->uncounted, memory_order_relaxed);
}

void dal_stats_sum_(struct stats_instance *instance, struct stats_sum *sum)
{
    begin(sum);
    (void)instance->services->thread_record_visit(&instance->record, add_part, sum);
    if (instance->file)
        add_block(&instance->file->common, sum);
    end(instance->shared, sum);
    /* It is a peak that we have seen, and the next reading must not tell of a lower one. */
    stats_raise(&instance->shared->peak_bytes, (int64_t)sum->totals.live_bytes);
    stats_raise(&instance->shared->peak_blocks, (int64_t)sum->totals.live_blocks);
}

int dal_stats_sum_file_(const void *file, size_t bytes, struct stats_sum *sum)
{
    const struct stats_file *counters = file;

    if (!file || bytes < sizeof *counters || (uintptr_t)file % _Alignof(struct stats_file) != 0)
        return DAL_ERR_INVALID;
    if (atomic_load_explicit(&counters->form, memory_order_relaxed) != STATS_FORM ||
        counters->shared_bytes != sizeof counters->shared ||
        counters->part_bytes != sizeof counters->parts[0] ||
        counters->part_count != STATS_FILE_PARTS)
        return DAL_ERR_ABI;
    begin(sum);
    add_block(&counters->common, sum);
    for (size_t i = 0; i < STATS_FILE_PARTS; i++)
        add_block(&counters->parts[i], sum);
    end(&counters->shared, sum);
    return DAL_OK;
}

/* ---- The public calls ------------------------------------------------------------------------ */

struct stats_instance *dal_stats_layer_of_(const struct dal_instance *instance)
{
    struct stats_instance *layer = dal_layer_of_(instance, dal_stats_alloc_);

    return layer ? layer : dal_layer_of_(instance, dal_stats_alloc_followed_);
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
    atomic_store_explicit(&layer->shared->peak_bytes, (int64_t)sum.totals.live_bytes,
                          memory_order_relaxed);
    atomic_store_explicit(&layer->shared->peak_blocks, (int64_t)sum.totals.live_blocks,
                          memory_order_relaxed);
    /* Of others it is known only to 24 KiB how far they are from it. */
    if (stats_is_block(stats_mine(layer)))
        dal_stats_set_ceiling_(layer);
    return DAL_OK;
}
