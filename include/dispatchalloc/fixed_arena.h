/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/fixed_arena.h
 * @brief A fixed arena: one block of memory that all threads share, until it is used up.
 *
 * The allocator that Rust's documentation of GlobalAlloc shows as SimpleAllocator, in
 * the same arithmetic: a counter of the bytes that remain goes down by compare-and-swap
 * from the top of the block; giving memory back does nothing; when the block is used
 * up, NULL. It needs no other allocator, no lock and no start-up, so it can be a
 * program's global allocator from the very first instruction on:
 *
 *     static _Alignas(DAL_FIXED_ARENA_ALIGN_MAX) char memory[128 * 1024];
 *     static struct dal_fixed_arena arena = DAL_FIXED_ARENA_INIT(memory, sizeof memory);
 *     static const struct dal_allocator allocator = DAL_FIXED_ARENA_ALLOCATOR(&arena);
 *     DAL_GLOBAL_ALLOCATOR(allocator);
 *
 * In a spec it is `fixed-arena:capacity=128K`. Two threads that allocate at the same
 * time contend for the one counter; dispatchalloc/arena.h has arenas without that.
 *
 * All functions here may be called from any thread, from signal handlers, after fork
 * and from inside a backend. They keep the contract of dispatchalloc/front.h; a block
 * of size 0 takes one byte, so that every block lies inside the arena.
 */
#ifndef DISPATCHALLOC_FIXED_ARENA_H
#define DISPATCHALLOC_FIXED_ARENA_H

#include <stddef.h>

#include <dispatchalloc/instance.h>

/** The largest alignment that a fixed arena serves; a request for more gives NULL. */
#define DAL_FIXED_ARENA_ALIGN_MAX 4096

DAL_BEGIN_DECLS_

/**
 * A fixed arena over memory of the program's. Make it with DAL_FIXED_ARENA_INIT() and
 * read it by the functions below; it must stay where it is while it is used.
 */
struct dal_fixed_arena {
    void *memory_;
    size_t capacity_;
    size_t remaining_; /* atomic; a plain type because C++ shares this header */
};

/**
 * Initializer, also a constant one, of a struct dal_fixed_arena.
 *
 * @param memory  at least one byte, owned by the program, which leaves it alone for as
 *                long as the arena is used. Its alignment and its contents do not
 *                matter: blocks are aligned by address, and zeroed ones are zeroed.
 * @param bytes   size of memory in bytes.
 */
/* clang-format off */
#define DAL_FIXED_ARENA_INIT(memory, bytes) { (memory), (bytes), (bytes) }
/* clang-format on */

/**
 * Initializer, also a constant one, of a struct dal_allocator that allocates from a
 * fixed arena.
 *
 * @param arena  address of a struct dal_fixed_arena.
 */
#ifdef __cplusplus
# define DAL_FIXED_ARENA_ALLOCATOR(arena)                                                     \
     {                                                                                        \
         DAL_ALLOCATOR_HEADER(arena), dal_fixed_arena_alloc_, dal_fixed_arena_dealloc_,       \
             dal_fixed_arena_alloc_zeroed_, dal_fixed_arena_realloc_, NULL, NULL, NULL,       \
             dal_fixed_arena_resize_in_place_, NULL, NULL, dal_fixed_arena_owns_, NULL, NULL, \
             NULL, NULL                                                                       \
     }
#else
# define DAL_FIXED_ARENA_ALLOCATOR(arena)                                                        \
     {                                                                                           \
         DAL_ALLOCATOR_HEADER(arena),                                                            \
             .alloc = dal_fixed_arena_alloc_, .dealloc = dal_fixed_arena_dealloc_,               \
             .alloc_zeroed = dal_fixed_arena_alloc_zeroed_, .realloc = dal_fixed_arena_realloc_, \
             .resize_in_place = dal_fixed_arena_resize_in_place_, .owns = dal_fixed_arena_owns_  \
     }
#endif

/* The slots of that allocator; ctx is the arena. None of the functions here has the
 * attribute `malloc`: blocks lie in memory that the program knows by another name, and the
 * compiler would be told that they do not. */
DAL_API void *dal_fixed_arena_alloc_(size_t size, size_t align, void *ctx)
    DAL_ATTRIBUTE_((alloc_size(1), alloc_align(2), warn_unused_result));
DAL_API void dal_fixed_arena_dealloc_(void *ptr, size_t size, size_t align, void *ctx);
DAL_API void *dal_fixed_arena_alloc_zeroed_(size_t size, size_t align, void *ctx)
    DAL_ATTRIBUTE_((alloc_size(1), alloc_align(2), warn_unused_result));
