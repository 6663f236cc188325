/* SPDX-License-Identifier: MIT */
/*
 * malloc and its family, held to the bound: see ../family.h. What is charged for is the usable
 * size, which is known only once there is a block: so the size that is asked for is charged first,
 * and the difference after.
 */
#include <errno.h>
#include <string.h>

#include "limit.h"

static struct layer_instance *family_serving(void);

#include "../family.h"

static struct layer_instance *family_serving(void)
{
    return dal_layer_serving_(&dal_limit_instances_, dal_limit_alloc_);
}

/* Once a function of the child has been called. */
static struct limit_instance *limiting(void)
{
    return (struct limit_instance *)family_instance();
}

/* Before that. */
static struct limit_instance *limiting_at_first(void)
{
    if (DAL_UNLIKELY_(!family_instance()))
        (void)family_find();
    return limiting();
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static void limited_free(void *ptr)
{
    size_t usable;

    if (!ptr)
        return;
    usable = CHILD(usable_size_function)(ptr);
    CHILD(free_function)(ptr);
    limit_credit(limiting(), usable);
}

__attribute__((noinline, cold)) static void *failed(struct limit_instance *instance, size_t size)
{
    limit_credit(instance, size);
    errno = ENOMEM;
    return NULL;
}

/* Charge for what a block has more than it was charged for; if that is too much, it goes. */
static inline void *settle(struct limit_instance *instance, void *ptr, size_t size)
{
    size_t usable;

    if (DAL_UNLIKELY_(!ptr))
        return failed(instance, size);
    usable = CHILD(usable_size_function)(ptr);
    if (DAL_LIKELY_(usable <= size || limit_charge(instance, usable - size)))
        return ptr;
    CHILD(free_function)(ptr);
    return failed(instance, size);
}

static void *limited_malloc(size_t size)
{
    struct limit_instance *instance = limiting_at_first();

    return DAL_LIKELY_(limit_charge(instance, size))
               ? settle(instance, CHILD(malloc_function)(size), size)
               : NULL;
}

static void *limited_memalign(size_t align, size_t size)
{
    struct limit_instance *instance = limiting_at_first();

    return limit_charge(instance, size)
               ? settle(instance, CHILD(memalign_function)(align, size), size)
               : NULL;
}

/* A product that is too large to be told is the child's to refuse. */
static void *limited_calloc(size_t count, size_t size)
{
    struct limit_instance *instance = limiting_at_first();
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return CHILD(calloc_function)(count, size);
    return limit_charge(instance, bytes)
               ? settle(instance, CHILD(calloc_function)(count, size), bytes)
               : NULL;
}

/* ---- Resizing -------------------------------------------------------------------------------- */

/* What a resized block may have more than was asked for, and is charged for until it is known: it
 * cannot be refused any more then. Classes of sizes are at most a quarter apart, or two pages, but
 * for those of mimalloc between 128 KiB and 2 MiB, which are up to 512 KiB apart. */
static size_t rounding_of(size_t size)
{
    size_t coarse = size < 512 * 1024 ? size : 512 * 1024;

    return (size / 4 > coarse ? size / 4 : coarse) + 8192;
}

/* The child has done it, for a block that was charged for so much. */
static void *resized(struct limit_instance *instance, void *moved, size_t charged)
{
    size_t usable = CHILD(usable_size_function)(moved);

    if (usable < charged)
        limit_credit(instance, charged - usable);
    else if (DAL_UNLIKELY_(usable > charged && !limit_charge(instance, usable - charged)))
        dal_limit_charge_anyway_(instance, usable - charged);
    return moved;
}

/* Near the bound: a block of its own can be refused when it is known how large that is. */
static void *grow_by_copy(void *ptr, size_t usable, size_t size)
{
    void *moved = limited_malloc(size);

    if (!moved)
        return NULL;
    memcpy(moved, ptr, usable);
    limited_free(ptr);
    return moved;
}

static void *limited_realloc(void *ptr, size_t size)
{
    struct limit_instance *instance = limiting_at_first();
    size_t usable, growth = 0;
    void *moved;

    if (!ptr)
        return limited_malloc(size);
    if (size == 0) {
        limited_free(ptr);
        return NULL;
    }
    usable = CHILD(usable_size_function)(ptr);
    if (size > usable) {
        growth = size - usable + rounding_of(size);
        if (!dal_limit_try_(instance, growth))
            return grow_by_copy(ptr, usable, size);
    }
    moved = CHILD(realloc_function)(ptr, size);
    if (!moved)
        return failed(instance, growth);
    moved = resized(instance, moved, usable + growth);
    if (growth)
        dal_limit_look_at_soft_(instance);
    return moved;
}

/* ---- The family ------------------------------------------------------------------------------ */

const struct dal_malloc_family dal_limit_family_ = {
    .malloc_function = limited_malloc,
    .free_function = limited_free,
    .calloc_function = limited_calloc,
    .realloc_function = limited_realloc,
    .memalign_function = limited_memalign,
};
