/* SPDX-License-Identifier: MIT */
/*
 * Counting: what the short way has added is settled here, and every other call is counted.
 * All of it is done by the thread that holds the block of counters.
 */
#include <errno.h>

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

/* As far as the balance may rise on the middle way: to the peak, as that is seen now, and no
 * farther than half of what it may change by, so that it may go down as far. */
static void set_ceiling(struct stats_instance *instance, struct stats_counters *counters)
{
    int64_t balance = stats_balance(counters);
    int64_t most = atomic_load_explicit(&instance->shared->peak_bytes, memory_order_relaxed) -
                   atomic_load_explicit(&instance->shared->bytes, memory_order_relaxed);

    if (most > STATS_BALANCE_BYTES / 2)
        most = STATS_BALANCE_BYTES / 2;
    atomic_store_explicit(&counters->room, most - balance, memory_order_relaxed);
    atomic_store_explicit(&counters->ceiling, most, memory_order_relaxed);
}

/* Blocks and bytes came (or went). Pass the balance on if that is due. */
static void change(struct stats_instance *instance, struct stats_counters *counters, int64_t bytes,
                   int64_t blocks)
{
    (void)add_signed(&counters->room, -bytes);
    bytes = stats_balance(counters);
    blocks = add_signed(&counters->balance_blocks, blocks);
    if (!is_due(bytes, STATS_BALANCE_BYTES / 2) && !is_due(blocks, STATS_BALANCE_BLOCKS))
        return;
    (void)add_signed(&counters->room, bytes);
    atomic_store_explicit(&counters->balance_blocks, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&instance->shared->bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&instance->shared->blocks, blocks, memory_order_relaxed);
}

static int64_t seen_bytes(const struct stats_instance *instance,
                          const struct stats_counters *counters)
{
    return atomic_load_explicit(&instance->shared->bytes, memory_order_relaxed) +
           stats_balance(counters);
}

static int64_t seen_blocks(const struct stats_instance *instance,
                           const struct stats_counters *counters)
{
    return atomic_load_explicit(&instance->shared->blocks, memory_order_relaxed) +
           atomic_load_explicit(&counters->balance_blocks, memory_order_relaxed);
}

/* Take a recent word over; a closed one stays as it is and holds nothing. */
static struct stats_recent take_recent(_Atomic(uint32_t) *recent)
{
    uint32_t word = atomic_load_explicit(recent, memory_order_relaxed);

    if (word != STATS_CLOSED)
        atomic_store_explicit(recent, word >= STATS_LARGE ? STATS_LARGE : 0, memory_order_relaxed);
    return stats_recent_of(word);
}

/* Settle the recent words of one class. */
static void settle(struct stats_instance *instance, struct stats_counters *counters, size_t index)
{
    struct stats_recent given = take_recent(&counters->recent_given[index]);
    struct stats_recent made = take_recent(&counters->recent_made[index]);

    if (!made.blocks && !given.blocks)
        return;
    add(&counters->calls[STATS_ALLOC], made.blocks);
    add(&counters->calls[STATS_DEALLOC], given.blocks);
    add(&counters->obtained[index], made.blocks);
    (void)add_signed(&counters->live[index], (int64_t)made.blocks - given.blocks);
    change(instance, counters, (int64_t)made.bytes - given.bytes,
           (int64_t)made.blocks - given.blocks);
}

/* Most words are empty, or closed: those are not worth a call. */
static int may_hold(const struct stats_counters *counters, size_t index)
{
    return ((atomic_load_explicit(&counters->recent_made[index], memory_order_relaxed) |
             atomic_load_explicit(&counters->recent_given[index], memory_order_relaxed)) &
            ~STATS_CLOSED) != 0;
}

