/* SPDX-License-Identifier: MIT */
/*
 * operator new and delete under their names of the Itanium C++ ABI, in C, so that a program
 * in C does not load the C++ library for our sake.
 *
 * The usual case is a call of the malloc family, of those functions that libstdc++ calls and by
 * their dynamic names: where a program has its own, all come to those. A failure is the C++
 * library's to handle: its own operator calls the family once more, runs the new-handler, and
 * throws. Which library that is the caller tells, since a process may have several. Memory is
 * short by then: all of that reads tables that are there, and allocates nothing.
 */
#include <config.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc/service.h>

#include "interposer.h"
#include "loaded.h"
#include "slots.h"
#include "os/os.h"
#include "told.h"
#include "base/text.h"

_Static_assert(_Generic((size_t)0,
               unsigned int: sizeof(size_t) == 4,
               unsigned long: sizeof(size_t) == 8),
               "the letter of size_t in interposed_names.h is that of its type");

/* Named as interposed_names.h has them; the compiler is told so, since they are reserved words. */
#define EXPORT __attribute__((visibility("default")))
#pragma GCC diagnostic push
/* Nobody calls these by a declaration of ours. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

/* What throws in libstdc++ and in libc++: NULL unless the program started with one of them. */
extern void cxx_throw(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((weak));

struct sought {
    const char *name;
    void *found;
};

/* Allocators have operators too. (libc++ may have them apart from what throws.) */
static int look_for_operator(const struct dal_loaded_ *object, void *data)
{
    struct sought *sought = data;

    if (dal_loaded_symbol_(object, "__cxa_throw") ||
        dal_loaded_symbol_(object, "_ZSt17__throw_bad_allocv"))
        sought->found = dal_loaded_symbol_(object, sought->name);
    return sought->found != NULL;
}

/*
 * The operator of the C++ library that the caller is served by, or NULL: the one in itself; the one
 * where the loader found what code takes from there, such as for exceptions or classes; the
 * program's. Of a caller that tells nothing, as where the operator was jumped to from another
 * object, the first that there is, which may be the wrong one of two.
 */
static void *library_operator(const char *name, const void *caller)
{
    static const char *const taken[] = {"__gxx_personality_", "_ZTVN10__cxxabiv1", "_ZSt"};
    struct sought sought = {name, NULL};
    struct dal_loaded_ object;

    if (dal_loaded_at_(caller, &object) && !dal_loaded_has_(&object, &dal_slots_)) {
        sought.found = dal_loaded_symbol_(&object, name);
        for (size_t i = 0; i < sizeof taken / sizeof taken[0] && !sought.found; i++)
            sought.found = dal_loaded_beside_(&object, taken[i], name);
    }
    if (!sought.found && cxx_throw && dal_loaded_at_((const void *)(uintptr_t)cxx_throw, &object))
        sought.found = dal_loaded_symbol_(&object, name);
    if (!sought.found)
        (void)dal_loaded_visit_(look_for_operator, &sought);
    return sought.found;
}

/* What the nothrow parameter points to is not looked at. */
typedef void *(*failing_new)(size_t size, const void *nothrow);
typedef void *(*failing_new_aligned)(size_t size, size_t align, const void *nothrow);

/* The name tells whether the operator takes an alignment. */
__attribute__((noinline, cold)) static void *fail(const char *name, size_t size, size_t align,
                                                  const void *nothrow, const void *caller)
{
    uintptr_t function = (uintptr_t)library_operator(name, caller);

    if (function)
        return strstr(name, "align") ? ((failing_new_aligned)function)(size, align, nothrow)
                                     : ((failing_new)function)(size, nothrow);
    if (nothrow)
        return NULL;
    dal_log_("operator new of %zu bytes failed, and there is no C++ library to throw", size);
    abort();
}

/* The plain forms, which are all that a program has to replace to replace them all. */
EXPORT void *_Znwm(size_t size)
{
    void *ptr = dal_slots_.new_plain(size);

    return ptr ? ptr : fail(DAL_SYMBOL_TEXT(_Znwm), size, 0, NULL, __builtin_return_address(0));
}

EXPORT void *_ZnwmSt11align_val_t(size_t size, size_t align)
{
    void *ptr = dal_slots_.new_aligned(align, size);

    return ptr ? ptr
               : fail(DAL_SYMBOL_TEXT(_ZnwmSt11align_val_t), size, align, NULL,
                      __builtin_return_address(0));
}

/* Ours under names that nobody can put another before. */
extern __typeof__(_Znwm) own_new
    __attribute__((alias(DAL_SYMBOL_TEXT(_Znwm)), visibility("hidden")));
extern __typeof__(_ZnwmSt11align_val_t) own_new_aligned
    __attribute__((alias(DAL_SYMBOL_TEXT(_ZnwmSt11align_val_t)), visibility("hidden")));

/*
 * The others are defined by the plain ones, as C++ has it: a program may replace operator
 * new(size_t) alone, and its blocks come to the delete that it replaced. So they call the
 * plain ones by their dynamic names where those are the program's. Where they are ours they do what
 * those do, since it is their own caller that tells the C++ library.
 */
EXPORT void *_Znam(size_t size)
{
    void *ptr;

    if (_Znwm != own_new)
        return _Znwm(size);
    ptr = dal_slots_.new_plain(size);
    return ptr ? ptr : fail(DAL_SYMBOL_TEXT(_Znam), size, 0, NULL, __builtin_return_address(0));
}

EXPORT void *_ZnamSt11align_val_t(size_t size, size_t align)
{
    void *ptr;

    if (_ZnwmSt11align_val_t != own_new_aligned)
        return _ZnwmSt11align_val_t(size, align);
    ptr = dal_slots_.new_aligned(align, size);
    return ptr ? ptr
               : fail(DAL_SYMBOL_TEXT(_ZnamSt11align_val_t), size, align, NULL,
                      __builtin_return_address(0));
}

extern __typeof__(_Znam) own_new_array
    __attribute__((alias(DAL_SYMBOL_TEXT(_Znam)), visibility("hidden")));
extern __typeof__(_ZnamSt11align_val_t) own_new_array_aligned
    __attribute__((alias(DAL_SYMBOL_TEXT(_ZnamSt11align_val_t)), visibility("hidden")));

/* A program's own operator throws, which the C++ library's nothrow forms catch: those call it. */
#define NEW_NOTHROW(name, is_own)                                                                \
    EXPORT void *name(size_t size, const void *nothrow)                                          \
    {                                                                                            \
        void *ptr = (is_own) ? dal_slots_.new_plain(size) : NULL;                                \
                                                                                                 \
        return ptr ? ptr                                                                         \
                   : fail(DAL_SYMBOL_TEXT(name), size, 0, nothrow, __builtin_return_address(0)); \
    }
#define NEW_ALIGNED_NOTHROW(name, is_own)                                  \
    EXPORT void *name(size_t size, size_t align, const void *nothrow)      \
    {                                                                      \
        void *ptr = (is_own) ? dal_slots_.new_aligned(align, size) : NULL; \
                                                                           \
        return ptr ? ptr                                                   \
                   : fail(DAL_SYMBOL_TEXT(name), size, align, nothrow,     \
                          __builtin_return_address(0));                    \
    }

NEW_NOTHROW(_ZnwmRKSt9nothrow_t, _Znwm == own_new)
NEW_NOTHROW(_ZnamRKSt9nothrow_t, _Znam == own_new_array && _Znwm == own_new)
NEW_ALIGNED_NOTHROW(_ZnwmSt11align_val_tRKSt9nothrow_t, _ZnwmSt11align_val_t == own_new_aligned)
NEW_ALIGNED_NOTHROW(_ZnamSt11align_val_tRKSt9nothrow_t,
                    _ZnamSt11align_val_t == own_new_array_aligned &&
                        _ZnwmSt11align_val_t == own_new_aligned)

#define X(name, plain, form)                  \
    EXPORT void name DAL_TAKEN_(form)         \
    {                                         \
        DAL_SLOT_(name) DAL_HANDED_ON_(form); \
    }
DAL_DELETE_FORMS_(X)
#undef X

extern __typeof__(_ZdlPv) own_delete __attribute__((alias("_ZdlPv"), visibility("hidden")));
extern __typeof__(_ZdaPv) own_delete_array __attribute__((alias("_ZdaPv"), visibility("hidden")));
extern __typeof__(_ZdlPvSt11align_val_t) own_delete_aligned
    __attribute__((alias("_ZdlPvSt11align_val_t"), visibility("hidden")));
extern __typeof__(_ZdaPvSt11align_val_t) own_delete_array_aligned
    __attribute__((alias("_ZdaPvSt11align_val_t"), visibility("hidden")));

/* A form is told by itself if all that it leads to is ours; else where that ends up. Where a
 * program has an operator new of its own and not the delete to it, ours is as good as free. */
static void tell_delete(const struct dal_told_ *told)
{
    if (DAL_IS_OURS_(_Znwm, own_new) && DAL_IS_OURS_(_ZdlPv, own_delete)) {
        int is_pair = DAL_IS_OURS_(_Znam, own_new_array);

        DAL_SET_SLOT_(_ZdlPv, told->delete_plain);
        DAL_SET_SLOT_(_ZdlPvm, told->delete_sized);
        DAL_SET_SLOT_(_ZdaPv, is_pair ? told->delete_array : dal_slots_.free);
        if (is_pair && DAL_IS_OURS_(_ZdaPv, own_delete_array))
            DAL_SET_SLOT_(_ZdaPvm, told->delete_array_sized);
    }
    if (DAL_IS_OURS_(_ZnwmSt11align_val_t, own_new_aligned) &&
        DAL_IS_OURS_(_ZdlPvSt11align_val_t, own_delete_aligned)) {
        int is_pair = DAL_IS_OURS_(_ZnamSt11align_val_t, own_new_array_aligned);

        DAL_SET_SLOT_(_ZdlPvSt11align_val_t, told->delete_aligned);
        DAL_SET_SLOT_(_ZdlPvmSt11align_val_t, told->delete_sized_aligned);
        DAL_SET_SLOT_(_ZdaPvSt11align_val_t,
                      is_pair ? told->delete_array_aligned
                              : (void (*)(void *, size_t))(void (*)(void))dal_slots_.free);
        if (is_pair && DAL_IS_OURS_(_ZdaPvSt11align_val_t, own_delete_array_aligned))
            DAL_SET_SLOT_(_ZdaPvmSt11align_val_t, told->delete_array_sized_aligned);
    }
}

void dal_preload_tell_cxx_(const struct dal_told_ *told)
{
    if (DAL_IS_OURS_(malloc, dal_preload_malloc_))
        dal_slots_.new_plain = told->new_plain;
    if (DAL_IS_OURS_(aligned_alloc, dal_preload_aligned_alloc_))
        dal_slots_.new_aligned = told->new_aligned;
    if (DAL_IS_OURS_(free, dal_preload_free_))
        tell_delete(told);
}

#pragma GCC diagnostic pop
