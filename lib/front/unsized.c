/* SPDX-License-Identifier: MIT */
/*
 * The front for code that does not know the sizes of its blocks: load the family of the
 * allocator that serves, and jump. It starts at a family that resolves the choice first.
 */
#include <config.h>

#include <dispatchalloc/unsized.h>

#include <stdatomic.h>
#include <stdint.h>

#include <dispatchalloc/front.h>

#include "base/malloc_rules.h"
#include "front/family.h"
#include "choice/hook.h"

static const struct dal_malloc_family boot_family;

/* Release when it is resolved, acquire in every call. */
static const struct dal_malloc_family *_Atomic active = &boot_family;

static const struct dal_malloc_family *load(void)
{
    return atomic_load_explicit(&active, memory_order_acquire);
}

/* NULL in a call from inside create(), which the hook has reported. */
static const struct dal_malloc_family *resolve(size_t size, const void *call_site)
{
    const struct dal_instance *winner = dal_hook_resolve_(size, 1, call_site);
    const struct dal_malloc_family *family;

    if (!winner)
        return dal_malloc_fail_(ENOMEM);
    family = dal_family_for_(winner);
    atomic_store_explicit(&active, family, memory_order_release);
    return family;
}

#define BOOT(result, name, parameters, arguments, give, is_first, size, without)                  \
    static result boot_##name parameters                                                          \
    {                                                                                             \
        const struct dal_malloc_family *family = is_first ? resolve(size, DAL_CALL_SITE_) : NULL; \
                                                                                                  \
        if (!family)                                                                              \
            return without;                                                                       \
        give family->name##_function arguments;                                                   \
    }
DAL_FAMILY_FUNCTIONS_(BOOT)

static const struct dal_malloc_family boot_family = DAL_FAMILY_OF_(boot);

void *dal_unsized_malloc(size_t size)
{
    return load()->malloc_function(size);
}

void *dal_unsized_calloc(size_t count, size_t size)
{
    return load()->calloc_function(count, size);
}

void *dal_unsized_realloc(void *ptr, size_t size)
{
    return size <= DAL_MALLOC_REALLOC_MAX_ ? load()->realloc_function(ptr, size)
                                           : dal_malloc_fail_(ENOMEM);
}

void *dal_unsized_reallocarray(void *ptr, size_t count, size_t size)
{
    size_t bytes;

    if (!dal_malloc_product_(count, size, &bytes))
        return NULL;
    return dal_unsized_realloc(ptr, bytes);
}

void dal_unsized_free(void *ptr)
{
    load()->free_function(ptr);
}

void *dal_unsized_aligned_alloc(size_t align, size_t size)
{
    return dal_malloc_aligned_alloc_(load()->memalign_function, align, size);
}

int dal_unsized_posix_memalign(void **out, size_t align, size_t size)
{
    return dal_malloc_posix_memalign_(load()->memalign_function, out, align, size);
}

size_t dal_unsized_usable_size(const void *ptr)
{
    return load()->usable_size_function((void *)(uintptr_t)ptr);
}
