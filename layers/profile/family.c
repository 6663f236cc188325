/* SPDX-License-Identifier: MIT */
/*
 * malloc and its family, some of whose blocks are sampled: see ../family.h. What tells whether a
 * call is passed on stands in this file's own data, and not behind the instance.
 */
#include "profile.h"

static struct layer_instance *family_serving(void);

#include "../family.h"

static struct layer_instance *family_serving(void)
{
    struct profile_instance *instance = dal_profile_layer_of_(NULL);

    return instance ? &instance->listed : dal_layer_serving_(&dal_profile_instances_, NULL);
}

#define SITE __builtin_return_address(0)

/* The filter of the instance that serves, once it has a sample; before that of any, whose memory
 * stays. Release and acquire: where it is. */
static _Atomic(_Atomic(uint16_t) *) family_filter;

static inline int is_sampled(const void *ptr)
{
    return profile_filter_has(atomic_load_explicit(&family_filter, memory_order_acquire), ptr);
}

/* The one that serves. */
static struct profile_instance *sampling(void)
{
    struct profile_instance *instance;

    if (!family_instance())
        (void)family_find();
    instance = (struct profile_instance *)family_instance();
    atomic_store_explicit(&family_filter, instance->filter, memory_order_release);
    return instance;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void *made(void *ptr, size_t size, const void *site)
{
    if (ptr)
        dal_profile_made_((struct profile_instance *)family_instance(), ptr, size, site);
    return ptr;
}

static int is_drawn(size_t size)
{
    return dal_profile_draw_(sampling(), &dal_profile_clock_, size);
}

__attribute__((noinline, cold)) static void *malloc_long(size_t size, const void *site)
{
    int drawn = is_drawn(size);
    void *ptr = CHILD(malloc_function)(size);

    return drawn ? made(ptr, size, site) : ptr;
}

static void *sampled_malloc(size_t size)
{
    if (profile_is_due(&dal_profile_clock_, size, 0))
        return malloc_long(size, SITE);
    return CHILD(malloc_function)(size);
}

__attribute__((noinline, cold)) static void *memalign_long(size_t align, size_t size,
                                                           const void *site)
{
    int drawn = is_drawn(size);
    void *ptr = CHILD(memalign_function)(align, size);

    return drawn ? made(ptr, size, site) : ptr;
}

static void *sampled_memalign(size_t align, size_t size)
{
    if (profile_is_due(&dal_profile_clock_, size, 0))
        return memalign_long(align, size, SITE);
    return CHILD(memalign_function)(align, size);
}

__attribute__((noinline, cold)) static void *calloc_long(size_t count, size_t size,
                                                         const void *site)
{
    int drawn = is_drawn(count * size);
    void *ptr = CHILD(calloc_function)(count, size);

    return drawn ? made(ptr, count * size, site) : ptr;
}

/* A product that is too large to be told is the child's to refuse. */
static void *sampled_calloc(size_t count, size_t size)
{
    size_t bytes;

    if (!__builtin_mul_overflow(count, size, &bytes) &&
        profile_is_due(&dal_profile_clock_, bytes, 0))
        return calloc_long(count, size, SITE);
    return CHILD(calloc_function)(count, size);
}

/* ---- Ending and resizing --------------------------------------------------------------------- */

__attribute__((noinline, cold)) static void free_long(void *ptr)
{
    if (family_instance())
        dal_profile_end_((struct profile_instance *)family_instance(), ptr);
    CHILD(free_function)(ptr);
}

static void sampled_free(void *ptr)
{
    if (is_sampled(ptr)) {
        free_long(ptr);
        return;
    }
    CHILD(free_function)(ptr);
}

__attribute__((noinline, cold)) static void *realloc_long(void *ptr, size_t size, int is_due,
                                                          const void *site)
{
    struct profile_instance *instance = sampling();
    struct profile_resize resize;
    void *moved;

    dal_profile_resize_begin_(instance, &resize, ptr, is_due && is_drawn(size));
    moved = CHILD(realloc_function)(ptr, size);
    dal_profile_resize_end_(instance, &resize, moved != NULL, moved, size, site);
    return moved;
}

static void *sampled_realloc(void *ptr, size_t size)
{
    if (ptr && size == 0) {
        sampled_free(ptr);
        return NULL;
    }
    if (profile_is_due(&dal_profile_clock_, size, 0))
        return realloc_long(ptr, size, 1, SITE);
    if (is_sampled(ptr))
        return realloc_long(ptr, size, 0, SITE);
    return CHILD(realloc_function)(ptr, size);
}

/* ---- The family ------------------------------------------------------------------------------ */

/* The filter is there before the first block that may be looked for in it. */
void dal_profile_family_open_(struct profile_instance *instance)
{
    _Atomic(uint16_t) *none = NULL;

    (void)atomic_compare_exchange_strong_explicit(&family_filter, &none, instance->filter,
                                                  memory_order_release, memory_order_relaxed);
}

const struct dal_malloc_family dal_profile_family_ = {
    .malloc_function = sampled_malloc,
    .free_function = sampled_free,
    .calloc_function = sampled_calloc,
    .realloc_function = sampled_realloc,
    .memalign_function = sampled_memalign,
};
