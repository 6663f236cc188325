/* SPDX-License-Identifier: MIT */
/*
 * The backend `tbb`, a module over the scalable allocator of oneTBB (libtbbmalloc).
 *
 * The short ways are called through pointers of the module's own instead of the loader's, at
 * the same cost: in a forked child they lead elsewhere (forked.h).
 */
#include <stdatomic.h>
#include <string.h>
#if defined __has_include
# if __has_include(<sys/single_threaded.h>)
#  include <sys/single_threaded.h>
#  define HAS_THREADS (!__libc_single_threaded)
# endif
#endif
#ifndef HAS_THREADS
# define HAS_THREADS 1
#endif

#include <tbb/scalable_allocator.h>

#include <dispatchalloc/module.h>

#include "../malloc_conventions.h"
#include "../process_options.h"
#include <dispatchalloc/allocator/limits.h>
#include "forked.h"

/* Written by the only thread of a child. */
static int is_forked;
static void *(*short_malloc)(size_t size) = scalable_malloc;
static void *(*short_calloc)(size_t count, size_t size) = scalable_calloc;
static void *(*short_realloc)(void *ptr, size_t size) = scalable_realloc;
static void (*short_free)(void *ptr) = scalable_free;

static void *aligned_block(size_t size, size_t align)
{
    void *ptr;

    if (is_forked)
        return dal_tbb_forked_alloc_(size, align);
    return scalable_posix_memalign(&ptr, align, size) == 0 ? ptr : NULL;
}

static void *aligned_resize(void *ptr, size_t old_size, size_t align, size_t new_size)
{
    if (is_forked)
        return dal_tbb_forked_resize_(ptr, old_size, align, new_size);
    if (!dal_is_possible_(new_size, align))
        return NULL;
    return ptr ? scalable_aligned_realloc(ptr, dal_long_size_(new_size), align)
               : aligned_block(dal_long_size_(new_size), align);
}

static size_t room_of(const void *ptr)
{
    return is_forked ? dal_tbb_forked_usable_size_(ptr) : scalable_msize((void *)(uintptr_t)ptr);
}

#define DAL_OVER_ALLOCATOR_          slots
#define DAL_OVER_(name)              dal_tbb_##name##_
#define DAL_OVER_MALLOC_(size)       short_malloc(size)
#define DAL_OVER_CALLOC_(size)       short_calloc(1, size)
#define DAL_OVER_REALLOC_(ptr, size) short_realloc(ptr, size)
#define DAL_OVER_FREE_(ptr)          short_free(ptr)
#define DAL_OVER_LONG_               aligned_block
#define DAL_OVER_LONG_RESIZE_        aligned_resize
#define DAL_OVER_ROOM_               room_of
#include <dispatchalloc/allocator/over_malloc.h>

/* ---- The malloc family ---------------------------------------------------------------- */

static void *family_malloc(size_t size)
{
    return short_malloc(size);
}

static void family_free(void *ptr)
{
    short_free(ptr);
}

static size_t family_usable_size(void *ptr)
{
    return ptr ? room_of(ptr) : 0;
}

/* As glibc has it, all is zero that malloc_usable_size() tells. */
static void *family_calloc(size_t count, size_t size)
{
    char *ptr = short_calloc(count, size);
    size_t bytes = count * size; /* no overflow where there is a block */

    if (ptr)
        memset(ptr + bytes, 0, room_of(ptr) - bytes);
    return ptr;
}

static void *family_realloc(void *ptr, size_t size)
{
    return dal_family_realloc(ptr, size, short_realloc, short_free);
}

static void *family_memalign(size_t align, size_t size)
{
    return dal_family_result(dal_tbb_alloc_(size, align, NULL));
}

static const struct dal_malloc_family family = {
    .abi = DAL_ALLOCATOR_ABI,
    .size_bytes = sizeof family,
    .malloc_function = family_malloc,
    .free_function = family_free,
    .calloc_function = family_calloc,
    .realloc_function = family_realloc,
    .memalign_function = family_memalign,
    .usable_size_function = family_usable_size,
};

