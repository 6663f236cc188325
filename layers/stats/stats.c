/* SPDX-License-Identifier: MIT */
/*
 * The layer `stats`: its slots. See stats.h for how it counts.
 *
 * A block that comes or goes is counted the short way, by adding to one word of this thread, the
 * middle way if it is large, or the long way. alloc adds before it calls where it can, so that
 * nothing has to be kept over the call but what an allocation that failed needs to take it
 * back; the other slots call first and count what came of it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dispatchalloc/version.h>

#include "stats.h"

/* ---- alloc and dealloc ----------------------------------------------------------------------- */

/* A block of this thread's counters is there, or none is to be had; what alloc made is counted if
 * it is a small one, which goes back to the short way. */
__attribute__((noinline, cold)) static void *alloc_long(size_t size, size_t align,
                                                        struct stats_instance *instance)
{
    struct stats_event event = {.operation = STATS_ALLOC, .has_new = 1, .new_size = size};
    void *ptr;

    if (dal_stats_can_go_short_(instance, size, 1))
        return dal_stats_alloc_(size, align, instance);
    ptr = dal_instance_alloc(instance->next, size, align);
    event.failed = !ptr;
    if (ptr && stats_is_block(stats_mine(instance)))
        dal_stats_count_made_(instance, size);
    else
        dal_stats_count_(instance, &event);
    return ptr;
}

__attribute__((noinline, cold)) static void *alloc_failed(struct stats_instance *instance,
                                                          size_t size)
{
    dal_stats_count_failed_alloc_(instance, size);
    return NULL;
}

/* What is needed after a call lies on the stack where it is much, which takes less than to have
 * registers saved for it: the compiler takes a variable for changed that is kept so. */
#define KEEP(variable) __asm__("" : "+m"(variable))

/* One that is counted after the call, lest other threads take it for a peak and it fails. */
DAL_ATTRIBUTE_((always_inline))
static inline void *call_and_count_huge(size_t size, size_t align, struct stats_instance *instance,
                                        _Atomic(uint32_t) *recent, const struct dal_instance *next,
                                        struct stats_counters *counters)
{
    void *ptr;

    KEEP(size);
    KEEP(instance);
    KEEP(recent);
    KEEP(counters);
    ptr = dal_instance_alloc(next, size, align);
    if (DAL_UNLIKELY_(!ptr))
        dal_stats_count_failed_(instance, STATS_ALLOC);
    else
        stats_count_huge_made(instance, counters, recent, size);
    return ptr;
}

__attribute__((noinline)) static void *alloc_huge(size_t size, size_t align,
                                                  struct stats_instance *instance, size_t index,
                                                  const struct dal_instance *next,
                                                  struct stats_counters *counters)
{
    _Atomic(uint32_t) *recent = &counters->recent_made[index];

    if (!stats_is_huge(recent, size))
        return alloc_long(size, align, instance);
    return call_and_count_huge(size, align, instance, recent, next, counters);
}

DAL_ATTRIBUTE_((always_inline))
static inline void *call_and_keep(size_t size, size_t align, struct stats_instance *instance,
                                  const struct dal_instance *next)
{
    size_t kept_size = size;
    void *ptr;

    KEEP(kept_size);
    KEEP(instance);
    ptr = dal_instance_alloc(next, size, align);
    if (DAL_UNLIKELY_(!ptr))
        return alloc_failed(instance, kept_size);
    return ptr;
}

/* Its parameters are in the registers where count_and_alloc() has them. */
__attribute__((noinline)) static void *alloc_large(size_t size, size_t align,
                                                   struct stats_instance *instance, size_t index,
                                                   const struct dal_instance *next,
                                                   struct stats_counters *counters)
{
    if (!stats_count_middle(counters, &counters->recent_made[index], size, 1))
        return alloc_huge(size, align, instance, index, next, counters);
    return call_and_keep(size, align, instance, next);
}

/* is_natural is a constant: it says which slot of the next allocator is called. */
DAL_ATTRIBUTE_((always_inline))
static inline void *count_and_alloc(size_t size, size_t align, struct stats_instance *instance,
                                    struct stats_counters *counters, int is_natural)
{
    const struct dal_instance *next = instance->next;
    size_t index = stats_class_of(size);
    uintptr_t kept;
    void *ptr;

