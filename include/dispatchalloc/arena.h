/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/arena.h
 * @brief Arenas: blocks that are cut from large chunks and given back all at once.
 *
 * A `struct dal_arena` is a handle that one thread at a time uses. It cuts blocks from
 * memory of the caller's, from chunks that it takes from another allocator (its child),
 * or first from the one and then from the other:
 *
 *     struct dal_arena arena = DAL_ARENA_INIT;
 *     struct node *node = dal_arena_new(&arena, struct node);
 *     char *name = dal_arena_strdup(&arena, text);
 *     ...
 *     dal_arena_destroy(&arena);
 *
 * An allocation is a few instructions in line. Giving a single block back has an effect
 * only where that costs nothing: the block allocated last, of those that are left, is freed,
 * so that all of them can be in reverse; it is grown and shrunk where it is; and a block large
 * enough to have got a chunk of its own gives that chunk back. All others wait until the arena is
 * rewound to a checkpoint, reset or destroyed.
 *
 * For a library whose interface takes an allocator, dal_arena_instance() makes one of
 * the handle. The backend `arena` of a spec is another thing: an allocator for a whole
 * process, in which each thread has chunks of its own; dal_arena(3) describes both.
 *
 * Blocks keep the contract of dispatchalloc/front.h: a layout with a power of two as
 * its alignment, a block of size 0 non-NULL and aligned, NULL when memory or the limit
 * is exhausted. Sizes are rounded up to 8 bytes inside. Every alignment is served. A
 * call that fails leaves every block and checkpoint as it was.
 *
 * The functions here touch the hook of dispatchalloc/global.h only through a child that is
 * the global allocator, and may be called from inside a backend if the child may. An arena
 * is used by one thread at a time; different arenas are independent if their children are.
 */
#ifndef DISPATCHALLOC_ARENA_H
#define DISPATCHALLOC_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <dispatchalloc/instance.h>

DAL_BEGIN_DECLS_

/** What becomes of chunks that a rewound or reset arena no longer needs. */
enum dal_arena_keep {
    DAL_ARENA_FREE = 0, /**< they go back to the child, and so do those kept before */
    DAL_ARENA_KEEP = 1  /**< the arena keeps them for its next allocations */
};

/** Flags of dal_arena_options. */
enum dal_arena_flag {
    DAL_ARENA_BUFFER_ONLY = 1 << 0, /**< never take memory from a child */

    /** Chunks of at least a huge page consist of whole ones and are marked for the system to
     *  use huge pages in (on Linux MADV_HUGEPAGE); the first chunk is one huge page unless
     *  chunk_bytes says otherwise. chunk_bytes_max counts as the whole huge pages in it, and is
     *  at least one by default. Blocks with chunks of their own have that done to the
     *  whole huge pages inside. It is an advice: where the system has none it does nothing. */
    DAL_ARENA_HUGE_PAGES = 1 << 1,

    /** Memory of the child's is made present when it is taken, so that no later touch of it
     *  is a page fault. */
    DAL_ARENA_PREFAULT = 1 << 2
};

/** How an arena is made; what is 0 or NULL has its default. */
struct dal_arena_options {
    /** Where chunks come from; has to outlive the arena. NULL: the global allocator, whose
     *  choice the arena's first chunk then seals. */
    const struct dal_instance *child;

    /** Memory of the caller's that is used before any chunk. It is the caller's again
     *  when the arena is destroyed. The arena keeps its first 8 bytes, and up to 7 at either
     *  end may be lost to alignment. */
    void *buffer;
    size_t buffer_bytes; /**< size of buffer in bytes; 0 without one */

    /** Size of the first chunk, 4096 by default and at least 256; every further one is
     *  twice as large up to chunk_bytes_max, 1 MiB by default. A block that would take
     *  more than a quarter of a chunk gets a chunk of its own. */
    size_t chunk_bytes;
    size_t chunk_bytes_max; /**< largest size of a chunk that holds several blocks */

    /** Most bytes to hold of the child's memory at a time; 0: no limit. */
    size_t limit_bytes;

    uint32_t flags; /**< enum dal_arena_flag bits */
    uint32_t reserved_;
};

/* A chunk; private. */
struct dal_arena_chunk_;

/**
 * An arena. Its members are private; it is complete so that allocations can be in line
 * and handles can lie anywhere. It must stay where it is while it is used. Its size is the
 * same in every version.
 */
