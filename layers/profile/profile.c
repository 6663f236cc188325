/* SPDX-License-Identifier: MIT */
/*
 * The layer `profile`: its slots. See profile.h.
 *
 * A thread's clock is a word of thread-local storage, which is the quickest that there is, and of
 * which there is one: for the instance that serves the process. Others have their clocks in the
 * thread's part, at three instructions more.
 */
#include <stdio.h>
#include <string.h>

#include <dispatchalloc/global.h>
#include <dispatchalloc/version.h>

#include "profile.h"

struct layer_instances dal_profile_instances_;

#define SITE __builtin_return_address(0)

_Thread_local uint32_t dal_profile_clock_;

static inline uint32_t *clock_in_part(const struct profile_instance *instance)
{
    return &((struct profile_part *)dal_thread_record_part(&instance->record))->clock;
}

static inline int is_due(const struct profile_instance *instance, size_t size)
{
    return instance->has_clock ? profile_is_due(&dal_profile_clock_, size, 0)
                               : profile_is_due(clock_in_part(instance), size, 1);
}

static int is_drawn(struct profile_instance *instance, size_t size)
{
    return dal_profile_draw_(instance, instance->has_clock ? &dal_profile_clock_ : NULL, size);
}

static int is_sampled(const struct profile_instance *instance, const void *ptr)
{
    return profile_filter_has(instance->filter, ptr);
}

/* ---- alloc and dealloc ----------------------------------------------------------------------- */

__attribute__((noinline, cold)) static void *alloc_long(size_t size, size_t align,
                                                        struct profile_instance *instance,
                                                        const void *site)
{
    int drawn = is_drawn(instance, size);
    void *ptr = dal_instance_alloc(instance->next, size, align);

    if (ptr && drawn)
        dal_profile_made_(instance, ptr, size, site);
    return ptr;
}

/* Each is there for the clock of either kind. */
#define ALLOC(name, clock, in_part)                                         \
    static void *name(size_t size, size_t align, void *ctx)                 \
    {                                                                       \
        struct profile_instance *instance = ctx;                            \
                                                                            \
        if (profile_is_due(clock, size, in_part))                           \
            return alloc_long(size, align, instance, SITE);                 \
        return dal_instance_alloc(instance->next, size, align);             \
    }                                                                       \
    static void *name##_natural(size_t size, size_t align, void *ctx)       \
    {                                                                       \
        struct profile_instance *instance = ctx;                            \
        const struct dal_alloc_slot *slot = &instance->next->alloc_natural; \
                                                                            \
        if (profile_is_due(clock, size, in_part))                           \
            return alloc_long(size, align, instance, SITE);                 \
        return slot->call(size, align, slot->ctx);                          \
    }

ALLOC(profile_alloc, &dal_profile_clock_, 0)
ALLOC(profile_alloc_by_part, clock_in_part(instance), 1)

__attribute__((noinline, cold)) static void *alloc_zeroed_long(size_t size, size_t align,
                                                               struct profile_instance *instance,
                                                               const void *site)
{
    int drawn = is_drawn(instance, size);
    void *ptr = dal_instance_alloc_zeroed(instance->next, size, align);

    if (ptr && drawn)
        dal_profile_made_(instance, ptr, size, site);
    return ptr;
}

static void *profile_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    struct profile_instance *instance = ctx;

    if (is_due(instance, size))
        return alloc_zeroed_long(size, align, instance, SITE);
    return dal_instance_alloc_zeroed(instance->next, size, align);
}

__attribute__((noinline, cold)) static void dealloc_long(void *ptr, size_t size, size_t align,
                                                         struct profile_instance *instance)
{
    dal_profile_end_(instance, ptr);
    dal_instance_dealloc(instance->next, ptr, size, align);
}

static void profile_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    struct profile_instance *instance = ctx;

    if (is_sampled(instance, ptr)) {
        dealloc_long(ptr, size, align, instance);
        return;
    }
    dal_instance_dealloc(instance->next, ptr, size, align);
}

static void profile_dealloc_unsized(void *ptr, void *ctx)
{
    struct profile_instance *instance = ctx;

    if (is_sampled(instance, ptr))
        dal_profile_end_(instance, ptr);
    instance->calls->dealloc_unsized(instance->next, ptr);
}

/* ---- Resizing -------------------------------------------------------------------------------- */

/* A call that resizes: what is asked of the next allocator. */
struct resize_call {
    void *ptr;
    size_t old_size, align, new_size;
};

