/* SPDX-License-Identifier: MIT */
/*
 * Layers to measure the price of layers with:
 *
 *   pass    hooks nothing
 *   size    hooks usable_size alone, which none of the works calls
 *   watch   counts calls and passes every one on: one instruction of work a call
 *
 * watch is what a layer with something to watch looks like at least: an object of its own,
 * which its functions are given, with the next allocator and a counter in it.
 */
#ifndef BENCH_LAYERS_H
#define BENCH_LAYERS_H

#include <dispatchalloc.h>

static int pass_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    (void)allocator;
    return 0;
}

static size_t size_usable(const void *block, size_t size, size_t align, void *ctx)
{
    return dal_instance_usable_size(ctx, block, size, align);
}

static int size_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    allocator->ctx = (void *)(uintptr_t)request->child;
    allocator->usable_size = size_usable;
    return 0;
}

struct watch {
    const struct dal_instance *next;
    unsigned long calls;
};

/* Counts, and tells whom to call on. The counter is plain: the works that use it have one
 * thread, and a counter for each thread would be the layer's own work. */
static inline const struct dal_instance *watched(void *ctx)
{
    struct watch *watch = ctx;

    watch->calls++;
    return watch->next;
}

static void *watch_alloc(size_t size, size_t align, void *ctx)
{
    return dal_instance_alloc(watched(ctx), size, align);
}

static void *watch_alloc_natural(size_t size, size_t align, void *ctx)
{
    const struct dal_instance *next = watched(ctx);

    return next->alloc_natural.call(size, align, next->alloc_natural.ctx);
}

static void watch_dealloc(void *block, size_t size, size_t align, void *ctx)
{
    dal_instance_dealloc(watched(ctx), block, size, align);
}

static void *watch_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    return dal_instance_alloc_zeroed(watched(ctx), size, align);
}

static void *watch_realloc(void *block, size_t old_size, size_t align, size_t size, void *ctx)
{
    return dal_instance_realloc(watched(ctx), block, old_size, align, size);
}

/* Grow, grow_zeroed and shrink pass on as they come. */
#define WATCH_RELAYOUT(slot)                                                                   \
    static void *watch_##slot(void *block, size_t old_size, size_t old_align, size_t new_size, \
                              size_t new_align, void *ctx)                                     \
    {                                                                                          \
        const struct dal_instance *next = watched(ctx);                                        \
                                                                                               \
        return dal_instance_##slot(next, block, old_size, old_align, new_size, new_align);     \
    }
WATCH_RELAYOUT(grow)
WATCH_RELAYOUT(grow_zeroed)
WATCH_RELAYOUT(shrink)

static int watch_resize_in_place(void *block, size_t old_size, size_t align, size_t size, void *ctx)
{
    return dal_instance_resize_in_place(watched(ctx), block, old_size, align, size);
}

static int watch_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    struct watch *watch = dal_instance_alloc(request->child, sizeof *watch, _Alignof(struct watch));

    if (!watch)
        return DAL_ERR_MEMORY;
    *watch = (struct watch){request->child, 0};
    allocator->ctx = watch;
    allocator->alloc = watch_alloc;
    allocator->alloc_natural = watch_alloc_natural;
    allocator->dealloc = watch_dealloc;
    allocator->alloc_zeroed = watch_alloc_zeroed;
    allocator->realloc = watch_realloc;
    allocator->grow = watch_grow;
    allocator->grow_zeroed = watch_grow_zeroed;
    allocator->shrink = watch_shrink;
    allocator->resize_in_place = watch_resize_in_place;
    return 0;
}

#define BENCH_LAYER(name_, summary_, create_)                                   \
    {                                                                           \
        DAL_BACKEND_HEADER, .name = name_, .version = "1", .summary = summary_, \
                            .flags = DAL_BACKEND_LAYER, .create = create_       \
    }

/* Returns 0, or the error of the first layer that was not taken. */
static inline int bench_register_layers(void)
{
    static const struct dal_backend layers[] = {
        BENCH_LAYER("pass", "hooks nothing", pass_create),
        BENCH_LAYER("size", "hooks usable_size alone", size_create),
        BENCH_LAYER("watch", "counts calls and passes them on", watch_create),
    };
    int error = 0;

    for (size_t i = 0; i < sizeof layers / sizeof layers[0] && !error; i++)
        error = dal_backend_register(&layers[i]);
    return error;
}

#endif
