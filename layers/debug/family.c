/* SPDX-License-Identifier: MIT */
/*
 * malloc and its family, watched: over the family of the wrapped allocator. Sizes come from the
 * register, since who gives a block back says none.
 */
#include <errno.h>

#include "debug.h"

static struct layer_instance *family_serving(void);

#include "../family.h"

/* The exported functions get here by a jump, so this is the address in the program. */
#define SITE __builtin_return_address(0)

static struct layer_instance *family_serving(void)
{
    return dal_layer_serving_(&dal_debug_instances_, dal_debug_alloc_);
}

__attribute__((noinline, cold)) static struct debug_instance *find(void)
{
    (void)family_find();
    return (struct debug_instance *)family_instance();
}

static inline struct debug_instance *watching(void)
{
    struct layer_instance *instance = family_instance();

    return DAL_LIKELY_(instance) ? (struct debug_instance *)instance : find();
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void *answer(void *ptr)
{
    if (!ptr)
        errno = ENOMEM;
    return ptr;
}

static void *make(struct debug_instance *instance, enum debug_call_name name, size_t size,
                  size_t align, const void *site, int is_zeroed)
{
    return answer(
        dal_debug_make_(instance, &(struct debug_call){name, NULL, size, align, site}, is_zeroed));
}

/* The first line has no room, or what is not to be in it. */
__attribute__((noinline)) static void *add_long(struct debug_instance *instance, void *ptr,
                                                uint64_t word, uint32_t stack, const void *site)
{
    const struct debug_call call = {DEBUG_MALLOC, NULL, DEBUG_UNSAID, DEBUG_UNSAID, site};

    if (dal_debug_register_new_(instance, &call, ptr, word, stack))
        return ptr;
    CHILD(free_function)(ptr);
    return answer(NULL);
}

__attribute__((noinline)) static void *malloc_long(size_t size, const void *site)
{
    return make(watching(), DEBUG_MALLOC, size, DAL_MIN_ALIGN, site, 0);
}

static void *debug_malloc(size_t size)
{
    struct debug_instance *instance = watching();
    uint32_t stack;
    uint64_t word = debug_word(size, DAL_MIN_ALIGN, DEBUG_MALLOC);
    void *ptr;

    if (DAL_UNLIKELY_(!debug_stack_is_known(instance, SITE, &stack) || size > DEBUG_SIZE_MAX))
        return malloc_long(size, SITE);
    ptr = CHILD(malloc_function)(size);
    if (DAL_UNLIKELY_(!ptr) ||
        DAL_LIKELY_(debug_register_add_home(&instance->blocks, ptr, word, stack)))
        return ptr;
    return add_long(instance, ptr, word, stack, SITE);
}

static void *debug_calloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return answer(NULL);
    return make(watching(), DEBUG_CALLOC, bytes, DAL_MIN_ALIGN, SITE, 1);
}

static void *debug_memalign(size_t align, size_t size)
{
    return make(watching(), DEBUG_MEMALIGN, size, align, SITE, 0);
}

/* ---- Taking back ----------------------------------------------------------------------------- */

__attribute__((noinline)) static void free_long(void *ptr, enum debug_call_name name,
                                                const void *site)
{
    int saved_errno = errno;

    if (ptr)
        dal_debug_end_call_(watching(),
                            &(struct debug_call){name, ptr, DEBUG_UNSAID, DEBUG_UNSAID, site});
    errno = saved_errno;
}

static void debug_free(void *ptr)
{
    struct debug_instance *instance = watching();
    uint32_t stack;
    struct debug_record record;
    uint64_t word;

    if (DAL_UNLIKELY_(!debug_stack_is_known(instance, SITE, &stack) || !debug_is_address(ptr))) {
        free_long(ptr, DEBUG_FREE, SITE);
        return;
    }
    record = debug_register_take_home(&instance->blocks, ptr);
    if (DAL_UNLIKELY_(!record.line)) {
        free_long(ptr, DEBUG_FREE, SITE);
        return;
    }
    word = debug_record_word(record);
    if (DAL_UNLIKELY_(!debug_is_for_free(word))) {
        debug_record_release(record, (uintptr_t)ptr | DEBUG_KEY_LIVE);
        free_long(ptr, DEBUG_FREE, SITE);
        return;
    }
    debug_ring_put(instance->tables->rings, (uintptr_t)ptr, debug_word_ended(word, DEBUG_FREE),
                   debug_record_stack(record), stack);
    debug_record_release(record, DEBUG_KEY_FREE);
    CHILD(free_function)(ptr);
}

