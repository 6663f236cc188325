/* SPDX-License-Identifier: MIT */
/*
 * Counting: what the short way has added is settled here, and every other call is counted.
 * All of it is done by the thread that holds the block of counters.
 */
#include "stats.h"

/* ---- Counters of a block, written by the thread that holds it ---------------------------- */

static inline void add(_Atomic(uint64_t) *counter, uint64_t value)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + value,
                          memory_order_relaxed);
}

static inline int64_t add_signed(_Atomic(int64_t) *counter, int64_t value)
{
    value += atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value, memory_order_relaxed);
    return value;
}

/* ---- The balance of a thread --------------------------------------------------------------- */

static int is_due(int64_t balance, int64_t bound)
{
    return balance >= bound || balance <= -bound;
}

/* Blocks and bytes came (or went). Pass the balance on if that is due. */
static void change(struct stats_instance *instance, struct stats_counters *counters, int64_t bytes,
                   int64_t blocks)
{
    bytes = add_signed(&counters->balance_bytes, bytes);
    blocks = add_signed(&counters->balance_blocks, blocks);
    if (!is_due(bytes, STATS_BALANCE_BYTES) && !is_due(blocks, STATS_BALANCE_BLOCKS))
        return;
    atomic_store_explicit(&counters->balance_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&counters->balance_blocks, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&instance->shared->bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&instance->shared->blocks, blocks, memory_order_relaxed);
}

static int64_t seen_bytes(const struct stats_instance *instance,
                          const struct stats_counters *counters)
{
    return atomic_load_explicit(&instance->shared->bytes, memory_order_relaxed) +
           atomic_load_explicit(&counters->balance_bytes, memory_order_relaxed);
}

static int64_t seen_blocks(const struct stats_instance *instance,
                           const struct stats_counters *counters)
{
    return atomic_load_explicit(&instance->shared->blocks, memory_order_relaxed) +
           atomic_load_explicit(&counters->balance_blocks, memory_order_relaxed);
}

/* Take a recent word over; a closed one stays as it is and holds nothing. */
static uint32_t take_recent(_Atomic(uint32_t) *recent)
{
    uint32_t word = atomic_load_explicit(recent, memory_order_relaxed);

    if (word & STATS_RECENT_CLOSED)
        return 0;
    atomic_store_explicit(recent, 0, memory_order_relaxed);
    return word;
}

/* Settle the recent words of one class. */
static void settle(struct stats_instance *instance, struct stats_counters *counters, size_t index)
{
    uint32_t given = take_recent(&counters->recent_given[index]);
    uint32_t made = take_recent(&counters->recent_made[index]);
    uint32_t made_blocks = made / (uint32_t)STATS_RECENT_BLOCK;
    uint32_t given_blocks = given / (uint32_t)STATS_RECENT_BLOCK;
    int64_t blocks = (int64_t)made_blocks - given_blocks;

    if (!made && !given)
        return;
    add(&counters->calls[STATS_ALLOC], made_blocks);
    add(&counters->calls[STATS_DEALLOC], given_blocks);
    add(&counters->obtained[index], made_blocks);
    (void)add_signed(&counters->live[index], blocks);
    /* The bytes in the low parts subtract as the blocks above them do. */
    change(instance, counters, (int64_t)made - given - blocks * (int64_t)STATS_RECENT_BLOCK,
           blocks);
}

/* Most words are empty, or closed: those are not worth a call. */
static void settle_all(struct stats_instance *instance, struct stats_counters *counters)
{
    for (size_t i = 0; i < STATS_RECENT_CLASSES; i++) {
        uint32_t made = atomic_load_explicit(&counters->recent_made[i], memory_order_relaxed);
        uint32_t given = atomic_load_explicit(&counters->recent_given[i], memory_order_relaxed);

        if (made || (given && given != STATS_RECENT_CLOSED))
            settle(instance, counters, i);
    }
}

/* Look for a new peak. If there seems to be one, all that this thread has given back without
 * settling is settled first, lest the peak be too high. */
static void look_for_peak(struct stats_instance *instance, struct stats_counters *counters)
{
    if (seen_bytes(instance, counters) <=
            atomic_load_explicit(&instance->shared->peak_bytes, memory_order_relaxed) &&
        seen_blocks(instance, counters) <=
            atomic_load_explicit(&instance->shared->peak_blocks, memory_order_relaxed))
        return;
    settle_all(instance, counters);
    stats_raise(&instance->shared->peak_bytes, seen_bytes(instance, counters));
    stats_raise(&instance->shared->peak_blocks, seen_blocks(instance, counters));
}