struct dal_arena {
    char *next_;                     /* where the next block begins if 8 is alignment enough */
    char *end_;                      /* of the current chunk; both are multiples of 8 */
    struct dal_arena_chunk_ *chunk_; /* current; a list, newest first */
    uint64_t serial_;                /* of the newest chunk */
    uint64_t private_[28];
    struct dal_instance instance_;
};

/**
 * Initializer, also a constant one, of an arena with default options: it grows from
 * dal_global() without a limit. It holds nothing until the first allocation.
 */
/* clang-format off */
#ifdef __cplusplus
# define DAL_ARENA_INIT {}
#else
# define DAL_ARENA_INIT {0}
#endif
/* clang-format on */

/** A state of an arena to go back to. See dal_arena_checkpoint_take(). */
struct dal_arena_checkpoint {
    struct dal_arena_chunk_ *chunk_;
    char *next_;
    uint64_t serial_;
};

/** What dal_arena_stats_read() tells. Later versions append. */
struct dal_arena_stats {
    size_t used_bytes;     /**< in blocks, rounding and alignment included */
    size_t free_bytes;     /**< left in the current chunk */
    size_t reserved_bytes; /**< held of the child's memory, which the limit counts */
    size_t spare_bytes;    /**< part of them that is kept for later */
    size_t limit_bytes;    /**< 0: no limit */
    size_t chunk_count;    /**< chunks that blocks are in or may be put in; the caller's
                                memory is one, spare chunks are not counted */
};

/* ---- Making arenas ---------------------------------------------------------------
 * Structures that grow come with the size that the caller knows. C and C++ are given it by
 * inline functions; other languages call those with _sized in their names. */

DAL_API void *dal_arena_alloc_slow_(struct dal_arena *arena, size_t size, size_t align)
    DAL_ATTRIBUTE_((cold, warn_unused_result));
DAL_API void *dal_arena_alloc_zeroed_slow_(struct dal_arena *arena, size_t size, size_t align)
    DAL_ATTRIBUTE_((cold, warn_unused_result));
DAL_API void dal_arena_dealloc_slow_(struct dal_arena *arena, void *ptr, size_t size, size_t align);
DAL_API int dal_arena_rewind_slow_(struct dal_arena *arena, struct dal_arena_checkpoint checkpoint,
                                   enum dal_arena_keep keep);

/**
 * dal_arena_init() with the size of the options as the caller knows them.
 *
 * @param arena          not NULL; whatever it holds is overwritten.
 * @param options        copied; NULL for the defaults.
 * @param options_bytes  what of them is there, in bytes; the rest has its default. 0 with NULL.
 * @return 0, DAL_ERR_INVALID as there and for a size that ends within a member, or DAL_ERR_ABI
 *         for options that are longer than those of this library and not zero in what it does
 *         not know.
 */
DAL_API int dal_arena_init_sized(struct dal_arena *arena, const struct dal_arena_options *options,
                                 size_t options_bytes);

/**
 * dal_arena_create() with the size of the options as the caller knows them.
 *
 * @param options        copied; NULL for the defaults.
 * @param options_bytes  what of them is there, in bytes; the rest has its default. 0 with NULL.
 * @param arena          receives the handle, as there. Not NULL; unchanged on failure.
 * @return 0 or DAL_ERR_MEMORY as there, DAL_ERR_INVALID or DAL_ERR_ABI as
 *         dal_arena_init_sized().
 */
DAL_API int dal_arena_create_sized(const struct dal_arena_options *options, size_t options_bytes,
                                   struct dal_arena **arena);

/**
 * Make an arena in a handle of the caller's.
 *
 * @param arena    not NULL; whatever it holds is overwritten.
 * @param options  copied; NULL for the defaults.
 * @return 0, or DAL_ERR_INVALID for options that contradict each other (a buffer of some
 *         bytes that is NULL, DAL_ARENA_BUFFER_ONLY without a buffer or with one of the
 *         flags on pages, chunk_bytes above chunk_bytes_max, the latter less than a huge
 *         page with DAL_ARENA_HUGE_PAGES, a size above PTRDIFF_MAX, an unknown flag); then
 *         the handle is as it was. Nothing is allocated yet.
 */
static inline int dal_arena_init(struct dal_arena *arena, const struct dal_arena_options *options)
{
    return dal_arena_init_sized(arena, options, options ? sizeof *options : 0);
}

