/* SPDX-License-Identifier: MIT */
/*
 * Which blocks are sampled, and what a sample stands for. Each byte is sampled with the same
 * probability, and a block is if one of its bytes is: with 1 - exp(-size / every). A sample stands
 * for as many blocks as the inverse of that, which makes sums unbiased.
 */
#include "../sampling.h"
#include "profile.h"

/* ---- The clock ------------------------------------------------------------------------------- */

/* While no samples are taken a thread looks so often whether they are to be. */
#define BYTES_WHILE_OFF UINT64_C(65536)

static int is_on(const struct profile_instance *instance)
{
    return atomic_load_explicit(&instance->file->is_on, memory_order_relaxed) != 0;
}

/* Bytes before the next one that is sampled. The logarithm has 16 binary digits behind the point,
 * and chance has the others, for gaps that are no multiples of anything. */
static uint64_t gap(struct profile_part *part, uint64_t every)
{
    const double ln_2 = 0.693147180559945309;
    double digits = (double)sampling_minus_log2(sampling_random(&part->random));
    double rest = (double)(sampling_random(&part->random) >> 11) * 0x1p-53;

    return (uint64_t)((digits + rest) * 0x1p-16 * ln_2 * (double)every);
}

static void set_clock(struct profile_part *part, uint32_t *clock, uint64_t bytes)
{
    uint32_t now = bytes < INT32_MAX ? (uint32_t)bytes : INT32_MAX;

    *clock = now + 1;
    part->rest = bytes - now;
}

/* With every=1 a clock is never drawn, so that each call comes here, also one for 0 bytes. What no
 * allocator can give leaves the clock as it is. */
static int is_drawn(const struct profile_instance *instance, struct profile_part *part,
                    uint32_t *clock, size_t size)
{
    uint64_t every = instance->every, left;
    int is_taken = is_on(instance);

    if (size > PTRDIFF_MAX)
        return 0;
    if (every == 1 && is_taken) {
        *clock = 0;
        return 1;
    }
    if (!is_taken && every < BYTES_WHILE_OFF)
        every = BYTES_WHILE_OFF;
    left = *clock == 0 ? gap(part, every) : *clock - 1 + part->rest;
    if (left >= size) {
        set_clock(part, clock, left - size);
        return 0;
    }
    set_clock(part, clock, gap(part, every));
    return is_taken;
}

/* The short way of every=1: whether there is nothing to be drawn, begun or looked for. */
static int is_sampled_anyway(struct profile_instance *instance, const uint32_t *clock)
{
    const struct profile_part *part = dal_thread_record_part(&instance->record);

    return instance->every == 1 && is_on(instance) && part->random + 1 > 1 &&
           *(clock ? clock : &part->clock) == 0 &&
           atomic_load_explicit(&instance->file_state, memory_order_acquire) < PROFILE_FILE_WANTED;
}

/* A file is made with the first sample, since most processes of a build or of a shell's script take
 * none; at once where samples are to be asked for there, or taken already by who has forked this
 * process. */
static int needs_file(const struct profile_instance *instance)
{
    return !is_on(instance) ||
           atomic_load_explicit(&instance->file->sites_used, memory_order_relaxed) > 1;
}

static int draw(struct profile_instance *instance, uint32_t *clock, size_t size)
{
    struct profile_part *part = instance->services->thread_record_enter(&instance->record);
    int result = 0;

    if (part && (!needs_file(instance) || dal_profile_file_await_(instance))) {
        if (part->random == 0)
            part->random = instance->services->seed() | 1;
        result = is_drawn(instance, part, clock ? clock : &part->clock, size) &&
                 dal_profile_file_await_(instance);
    }
    instance->services->thread_record_leave(&instance->record, part);
    return result;
}

int dal_profile_draw_(struct profile_instance *instance, uint32_t *clock, size_t size)
{
    return is_sampled_anyway(instance, clock) || draw(instance, clock, size);
}

/* ---- Weights --------------------------------------------------------------------------------- */

/* 1 - e^-x, for x above 0, to 12 digits: a series where x is small, and from there
 * 1 - e^-2x = m * (2 - m). (The C library's own is in another library.) */
static double one_minus_exp(double x)
{
    int doublings = 0;
    double sum;

    if (x > 40)
        return 1;
    for (; x > 1. / 64; x /= 2)
        doublings++;
    sum = x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5))));
    while (doublings-- > 0)
        sum *= 2 - sum;
    return sum;
}

