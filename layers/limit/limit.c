/* SPDX-License-Identifier: MIT */
/*
 * The layer `limit`: its slots. See limit.h for how it holds the bound.
 *
 * What makes a block, or a block larger, charges for it and then calls, and takes that back if the
 * call fails. What ends a block, or makes it smaller, calls first.
 */
#include <inttypes.h>
#include <stdio.h>

#include <dispatchalloc/version.h>

#include "limit.h"

/* ---- alloc and dealloc ----------------------------------------------------------------------- */

static void *undone(struct limit_instance *instance, size_t size)
{
    limit_credit(instance, size);
    return NULL;
}

/* is_natural is a constant: it says which slot of the next allocator is called. */
DAL_ATTRIBUTE_((always_inline))
static inline void *charge_and_alloc(size_t size, size_t align, struct limit_instance *instance,
                                     int is_natural)
{
    const struct dal_instance *next = instance->next;
    void *ptr;

    if (DAL_UNLIKELY_(!limit_charge(instance, size)))
        return NULL;
    ptr = is_natural ? next->alloc_natural.call(size, align, next->alloc_natural.ctx)
                     : dal_instance_alloc(next, size, align);
    return DAL_LIKELY_(ptr) ? ptr : undone(instance, size);
}

void *dal_limit_alloc_(size_t size, size_t align, void *ctx)
{
    return charge_and_alloc(size, align, ctx, 0);
}

static void *limit_alloc_natural(size_t size, size_t align, void *ctx)
{
    return charge_and_alloc(size, align, ctx, 1);
}

static void limit_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    struct limit_instance *instance = ctx;

    if (!ptr)
        return;
    dal_instance_dealloc(instance->next, ptr, size, align);
    limit_credit(instance, size);
}

/* ---- The other slots ------------------------------------------------------------------------- */

static void *limit_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    struct limit_instance *instance = ctx;
    void *ptr;

    if (!limit_charge(instance, size))
        return NULL;
    ptr = dal_instance_alloc_zeroed(instance->next, size, align);
    return ptr ? ptr : undone(instance, size);
}

static int charge_growth(struct limit_instance *instance, size_t old_size, size_t new_size)
{
    return new_size <= old_size || limit_charge(instance, new_size - old_size);
}

/* The call has made the block larger or smaller, or has failed. */
static void settle(struct limit_instance *instance, size_t old_size, size_t new_size, int failed)
{
    if (failed && new_size > old_size)
        limit_credit(instance, new_size - old_size);
    else if (!failed && new_size < old_size)
        limit_credit(instance, old_size - new_size);
}

static void *limit_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    struct limit_instance *instance = ctx;
    void *moved;

    if (!charge_growth(instance, old_size, new_size))
        return NULL;
    moved = dal_instance_realloc(instance->next, ptr, old_size, align, new_size);
    settle(instance, old_size, new_size, !moved);
    return moved;
}

/* grow, grow_zeroed and shrink are one function but for the slot that they call. */
#define RELAYOUT(slot)                                                                            \
    static void *limit_##slot(void *ptr, size_t old_size, size_t old_align, size_t new_size,      \
                              size_t new_align, void *ctx)                                        \
    {                                                                                             \
        struct limit_instance *instance = ctx;                                                    \
        void *moved;                                                                              \
                                                                                                  \
        if (!charge_growth(instance, old_size, new_size))                                         \
            return NULL;                                                                          \
        moved =                                                                                   \
            instance->calls->slot(instance->next, ptr, old_size, old_align, new_size, new_align); \
        settle(instance, old_size, new_size, !moved);                                             \
        return moved;                                                                             \
    }

RELAYOUT(grow)
RELAYOUT(grow_zeroed)
RELAYOUT(shrink)

static int limit_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                 void *ctx)
{
    struct limit_instance *instance = ctx;
    int error;

    if (!charge_growth(instance, old_size, new_size))
        return DAL_ERR_UNSUPPORTED;
    error = instance->calls->resize_in_place(instance->next, ptr, old_size, align, new_size);
    settle(instance, old_size, new_size, error != 0);
    return error;
}

/* ---- Making one ------------------------------------------------------------------------------ */

struct layer_instances dal_limit_instances_;

