/* SPDX-License-Identifier: MIT */
/*
 * The backend `mimalloc`, a module over libmimalloc.
 *
 * A block of mi_malloc or of mi_malloc_aligned_at may be given back by mi_free and resized by
 * mi_realloc, so the alignment is looked at only where a block is made.
 *
 * mimalloc 2.0.9, Debian 12's, misaligns blocks: mi_malloc_aligned takes it for granted that a
 * block whose size is a power of two up to 1024 is aligned to its size, and from 256 on that
 * is not so (mi_posix_memalign and mi_realloc_aligned share the fault). mi_malloc_aligned_at
 * does not take that turn. What comes back is looked at all the same.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <mimalloc.h>

#include <dispatchalloc/module.h>

#include "../family.h"
#include "../limits.h"

/* A block that is not aligned is not handed out. */
static void *aligned_or_null(void *ptr, size_t align)
{
    if (DAL_LIKELY_(((uintptr_t)ptr & (align - 1)) == 0))
        return ptr;
    mi_free(ptr);
    return NULL;
}

static void *alloc(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    if (dal_is_short(align))
        return mi_malloc(dal_short_size(size, align));
    if (!dal_is_possible(size, align))
        return NULL;
    return aligned_or_null(mi_malloc_aligned_at(dal_long_size(size), align, 0), align);
}

static void *alloc_natural(size_t size, size_t align, void *ctx)
{
    (void)align;
    (void)ctx;
    return mi_malloc(size);
}

static void dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    mi_free(ptr);
}

static void *alloc_zeroed(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    if (dal_is_short(align))
        return mi_zalloc(dal_short_size(size, align));
    if (!dal_is_possible(size, align))
        return NULL;
    return aligned_or_null(mi_zalloc_aligned_at(dal_long_size(size), align, 0), align);
}

/* mi_realloc's rule: a block stays where it has room and is not more than half empty. */
static int may_stay(const void *ptr, size_t align, size_t new_size)
{
    size_t room = mi_usable_size(ptr);

    return ((uintptr_t)ptr & (align - 1)) == 0 && new_size <= room && new_size >= room / 2;
}

/* Also for a block that had another alignment. */
static void *resize(void *ptr, size_t old_size, size_t align, size_t new_size)
{
    void *moved;

    if (dal_is_short(align))
        return mi_realloc(ptr, dal_short_size(new_size, align));
    if (ptr && may_stay(ptr, align, new_size))
        return ptr;
    moved = alloc(new_size, align, NULL);
    if (moved && ptr) {
        memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        mi_free(ptr);
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
    return new_size <= mi_usable_size(ptr) ? DAL_OK : DAL_ERR_UNSUPPORTED;
}

static size_t usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    return mi_usable_size(ptr);
}

static void dealloc_unsized(void *ptr, void *ctx)
{
    (void)ctx;
    mi_free(ptr);
}

/* ---- The malloc family ---------------------------------------------------------------- */

/* 2.0.9 leaves errno alone when it fails. */
static void *family_malloc(size_t size)
{
    return dal_family_result(mi_malloc(size));
}

static void *family_calloc(size_t count, size_t size)
{
    return dal_family_result(mi_calloc(count, size));
}

static void *family_realloc(void *ptr, size_t size)
{
    return dal_family_realloc(ptr, size, mi_realloc, mi_free);
}

static void *family_memalign(size_t align, size_t size)
{
    return dal_family_result(alloc(size, align, NULL));
}

static size_t family_usable_size(void *ptr)
{
    return mi_usable_size(ptr);
}

static const struct dal_malloc_family family = {
    DAL_ALLOCATOR_ABI, sizeof family, family_malloc, mi_free, family_calloc, family_realloc,
    family_memalign, family_usable_size,
};

/* ---- Options -------------------------------------------------------------------------- */

/* mimalloc's options are read whenever they matter, so they are set here. What it does only
 * at its start, to reserve memory, is asked for by the function that it would have called. */
#define SWITCH(name, summary) {name, DAL_OPTION_SWITCH, 0, 0, 0, NULL, NULL, summary}
#define COUNT(name, summary) {name, DAL_OPTION_COUNT, 0, 0, INT32_MAX, NULL, NULL, summary}

