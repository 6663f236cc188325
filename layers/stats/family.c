/* SPDX-License-Identifier: MIT */
/* malloc and its family, counted: see ../family.h. */
#include <errno.h>

#include "stats.h"

static struct layer_instance *family_serving(void);

#include "../family.h"

static struct stats_instance *counting(void)
{
    return (struct stats_instance *)family_instance();
}

/* A block came, or goes, that needs the long way; errno is the caller's. */
__attribute__((noinline, cold)) static void count_long(size_t size, int is_made)
{
    struct stats_event event = {
        .operation = is_made ? STATS_ALLOC : STATS_DEALLOC,
        .has_new = is_made,
        .new_size = size,
        .has_old = !is_made,
        .old_size = size,
    };
    struct stats_instance *instance = counting();
    int saved_errno = errno;

    if (!stats_is_block(stats_mine(instance)))
        dal_stats_count_(instance, &event);
    else if (is_made)
        dal_stats_count_made_(instance, size);
    else
        dal_stats_count_given_(instance, size);
    errno = saved_errno;
}

/* They ask for the size once more, so that a small block needs no register for it. */
__attribute__((noinline)) static void count_large_made(void *ptr)
{
    size_t size = CHILD(usable_size_function)(ptr);

    if (!stats_count_made(counting(), stats_mine(counting()), size))
        count_long(size, 1);
}

__attribute__((noinline)) static void count_large_given(void *ptr)
{
    size_t size = CHILD(usable_size_function)(ptr);

    if (!stats_count_given(counting(), stats_mine(counting()), size))
        count_long(size, 0);
}

/* Returns the counters that this thread had before. */
static inline struct stats_counters *count_made(void *ptr)
{
    size_t size = CHILD(usable_size_function)(ptr);
    struct stats_counters *counters = stats_mine(counting());

    if (!stats_count_short(&counters->recent_made[stats_class_of(size)], size))
        count_large_made(ptr);
    return counters;
}

static inline void count_given(void *ptr)
{
    size_t size = CHILD(usable_size_function)(ptr);

    if (!stats_count_short(&stats_mine(counting())->recent_given[stats_class_of(size)], size))
        count_large_given(ptr);
}

__attribute__((noinline, cold)) static void *failed(enum stats_operation operation)
{
    dal_stats_count_failed_(counting(), operation);
    errno = ENOMEM;
    return NULL;
}

static void *counted_malloc(size_t size)
{
    void *ptr = CHILD(malloc_function)(size);

    if (DAL_UNLIKELY_(!ptr))
        return failed(STATS_ALLOC);
    (void)count_made(ptr);
    return ptr;
}

static void *counted_memalign(size_t align, size_t size)
{
    void *ptr = CHILD(memalign_function)(align, size);

    if (DAL_UNLIKELY_(!ptr))
        return failed(STATS_ALLOC);
    (void)count_made(ptr);
    return ptr;
}

/* Counts first, since afterwards another thread may have the block, and then jumps. */
static void counted_free(void *ptr)
{
    if (DAL_LIKELY_(ptr))
        count_given(ptr);
    CHILD(free_function)(ptr);
}

static void *counted_calloc(size_t count, size_t size)
{
    void *ptr = CHILD(calloc_function)(count, size);

    if (DAL_UNLIKELY_(!ptr))
        return failed(STATS_ALLOC_ZEROED);
    stats_count_call(counting(), STATS_ALLOC_ZEROED, 0, 0, CHILD(usable_size_function)(ptr));
    return ptr;
}

static void *counted_realloc(void *ptr, size_t size)
{
    size_t old_size;
    void *moved;

    if (DAL_UNLIKELY_(ptr && size == 0)) {
        counted_free(ptr);
        return NULL;
    }
    old_size = CHILD(usable_size_function)(ptr);
    moved = CHILD(realloc_function)(ptr, size);
    if (DAL_UNLIKELY_(!moved))
        return failed(STATS_REALLOC);
    stats_count_call(counting(), STATS_REALLOC, ptr != NULL, old_size,
                     CHILD(usable_size_function)(moved));
    return moved;
}

/* ---- With lifetimes=on: the instance is known once the child was called ------------------------
 */

static inline void *follow_made(void *ptr)
{
    if (DAL_LIKELY_(ptr) && stats_is_to_follow(stats_mine(counting())))
        dal_stats_life_begins_(counting(), ptr);
    return ptr;
}

static void *followed_malloc(size_t size)
{
    void *ptr = CHILD(malloc_function)(size);

    if (DAL_UNLIKELY_(!ptr))
        return failed(STATS_ALLOC);
    if (stats_is_to_follow(count_made(ptr)))
        dal_stats_life_begins_(counting(), ptr);
    return ptr;
}

static void *followed_memalign(size_t align, size_t size)
{
    return follow_made(counted_memalign(align, size));
}

static void *followed_calloc(size_t count, size_t size)
{
    return follow_made(counted_calloc(count, size));
}

static void followed_free(void *ptr)
{
    if (DAL_LIKELY_(ptr)) {
        count_given(ptr);
        if (DAL_UNLIKELY_(stats_is_followed(counting(), ptr)))
            dal_stats_life_ends_(counting(), ptr);
    }
    CHILD(free_function)(ptr);
}

static void *followed_realloc(void *ptr, size_t size)
{
    uint64_t born;
    void *moved;

    if (!ptr)
        return follow_made(counted_realloc(ptr, size));
    if (size == 0) {
        followed_free(ptr);
        return NULL;
    }
    /* The first call of all may be this one, and finds the instance. */
    (void)CHILD(usable_size_function)(ptr);
    born = stats_is_followed(counting(), ptr) ? dal_stats_life_leaves_(counting(), ptr) : 0;
    moved = counted_realloc(ptr, size);
    if (born)
        dal_stats_life_goes_on_(counting(), moved ? moved : ptr, born);
    return moved;
}

/* ---- Which instance -------------------------------------------------------------------------- */

static struct layer_instance *family_serving(void)
{
    struct stats_instance *instance = dal_stats_layer_of_(NULL);

    return instance ? &instance->listed : dal_layer_serving_(&dal_stats_instances_, NULL);
}

const struct dal_malloc_family dal_stats_family_ = {
    .malloc_function = counted_malloc,
    .free_function = counted_free,
    .calloc_function = counted_calloc,
    .realloc_function = counted_realloc,
    .memalign_function = counted_memalign,
};

const struct dal_malloc_family dal_stats_following_family_ = {
    .malloc_function = followed_malloc,
    .free_function = followed_free,
    .calloc_function = followed_calloc,
    .realloc_function = followed_realloc,
    .memalign_function = followed_memalign,
};
