/* SPDX-License-Identifier: MIT */
/*
 * The layer `fail`: its slots. See fail.h for how it counts.
 *
 * What gives a block back, or only looks at one, is left alone: a call that does not make or resize
 * a block does not come through here.
 */
#include <errno.h>
#include <string.h>

#include <dispatchalloc/global.h>
#include <dispatchalloc/version.h>

#include "fail.h"

struct layer_instances dal_fail_instances_;

/* The largest number in an option, so that no sum of two overflows. */
#define NUMBER_MAX (UINT64_C(1) << 62)

__attribute__((noinline, cold)) void *dal_fail_refuse_(void)
{
    errno = ENOMEM;
    return NULL;
}

/* ---- The slots ----------------------------------------------------------------------------- */

void *dal_fail_alloc_(size_t size, size_t align, void *ctx)
{
    struct fail_instance *instance = ctx;

    if (fail_is_due(instance, size))
        return dal_fail_refuse_();
    return dal_instance_alloc(instance->next, size, align);
}

static void *fail_alloc_natural(size_t size, size_t align, void *ctx)
{
    struct fail_instance *instance = ctx;
    const struct dal_alloc_slot *slot = &instance->next->alloc_natural;

    if (fail_is_due(instance, size))
        return dal_fail_refuse_();
    return slot->call(size, align, slot->ctx);
}

static void *fail_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    struct fail_instance *instance = ctx;

    if (fail_is_due(instance, size))
        return dal_fail_refuse_();
    return dal_instance_alloc_zeroed(instance->next, size, align);
}

static void *fail_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    struct fail_instance *instance = ctx;

    if (fail_is_due(instance, new_size))
        return dal_fail_refuse_();
    return dal_instance_realloc(instance->next, ptr, old_size, align, new_size);
}

/* grow, grow_zeroed and shrink are one function but for the slot that they call. */
#define RELAYOUT(slot)                                                                      \
    static void *fail_##slot(void *ptr, size_t old_size, size_t old_align, size_t new_size, \
                             size_t new_align, void *ctx)                                   \
    {                                                                                       \
        struct fail_instance *instance = ctx;                                               \
                                                                                            \
        if (fail_is_due(instance, new_size))                                                \
            return dal_fail_refuse_();                                                      \
        return instance->calls->slot(instance->next, ptr, old_size, old_align, new_size,    \
                                     new_align);                                            \
    }

RELAYOUT(grow)
RELAYOUT(grow_zeroed)
RELAYOUT(shrink)

/* (A layer that hooks alloc has to hook this one as well.) */
static int fail_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                void *ctx)
{
    struct fail_instance *instance = ctx;

    return instance->calls->resize_in_place(instance->next, ptr, old_size, align, new_size);
}

/* ---- What was counted ------------------------------------------------------------------------ */

int dal_fail_get(const struct dal_instance *instance, const char *key, uint64_t *value)
{
    struct fail_instance *layer = dal_layer_of_(instance, dal_fail_alloc_);
    _Atomic(uint64_t) *counter = NULL;

    if (!key || !value)
        return DAL_ERR_INVALID;
    if (!layer)
        return DAL_ERR_UNSUPPORTED;
    if (strcmp(key, "calls") == 0)
        counter = &layer->counted;
    else if (strcmp(key, "failures") == 0)
        counter = &layer->failed;
    if (!counter)
        return DAL_ERR_UNKNOWN;
    *value = atomic_load_explicit(counter, memory_order_relaxed);
    return DAL_OK;
}

/* ---- Making one ------------------------------------------------------------------------------ */

static int start(const struct dal_backend_request *request, void *ctx)
{
    struct fail_instance *instance = ctx;

    instance->next = request->child;
    instance->calls = request->calls;
    return dal_fail_rules_take_(request, instance);
}

static void give_slots(struct dal_allocator *allocator)
{
    const struct fail_instance *instance = allocator->ctx;

    allocator->alloc = dal_fail_alloc_;
    allocator->alloc_natural = fail_alloc_natural;
    allocator->alloc_zeroed = fail_alloc_zeroed;
    allocator->realloc = fail_realloc;
    allocator->grow = fail_grow;
    allocator->grow_zeroed = fail_grow_zeroed;
    allocator->shrink = fail_shrink;
    allocator->resize_in_place = fail_resize_in_place;
    if (instance->watch.is_wanted)
        allocator->fork_child = dal_fail_fork_child_;
}

static const struct layer layer = {
    .name = "fail",
    .needs = "counters",
    .instances = &dal_fail_instances_,
    .instance_bytes = sizeof(struct fail_instance),
    .start = start,
    .give_slots = give_slots,
    .family = &dal_fail_family_,
    .unmake = dal_fail_watch_end_,
};

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    return dal_layer_create_(&layer, request, allocator);
}

static const struct dal_option options[] = {
    {.name = "nth",
     .type = DAL_OPTION_COUNT,
     .minimum = 1,
     .maximum = NUMBER_MAX,
     .summary = "the call that fails, counted from 1 over all threads"},
    {.name = "every",
     .type = DAL_OPTION_COUNT,
     .minimum = 1,
     .maximum = NUMBER_MAX,
     .summary = "one call in so many fails"},
    {.name = "rate",
     .type = DAL_OPTION_TEXT,
     .minimum = 1,
     .maximum = 20,
     .summary = "the probability with which a call fails, from 0 to 1, such as 0.01"},
    {.name = "seed",
     .type = DAL_OPTION_COUNT,
     .maximum = UINT64_MAX,
     .default_text = "0",
     .summary = "another choice by rate; the same seed fails the same calls"},
    {.name = "after",
     .type = DAL_OPTION_COUNT,
     .maximum = NUMBER_MAX,
     .default_text = "0",
     .summary = "so many calls pass first; nth and every count those after them"},
    {.name = "size_min",
     .type = DAL_OPTION_BYTES,
     .maximum = PTRDIFF_MAX,
     .default_text = "0",
     .summary = "smaller sizes neither count nor fail"},
    {.name = "size_max",
     .type = DAL_OPTION_BYTES,
     .maximum = PTRDIFF_MAX,
     .summary = "larger sizes neither count nor fail"},
    {.name = "process",
     .type = DAL_OPTION_COUNT,
     .minimum = 1,
     .maximum = INT32_MAX,
     .summary = "only in the process of this number do calls fail, and are recorded"},
    {.name = "program",
     .type = DAL_OPTION_TEXT,
     .minimum = 1,
     .maximum = FAIL_PROGRAM_BYTES - 1,
     .summary = "only in a program of this name do calls fail, and are recorded"},
    {.name = "record",
     .type = DAL_OPTION_TEXT,
     .minimum = 1,
     .maximum = DAL_FILE_PATH_MAX - 1,
     .summary = "record in this file the calls that fail, or all if none is to; %p is the process "
                "id, %% is %"},
    {.name = "stacks",
     .type = DAL_OPTION_COUNT,
     .minimum = 1,
     .maximum = DAL_STACK_PLACES_MAX,
     .default_text = "16",
     .summary = "frames of a stack by which the calls in a record are told apart"},
};

extern const struct dal_backend dal_backend_fail_;

const struct dal_backend dal_backend_fail_ = {
    DAL_BACKEND_HEADER,
    .name = "fail",
    .version = DAL_VERSION_STRING,
    .summary = "has allocations fail: the n-th, one in so many, by chance, of some sizes",
    .flags = DAL_BACKEND_LAYER,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .create = create,
    .destroy = dal_layer_destroy_,
};
