/* SPDX-License-Identifier: MIT */
/*
 * The layer `guard`: its slots. See guard.h.
 *
 * A guarded block is resized by a new one, guarded or not, and a copy; it keeps neither the size
 * nor the alignment that a call says, so those are not looked at.
 */
#include <string.h>

#include <dispatchalloc/global.h>
#include <dispatchalloc/version.h>

#include "../sampling.h"
#include "guard.h"

struct layer_instances dal_guard_instances_;

#define SITE __builtin_return_address(0)

static int is_guarded(const struct guard_instance *instance, const void *ptr)
{
    return DAL_UNLIKELY_(guard_pool_has(&instance->pool, (uintptr_t)ptr)) != 0;
}

static inline int32_t *clock_of(const struct guard_instance *instance)
{
    return &((struct guard_part *)dal_thread_record_part(&instance->record))->clock;
}

/* ---- alloc and dealloc ----------------------------------------------------------------------- */

__attribute__((noinline, cold)) static void *alloc_long(size_t size, size_t align,
                                                        struct guard_instance *instance,
                                                        const void *site)
{
    void *ptr = dal_guard_sample_(instance, NULL, &(struct guard_call){size, align, 0, site});

    return ptr ? ptr : dal_instance_alloc(instance->next, size, align);
}

void *dal_guard_alloc_(size_t size, size_t align, void *ctx)
{
    struct guard_instance *instance = ctx;

    if (guard_is_due(clock_of(instance)))
        return alloc_long(size, align, instance, SITE);
    return dal_instance_alloc(instance->next, size, align);
}

static void *guard_alloc_natural(size_t size, size_t align, void *ctx)
{
    struct guard_instance *instance = ctx;
    const struct dal_alloc_slot *slot = &instance->next->alloc_natural;

    if (guard_is_due(clock_of(instance)))
        return alloc_long(size, align, instance, SITE);
    return slot->call(size, align, slot->ctx);
}

static void *alloc_zeroed(struct guard_instance *instance, size_t size, size_t align,
                          const void *site)
{
    void *ptr = NULL;

    if (guard_is_due(clock_of(instance)))
        ptr = dal_guard_sample_(instance, NULL, &(struct guard_call){size, align, 1, site});
    return ptr ? ptr : dal_instance_alloc_zeroed(instance->next, size, align);
}

static void *guard_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    return alloc_zeroed(ctx, size, align, SITE);
}

static void guard_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    struct guard_instance *instance = ctx;

    if (is_guarded(instance, ptr)) {
        dal_guard_end_(instance, ptr, "dealloc", SITE);
        return;
    }
    dal_instance_dealloc(instance->next, ptr, size, align);
}

static void guard_dealloc_unsized(void *ptr, void *ctx)
{
    struct guard_instance *instance = ctx;

    if (is_guarded(instance, ptr))
        dal_guard_end_(instance, ptr, "dealloc_unsized", SITE);
    else
        instance->calls->dealloc_unsized(instance->next, ptr);
}

/* ---- Resizing -------------------------------------------------------------------------------- */

static void *alloc_any(struct guard_instance *instance, const struct guard_call *call)
{
    if (call->is_zeroed)
        return alloc_zeroed(instance, call->size, call->align, call->site);
    return guard_is_due(clock_of(instance))
               ? alloc_long(call->size, call->align, instance, call->site)
               : dal_instance_alloc(instance->next, call->size, call->align);
}

/* call: the layout that a guarded block is to have. */
__attribute__((noinline, cold)) static void *move(struct guard_instance *instance, void *ptr,
                                                  const char *name, const struct guard_call *call)
{
    size_t old_size = dal_guard_size_of_(instance, ptr, name, call->site);
    void *moved = old_size == SIZE_MAX ? NULL : alloc_any(instance, call);

    if (!moved)
        return NULL;
    memcpy(moved, ptr, old_size < call->size ? old_size : call->size);
    dal_guard_end_(instance, ptr, name, call->site);
    return moved;
}

static void *guard_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    struct guard_instance *instance = ctx;
    const struct guard_call call = {new_size, align, 0, SITE};

    if (is_guarded(instance, ptr))
        return move(instance, ptr, "realloc", &call);
    return ptr ? dal_instance_realloc(instance->next, ptr, old_size, align, new_size)
               : alloc_any(instance, &call);
}

