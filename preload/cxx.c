/* SPDX-License-Identifier: MIT */
/*
 * operator new and delete under their names of the Itanium C++ ABI, in C, so that a program
 * in C does not load the C++ library for our sake.
 *
 * The usual case is a call of the malloc family. A failure is the C++ library's to handle: its
 * own operator calls the family once more, runs the new-handler, and throws. It is looked up
 * in the library's own object, since another allocator of the process may export the name.
 *
 * Where size_t is not an unsigned long the names are others; those operators are then left to
 * the C++ library, which calls the family.
 */
#include <config.h>

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "interposer.h"
#include "text.h"

#if __SIZEOF_SIZE_T__ == 8

/* Named as symbols.h has them; the compiler is told so, since they are reserved words. */
# define EXPORT __attribute__((visibility("default")))
# pragma GCC diagnostic push
/* Nobody calls these by a declaration of ours. */
# pragma GCC diagnostic ignored "-Wmissing-prototypes"

static void *find_in_cxx_library(const char *name)
{
    static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1"};
    void *found = NULL;

    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0] && !found; i++) {
        void *library = dlopen(libraries[i], RTLD_NOW | RTLD_NOLOAD);

        if (library)
            found = dlsym(library, name);
    }
    return found;
}

/* What the nothrow parameter points to is not looked at. */
typedef void *(*new_function)(size_t size, const void *nothrow);
typedef void *(*new_aligned_function)(size_t size, size_t align, const void *nothrow);

static void *fail(const char *name, size_t size, const void *nothrow)
{
    void *address = find_in_cxx_library(name);
    new_function function;

    if (address) {
        memcpy(&function, &address, sizeof address);
        return function(size, nothrow);
    }
    if (nothrow)
        return NULL;
    dal_log_("operator new of %zu bytes failed, and there is no C++ library to throw", size);
    abort();
}

static void *fail_aligned(const char *name, size_t size, size_t align, const void *nothrow)
{
    void *address = find_in_cxx_library(name);
    new_aligned_function function;

    if (address) {
        memcpy(&function, &address, sizeof address);
        return function(size, align, nothrow);
    }
    if (nothrow)
        return NULL;
    dal_log_("operator new of %zu bytes failed, and there is no C++ library to throw", size);
    abort();
}

/* The plain forms, which are all that a program has to replace to replace them all. */
EXPORT void *_Znwm(size_t size)
{
    void *ptr = malloc(size);

    return ptr ? ptr : fail("_Znwm", size, NULL);
}

EXPORT void *_ZnwmSt11align_val_t(size_t size, size_t align)
{
    void *ptr = aligned_alloc(align, size);

    return ptr ? ptr : fail_aligned("_ZnwmSt11align_val_t", size, align, NULL);
}

EXPORT void _ZdlPv(void *ptr)
{
    free(ptr);
}

EXPORT void _ZdlPvSt11align_val_t(void *ptr, size_t align)
{
    (void)align;
    free(ptr);
}

/*
 * The others are defined by the plain ones, as C++ has it: a program may replace operator
 * new(size_t) alone, and its blocks come to the delete that it replaced. So they call the
 * plain ones by their dynamic names, which are the program's where it has some.
 */
EXPORT void *_Znam(size_t size)
{
    return _Znwm(size);
}

EXPORT void *_ZnamSt11align_val_t(size_t size, size_t align)
{
    return _ZnwmSt11align_val_t(size, align);
}

/* Ours under names that nobody can put another before. */
extern __typeof__(_Znwm) own_new __attribute__((alias("_Znwm"), visibility("hidden")));
extern __typeof__(_ZnwmSt11align_val_t) own_new_aligned
    __attribute__((alias("_ZnwmSt11align_val_t"), visibility("hidden")));
extern __typeof__(_Znam) own_new_array __attribute__((alias("_Znam"), visibility("hidden")));
extern __typeof__(_ZnamSt11align_val_t) own_new_array_aligned
    __attribute__((alias("_ZnamSt11align_val_t"), visibility("hidden")));

/* A program's own operator throws, which the C++ library's nothrow forms catch: those call it. */
static void *new_nothrow(const char *name, int is_own, size_t size, const void *nothrow)
{
    void *ptr = is_own ? malloc(size) : NULL;

    return ptr ? ptr : fail(name, size, nothrow);
}

static void *new_aligned_nothrow(const char *name, int is_own, size_t size, size_t align,
                                 const void *nothrow)
{
    void *ptr = is_own ? aligned_alloc(align, size) : NULL;

    return ptr ? ptr : fail_aligned(name, size, align, nothrow);
}

# define NEW_NOTHROW(name, is_own)                                                \
    EXPORT void *name(size_t size, const void *nothrow)                           \
    {                                                                             \
        return new_nothrow(#name, (is_own), size, nothrow);                       \
    }
# define NEW_ALIGNED_NOTHROW(name, is_own)                                        \
    EXPORT void *name(size_t size, size_t align, const void *nothrow)             \
    {                                                                             \
        return new_aligned_nothrow(#name, (is_own), size, align, nothrow);        \
    }
/* Further parameters, in whatever number, are not needed and not looked at. */
# define DELETE(name, plain)                                                      \
    EXPORT void name(void *ptr)                                                   \
    {                                                                             \
        plain(ptr);                                                               \
    }
# define DELETE_ALIGNED(name, plain)                                              \
    EXPORT void name(void *ptr, size_t align)                                     \
    {                                                                             \
        plain(ptr, align);                                                        \
    }

NEW_NOTHROW(_ZnwmRKSt9nothrow_t, _Znwm == own_new)
NEW_NOTHROW(_ZnamRKSt9nothrow_t, _Znam == own_new_array && _Znwm == own_new)
NEW_ALIGNED_NOTHROW(_ZnwmSt11align_val_tRKSt9nothrow_t, _ZnwmSt11align_val_t == own_new_aligned)
NEW_ALIGNED_NOTHROW(_ZnamSt11align_val_tRKSt9nothrow_t,
                    _ZnamSt11align_val_t == own_new_array_aligned &&
                        _ZnwmSt11align_val_t == own_new_aligned)
DELETE(_ZdaPv, _ZdlPv)
DELETE(_ZdlPvm, _ZdlPv)
DELETE(_ZdlPvRKSt9nothrow_t, _ZdlPv)
DELETE(_ZdaPvm, _ZdaPv)
DELETE(_ZdaPvRKSt9nothrow_t, _ZdaPv)
DELETE_ALIGNED(_ZdaPvSt11align_val_t, _ZdlPvSt11align_val_t)
DELETE_ALIGNED(_ZdlPvSt11align_val_tRKSt9nothrow_t, _ZdlPvSt11align_val_t)
DELETE_ALIGNED(_ZdaPvSt11align_val_tRKSt9nothrow_t, _ZdaPvSt11align_val_t)

/* With a size before the alignment. */
EXPORT void _ZdlPvmSt11align_val_t(void *ptr, size_t size, size_t align)
{
    (void)size;
    _ZdlPvSt11align_val_t(ptr, align);
}

EXPORT void _ZdaPvmSt11align_val_t(void *ptr, size_t size, size_t align)
{
    (void)size;
    _ZdaPvSt11align_val_t(ptr, align);
}

# pragma GCC diagnostic pop
#endif
