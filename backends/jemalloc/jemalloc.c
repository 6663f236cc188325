/* SPDX-License-Identifier: MIT */
/*
 * The backend `jemalloc`, a module: its malloc family and controls. How blocks are made and
 * given back is in dispatchalloc/allocator/jemalloc.h.
 *
 * Instructions of a pair at size 32 (callgrind; 5.3.0, gcc 12), called directly. Where the
 * thread-local storage is static, descriptors are found faster: the module is preloaded, as the
 * interposer is used, or glibc.rtld.optional_static_tls=4096 made room when it was opened.
 *
 *                                own, descriptors   own, general-dynamic   Debian's
 *     malloc, free                       93                131                81
 *     the same, opened                  138                131
 *     malloc, sdallocx                   86                129               145
 *     mallocx, sdallocx                 136                164               208
 *     mallocx(align 64), free           214                241               217
 *     mallocx(align 64), sdallocx       273                309               288
 *
 * So sized free is not used: in our own build it saves 7 instructions, and the tests for NULL
 * and for the alignment that have to come before it cost as many; measured in time it is a
 * little slower on blocks in the cache and a little faster on a million of them. Without it a
 * wrong size is harmless, and resize_in_place may leave a block in a larger class.
 */
#include <errno.h>
#include <stdatomic.h>

#include <dispatchalloc/module.h>

#include "../malloc_conventions.h"
#include "../early_module.h"
#include "calls.h"
#include "jemalloc.h"

#define DAL_JEMALLOC_(name)       JE(name)
#define DAL_JEMALLOC_SHORT_(name) jemalloc_##name
#include <dispatchalloc/allocator/jemalloc.h>

#ifdef DAL_JEMALLOC_SOURCE
# define IS_KNOWN 1
#else
# define IS_KNOWN atomic_load_explicit(&dal_jemalloc_is_found_, memory_order_acquire)
#endif

/* ---- Its own controls ----------------------------------------------------------------- */

/* Statistics, settings and size classes of the jemalloc at hand, for a program that looks these
 * up in the module (dispatchalloc(7)): mallctl and nallocx as in jemalloc(3). The system's is not
 * known before the first allocator was made: EAGAIN, and 0. */
DAL_API int dal_jemalloc_mallctl(const char *name, void *old, size_t *old_bytes, void *new,
                                 size_t new_bytes);
DAL_API size_t dal_jemalloc_nallocx(size_t size, int flags);

int dal_jemalloc_mallctl(const char *name, void *old, size_t *old_bytes, void *new,
                         size_t new_bytes)
{
    return IS_KNOWN ? JE(mallctl)(name, old, old_bytes, new, new_bytes) : EAGAIN;
}

size_t dal_jemalloc_nallocx(size_t size, int flags)
{
    return IS_KNOWN ? JE(nallocx)(size, flags) : 0;
}

/* For the interposer, once there may be blocks. */
DAL_API extern const struct dal_jemalloc_calls_ *dal_jemalloc_calls_;
const struct dal_jemalloc_calls_ *dal_jemalloc_calls_;

#ifdef DAL_JEMALLOC_SOURCE
# define X(result, name, parameters) JE(name),
static const struct dal_jemalloc_calls_ calls = {DAL_JEMALLOC_CALLS_(X)};
# undef X
#endif

/* ---- The malloc family ---------------------------------------------------------------- */

#ifdef DAL_JEMALLOC_SOURCE
# define family_malloc JE(malloc)
# define family_calloc JE(calloc)
# define family_free   JE(free)
/* Size 0 frees, by the default of zero_realloc on Linux; what fails for want of memory has errno
 * from mmap(2). */
# define family_realloc JE(realloc)
/* 0 for NULL. Programs that count their memory call it for every block: not by sallocx(), whose
 * caller tests for NULL and passes flags. */
# define family_usable_size JE(malloc_usable_size)
#else
/* The system's are known at run time only. */
static void *family_malloc(size_t size)
{
    return jemalloc_malloc(size);
}

static void *family_calloc(size_t count, size_t size)
{
    return jemalloc_calloc(count, size);
}

static void family_free(void *ptr)
{
    jemalloc_free(ptr);
}

static void *family_realloc(void *ptr, size_t size)
{
    return dal_family_realloc(ptr, size, jemalloc_realloc, jemalloc_free);
}

/* malloc_usable_size is a name that others have as well. */
static size_t family_usable_size(void *ptr)
{
    return ptr ? JE(sallocx)(ptr, 0) : 0;
}
#endif

static void *family_memalign(size_t align, size_t size)
{
    return dal_family_result(dal_jemalloc_alloc_(size, align, NULL));
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

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    int error = dal_jemalloc_start_(request);

    if (error)
        return error;
#ifdef DAL_JEMALLOC_SOURCE
    dal_jemalloc_calls_ = &calls;
#endif
    *allocator = dal_jemalloc_allocator;
    allocator->malloc_family = &family;
    return DAL_OK;
}

#define TEXT_OF(x)                      #x
#define VERSION_OF(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

#ifdef DAL_JEMALLOC_START
# define SUMMARY "jemalloc, a copy of its own that is there from the start of a program"
#elif defined DAL_JEMALLOC_SOURCE
# define SUMMARY "jemalloc, a copy of its own that can be opened at any time"
#else
# define SUMMARY "the system's jemalloc, for programs that it was there at the start of"
#endif

/* Never destroyed: jemalloc has no end but the process's. */
static const struct dal_backend jemalloc = {
    DAL_BACKEND_HEADER,
    .name = "jemalloc",
    .version = VERSION_OF(JEMALLOC_VERSION_MAJOR, JEMALLOC_VERSION_MINOR, JEMALLOC_VERSION_BUGFIX),
    .summary = SUMMARY,
    .option_count = DAL_JEMALLOC_OPTION_COUNT,
    .options = dal_jemalloc_options_,
    .create = create,
};

#ifdef DAL_JEMALLOC_START
/* By which the interposer knows that this one is there in the place of the other. */
DAL_API extern const struct dal_backend *const dal_module_jemalloc_start_;
const struct dal_backend *const dal_module_jemalloc_start_ = &jemalloc;
#endif

DAL_STARTS_EARLY_(0);
DAL_MODULE(jemalloc);