__attribute__((noinline, cold)) static void *realloc_long(struct profile_instance *instance,
                                                          const struct resize_call *call, int due,
                                                          const void *site)
{
    struct profile_resize resize;
    void *moved;

    dal_profile_resize_begin_(instance, &resize, call->ptr,
                              due && is_drawn(instance, call->new_size));
    moved = dal_instance_realloc(instance->next, call->ptr, call->old_size, call->align,
                                 call->new_size);
    dal_profile_resize_end_(instance, &resize, moved != NULL, moved, call->new_size, site);
    return moved;
}

static void *profile_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    struct profile_instance *instance = ctx;
    int due = is_due(instance, new_size);

    if (DAL_UNLIKELY_(due | is_sampled(instance, ptr)))
        return realloc_long(instance, &(struct resize_call){ptr, old_size, align, new_size}, due,
                            SITE);
    return dal_instance_realloc(instance->next, ptr, old_size, align, new_size);
}

/* grow, grow_zeroed and shrink are one function but for the slot that they call. */
#define RELAYOUT(slot)                                                                            \
    static void *profile_##slot(void *ptr, size_t old_size, size_t old_align, size_t new_size,    \
                                size_t new_align, void *ctx)                                      \
    {                                                                                             \
        struct profile_instance *instance = ctx;                                                  \
        struct profile_resize resize;                                                             \
        void *moved;                                                                              \
                                                                                                  \
        dal_profile_resize_begin_(instance, &resize, ptr,                                         \
                                  is_due(instance, new_size) && is_drawn(instance, new_size));    \
        moved =                                                                                   \
            instance->calls->slot(instance->next, ptr, old_size, old_align, new_size, new_align); \
        dal_profile_resize_end_(instance, &resize, moved != NULL, moved, new_size, SITE);         \
        return moved;                                                                             \
    }

RELAYOUT(grow)
RELAYOUT(grow_zeroed)
RELAYOUT(shrink)

static int profile_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                   void *ctx)
{
    struct profile_instance *instance = ctx;
    struct profile_resize resize;
    int error;

    dal_profile_resize_begin_(instance, &resize, ptr,
                              is_due(instance, new_size) && is_drawn(instance, new_size));
    error = instance->calls->resize_in_place(instance->next, ptr, old_size, align, new_size);
    dal_profile_resize_end_(instance, &resize, error == 0, ptr, new_size, SITE);
    return error;
}

/* ---- Making one ------------------------------------------------------------------------------ */

struct profile_instance *dal_profile_layer_of_(const struct dal_instance *instance)
{
    struct profile_instance *layer = dal_layer_of_(instance, profile_alloc);

    return layer ? layer : dal_layer_of_(instance, profile_alloc_by_part);
}

/* Unsized freeing is the child's to offer. */
static void give_slots(struct dal_allocator *allocator)
{
    struct profile_instance *instance = allocator->ctx;

    allocator->alloc = instance->has_clock ? profile_alloc : profile_alloc_by_part;
    allocator->alloc_natural =
        instance->has_clock ? profile_alloc_natural : profile_alloc_by_part_natural;
    allocator->dealloc = profile_dealloc;
    allocator->alloc_zeroed = profile_alloc_zeroed;
    allocator->realloc = profile_realloc;
    allocator->grow = profile_grow;
    allocator->grow_zeroed = profile_grow_zeroed;
    allocator->shrink = profile_shrink;
    allocator->resize_in_place = profile_resize_in_place;
    if (instance->next->native & DAL_SLOT_DEALLOC_UNSIZED)
        allocator->dealloc_unsized = profile_dealloc_unsized;
    allocator->fork_prepare = dal_profile_fork_prepare_;
    allocator->fork_parent = dal_profile_fork_parent_;
    allocator->fork_child = dal_profile_fork_child_;
    if (instance->has_clock)
        dal_profile_family_open_(instance);
}

static void take_options(const struct dal_backend_request *request,
                         struct profile_instance *instance)
{
    const char *path = request->find(request, "file")->text;

    instance->services = request->services;
    instance->next = request->child;
    instance->calls = request->calls;
    instance->every = layer_number(request, "every");
    instance->frames = (unsigned)layer_number(request, "stacks");
    instance->by_thread = layer_number(request, "threads") != 0;
    instance->has_lifetimes = instance->every != 1 || layer_number(request, "lifetimes") != 0;
    (void)snprintf(instance->path, sizeof instance->path, "%s", path ? path : "");
}

