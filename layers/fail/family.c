/* SPDX-License-Identifier: MIT */
/*
 * malloc and its family, over the family of the wrapped allocator. What makes or resizes a block is
 * counted; free and malloc_usable_size are the wrapped allocator's own functions.
 */
#include "fail.h"

/* The newest of those that have a family; each leads to an older one. Release where it is stored,
 * acquire where it is read, for what the instance holds. */
static _Atomic(struct fail_instance *) newest;

/* What the functions, which have no ctx, stand for: the instance that serves. The first call finds
 * it, and it never changes after. Release and acquire, for what the instance holds. */
static _Atomic(struct fail_instance *) serving;

/* Where another layer has a family over ours, the one that serves cannot be asked for it. Threads
 * that come here at once find the same. */
__attribute__((noinline, cold)) static struct fail_instance *find_serving(void)
{
    struct fail_instance *instance = dal_fail_layer_of_(NULL);

    if (!instance) {
        instance = atomic_load_explicit(&newest, memory_order_acquire);
        while (instance->older &&
               atomic_load_explicit(&instance->state, memory_order_relaxed) != FAIL_LIVE)
            instance = instance->older;
    }
    atomic_store_explicit(&serving, instance, memory_order_release);
    return instance;
}

static inline struct fail_instance *here(void)
{
    struct fail_instance *instance = atomic_load_explicit(&serving, memory_order_acquire);

    return DAL_LIKELY_(instance) ? instance : find_serving();
}

static void *failing_malloc(size_t size)
{
    struct fail_instance *instance = here();

    if (fail_is_due(instance, size))
        return dal_fail_refuse_();
    return instance->child_family.malloc_function(size);
}

static void *failing_memalign(size_t align, size_t size)
{
    struct fail_instance *instance = here();

    if (fail_is_due(instance, size))
        return dal_fail_refuse_();
    return instance->child_family.memalign_function(align, size);
}

/* A product that overflows is refused by the child, and does not count. */
static void *failing_calloc(size_t count, size_t size)
{
    struct fail_instance *instance = here();
    size_t bytes;

    if (!__builtin_mul_overflow(count, size, &bytes) && fail_is_due(instance, bytes))
        return dal_fail_refuse_();
    return instance->child_family.calloc_function(count, size);
}

/* With size 0 it frees, which does not count. */
static void *failing_realloc(void *ptr, size_t size)
{
    struct fail_instance *instance = here();

    if ((!ptr || size) && fail_is_due(instance, size))
        return dal_fail_refuse_();
    return instance->child_family.realloc_function(ptr, size);
}

void dal_fail_family_give_(struct fail_instance *instance, const struct dal_malloc_family *child,
                           struct dal_allocator *allocator)
{
    instance->child_family = *child;
    instance->family = (struct dal_malloc_family){
        DAL_ALLOCATOR_ABI, sizeof instance->family, failing_malloc,   child->free_function,
        failing_calloc,    failing_realloc,         failing_memalign, child->usable_size_function};
    allocator->malloc_family = &instance->family;
    atomic_store_explicit(&instance->state, FAIL_LIVE, memory_order_relaxed);
    instance->older = atomic_load_explicit(&newest, memory_order_acquire);
    while (!atomic_compare_exchange_weak_explicit(&newest, &instance->older, instance,
                                                  memory_order_release, memory_order_acquire))
        ;
}
