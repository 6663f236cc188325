/* SPDX-License-Identifier: MIT */
/*
 * Sites: what was allocated by which stack. They lie in the order in which they were met, which
 * keeps a file short, and are found by an index, hashed, in memory of the process's own.
 */
#include "profile.h"

/* Where samples are no rarer than that, time matters. */
#define BYTES_OFTEN 16384

/* Of so many samples of a site one looks whether the code there is still the same; and where each
 * block is sampled, the first one after the loader has allocated. */
enum { SAMPLES_TO_A_LOOK = 256 };

/* How far from its own cell of the index a site may lie. */
enum { WINDOW = 64 };

/* ---- Stacks ---------------------------------------------------------------------------------- */

struct stack {
    uint32_t number; /* of the service, 0: it was walked */
    const void *const *places;
    size_t count;
    uint64_t thread, key;
    const void *walked[DAL_STACK_PLACES_MAX];
};

/* What is captured stays, and is quick to capture again: where samples are frequent, as long as
 * stacks are new by the table of sites, which bounds them. */
static void capture(struct profile_instance *instance, const void *from, struct stack *stack)
{
    stack->number = 0;
    if (instance->every < BYTES_OFTEN &&
        !atomic_load_explicit(&instance->file->lost_sites, memory_order_relaxed))
        stack->number = instance->services->stack_capture(from, instance->frames);
    stack->places = stack->walked;
    if (!stack->number)
        stack->count = instance->services->stack_walk(from, stack->walked, instance->frames);
}

static uint64_t hash(const struct stack *stack)
{
    uint64_t key = stack->thread;

    for (size_t i = 0; i < stack->count; i++) {
        key = (key ^ (uintptr_t)stack->places[i]) * UINT64_C(0x9e3779b97f4a7c15);
        key ^= key >> 29;
    }
    return key;
}

/* ---- Finding one ----------------------------------------------------------------------------- */

