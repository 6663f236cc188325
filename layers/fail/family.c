/* SPDX-License-Identifier: MIT */
/*
 * malloc and its family, over the family of the wrapped allocator. What makes or resizes a block is
 * counted; free and malloc_usable_size are the wrapped allocator's own functions.
 */
#include "fail.h"

static struct layer_instance *family_serving(void);

#include "../family.h"

static struct layer_instance *family_serving(void)
{
    return dal_layer_serving_(&dal_fail_instances_, dal_fail_alloc_);
}

static inline struct fail_instance *here(void)
{
    if (DAL_UNLIKELY_(!family_instance()))
        (void)family_find();
    return (struct fail_instance *)family_instance();
}

static void *failing_malloc(size_t size)
{
    struct fail_instance *instance = here();

    if (fail_is_due(instance, size))
        return dal_fail_refuse_();
    return CHILD(malloc_function)(size);
}

static void *failing_memalign(size_t align, size_t size)
{
    struct fail_instance *instance = here();

    if (fail_is_due(instance, size))
        return dal_fail_refuse_();
    return CHILD(memalign_function)(align, size);
}

/* A product that overflows is refused by the child, and does not count. */
static void *failing_calloc(size_t count, size_t size)
{
    struct fail_instance *instance = here();
    size_t bytes;

    if (!__builtin_mul_overflow(count, size, &bytes) && fail_is_due(instance, bytes))
        return dal_fail_refuse_();
    return CHILD(calloc_function)(count, size);
}

/* With size 0 it frees, which does not count. */
static void *failing_realloc(void *ptr, size_t size)
{
    struct fail_instance *instance = here();

    if ((!ptr || size) && fail_is_due(instance, size))
        return dal_fail_refuse_();
    return CHILD(realloc_function)(ptr, size);
}

const struct dal_malloc_family dal_fail_family_ = {
    .malloc_function = failing_malloc,
    .calloc_function = failing_calloc,
    .realloc_function = failing_realloc,
    .memalign_function = failing_memalign,
};
