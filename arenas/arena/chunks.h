/* SPDX-License-Identifier: MIT */
/*
 * The chunks of an arena handle: what arena.c (blocks) needs of chunks.c.
 *
 * Lists of an arena: chunk_, where blocks lie one after the other, the current one first;
 * own, chunks of one block each; and spare and spare_own, those of either kind that are
 * kept for later, in the order in which the same work would need them again. Every chunk
 * has a serial number that grows from one to the next, so that a checkpoint, which is a
 * number too, can tell which chunks are younger, also when older ones have gone meanwhile.
 *
 * A chunk of chunk_ that is empty gives way when the one before it is needed for freeing, or
 * when it is that one itself. So blocks may be freed in reverse over any number of chunks.
 */
#ifndef DAL_ARENA_CHUNKS_H
#define DAL_ARENA_CHUNKS_H

#include <dispatchalloc/arena.h>
#include <dispatchalloc/global.h>

#include <dispatchalloc/service.h>

#include "os/os.h"

struct dal_arena_chunk_ {
    struct dal_arena_chunk_ *older;
    char *start; /* of the part for blocks; of its first block where alignment moved that */
    char *end;
    char *used_end;     /* of the blocks, once the chunk is not the current one */
    size_t taken_bytes; /* from the child; 0 for the caller's memory */
    uint64_t serial;
};

/* What the private words of a handle hold. Programs know how many words there are, so this may
 * grow as long as it fits. (Another type than the words have, which compilers are told.) */
struct dal_arena_rest_ {
    struct dal_arena_chunk_ *own; /* chunks of single blocks, newest first */
    struct dal_arena_chunk_ *spare;
    struct dal_arena_chunk_ *spare_own;
    const struct dal_instance *child;
    size_t next_bytes; /* size of the next chunk */
    size_t chunk_bytes;
    size_t chunk_bytes_max;
    size_t limit_bytes;
    size_t reserved_bytes;
    size_t spare_bytes;
    uint32_t flags;
    struct dal_arena_chunk_ buffer;
    uint64_t gave_way; /* the newest serial number when a chunk gave way; not above that of a rewind
                        * since: a checkpoint up to it may be live although its chunk is gone */
} DAL_ATTRIBUTE_((may_alias));

_Static_assert(sizeof(struct dal_arena_rest_) <= sizeof((struct dal_arena){0}.private_),
               "what is private of an arena fits into its private words");

static inline struct dal_arena_rest_ *dal_arena_rest_(const struct dal_arena *arena)
{
    return (struct dal_arena_rest_ *)(uintptr_t)arena->private_;
}

/* Sizes of blocks and the ends of chunks are multiples of this. */
#define DAL_ARENA_GRAIN 8u

/* Chunks begin with their header and are aligned to what every child can give. */
#define DAL_ARENA_CHUNK_ALIGN 16u
#define DAL_ARENA_CHUNK_HEADER                                       \
    ((sizeof(struct dal_arena_chunk_) + DAL_ARENA_CHUNK_ALIGN - 1) & \
     ~(size_t)(DAL_ARENA_CHUNK_ALIGN - 1))

/* Sizes of chunks: the first, the largest, and the least that a caller may choose. */
#define DAL_ARENA_CHUNK_BYTES     ((size_t)4096)
#define DAL_ARENA_CHUNK_BYTES_MAX ((size_t)1 << 20)
#define DAL_ARENA_CHUNK_BYTES_MIN ((size_t)256)

/* Round up to the grain. The caller knows that this cannot overflow. */
static inline size_t dal_arena_rounded_(size_t size)
{
    return (size + (DAL_ARENA_GRAIN - 1)) & ~(size_t)(DAL_ARENA_GRAIN - 1);
}

/* Bytes that a block takes: an empty one takes as much as one of a byte, so that it lies
 * inside the chunk and differs from all others. */
static inline size_t dal_arena_block_bytes_(size_t size)
{
    return dal_arena_rounded_(size > 0 ? size : 1);
}