/* The word of what alloc made is full. If nothing was given back meanwhile, the first block
 * that is will find its word closed. */
static void settle_made(struct stats_instance *instance, struct stats_counters *counters,
                        size_t index)
{
    _Atomic(uint32_t) *made = &counters->recent_made[index];
    _Atomic(uint32_t) *given = &counters->recent_given[index];
    int none_given = atomic_load_explicit(given, memory_order_relaxed) == 0;

    settle(instance, counters, index);
    if (atomic_load_explicit(made, memory_order_relaxed) & STATS_RECENT_CLOSED)
        atomic_store_explicit(made, 0, memory_order_relaxed);
    if (none_given)
        atomic_store_explicit(given, STATS_RECENT_CLOSED, memory_order_relaxed);
    look_for_peak(instance, counters);
}

/* The word of what dealloc gave back is full, or closed: then a thread that has made blocks
 * begins to give them back, and all that it has made is counted first, so that the peak of a
 * small program is right and not only near. */
static void settle_given(struct stats_instance *instance, struct stats_counters *counters,
                         size_t index)
{
    _Atomic(uint32_t) *given = &counters->recent_given[index];

    if (!(atomic_load_explicit(given, memory_order_relaxed) & STATS_RECENT_CLOSED)) {
        settle(instance, counters, index);
        return;
    }
    settle_all(instance, counters);
    look_for_peak(instance, counters);
    atomic_store_explicit(given, 0, memory_order_relaxed);
}

/* ---- The short way and back ------------------------------------------------------------------ */

#define ZERO(array)                                                  \
    for (size_t i_ = 0; i_ < sizeof(array) / sizeof(array)[0]; i_++) \
    atomic_store_explicit(&(array)[i_], 0, memory_order_relaxed)

void dal_stats_fill_(void *part)
{
    struct stats_counters *counters = part;

    atomic_store_explicit(&counters->balance_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&counters->balance_blocks, 0, memory_order_relaxed);
    ZERO(counters->calls);
    ZERO(counters->failures);
    ZERO(counters->obtained);
    ZERO(counters->live);
    for (size_t i = 0; i < STATS_CLASSES; i++) {
        atomic_store_explicit(&counters->recent_made[i],
                              i < STATS_RECENT_CLASSES ? 0 : STATS_RECENT_CLOSED,
                              memory_order_relaxed);
        atomic_store_explicit(&counters->recent_given[i], STATS_RECENT_CLOSED,
                              memory_order_relaxed);
    }
}

/* No word of a block is all ones: those are what a thread without a block finds. */
static int is_block(const struct stats_counters *counters)
{
    return atomic_load_explicit(&counters->recent_made[0], memory_order_relaxed) != UINT32_MAX;
}

/* This thread's block, made now if it has none; and the file, if there is to be one. */
static struct stats_counters *enter(struct stats_instance *instance)
{
    struct stats_counters *counters;

    stats_file_make(instance);
    counters = instance->services->thread_record_enter(&instance->record);
    if (counters && !is_block(counters))
        atomic_store_explicit(&counters->recent_made[0], 0, memory_order_relaxed);
    return counters;
}

void dal_stats_close_words_(struct stats_instance *instance)
{
    struct stats_counters *counters = stats_mine(instance);

    if (!is_block(counters))
        return;
    settle_all(instance, counters);
    for (size_t i = 0; i < STATS_RECENT_CLASSES; i++) {
        atomic_store_explicit(&counters->recent_made[i], STATS_RECENT_CLOSED, memory_order_relaxed);
        atomic_store_explicit(&counters->recent_given[i], STATS_RECENT_CLOSED,
                              memory_order_relaxed);
    }
    /* As if there were no block: it is entered again. */
    atomic_store_explicit(&counters->recent_made[0], UINT32_MAX, memory_order_relaxed);
}

/* Take a block for this thread: 1 if it stands where the short way finds it, which is not so in a
 * thread past its end, nor where too many records are open. */
static int take_block(struct stats_instance *instance)
{
    struct stats_counters *counters = enter(instance);

    if (counters && counters == stats_mine(instance))
        return 1;
    instance->services->thread_record_leave(&instance->record, counters);
    return 0;
}

