/* SPDX-License-Identifier: MIT */
/*
 * The backend `mimalloc`, a module over libmimalloc: its malloc family and its options. How
 * blocks are made and given back is in dispatchalloc/allocator/mimalloc.h.
 */

#include <mimalloc.h>

#include <dispatchalloc/allocator/mimalloc.h>
#include <dispatchalloc/module.h>

#include "../keep_errno.h"
#include "../malloc_conventions.h"
#include "../process_options.h"

/* ---- The malloc family ---------------------------------------------------------------- */

/* mimalloc leaves errno alone when it fails, but tells who asks to be told, one in a process: so
 * under the interposer, where a jump more counts and no program has asked yet, its own function
 * serves. What else it tells (a pointer that is none of its own, a block given back twice) it goes
 * on from. */
static void note_failure(int error, void *unused)
{
    (void)unused;
    if (error == ENOMEM || error == EOVERFLOW)
        errno = ENOMEM;
}

static void *family_malloc(size_t size)
{
    return dal_family_result(mi_malloc(size));
}

/* Who reads errno behind madvise() was looked at in these versions alone (keep_errno.h). */
#if MI_MALLOC_VERSION >= 200 && MI_MALLOC_VERSION < 210
# define KEEPS_ERRNO 1
# define family_free mi_free
#else
static void family_free(void *ptr)
{
    int saved_errno = errno;

    mi_free(ptr);
    errno = saved_errno;
}
#endif

/* A product that overflows it does not tell. */
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
    return dal_family_result(dal_mimalloc_alloc_(size, align, NULL));
}

static size_t family_usable_size(void *ptr)
{
    return mi_usable_size(ptr);
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

static const struct dal_malloc_family interposed_family = {
    .abi = DAL_ALLOCATOR_ABI,
    .size_bytes = sizeof family,
    .malloc_function = mi_malloc,
    .free_function = family_free,
    .calloc_function = family_calloc,
    .realloc_function = family_realloc,
    .memalign_function = family_memalign,
    .usable_size_function = family_usable_size,
};

/* ---- Options -------------------------------------------------------------------------- */

/* mimalloc's options are read whenever they matter, so they are set here; but for the NUMA nodes,
 * which it counts once. What it does only at its start, to reserve memory, is asked for by the
 * function that it would have called. Each is of a kind, has mimalloc's own name, and is described.
 */
#define NUMBER(name, summary) COUNT(name, 0, INT32_MAX, summary)
#define OPTIONS(X)                                                                                \
    X(BYTES, reserve_os_memory, 1, PTRDIFF_MAX / 2, "bytes to take from the system at the start") \
    X(COUNT, reserve_huge_os_pages, 1, 65536, "huge pages of 1 GiB to take at the start")         \
    X(SWITCH, eager_commit, "commit whole segments at once")                                      \
    X(NUMBER, eager_commit_delay, "segments of a thread that are not committed at once")          \
    X(NUMBER, use_numa_nodes, "NUMA nodes to pretend that there are, 0 for those there are")      \
    X(NUMBER, os_tag, "tag of its memory where the system has such")                              \
    X(SWITCH, show_stats, "print statistics at exit")                                             \
    X(SWITCH, show_errors, "print error messages")                                                \
    X(NUMBER, verbose, "how much to print")                                                       \
    X(NUMBER, max_errors, "error messages at most")
#if MI_MALLOC_VERSION >= 200 && MI_MALLOC_VERSION < 210
# define OPTIONS_OF_VERSION(X)                                                             \
     X(NUMBER, max_warnings, "warnings at most")                                           \
     X(SWITCH, large_os_pages, "use pages of 2 MiB")                                       \
     X(SWITCH, limit_os_alloc, "use nothing but the reserved memory")                      \
     X(SWITCH, allow_decommit, "give unused memory back")                                  \
     X(NUMBER, decommit_delay, "milliseconds before a free page is given back")            \
     X(NUMBER, segment_decommit_delay, "milliseconds before a free segment is given back") \
     X(NUMBER, decommit_extend_delay, "milliseconds by which more freeing prolongs that")  \
     X(SWITCH, page_reset, "tell the system about free pages")                             \
     X(SWITCH, abandoned_page_decommit, "give back the free pages of ended threads")       \
     X(NUMBER, max_segment_reclaim, "segments of ended threads looked at in one go")
#else
# define OPTIONS_OF_VERSION(X)
#endif

static const struct dal_option options[] = {
#define X(kind, name, ...) kind(#name, __VA_ARGS__),
    OPTIONS(X) OPTIONS_OF_VERSION(X)
#undef X
};

static const mi_option_t keys[] = {
#define X(kind, name, ...) mi_option_##name,
    OPTIONS(X) OPTIONS_OF_VERSION(X)
#undef X
};

#define OPTION_COUNT (sizeof options / sizeof options[0])

static struct dal_process_options_ process;

static int set_option(const struct dal_backend_request *request, size_t index,
                      const struct dal_option_value *given)
{
    int error = 0;

    if (process.is_started && keys[index] == mi_option_use_numa_nodes)
        return request->fail(request, DAL_ERR_CREATE,
                             "there is one mimalloc in a process, and it has counted its NUMA "
                             "nodes already");
    if (keys[index] == mi_option_reserve_os_memory)
        error = mi_reserve_os_memory((size_t)given->number, 1, 0);
    else if (keys[index] == mi_option_reserve_huge_os_pages)
        error = mi_reserve_huge_os_pages_interleave((size_t)given->number, 0,
                                                    (size_t)given->number * 500);
    else
        mi_option_set(keys[index], (long)given->number);
    return error ? request->fail(request, DAL_ERR_MEMORY, "%s=%s: the system did not give that",
                                 given->key, given->text)
                 : DAL_OK;
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    int error = dal_process_options_set_(request, "mimalloc", set_option, &process);

    if (error)
        return error;
#ifdef KEEPS_ERRNO
    dal_keep_errno_of_((const void *)(uintptr_t)mi_free);
#endif
    if (dal_early_self_.construct)
        mi_register_error(note_failure, NULL);
    /* Its first block counts the NUMA nodes, for which it looks for a file that is not there: errno
     * is ours here, and would be the program's later. */
    mi_free(mi_malloc(1));
    *allocator = dal_mimalloc_allocator;
    allocator->malloc_family = dal_early_self_.construct ? &interposed_family : &family;
    return DAL_OK;
}

/* 2.0.9 is 209: the last digits of later ones may be two. */
static const char version[] = {
    '0' + MI_MALLOC_VERSION / 100, '.',  '0' + MI_MALLOC_VERSION / 10 % 10, '.',
    '0' + MI_MALLOC_VERSION % 10,  '\0',
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

DAL_STARTS_EARLY_(0);
DAL_MODULE(mimalloc);
