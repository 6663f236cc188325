/* SPDX-License-Identifier: MIT */
/*
 * The budget, where a thread has not reserved enough, or too much. limit.h says what holds.
 */
#include <errno.h>
#include <inttypes.h>

#include "limit.h"

/* How often a call looks again, before it is refused, while other threads are moving bytes: one
 * that is stopped in the middle, or is not there in the child of a fork, is not waited for. */
#define LOOKS_MAX 2000

/* Of a program that crosses soft again and again, so many lines. */
#define LINES_MAX 10

/* What is taken at once is at most one in so many of the room that there is, so that this lasts
 * for as many threads. */
#define SHARES 16

/* ---- What is handed out ---------------------------------------------------------------------- */

static uint64_t load_handed(const struct limit_instance *instance)
{
    return atomic_load_explicit(&instance->handed, memory_order_relaxed);
}

/* How much may be handed out yet. */
static uint64_t room_in(const struct limit_instance *instance, uint64_t word)
{
    uint64_t bound = word & LIMIT_TOLD ? instance->bytes : instance->soft;

    return word / 2 < bound ? bound - word / 2 : 0;
}

/* Who moves bytes between a part and the shared word, and so has some in hand, says so before and
 * after: acquire-release, and release. Who has found no bytes in a part, by acquire, sees that
 * another one took them, or that they are back. */
static void begin_moving(struct limit_instance *instance)
{
    atomic_fetch_add_explicit(&instance->moving, 1, memory_order_acq_rel);
}

static void end_moving(struct limit_instance *instance)
{
    atomic_fetch_sub_explicit(&instance->moving, 1, memory_order_release);
}

/* A wrong size at dealloc, which is the caller's error, is not to make all of the rest wrong. */
static void put_back(struct limit_instance *instance, uint64_t bytes)
{
    uint64_t word = load_handed(instance);
    uint64_t left;

    do {
        left = word / 2 > bytes ? word - 2 * bytes : word & LIMIT_TOLD;
        if (left / 2 < instance->rearm)
            left &= ~(uint64_t)LIMIT_TOLD;
    } while (!atomic_compare_exchange_weak_explicit(&instance->handed, &word, left,
                                                    memory_order_release, memory_order_relaxed));
}

void dal_limit_charge_anyway_(struct limit_instance *instance, size_t size)
{
    (void)atomic_fetch_add_explicit(&instance->handed, 2 * (uint64_t)size, memory_order_acquire);
}

/* ---- What threads have reserved -------------------------------------------------------------- */

/* Near the bound or far from it; in between it stays as it is. */
static void look_how_near(struct limit_instance *instance)
{
    uint64_t room = room_in(instance, load_handed(instance));
    size_t keep = atomic_load_explicit(&instance->keep, memory_order_relaxed);

    if (keep && room < instance->near)
        atomic_store_explicit(&instance->keep, 0, memory_order_relaxed);
    else if (!keep && room >= 2 * (uint64_t)instance->near)
        atomic_store_explicit(&instance->keep, 2 * instance->grain, memory_order_relaxed);
}

static int keeps_some(const struct limit_instance *instance)
{
    return atomic_load_explicit(&instance->keep, memory_order_relaxed) != 0;
}

struct sweep {
    struct limit_instance *instance;
    int found;
};

static int take_back(void *part_, void *data)
{
    struct limit_part *part = part_;
    struct sweep *sweep = data;
    size_t bytes;

    if (!atomic_load_explicit(&part->reserved, memory_order_acquire))
        return 0;
    begin_moving(sweep->instance);
    bytes = atomic_exchange_explicit(&part->reserved, 0, memory_order_acq_rel);
    put_back(sweep->instance, bytes);
    end_moving(sweep->instance);
    sweep->found = 1;
    return 0;
}

/* Take back what all threads have reserved, also those that are gone. Returns whether there was
 * any, or some may be on its way. */
static int take_all_back(struct limit_instance *instance)
{
    struct sweep sweep = {.instance = instance};

    (void)instance->services->thread_record_visit(&instance->record, take_back, &sweep);
    /* Acquire: bytes that are on their way no more are seen to be back. */
    return sweep.found || atomic_load_explicit(&instance->moving, memory_order_acquire) > 0;
}