static size_t smaller(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

/* All of a small budget would be reserved by few threads: so grains are small, too. */
static void take_options(const struct dal_backend_request *request, struct limit_instance *instance)
{
    const struct dal_option_value *bytes = request->find(request, "bytes");
    const struct dal_option_value *soft = request->find(request, "soft");
    uint64_t first;

    instance->bytes = bytes->given ? bytes->number : INT64_MAX;
    instance->soft = soft->given ? soft->number : 0;
    instance->rearm = instance->soft - instance->soft / 8;
    first = soft->given ? instance->soft : instance->bytes;
    instance->grain = smaller(first / 64, LIMIT_GRAIN_MAX);
    instance->near = 4 * instance->grain;
    atomic_store_explicit(&instance->keep, 2 * instance->grain, memory_order_relaxed);
    atomic_store_explicit(&instance->handed, soft->given ? 0 : LIMIT_TOLD, memory_order_relaxed);
    (void)snprintf(instance->name, sizeof instance->name, "limit+%s", request->child->name);
}

static int check_options(const struct dal_backend_request *request)
{
    const struct dal_option_value *bytes = request->find(request, "bytes");
    const struct dal_option_value *soft = request->find(request, "soft");

    if (!bytes->given && !soft->given)
        return request->fail(request, DAL_ERR_OPTION,
                             "neither option \"bytes\" nor \"soft\" is given; accepted is "
                             "bytes=SIZE, the most that may be live, soft=SIZE, which is only "
                             "told of, or both");
    if (bytes->given && soft->given && soft->number > bytes->number)
        return request->fail(request, DAL_ERR_OPTION,
                             "option \"soft\" cannot be \"%s\", which is more than bytes=%s; "
                             "accepted is a number of bytes up to that",
                             soft->text, bytes->text);
    return DAL_OK;
}

static int start(const struct dal_backend_request *request, void *ctx)
{
    struct limit_instance *instance = ctx;
    int error = check_options(request);

    if (!error && request->services->thread_record_open(&instance->record,
                                                        sizeof(struct limit_part), NULL) != 0)
        error = request->fail(request, DAL_ERR_MEMORY,
                              "there is no memory for its threads, or "
                              "the system has no key left to tell when a thread ends");
    if (error)
        return error;
    instance->services = request->services;
    instance->next = request->child;
    instance->calls = request->calls;
    atomic_store_explicit(&instance->process, request->services->process(), memory_order_relaxed);
    take_options(request, instance);
    return DAL_OK;
}

static void give_slots(struct dal_allocator *allocator)
{
    allocator->alloc = dal_limit_alloc_;
    allocator->alloc_natural = limit_alloc_natural;
    allocator->dealloc = limit_dealloc;
    allocator->alloc_zeroed = limit_alloc_zeroed;
    allocator->realloc = limit_realloc;
    allocator->grow = limit_grow;
    allocator->grow_zeroed = limit_grow_zeroed;
    allocator->shrink = limit_shrink;
    allocator->resize_in_place = limit_resize_in_place;
}

static void unmake(void *ctx)
{
    struct limit_instance *instance = ctx;

    instance->services->thread_record_close(&instance->record);
}

static const struct layer layer = {
    .name = "limit",
    .needs = "budget",
    .instances = &dal_limit_instances_,
    .instance_bytes = sizeof(struct limit_instance),
    .start = start,
    .give_slots = give_slots,
    .family = &dal_limit_family_,
    .unmake = unmake,
};

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    return dal_layer_create_(&layer, request, allocator);
}

static const struct dal_option options[] = {
    {.name = "bytes",
     .type = DAL_OPTION_BYTES,
     .minimum = 1,
     .maximum = INT64_MAX,
     .summary = "the most that may be live; a call that would exceed it returns NULL"},
    {.name = "soft",
     .type = DAL_OPTION_BYTES,
     .minimum = 1,
     .maximum = INT64_MAX,
     .summary = "tell, in a line and by dal_limit_on_soft(), when more than this is live"},
};

extern const struct dal_backend dal_backend_limit_;

const struct dal_backend dal_backend_limit_ = {
    DAL_BACKEND_HEADER,
    .name = "limit",
    .version = DAL_VERSION_STRING,
    .summary = "a budget: the most bytes that may be live",
    .flags = DAL_BACKEND_LAYER,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .create = create,
    .destroy = dal_layer_destroy_,
};
