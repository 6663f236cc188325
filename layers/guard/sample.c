/* SPDX-License-Identifier: MIT */
/* Which calls get a guarded block: one in so many of each thread, by chance, and no more in a
 * second than an instance is allowed. */
#include <inttypes.h>

#include "../sampling.h"
#include "guard.h"

static int32_t gap(struct guard_part *part, uint64_t every)
{
    return -(int32_t)sampling_gap(&part->random, every);
}

/* Whether this call is to have a guarded block: *random is a number then. A new thread comes here
 * with its first call, and has a gap before it like all others, or goes on with that of a thread
 * which has ended. */
static int draw(const struct guard_instance *instance, struct guard_part *part, int32_t *clock,
                uint64_t *random)
{
    if (part->random == 0)
        part->random = instance->services->seed() | 1;
    if (*clock == 0)
        *clock = gap(part, instance->every);
    if (*clock < -1) {
        ++*clock;
        return 0;
    }
    *clock = gap(part, instance->every);
    *random = sampling_random(&part->random);
    return 1;
}

/* A word has the second and how many there were in it. It does not go back: another thread may have
 * looked at the clock later, and been here before. */
enum { COUNT_BITS = 24 };

static int is_seldom_enough(struct guard_instance *instance)
{
    uint64_t now = instance->services->clock() / 1000000000 << COUNT_BITS;
    uint64_t before = atomic_load_explicit(&instance->second, memory_order_relaxed), after;

    do {
        after = now >> COUNT_BITS > before >> COUNT_BITS ? now + 1 : before + 1;
        if ((after & ((1 << COUNT_BITS) - 1)) > instance->per_second) {
            GUARD_COUNT(instance, too_often);
            return 0;
        }
    } while (!atomic_compare_exchange_weak_explicit(&instance->second, &before, after,
                                                    memory_order_relaxed, memory_order_relaxed));
    return 1;
}

static int fits(struct guard_instance *instance, const struct guard_call *call)
{
    size_t page = instance->pool.page_bytes;
    int is_layout = call->align != 0 && (call->align & (call->align - 1)) == 0;

    if (is_layout && call->size <= page && call->align <= page)
        return 1;
    GUARD_COUNT(instance, too_large);
    return 0;
}

/* At the first guarded block, the second, the fourth, the eighth and so on, which is soon; and with
 * the first of each 16th second, since after years the next power of two never comes. */
static int is_time_to_look(const struct guard_instance *instance)
{
    enum { SECONDS = 16 };
    uint64_t count = atomic_load_explicit(&instance->guarded_count, memory_order_relaxed);
    uint64_t second = atomic_load_explicit(&instance->second, memory_order_relaxed);

    return (count & (count - 1)) == 0 ||
           ((second & ((1 << COUNT_BITS) - 1)) == 1 && (second >> COUNT_BITS) % SECONDS == 0);
}

static void look_after_handler(struct guard_instance *instance)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    const char *name;

    if (!is_time_to_look(instance) || (name = dal_guard_unwatched_()) == NULL ||
        atomic_flag_test_and_set_explicit(&said, memory_order_relaxed))
        return;
    instance->services->line(
        "guard[%" PRIu64
        "]: the handler of %s was replaced by another: what it does not hand on is "
        "not told of",
        instance->services->process(), name);
}

/* Who asks for all of them is to hear once that these are not all. */
static void tell_of_slots(struct guard_instance *instance)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;

    if (instance->every != 1 || atomic_flag_test_and_set_explicit(&said, memory_order_relaxed))
        return;
    instance->services->line("guard[%" PRIu64 "]: all %zu slots have a live block: what comes "
                             "now is not guarded (slots=N, up to %d)",
                             instance->services->process(), instance->pool.slot_count,
                             GUARD_SLOTS_MAX);
}

void *dal_guard_sample_(struct guard_instance *instance, int32_t *clock,
                        const struct guard_call *call)
{
    struct guard_part *part = instance->services->thread_record_enter(&instance->record);
    uint64_t random = 0;
    void *block;
    int is_due;

    if (!part)
        return NULL;
    is_due = draw(instance, part, clock ? clock : &part->clock, &random);
    instance->services->thread_record_leave(&instance->record, part);
    if (!is_due || !fits(instance, call) || !is_seldom_enough(instance))
        return NULL;
    block = dal_guard_make_(instance, call, random >> 63 != 0);
    if (block)
        look_after_handler(instance);
    else if (atomic_load_explicit(&instance->no_slot_count, memory_order_relaxed) > 0)
        tell_of_slots(instance);
    return block;
}