    if (!stats_count_short(&counters->recent_made[index], size))
        return alloc_large(size, align, instance, index, next, counters);
    /* Instance and size in one word, hence one register to save: the one starts a page, and
     * the other has no more than 12 bits on the short way. The empty statement keeps the
     * compiler from saving both after all and adding them later. */
    kept = (uintptr_t)instance + size;
    __asm__("" : "+r"(kept));
    ptr = is_natural ? next->alloc_natural.call(size, align, next->alloc_natural.ctx)
                     : dal_instance_alloc(next, size, align);
    if (DAL_UNLIKELY_(!ptr))
        return alloc_failed((struct stats_instance *)(kept - kept % STATS_RECENT_BYTES),
                            kept % STATS_RECENT_BYTES);
    return ptr;
}

void *dal_stats_alloc_(size_t size, size_t align, void *ctx)
{
    return count_and_alloc(size, align, ctx, stats_mine(ctx), 0);
}

static void *stats_alloc_natural(size_t size, size_t align, void *ctx)
{
    return count_and_alloc(size, align, ctx, stats_mine(ctx), 1);
}

__attribute__((noinline, cold)) static void dealloc_long(void *ptr, size_t size, size_t align,
                                                         struct stats_instance *instance)
{
    struct stats_event event = {.operation = STATS_DEALLOC, .has_old = 1, .old_size = size};

    if (stats_is_block(stats_mine(instance)))
        dal_stats_count_given_(instance, size);
    else
        dal_stats_count_(instance, &event);
    dal_instance_dealloc(instance->next, ptr, size, align);
}

/* Counts first, since afterwards another thread may have the block, and then jumps. */
static void stats_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    struct stats_instance *instance = ctx;
    struct stats_counters *counters = stats_mine(instance);

    if (DAL_LIKELY_(ptr) && !stats_count_given(instance, counters, size)) {
        dealloc_long(ptr, size, align, instance);
        return;
    }
    dal_instance_dealloc(instance->next, ptr, size, align);
}

/* ---- The other slots ------------------------------------------------------------------------- */

/* NULL of a call that failed, which is counted. */
__attribute__((noinline, cold)) static void *failed(struct stats_instance *instance,
                                                    enum stats_operation operation)
{
    dal_stats_count_failed_(instance, operation);
    return NULL;
}

static void *stats_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    struct stats_instance *instance = ctx;
    void *ptr = dal_instance_alloc_zeroed(instance->next, size, align);

    if (DAL_UNLIKELY_(!ptr))
        return failed(instance, STATS_ALLOC_ZEROED);
    stats_count_call(instance, STATS_ALLOC_ZEROED, 0, 0, size);
    return ptr;
}

static void *stats_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    struct stats_instance *instance = ctx;
    int had_block = ptr != NULL;
    void *moved = dal_instance_realloc(instance->next, ptr, old_size, align, new_size);

    if (DAL_UNLIKELY_(!moved))
        return failed(instance, STATS_REALLOC);
    stats_count_call(instance, STATS_REALLOC, had_block, old_size, new_size);
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
        if (DAL_UNLIKELY_(!moved))                                                                \
            return failed(instance, operation);                                                   \
        stats_count_call(instance, operation, had_block, old_size, new_size);                     \
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

    if (error)
        dal_stats_count_failed_(instance, STATS_RESIZE_IN_PLACE);
    else
        stats_count_call(instance, STATS_RESIZE_IN_PLACE, ptr != NULL, old_size, new_size);
    return error;
}

/* ---- With lifetimes=on ----------------------------------------------------------------------- */

__attribute__((noinline, cold)) static void *alloc_and_follow(size_t size, size_t align,
                                                              struct stats_instance *instance)
{
    void *ptr = dal_stats_alloc_(size, align, instance);

    dal_stats_life_begins_(instance, ptr);
    return ptr;
}

void *dal_stats_alloc_followed_(size_t size, size_t align, void *ctx)
{
    struct stats_counters *counters = stats_mine(ctx);

    if (stats_is_to_follow(counters))
        return alloc_and_follow(size, align, ctx);
    return count_and_alloc(size, align, ctx, counters, 0);
}

static void *alloc_natural_followed(size_t size, size_t align, void *ctx)
{
    struct stats_counters *counters = stats_mine(ctx);

    if (stats_is_to_follow(counters))
        return alloc_and_follow(size, align, ctx);
    return count_and_alloc(size, align, ctx, counters, 1);
}

static void *alloc_zeroed_followed(size_t size, size_t align, void *ctx)
{
    int is_to_follow = stats_is_to_follow(stats_mine(ctx));
    void *ptr = stats_alloc_zeroed(size, align, ctx);

    if (is_to_follow)
        dal_stats_life_begins_(ctx, ptr);
    return ptr;
}

__attribute__((noinline, cold)) static void end_and_dealloc(void *ptr, size_t size, size_t align,
                                                            void *ctx)
{
    dal_stats_life_ends_(ctx, ptr);
    stats_dealloc(ptr, size, align, ctx);
}