static void settle_all(struct stats_instance *instance, struct stats_counters *counters)
{
    size_t classes = atomic_load_explicit(&counters->word_classes, memory_order_relaxed);

    for (size_t i = 0; i < classes; i++) {
        if (may_hold(counters, i))
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

void dal_stats_look_for_peak_(struct stats_instance *instance)
{
    look_for_peak(instance, stats_mine(instance));
}

void dal_stats_set_ceiling_(struct stats_instance *instance)
{
    set_ceiling(instance, stats_mine(instance));
}

/* Whether there was a large block ever. */
static int has_large(const struct stats_counters *counters)
{
    return atomic_load_explicit(&counters->word_classes, memory_order_relaxed) >
           STATS_RECENT_CLASSES;
}

/* Have the next large block that is given back go the long way, which looks for a peak. */
static void look_later(struct stats_instance *instance, struct stats_counters *counters)
{
    if (atomic_load_explicit(&counters->is_to_look, memory_order_relaxed))
        return;
    for (size_t i = STATS_RECENT_CLASSES; i <= STATS_MIDDLE_CLASS; i++) {
        if (may_hold(counters, i))
            settle(instance, counters, i);
        atomic_store_explicit(&counters->recent_given[i], STATS_CLOSED, memory_order_relaxed);
    }
    atomic_store_explicit(&counters->is_to_look, 1, memory_order_relaxed);
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
    if (atomic_load_explicit(made, memory_order_relaxed) == STATS_CLOSED)
        atomic_store_explicit(made, 0, memory_order_relaxed);
    if (none_given)
        atomic_store_explicit(given, STATS_CLOSED, memory_order_relaxed);
    look_for_peak(instance, counters);
    if (has_large(counters)) {
        look_later(instance, counters);
        set_ceiling(instance, counters);
    }
}

/* The word of what dealloc gave back is full, or closed: then a thread that has made blocks
 * begins to give them back, and all that it has made is counted first, so that the peak of a
 * small program is right and not only near. */
static void settle_given(struct stats_instance *instance, struct stats_counters *counters,
                         size_t index)
{
    _Atomic(uint32_t) *given = &counters->recent_given[index];

    if (atomic_load_explicit(given, memory_order_relaxed) != STATS_CLOSED) {
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

    atomic_store_explicit(&counters->ceiling, 0, memory_order_relaxed);
    atomic_store_explicit(&counters->room, 0, memory_order_relaxed);
    atomic_store_explicit(&counters->balance_blocks, 0, memory_order_relaxed);
    atomic_store_explicit(&counters->is_to_look, 1, memory_order_relaxed);
    ZERO(counters->calls);
    ZERO(counters->failures);
    ZERO(counters->obtained);
    ZERO(counters->live);
    for (size_t i = 0; i < STATS_CLASSES; i++) {
        atomic_store_explicit(&counters->recent_made[i],
                              i < STATS_RECENT_CLASSES ? 0 : STATS_CLOSED, memory_order_relaxed);
        atomic_store_explicit(&counters->recent_given[i], STATS_CLOSED, memory_order_relaxed);
    }
    atomic_store_explicit(&counters->word_classes, STATS_RECENT_CLASSES, memory_order_relaxed);
    atomic_store_explicit(&counters->until, 0, memory_order_relaxed);
    atomic_store_explicit(&counters->random, 0, memory_order_relaxed);
}

/* This thread's block, made now if it has none; and the file, if there is to be one. */
static struct stats_counters *enter(struct stats_instance *instance)
{
    struct stats_counters *counters;

    stats_file_make(instance);
    counters = instance->services->thread_record_enter(&instance->record);
    if (counters && !stats_is_block(counters))
        atomic_store_explicit(&counters->recent_made[0], 0, memory_order_relaxed);
    return counters;
}

void dal_stats_close_words_(struct stats_instance *instance)
{
    struct stats_counters *counters = stats_mine(instance);

    if (!stats_is_block(counters))
        return;
    settle_all(instance, counters);
    for (size_t i = 0; i < STATS_WORD_CLASSES; i++) {
        atomic_store_explicit(&counters->recent_made[i], STATS_CLOSED, memory_order_relaxed);
        atomic_store_explicit(&counters->recent_given[i], STATS_CLOSED, memory_order_relaxed);
    }
    atomic_store_explicit(&counters->is_to_look, 1, memory_order_relaxed);
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
    if (!stats_is_block(counters))
        return take_block(instance);
    if (is_made)
        settle_made(instance, counters, stats_class_of(size));
    else
        settle_given(instance, counters, stats_class_of(size));
    return 1;
}

/* ---- Counting one call the long way -------------------------------------------------------- */

static void count_made(struct stats_instance *instance, struct stats_counters *counters,
                       size_t size)
{
    size_t index = stats_class_of(size);

    add(&counters->calls[STATS_ALLOC], 1);
    add(&counters->obtained[index], 1);
    (void)add_signed(&counters->live[index], 1);
    change(instance, counters, (int64_t)size, 1);
    look_for_peak(instance, counters);
    set_ceiling(instance, counters);
}

/* The peak may be now, before the block goes. */
static void count_given(struct stats_instance *instance, struct stats_counters *counters,
                        size_t size)
{
    if (atomic_load_explicit(&counters->is_to_look, memory_order_relaxed)) {
        settle_all(instance, counters);
        look_for_peak(instance, counters);
        atomic_store_explicit(&counters->is_to_look, 0, memory_order_relaxed);
    }
    add(&counters->calls[STATS_DEALLOC], 1);
    (void)add_signed(&counters->live[stats_class_of(size)], -1);
    change(instance, counters, -(int64_t)size, -1);
    set_ceiling(instance, counters);
}

/* Have a class of large blocks go the middle way from here on, if it is one that may. */
static void open_class(struct stats_counters *counters, _Atomic(uint32_t) *recent, size_t index)
{
    if (index >= STATS_WORD_CLASSES)
        return;
    atomic_store_explicit(recent, STATS_LARGE, memory_order_relaxed);
    if (index >= atomic_load_explicit(&counters->word_classes, memory_order_relaxed))
        atomic_store_explicit(&counters->word_classes, (uint32_t)index + 1, memory_order_relaxed);
}

void dal_stats_count_made_(struct stats_instance *instance, size_t size)
{
    struct stats_counters *counters = stats_mine(instance);
    size_t index = stats_class_of(size);

    if (size >= STATS_RECENT_BYTES) {
        settle(instance, counters, index);
        open_class(counters, &counters->recent_made[index], index);
        count_made(instance, counters, size);
        return;
    }
    settle_made(instance, counters, index);
    (void)stats_count_short(&counters->recent_made[index], size);
}

void dal_stats_count_given_(struct stats_instance *instance, size_t size)
{
    struct stats_counters *counters = stats_mine(instance);
    size_t index = stats_class_of(size);

    if (size >= STATS_RECENT_BYTES) {
        settle(instance, counters, index);
        open_class(counters, &counters->recent_given[index], index);
        count_given(instance, counters, size);
        return;
    }
    settle_given(instance, counters, index);
    (void)stats_count_short(&counters->recent_given[index], size);
}

int dal_stats_count_old_(struct stats_instance *instance, const struct stats_event *event)
{
    struct stats_counters *counters = stats_mine(instance);
    int has_block = stats_is_block(counters);
    int saved_errno = errno;

    if (!has_block)
        dal_stats_count_(instance, event);
    else if (event->has_old)
        dal_stats_count_given_(instance, event->old_size);
    else
        add(&counters->calls[STATS_DEALLOC], 1);
    errno = saved_errno;
    return has_block;
}

int dal_stats_count_new_(struct stats_instance *instance, const struct stats_event *event)
{
    int has_block = stats_is_block(stats_mine(instance));
    int saved_errno = errno;

    if (has_block)
        dal_stats_count_made_(instance, event->new_size);
    else
        dal_stats_count_(instance, event);
    errno = saved_errno;
    return has_block;
}

void dal_stats_count_failed_(struct stats_instance *instance, enum stats_operation operation)
{
    struct stats_event event = {.operation = operation, .failed = 1};

    dal_stats_count_(instance, &event);
}

/* What operations count besides the blocks that they make and give back. */
static void count_in(struct stats_instance *instance, struct stats_counters *counters,
                     const struct stats_event *event)
{
    if (event->failed) {
        add(&counters->calls[event->operation], 1);
        add(&counters->failures[event->operation], 1);
        return;
    }
    if (event->has_old)
        count_given(instance, counters, event->old_size);
    else if (stats_resizes(event->operation))
        add(&counters->calls[STATS_DEALLOC], 1);
    if (event->has_new)
        count_made(instance, counters, event->new_size);
    if (stats_makes(event->operation))
        add(&counters->calls[event->operation], 1);
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
    if (stats_makes(event->operation))
        ADD(common->calls[STATS_ALLOC], 1);
    if (stats_resizes(event->operation))
        ADD(common->calls[STATS_DEALLOC], 1);
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
    int is_entered = !stats_is_block(counters);

    if (is_entered)
        counters = enter(instance);
    if (!counters) {
        count_without_block(instance, event);
        return;
    }
    count_in(instance, counters, event);
    if (is_entered)
        instance->services->thread_record_leave(&instance->record, counters);
}

/* Ordinarily it is in the recent word still; not if an allocator underneath has called us in
 * between. */
static void take_back(struct stats_instance *instance, struct stats_counters *counters, size_t size)
{
    size_t index = stats_class_of(size);
    uint32_t word = atomic_load_explicit(&counters->recent_made[index], memory_order_relaxed);
    struct stats_recent recent = stats_recent_of(word);
    int is_large = size >= STATS_RECENT_BYTES;

    if (is_large)
        change(instance, counters, -(int64_t)size, 0);
    if (recent.blocks > 0 && (is_large || recent.bytes >= size)) {
        word -= is_large ? 1 : (uint32_t)(STATS_RECENT_BLOCK + size);
        atomic_store_explicit(&counters->recent_made[index], word, memory_order_relaxed);
        return;
    }
    add(&counters->calls[STATS_ALLOC], (uint64_t)-1);
    add(&counters->obtained[index], (uint64_t)-1);
    (void)add_signed(&counters->live[index], -1);
    change(instance, counters, is_large ? 0 : -(int64_t)size, -1);
}

void dal_stats_count_failed_alloc_(struct stats_instance *instance, size_t size)
{
    take_back(instance, stats_mine(instance), size);
    dal_stats_count_failed_(instance, STATS_ALLOC);
}
