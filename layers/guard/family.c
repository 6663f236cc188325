/* SPDX-License-Identifier: MIT */
/*
 * malloc and its family, some of whose blocks are guarded: see ../family.h. What tells whether a
 * call is passed on stands in this file's own data, and not behind the instance, which saves it a
 * load.
 */
#include <errno.h>
#include <string.h>

#include <dispatchalloc/layout.h>

#include "guard.h"

static struct layer_instance *family_serving(void);

#include "../family.h"

static struct layer_instance *family_serving(void)
{
    return dal_layer_serving_(&dal_guard_instances_, dal_guard_alloc_);
}

#define SITE __builtin_return_address(0)

/* The pages of the instance that serves, once it is to make the first guarded block; before that
 * none. How many bytes is stored last, with release, and loaded first, with acquire: then where
 * they begin is there as well. */
static _Atomic(uintptr_t) guarded_start;
static _Atomic(size_t) guarded_bytes;

static inline int is_guarded(const void *ptr)
{
    size_t bytes = atomic_load_explicit(&guarded_bytes, memory_order_acquire);
    uintptr_t start = atomic_load_explicit(&guarded_start, memory_order_relaxed);

    return DAL_UNLIKELY_((uintptr_t)ptr - start < bytes) != 0;
}

/* Of the calls of the malloc family, whichever instance serves it. */
static _Thread_local int32_t family_clock;

void dal_guard_family_forget_(void)
{
    family_clock = 0;
}

/* Once there are guarded blocks. */
static struct guard_instance *guarding(void)
{
    return (struct guard_instance *)family_instance();
}

/* Before that. */
static struct guard_instance *guarding_at_first(void)
{
    struct guard_instance *instance;

    if (!family_instance())
        (void)family_find();
    instance = guarding();
    atomic_store_explicit(&guarded_start, instance->pool.start, memory_order_relaxed);
    atomic_store_explicit(&guarded_bytes, instance->pool.bytes, memory_order_release);
    return instance;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void *sample(size_t size, size_t align, int is_zeroed, const void *site)
{
    return dal_guard_sample_(guarding_at_first(), &family_clock,
                             &(struct guard_call){size, align, is_zeroed, site});
}

/* As the allocators do it that align small blocks least: an object of less bytes has no use for
 * more, and the end of the block is nearer to the end of the page. */
static size_t align_of(size_t size)
{
    return size >= DAL_MIN_ALIGN ? DAL_MIN_ALIGN : sizeof(void *);
}

__attribute__((noinline, cold)) static void *malloc_long(size_t size, const void *site)
{
    void *ptr = sample(size, align_of(size), 0, site);

    return ptr ? ptr : CHILD(malloc_function)(size);
}

static void *guarded_malloc(size_t size)
{
    if (guard_is_due(&family_clock))
        return malloc_long(size, SITE);
    return CHILD(malloc_function)(size);
}

static void *guarded_memalign(size_t align, size_t size)
{
    void *ptr = guard_is_due(&family_clock) ? sample(size, align, 0, SITE) : NULL;

    return ptr ? ptr : CHILD(memalign_function)(align, size);
}

/* A product that is too large to be told is the child's to refuse. */
static void *guarded_calloc(size_t count, size_t size)
{
    void *ptr = NULL;
    size_t bytes;

    if (guard_is_due(&family_clock) && !__builtin_mul_overflow(count, size, &bytes))
        ptr = sample(bytes, align_of(bytes), 1, SITE);
    return ptr ? ptr : CHILD(calloc_function)(count, size);
}

/* ---- Ending, resizing, asking ---------------------------------------------------------------- */

static void guarded_free(void *ptr)
{
    if (is_guarded(ptr)) {
        dal_guard_end_(guarding(), ptr, "free", SITE);
        return;
    }
    CHILD(free_function)(ptr);
}

__attribute__((noinline, cold)) static void *move(void *ptr, size_t size, const void *site)
{
    struct guard_instance *instance = guarding();
    size_t old_size = dal_guard_size_of_(instance, ptr, "realloc", site);
    void *moved;

    if (old_size == SIZE_MAX) {
        errno = EINVAL;
        return NULL;
    }
    if (size == 0)
        moved = NULL;
    else if (guard_is_due(&family_clock))
        moved = malloc_long(size, site);
    else
        moved = CHILD(malloc_function)(size);
    if (moved)
        memcpy(moved, ptr, old_size < size ? old_size : size);
    if (moved || size == 0)
        dal_guard_end_(instance, ptr, "realloc", site);
    return moved;
}

static void *guarded_realloc(void *ptr, size_t size)
{
    if (is_guarded(ptr))
        return move(ptr, size, SITE);
    if (!ptr && guard_is_due(&family_clock))
        return malloc_long(size, SITE);
    return CHILD(realloc_function)(ptr, size);
}

static size_t guarded_usable_size(void *ptr)
{
    size_t size;

    if (!is_guarded(ptr))
        return CHILD(usable_size_function)(ptr);
    size = dal_guard_size_of_(guarding(), ptr, "malloc_usable_size", SITE);
    return size == SIZE_MAX ? 0 : size;
}

/* ---- Giving it ------------------------------------------------------------------------------- */

const struct dal_malloc_family dal_guard_family_ = {
    .malloc_function = guarded_malloc,
    .free_function = guarded_free,
    .calloc_function = guarded_calloc,
    .realloc_function = guarded_realloc,
    .memalign_function = guarded_memalign,
    .usable_size_function = guarded_usable_size,
};
