/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/allocator/jemalloc.h
 * @brief jemalloc as a constant whose functions are inline, for a program that links it.
 *
 * For DAL_GLOBAL_ALLOCATOR_FIXED() (dispatchalloc/fixed.h), DAL_GLOBAL_ALLOCATOR() or any other use
 * of a struct dal_allocator. It takes jemalloc's own header, and the program is linked with
 * -ljemalloc, which makes jemalloc the malloc of the whole process; another malloc must not
 * be preloaded. The module `jemalloc` is this code as well.
 *
 * For a jemalloc that was built with a prefix, define DAL_JEMALLOC_(name) as prefix##name before.
 *
 * jemalloc has a short way, malloc and free, and a long one, mallocx and rallocx. Sized free is
 * not used: see backends/jemalloc/jemalloc.c.
 */
#ifndef DISPATCHALLOC_ALLOCATOR_JEMALLOC_H
#define DISPATCHALLOC_ALLOCATOR_JEMALLOC_H

#ifdef DAL_REDEFINE_MALLOC
# error "allocator/jemalloc.h calls malloc itself: do not define DAL_REDEFINE_MALLOC here"
#endif

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <jemalloc/jemalloc.h>

#include <dispatchalloc/allocator/limits.h>
#include <dispatchalloc/error.h>
#include <dispatchalloc/macros.h>

/* The names of its functions. Those of the C library's family may be others. */
#ifndef DAL_JEMALLOC_
# define DAL_JEMALLOC_(name) name
#endif
#ifndef DAL_JEMALLOC_SHORT_
# define DAL_JEMALLOC_SHORT_(name) DAL_JEMALLOC_(name)
#endif

DAL_BEGIN_DECLS_

static inline int dal_jemalloc_flags_(size_t align)
{
    return MALLOCX_LG_ALIGN(__builtin_ctzl(align));
}

static inline void *dal_jemalloc_long_resize_(void *ptr, size_t align, size_t new_size)
{
    if (!dal_is_possible_(new_size, align))
        return NULL;
    if (!ptr)
        return DAL_JEMALLOC_(mallocx)(dal_long_size_(new_size), dal_jemalloc_flags_(align));
    return DAL_JEMALLOC_(rallocx)(ptr, dal_long_size_(new_size), dal_jemalloc_flags_(align));
}

/* jemalloc zeroes what comes after the last usable byte of the old block, and leaves pages
 * alone that are zero already. What the old block had to spare is zeroed here. */
static inline void *dal_jemalloc_grow_zeroed_(void *ptr, size_t old_size, size_t old_align,
                                              size_t new_size, size_t new_align, void *ctx)
{
    int flags = dal_jemalloc_flags_(new_align) | MALLOCX_ZERO;
    size_t asked = dal_short_size_(new_size, new_align);
    size_t spare;
    char *grown;

    (void)old_align;
    (void)ctx;
    if (!dal_is_possible_(new_size, new_align))
        return NULL;
    if (!ptr)
        return DAL_JEMALLOC_(mallocx)(asked, flags);
    spare = DAL_JEMALLOC_(sallocx)(ptr, 0);
    grown = (char *)DAL_JEMALLOC_(rallocx)(ptr, asked, flags);
    if (spare > asked)
        spare = asked;
    if (grown && spare > old_size)
        memset(grown + old_size, 0, spare - old_size);
    return grown;
}

static inline int dal_jemalloc_resize_in_place_(void *ptr, size_t old_size, size_t align,
                                                size_t new_size, void *ctx)
{
    (void)old_size;
    (void)ctx;
    if (!dal_is_possible_(new_size, align))
        return DAL_ERR_UNSUPPORTED;
    return DAL_JEMALLOC_(xallocx)(ptr, dal_long_size_(new_size), 0, dal_jemalloc_flags_(align)) >=
                   new_size
               ? DAL_OK
               : DAL_ERR_UNSUPPORTED;
}

DAL_END_DECLS_

/** The jemalloc that the program is linked with. Thread-safe. */
#define DAL_OVER_ALLOCATOR_          dal_jemalloc_allocator
#define DAL_OVER_(name)              dal_jemalloc_##name##_
#define DAL_OVER_MALLOC_(size)       DAL_JEMALLOC_SHORT_(malloc)(size)
#define DAL_OVER_CALLOC_(size)       DAL_JEMALLOC_SHORT_(calloc)(1, size)
#define DAL_OVER_REALLOC_(ptr, size) DAL_JEMALLOC_SHORT_(realloc)(ptr, size)
#define DAL_OVER_FREE_(ptr)          DAL_JEMALLOC_SHORT_(free)(ptr)
#define DAL_OVER_LONG_(size, align)  DAL_JEMALLOC_(mallocx)(size, dal_jemalloc_flags_(align))
#define DAL_OVER_LONG_ZEROED_(size, align) \
    DAL_JEMALLOC_(mallocx)(size, dal_jemalloc_flags_(align) | MALLOCX_ZERO)
#define DAL_OVER_LONG_RESIZE_(ptr, old_size, align, new_size) \
    dal_jemalloc_long_resize_(ptr, align, new_size)
#define DAL_OVER_GROW_ZEROED_     dal_jemalloc_grow_zeroed_
#define DAL_OVER_RESIZE_IN_PLACE_ dal_jemalloc_resize_in_place_
#define DAL_OVER_ROOM_(ptr)       DAL_JEMALLOC_(sallocx)(ptr, 0)
#include <dispatchalloc/allocator/over_malloc.h>

#endif /* DISPATCHALLOC_ALLOCATOR_JEMALLOC_H */
