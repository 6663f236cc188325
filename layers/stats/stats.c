/* SPDX-License-Identifier: MIT */
/*
 * The layer `stats`: its slots. See stats.h for how it counts.
 *
 * alloc and dealloc have a short way, which adds to one word of this thread; everything else
 * goes the long way, which calls first and counts what came of it. The short way of alloc
 * adds before it calls, so that nothing has to be kept over the call but what an allocation
 * that failed needs to take it back.
 */
#include <stdio.h>

#include <dispatchalloc/version.h>

#include "stats.h"

/* ---- alloc and dealloc ----------------------------------------------------------------------- */

__attribute__((noinline, cold)) static void *alloc_long(size_t size, size_t align,
                                                        struct stats_instance *instance)
{
    struct stats_event event = {.operation = STATS_ALLOC, .has_new = 1, .new_size = size};
    void *ptr;

    if (dal_stats_can_go_short_(instance, size, 1))
        return dal_stats_alloc_(size, align, instance);
    ptr = dal_instance_alloc(instance->next, size, align);
    event.failed = !ptr;
    dal_stats_count_(instance, &event);
    return ptr;
}

__attribute__((noinline, cold)) static void *alloc_failed(uintptr_t kept)
{
    size_t size = kept % STATS_RECENT_BYTES;

    dal_stats_count_failed_alloc_((struct stats_instance *)(kept - size), size);
    return NULL;
}

/* is_natural is a constant: it says which slot of the next allocator is called. */
DAL_ATTRIBUTE_((always_inline))
static inline void *count_and_alloc(size_t size, size_t align, struct stats_instance *instance,
                                    int is_natural)
{
    const struct dal_instance *next = instance->next;
    uintptr_t kept;
    void *ptr;

    if (!stats_count_short(stats_mine(instance)->recent_made, size))
        return alloc_long(size, align, instance);
    /* Instance and size in one word, hence one register to save: the one starts a page, and
     * the other has no more than 12 bits on the short way. The empty statement keeps the
     * compiler from saving both after all and adding them later. */
    kept = (uintptr_t)instance + size;
    __asm__("" : "+r"(kept));
    ptr = is_natural ? next->alloc_natural.call(size, align, next->alloc_natural.ctx)
                     : dal_instance_alloc(next, size, align);
    if (DAL_UNLIKELY_(!ptr))
        return alloc_failed(kept);
    return ptr;
}

void *dal_stats_alloc_(size_t size, size_t align, void *ctx)
{
    return count_and_alloc(size, align, ctx, 0);
}

static void *stats_alloc_natural(size_t size, size_t align, void *ctx)
{
    return count_and_alloc(size, align, ctx, 1);
}

static void stats_dealloc(void *ptr, size_t size, size_t align, void *ctx);

__attribute__((noinline, cold)) static void dealloc_long(void *ptr, size_t size, size_t align,
                                                         struct stats_instance *instance)
{
    struct stats_event event = {.operation = STATS_DEALLOC, .has_old = 1, .old_size = size};

    if (dal_stats_can_go_short_(instance, size, 0)) {
        stats_dealloc(ptr, size, align, instance);
        return;
    }
    dal_stats_count_(instance, &event);
    dal_instance_dealloc(instance->next, ptr, size, align);
}

/* Counts first, since afterwards another thread may have the block, and then jumps. */
static void stats_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    struct stats_instance *instance = ctx;

    if (DAL_LIKELY_(ptr) && !stats_count_short(stats_mine(instance)->recent_given, size)) {
        dealloc_long(ptr, size, align, instance);
        return;
    }
    dal_instance_dealloc(instance->next, ptr, size, align);
}

/* ---- The other slots ------------------------------------------------------------------------- */

static void *stats_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    struct stats_instance *instance = ctx;
    void *ptr = dal_instance_alloc_zeroed(instance->next, size, align);
    struct stats_event event = {
        .operation = STATS_ALLOC_ZEROED,
        .failed = !ptr,
        .has_new = 1,
        .new_size = size,
    };

    dal_stats_count_(instance, &event);
    return ptr;
}

static void count_resize(struct stats_instance *instance, enum stats_operation operation,
                         int failed, int had_block, size_t old_size, size_t new_size)
{
    struct stats_event event = {
        .operation = operation,
        .failed = failed,
        .has_old = had_block,
        .old_size = old_size,
        .has_new = 1,
        .new_size = new_size,
    };

    dal_stats_count_(instance, &event);
}

static void *stats_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    struct stats_instance *instance = ctx;
    int had_block = ptr != NULL;
    void *moved = dal_instance_realloc(instance->next, ptr, old_size, align, new_size);

    count_resize(instance, STATS_REALLOC, !moved, had_block, old_size, new_size);
    return moved;
}

