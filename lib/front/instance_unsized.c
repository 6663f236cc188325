/* SPDX-License-Identifier: MIT */
/* Calls without sizes on an instance. See instance_unsized.h. */
#include <config.h>

#include "front/instance_unsized.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc/global.h>
#include <dispatchalloc/unsized.h>

#include "base/malloc_rules.h"
#include "chain/slots.h"
#include "base/text.h"

/* What every object that fits into a block needs at most; below that the size decides, and
 * 8 is the least, since programs keep tags in the low bits of pointers. */
static size_t natural_align(size_t size)
{
    return size >= 16 ? 16 : 8;
}

/* Size 0 may give one block twice; here each has to be another. */
static size_t at_least_one(size_t size)
{
    return size ? size : 1;
}

void *dal_known_memalign_(const struct dal_instance *instance, size_t align, size_t size)
{
    void *ptr = NULL;

    if (align < natural_align(size))
        align = natural_align(size);
    if (dal_malloc_layout_is_valid_(size, align))
        ptr = dal_instance_alloc(instance, at_least_one(size), align);
    return ptr ? ptr : dal_malloc_fail_(ENOMEM);
}

void *dal_known_malloc_(const struct dal_instance *instance, size_t size)
{
    return dal_known_memalign_(instance, natural_align(size), size);
}

void *dal_known_calloc_(const struct dal_instance *instance, size_t count, size_t size)
{
    size_t bytes;
    void *ptr = NULL;

    if (dal_malloc_product_(count, size, &bytes) &&
        dal_malloc_layout_is_valid_(bytes, natural_align(bytes)))
        ptr = dal_instance_alloc_zeroed(instance, at_least_one(bytes), natural_align(bytes));
    return ptr ? ptr : dal_malloc_fail_(ENOMEM);
}

void dal_known_free_(const struct dal_instance *instance, void *ptr)
{
    int saved_errno = errno;

    dal_instance_dealloc_unsized(instance, ptr);
    errno = saved_errno;
}

size_t dal_known_usable_size_(const struct dal_instance *instance, const void *ptr)
{
    return ptr ? dal_instance_usable_size(instance, ptr, 0, 0) : 0;
}

/* Not the allocator's realloc, which wants the alignment: that of ptr is not known here. */
void *dal_known_realloc_(const struct dal_instance *instance, void *ptr, size_t size)
{
    size_t old_size;
    void *moved;

    if (!ptr)
        return dal_known_malloc_(instance, size);
    if (size == 0) {
        dal_known_free_(instance, ptr);
        return NULL;
    }
    old_size = dal_known_usable_size_(instance, ptr);
    /* It may be aligned for a smaller size, or for less than malloc promises. */
    if (size <= old_size && size >= old_size / 2 && (uintptr_t)ptr % natural_align(size) == 0)
        return ptr;
    moved = dal_known_malloc_(instance, size);
    if (moved) {
        memcpy(moved, ptr, old_size < size ? old_size : size);
        dal_known_free_(instance, ptr);
    }
    return moved;
}

/* ---- The public calls ------------------------------------------------------------------------ */

static int is_global(const struct dal_instance *instance)
{
    return !instance || instance == dal_global();
}

bool dal_instance_is_unsized(const struct dal_instance *instance)
{
    return is_global(instance) || dal_is_known_(instance);
}

/* The global instance's calls, as a family. Its realloc and memalign check what they are given. */
static size_t global_usable_size(void *ptr)
{
    return dal_unsized_usable_size(ptr);
}

static const struct dal_malloc_family global_family = {
    .abi = DAL_ALLOCATOR_ABI,
    .size_bytes = sizeof global_family,
    .malloc_function = dal_unsized_malloc,
    .free_function = dal_unsized_free,
    .calloc_function = dal_unsized_calloc,
    .realloc_function = dal_unsized_realloc,
    .memalign_function = dal_unsized_aligned_alloc,
    .usable_size_function = global_usable_size,
};

/* The family that serves an instance, which resizes in place where ours has to copy; else NULL. */
static const struct dal_malloc_family *family_of(const struct dal_instance *instance)
{
    if (is_global(instance))
        return &global_family;
    return dal_is_known_(instance) ? dal_tail_of_(instance)->malloc_family : NULL;
}

void *dal_instance_unsized_malloc(const struct dal_instance *instance, size_t size)
{
    const struct dal_malloc_family *family = family_of(instance);

    if (family)
        return family->malloc_function(size);
    return dal_is_known_(instance) ? dal_known_malloc_(instance, size) : dal_malloc_fail_(ENOTSUP);
}

void *dal_instance_unsized_calloc(const struct dal_instance *instance, size_t count, size_t size)
{
    const struct dal_malloc_family *family = family_of(instance);

    if (family)
        return family->calloc_function(count, size);
    return dal_is_known_(instance) ? dal_known_calloc_(instance, count, size)
                                   : dal_malloc_fail_(ENOTSUP);
}

/* A block of unknown size cannot be copied. Giving it back may be possible. */
static void *refuse_to_resize(const struct dal_instance *instance, void *ptr, size_t size)
{
    if (!ptr || size > 0)
        return dal_malloc_fail_(ENOTSUP);
    dal_instance_dealloc_unsized(instance, ptr);
    return NULL;
}

void *dal_instance_unsized_realloc(const struct dal_instance *instance, void *ptr, size_t size)
{
    const struct dal_malloc_family *family = family_of(instance);

    if (!family && !dal_is_known_(instance))
        return refuse_to_resize(instance, ptr, size);
    if (!family)
        return dal_known_realloc_(instance, ptr, size);
    return size <= DAL_MALLOC_REALLOC_MAX_ ? family->realloc_function(ptr, size)
                                           : dal_malloc_fail_(ENOMEM);
}

void *dal_instance_unsized_aligned_alloc(const struct dal_instance *instance, size_t align,
                                         size_t size)
{
    const struct dal_malloc_family *family = family_of(instance);

    if (!family && !dal_is_known_(instance))
        return dal_malloc_fail_(ENOTSUP);
    if (family)
        return dal_malloc_aligned_alloc_(family->memalign_function, align, size);
    return dal_malloc_is_power_of_two_(align) ? dal_known_memalign_(instance, align, size)
                                              : dal_malloc_fail_(EINVAL);
}

/* Also for an instance that takes blocks back without their sizes and can do no more. */
void dal_instance_unsized_free(const struct dal_instance *instance, void *ptr)
{
    const struct dal_malloc_family *family = family_of(instance);

    if (family)
        family->free_function(ptr);
    else if (ptr)
        dal_known_free_(instance, ptr);
}

size_t dal_instance_unsized_usable_size(const struct dal_instance *instance, const void *ptr)
{
    if (is_global(instance))
        return dal_unsized_usable_size(ptr);
    return dal_is_known_(instance) ? dal_known_usable_size_(instance, ptr) : 0;
}