static uint64_t load(const _Atomic(uint64_t) *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

/* A number that nobody has, or 0 if there is none left. */
static uint32_t take_number(struct profile_file *file)
{
    uint64_t number = load(&file->sites_used);

    do {
        if (number >= file->site_count)
            return 0;
    } while (!atomic_compare_exchange_weak_explicit(&file->sites_used, &number, number + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return (uint32_t)number;
}

static uint32_t loads_of(const struct profile_instance *instance)
{
    return atomic_load_explicit(&instance->loads, memory_order_relaxed);
}

static uint32_t fill(struct profile_instance *instance, const struct stack *stack)
{
    uint32_t number = take_number(instance->file);
    struct profile_site *site = profile_site_at(instance->file, number);

    if (!number)
        return 0;
    site->key = stack->key;
    site->thread = stack->thread;
    for (size_t i = 0; i < stack->count; i++) {
        site->frames[i].address = (uintptr_t)stack->places[i] - 1;
        site->frames[i].place = dal_profile_place_of_(instance, stack->places[i]);
        if (dal_profile_is_of_loader_(instance, site->frames[i].place))
            site->is_of_loader = 1;
    }
    atomic_store_explicit(&site->loads, loads_of(instance), memory_order_relaxed);
    site->frame_count = (uint32_t)stack->count;
    return number;
}

/* Whether code was unloaded, and other code has come to these addresses. One frame of a module
 * tells, of those that follow each other. */
static int is_other_code(struct profile_instance *instance, const struct profile_site *site,
                         const struct stack *stack)
{
    uint64_t module = 0;

    for (size_t i = 0; i < stack->count; i++) {
        uint64_t place = site->frames[i].place;

        if ((i == 0 || place >> PROFILE_OFFSET_BITS != module) &&
            dal_profile_place_of_(instance, stack->places[i]) != place)
            return 1;
        module = place >> PROFILE_OFFSET_BITS;
    }
    return 0;
}

static int is_time_to_look(const struct profile_instance *instance, const struct profile_site *site)
{
    return instance->every >= BYTES_OFTEN ||
           atomic_load_explicit(&site->loads, memory_order_relaxed) != loads_of(instance) ||
           load(&site->made_blocks) / PROFILE_UNIT % SAMPLES_TO_A_LOOK == SAMPLES_TO_A_LOOK - 1;
}

/* Whether a site is that of a stack. */
static int is_site_of(struct profile_instance *instance, uint32_t number, const struct stack *stack)
{
    struct profile_site *site = profile_site_at(instance->file, number);
    uint32_t loads = loads_of(instance);

    if (site->key != stack->key || site->frame_count != stack->count ||
        atomic_load_explicit(&site->is_stale, memory_order_relaxed))
        return 0;
    if (!is_time_to_look(instance, site))
        return 1;
    if (is_other_code(instance, site, stack)) {
        atomic_store_explicit(&site->is_stale, 1, memory_order_relaxed);
        return 0;
    }
    atomic_store_explicit(&site->loads, loads, memory_order_relaxed);
    return 1;
}

/* Of two threads that add the same one is late, and its number stays unused. */
static uint32_t find(struct profile_instance *instance, const struct stack *stack)
{
    size_t mask = ((size_t)1 << instance->index_bits) - 1;
    uint32_t made = 0;

    for (size_t i = 0; i < WINDOW; i++) {
        _Atomic(uint32_t) *cell = &instance->index[(stack->key + i) & mask];
        uint32_t number = atomic_load_explicit(cell, memory_order_acquire);

        if (!number) {
            made = made ? made : fill(instance, stack);
            if (!made)
                break;
            if (atomic_compare_exchange_strong_explicit(cell, &number, made, memory_order_release,
                                                        memory_order_acquire))
                return made;
        }
        if (is_site_of(instance, number, stack))
            return number;
    }
    atomic_fetch_add_explicit(&instance->file->lost_sites, 1, memory_order_relaxed);
    return 0;
}

/* What is known of the numbers of stacks: a number and that of its site, in one word. */
static _Atomic(uint64_t) *known_of(struct profile_instance *instance, const struct stack *stack)
{
    return &instance->known[stack->number % PROFILE_KNOWN];
}

/* The site of a stack that has a number and was met not long ago; 0 if it is to be looked for. */
static uint32_t find_known(struct profile_instance *instance, const struct stack *stack)
{
    uint64_t known = atomic_load_explicit(known_of(instance, stack), memory_order_acquire);
    uint32_t number = (uint32_t)known;

    return stack->number && known >> 32 == stack->number && !instance->by_thread &&
                   !is_time_to_look(instance, profile_site_at(instance->file, number))
               ? number
               : 0;
}

static uint32_t look_up(struct profile_instance *instance, struct stack *stack)
{
    uint32_t number;

    if (stack->number)
        stack->count = instance->services->stack_places(stack->number, &stack->places);
    stack->thread = instance->by_thread ? dal_profile_thread_() : 0;
    stack->key = hash(stack);
    number = find(instance, stack);
    if (stack->number)
        atomic_store_explicit(known_of(instance, stack), (uint64_t)stack->number << 32 | number,
                              memory_order_release);
    return number;
}

uint32_t dal_profile_site_of_(struct profile_instance *instance, const void *from)
{
    struct stack stack;
    uint32_t number;

    capture(instance, from, &stack);
    number = find_known(instance, &stack);
    if (!number)
        number = look_up(instance, &stack);
    if (DAL_UNLIKELY_(profile_site_at(instance->file, number)->is_of_loader))
        atomic_fetch_add_explicit(&instance->loads, 1, memory_order_relaxed);
    return number;
}

/* ---- Counting -------------------------------------------------------------------------------- */

/* (Who reads a file is another process, and adds nothing.) */
static uint64_t add(_Atomic(uint64_t) *count, uint64_t more)
{
    uint64_t sum;

    if (!PROFILE_IS_SINGLE_THREADED)
        return atomic_fetch_add_explicit(count, more, memory_order_relaxed) + more;
    sum = load(count) + more;
    atomic_store_explicit(count, sum, memory_order_relaxed);
    return sum;
}

/* Acquire: what was read of the site before is not read again behind it. */
static int claim(struct profile_site *site, uint64_t kept)
{
    return PROFILE_IS_SINGLE_THREADED ||
           atomic_compare_exchange_strong_explicit(&site->generation, &kept, PROFILE_KEEPING,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

/* Before a site changes: keep what it has, if that is what it had at the last peak. It is read
 * before it is claimed: whoever changes it meanwhile has claimed it before. */
static void keep_peak(const struct profile_file *file, struct profile_site *site)
{
    uint64_t generation = load(&file->generation);
    uint64_t kept = atomic_load_explicit(&site->generation, memory_order_acquire);
    uint64_t blocks = load(&site->made_blocks) - load(&site->ended_blocks);
    uint64_t bytes = load(&site->made_bytes) - load(&site->ended_bytes);

    if (kept == generation || kept == PROFILE_KEEPING || !claim(site, kept))
        return;
    atomic_store_explicit(&site->peak_blocks, blocks, memory_order_relaxed);
    atomic_store_explicit(&site->peak_bytes, bytes, memory_order_relaxed);
    atomic_store_explicit(&site->generation, generation, memory_order_release);
}

/* A new peak has a new number. */
static void look_for_peak(struct profile_file *file, uint64_t live_bytes, uint64_t now_ns)
{
    uint64_t peak = load(&file->peak_bytes);

    while (live_bytes > peak) {
        if (atomic_compare_exchange_weak_explicit(&file->peak_bytes, &peak, live_bytes,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            (void)add(&file->generation, 1);
            atomic_store_explicit(&file->peak_ns, now_ns, memory_order_relaxed);
            return;
        }
    }
}

/* Returns how many there are then. One that is just counted by another thread may be missing. */
static uint64_t change_live(struct profile_instance *instance, uint64_t more, uint64_t now_ns)
{
    uint64_t live_bytes = add(&instance->file->live_bytes, more);

    if ((int64_t)live_bytes < 0)
        live_bytes = 0;
    /* (Threads may have read the clock in another order.) */
    if (now_ns > load(&instance->file->changed_ns))
        atomic_store_explicit(&instance->file->changed_ns, now_ns, memory_order_relaxed);
    dal_profile_point_add_(instance, now_ns, live_bytes);
    return live_bytes;
}

static void count_made(struct profile_instance *instance, struct profile_site *site,
                       struct profile_weight weight)
{
    if (instance->every != 1)
        (void)add(&site->samples, 1);
    (void)add(&site->made_blocks, weight.blocks);
    (void)add(&site->made_bytes, weight.bytes);
}

void dal_profile_site_add_(struct profile_instance *instance, const struct profile_block *block,
                           struct profile_weight weight)
{
    struct profile_site *site = profile_site_at(instance->file, block->site);

    keep_peak(instance->file, site);
    count_made(instance, site, weight);
    look_for_peak(instance->file, change_live(instance, weight.bytes, block->born_ns),
                  block->born_ns);
}

/* That of a block, as often as it stands for one. */
static void add_lifetime(struct profile_site *site, uint64_t blocks, uint64_t lifetime_ns)
{
    double all_ns = (double)lifetime_ns * (double)blocks / PROFILE_UNIT;

    if (blocks != PROFILE_UNIT)
        lifetime_ns = all_ns < 0x1p64 ? (uint64_t)all_ns : UINT64_MAX;
    if (add(&site->lifetime_ns, lifetime_ns) < lifetime_ns)
        atomic_store_explicit(&site->lifetime_ns, UINT64_MAX, memory_order_relaxed);
}

void dal_profile_site_end_(struct profile_instance *instance, const struct profile_block *block,
                           struct profile_weight weight, uint64_t now_ns, int is_temporary)
{
    struct profile_site *site = profile_site_at(instance->file, block->site);

    keep_peak(instance->file, site);
    (void)add(&site->ended_blocks, weight.blocks);
    (void)add(&site->ended_bytes, weight.bytes);
    if (instance->has_lifetimes)
        add_lifetime(site, weight.blocks, now_ns - block->born_ns);
    if (is_temporary)
        (void)add(&site->temporary_blocks, weight.blocks);
    (void)change_live(instance, -weight.bytes, now_ns);
}

/* ---- Settling ----------------------------------------------------------------------------------
 */

static void store(_Atomic(uint64_t) *number, uint64_t value)
{
    atomic_store_explicit(number, value, memory_order_relaxed);
}

/* Nobody goes on with what a thread of the parent was keeping. */
void dal_profile_site_end_all_(struct profile_instance *instance)
{
    for (uint64_t i = 0; i < load(&instance->file->sites_used); i++) {
        struct profile_site *site = profile_site_at(instance->file, i);

        if (load(&site->generation) == PROFILE_KEEPING)
            store(&site->generation, 0);
        store(&site->ended_blocks, load(&site->made_blocks));
        store(&site->ended_bytes, load(&site->made_bytes));
    }
    store(&instance->file->live_bytes, 0);
}

/* One that another thread of the parent has made at last is not among those that were made; one
 * that it was just putting in may say anything. */
void dal_profile_site_revive_(struct profile_instance *instance, const struct profile_block *block,
                              struct profile_weight weight)
{
    struct profile_site *site = profile_site_at(instance->file, block->site);

    if (block->site >= load(&instance->file->sites_used))
        return;
    if (load(&site->ended_blocks) >= weight.blocks && load(&site->ended_bytes) >= weight.bytes) {
        (void)add(&site->ended_blocks, -weight.blocks);
        (void)add(&site->ended_bytes, -weight.bytes);
    } else {
        count_made(instance, site, weight);
    }
    (void)add(&instance->file->live_bytes, weight.bytes);
}
