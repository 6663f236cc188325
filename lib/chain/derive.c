/* SPDX-License-Identifier: MIT */
/*
 * What an allocator leaves out, made from what it has.
 *
 * Every function here has the instance itself as its ctx and calls the instance's slots,
 * so a derived realloc of a derived alloc_zeroed cannot exist: alloc and dealloc are never
 * derived, and nothing here calls a slot that may be derived from the caller's own.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include <dispatchalloc/error.h>

#include "chain/slots.h"
#include "base/text.h"

const char dal_self_;

void *dal_derived_alloc_zeroed_(size_t size, size_t align, void *ctx)
{
    void *ptr = dal_instance_alloc(ctx, size, align);

    return ptr ? memset(ptr, 0, size) : NULL;
}

static void *move_block(const struct dal_instance *instance, void *ptr, size_t old_size,
                        size_t old_align, size_t new_size, size_t new_align)
{
    void *moved = dal_instance_alloc(instance, new_size, new_align);

    if (!moved || !ptr)
        return moved;
    memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
    dal_instance_dealloc(instance, ptr, old_size, old_align);
    return moved;
}

void *dal_derived_realloc_(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    return move_block(ctx, ptr, old_size, align, new_size, align);
}

/* grow and shrink. Where the alignment stays, the allocator's realloc may know a better way. */
static void *relayout(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                      size_t new_align, void *ctx)
{
    if (old_align == new_align)
        return dal_instance_realloc(ctx, ptr, old_size, old_align, new_size);
    return move_block(ctx, ptr, old_size, old_align, new_size, new_align);
}

void *dal_derived_grow_(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                        size_t new_align, void *ctx)
{
    return relayout(ptr, old_size, old_align, new_size, new_align, ctx);
}

void *dal_derived_shrink_(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                          size_t new_align, void *ctx)
{
    return relayout(ptr, old_size, old_align, new_size, new_align, ctx);
}

void *dal_derived_grow_zeroed_(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                               size_t new_align, void *ctx)
{
    char *grown = dal_instance_grow(ctx, ptr, old_size, old_align, new_size, new_align);

    if (grown && new_size > old_size)
        memset(grown + old_size, 0, new_size - old_size);
    return grown;
}

int dal_derived_resize_in_place_(void *ptr, size_t old_size, size_t align, size_t new_size,
                                 void *ctx)
{
    (void)ptr;
    (void)align;
    (void)ctx;
    return new_size == old_size ? DAL_OK : DAL_ERR_UNSUPPORTED;
}

size_t dal_derived_usable_size_(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ptr;
    (void)align;
    (void)ctx;
    return size;
}

/* To do nothing would leak in silence, and a program that asks for this has no other way. */
void dal_derived_dealloc_unsized_(void *ptr, void *ctx)
{
    const struct dal_instance *instance = ctx;

    if (!ptr)
        return;
    dal_log_("\"%s\" cannot free a block without its size (dealloc_unsized of %p)", instance->name,
             ptr);
    abort();
}

int dal_derived_owns_(const void *ptr, void *ctx)
{
    (void)ptr;
    (void)ctx;
    return DAL_ERR_UNSUPPORTED;
}

void dal_derived_fork_(void *ctx)
{
    (void)ctx;
}