/* grow, grow_zeroed and shrink are one function but for the slot that they call. */
#define RELAYOUT(slot, is_zeroed)                                                              \
    static void *guard_##slot(void *ptr, size_t old_size, size_t old_align, size_t new_size,   \
                              size_t new_align, void *ctx)                                     \
    {                                                                                          \
        struct guard_instance *instance = ctx;                                                 \
        const struct guard_call call = {new_size, new_align, is_zeroed, SITE};                 \
                                                                                               \
        if (is_guarded(instance, ptr))                                                         \
            return move(instance, ptr, #slot, &call);                                          \
        return ptr ? instance->calls->slot(instance->next, ptr, old_size, old_align, new_size, \
                                           new_align)                                          \
                   : alloc_any(instance, &call);                                               \
    }

RELAYOUT(grow, 0)
RELAYOUT(grow_zeroed, 1)
RELAYOUT(shrink, 0)

static int guard_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                 void *ctx)
{
    struct guard_instance *instance = ctx;

    if (!is_guarded(instance, ptr))
        return instance->calls->resize_in_place(instance->next, ptr, old_size, align, new_size);
    return dal_guard_size_of_(instance, ptr, "resize_in_place", SITE) == new_size
               ? DAL_OK
               : DAL_ERR_UNSUPPORTED;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* What was asked for, and no more: the rest of the page is not the program's. */
static size_t guard_usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    struct guard_instance *instance = ctx;
    size_t known;

    if (!is_guarded(instance, ptr))
        return instance->calls->usable_size(instance->next, ptr, size, align);
    known = dal_guard_size_of_(instance, ptr, "usable_size", SITE);
    return known == SIZE_MAX ? size : known;
}

static int guard_owns(const void *ptr, void *ctx)
{
    struct guard_instance *instance = ctx;

    return is_guarded(instance, ptr) ? dal_guard_is_live_(instance, ptr)
                                     : instance->calls->owns(instance->next, ptr);
}