static int add_reserved(void *part_, void *sum)
{
    struct limit_part *part = part_;

    *(uint64_t *)sum += atomic_load_explicit(&part->reserved, memory_order_relaxed);
    return 0;
}

uint64_t dal_limit_live_(struct limit_instance *instance)
{
    uint64_t reserved = 0, handed;

    (void)instance->services->thread_record_visit(&instance->record, add_reserved, &reserved);
    handed = load_handed(instance) / 2;
    return handed > reserved ? handed - reserved : 0;
}

/* ---- Charging -------------------------------------------------------------------------------- */

/* What this thread is to have in advance, where so much would be left. */
static size_t grain_for(const struct limit_instance *instance, const struct limit_part *part,
                        uint64_t left)
{
    size_t reserved = atomic_load_explicit(&part->reserved, memory_order_relaxed);
    uint64_t grain = left / SHARES < instance->grain ? left / SHARES : instance->grain;

    return left >= instance->near && grain > reserved ? (size_t)grain - reserved : 0;
}

/* From the shared word: 1, or 0 if it has not so much. past: LIMIT_TOLD where soft is no bound. */
static int take(struct limit_instance *instance, struct limit_part *part, size_t size,
                uint64_t past)
{
    int reserves = part && keeps_some(instance);
    size_t more = 0;
    uint64_t word, room;

    if (reserves)
        begin_moving(instance);
    word = load_handed(instance);
    do {
        room = room_in(instance, word | past);
        if (size > room)
            break;
        more = reserves ? grain_for(instance, part, room - size) : 0;
    } while (!atomic_compare_exchange_weak_explicit(&instance->handed, &word,
                                                    word + 2 * ((uint64_t)size + more),
                                                    memory_order_acquire, memory_order_relaxed));
    if (size <= room && more)
        atomic_fetch_add_explicit(&part->reserved, more, memory_order_release);
    if (reserves)
        end_moving(instance);
    return size <= room;
}

static void tell(struct limit_instance *instance, uint64_t live)
{
    struct dal_limit_listener *listener;
    uint64_t before = atomic_fetch_add_explicit(&instance->crossings, 1, memory_order_relaxed);

    if (before < LINES_MAX)
        instance->services->line(
            "%s: %" PRIu64 " bytes are live, which is more than soft=%" PRIu64 "%s", instance->name,
            live, instance->soft, before == LINES_MAX - 1 ? "; more of this is only counted" : "");
    /* Acquire: what the program made ready before it gave it to us. */
    listener = atomic_load_explicit(&instance->listener, memory_order_acquire);
    if (listener)
        listener->crossed(listener, live, instance->soft);
}

/* In the child of a fork: who was moving bytes then is not there to end it. */
static void forget_movers(struct limit_instance *instance)
{
    uint64_t process = instance->services->process();

    if (atomic_exchange_explicit(&instance->process, process, memory_order_relaxed) != process)
        atomic_store_explicit(&instance->moving, 0, memory_order_relaxed);
}

/* Have so much taken back that there is room for a size: 1, though another thread may be faster to
 * use it; or 0. Twice in a row there has to be nothing to take back: a thread that had read `keep`
 * before it was 0 may have kept some after the first look. */
static int make_room(struct limit_instance *instance, size_t size, uint64_t past)
{
    int in_vain = 0;

    if (size > instance->bytes)
        return 0;
    atomic_store_explicit(&instance->keep, 0, memory_order_relaxed);
    for (int looks = 0; looks < LOOKS_MAX && in_vain < 2; looks++) {
        in_vain = take_all_back(instance) ? 0 : in_vain + 1;
        if (size <= room_in(instance, load_handed(instance) | past))
            return 1;
    }
    if (in_vain < 2)
        forget_movers(instance);
    return 0;
}

