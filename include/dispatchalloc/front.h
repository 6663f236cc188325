/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/front.h
 * @brief The front: four calls that jump through the global hook.
 *
 * The C form of Rust's __rust_alloc, __rust_dealloc, __rust_alloc_zeroed and
 * __rust_realloc. The functions do nothing but jump: no argument is checked here,
 * and what each call promises is kept by the allocator that serves. The first call
 * of a process fixes which one that is (see dispatchalloc/global.h).
 *
 * The contract, which every allocator has to keep (Rust's GlobalAlloc, with size 0
 * and NULL defined):
 *
 *  - A layout is valid iff its alignment is a power of two and its size, rounded
 *    up to the alignment, is at most PTRDIFF_MAX. A call with an invalid layout is
 *    the caller's error; dal_layout_make() refuses such a layout.
 *  - NULL means that memory is exhausted or that the layout is one which this
 *    allocator does not support. errno is not defined.
 *  - A block of size 0 is non-NULL and aligned, holds no bytes, and is given back
 *    with size 0.
 *  - A block is given back with the size and alignment it has now. Any other
 *    value is the caller's error and undefined.
 *
 * All functions here may be called from any thread, before main, in exit handlers
 * and in destructors of thread-local storage, and after fork. They are not to be
 * called from inside a backend, which has the child of its request to allocate from:
 * one that serves them would call itself. Until the first allocation a call from
 * inside create() returns NULL, and one line on standard error names the backend.
 */
#ifndef DISPATCHALLOC_FRONT_H
#define DISPATCHALLOC_FRONT_H

#include <stddef.h>

#include <dispatchalloc/layout.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/**
 * Give a block back. Rust's std::alloc::dealloc.
 *
 * @param ptr    a block of the global allocator; NULL is a no-op.
 * @param size   the size that it has, in bytes.
 * @param align  the alignment that it has, in bytes.
 */
DAL_API void dal_dealloc(void *ptr, size_t size, size_t align) DAL_NO_PLT_;

/**
 * Change the size of a block, which may move; its alignment stays.
 *
 * The first min(old_size, new_size) bytes keep their values; bytes beyond old_size
 * are uninitialised. Rust's std::alloc::realloc.
 *
 * @param ptr       a block of the global allocator, or NULL with old_size 0, which
 *                  allocates a new block.
 * @param old_size  the size that it has, in bytes.
 * @param align     the alignment that it has, in bytes.
 * @param new_size  the size wanted, in bytes; 0 leaves a valid block of size 0.
 *                  Rounded up to align it must not exceed PTRDIFF_MAX.
 * @return the block, after which ptr is dead even if equal; NULL if exhausted, in
 *         which case the old block is as it was and still the caller's.
 */
DAL_API void *dal_realloc(void *ptr, size_t old_size, size_t align, size_t new_size) DAL_NO_PLT_
    DAL_ATTRIBUTE_((alloc_size(4), alloc_align(3), warn_unused_result))
        DAL_ATTRIBUTE_DEALLOC_(dal_dealloc, 1);

DAL_DECLARE_AGAIN_(void *dal_realloc(void *ptr, size_t old_size, size_t align, size_t new_size)
                       DAL_ATTRIBUTE_DEALLOC_(dal_realloc, 1))

/**
 * Allocate a block. Its bytes are uninitialised. Rust's std::alloc::alloc.
 *
 * @param size   bytes; 0 is allowed.
 * @param align  alignment in bytes, a power of two.
 * @return the block, owned by the caller until it is passed to dal_dealloc() or
 *         dal_realloc(); NULL if exhausted or not supported.
 */
DAL_API void *dal_alloc(size_t size, size_t align) DAL_NO_PLT_
    DAL_ATTRIBUTE_((__malloc__, alloc_size(1), alloc_align(2), warn_unused_result))
        DAL_ATTRIBUTE_DEALLOC_(dal_dealloc, 1) DAL_ATTRIBUTE_DEALLOC_(dal_realloc, 1);

/* The same for a layout that is natural (DAL_IS_NATURAL_ in layout.h). */
DAL_API void *dal_alloc_natural_(size_t size, size_t align) DAL_NO_PLT_
    DAL_ATTRIBUTE_((__malloc__, alloc_size(1), alloc_align(2), warn_unused_result))
        DAL_ATTRIBUTE_DEALLOC_(dal_dealloc, 1) DAL_ATTRIBUTE_DEALLOC_(dal_realloc, 1);

/* Where size and alignment are constants the tests on them are made by the compiler. A macro,
 * so that the function keeps its name: take its address, or write (dal_alloc)(size, align). */
#if defined __GNUC__ && defined __OPTIMIZE__ && !defined DAL_FRONT_IS_DEFINED_HERE_
/* Without a line of its own: a debugger, or addr2line, is to see the program's at a call. */
# ifdef __clang__
DAL_ATTRIBUTE_((nodebug))
# endif
DAL_ATTRIBUTE_((__malloc__, alloc_size(1), alloc_align(2), warn_unused_result, always_inline))
static inline void *dal_alloc_pick_(size_t size, size_t align)
{
    return DAL_IS_NATURAL_(size, align) ? dal_alloc_natural_(size, align) : dal_alloc(size, align);
}
# define dal_alloc(...) dal_alloc_pick_(__VA_ARGS__)
#endif

/**
 * Allocate a block whose bytes are zero. As dal_alloc() in every other way. Rust's
 * std::alloc::alloc_zeroed.
 *
 * @param size   bytes; 0 is allowed.
 * @param align  alignment in bytes, a power of two.
 * @return the block, or NULL if exhausted or not supported.
 */
DAL_API void *dal_alloc_zeroed(size_t size, size_t align) DAL_NO_PLT_
    DAL_ATTRIBUTE_((__malloc__, alloc_size(1), alloc_align(2), warn_unused_result))
        DAL_ATTRIBUTE_DEALLOC_(dal_dealloc, 1) DAL_ATTRIBUTE_DEALLOC_(dal_realloc, 1);

/* The same four calls on a layout. A struct of two words travels in the registers
 * of the two scalars, so these cost no instruction of their own. */

/** dal_alloc() with the size and alignment of layout. */
DAL_ATTRIBUTE_((__malloc__, warn_unused_result))
DAL_INLINE_ void *dal_alloc_layout(struct dal_layout layout)
{
    return dal_alloc(layout.size, layout.align);
}

/** dal_dealloc() of a block that has this layout. */
DAL_INLINE_ void dal_dealloc_layout(void *ptr, struct dal_layout layout)
{
    dal_dealloc(ptr, layout.size, layout.align);
}

/** dal_alloc_zeroed() with the size and alignment of layout. */
DAL_ATTRIBUTE_((__malloc__, warn_unused_result))
DAL_INLINE_ void *dal_alloc_zeroed_layout(struct dal_layout layout)
{
    return dal_alloc_zeroed(layout.size, layout.align);
}

/** dal_realloc() of a block that has this layout to new_size bytes. */
DAL_ATTRIBUTE_((warn_unused_result))
DAL_INLINE_ void *dal_realloc_layout(void *ptr, struct dal_layout layout, size_t new_size)
{
    return dal_realloc(ptr, layout.size, layout.align, new_size);
}

DAL_END_DECLS_

#endif /* DISPATCHALLOC_FRONT_H */