static void *resize(struct debug_instance *instance, void *ptr, size_t size, const void *site)
{
    const struct debug_call call = {DEBUG_MALLOC_RESIZE, ptr, DEBUG_UNSAID, DEBUG_UNSAID, site};
    int is_lost;
    struct debug_record record = dal_debug_take_(instance, &call, &is_lost);
    uint32_t stack;

    if (!record.line && is_lost)
        return CHILD(realloc_function)(ptr, size);
    if (!record.line) {
        errno = EINVAL;
        return NULL;
    }
    if (!instance->is_plain || size > DEBUG_SIZE_MAX ||
        !debug_is_of_family(debug_record_word(record)))
        return answer(dal_debug_copy_(instance, record, &call, size, DAL_MIN_ALIGN, 0));
    stack = dal_debug_stack_(instance, &call);
    return dal_debug_resized_(instance, record, &call, stack, CHILD(realloc_function)(ptr, size),
                              size, DAL_MIN_ALIGN);
}

static void *debug_realloc(void *ptr, size_t size)
{
    struct debug_instance *instance = watching();

    if (!ptr)
        return make(instance, DEBUG_MALLOC_RESIZE, size, DAL_MIN_ALIGN, SITE, 0);
    if (size == 0) {
        free_long(ptr, DEBUG_MALLOC_RESIZE, SITE);
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
    size = dal_debug_size_of_(
        instance, &(struct debug_call){DEBUG_MALLOC_SIZE, ptr, DEBUG_UNSAID, DEBUG_UNSAID, SITE});
    if (size != SIZE_MAX)
        return size;
    return atomic_load_explicit(&instance->lost, memory_order_relaxed)
               ? CHILD(usable_size_function)(ptr)
               : 0;
}

/* ---- Calls that say more ----------------------------------------------------------------------
 */

static const enum debug_call_name names_of_calls[] = {
    [DAL_MALLOC_CALL_NEW] = DEBUG_NEW,
    [DAL_MALLOC_CALL_NEW_ALIGNED] = DEBUG_NEW_ALIGNED,
    [DAL_MALLOC_CALL_FREE_SIZED] = DEBUG_FREE_SIZED,
    [DAL_MALLOC_CALL_FREE_ALIGNED_SIZED] = DEBUG_FREE_ALIGNED_SIZED,
    [DAL_MALLOC_CALL_DELETE] = DEBUG_DELETE,
    [DAL_MALLOC_CALL_DELETE_ARRAY] = DEBUG_DELETE_ARRAY,
};

/* A later library may have calls that are not known here. */
static enum debug_call_name name_of(uint32_t call, enum debug_call_name otherwise)
{
    enum debug_call_name name =
        call < sizeof names_of_calls / sizeof *names_of_calls ? names_of_calls[call] : DEBUG_NONE;

    return name == DEBUG_NONE ? otherwise : name;
}

static void *debug_make(size_t size, size_t align, uint32_t call, const void *site)
{
    enum debug_call_name otherwise = align > DAL_MIN_ALIGN ? DEBUG_MEMALIGN : DEBUG_MALLOC;
    struct debug_instance *instance = watching();
    void *ptr = make(instance, name_of(call, otherwise), size, align, site, 0);

    if (DAL_UNLIKELY_(!ptr))
        atomic_store_explicit(&instance->new_has_failed, 1, memory_order_relaxed);
    return ptr;
}

static void debug_end(void *ptr, size_t size, size_t align, uint32_t call, const void *site)
{
    int saved_errno = errno;

    if (ptr)
        dal_debug_end_call_(watching(), &(struct debug_call){name_of(call, DEBUG_FREE), ptr, size,
                                                             align ? align : DEBUG_UNSAID, site});
    errno = saved_errno;
}

const struct dal_malloc_family dal_debug_family_ = {
    .malloc_function = debug_malloc,
    .free_function = debug_free,
    .calloc_function = debug_calloc,
    .realloc_function = debug_realloc,
    .memalign_function = debug_memalign,
    .usable_size_function = debug_usable_size,
    .make_function = debug_make,
    .end_function = debug_end,
};
