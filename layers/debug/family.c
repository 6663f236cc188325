/* SPDX-License-Identifier: MIT */
/*
 * malloc and its family, watched: over the family of the wrapped allocator. Sizes come from the
 * register, since who gives a block back says none.
 */
#include <errno.h>

#include <dispatchalloc/global.h>

#include "debug.h"

/* The exported functions get here by a jump, so this is the address in the program. */
#define SITE __builtin_return_address(0)

/* What the functions, which have no ctx, stand for: the instance that serves. The first call finds
 * it, and it never changes after, since who serves does not. Release and acquire, so that who finds
 * it finds what is in it. */
static _Atomic(struct debug_instance *) watched;

/* Where another layer has a family over ours, the one that serves cannot be asked for it. Threads
 * that come here at once find the same. */
__attribute__((noinline, cold)) static struct debug_instance *find(void)
{
    const struct dal_instance *active = dal_global_active();
    struct debug_instance *instance = active && active->alloc.call == dal_debug_alloc_
                                          ? active->alloc.ctx
                                          : dal_debug_latest_with_family_();

    atomic_store_explicit(&watched, instance, memory_order_release);
    return instance;
}

static inline struct debug_instance *watching(void)
{
    struct debug_instance *instance = atomic_load_explicit(&watched, memory_order_acquire);

    return DAL_LIKELY_(instance) ? instance : find();
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void *answer(void *ptr)
{
    if (!ptr)
        errno = ENOMEM;
    return ptr;
}

static void *make_otherwise(struct debug_instance *instance, enum debug_call_name name, size_t size,
                            size_t align, const void *site, int is_zeroed)
{
    return answer(
        dal_debug_make_(instance, &(struct debug_call){name, NULL, size, align, site}, is_zeroed));
}

/* A block that the child's own function has made. */
static inline void *made(struct debug_instance *instance, void *ptr, enum debug_call_name name,
                         size_t size, size_t align, const void *site)
{
    if (DAL_LIKELY_(ptr && debug_register_add(&instance->blocks, ptr, debug_word(size, align, name),
                                              debug_stack(instance, site))))
        return ptr;
    instance->child_family.free_function(ptr);
    return answer(NULL);
}

static void *debug_malloc(size_t size)
{
    struct debug_instance *instance = watching();
    const void *site = SITE;

    if (DAL_UNLIKELY_(!instance->is_plain || size > DEBUG_SIZE_MAX))
        return make_otherwise(instance, DEBUG_MALLOC, size, DAL_MIN_ALIGN, site, 0);
    return made(instance, instance->child_family.malloc_function(size), DEBUG_MALLOC, size,
                DAL_MIN_ALIGN, site);
}

static void *debug_calloc(size_t count, size_t size)
{
    struct debug_instance *instance = watching();
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes) || bytes > DEBUG_SIZE_MAX)
        return answer(NULL);
    if (!instance->is_plain)
        return make_otherwise(instance, DEBUG_CALLOC, bytes, DAL_MIN_ALIGN, SITE, 1);
    return made(instance, instance->child_family.calloc_function(count, size), DEBUG_CALLOC, bytes,
                DAL_MIN_ALIGN, SITE);
}

static void *debug_memalign(size_t align, size_t size)
{
    struct debug_instance *instance = watching();

    if (!instance->is_plain || size > DEBUG_SIZE_MAX)
        return make_otherwise(instance, DEBUG_MEMALIGN, size, align, SITE, 0);
    return made(instance, instance->child_family.memalign_function(align, size), DEBUG_MEMALIGN,
                size, align, SITE);
}

/* ---- Taking back ----------------------------------------------------------------------------- */

__attribute__((noinline, cold)) static void free_otherwise(struct debug_instance *instance,
                                                           struct debug_record record, void *ptr,
                                                           enum debug_call_name name,
                                                           const void *site)
{
    int saved_errno = errno;

    dal_debug_end_otherwise_(instance, record, &(struct debug_call){name, ptr, 0, 0, site});
    errno = saved_errno;
}

static void debug_free(void *ptr)
{
    struct debug_instance *instance = watching();
    struct debug_record record;
    uint64_t word;

    if (!ptr)
        return;
    record = debug_register_take(&instance->blocks, ptr);
    if (DAL_UNLIKELY_(!record.line || !instance->is_plain)) {
        free_otherwise(instance, record, ptr, DEBUG_FREE, SITE);
        return;
    }
    word = debug_record_word(record);
    if (DAL_UNLIKELY_(!debug_is_of_family(word))) {
        free_otherwise(instance, record, ptr, DEBUG_FREE, SITE);
        return;
    }
    debug_ring_put(instance->tables->rings, (uintptr_t)ptr, debug_word_ended(word, DEBUG_FREE),
                   debug_record_stack(record), debug_stack(instance, SITE));
    debug_record_release(record, DEBUG_KEY_FREE);
    instance->child_family.free_function(ptr);
}

static void *resize(struct debug_instance *instance, void *ptr, size_t size, const void *site)
{
    const struct debug_call call = {DEBUG_MALLOC_RESIZE, ptr, 0, 0, site};
    int is_lost;
    struct debug_record record = dal_debug_take_(instance, &call, &is_lost);

    if (!record.line && is_lost)
        return instance->child_family.realloc_function(ptr, size);
    if (!record.line) {
        errno = EINVAL;
        return NULL;
    }
    if (!instance->is_plain || size > DEBUG_SIZE_MAX ||
        !debug_is_of_family(debug_record_word(record)))
        return answer(dal_debug_copy_(instance, record, &call, size, DAL_MIN_ALIGN, 0));
    return dal_debug_resized_(instance, record, &call,
                              instance->child_family.realloc_function(ptr, size), size,
                              DAL_MIN_ALIGN);
}

static void *debug_realloc(void *ptr, size_t size)
{
    struct debug_instance *instance = watching();

    if (!ptr)
        return make_otherwise(instance, DEBUG_MALLOC_RESIZE, size, DAL_MIN_ALIGN, SITE, 0);
    if (size == 0) {
        free_otherwise(instance, debug_register_take(&instance->blocks, ptr), ptr,
                       DEBUG_MALLOC_RESIZE, SITE);
        return NULL;
    }
    return resize(instance, ptr, size, SITE);
}

static size_t debug_usable_size(void *ptr)
{
    struct debug_instance *instance = watching();
    size_t size;

    if (!ptr)
        return 0;
    size = dal_debug_size_of_(instance, &(struct debug_call){DEBUG_MALLOC_SIZE, ptr, 0, 0, SITE});
    if (size != SIZE_MAX)
        return size;
    return atomic_load_explicit(&instance->lost, memory_order_relaxed)
               ? instance->child_family.usable_size_function(ptr)
               : 0;
}

void dal_debug_family_give_(struct debug_instance *instance,
                            const struct dal_malloc_family *child_family,
                            struct dal_allocator *allocator)
{
    /* The functions cannot stand for two. */
    if (child_family->malloc_function == debug_malloc)
        return;
    instance->child_family = *child_family;
    instance->family = (struct dal_malloc_family){
        DAL_ALLOCATOR_ABI, sizeof instance->family, debug_malloc,   debug_free,
        debug_calloc,      debug_realloc,           debug_memalign, debug_usable_size};
    allocator->malloc_family = &instance->family;
}