static const struct dal_option options[] = {
    {"reserve_os_memory", DAL_OPTION_BYTES, 0, 1, PTRDIFF_MAX / 2, NULL, NULL,
     "bytes to take from the system at the start"},
    {"reserve_huge_os_pages", DAL_OPTION_COUNT, 0, 1, 65536, NULL, NULL,
     "huge pages of 1 GiB to take at the start"},
    SWITCH("eager_commit", "commit whole segments at once"),
    COUNT("eager_commit_delay", "segments of a thread that are not committed at once"),
    COUNT("use_numa_nodes", "NUMA nodes to pretend that there are, 0 for those there are"),
    COUNT("os_tag", "tag of its memory where the system has such"),
    SWITCH("show_stats", "print statistics at exit"),
    SWITCH("show_errors", "print error messages"),
    COUNT("verbose", "how much to print"),
    COUNT("max_errors", "error messages at most"),
#if MI_MALLOC_VERSION >= 200 && MI_MALLOC_VERSION < 210
    COUNT("max_warnings", "warnings at most"),
    SWITCH("large_os_pages", "use pages of 2 MiB"),
    SWITCH("limit_os_alloc", "use nothing but the reserved memory"),
    SWITCH("allow_decommit", "give unused memory back"),
    COUNT("decommit_delay", "milliseconds before a free page is given back"),
    COUNT("segment_decommit_delay", "milliseconds before a free segment is given back"),
    COUNT("decommit_extend_delay", "milliseconds by which more freeing prolongs that"),
    SWITCH("page_reset", "tell the system about free pages"),
    SWITCH("abandoned_page_decommit", "give back the free pages of ended threads"),
    COUNT("max_segment_reclaim", "segments of ended threads looked at in one go"),
#endif
};

/* The same order. */
static const mi_option_t keys[] = {
    mi_option_reserve_os_memory,
    mi_option_reserve_huge_os_pages,
    mi_option_eager_commit,
    mi_option_eager_commit_delay,
    mi_option_use_numa_nodes,
    mi_option_os_tag,
    mi_option_show_stats,
    mi_option_show_errors,
    mi_option_verbose,
    mi_option_max_errors,
#if MI_MALLOC_VERSION >= 200 && MI_MALLOC_VERSION < 210
    mi_option_max_warnings,
    mi_option_large_os_pages,
    mi_option_limit_os_alloc,
    mi_option_allow_decommit,
    mi_option_decommit_delay,
    mi_option_segment_decommit_delay,
    mi_option_decommit_extend_delay,
    mi_option_page_reset,
    mi_option_abandoned_page_decommit,
    mi_option_max_segment_reclaim,
#endif
};

#define OPTION_COUNT (sizeof options / sizeof options[0])

_Static_assert(sizeof keys / sizeof keys[0] == OPTION_COUNT, "each option has a key");

static int reserve(const struct dal_backend_request *request, const struct dal_option_value *given)
{
    int error = strcmp(given->key, "reserve_os_memory") == 0
                    ? mi_reserve_os_memory((size_t)given->number, 1, 0)
                    : mi_reserve_huge_os_pages_interleave((size_t)given->number, 0,
                                                          (size_t)given->number * 500);

    if (error)
        return request->fail(request, DAL_ERR_MEMORY, "%s=%s: the system did not give that",
                             given->key, given->text);
    return DAL_OK;
}

static int is_reserve(const struct dal_option_value *given)
{
    return strncmp(given->key, "reserve_", sizeof "reserve_" - 1) == 0;
}

static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static int started;
static long asked[OPTION_COUNT]; /* 1 + the value of an option that was asked for, or 0 */

static int check_same(const struct dal_backend_request *request)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct dal_option_value *given = &request->options[i];
        long there = is_reserve(given) ? asked[i] - 1 : mi_option_get(keys[i]);

        if (given->given && there != (long)given->number)
            return request->fail(request, DAL_ERR_CREATE,
                                 "there is one mimalloc in a process, and it was started with "
                                 "other options (%s)", given->key);
    }
    return DAL_OK;
}

static int start(const struct dal_backend_request *request)
{
    int error = DAL_OK;

    for (size_t i = 0; i < OPTION_COUNT && !error; i++) {
        const struct dal_option_value *given = &request->options[i];

        if (!given->given)
            continue;
        if (is_reserve(given))
            error = reserve(request, given);
        else
            mi_option_set(keys[i], (long)given->number);
        asked[i] = 1 + (long)given->number;
    }
    started = !error;
    return error;
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    int error;

    pthread_mutex_lock(&starting);
    error = started ? check_same(request) : start(request);
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

/* 2.0.9 is 209: the last digits of later ones may be two. */
static const char version[] = {
    '0' + MI_MALLOC_VERSION / 100, '.', '0' + MI_MALLOC_VERSION / 10 % 10, '.',
    '0' + MI_MALLOC_VERSION % 10, '\0',
};

/* Never destroyed: mimalloc has no end but the process's. */
static const struct dal_backend mimalloc = {
    DAL_BACKEND_HEADER,
    .name = "mimalloc",
    .version = version,
    .summary = "mimalloc, the system's library",
    .option_count = OPTION_COUNT,
    .options = options,
    .create = create,
};

DAL_MODULE(mimalloc);