static int try_past(struct limit_instance *instance, size_t size, uint64_t past)
{
    struct limit_part *part = instance->services->thread_record_enter(&instance->record);
    int is_charged;

    do
        is_charged = (part && limit_take_own(part, size)) || take(instance, part, size, past);
    while (!is_charged && make_room(instance, size, past));
    instance->services->thread_record_leave(&instance->record, part);
    look_how_near(instance);
    return is_charged;
}

int dal_limit_try_(struct limit_instance *instance, size_t size)
{
    return try_past(instance, size, LIMIT_TOLD);
}

enum past_soft { REFUSED, CHARGED, TRY_AGAIN };

/* All that was handed out was live, and with this size too much. If that is only more than soft,
 * one thread tells of it, and the bound is another. With the charge in the same exchange: what the
 * listener gives back may have soft told of again, and this call is not to be who comes past it. */
static enum past_soft go_past_soft(struct limit_instance *instance, size_t size)
{
    uint64_t word = load_handed(instance), live;

    while (!(word & LIMIT_TOLD)) {
        if (size <= room_in(instance, word))
            return TRY_AGAIN;
        if (size > room_in(instance, word | LIMIT_TOLD))
            return make_room(instance, size, LIMIT_TOLD) ? TRY_AGAIN : REFUSED;
        if (atomic_compare_exchange_weak_explicit(&instance->handed, &word,
                                                  (word + 2 * (uint64_t)size) | LIMIT_TOLD,
                                                  memory_order_acquire, memory_order_relaxed)) {
            /* Since that look others may have reserved some, or given back. */
            live = dal_limit_live_(instance);
            tell(instance, live > instance->soft ? live : word / 2 + size);
            return CHARGED;
        }
    }
    return make_room(instance, size, LIMIT_TOLD) ? TRY_AGAIN : REFUSED;
}

int dal_limit_charge_long_(struct limit_instance *instance, size_t size)
{
    enum past_soft past = TRY_AGAIN;

    while (past == TRY_AGAIN) {
        if (try_past(instance, size, 0))
            return 1;
        past = go_past_soft(instance, size);
    }
    if (past == CHARGED)
        return 1;
    atomic_fetch_add_explicit(&instance->refusals, 1, memory_order_relaxed);
    errno = ENOMEM;
    return 0;
}

void dal_limit_look_at_soft_(struct limit_instance *instance)
{
    uint64_t word = load_handed(instance), live;

    if ((word & LIMIT_TOLD) || word / 2 <= instance->soft)
        return;
    live = dal_limit_live_(instance);
    while (live > instance->soft && !(word & LIMIT_TOLD)) {
        if (atomic_compare_exchange_weak_explicit(&instance->handed, &word, word | LIMIT_TOLD,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            tell(instance, live);
            return;
        }
    }
}

/* ---- Giving back ----------------------------------------------------------------------------- */

/* Keep as much as a thread may, or no more than a grain. */
static void keep_some(struct limit_instance *instance, struct limit_part *part, size_t size)
{
    size_t keep = 2 * instance->grain;
    size_t reserved, total, kept;

    begin_moving(instance);
    reserved = atomic_load_explicit(&part->reserved, memory_order_relaxed);
    do {
        total = reserved + size;
        kept = total <= keep ? total : instance->grain;
    } while (!atomic_compare_exchange_weak_explicit(&part->reserved, &reserved, kept,
                                                    memory_order_release, memory_order_relaxed));
    if (total > kept)
        put_back(instance, total - kept);
    end_moving(instance);
}

/* What threads have reserved may hide that soft is to be told of again. */
static void rearm(struct limit_instance *instance)
{
    if (instance->rearm && (load_handed(instance) & LIMIT_TOLD) &&
        dal_limit_live_(instance) < instance->rearm)
        (void)take_all_back(instance);
}

void dal_limit_credit_long_(struct limit_instance *instance, size_t size)
{
    struct limit_part *part;

    if (size == 0)
        return;
    part = instance->services->thread_record_enter(&instance->record);
    if (part && keeps_some(instance) && size <= instance->grain)
        keep_some(instance, part, size);
    else
        put_back(instance, size);
    instance->services->thread_record_leave(&instance->record, part);
    rearm(instance);
    look_how_near(instance);
}
