/* SPDX-License-Identifier: MIT */
/*
 * operator new and delete under their names of the Itanium C++ ABI, in C, so that a program
 * in C does not load the C++ library for our sake.
 *
 * The usual case is a call of the malloc family, of those functions that libstdc++ calls and by
 * their dynamic names: where a program has its own, all come to those. A failure is the C++
 * library's to handle: its own operator calls the family once more, runs the new-handler, and
 * throws. It is looked up in the library's own object, since another allocator of the process
 * may export the name.
 *
 * Where size_t is not an unsigned long the names are others; those operators are then left to
 * the C++ library, which calls the family.
 */
#include <config.h>

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "interposer.h"
#include "base/text.h"

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
typedef void *(*failing_new)(size_t size, const void *nothrow);
typedef void *(*failing_new_aligned)(size_t size, size_t align, const void *nothrow);

static void *fail(const char *name, size_t size, const void *nothrow)
{
    void *address = find_in_cxx_library(name);
    failing_new function;

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
    failing_new_aligned function;

    if (address) {
        memcpy(&function, &address, sizeof address);
        return function(size, align, nothrow);
    }
    if (nothrow)
        return NULL;
    dal_log_("operator new of %zu bytes failed, and there is no C++ library to throw", size);
    abort();
}

/* Where blocks come from: the process's malloc, or what checks it. A call through memory, as
 * one by the global offset table is. Set before there is a second thread, so not atomic, of
 * which the compiler would make one instruction more. */
static void *(*new_function)(size_t) = malloc;
static void *(*new_aligned_function)(size_t, size_t) = aligned_alloc;

/* The plain forms, which are all that a program has to replace to replace them all. */
EXPORT void *_Znwm(size_t size)
{
    void *ptr = new_function(size);

    return ptr ? ptr : fail("_Znwm", size, NULL);
}

EXPORT void *_ZnwmSt11align_val_t(size_t size, size_t align)
{
    void *ptr = new_aligned_function(align, size);

    return ptr ? ptr : fail_aligned("_ZnwmSt11align_val_t", size, align, NULL);
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
    void *ptr = is_own ? new_function(size) : NULL;

    return ptr ? ptr : fail(name, size, nothrow);
}

static void *new_aligned_nothrow(const char *name, int is_own, size_t size, size_t align,
                                 const void *nothrow)
{
    void *ptr = is_own ? new_aligned_function(align, size) : NULL;

    return ptr ? ptr : fail_aligned(name, size, align, nothrow);
}