/**
 * Make an arena whose handle comes from the child as well, and counts to the limit.
 *
 * @param options  copied; NULL for the defaults.
 * @param arena    receives the handle, owned by the caller until it passes it to
 *                 dal_arena_destroy(). Not NULL; unchanged on failure.
 * @return 0, DAL_ERR_INVALID as dal_arena_init(), or DAL_ERR_MEMORY.
 */
static inline int dal_arena_create(const struct dal_arena_options *options,
                                   struct dal_arena **arena)
{
    return dal_arena_create_sized(options, options ? sizeof *options : 0, arena);
}

/**
 * Give everything back to the child, the handle included if dal_arena_create() made it.
 *
 * @param arena  all its blocks, checkpoints and its instance are dead afterwards. A
 *               handle of the caller's is as DAL_ARENA_INIT makes it. NULL is a no-op.
 */
DAL_API void dal_arena_destroy(struct dal_arena *arena);

/* ---- Blocks ----------------------------------------------------------------------
 * None of the functions has the attribute `malloc`: a block may lie in a buffer that the
 * caller knows by another name, and the compiler would be told that it does not. */

/* Cut a block from the current chunk: 1 with *ptr set, or 0 if the slow way is needed.
 *
 * Where the alignment is a constant of at most 8 this is one comparison: next_ and end_
 * are multiples of 8, so a size that fits also fits rounded up, and the subtraction sends
 * size 0 to the slow way with those that are too large. Above, the chunk may end before
 * the aligned address, so the room is compared as a signed number. */
static inline int dal_arena_bump_(struct dal_arena *arena, size_t size, size_t align, char **ptr)
{
    char *block = arena->next_;

    if (align <= 8) {
        if (DAL_UNLIKELY_(size - 1 >= (size_t)((uintptr_t)arena->end_ - (uintptr_t)block)))
            return 0;
    } else {
        uintptr_t aligned = ((uintptr_t)block + (align - 1)) & ~((uintptr_t)align - 1);

        if (DAL_UNLIKELY_(align > 4096 || size - 1 >= (size_t)PTRDIFF_MAX ||
                          (ptrdiff_t)size > (ptrdiff_t)((uintptr_t)arena->end_ - aligned)))
            return 0;
        block += aligned - (uintptr_t)block;
    }
    arena->next_ = block + ((size + 7) & ~(size_t)7);
    *ptr = block;
    return 1;
}

/**
 * Allocate a block. Its bytes are uninitialised.
 *
 * @param arena  not NULL.
 * @param size   bytes; 0 is allowed.
 * @param align  alignment in bytes, a power of two.
 * @return the block, which lives until the arena is rewound to before it, reset or
 *         destroyed; NULL, with the arena as it was, if the child or the limit is
 *         exhausted (chunks kept for later may have gone back to the child).
 */
DAL_ATTRIBUTE_((alloc_size(2), alloc_align(3), warn_unused_result))
DAL_INLINE_ void *dal_arena_alloc(struct dal_arena *arena, size_t size, size_t align)
{
    char *ptr;

    if (DAL_LIKELY_(dal_arena_bump_(arena, size, align, &ptr)))
        return ptr;
    return dal_arena_alloc_slow_(arena, size, align);
}

/** Allocate a block whose bytes are zero. As dal_arena_alloc() in every other way. */
DAL_ATTRIBUTE_((alloc_size(2), alloc_align(3), warn_unused_result))
DAL_INLINE_ void *dal_arena_alloc_zeroed(struct dal_arena *arena, size_t size, size_t align)
{
    char *ptr;

    if (DAL_LIKELY_(dal_arena_bump_(arena, size, align, &ptr)))
        return memset(ptr, 0, size);
    return dal_arena_alloc_zeroed_slow_(arena, size, align);
}

/**
 * Allocate an array. Its bytes are uninitialised.
 *
 * @param arena  not NULL.
 * @param count  elements; 0 is allowed.
 * @param size   bytes of an element.
 * @param align  alignment in bytes, a power of two.
 * @return the block, as dal_arena_alloc(); NULL also if the size of the array is more than
 *         PTRDIFF_MAX.
 */
