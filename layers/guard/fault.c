/* SPDX-License-Identifier: MIT */
/*
 * Saying what is wrong: a report with the stacks of the access or call, of the allocation and of
 * the release, in the words of the layer `debug`. errno stays as it is.
 *
 * What is said of an access is said in the handler of a signal, which may interrupt anything and
 * may have a small stack: by services that are fit for that.
 */
#include <errno.h>
#include <inttypes.h>

#include "../report.h"
#include "guard.h"

/* Of a program that goes on after each of them. */
enum { REPORTS_MAX = 100 };

/* Frames of an access or a call that is told of: more than is kept of each. */
enum { FRAMES_OF_REPORT = 16 };

/* Count a fault, and whether it is to be told of. */
static int begin(struct guard_instance *instance, struct layer_report *report, int in_handler)
{
    static _Atomic(unsigned) report_count;
    unsigned before = atomic_fetch_add_explicit(&report_count, 1, memory_order_relaxed);
    const struct dal_services *services = instance->services;

    GUARD_COUNT(instance, faults);
    if (before == REPORTS_MAX)
        services->line("guard[%" PRIu64 "]: %d reports were written; further faults are only "
                       "counted",
                       services->process(), REPORTS_MAX);
    if (before >= REPORTS_MAX)
        return 0;
    if (dal_layer_report_begin_(report, services, "guard", in_handler))
        return 1;
    services->line("guard[%" PRIu64 "]: a fault at a guarded block, and no memory to tell more",
                   services->process());
    return 0;
}

static unsigned frames_of_report(const struct guard_instance *instance)
{
    size_t frames = instance->pool.frames;

    return (unsigned)(frames > FRAMES_OF_REPORT ? frames : FRAMES_OF_REPORT);
}

/* index: a slot, or GUARD_SLOTS_MAX. */
static void end(struct layer_report *report, const struct guard_pool *pool, size_t index)
{
    const struct guard_slot *slot = index == GUARD_SLOTS_MAX ? NULL : &pool->slots[index];

    if (slot) {
        dal_layer_report_put_(report, "  allocated by:\n");
        dal_layer_report_put_places_(report, guard_made(pool, index), slot->made_count);
    }
    if (slot && slot->ended_count) {
        dal_layer_report_put_(report, "  released by:\n");
        dal_layer_report_put_places_(report, guard_ended(pool, index), slot->ended_count);
    }
    dal_layer_report_end_(report);
}

/* ---- An access ------------------------------------------------------------------------------- */

static uint32_t state_of(const struct guard_pool *pool, size_t index)
{
    return atomic_load_explicit(&pool->slots[index].state, memory_order_acquire);
}

/* How far an address is from a block: 0 in it. */
static size_t distance_to(const struct guard_pool *pool, size_t index, uintptr_t address)
{
    uintptr_t block = guard_block_of(pool, index), block_end = block + pool->slots[index].size;

    return address < block ? block - address : address < block_end ? 0 : address - block_end + 1;
}

/* A live block before a released one, the nearer before the other. */
static size_t nearer_of(const struct guard_pool *pool, size_t left, size_t right, uintptr_t address)
{
    int left_is_live = state_of(pool, left) == GUARD_LIVE;

    if (left_is_live != (state_of(pool, right) == GUARD_LIVE))
        return left_is_live ? left : right;
    return distance_to(pool, left, address) <= distance_to(pool, right, address) ? left : right;
}

/* The slot whose block an access was meant for, or GUARD_SLOTS_MAX. */
static size_t meant(const struct guard_pool *pool, uintptr_t address)
{
    size_t index = dal_guard_slot_at_(pool, address);
    size_t right = (address - pool->start) / pool->page_bytes / 2, left = right - 1;

    if (index == GUARD_SLOTS_MAX) {
        int has_left = right > 0 && state_of(pool, left) != GUARD_UNUSED;
        int has_right = right < pool->slot_count && state_of(pool, right) != GUARD_UNUSED;

        index = has_left && has_right ? nearer_of(pool, left, right, address)
                : has_left            ? left
                : has_right           ? right
                                      : GUARD_SLOTS_MAX;
    }
    return index != GUARD_SLOTS_MAX && state_of(pool, index) == GUARD_UNUSED ? GUARD_SLOTS_MAX
                                                                             : index;
}

/* "write 8 bytes behind the end of a block of 24 bytes at 0x7f00". */
static void put_access(struct layer_report *report, const struct guard_pool *pool, size_t index,
                       const struct guard_access *access)
{
    uintptr_t block = guard_block_of(pool, index), address = access->address;
    size_t size = pool->slots[index].size;
    int is_released = state_of(pool, index) != GUARD_LIVE;

    dal_layer_report_put_(report, "%s: %s%s ", access->how,
                          is_released ? "use after release: " : "", access->what);
    if (address < block)
        dal_layer_report_put_(report, "%zu bytes before the beginning", (size_t)(block - address));
    else if (address >= block + size)
        dal_layer_report_put_(report, "%zu bytes behind the end", (size_t)(address - block - size));
    else
        dal_layer_report_put_(report, "%zu bytes from the beginning", (size_t)(address - block));
    dal_layer_report_put_(report, " of a block of %zu bytes at 0x%" PRIxPTR "%s\n", size, block,
                          is_released ? ", which was given back" : "");
}

