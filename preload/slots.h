/* SPDX-License-Identifier: MIT */
/* The slots through which the interposer's functions jump. */
#ifndef DAL_PRELOAD_SLOTS_H
#define DAL_PRELOAD_SLOTS_H

#include <stdatomic.h>
#include <stddef.h>

#include "interposer.h"
#include "os/os.h"

/*
 * delete jumps through a slot of its own, to what is more plain, in the end to the process's
 * free. That looks at its first parameter alone, so the slots take it under the type of the
 * form: what the others are is of use to told.h only.
 */
#define DAL_DELETE_FORMS_(X)                                                         \
    X(_ZdlPv, free, DAL_FORM_PLAIN_)                                                 \
    X(_ZdaPv, _ZdlPv, DAL_FORM_PLAIN_)                                               \
    X(_ZdlPvRKSt9nothrow_t, _ZdlPv, DAL_FORM_PLAIN_)                                 \
    X(_ZdaPvRKSt9nothrow_t, _ZdaPv, DAL_FORM_PLAIN_)                                 \
    X(_ZdlPvm, _ZdlPv, DAL_FORM_SIZED_)                                              \
    X(_ZdaPvm, _ZdaPv, DAL_FORM_SIZED_)                                              \
    X(_ZdlPvSt11align_val_t, free, DAL_FORM_ALIGNED_)                                \
    X(_ZdaPvSt11align_val_t, _ZdlPvSt11align_val_t, DAL_FORM_ALIGNED_)               \
    X(_ZdlPvSt11align_val_tRKSt9nothrow_t, _ZdlPvSt11align_val_t, DAL_FORM_ALIGNED_) \
    X(_ZdaPvSt11align_val_tRKSt9nothrow_t, _ZdaPvSt11align_val_t, DAL_FORM_ALIGNED_) \
    X(_ZdlPvmSt11align_val_t, _ZdlPvSt11align_val_t, DAL_FORM_SIZED_ALIGNED_)        \
    X(_ZdaPvmSt11align_val_t, _ZdaPvSt11align_val_t, DAL_FORM_SIZED_ALIGNED_)
/* What a form takes, and hands on. */
#define DAL_FORM_PLAIN_                  (void *ptr), (ptr)
#define DAL_FORM_SIZED_                  (void *ptr, size_t size), (ptr, size)
#define DAL_FORM_ALIGNED_                (void *ptr, size_t align), (ptr, align)
#define DAL_FORM_SIZED_ALIGNED_          (void *ptr, size_t size, size_t align), (ptr, size, align)
#define DAL_TAKEN_(taken, handed_on)     taken
#define DAL_HANDED_ON_(taken, handed_on) handed_on

#define X(name, plain, form) void name DAL_TAKEN_(form);
DAL_DELETE_FORMS_(X)
#undef X

/*
 * Set once with release (those of the careful ones twice), which a thread that is started later is
 * behind of anyway; so the loads can be relaxed, and each function is one jump through memory.
 * Whatever the others say of a block that is freed, free looks at its first parameter alone.
 *
 * Whole pages, and one table for C and C++, so that one call makes it read-only.
 */
extern struct dal_slots_ {
    void *(*_Atomic malloc)(size_t);
    void (*_Atomic free)(void *);
    void *(*_Atomic calloc)(size_t, size_t);
    void *(*_Atomic realloc)(void *, size_t);
    void *(*_Atomic memalign)(size_t, size_t);
    size_t (*_Atomic usable_size)(void *);
    /* What is behind the careful ones, for all but early blocks. */
    void (*_Atomic served_free)(void *);
    void *(*_Atomic served_realloc)(void *, size_t);
    size_t (*_Atomic served_usable_size)(void *);
    /* What is told from a free where somebody wants to know (told.h): else the jump is to whatever
     * is `free` in the process. */
    void (*_Atomic free_sized)(void *, size_t);
    void (*_Atomic free_aligned_sized)(void *, size_t, size_t);
    /* Of operator new: where blocks come from, the process's malloc, or what is told of it. Set
     * before there is a second thread, so not atomic, of which the compiler would make one
     * instruction more. */
    void *(*new_plain)(size_t);
    void *(*new_aligned)(size_t, size_t);
#define X(name, plain, form) void(*_Atomic name) DAL_TAKEN_(form);
    DAL_DELETE_FORMS_(X)
#undef X
} __attribute__((aligned(DAL_OS_PAGE_BYTES_MOST_))) dal_slots_ DAL_OWN_;

#define DAL_SLOT_(name) atomic_load_explicit(&dal_slots_.name, memory_order_relaxed)
#define DAL_SET_SLOT_(name, function) \
    atomic_store_explicit(&dal_slots_.name, (function), memory_order_release)

#endif /* DAL_PRELOAD_SLOTS_H */
