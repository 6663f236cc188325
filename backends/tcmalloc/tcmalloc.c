/* SPDX-License-Identifier: MIT */
/*
 * The backend `tcmalloc`, a module over libtcmalloc_minimal of gperftools.
 *
 * tc_free and tc_realloc take a block of tc_malloc and of tc_memalign alike, so the alignment
 * is looked at only where a block is made. Sized free (tc_free_sized) is out of the question:
 * tc_realloc leaves a block that shrinks to half in its size class, or takes a class above the
 * one of the new size when it grows.
 */
#include <pthread.h>
#include <string.h>

#include <gperftools/malloc_extension_c.h>
#include <gperftools/tcmalloc.h>

#include <dispatchalloc/module.h>

#include "../malloc_conventions.h"
#include <dispatchalloc/allocator/limits.h>

static void *aligned_block(size_t size, size_t align)
{
    return dal_is_possible_(size, align) ? tc_memalign(align, dal_long_size_(size)) : NULL;
}

static void *alloc(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    if (dal_is_short_(align))
        return tc_malloc(dal_short_size_(size, align));
    return aligned_block(size, align);
}

static void *alloc_natural(size_t size, size_t align, void *ctx)
{
    (void)align;
    (void)ctx;
    return tc_malloc(size);
}

static void dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    tc_free(ptr);
}

static void *alloc_zeroed(size_t size, size_t align, void *ctx)
{
    void *ptr;

    (void)ctx;
    if (dal_is_short_(align))
        return tc_calloc(1, dal_short_size_(size, align));
    ptr = aligned_block(size, align);
    return ptr ? memset(ptr, 0, size) : NULL;
}

static size_t room_of(const void *ptr)
{
    return tc_malloc_size((void *)(uintptr_t)ptr);
}

/* tc_realloc's rule: a block stays where it has room and is not more than half empty. */
static int may_stay(const void *ptr, size_t align, size_t new_size)
{
    size_t room = room_of(ptr);

    return ((uintptr_t)ptr & (align - 1)) == 0 && new_size <= room && new_size >= room / 2;
}

/* Also for a block that had another alignment. */
static void *resize(void *ptr, size_t old_size, size_t align, size_t new_size)
{
    void *moved;

    if (dal_is_short_(align))
        return tc_realloc(ptr, dal_short_size_(new_size, align));
    if (ptr && may_stay(ptr, align, new_size))
        return ptr;
    moved = aligned_block(new_size, align);
    if (moved && ptr) {
        memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        tc_free(ptr);
    }
    return moved;
}

static void *reallocate(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)ctx;
    return resize(ptr, old_size, align, new_size);
}

static void *relayout(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                      size_t new_align, void *ctx)
{
    (void)old_align;
    (void)ctx;
    return resize(ptr, old_size, new_align, new_size);
}

static int resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)old_size;
    (void)align;
    (void)ctx;
    return new_size <= room_of(ptr) ? DAL_OK : DAL_ERR_UNSUPPORTED;
}

static size_t usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    return room_of(ptr);
}

static void dealloc_unsized(void *ptr, void *ctx)
{
    (void)ctx;
    tc_free(ptr);
}

/* ---- The malloc family ---------------------------------------------------------------- */

/* Not tc_calloc: in gperftools 2.10 it leaves errno alone where the product overflows, and
 * goes a longer way than tc_malloc. */
static void *family_calloc(size_t count, size_t size)
{
    size_t bytes;
    void *ptr;

    if (DAL_UNLIKELY_(__builtin_mul_overflow(count, size, &bytes)))
        return dal_family_result(NULL);
    ptr = tc_malloc(bytes);
    return DAL_LIKELY_(ptr) ? memset(ptr, 0, bytes) : NULL;
}

static void *family_memalign(size_t align, size_t size)
{
    return dal_family_result(alloc(size, align, NULL));
}

static const struct dal_malloc_family family = {
    DAL_ALLOCATOR_ABI, sizeof family, tc_malloc, tc_free, family_calloc,
    tc_realloc, family_memalign, tc_malloc_size,
};

/* ---- Options -------------------------------------------------------------------------- */

/* What of its properties can be set while it runs. */
static const struct dal_option options[] = {
    {"max_total_thread_cache_bytes", DAL_OPTION_BYTES, 0, 512 << 10, 1 << 30, NULL, NULL,
     "bytes in the caches of all threads"},
    {"aggressive_memory_decommit", DAL_OPTION_SWITCH, 0, 0, 0, NULL, NULL,
     "give pages back to the system as soon as they are free"},
    {"heap_limit_mb", DAL_OPTION_COUNT, 0, 0, INT32_MAX, NULL, NULL,
     "mebibytes that it takes from the system at most, 0 for no limit"},
};

#define OPTION_COUNT (sizeof options / sizeof options[0])

enum { PROPERTY_BYTES = 64 };

static void property_of(const struct dal_option_value *given, char property[PROPERTY_BYTES])
{
    static const char prefix[] = "tcmalloc.";

    memcpy(property, prefix, sizeof prefix - 1);
    memcpy(property + sizeof prefix - 1, given->key, strlen(given->key) + 1);
}

static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static int is_set[OPTION_COUNT];
static uint64_t set_to[OPTION_COUNT];

/* There is one tcmalloc in a process, so what was set once stays. */
static int set_property(const struct dal_backend_request *request, size_t i)
{
    const struct dal_option_value *given = dal_request_value(request, i);
    char property[PROPERTY_BYTES];
    size_t there = 0;

    if (is_set[i] && set_to[i] != given->number)
        return request->fail(request, DAL_ERR_CREATE,
                             "there is one tcmalloc in a process, and its %s was set to another "
                             "value", given->key);
    property_of(given, property);
    if (!MallocExtension_SetNumericProperty(property, (size_t)given->number))
        return request->fail(request, DAL_ERR_OPTION, "this tcmalloc has no %s", property);
    if (MallocExtension_GetNumericProperty(property, &there) && there != (size_t)given->number)
        return request->fail(request, DAL_ERR_OPTION, "tcmalloc took %s as %zu, not %s",
                             given->key, there, given->text);
    is_set[i] = 1;
    set_to[i] = given->number;
    return DAL_OK;
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    int error = DAL_OK;

    pthread_mutex_lock(&starting);
    for (size_t i = 0; i < OPTION_COUNT && !error; i++) {
        if (dal_request_value(request, i)->given)
            error = set_property(request, i);
    }
    pthread_mutex_unlock(&starting);
    if (error)
        return error;
    allocator->alloc = alloc;
    allocator->alloc_natural = alloc_natural;
    allocator->dealloc = dealloc;
    allocator->alloc_zeroed = alloc_zeroed;
    allocator->realloc = reallocate;
    allocator->grow = relayout;
    allocator->shrink = relayout;
    allocator->resize_in_place = resize_in_place;
    allocator->usable_size = usable_size;
    allocator->dealloc_unsized = dealloc_unsized;
    allocator->malloc_family = &family;
    return DAL_OK;
}

#define TEXT_OF(x) #x
#define VERSION_OF(major, minor) TEXT_OF(major) "." TEXT_OF(minor)

/* Never destroyed: tcmalloc has no end but the process's. */
static const struct dal_backend tcmalloc = {
    DAL_BACKEND_HEADER,
    .name = "tcmalloc",
    .version = VERSION_OF(TC_VERSION_MAJOR, TC_VERSION_MINOR),
    .summary = "tcmalloc of gperftools (minimal), the system's library",
    .option_count = OPTION_COUNT,
    .options = options,
    .create = create,
};

DAL_MODULE(tcmalloc);