/* ---- fork ------------------------------------------------------------------------------ */

/* Release in create(), acquire in the child. */
static _Atomic(const struct dal_instance *) system_instance;
static atomic_int had_threads;

static void fork_prepare(void *ctx)
{
    (void)ctx;
    atomic_store_explicit(&had_threads, HAS_THREADS, memory_order_relaxed);
}

/* Also of the family, so that a failure sets errno. */
static void *forked_malloc(size_t size)
{
    return dal_family_result(dal_tbb_forked_alloc_(size, DAL_MIN_ALIGN));
}

static void *forked_calloc(size_t count, size_t size)
{
    size_t bytes;
    void *ptr = __builtin_mul_overflow(count, size, &bytes) ? dal_family_result(NULL)
                                                            : forked_malloc(bytes);

    return ptr ? memset(ptr, 0, bytes) : NULL;
}

static void *forked_realloc(void *ptr, size_t size)
{
    return dal_tbb_forked_resize_(ptr, family_usable_size(ptr), DAL_MIN_ALIGN, size);
}

static void fork_child(void *ctx)
{
    (void)ctx;
    if (is_forked || !atomic_load_explicit(&had_threads, memory_order_relaxed))
        return;
    dal_tbb_forked_begin_(atomic_load_explicit(&system_instance, memory_order_acquire));
    short_malloc = forked_malloc;
    short_calloc = forked_calloc;
    short_realloc = forked_realloc;
    short_free = dal_tbb_forked_free_;
    is_forked = 1;
}

/* ---- Options -------------------------------------------------------------------------- */

static const struct dal_option options[] = {
    SWITCH("use_huge_pages", "use huge pages of the system"),
    BYTES("soft_heap_limit", 1, PTRDIFF_MAX,
          "bytes from which on buffers are given back; not a limit for the program"),
    BYTES("huge_size_threshold", 1, PTRDIFF_MAX,
          "size from which on a block is kept by regular clean-ups"),
};

/* The same order. */
static const int modes[] = {
    TBBMALLOC_USE_HUGE_PAGES,
    TBBMALLOC_SET_SOFT_HEAP_LIMIT,
    TBBMALLOC_SET_HUGE_SIZE_THRESHOLD,
};

#define OPTION_COUNT (sizeof options / sizeof options[0])

_Static_assert(sizeof modes / sizeof modes[0] == OPTION_COUNT, "each option has a mode");

static int set_mode(const struct dal_backend_request *request, size_t index,
                    const struct dal_option_value *given)
{
    int result = scalable_allocation_mode(modes[index], (intptr_t)given->number);

    if (result == TBBMALLOC_NO_EFFECT)
        return request->fail(request, DAL_ERR_SYSTEM, "%s=%s: the system has none to give",
                             given->key, given->text);
    if (result != TBBMALLOC_OK)
        return request->fail(request, DAL_ERR_OPTION, "%s=%s is not accepted by this oneTBB",
                             given->key, given->text);
    return DAL_OK;
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    static struct dal_process_options_ process;
    int error = dal_process_options_set_(request, "oneTBB allocator", set_mode, &process);

    if (error)
        return error;
    /* The system allocator, which lives as long as the library does: the same each time. */
    atomic_store_explicit(&system_instance, request->child, memory_order_release);
    *allocator = slots;
    allocator->malloc_family = &family;
    allocator->fork_prepare = fork_prepare;
    allocator->fork_child = fork_child;
    return DAL_OK;
}

/* Never destroyed: the allocator has no end but the process's. */
static const struct dal_backend tbb = {
    DAL_BACKEND_HEADER,
    .name = "tbb",
    .version = TBB_VERSION_TEXT, /* by configure: the header that has it is C++ only */
    .summary = "the scalable allocator of oneTBB, the system's library",
    .option_count = OPTION_COUNT,
    .options = options,
    .create = create,
};

/* Its library looks for files in a constructor, and leaves errno behind. */
DAL_STARTS_EARLY_(1);
DAL_MODULE(tbb);