DAL_ATTRIBUTE_((alloc_size(2, 3), alloc_align(4), warn_unused_result))
DAL_INLINE_ void *dal_arena_alloc_array(struct dal_arena *arena, size_t count, size_t size,
                                        size_t align)
{
    if (size > 0 && count > (size_t)PTRDIFF_MAX / size)
        return NULL;
    return dal_arena_alloc(arena, count * size, align);
}

/**
 * Give a block back. It is free at once if it is the block allocated last of those that are
 * left, the last one in the chunk before the current one, or one of the newest few that have a
 * chunk of their own; otherwise nothing happens. Of the chunks that are emptied so the arena
 * keeps one to spare.
 *
 * @param arena  not NULL.
 * @param ptr    a block of the arena; NULL is a no-op.
 * @param size   the size that it has, in bytes.
 * @param align  the alignment that it has, in bytes.
 */
DAL_INLINE_ void dal_arena_dealloc(struct dal_arena *arena, void *ptr, size_t size, size_t align)
{
    if ((uintptr_t)ptr + ((size + 7) & ~(size_t)7) == (uintptr_t)arena->next_ && size > 0)
        arena->next_ = (char *)ptr;
    else
        dal_arena_dealloc_slow_(arena, ptr, size, align);
}

/**
 * Change the size of a block. The block allocated last grows where it is while its chunk
 * has room; every block shrinks where it is; any other grows by a new block, and a
 * checkpoint taken in between holds the old state no longer: to rewinding, a resized
 * block is one that was allocated at that moment.
 *
 * @param arena     not NULL.
 * @param ptr       a block of the arena, or NULL with old_size 0 to allocate.
 * @param old_size  the size that it has, in bytes.
 * @param align     the alignment that it has, in bytes.
 * @param new_size  the size wanted, in bytes; 0 is allowed.
 * @return the block, which lives as one of dal_arena_alloc(), after which ptr is dead even
 *         if equal; NULL if exhausted, with the old block as it was.
 */
DAL_API void *dal_arena_realloc(struct dal_arena *arena, void *ptr, size_t old_size, size_t align,
                                size_t new_size)
    DAL_ATTRIBUTE_((alloc_size(5), alloc_align(4), warn_unused_result));

/**
 * Change the size of a block where it is.
 *
 * @param arena     not NULL.
 * @param ptr       a block of the arena; not NULL.
 * @param old_size  the size that it has, in bytes.
 * @param align     the alignment that it has, in bytes.
 * @param new_size  the size wanted, in bytes.
 * @return 0 if the block has its new size, else DAL_ERR_UNSUPPORTED with the block as it was.
 */
DAL_API int dal_arena_resize_in_place(struct dal_arena *arena, void *ptr, size_t old_size,
                                      size_t align, size_t new_size)
    DAL_ATTRIBUTE_((warn_unused_result));

/**
 * Whether an address lies in a block of the arena, or in alignment between blocks. Looks at
 * every chunk.
 *
 * @param arena  not NULL.
 * @param ptr    any address; NULL lies in none.
 * @return true or false.
 */
DAL_API bool dal_arena_owns(const struct dal_arena *arena, const void *ptr);

/**
 * Allocate a copy of some bytes.
 *
 * @param arena  not NULL.
 * @param from   the bytes; may be NULL if size is 0.
 * @param size   how many bytes; 0 is allowed.
 * @param align  alignment in bytes, a power of two.
 * @return the copy, as dal_arena_alloc().
 */
DAL_ATTRIBUTE_((alloc_size(3), alloc_align(4), warn_unused_result))
DAL_INLINE_ void *dal_arena_memdup(struct dal_arena *arena, const void *from, size_t size,
                                   size_t align)
{
    void *ptr = dal_arena_alloc(arena, size, align);

    return ptr && size > 0 ? memcpy(ptr, from, size) : ptr;
}

/**
 * Allocate a copy of a string.
 *
 * @param arena  not NULL.
 * @param text   ends with a zero byte; not NULL.
 * @return the copy, as dal_arena_alloc().
 */
DAL_ATTRIBUTE_((warn_unused_result))
DAL_INLINE_ char *dal_arena_strdup(struct dal_arena *arena, const char *text)
{
    return (char *)dal_arena_memdup(arena, text, strlen(text) + 1, 1);
}

/** Allocate an object of a type: `struct node *n = dal_arena_new(&arena, struct node);` */
#define dal_arena_new(arena, type) \
    ((type *)dal_arena_alloc((arena), sizeof(type), DAL_ALIGNOF_(type)))