static void dealloc_followed(void *ptr, size_t size, size_t align, void *ctx)
{
    if (DAL_UNLIKELY_(stats_is_followed(ctx, ptr)))
        end_and_dealloc(ptr, size, align, ctx);
    else
        stats_dealloc(ptr, size, align, ctx);
}

/* A block that is resized lives on, wherever it goes; one that stays where it is needs nothing. */
#define FOLLOW_RESIZED(slot, parameters, arguments)                                         \
    static void *slot##_followed parameters                                                 \
    {                                                                                       \
        uint64_t born = stats_is_followed(ctx, ptr) ? dal_stats_life_leaves_(ctx, ptr) : 0; \
        void *moved = stats_##slot arguments;                                               \
                                                                                            \
        if (DAL_UNLIKELY_(born))                                                            \
            dal_stats_life_goes_on_(ctx, moved ? moved : ptr, born);                        \
        else if (!ptr && stats_is_to_follow(stats_mine(ctx)))                               \
            dal_stats_life_begins_(ctx, moved);                                             \
        return moved;                                                                       \
    }

FOLLOW_RESIZED(realloc, (void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx),
               (ptr, old_size, align, new_size, ctx))

#define FOLLOW_RELAYOUT(slot)                                                      \
    FOLLOW_RESIZED(slot,                                                           \
                   (void *ptr, size_t old_size, size_t old_align, size_t new_size, \
                    size_t new_align, void *ctx),                                  \
                   (ptr, old_size, old_align, new_size, new_align, ctx))

FOLLOW_RELAYOUT(grow)
FOLLOW_RELAYOUT(grow_zeroed)
FOLLOW_RELAYOUT(shrink)

static void give_slots_that_follow(struct dal_allocator *allocator)
{
    allocator->alloc = dal_stats_alloc_followed_;
    allocator->alloc_natural = alloc_natural_followed;
    allocator->dealloc = dealloc_followed;
    allocator->alloc_zeroed = alloc_zeroed_followed;
    allocator->realloc = realloc_followed;
    allocator->grow = grow_followed;
    allocator->grow_zeroed = grow_zeroed_followed;
    allocator->shrink = shrink_followed;
}

/* ---- Making one ------------------------------------------------------------------------------ */

static const char *text_of(const struct dal_backend_request *request, const char *key)
{
    const struct dal_option_value *value = request->find(request, key);

    return value->text ? value->text : "";
}

enum sharing { NOT_SHARED, SHARED, SHARED_NOWHERE, FILE_IS_DIRECTORY };

/* Whether, and where, by the words of a switch or a directory. */
static enum sharing take_share(const char *share, char *path, size_t bytes)
{
    static const char *const words[] = {"off", "on", "no", "yes", "false", "true", "0", "1"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(share, words[i]) == 0)
            return i % 2 ? SHARED : NOT_SHARED;
    }
    (void)snprintf(path, bytes, share[strlen(share) - 1] == '/' ? "%s" : "%s/", share);
    return strchr(share, '/') ? SHARED : SHARED_NOWHERE;
}

/* But for share=, and a directory as file=, all that can be wrong with them is found by the table,
 * before anything of the spec is started. */
static enum sharing take_options(const struct dal_backend_request *request,
                                 struct stats_instance *instance)
{
    const char *file = text_of(request, "file");

    instance->print = layer_number(request, "print") != 0;
    instance->prints_to_file = *file != '\0';
    (void)snprintf(instance->own.label, sizeof instance->own.label, "%s",
                   text_of(request, "label"));
    (void)snprintf(instance->own.name, sizeof instance->own.name, "stats+%s", request->child->name);
    if (!*file)
        return take_share(text_of(request, "share"), instance->path, sizeof instance->path);
    (void)snprintf(instance->path, sizeof instance->path, "%s", file);
    return file[strlen(file) - 1] == '/' ? FILE_IS_DIRECTORY : SHARED;
}

static void give_slots(struct dal_allocator *allocator)
{
    const struct stats_instance *instance = allocator->ctx;

    allocator->alloc = dal_stats_alloc_;
    allocator->alloc_natural = stats_alloc_natural;
    allocator->dealloc = stats_dealloc;
    allocator->alloc_zeroed = stats_alloc_zeroed;
    allocator->realloc = stats_realloc;
    allocator->grow = stats_grow;
    allocator->grow_zeroed = stats_grow_zeroed;
    allocator->shrink = stats_shrink;
    allocator->resize_in_place = stats_resize_in_place;
    if (instance->lives)
        give_slots_that_follow(allocator);
    if (instance->file) {
        allocator->fork_prepare = dal_stats_fork_prepare_;
        allocator->fork_parent = dal_stats_fork_parent_;
        allocator->fork_child = dal_stats_fork_child_;
    }
}

