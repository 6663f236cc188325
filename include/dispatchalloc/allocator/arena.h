/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/allocator/arena.h
 * @brief The arena of the process: the backend `arena` as plain functions, and as a constant.
 *
 * One arena for all threads, with chunks of 64 KiB for each, and without a limit. It needs no
 * start and has no end; a single block is given back only if it is the last one of its
 * thread, so that all can be in reverse, or a large one, whichever thread frees it. For
 * DAL_GLOBAL_ALLOCATOR_FIXED() (dispatchalloc/fixed.h) in programs that end soon, or that allocate
 * more than they free.
 *
 * The contract of each function is that of dispatchalloc/front.h. All may be called from any
 * thread at any time, and from inside a backend.
 */
#ifndef DISPATCHALLOC_ALLOCATOR_ARENA_H
#define DISPATCHALLOC_ALLOCATOR_ARENA_H

#include <stddef.h>

#include <dispatchalloc/instance.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/**
 * Allocate a block from the arena of the process. Its bytes are uninitialised.
 *
 * @param size   bytes; 0 is allowed.
 * @param align  alignment in bytes, a power of two.
 * @return the block, owned by the caller; NULL if memory is exhausted.
 */
DAL_API void *dal_arena_process_alloc(size_t size, size_t align)
    DAL_ATTRIBUTE_((__malloc__, alloc_size(1), alloc_align(2), warn_unused_result));

/**
 * Give a block back.
 *
 * @param ptr    a block of the arena of the process; NULL is a no-op.
 * @param size   the size that it has, in bytes.
 * @param align  the alignment that it has, in bytes.
 */
DAL_API void dal_arena_process_dealloc(void *ptr, size_t size, size_t align);

/** dal_arena_process_alloc() with bytes that are zero. */
DAL_API void *dal_arena_process_alloc_zeroed(size_t size, size_t align)
    DAL_ATTRIBUTE_((__malloc__, alloc_size(1), alloc_align(2), warn_unused_result));

/**
 * Change the size of a block, which may move; its alignment stays.
 *
 * @param ptr       a block of the arena of the process, or NULL with old_size 0 to allocate.
 * @param old_size  the size that it has, in bytes.
 * @param align     the alignment that it has, in bytes.
 * @param new_size  the size wanted, in bytes; 0 is allowed.
 * @return the block, owned by the caller, after which ptr is dead even if equal; NULL if
 *         memory is exhausted, with the old block as it was.
 */
DAL_API void *dal_arena_process_realloc(void *ptr, size_t old_size, size_t align, size_t new_size)
    DAL_ATTRIBUTE_((alloc_size(4), alloc_align(3), warn_unused_result));

/**
 * Change the size of a block where it is.
 *
 * @param ptr       a block of the arena of the process; not NULL.
 * @param old_size  the size that it has, in bytes.
 * @param align     the alignment that it has, in bytes.
 * @param new_size  the size wanted, in bytes.
 * @return 0 if the block has its new size, else DAL_ERR_UNSUPPORTED with the block as it was.
 */
DAL_API int dal_arena_process_resize_in_place(void *ptr, size_t old_size, size_t align,
                                              size_t new_size);

static inline void *dal_arena_process_alloc_slot_(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return dal_arena_process_alloc(size, align);
}

static inline void dal_arena_process_dealloc_slot_(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    dal_arena_process_dealloc(ptr, size, align);
}

static inline void *dal_arena_process_alloc_zeroed_slot_(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return dal_arena_process_alloc_zeroed(size, align);
}

static inline void *dal_arena_process_realloc_slot_(void *ptr, size_t old_size, size_t align,
                                                    size_t new_size, void *ctx)
{
    (void)ctx;
    return dal_arena_process_realloc(ptr, old_size, align, new_size);
}

static inline int dal_arena_process_resize_slot_(void *ptr, size_t old_size, size_t align,
                                                 size_t new_size, void *ctx)
{
    (void)ctx;
    return dal_arena_process_resize_in_place(ptr, old_size, align, new_size);
}

/** The arena of the process. Thread-safe. */
DAL_ATTRIBUTE_((unused))
static const struct dal_allocator dal_arena_allocator = {
    DAL_ALLOCATOR_HEADER(NULL),
    dal_arena_process_alloc_slot_,
    dal_arena_process_dealloc_slot_,
    dal_arena_process_alloc_zeroed_slot_,
    dal_arena_process_realloc_slot_,
    NULL, /* grow, grow_zeroed, shrink: derived */
    NULL,
    NULL,
    dal_arena_process_resize_slot_,
    NULL, /* usable_size and what follows it: derived */
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL};

DAL_END_DECLS_

#endif /* DISPATCHALLOC_ALLOCATOR_ARENA_H */
