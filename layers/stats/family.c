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

/* A block came, or goes, whose size does not go into its word; errno is the caller's. */
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

    if (!dal_stats_can_go_short_(instance, size, is_made) ||
        !stats_count_short(
            is_made ? stats_mine(instance)->recent_made : stats_mine(instance)->recent_given, size))
        dal_stats_count_(instance, &event);
    errno = saved_errno;
}

static inline void count_made(size_t size)
{
    if (!stats_count_short(stats_mine(counting())->recent_made, size))
        count_long(size, 1);
}

static inline void count_given(size_t size)
{
    if (!stats_count_short(stats_mine(counting())->recent_given, size))
        count_long(size, 0);
}

__attribute__((noinline, cold)) static void *failed(enum stats_operation operation)
{
    struct stats_event event = {.operation = operation, .failed = 1};

    dal_stats_count_(counting(), &event);
    errno = ENOMEM;
    return NULL;
}

static void *counted_malloc(size_t size)
{
    void *ptr = CHILD(malloc_function)(size);

    if (DAL_UNLIKELY_(!ptr))
        return failed(STATS_ALLOC);
    count_made(CHILD(usable_size_function)(ptr));
    return ptr;
}

static void *counted_memalign(size_t align, size_t size)
{
    void *ptr = CHILD(memalign_function)(align, size);

    if (DAL_UNLIKELY_(!ptr))
        return failed(STATS_ALLOC);
    count_made(CHILD(usable_size_function)(ptr));
    return ptr;
}

/* Counts first, since afterwards another thread may have the block, and then jumps. */
static void counted_free(void *ptr)
{
    if (DAL_LIKELY_(ptr))
        count_given(CHILD(usable_size_function)(ptr));
    CHILD(free_function)(ptr);
}

static void *counted_calloc(size_t count, size_t size)
{
    struct stats_event event = {.operation = STATS_ALLOC_ZEROED, .has_new = 1};
    void *ptr = CHILD(calloc_function)(count, size);
    int saved_errno = errno;

    if (!ptr)
        return failed(STATS_ALLOC_ZEROED);
    event.new_size = CHILD(usable_size_function)(ptr);
    dal_stats_count_(counting(), &event);
    errno = saved_errno;
    return ptr;
}

static void *counted_realloc(void *ptr, size_t size)
{
    struct stats_event event = {.operation = STATS_REALLOC, .has_old = ptr != NULL, .has_new = 1};
    int saved_errno;
    void *moved;

    if (ptr && size == 0) {
        counted_free(ptr);
        return NULL;
    }
    event.old_size = CHILD(usable_size_function)(ptr);
    moved = CHILD(realloc_function)(ptr, size);
    saved_errno = errno;
    if (!moved)
        return failed(STATS_REALLOC);
    event.new_size = CHILD(usable_size_function)(moved);
    dal_stats_count_(counting(), &event);
    errno = saved_errno;
    return moved;
}

/* ---- Which instance -------------------------------------------------------------------------- */

static struct layer_instance *family_serving(void)
{
    return dal_layer_serving_(&dal_stats_instances_, dal_stats_alloc_);
}

const struct dal_malloc_family dal_stats_family_ = {
    .malloc_function = counted_malloc,
    .free_function = counted_free,
    .calloc_function = counted_calloc,
    .realloc_function = counted_realloc,
    .memalign_function = counted_memalign,
};