/* grow, grow_zeroed and shrink are one function but for the slot that they call. */
#define RELAYOUT(slot, operation)                                                                 \
    static void *stats_##slot(void *ptr, size_t old_size, size_t old_align, size_t new_size,      \
                              size_t new_align, void *ctx)                                        \
    {                                                                                             \
        struct stats_instance *instance = ctx;                                                    \
        int had_block = ptr != NULL;                                                              \
        void *moved =                                                                             \
            instance->calls->slot(instance->next, ptr, old_size, old_align, new_size, new_align); \
                                                                                                  \
        count_resize(instance, operation, !moved, had_block, old_size, new_size);                 \
        return moved;                                                                             \
    }

RELAYOUT(grow, STATS_GROW)
RELAYOUT(grow_zeroed, STATS_GROW_ZEROED)
RELAYOUT(shrink, STATS_SHRINK)

static int stats_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                 void *ctx)
{
    struct stats_instance *instance = ctx;
    int error = instance->calls->resize_in_place(instance->next, ptr, old_size, align, new_size);

    count_resize(instance, STATS_RESIZE_IN_PLACE, error != 0, ptr != NULL, old_size, new_size);
    return error;
}

/* ---- Making one ------------------------------------------------------------------------------ */

/* All that can be wrong with them is found by the table, before anything of the spec is started. */
static void take_options(const struct dal_backend_request *request, struct stats_instance *instance)
{
    const struct dal_option_value *file = request->find(request, "file");
    const struct dal_option_value *signal = request->find(request, "signal");

    instance->print = request->find(request, "print")->number != 0;
    (void)snprintf(instance->file, sizeof instance->file, "%s", file->text ? file->text : "");
    instance->signal = signal->text ? dal_stats_signal_(signal->number) : 0;
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    struct stats_instance *instance = dal_stats_enlist_(request->services);
    const char *refusal;

    if (!instance)
        return request->fail(request, DAL_ERR_MEMORY,
                             "there is no memory for its counters, or "
                             "the system has no key left to tell when a thread ends");
    take_options(request, instance);
    instance->next = request->child;
    instance->calls = request->calls;
    (void)snprintf(instance->name, sizeof instance->name, "stats+%s", request->child->name);
    /* From here on the instance may print. Pairs with the acquire in report.c. */
    atomic_store_explicit(&instance->state, STATS_LIVE, memory_order_release);
    refusal = instance->signal ? dal_stats_signal_on_(instance->signal) : NULL;
    if (refusal)
        request->services->line("stats: nothing is printed on signal %s: %s",
                                request->find(request, "signal")->text, refusal);

    allocator->ctx = instance;
    allocator->alloc = dal_stats_alloc_;
    allocator->alloc_natural = stats_alloc_natural;
    allocator->dealloc = stats_dealloc;
    allocator->alloc_zeroed = stats_alloc_zeroed;
    allocator->realloc = stats_realloc;
    allocator->grow = stats_grow;
    allocator->grow_zeroed = stats_grow_zeroed;
    allocator->shrink = stats_shrink;
    allocator->resize_in_place = stats_resize_in_place;
    if (request->child_family)
        dal_stats_family_give_(instance, request->child_family, allocator);
    return DAL_OK;
}

static void destroy(void *ctx)
{
    struct stats_instance *instance = ctx;
    int signal = instance->signal;

    atomic_store_explicit(&instance->state, STATS_TAKEN, memory_order_release);
    if (signal && !dal_stats_wants_signal_(signal))
        dal_stats_signal_off_(signal);
    dal_stats_delist_(instance);
}

static const struct dal_option options[] = {
    {.name = "print",
     .type = DAL_OPTION_SWITCH,
     .default_text = "on",
     .summary = "print the counts when the process ends by exit or by return from main"},
    {.name = "file",
     .type = DAL_OPTION_TEXT,
     .minimum = 1,
     .maximum = STATS_FILE_BYTES - 1,
     .summary = "print to this file instead of standard error; %p is the process id, %% is %"},
    {.name = "signal",
     .type = DAL_OPTION_CHOICE,
     .choices = STATS_SIGNALS,
     .summary = "print on this signal as well"},
};

extern const struct dal_backend dal_backend_stats_;

const struct dal_backend dal_backend_stats_ = {
    DAL_BACKEND_HEADER,
    .name = "stats",
    .version = DAL_VERSION_STRING,
    .summary = "counts calls, live and peak bytes and blocks, failures and sizes",
    .flags = DAL_BACKEND_LAYER,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .create = create,
    .destroy = destroy,
};
