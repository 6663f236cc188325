/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/allocator/system.h
 * @brief The system allocator as a constant whose functions are inline.
 *
 * What dal_system() is by a table, this is by code: Rust's System over malloc, calloc, realloc,
 * posix_memalign and free, by their plain names, so that LD_PRELOAD, sanitizers and valgrind
 * keep working. For DAL_GLOBAL_ALLOCATOR_FIXED() (dispatchalloc/fixed.h), where the compiler makes
 * the C library's own call of it. The library's backend `system` is this code as well.
 *
 * Only where the system's malloc is POSIX's; elsewhere the functions call dal_system().
 */
#ifndef DISPATCHALLOC_ALLOCATOR_SYSTEM_H
#define DISPATCHALLOC_ALLOCATOR_SYSTEM_H

#ifdef DAL_REDEFINE_MALLOC
# error "allocator/system.h calls malloc itself: do not define DAL_REDEFINE_MALLOC here"
#endif

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc/allocator/limits.h>
#include <dispatchalloc/instance.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

#ifdef _WIN32

static inline void *dal_inline_system_alloc_(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return dal_instance_alloc(dal_system(), size, align);
}

static inline void *dal_inline_system_alloc_natural_(size_t size, size_t align, void *ctx)
{
    return dal_inline_system_alloc_(size, align, ctx);
}

static inline void dal_inline_system_dealloc_(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    dal_instance_dealloc(dal_system(), ptr, size, align);
}

static inline void *dal_inline_system_alloc_zeroed_(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return dal_instance_alloc_zeroed(dal_system(), size, align);
}

static inline void *dal_inline_system_realloc_(void *ptr, size_t old_size, size_t align,
                                               size_t new_size, void *ctx)
{
    (void)ctx;
    return dal_instance_realloc(dal_system(), ptr, old_size, align, new_size);
}

#else

/* In a program that asks for ISO C and nothing else <stdlib.h> has it not. */
# ifndef __cplusplus
int posix_memalign(void **out, size_t align, size_t size);
# endif

/* musl has no macro of its own. What is left of a block behind an aligned one it keeps in an int,
 * and writes elsewhere where that is too much. */
# if defined __linux__ && !defined __GLIBC__
#  define DAL_SYSTEM_MAY_BE_MUSL_ 1
#  define DAL_SYSTEM_ALIGN_MAX_   ((size_t)1 << 30)
# else
#  define DAL_SYSTEM_MAY_BE_MUSL_ 0
#  define DAL_SYSTEM_ALIGN_MAX_   DAL_ALIGN_MAX_
# endif

/* Not inline: it needs a frame, which the usual way does without. */
DAL_ATTRIBUTE_((noinline, unused))
static void *dal_inline_system_aligned_(size_t size, size_t align)
{
    void *ptr;

    if (align > DAL_SYSTEM_ALIGN_MAX_ || !dal_is_possible_(size, align))
        return NULL;
    if (align < sizeof(void *))
        align = sizeof(void *);
    /* POSIX lets a size of 0 give NULL, which would mean exhausted here. */
    return posix_memalign(&ptr, align, dal_long_size_(size)) == 0 ? ptr : NULL;
}

/* malloc serves a request only where align <= size as well: jemalloc and others that may stand
 * in for malloc align a block of 8 bytes to 8, not to 16. */
static inline void *dal_inline_system_alloc_(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    /* In two steps: the compiler would make one of them that takes an instruction more. */
    if (DAL_UNLIKELY_(align > DAL_MIN_ALIGN))
        return dal_inline_system_aligned_(size, align);
    return DAL_LIKELY_(align <= size) ? malloc(size) : dal_inline_system_aligned_(size, align);
}

static inline void *dal_inline_system_alloc_natural_(size_t size, size_t align, void *ctx)
{
    (void)align;
    (void)ctx;
    return malloc(size);
}

static inline void dal_inline_system_dealloc_(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    free(ptr);
}

static inline void *dal_inline_system_alloc_zeroed_(size_t size, size_t align, void *ctx)
{
    void *ptr;

    (void)ctx;
    /* calloc knows which pages come zeroed from the kernel and leaves those alone. */
    if (align <= DAL_MIN_ALIGN && align <= size)
        return calloc(size, 1);
    ptr = dal_inline_system_aligned_(size, align);
    return ptr ? memset(ptr, 0, size) : NULL;
}

static inline void *dal_inline_system_realloc_(void *ptr, size_t old_size, size_t align,
                                               size_t new_size, void *ctx)
{
    void *moved;

    (void)ctx;
    if (align <= DAL_MIN_ALIGN && align <= new_size)
        return realloc(ptr, new_size);
    moved = dal_inline_system_aligned_(new_size, align);
    if (moved && ptr) {
        memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        free(ptr);
    }
    return moved;
}

#endif

/** The system allocator. Thread-safe; its blocks are those of dal_system(). */
DAL_ATTRIBUTE_((unused))
static const struct dal_allocator dal_system_allocator = {
    DAL_ALLOCATOR_HEADER(NULL),
    dal_inline_system_alloc_,
    dal_inline_system_dealloc_,
    dal_inline_system_alloc_zeroed_,
    dal_inline_system_realloc_,
    NULL, /* grow and what follows it: derived */
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    dal_inline_system_alloc_natural_};

DAL_END_DECLS_

#endif /* DISPATCHALLOC_ALLOCATOR_SYSTEM_H */
