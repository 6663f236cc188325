/* SPDX-License-Identifier: MIT */
/*
 * dal_global(): an instance each of whose functions loads the hook and jumps, so that it can
 * be handed out before the choice is made and serves the winner after.
 */
#include <config.h>

#include <dispatchalloc/global.h>

#include "hook.h"
#include "instance.h"

static void *forward_alloc(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return dal_instance_alloc(dal_hook_load_(), size, align);
}

static void *forward_alloc_natural(size_t size, size_t align, void *ctx)
{
    const struct dal_instance *table = dal_hook_load_();

    (void)ctx;
    return table->alloc_natural.call(size, align, table->alloc_natural.ctx);
}

static void forward_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    dal_instance_dealloc(dal_hook_load_(), ptr, size, align);
}

static void *forward_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return dal_instance_alloc_zeroed(dal_hook_load_(), size, align);
}

static void *forward_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)ctx;
    return dal_instance_realloc(dal_hook_load_(), ptr, old_size, align, new_size);
}

static void *forward_grow(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                          size_t new_align, void *ctx)
{
    (void)ctx;
    return dal_instance_grow(dal_hook_load_(), ptr, old_size, old_align, new_size, new_align);
}

static void *forward_grow_zeroed(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                                 size_t new_align, void *ctx)
{
    (void)ctx;
    return dal_instance_grow_zeroed(dal_hook_load_(), ptr, old_size, old_align, new_size,
                                    new_align);
}

static void *forward_shrink(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                            size_t new_align, void *ctx)
{
    (void)ctx;
    return dal_instance_shrink(dal_hook_load_(), ptr, old_size, old_align, new_size, new_align);
}

static int forward_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                   void *ctx)
{
    (void)ctx;
    return dal_instance_resize_in_place(dal_hook_load_(), ptr, old_size, align, new_size);
}

static size_t forward_usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return dal_instance_usable_size(dal_hook_load_(), ptr, size, align);
}

static void forward_dealloc_unsized(void *ptr, void *ctx)
{
    (void)ctx;
    dal_instance_dealloc_unsized(dal_hook_load_(), ptr);
}

static int forward_owns(const void *ptr, void *ctx)
{
    (void)ctx;
    return dal_instance_owns(dal_hook_load_(), ptr);
}

/* The fork functions do nothing: the instance behind the hook is called by itself. */
static const struct dal_instance global_instance = {
    .abi = DAL_ALLOCATOR_ABI,
    .size_bytes = sizeof(struct dal_instance),
    .native = DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC | DAL_SLOT_ALLOC_ZEROED | DAL_SLOT_REALLOC,
    .name = "global",
    .alloc = {forward_alloc, NULL},
    .dealloc = {forward_dealloc, NULL},
    .alloc_zeroed = {forward_alloc_zeroed, NULL},
    .realloc = {forward_realloc, NULL},
    .grow = {forward_grow, NULL},
    .grow_zeroed = {forward_grow_zeroed, NULL},
    .shrink = {forward_shrink, NULL},
    .resize_in_place = {forward_resize_in_place, NULL},
    .usable_size = {forward_usable_size, NULL},
    .dealloc_unsized = {forward_dealloc_unsized, NULL},
    .owns = {forward_owns, NULL},
    .fork_prepare = {dal_derived_fork_, NULL},
    .fork_parent = {dal_derived_fork_, NULL},
    .fork_child = {dal_derived_fork_, NULL},
    .alloc_natural = {forward_alloc_natural, NULL},
};

const struct dal_instance *dal_global(void)
{
    return &global_instance;
}
