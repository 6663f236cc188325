/* SPDX-License-Identifier: MIT */
/*
 * malloc and its family, counted: over the family of the wrapped allocator, which knows its blocks
 * by their addresses. No block gets a header for it, and what resizes in place goes on to do so.
 *
 * Who gives a block back does not say how large it was asked for. So what is counted here is the
 * usable size, which the allocator tells of every block at any time.
 */
#include <errno.h>

#include "stats.h"

/* What the functions, which have no ctx, stand for: the instance that serves, and the functions of
 * the allocator below it. The first call finds them; they never change after, since who serves does
 * not. Release, the instance before the functions; the functions are loaded with acquire, so that
 * who calls one finds the instance as well. */
static _Atomic(struct stats_instance *) counted;

/* (The library has such a list, which is private.) */
#define FUNCTIONS(X)                                                        \
    X(void *, malloc, (size_t size), (size), return)                        \
    X(void, free, (void *ptr), (ptr), )                                     \
    X(void *, calloc, (size_t count, size_t size), (count, size), return)   \
    X(void *, realloc, (void *ptr, size_t size), (ptr, size), return)       \
    X(void *, memalign, (size_t align, size_t size), (align, size), return) \
    X(size_t, usable_size, (void *ptr), (ptr), return)

#define DECLARE(result, name, parameters, arguments, give) static result boot_##name parameters;
FUNCTIONS(DECLARE)

static struct {
#define MEMBER(result, name, parameters, arguments, give) \
    result(*_Atomic name##_function) parameters;
    FUNCTIONS(MEMBER)
} child = {boot_malloc, boot_free, boot_calloc, boot_realloc, boot_memalign, boot_usable_size};

#define CHILD(function) atomic_load_explicit(&child.function, memory_order_acquire)

static struct stats_instance *counting(void)
{
    return atomic_load_explicit(&counted, memory_order_relaxed);
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

/* ---- The first call -------------------------------------------------------------------------- */

/* Where another layer has a family over ours, the one that serves cannot be asked for it. Threads
 * that come here at once find the same. */
static const struct dal_malloc_family *find_child(void)
{
    struct stats_instance *instance = dal_stats_layer_of_(NULL);
    const struct dal_malloc_family *found;

    if (!instance)
        instance = dal_stats_latest_with_family_();
    found = &instance->child_family;
    atomic_store_explicit(&counted, instance, memory_order_release);
#define STORE(result, name, parameters, arguments, give) \
    atomic_store_explicit(&child.name##_function, found->name##_function, memory_order_release);
    FUNCTIONS(STORE)
    return found;
}

#define BOOT(result, name, parameters, arguments, give) \
    static result boot_##name parameters                \
    {                                                   \
        give find_child()->name##_function arguments;   \
    }
FUNCTIONS(BOOT)

void dal_stats_family_give_(struct stats_instance *instance,
                            const struct dal_malloc_family *child_family,
                            struct dal_allocator *allocator)
{
    instance->child_family = *child_family;
    instance->family =
        (struct dal_malloc_family){DAL_ALLOCATOR_ABI, sizeof instance->family,
                                   counted_malloc,    counted_free,
                                   counted_calloc,    counted_realloc,
                                   counted_memalign,  child_family->usable_size_function};
    allocator->malloc_family = &instance->family;
}