static int start(const struct dal_backend_request *request, void *ctx)
{
    struct stats_instance *instance = ctx;
    int error = request->services->thread_record_open(
        &instance->record, sizeof(struct stats_counters), dal_stats_fill_);
    enum sharing sharing;

    if (error)
        return request->fail(request, DAL_ERR_MEMORY,
                             "there is no memory for its counters, or "
                             "the system has no key left to tell when a thread ends");
    instance->services = request->services;
    instance->next = request->child;
    instance->calls = request->calls;
    instance->shared = &instance->own;
    sharing = take_options(request, instance);
    if (sharing == SHARED_NOWHERE)
        error = request->fail(request, DAL_ERR_OPTION,
                              "option \"share\" cannot be \"%s\"; accepted is on, off, or a "
                              "directory with a '/' in it",
                              text_of(request, "share"));
    else if (sharing == FILE_IS_DIRECTORY)
        error = request->fail(request, DAL_ERR_OPTION,
                              "option \"file\" cannot be \"%s\", which is a directory; accepted is "
                              "the path of a file (share=%s counts in one for each process there)",
                              text_of(request, "file"), text_of(request, "file"));
    else if ((layer_number(request, "lifetimes") && !dal_stats_lives_open_(instance)) ||
             (sharing == SHARED && !dal_stats_file_prepare_(instance)))
        error = request->fail(request, DAL_ERR_MEMORY, "there is no memory for its counters");
    if (error) {
        dal_stats_lives_close_(instance);
        request->services->thread_record_close(&instance->record);
    }
    return error;
}

/* What is live when an instance ends is lost, or the allocator's way to give it back at once: who
 * makes many of those has seen it soon. */
static void tell_what_is_live(struct stats_instance *instance)
{
    enum { LINES = 10 };
    static _Atomic(unsigned) told;
    struct stats_sum sum;

    dal_stats_sum_(instance, &sum);
    if (sum.totals.live_blocks && atomic_load_explicit(&told, memory_order_relaxed) < LINES &&
        atomic_fetch_add_explicit(&told, 1, memory_order_relaxed) < LINES)
        instance->services->line(
            STATS_TITLE " ends with live blocks: %" PRIu64 ", of %" PRIu64 " bytes",
            STATS_TITLE_OF(instance->shared), sum.totals.live_blocks, sum.totals.live_bytes);
}

static void finish(void *ctx)
{
    struct stats_instance *instance = ctx;

    if (instance->print)
        tell_what_is_live(instance);
    if (instance->print && instance->prints_to_file)
        dal_stats_print_(instance);
}

static void unmake(void *ctx)
{
    struct stats_instance *instance = ctx;

    instance->services->thread_record_close(&instance->record);
    dal_stats_file_close_(instance);
    dal_stats_lives_close_(instance);
}

#define LAYER_WITH(family_)                                                                        \
    {                                                                                              \
        .name = "stats", .needs = "counters", .instances = &dal_stats_instances_,                  \
        .instance_bytes = sizeof(struct stats_instance), .start = start, .give_slots = give_slots, \
        .family = &(family_), .finish = finish, .unmake = unmake                                   \
    }

static const struct layer layer = LAYER_WITH(dal_stats_family_);
static const struct layer following_layer = LAYER_WITH(dal_stats_following_family_);

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    return dal_layer_create_(layer_number(request, "lifetimes") ? &following_layer : &layer,
                             request, allocator);
}

static const struct dal_option options[] = {
    {.name = "print",
     .type = DAL_OPTION_SWITCH,
     .default_text = "on",
     .summary = "print the counts when the process ends by exit or by return from main"},
    {.name = "file",
     .type = DAL_OPTION_TEXT,
     .minimum = 1,
     .maximum = DAL_FILE_PATH_MAX - 1,
     .summary = "count in this file and print there; %p is the process id, %% is %"},
    {.name = "share",
     .type = DAL_OPTION_TEXT,
     .minimum = 1,
     .maximum = DAL_FILE_PATH_MAX - 2,
     .default_text = "off",
     .summary = "count in a file for dispatchalloc status: on, off, or a directory (DIR/)"},
    {.name = "label",
     .type = DAL_OPTION_TEXT,
     .minimum = 1,
     .maximum = STATS_LABEL_BYTES - 1,
     .summary = "what reports call this instance"},
    {.name = "lifetimes",
     .type = DAL_OPTION_SWITCH,
     .default_text = "off",
     .summary = "count how long blocks live, of one in 128"},
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
    .destroy = dal_layer_destroy_,
};