# define NEW_NOTHROW(name, is_own)                           \
     EXPORT void *name(size_t size, const void *nothrow)     \
     {                                                       \
         return new_nothrow(#name, (is_own), size, nothrow); \
     }
# define NEW_ALIGNED_NOTHROW(name, is_own)                                  \
     EXPORT void *name(size_t size, size_t align, const void *nothrow)      \
     {                                                                      \
         return new_aligned_nothrow(#name, (is_own), size, align, nothrow); \
     }

NEW_NOTHROW(_ZnwmRKSt9nothrow_t, _Znwm == own_new)
NEW_NOTHROW(_ZnamRKSt9nothrow_t, _Znam == own_new_array && _Znwm == own_new)
NEW_ALIGNED_NOTHROW(_ZnwmSt11align_val_tRKSt9nothrow_t, _ZnwmSt11align_val_t == own_new_aligned)
NEW_ALIGNED_NOTHROW(_ZnamSt11align_val_tRKSt9nothrow_t,
                    _ZnamSt11align_val_t == own_new_array_aligned &&
                        _ZnwmSt11align_val_t == own_new_aligned)

/*
 * delete jumps through a slot of its own, to what is more plain, in the end to the process's
 * free. That looks at its first parameter alone, so the slots take it under the type of the
 * form: what the others are is of use to `run --check` only.
 */
# define DELETE(name, plain)                             \
     static void (*_Atomic name##_slot)(void *) = plain; \
     EXPORT void name(void *ptr)                         \
     {                                                   \
         DAL_SLOT_(name)(ptr);                           \
     }
/* With a size or an alignment. */
# define DELETE_1(name, plain)                            \
     static void (*_Atomic name##_slot)(void *, size_t) = \
         (void (*)(void *, size_t))(void (*)(void))plain; \
     EXPORT void name(void *ptr, size_t promise)          \
     {                                                    \
         DAL_SLOT_(name)(ptr, promise);                   \
     }
/* With a size and an alignment. */
# define DELETE_2(name, plain)                                    \
     static void (*_Atomic name##_slot)(void *, size_t, size_t) = \
         (void (*)(void *, size_t, size_t))(void (*)(void))plain; \
     EXPORT void name(void *ptr, size_t size, size_t align)       \
     {                                                            \
         DAL_SLOT_(name)(ptr, size, align);                       \
     }

DELETE(_ZdlPv, free)
DELETE(_ZdaPv, _ZdlPv)
DELETE(_ZdlPvRKSt9nothrow_t, _ZdlPv)
DELETE(_ZdaPvRKSt9nothrow_t, _ZdaPv)
DELETE_1(_ZdlPvm, _ZdlPv)
DELETE_1(_ZdaPvm, _ZdaPv)
DELETE_1(_ZdlPvSt11align_val_t, free)
DELETE_1(_ZdaPvSt11align_val_t, _ZdlPvSt11align_val_t)
DELETE_1(_ZdlPvSt11align_val_tRKSt9nothrow_t, _ZdlPvSt11align_val_t)
DELETE_1(_ZdaPvSt11align_val_tRKSt9nothrow_t, _ZdaPvSt11align_val_t)
DELETE_2(_ZdlPvmSt11align_val_t, _ZdlPvSt11align_val_t)
DELETE_2(_ZdaPvmSt11align_val_t, _ZdaPvSt11align_val_t)

extern __typeof__(_ZdlPv) own_delete __attribute__((alias("_ZdlPv"), visibility("hidden")));
extern __typeof__(_ZdaPv) own_delete_array __attribute__((alias("_ZdaPv"), visibility("hidden")));
extern __typeof__(_ZdlPvSt11align_val_t) own_delete_aligned
    __attribute__((alias("_ZdlPvSt11align_val_t"), visibility("hidden")));
extern __typeof__(_ZdaPvSt11align_val_t) own_delete_array_aligned
    __attribute__((alias("_ZdaPvSt11align_val_t"), visibility("hidden")));

/* A form is checked by itself if all that it leads to is ours; else where that ends up. */
static void check_delete(const struct dal_check_ *check)
{
    if (DAL_IS_OURS_(_ZdlPv, own_delete)) {
        DAL_SET_SLOT_(_ZdlPv, check->delete_plain);
        DAL_SET_SLOT_(_ZdlPvm, check->delete_sized);
        DAL_SET_SLOT_(_ZdaPv, check->delete_array);
        if (DAL_IS_OURS_(_ZdaPv, own_delete_array))
            DAL_SET_SLOT_(_ZdaPvm, check->delete_array_sized);
    }
    if (DAL_IS_OURS_(_ZdlPvSt11align_val_t, own_delete_aligned)) {
        DAL_SET_SLOT_(_ZdlPvSt11align_val_t, check->delete_aligned);
        DAL_SET_SLOT_(_ZdlPvmSt11align_val_t, check->delete_sized_aligned);
        DAL_SET_SLOT_(_ZdaPvSt11align_val_t, check->delete_array_aligned);
        if (DAL_IS_OURS_(_ZdaPvSt11align_val_t, own_delete_array_aligned))
            DAL_SET_SLOT_(_ZdaPvmSt11align_val_t, check->delete_array_sized_aligned);
    }
}

void dal_preload_check_cxx_(const struct dal_check_ *check)
{
    if (DAL_IS_OURS_(malloc, dal_preload_malloc_))
        new_function = check->new_plain;
    if (DAL_IS_OURS_(aligned_alloc, dal_preload_aligned_alloc_))
        new_aligned_function = check->new_aligned;
    if (DAL_IS_OURS_(free, dal_preload_free_))
        check_delete(check);
}

# pragma GCC diagnostic pop
#else
/* The C++ library's operators call the family. */
void dal_preload_check_cxx_(const struct dal_check_ *check)
{
    (void)check;
}
#endif