int dal_guard_get(const struct dal_instance *instance, const char *key, uint64_t *value)
{
    struct guard_instance *layer = dal_layer_of_(instance, dal_guard_alloc_);

    if (!key || !value)
        return DAL_ERR_INVALID;
    if (!layer)
        return DAL_ERR_UNSUPPORTED;
#define ROW(name)                                                                  \
    if (strcmp(key, #name) == 0) {                                                 \
        *value = atomic_load_explicit(&layer->name##_count, memory_order_relaxed); \
        return DAL_OK;                                                             \
    }
    GUARD_COUNTS(ROW)
#undef ROW
    if (strcmp(key, "slots") != 0)
        return DAL_ERR_UNKNOWN;
    *value = layer->pool.slot_count;
    return DAL_OK;
}

/* ---- Making one ------------------------------------------------------------------------------ */

static int forget(void *part, void *unused)
{
    (void)unused;
    ((struct guard_part *)part)->random = 0;
    ((struct guard_part *)part)->clock = 0;
    return 0;
}

/* The children of a server that forks are not to guard the same calls, all of them, or none. */
static void guard_fork_child(void *ctx)
{
    struct guard_instance *instance = ctx;

    instance->calls->fork_child(instance->next);
    (void)instance->services->thread_record_visit(&instance->record, forget, NULL);
    dal_guard_family_forget_();
}

/* Unsized freeing and owning are the child's to offer. */
static void give_slots(struct dal_allocator *allocator)
{
    const struct guard_instance *instance = allocator->ctx;

    allocator->alloc = dal_guard_alloc_;
    allocator->alloc_natural = guard_alloc_natural;
    allocator->dealloc = guard_dealloc;
    allocator->alloc_zeroed = guard_alloc_zeroed;
    allocator->realloc = guard_realloc;
    allocator->grow = guard_grow;
    allocator->grow_zeroed = guard_grow_zeroed;
    allocator->shrink = guard_shrink;
    allocator->resize_in_place = guard_resize_in_place;
    allocator->usable_size = guard_usable_size;
    allocator->fork_child = guard_fork_child;
    if (instance->next->native & DAL_SLOT_DEALLOC_UNSIZED)
        allocator->dealloc_unsized = guard_dealloc_unsized;
    if (instance->next->native & DAL_SLOT_OWNS)
        allocator->owns = guard_owns;
}

/* With less memory than asked for it does what it can: a program is not to fail for this layer. */
static void open_pool(const struct dal_backend_request *request, struct guard_instance *instance)
{
    size_t wanted = (size_t)layer_number(request, "slots");

    dal_guard_pool_open_(&instance->pool, request->services, wanted,
                         (size_t)layer_number(request, "stacks"));
    if (instance->pool.slot_count < wanted)
        request->services->line("guard: there is memory for %zu of %zu slots",
                                instance->pool.slot_count, wanted);
}

/* With every=1 all are wanted, which no second is to bound that nobody has asked for. */
static uint64_t per_second_of(const struct dal_backend_request *request)
{
    const struct dal_option_value *value = request->find(request, "per_second");

    return !value->given && layer_number(request, "every") == 1 ? GUARD_PER_SECOND_MAX
                                                                : value->number;
}

static void unmake(void *ctx)
{
    struct guard_instance *instance = ctx;

    dal_guard_pool_close_(&instance->pool, instance->services);
    instance->services->thread_record_close(&instance->record);
}

static int start(const struct dal_backend_request *request, void *ctx)
{
    struct guard_instance *instance = ctx;

    instance->services = request->services;
    instance->next = request->child;
    instance->calls = request->calls;
    instance->every = layer_number(request, "every");
    instance->per_second = per_second_of(request);
    if (request->services->thread_record_open(&instance->record, sizeof(struct guard_part), NULL))
        return request->fail(request, DAL_ERR_MEMORY,
                             "there is no memory for its threads, or the system has no key left to "
                             "tell when a thread ends");
    open_pool(request, instance);
    (void)request->services->stacks_prepare();
    dal_guard_fault_prepare_(request->services);
    dal_guard_watch_();
    return DAL_OK;
}

static const struct layer layer = {
    .name = "guard",
    .needs = "counters",
    .instances = &dal_guard_instances_,
    .instance_bytes = sizeof(struct guard_instance),
    .start = start,
    .give_slots = give_slots,
    .family = &dal_guard_family_,
    .unmake = unmake,
};

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    if (dal_layer_is_in_(request->child, "guard"))
        return request->fail(request, DAL_ERR_INVALID,
                             "the layer guard is in \"%s\" already: every= and slots= say how many "
                             "blocks it takes",
                             request->child->name);
    return dal_layer_create_(&layer, request, allocator);
}

static const struct dal_option options[] = {
    {.name = "every",
     .type = DAL_OPTION_COUNT,
     .minimum = 1,
     .maximum = SAMPLING_EVERY_MAX,
     .default_text = "1000",
     .summary = "one allocation in so many is guarded, on average"},
    {.name = "slots",
     .type = DAL_OPTION_COUNT,
     .minimum = 1,
     .maximum = GUARD_SLOTS_MAX,
     .default_text = "1024",
     .summary = "how many blocks have a page of their own, the released ones that stay closed too"},
    {.name = "per_second",
     .type = DAL_OPTION_COUNT,
     .minimum = 1,
     .maximum = GUARD_PER_SECOND_MAX,
     .default_text = "200",
     .summary = "the most blocks that are guarded in a second; with every=1 no bound by default"},
    {.name = "stacks",
     .type = DAL_OPTION_COUNT,
     .minimum = 1,
     .maximum = DAL_STACK_PLACES_MAX,
     .default_text = "16",
     .summary = "frames that are kept of each stack"},
};

extern const struct dal_backend dal_backend_guard_;

const struct dal_backend dal_backend_guard_ = {
    DAL_BACKEND_HEADER,
    .name = "guard",
    .version = DAL_VERSION_STRING,
    .summary = "finds overflows, underflows and uses after release, of one block in so many",
    .flags = DAL_BACKEND_LAYER,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .create = create,
    .destroy = dal_layer_destroy_,
    .needs_services_bytes = DAL_NEEDS(struct dal_services, registers_text),
};
