/* SPDX-License-Identifier: MIT */
/*
 * What backends/system/posix.c stands on inside the interposer, where the plain names lead back
 * to the interposer itself.
 *
 * The functions are looked up in the C library's own object. RTLD_NEXT would find those of an
 * allocator that the program links, and __libc_malloc is exported by allocators too.
 */
#include <config.h>

#include "libc.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <dispatchalloc/allocator/system.h>

#include "base/malloc_rules.h"
#include "libc_names.h"
#include "loaded.h"
#include "base/text.h"
#include "os/os.h"

static struct dal_malloc_family family = {.abi = DAL_ALLOCATOR_ABI, .size_bytes = sizeof family};

/* ISO C has no way from an object pointer to a function's; POSIX promises that it works. */
#define TAKE(member, found)                          \
    do {                                             \
        void *address = (found);                     \
        memcpy(&(member), &address, sizeof address); \
    } while (0)

static int is_whole(const struct dal_malloc_family *taken)
{
    return taken->malloc_function && taken->free_function && taken->calloc_function &&
           taken->realloc_function && taken->memalign_function && taken->usable_size_function;
}

/* ---- musl ---------------------------------------------------------------------------------
 *
 * Its calloc and memalign call malloc and aligned_alloc by name, which are ours. They are made
 * here, of what calls no others. */
#if DAL_SYSTEM_MAY_BE_MUSL_

static void *(*libc_aligned_alloc)(size_t align, size_t size);

/* Large blocks come from mmap(), and most of their pages are zero and untouched. */
static void clear(unsigned char *block, size_t bytes)
{
    enum { LARGE = 128 * 1024 };
    size_t page = dal_os_page_bytes_();
    size_t head = (size_t)(-(uintptr_t)block & (page - 1));
    size_t whole = bytes < LARGE ? 0 : (bytes - head) & ~(page - 1);
    int saved_errno = errno;

    if (whole == 0 || madvise(block + head, whole, MADV_DONTNEED) != 0) {
        memset(block, 0, bytes);
    } else {
        memset(block, 0, head);
        memset(block + head + whole, 0, bytes - head - whole);
    }
    errno = saved_errno;
}

static void *made_calloc(size_t count, size_t size)
{
    size_t bytes;
    void *block = dal_malloc_product_(count, size, &bytes) ? family.malloc_function(bytes) : NULL;

    if (block)
        clear(block, bytes);
    return block;
}

static void *made_memalign(size_t align, size_t size)
{
    if (align > DAL_SYSTEM_ALIGN_MAX_ || !dal_is_possible_(size, align))
        return dal_malloc_fail_(ENOMEM);
    return libc_aligned_alloc(align, size);
}
#endif

/* handle: what dlopen() gave, or NULL for the tables. */
static void take(struct dal_malloc_family *taken, void *handle, const struct dal_loaded_ *tables)
{
#define LOOK_UP(name) (handle ? dlsym(handle, name) : dal_loaded_symbol_(tables, name))
    TAKE(taken->malloc_function, LOOK_UP("malloc"));
    TAKE(taken->free_function, LOOK_UP("free"));
    TAKE(taken->calloc_function, LOOK_UP("calloc"));
    TAKE(taken->realloc_function, LOOK_UP("realloc"));
    TAKE(taken->memalign_function, LOOK_UP("memalign"));
    TAKE(taken->usable_size_function, LOOK_UP("malloc_usable_size"));
#if DAL_SYSTEM_MAY_BE_MUSL_
    if (taken == &family) {
        TAKE(libc_aligned_alloc, LOOK_UP("aligned_alloc"));
        taken->calloc_function = made_calloc;
        taken->memalign_function = libc_aligned_alloc ? made_memalign : NULL;
    }
#endif
#undef LOOK_UP
}

static void take_all(void *handle, const struct dal_loaded_ *tables)
{
    dal_libc_take_reports_(handle, tables);
    take(&family, handle, tables);
}

const struct dal_malloc_family *dal_libc_next_(void)
{
    static struct dal_malloc_family next = {.abi = DAL_ALLOCATOR_ABI, .size_bytes = sizeof next};
    struct dal_loaded_ object;

    if (!dal_loaded_next_("malloc", &object))
        return &family;
    take(&next, NULL, &object);
    return is_whole(&next) && next.malloc_function != family.malloc_function ? &next : &family;
}

/* In the tables of the loaded objects: dlopen() allocates, also for what is loaded. Something else
 * may be called libc.so.6; it has not this function. */
static int find_glibc(struct dal_loaded_ *libc)
{
    return dal_loaded_find_("libc.so.6", libc) && dal_loaded_symbol_(libc, "gnu_get_libc_version");
}

/* Whatever it is called: what starts programs. */
static int find_other(struct dal_loaded_ *libc)
{
    return dal_loaded_next_("__libc_start_main", libc);
}

/* (musl's loader takes every such name for itself.) */
static void find_by_loader(void)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);

    if (libc)
        take_all(libc, NULL);
}

const struct dal_malloc_family *dal_libc_find_(void)
{
    struct dal_loaded_ libc;

    if (find_glibc(&libc) || find_other(&libc))
        take_all(NULL, &libc);
    if (!is_whole(&family))
        find_by_loader();
    if (!is_whole(&family)) {
        dal_log_("the malloc family of the C library was not found; nothing can serve");
        abort();
    }
    return &family;
}

/* ---- Its start ---------------------------------------------------------------------------- */

static struct {
    int argc;
    char **argv, **envp;
} awaited;

void dal_libc_await_(int argc, char **argv, char **envp)
{
    awaited.argc = argc;
    awaited.argv = argv;
    awaited.envp = envp;
}

void dal_libc_initialise_(void)
{
    struct dal_loaded_ libc;

    if (!awaited.argv || !find_glibc(&libc))
        return;
    for (size_t i = 0; i < libc.init_bytes / sizeof *libc.init; i++) {
        void (*initialise)(int, char **, char **);

        memcpy(&initialise, &libc.init[i], sizeof initialise);
        initialise(awaited.argc, awaited.argv, awaited.envp);
    }
    awaited.argv = NULL;
}

/* ---- The plain names for backends/system/posix.c ------------------------------------------ */

#define X(result, name, parameters, arguments, give, ...) \
    result dal_libc_##name##_ parameters                  \
    {                                                     \
        give family.name##_function arguments;            \
    }
DAL_FAMILY_FUNCTIONS_(X)
#undef X

int dal_libc_posix_memalign_(void **out, size_t align, size_t size)
{
    return dal_malloc_posix_memalign_(family.memalign_function, out, align, size);
}
