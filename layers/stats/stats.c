/* SPDX-License-Identifier: MIT */
/*
 * The layer `stats`: its slots. See stats.h for how it counts.
 *
 * alloc and dealloc have a short way, which adds to one word of this thread; everything else
 * goes the long way, which calls first and counts what came of it. The short way of alloc
 * adds before it calls, so that nothing has to be kept over the call but what an allocation
 * that failed needs to take it back.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

    instance->print = request->find(request, "print")->number != 0;
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
    else if (sharing == SHARED && !dal_stats_file_prepare_(instance))
        error = request->fail(request, DAL_ERR_MEMORY, "there is no memory for its counters");
    if (error)
        request->services->thread_record_close(&instance->record);
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
}

static const struct layer layer = {
    .name = "stats",
    .needs = "counters",
    .instances = &dal_stats_instances_,
    .instance_bytes = sizeof(struct stats_instance),
    .start = start,
    .give_slots = give_slots,
    .family = &dal_stats_family_,
    .finish = finish,
    .unmake = unmake,
};

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    return dal_layer_create_(&layer, request, allocator);
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
