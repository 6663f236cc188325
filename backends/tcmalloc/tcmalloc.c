/* SPDX-License-Identifier: MIT */
/*
 * The backend `tcmalloc`, a module over libtcmalloc_minimal of gperftools.
 *
 * Sized free (tc_free_sized) is out of the question: tc_realloc leaves a block that shrinks to
 * half in its size class, or takes a class above the one of the new size when it grows.
 */
#include <string.h>

#include <gperftools/malloc_extension_c.h>
#include <gperftools/tcmalloc.h>

#include <dispatchalloc/module.h>

#include "../keep_errno.h"
#include "../malloc_conventions.h"
#include "../process_options.h"

#define DAL_OVER_ALLOCATOR_          slots
#define DAL_OVER_(name)              dal_tcmalloc_##name##_
#define DAL_OVER_MALLOC_(size)       tc_malloc(size)
#define DAL_OVER_CALLOC_(size)       tc_calloc(1, size)
#define DAL_OVER_REALLOC_(ptr, size) tc_realloc(ptr, size)
#define DAL_OVER_FREE_(ptr)          tc_free(ptr)
#define DAL_OVER_LONG_(size, align)  tc_memalign(align, size)
#define DAL_OVER_ROOM_(ptr)          tc_malloc_size((void *)(uintptr_t)(ptr))
#include <dispatchalloc/allocator/over_malloc.h>

/* ---- The malloc family ---------------------------------------------------------------- */

/* What tells the size of a block is made by a constructor of tcmalloc's, which comes before this.
 */
static volatile int is_constructed; /* else clang runs the constructor itself */

__attribute__((constructor)) static void note_constructors(void)
{
    is_constructed = 1;
}

static size_t family_usable_size(void *ptr)
{
    return DAL_LIKELY_(is_constructed) ? tc_malloc_size(ptr) : 0;
}

/* Not tc_calloc: in gperftools 2.10 it leaves errno alone where the product overflows, goes a
 * longer way than tc_malloc, and zeroes no more than was asked for; as glibc has it, all is zero
 * that malloc_usable_size() tells. */
static void *family_calloc(size_t count, size_t size)
{
    size_t bytes;
    void *ptr;

    if (DAL_UNLIKELY_(__builtin_mul_overflow(count, size, &bytes)))
        return dal_family_result(NULL);
    ptr = tc_malloc(bytes);
    return DAL_LIKELY_(ptr) ? memset(ptr, 0, is_constructed ? tc_malloc_size(ptr) : bytes) : NULL;
}

static void *family_memalign(size_t align, size_t size)
{
    return dal_family_result(dal_tcmalloc_alloc_(size, align, NULL));
}

static const struct dal_malloc_family family = {
    .abi = DAL_ALLOCATOR_ABI,
    .size_bytes = sizeof family,
    .malloc_function = tc_malloc,
    .free_function = tc_free,
    .calloc_function = family_calloc,
    .realloc_function = tc_realloc,
    .memalign_function = family_memalign,
    .usable_size_function = family_usable_size,
};

/* ---- Options -------------------------------------------------------------------------- */

/* What of its properties can be set while it runs. */
static const struct dal_option options[] = {
    BYTES("max_total_thread_cache_bytes", 512 << 10, 1 << 30, "bytes in the caches of all threads"),
    SWITCH("aggressive_memory_decommit", "give pages back to the system as soon as they are free"),
    COUNT("heap_limit_mb", 0, INT32_MAX,
          "mebibytes that it takes from the system at most, 0 for no limit"),
};

#define OPTION_COUNT (sizeof options / sizeof options[0])

enum { PROPERTY_BYTES = 64 };

static int set_property(const struct dal_backend_request *request, size_t index,
                        const struct dal_option_value *given)
{
    static const char prefix[] = "tcmalloc.";
    char property[PROPERTY_BYTES];
    size_t there = 0;

    (void)index;
    memcpy(property, prefix, sizeof prefix - 1);
    memcpy(property + sizeof prefix - 1, given->key, strlen(given->key) + 1);
    if (!MallocExtension_SetNumericProperty(property, (size_t)given->number))
        return request->fail(request, DAL_ERR_OPTION, "this tcmalloc has no %s", property);
    if (MallocExtension_GetNumericProperty(property, &there) && there != (size_t)given->number)
        return request->fail(request, DAL_ERR_OPTION, "tcmalloc took %s as %zu, not %s", given->key,
                             there, given->text);
    return DAL_OK;
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    static struct dal_process_options_ process;
    int error = dal_process_options_set_(request, "tcmalloc", set_property, &process);

    if (error)
        return error;
    dal_keep_errno_of_((const void *)(uintptr_t)tc_free);
    *allocator = slots;
    allocator->malloc_family = &family;
    return DAL_OK;
}

#define TEXT_OF(x)               #x
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

DAL_STARTS_EARLY_(1);
DAL_MODULE(tcmalloc);
