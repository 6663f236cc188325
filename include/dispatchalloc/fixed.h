/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/fixed.h
 * @brief A global allocator that the build fixes, so that the front costs nothing.
 *
 * DAL_GLOBAL_ALLOCATOR() leaves the last word to who runs the program, and the front jumps through
 * the hook. This one gives that up: the front's functions are defined in the program itself,
 * over one allocator that the compiler sees, and become that allocator's own calls. With the
 * static library and link-time optimisation (-flto) that holds in every file of the program;
 * without it a call of the front is a direct call of a function that jumps on, but in the file of
 * the macro with clang, or with gcc if DAL_NO_DEALLOC_WARNINGS is defined before any header of
 * this library is included: gcc does not inline what it watches blocks by.
 *
 *     #include <dispatchalloc/fixed.h>
 *     #include <dispatchalloc/allocator/system.h>
 *     DAL_GLOBAL_ALLOCATOR_FIXED(dal_system_allocator);
 *
 * Allocators for it, as constants with inline functions, are in dispatchalloc/allocator/: system,
 * arena, jemalloc, mimalloc. Any other is good whose struct dal_allocator is a constant and whose
 * functions are in sight.
 *
 * What goes by the hook (dal_global(), dal_unsized_malloc() and its family, what a library does
 * that was compiled before) comes to the same allocator. Its blocks are the same blocks.
 */
#ifndef DISPATCHALLOC_FIXED_H
#define DISPATCHALLOC_FIXED_H

#include <stddef.h>
#include <string.h>

#include <dispatchalloc/front.h>
#include <dispatchalloc/global.h>
#include <dispatchalloc/instance.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/** Called by DAL_GLOBAL_ALLOCATOR_FIXED() when the program starts; not for other use. */
DAL_API void dal_fixed_announce_(const struct dal_link_choice *choice);

/* The front's functions once more under their own symbols, as the program defines them: the
 * attributes that the compiler finds misuse by would keep its definitions out of line. */
#if DAL_HAS_DEALLOC_ATTRIBUTES_
# define DAL_SYMBOL_(name) __asm__(DAL_TEXT_(__USER_LABEL_PREFIX__) #name)
DAL_API void *dal_fixed_front_alloc_(size_t size, size_t align) DAL_SYMBOL_(dal_alloc);
DAL_API void *dal_fixed_front_alloc_natural_(size_t size, size_t align)
    DAL_SYMBOL_(dal_alloc_natural_);
DAL_API void dal_fixed_front_dealloc_(void *ptr, size_t size, size_t align)
    DAL_SYMBOL_(dal_dealloc);
DAL_API void *dal_fixed_front_alloc_zeroed_(size_t size, size_t align)
    DAL_SYMBOL_(dal_alloc_zeroed);
DAL_API void *dal_fixed_front_realloc_(void *ptr, size_t old_size, size_t align, size_t new_size)
    DAL_SYMBOL_(dal_realloc);
# define DAL_FIXED_(own, front) own
#else
# define DAL_FIXED_(own, front) front
#endif

/* What the front does over one allocator. The tests for what it leaves out are the compiler's. */

DAL_ATTRIBUTE_((always_inline))
static inline void *dal_fixed_alloc_natural_(const struct dal_allocator *allocator, size_t size,
                                             size_t align)
{
    return allocator->alloc_natural ? (allocator->alloc_natural)(size, align, allocator->ctx)
                                    : (allocator->alloc)(size, align, allocator->ctx);
}

DAL_ATTRIBUTE_((always_inline))
static inline void *dal_fixed_alloc_zeroed_(const struct dal_allocator *allocator, size_t size,
                                            size_t align)
{
    void *ptr;

    if (allocator->alloc_zeroed)
        return (allocator->alloc_zeroed)(size, align, allocator->ctx);
    ptr = (allocator->alloc)(size, align, allocator->ctx);
    return ptr ? memset(ptr, 0, size) : NULL;
}

DAL_ATTRIBUTE_((always_inline))
static inline void *dal_fixed_realloc_(const struct dal_allocator *allocator, void *ptr,
                                       size_t old_size, size_t align, size_t new_size)
{
    void *moved;

    if (allocator->realloc)
        return (allocator->realloc)(ptr, old_size, align, new_size, allocator->ctx);
    moved = (allocator->alloc)(new_size, align, allocator->ctx);
    if (moved && ptr) {
        memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        (allocator->dealloc)(ptr, old_size, align, allocator->ctx);
    }
    return moved;
}

/**
 * Fix the allocator of the process when it is built. At file scope, once a program, in the
 * program itself.
 *
 * It holds from the very first allocation on. DISPATCHALLOC_BACKEND is refused with a line on
 * standard error (in strict mode the program stops), and dal_global_set() with DAL_ERR_SEALED. A
 * second choice of either kind in the same link is an error of the linker; one in another
 * object of the process ends the program when it starts, with a line that names both, since
 * blocks would go back to where they did not come from.
 *
 * @param allocator_  the name of a const struct dal_allocator with static storage and an
 *                    initialiser that is in sight.
 */
#define DAL_GLOBAL_ALLOCATOR_FIXED(allocator_)                                                   \
    void *DAL_FIXED_(dal_fixed_front_alloc_, (dal_alloc))(size_t size, size_t align)             \
    {                                                                                            \
        return ((allocator_).alloc)(size, align, (allocator_).ctx);                              \
    }                                                                                            \
    void *DAL_FIXED_(dal_fixed_front_alloc_natural_, dal_alloc_natural_)(size_t size,            \
                                                                         size_t align)           \
    {                                                                                            \
        return dal_fixed_alloc_natural_(&(allocator_), size, align);                             \
    }                                                                                            \
    void DAL_FIXED_(dal_fixed_front_dealloc_, dal_dealloc)(void *ptr, size_t size, size_t align) \
    {                                                                                            \
        ((allocator_).dealloc)(ptr, size, align, (allocator_).ctx);                              \
    }                                                                                            \
    void *DAL_FIXED_(dal_fixed_front_alloc_zeroed_, dal_alloc_zeroed)(size_t size, size_t align) \
    {                                                                                            \
        return dal_fixed_alloc_zeroed_(&(allocator_), size, align);                              \
    }                                                                                            \
    void *DAL_FIXED_(dal_fixed_front_realloc_, dal_realloc)(void *ptr, size_t old_size,          \
                                                            size_t align, size_t new_size)       \
    {                                                                                            \
        return dal_fixed_realloc_(&(allocator_), ptr, old_size, align, new_size);                \
    }                                                                                            \
    DAL_LINK_CHOICE_(&(allocator_), #allocator_, 1, dal_fixed_announce_)

DAL_END_DECLS_

#endif /* DISPATCHALLOC_FIXED_H */