DAL_API void *dal_fixed_arena_realloc_(void *ptr, size_t old_size, size_t align, size_t new_size,
                                       void *ctx)
    DAL_ATTRIBUTE_((alloc_size(4), alloc_align(3), warn_unused_result));
DAL_API int dal_fixed_arena_resize_in_place_(void *ptr, size_t old_size, size_t align,
                                             size_t new_size, void *ctx);
DAL_API int dal_fixed_arena_owns_(const void *ptr, void *ctx);

/**
 * Allocate a block. Its bytes are uninitialised.
 *
 * @param arena  not NULL.
 * @param size   bytes; 0 is allowed.
 * @param align  alignment in bytes, a power of two.
 * @return the block, which lives as long as the memory of the arena; NULL, with the arena
 *         as it was, if that many bytes do not remain or align is more than
 *         DAL_FIXED_ARENA_ALIGN_MAX.
 */
DAL_ATTRIBUTE_((alloc_size(2), alloc_align(3), warn_unused_result))
DAL_INLINE_ void *dal_fixed_arena_alloc(struct dal_fixed_arena *arena, size_t size, size_t align)
{
    return dal_fixed_arena_alloc_(size, align, arena);
}

/** dal_fixed_arena_alloc() whose bytes are zero, whatever the memory held before. */
DAL_ATTRIBUTE_((alloc_size(2), alloc_align(3), warn_unused_result))
DAL_INLINE_ void *dal_fixed_arena_alloc_zeroed(struct dal_fixed_arena *arena, size_t size,
                                               size_t align)
{
    return dal_fixed_arena_alloc_zeroed_(size, align, arena);
}

/**
 * Give a block back, which does nothing: its memory is not used again.
 *
 * @param arena  not NULL.
 * @param ptr    a block of the arena; NULL is a no-op.
 * @param size   the size that it has, in bytes.
 * @param align  the alignment that it has, in bytes.
 */
DAL_INLINE_ void dal_fixed_arena_dealloc(struct dal_fixed_arena *arena, void *ptr, size_t size,
                                         size_t align)
{
    dal_fixed_arena_dealloc_(ptr, size, align, arena);
}

/**
 * Change the size of a block. A smaller size is granted in place. The block allocated
 * last grows by the difference alone, and its bytes are moved down for that; any other
 * block grows by a new one, and the old one's memory is not used again.
 *
 * @param arena     not NULL.
 * @param ptr       a block of the arena, or NULL with old_size 0 to allocate.
 * @param old_size  the size that it has, in bytes.
 * @param align     the alignment that it has, in bytes.
 * @param new_size  the size wanted, in bytes; 0 is allowed.
 * @return the block, which lives as one of dal_fixed_arena_alloc(), after which ptr is
 *         dead even if equal; NULL if exhausted, with the old block as it was.
 */
DAL_ATTRIBUTE_((alloc_size(5), alloc_align(4), warn_unused_result))
DAL_INLINE_ void *dal_fixed_arena_realloc(struct dal_fixed_arena *arena, void *ptr, size_t old_size,
                                          size_t align, size_t new_size)
{
    return dal_fixed_arena_realloc_(ptr, old_size, align, new_size, arena);
}

/**
 * How much of an arena is in use.
 *
 * @param arena  not NULL.
 * @return bytes, those lost to alignment and to blocks given back included.
 */
DAL_API size_t dal_fixed_arena_used(const struct dal_fixed_arena *arena);

/**
 * How much of an arena remains.
 *
 * @param arena  not NULL.
 * @return bytes; a block may need more of them than its size because of its alignment.
 */
DAL_API size_t dal_fixed_arena_remaining(const struct dal_fixed_arena *arena);

/**
 * How large an arena is.
 *
 * @param arena  not NULL.
 * @return bytes, those used and those that remain.
 */
DAL_API size_t dal_fixed_arena_capacity(const struct dal_fixed_arena *arena);

/**
 * The fixed arena that an instance allocates from, to read one that was made by a spec.
 *
 * @param instance  such as that of dal_instance_create_spec("fixed-arena"). NULL or
 *                  dal_global() for the one that serves the front. Layers around the arena
 *                  are looked through, unless one answers dal_instance_owns() itself.
 * @return the arena, which lives as long as the instance; NULL if it is none, or if nothing
 *         has been allocated from the front yet.
 */
DAL_API struct dal_fixed_arena *dal_fixed_arena_of(const struct dal_instance *instance);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_FIXED_ARENA_H */