/* How many sampled blocks there is a place for. */
static size_t live_count(const struct dal_backend_request *request, uint64_t every)
{
    if (layer_is_given(request, "blocks"))
        return (size_t)layer_number(request, "blocks");
    return every == 1 ? (size_t)1 << 20 : (size_t)1 << 16;
}

/* 1, or 0 if there is no memory, and nothing is left behind. */
static int open_memory(const struct dal_backend_request *request, struct profile_instance *instance)
{
    int is_on = layer_number(request, "start") == 0; /* on|off */

    if (request->services->thread_record_open(&instance->record, sizeof(struct profile_part), NULL))
        return 0;
    if (dal_profile_live_open_(instance, live_count(request, instance->every))) {
        if (dal_profile_file_open_(instance, (uint32_t)layer_number(request, "sites"), is_on))
            return 1;
        dal_profile_live_close_(instance);
    }
    request->services->thread_record_close(&instance->record);
    return 0;
}

static int start(const struct dal_backend_request *request, void *ctx)
{
    struct profile_instance *instance = ctx;

    take_options(request, instance);
    /* Of those that may come to serve the process one does. */
    instance->has_clock = request->child_family != NULL;
    if (!open_memory(request, instance))
        return request->fail(request, DAL_ERR_MEMORY,
                             "there is no memory for its sites, blocks and threads, or the system "
                             "has no key left to tell when a thread ends");
    (void)request->services->stacks_prepare();
    return DAL_OK;
}

static void unmake(void *ctx)
{
    struct profile_instance *instance = ctx;

    dal_profile_file_close_(instance);
    dal_profile_live_close_(instance);
    instance->services->thread_record_close(&instance->record);
}

static const struct layer layer = {
    .name = "profile",
    .needs = "counters",
    .instances = &dal_profile_instances_,
    .instance_bytes = sizeof(struct profile_instance),
    .start = start,
    .give_slots = give_slots,
    .family = &dal_profile_family_,
    .unmake = unmake,
};

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    if (dal_layer_is_in_(request->child, "profile"))
        return request->fail(
            request, DAL_ERR_INVALID,
            "the layer profile is in \"%s\" already, and would see the same blocks",
            request->child->name);
    return dal_layer_create_(&layer, request, allocator);
}

static const struct dal_option options[] = {
    {.name = "every",
     .type = DAL_OPTION_BYTES,
     .minimum = 1,
     .maximum = (uint64_t)1 << 40,
     .default_text = "512K",
     .summary = "one sample in so many bytes, on average; 1: each block, exactly"},
    {.name = "file",
     .type = DAL_OPTION_TEXT,
     .minimum = 1,
     .maximum = DAL_FILE_PATH_MAX - 1,
     .summary = "what is found lies in this file; %p is the process id, %% is %"},
    {.name = "start",
     .type = DAL_OPTION_CHOICE,
     .default_text = "on",
     .choices = "on|off",
     .summary = "whether samples are taken from the start on"},
    {.name = "threads",
     .type = DAL_OPTION_SWITCH,
     .default_text = "off",
     .summary = "whether each thread has sites of its own"},
    {.name = "lifetimes",
     .type = DAL_OPTION_SWITCH,
     .default_text = "off",
     .summary = "with every=1, how long blocks live, which takes a third more; else known anyway"},
    {.name = "stacks",
     .type = DAL_OPTION_COUNT,
     .minimum = 1,
     .maximum = DAL_STACK_PLACES_MAX,
     .default_text = "32",
     .summary = "frames that are kept of each stack"},
    {.name = "sites",
     .type = DAL_OPTION_COUNT,
     .minimum = 2,
     .maximum = PROFILE_SITES_MAX,
     .default_text = "8192",
     .summary = "the most sites, which bounds the file"},
    {.name = "blocks",
     .type = DAL_OPTION_COUNT,
     .minimum = 64,
     .maximum = 1 << 26,
     .summary = "places for sampled blocks that are live: 64 K, 1 M with every=1"},
};

extern const struct dal_backend dal_backend_profile_;

const struct dal_backend dal_backend_profile_ = {
    DAL_BACKEND_HEADER,
    .name = "profile",
    .version = DAL_VERSION_STRING,
    .summary = "tells from where memory comes: live, ever, and at the peak, by samples",
    .flags = DAL_BACKEND_LAYER,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .create = create,
    .destroy = dal_layer_destroy_,
    .needs_services_bytes = DAL_NEEDS(struct dal_services, frame_code),
};
