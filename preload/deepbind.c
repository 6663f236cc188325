/* SPDX-License-Identifier: MIT */
/*
 * dlopen() without RTLD_DEEPBIND, an object apart that `run --strip-deepbind` preloads. What is
 * opened with that flag, as PHP opens its extensions, takes the C library's malloc past every
 * preload, and gives its blocks to those who take the preloaded one.
 *
 * The C library looks at its caller, for the run path and the namespace to search in: so every way
 * to it is a jump, without optimization too.
 */
#define _GNU_SOURCE /* RTLD_DEEPBIND, RTLD_NEXT */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "loaded.h"

/* musl has none. */
#ifndef RTLD_DEEPBIND
# define RTLD_DEEPBIND 0
#endif

#if defined __clang__
# define JUMP __attribute__((musttail)) return
#else
# pragma GCC optimize("O2")
# define JUMP return
#endif

typedef void *opener(const char *file, int mode);

static opener first_call;

/* Relaxed: whoever finds it stores the same. */
static _Atomic(uintptr_t) target;

/* In the tables, since dlsym() allocates where it fails. Before glibc 2.34 it was in a library of
 * its own; the tables of musl, which looks at no caller, are not known here. */
static opener *find(void)
{
    static const char *const names[] = {"libc.so.6", "libdl.so.2"};
    struct dal_loaded_ object;
    uintptr_t found = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++) {
        if (dal_loaded_find_(names[i], &object))
            found = (uintptr_t)dal_loaded_symbol_(&object, "dlopen");
    }
    if (!found)
        found = (uintptr_t)dlsym(RTLD_NEXT, "dlopen");
    atomic_store_explicit(&target, found, memory_order_relaxed);
    return (opener *)found;
}

__attribute__((noinline)) static void *first_call(const char *file, int mode)
{
    opener *found = find();

    if (!found)
        return NULL;
    JUMP found(file, mode);
}

__attribute__((visibility("default"))) void *dlopen(const char *file, int mode)
{
    opener *known = (opener *)atomic_load_explicit(&target, memory_order_relaxed);

    mode &= ~RTLD_DEEPBIND;
    if (!known)
        JUMP first_call(file, mode);
    JUMP known(file, mode);
}