/* The first address of at least start that is a multiple of align; NULL if it overflows. */
static inline char *dal_arena_align_up_(char *start, size_t align)
{
    size_t padding = (size_t)(0 - (uintptr_t)start) & (align - 1);

    return padding <= UINTPTR_MAX - (uintptr_t)start ? start + padding : NULL;
}

/* ---- Read with DAL_ARENA_INIT's zeros as the defaults ---- */

/* Where chunks come from. NULL stands for the global allocator, as everywhere. */
static inline const struct dal_instance *dal_arena_child_(struct dal_arena *arena)
{
    if (!dal_arena_rest_(arena)->child)
        dal_arena_rest_(arena)->child = dal_global();
    return dal_arena_rest_(arena)->child;
}

static inline size_t dal_arena_limit_(const struct dal_arena *arena)
{
    return dal_arena_rest_(arena)->limit_bytes > 0 ? dal_arena_rest_(arena)->limit_bytes : SIZE_MAX;
}

static inline size_t dal_arena_first_bytes_(const struct dal_arena *arena)
{
    return dal_arena_rest_(arena)->chunk_bytes > 0 ? dal_arena_rest_(arena)->chunk_bytes
                                                   : DAL_ARENA_CHUNK_BYTES;
}

static inline size_t dal_arena_next_bytes_(const struct dal_arena *arena)
{
    return dal_arena_rest_(arena)->next_bytes > 0 ? dal_arena_rest_(arena)->next_bytes
                                                  : dal_arena_first_bytes_(arena);
}

static inline size_t dal_arena_most_bytes_(const struct dal_arena *arena)
{
    return dal_arena_rest_(arena)->chunk_bytes_max > 0 ? dal_arena_rest_(arena)->chunk_bytes_max
                                                       : DAL_ARENA_CHUNK_BYTES_MAX;
}

/* Size of the pages that large chunks are to consist of, or 0. */
static inline size_t dal_arena_huge_bytes_(const struct dal_arena *arena)
{
    return dal_arena_rest_(arena)->flags & DAL_ARENA_HUGE_PAGES ? dal_os_huge_page_bytes_() : 0;
}

/* ---- Chunks ---- */

/* Make a chunk the newest of a list, with no block in it. */
void dal_arena_link_(struct dal_arena *arena, struct dal_arena_chunk_ **list,
                     struct dal_arena_chunk_ *chunk);

/* Go on with a chunk, which may be NULL, at next. */
void dal_arena_make_current_(struct dal_arena *arena, struct dal_arena_chunk_ *chunk, char *next);

/* Give a whole list back to the child, and both spare lists. */
void dal_arena_give_back_(struct dal_arena *arena, struct dal_arena_chunk_ **list);
void dal_arena_give_back_spares_(struct dal_arena *arena);

/* Make a chunk current that has room for `need` bytes, a multiple of the grain. 0, or -1
 * with everything as it was but that spare chunks may be gone. */
int dal_arena_push_chunk_(struct dal_arena *arena, size_t need);

/* The last block of the chunk before the current one, at ptr, is gone. */
void dal_arena_free_older_(struct dal_arena *arena, char *ptr);

/* Whether a chunk for one block is kept that would do for `need` bytes. */
int dal_arena_has_spare_own_(struct dal_arena *arena, size_t need);

/* Put a chunk with room for `need` bytes on the own_ list. *zeroed says whether they should
 * be zero, and afterwards whether they are. NULL as above. */
struct dal_arena_chunk_ *dal_arena_push_own_(struct dal_arena *arena, size_t need, int *zeroed);

/* Resize a chunk of own_, *link, to hold a block of block_bytes at its start, by the child's
 * realloc. Its address may change. 0, or -1 with everything as it was. */
int dal_arena_resize_own_(struct dal_arena *arena, struct dal_arena_chunk_ **link,
                          size_t block_bytes);

/* Make a chunk of own_ the newest, as its block was resized, with a new end of that. */
void dal_arena_renew_own_(struct dal_arena *arena, struct dal_arena_chunk_ **link, char *used_end);

/* Give a chunk of own_ back to the child. */
void dal_arena_drop_own_(struct dal_arena *arena, struct dal_arena_chunk_ **link);

#endif /* DAL_ARENA_CHUNKS_H */
