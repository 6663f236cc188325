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

#include "compat/compat.h"
#include "family.h"
#include "libc_names.h"
#include "text.h"

static struct dal_malloc_family family = {.abi = DAL_ALLOCATOR_ABI, .size_bytes = sizeof family};
static int (*trim)(size_t);

/* glibc's name, then musl's. */
static const char *const libc_names[] = {"libc.so.6", "libc.so", "libc.musl-x86_64.so.1",
                                         "libc.musl-aarch64.so.1"};

/* The C library: where it lies, or what the loader gives for it. */
struct place {
    struct dal_compat_object_ object;
    void *handle;
};

static int find_libc(struct place *libc)
{
    libc->handle = NULL;
    if (dal_compat_find_object_(libc_names[0], &libc->object))
        return 1;
    for (size_t i = 0; i < sizeof libc_names / sizeof libc_names[0] && !libc->handle; i++)
        libc->handle = dlopen(libc_names[i], RTLD_NOW | RTLD_NOLOAD);
    return libc->handle != NULL;
}

/* ISO C has no way from an object pointer to a function's; POSIX promises that it works. */
static void look_up(const struct place *libc, const char *name, void *function)
{
    void *address = libc->handle ? dlsym(libc->handle, name)
                                 : dal_compat_object_symbol_(&libc->object, name);

    memcpy(function, &address, sizeof address);
}

static void find_functions(void)
{
    struct place libc;

    if (find_libc(&libc)) {
        look_up(&libc, "malloc_trim", &trim);
        look_up(&libc, "malloc", &family.malloc_function);
        look_up(&libc, "free", &family.free_function);
        look_up(&libc, "calloc", &family.calloc_function);
        look_up(&libc, "realloc", &family.realloc_function);
        look_up(&libc, "memalign", &family.memalign_function);
        look_up(&libc, "malloc_usable_size", &family.usable_size_function);
    }
    if (!family.malloc_function || !family.free_function || !family.calloc_function ||
        !family.realloc_function || !family.memalign_function || !family.usable_size_function) {
        dal_log_("the malloc family of the C library was not found; nothing can serve");
        abort();
    }
}

/* First called by the interposer's constructor, where there is one thread. */
const struct dal_malloc_family *dal_libc_family_(void)
{
    if (!family.malloc_function)
        find_functions();
    return &family;
}

int dal_libc_trim_(size_t keep_bytes)
{
    return trim ? trim(keep_bytes) : 0;
}

/* ---- The plain names for backends/system/posix.c ------------------------------------------ */

void *dal_libc_malloc_(size_t size)
{
    return dal_libc_family_()->malloc_function(size);
}

void dal_libc_free_(void *ptr)
{
    dal_libc_family_()->free_function(ptr);
}

void *dal_libc_calloc_(size_t count, size_t size)
{
    return dal_libc_family_()->calloc_function(count, size);
}

void *dal_libc_realloc_(void *ptr, size_t size)
{
    return dal_libc_family_()->realloc_function(ptr, size);
}

int dal_libc_posix_memalign_(void **out, size_t align, size_t size)
{
    return dal_family_posix_memalign_(dal_libc_family_()->memalign_function, out, align, size);
}

size_t dal_libc_usable_size_(void *ptr)
{
    return dal_libc_family_()->usable_size_function(ptr);
}