static uint64_t mix(uint64_t key, uint64_t word)
{
    key = (key ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return key ^ key >> 32;
}

/*
 * Whether the last access that was told of in this thread comes again: a handler that returns has
 * the instruction done once more, mostly for the default action to end the process. It is another
 * one if the slot has had another block since. A word has all of it, so that there are no halves;
 * threads that share one have it told twice at worst. Relaxed: it depends on nothing else.
 */
static int comes_again(const struct guard_instance *instance, size_t index,
                       const struct guard_access *access)
{
    enum { THREADS = 64 };
    static _Atomic(uint64_t) last[THREADS];
    const void *place = NULL;
    uint64_t key = mix(1, (uintptr_t)&errno); /* a thread's own */
    _Atomic(uint64_t) *of_thread = &last[key % THREADS];

    /* Where it is not known nothing says that it is the same. */
    if (instance->services->stack_places_at(access->context, &place, 1) == 0)
        return 0;
    key = mix(mix(key, access->address), (uintptr_t)place);
    if (index != GUARD_SLOTS_MAX)
        key = mix(key, instance->pool.slots[index].count);
    return atomic_exchange_explicit(of_thread, key, memory_order_relaxed) == key;
}

static void tell_access(struct guard_instance *instance, const struct guard_access *access)
{
    const struct guard_pool *pool = &instance->pool;
    size_t index = meant(pool, access->address);
    struct layer_report report;

    if (comes_again(instance, index, access) || !begin(instance, &report, 1))
        return;
    if (index == GUARD_SLOTS_MAX)
        dal_layer_report_put_(&report, "%s: %s at 0x%" PRIxPTR ", where no block was\n",
                              access->how, access->what, access->address);
    else
        put_access(&report, pool, index, access);
    dal_layer_report_put_interrupted_(&report, access->context, frames_of_report(instance));
    end(&report, pool, index);
}

void dal_guard_fault_access_(const struct guard_access *access)
{
    struct layer_instance *listed = dal_layer_newest_(&dal_guard_instances_);
    int is_found = 0;

    /* Another thread may be about to destroy one. */
    for (; listed && !is_found; listed = dal_layer_older_(listed)) {
        struct guard_instance *instance = (struct guard_instance *)listed;

        if (!dal_layer_enter_(listed))
            continue;
        is_found = guard_pool_has(&instance->pool, access->address);
        if (is_found)
            tell_access(instance, access);
        dal_layer_leave_(listed);
    }
}

/* ---- A call ---------------------------------------------------------------------------------- */

static void put_call(struct layer_report *report, const struct guard_instance *instance,
                     const void *site)
{
    dal_layer_report_put_stack_(
        report, instance->services->stack_capture(site, frames_of_report(instance)));
}

void dal_guard_fault_pointer_(struct guard_instance *instance, const void *ptr, const char *name,
                              const void *site)
{
    const struct guard_pool *pool = &instance->pool;
    size_t index = meant(pool, (uintptr_t)ptr);
    const struct guard_slot *slot = index == GUARD_SLOTS_MAX ? NULL : &pool->slots[index];
    struct layer_report report;

    if (!begin(instance, &report, 0))
        return;
    dal_layer_report_put_(&report, "%s(%p): ", name, ptr);
    if (!slot) {
        dal_layer_report_put_(&report, "no block that was given out here");
    } else {
        ptrdiff_t offset = (ptrdiff_t)((uintptr_t)ptr - guard_block_of(pool, index));
        int is_released = state_of(pool, index) != GUARD_LIVE;

        if (offset != 0)
            dal_layer_report_put_(&report, "at %td of ", offset);
        dal_layer_report_put_(&report, "a %sblock of %" PRIu32 " bytes%s",
                              is_released ? "" : "live ", slot->size,
                              is_released ? " that was given back already" : "");
    }
    dal_layer_report_put_(&report, "; it is left alone\n");
    put_call(&report, instance, site);
    end(&report, pool, index);
}

void dal_guard_fault_change_(struct guard_instance *instance, size_t index,
                             const struct pattern_change *change, const char *name,
                             const void *site)
{
    const struct guard_slot *slot = &instance->pool.slots[index];
    int is_front = change->offset < 0;
    struct layer_report report;

    if (!begin(instance, &report, 0))
        return;
    dal_layer_report_put_(&report,
                          "%s(0x%" PRIxPTR "): a block of %" PRIu32
                          " bytes was written to %s: %zu byte%s changed, the %s at %td (0x%02x), "
                          "found at release\n",
                          name, guard_block_of(&instance->pool, index), slot->size,
                          is_front ? "in front of its beginning" : "behind its end", change->count,
                          change->count == 1 ? "" : "s", is_front ? "nearest" : "first",
                          change->offset, change->found);
    put_call(&report, instance, site);
    end(&report, &instance->pool, index);
}

/* ---- Before any ------------------------------------------------------------------------------ */

void dal_guard_fault_prepare_(const struct dal_services *services)
{
    struct layer_report report;

    if (!dal_layer_report_begin_(&report, services, "guard", 1))
        return;
    dal_layer_report_put_stack_(&report, 0);
    report.length = 0;
    dal_layer_report_end_(&report);
}