/* The same whenever it is asked for, so that a block takes away what it has added. */
static struct profile_weight weight_of(const struct profile_instance *instance, uint64_t size)
{
    double blocks, bytes = (double)size * (double)profile_byte_unit(instance->every);

    if (instance->every == 1)
        return (struct profile_weight){PROFILE_UNIT, size};
    blocks = 1 / one_minus_exp((double)size / (double)instance->every);
    return (struct profile_weight){(uint64_t)(PROFILE_UNIT * blocks + .5),
                                   (uint64_t)(blocks * bytes + .5)};
}

/* ---- Samples --------------------------------------------------------------------------------- */

/* (A thread without a part has nothing to keep it in.) */
static void set_newest(struct profile_instance *instance, const void *address, uint64_t born_ns)
{
    struct profile_part *part = dal_thread_record_part(&instance->record);

    if (part->newest == UINTPTR_MAX)
        return;
    part->newest = (uintptr_t)address;
    part->newest_born_ns = born_ns;
}

/* Another thread may have given it back, and have made another one at its address: that was born at
 * another time. */
static int is_newest(const struct profile_instance *instance, const void *address, uint64_t born_ns)
{
    const struct profile_part *part = dal_thread_record_part(&instance->record);

    return part->newest == (uintptr_t)address && part->newest_born_ns == born_ns;
}

/* Where each block is sampled the clock would take a third of the time that the rest does. */
static uint64_t now_of(const struct profile_instance *instance)
{
    uint64_t now = instance->has_lifetimes ? instance->services->clock()
                                           : dal_profile_glance_(instance->services);

    return now > instance->file->clock_at_start ? now - instance->file->clock_at_start : 0;
}

/* What has no place among the live ones counts as given back. */
static void put_or_lose(struct profile_instance *instance, const void *address,
                        const struct profile_block *block)
{
    if (dal_profile_live_put_(instance, address, block))
        return;
    dal_profile_site_end_(instance, block, weight_of(instance, block->size), block->born_ns, 0);
    atomic_fetch_add_explicit(&instance->file->lost_blocks, 1, memory_order_relaxed);
}

void dal_profile_made_(struct profile_instance *instance, const void *address, size_t size,
                       const void *site)
{
    struct profile_block block = {dal_profile_site_of_(instance, site), size, now_of(instance)};

    set_newest(instance, address, block.born_ns);
    dal_profile_site_add_(instance, &block, weight_of(instance, size));
    put_or_lose(instance, address, &block);
}

static void ended(struct profile_instance *instance, const void *address,
                  const struct profile_block *block)
{
    dal_profile_site_end_(instance, block, weight_of(instance, block->size), now_of(instance),
                          is_newest(instance, address, block->born_ns));
}

/* The file is there before the block is taken out: then the child of a fork has all that it has
 * inherited when it settles that. */
void dal_profile_end_(struct profile_instance *instance, const void *address)
{
    struct profile_block block;

    (void)dal_profile_file_await_(instance);
    if (dal_profile_live_take_(instance, address, &block))
        ended(instance, address, &block);
}

/* It is taken out before: afterwards another thread may have its address. */
void dal_profile_resize_begin_(struct profile_instance *instance, struct profile_resize *resize,
                               const void *address, int is_sampled)
{
    resize->address = address;
    resize->is_sampled = is_sampled;
    resize->was_sampled = 0;
    if (!profile_filter_has(instance->filter, address))
        return;
    (void)dal_profile_file_await_(instance);
    resize->was_sampled = dal_profile_live_take_(instance, address, &resize->block);
}

void dal_profile_resize_end_(struct profile_instance *instance, const struct profile_resize *resize,
                             int is_done, const void *address, size_t size, const void *site)
{
    if (resize->was_sampled && is_done)
        ended(instance, resize->address, &resize->block);
    else if (resize->was_sampled)
        put_or_lose(instance, resize->address, &resize->block);
    if (is_done && resize->is_sampled)
        dal_profile_made_(instance, address, size, site);
}

/* ---- In the child of a fork --------------------------------------------------------------------
 */

static void revive(struct profile_instance *instance, const struct profile_block *block)
{
    if (block->size || instance->every == 1)
        dal_profile_site_revive_(instance, block, weight_of(instance, block->size));
}

void dal_profile_settle_(struct profile_instance *instance)
{
    dal_profile_site_end_all_(instance);
    dal_profile_live_visit_(instance, revive);
}
