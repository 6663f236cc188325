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
#include <stdlib.h>
#include <string.h>

#include "base/malloc_rules.h"
#include "libc_names.h"
#include "loaded.h"
#include "base/text.h"

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

/* glibc's name, then musl's. */
static void *open_libc(void)
{
    static const char *const names[] = {"libc.so.6", "libc.so", "libc.musl-x86_64.so.1",
                                        "libc.musl-aarch64.so.1"};
    void *libc = NULL;

    for (size_t i = 0; i < sizeof names / sizeof names[0] && !libc; i++)
        libc = dlopen(names[i], RTLD_NOW | RTLD_NOLOAD);
    return libc;
}

static void find_by_loader(void)
{
    void *libc = open_libc();

    if (libc)
        take_all(libc, NULL);
}

const struct dal_malloc_family *dal_libc_find_(void)
{
    struct dal_loaded_ libc;

    if (find_glibc(&libc))
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