int dal_stats_can_go_short_(struct stats_instance *instance, size_t size, int is_made)
{
    struct stats_counters *counters = stats_mine(instance);

    if (size >= STATS_RECENT_BYTES)
        return 0;
    if (!is_block(counters))
        return take_block(instance);
    if (is_made)
        settle_made(instance, counters, stats_class_of(size));
    else
        settle_given(instance, counters, stats_class_of(size));
    return 1;
}

/* ---- Counting one call the long way -------------------------------------------------------- */

static void count_in(struct stats_instance *instance, struct stats_counters *counters,
                     const struct stats_event *event)
{
    int64_t bytes = 0;
    int64_t blocks = 0;

    add(&counters->calls[event->operation], 1);
    if (event->failed) {
        add(&counters->failures[event->operation], 1);
        return;
    }
    if (event->has_old) {
        (void)add_signed(&counters->live[stats_class_of(event->old_size)], -1);
        bytes -= (int64_t)event->old_size;
        blocks--;
    }
    if (event->has_new) {
        size_t index = stats_class_of(event->new_size);

        add(&counters->obtained[index], 1);
        (void)add_signed(&counters->live[index], 1);
        bytes += (int64_t)event->new_size;
        blocks++;
    }
    change(instance, counters, bytes, blocks);
}

#define ADD(counter, value) (void)atomic_fetch_add_explicit(&(counter), value, memory_order_relaxed)

/* The same in counters that threads share. */
static void count_in_common(struct stats_instance *instance, const struct stats_event *event)
{
    struct stats_counters *common = &instance->file->common;
    int64_t bytes = (int64_t)(event->has_new ? event->new_size : 0) -
                    (int64_t)(event->has_old ? event->old_size : 0);

    ADD(common->calls[event->operation], 1);
    if (event->failed) {
        ADD(common->failures[event->operation], 1);
        return;
    }
    if (event->has_old)
        ADD(common->live[stats_class_of(event->old_size)], -1);
    if (event->has_new) {
        ADD(common->obtained[stats_class_of(event->new_size)], 1);
        ADD(common->live[stats_class_of(event->new_size)], 1);
    }
    ADD(instance->shared->bytes, bytes);
    ADD(instance->shared->blocks, event->has_new - event->has_old);
    stats_raise(&instance->shared->peak_bytes,
                atomic_load_explicit(&instance->shared->bytes, memory_order_relaxed));
    stats_raise(&instance->shared->peak_blocks,
                atomic_load_explicit(&instance->shared->blocks, memory_order_relaxed));
}

__attribute__((noinline, cold)) static void count_without_block(struct stats_instance *instance,
                                                                const struct stats_event *event)
{
    if (instance->file)
        count_in_common(instance, event);
    else
        ADD(instance->shared->uncounted, 1);
}

void dal_stats_count_(struct stats_instance *instance, const struct stats_event *event)
{
    struct stats_counters *counters = stats_mine(instance);
    int is_entered = !is_block(counters);

    if (is_entered)
        counters = enter(instance);
    if (!counters) {
        count_without_block(instance, event);
        return;
    }
    if (event->has_old) {
        /* The peak may be now, before the old block goes. */
        settle_all(instance, counters);
        look_for_peak(instance, counters);
    }
    count_in(instance, counters, event);
    look_for_peak(instance, counters);
    if (is_entered)
        instance->services->thread_record_leave(&instance->record, counters);
}

/* Ordinarily it is in the recent word still; not if an allocator underneath has called us in
 * between. */
static void take_back(struct stats_instance *instance, struct stats_counters *counters, size_t size)
{
    size_t index = stats_class_of(size);
    uint32_t word = atomic_load_explicit(&counters->recent_made[index], memory_order_relaxed);
    uint32_t added = (uint32_t)(STATS_RECENT_BLOCK + size);

    if (word >= added && word % STATS_RECENT_BLOCK >= size) {
        atomic_store_explicit(&counters->recent_made[index], word - added, memory_order_relaxed);
        return;
    }
    add(&counters->calls[STATS_ALLOC], (uint64_t)-1);
    add(&counters->obtained[index], (uint64_t)-1);
    (void)add_signed(&counters->live[index], -1);
    change(instance, counters, -(int64_t)size, -1);
}

void dal_stats_count_failed_alloc_(struct stats_instance *instance, size_t size)
{
    struct stats_event event = {.operation = STATS_ALLOC, .failed = 1};

    take_back(instance, stats_mine(instance), size);
    dal_stats_count_(instance, &event);
}