/** Allocate an object of a type, all bytes zero. */
#define dal_arena_new_zeroed(arena, type) \
    ((type *)dal_arena_alloc_zeroed((arena), sizeof(type), DAL_ALIGNOF_(type)))

/** Allocate an array of count objects of a type; NULL also if its size overflows. */
#define dal_arena_array_new(arena, type, count) \
    ((type *)dal_arena_alloc_array((arena), (count), sizeof(type), DAL_ALIGNOF_(type)))

/* ---- Many blocks at once --------------------------------------------------------- */

/**
 * Remember the present state, to go back to with dal_arena_rewind().
 *
 * @param arena  not NULL.
 * @return the checkpoint. It is dead once the arena was rewound to an earlier one, reset
 *         or destroyed. Checkpoints nest as deep as wanted and need no giving back.
 */
DAL_ATTRIBUTE_((warn_unused_result))
DAL_INLINE_ struct dal_arena_checkpoint dal_arena_checkpoint_take(const struct dal_arena *arena)
{
    struct dal_arena_checkpoint checkpoint;

    checkpoint.chunk_ = arena->chunk_;
    /* An arena without a chunk is told from another one by its address. */
    checkpoint.next_ = arena->chunk_ ? arena->next_ : (char *)(uintptr_t)arena;
    checkpoint.serial_ = arena->serial_;
    return checkpoint;
}

/**
 * Give back every block that was allocated or resized since a checkpoint, which remains
 * valid. Where blocks from before the checkpoint have been freed since, later ones that took
 * their place may remain.
 *
 * @param arena  not NULL.
 * @param checkpoint   a live checkpoint of this arena.
 * @param keep   what becomes of the chunks taken since.
 * @return 0; DAL_ERR_INVALID for a checkpoint that is dead because its chunk is gone or
 *         reused, or that is another arena's, and for another value of keep: then nothing
 *         happens. A dead checkpoint whose chunk is still in use, or from before
 *         dal_arena_destroy() where an arena has a chunk at the same place again, or any where
 *         an emptied chunk was given up since, cannot be told from a live one; the arena stays
 *         sound, but blocks may be given back that were not meant.
 */
DAL_INLINE_ int dal_arena_rewind(struct dal_arena *arena, struct dal_arena_checkpoint checkpoint,
                                 enum dal_arena_keep keep)
{
    /* With no chunk taken since there is one pointer to put back. */
    if (DAL_LIKELY_(keep == DAL_ARENA_KEEP && checkpoint.serial_ == arena->serial_ &&
                    checkpoint.chunk_ == arena->chunk_ &&
                    (uintptr_t)checkpoint.next_ <= (uintptr_t)arena->next_)) {
        arena->next_ = checkpoint.next_;
        return 0;
    }
    return dal_arena_rewind_slow_(arena, checkpoint, keep);
}

/**
 * Give back every block. All checkpoints are dead afterwards.
 *
 * @param arena  not NULL.
 * @param keep   what becomes of the chunks; another value counts as DAL_ARENA_FREE.
 */
DAL_API void dal_arena_reset(struct dal_arena *arena, enum dal_arena_keep keep);

/* ---- Asking ---------------------------------------------------------------------- */

/**
 * Tell what an arena holds. Looks at every chunk.
 *
 * @param arena        not NULL.
 * @param stats        filled as far as stats_bytes reaches, with zero where this library
 *                     knows nothing; not NULL.
 * @param stats_bytes  its size as the caller knows it, in bytes.
 * @return bytes of *stats that this library knows: less than stats_bytes if the caller is
 *         of a later version.
 */
DAL_API size_t dal_arena_stats_read_sized(const struct dal_arena *arena,
                                          struct dal_arena_stats *stats, size_t stats_bytes);

/** dal_arena_stats_read_sized() with the size that these headers know. */
static inline size_t dal_arena_stats_read(const struct dal_arena *arena,
                                          struct dal_arena_stats *stats)
{
    return dal_arena_stats_read_sized(arena, stats, sizeof *stats);
}

/**
 * The arena as an instance, for a library whose interface takes an allocator.
 *
 * @param arena  not NULL.
 * @return a handle inside the arena's own, valid as long as that; used by the same one
 *         thread at a time.
 */
DAL_API const struct dal_instance *dal_arena_instance(struct dal_arena *arena);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_ARENA_H */
