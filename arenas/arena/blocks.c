/* SPDX-License-Identifier: MIT */
/*
 * Blocks of an arena handle: what the inline functions of dispatchalloc/arena.h do not do.
 *
 * A block in the current chunk is known to be the last one by its end being next_, and one in
 * the chunk before by that being used_end. A block with a chunk of its own is found by its
 * address among the newest few of those.
 */
#include "chunks.h"

#include <dispatchalloc/error.h>

#include "chain/slots.h"

/* How many blocks with chunks of their own are known when they are freed or resized: a
 * few growing arrays at a time, but no search that grows with the arena. */
#define OWN_LOOKED_AT 4

/* ---- Allocation ------------------------------------------------------------------ */

/* Cut a block from the current chunk, at any alignment. */
static char *cut(struct dal_arena *arena, size_t block_bytes, size_t align)
{
    char *block = arena->chunk_ ? dal_arena_align_up_(arena->next_, align) : NULL;

    if (!block || (uintptr_t)block > (uintptr_t)arena->end_ ||
        block_bytes > (size_t)(arena->end_ - block))
        return NULL;
    arena->next_ = block + block_bytes;
    return block;
}

/* Bytes of a chunk that a block may need, or 0 if that is more than there can be. Chunks
 * are aligned to DAL_ARENA_CHUNK_ALIGN, and so much of its alignment costs nothing. */
static size_t bytes_needed(size_t block_bytes, size_t align)
{
    size_t padding = align > DAL_ARENA_CHUNK_ALIGN ? align - DAL_ARENA_CHUNK_ALIGN : 0;
    size_t most = (size_t)PTRDIFF_MAX - DAL_ARENA_CHUNK_HEADER - DAL_ARENA_GRAIN;

    if (padding > most || block_bytes > most - padding)
        return 0;
    return dal_arena_rounded_(block_bytes + padding);
}

static void *alloc_slow(struct dal_arena *arena, size_t size, size_t align, int *zeroed)
{
    struct dal_arena_chunk_ *own;
    size_t block_bytes, need;
    char *block;

    if (size > (size_t)PTRDIFF_MAX || align == 0)
        return NULL;
    block_bytes = dal_arena_block_bytes_(size);
    block = cut(arena, block_bytes, align);
    need = bytes_needed(block_bytes, align);
    if (block || need == 0) {
        *zeroed = 0;
        return block;
    }
    if (need <= dal_arena_next_bytes_(arena) / 4 && !dal_arena_has_spare_own_(arena, need)) {
        *zeroed = 0;
        if (dal_arena_push_chunk_(arena, need) != 0)
            return NULL;
        return arena->chunk_->start = cut(arena, block_bytes, align);
    }
    own = dal_arena_push_own_(arena, need, zeroed);
    if (!own)
        return NULL;
    block = dal_arena_align_up_(own->start, align);
    own->used_end = block + block_bytes;
    return block;
}

void *dal_arena_alloc_slow_(struct dal_arena *arena, size_t size, size_t align)
{
    int zeroed = 0;

    return alloc_slow(arena, size, align, &zeroed);
}

void *dal_arena_alloc_zeroed_slow_(struct dal_arena *arena, size_t size, size_t align)
{
    int zeroed = 1;
    void *ptr = alloc_slow(arena, size, align, &zeroed);

    return ptr && !zeroed ? memset(ptr, 0, size) : ptr;
}

/* ---- Freeing and resizing -------------------------------------------------------- */

/* The link to the chunk that a block has for itself, or NULL. Blocks that are too small to
 * have got one are not looked for. */
static struct dal_arena_chunk_ **find_own(struct dal_arena *arena, const void *ptr, size_t size,
                                          size_t align)
{
    struct dal_arena_chunk_ **link = &dal_arena_rest_(arena)->own;
    size_t least = dal_arena_first_bytes_(arena) / 4;

    if (size < least && align < least - size)
        return NULL;
    /* Aligned up, the start of another chunk could be this block: look at its end as well. */
    for (int looked = 0; *link && looked < OWN_LOOKED_AT; looked++, link = &(*link)->older)
        if (dal_arena_align_up_((*link)->start, align) == ptr &&
            (uintptr_t)ptr < (uintptr_t)(*link)->end)
            return link;
    return NULL;
}

static int is_last(const struct dal_arena *arena, const char *ptr, size_t block_bytes)
{
    return (uintptr_t)ptr + block_bytes == (uintptr_t)arena->next_;
}

/* The same for the chunk before the current one. */
static int is_last_of_older(const struct dal_arena *arena, const char *ptr, size_t block_bytes)
{
    const struct dal_arena_chunk_ *older = arena->chunk_ ? arena->chunk_->older : NULL;

    return older && (uintptr_t)ptr + block_bytes == (uintptr_t)older->used_end;
}

void dal_arena_dealloc_slow_(struct dal_arena *arena, void *ptr, size_t size, size_t align)
{
    size_t block_bytes = dal_arena_block_bytes_(size);
    struct dal_arena_chunk_ **own;

    if (!ptr)
        return;
    if (is_last(arena, ptr, block_bytes)) {
        arena->next_ = ptr;
    } else if (is_last_of_older(arena, ptr, block_bytes)) {
        dal_arena_free_older_(arena, ptr);
    } else {
        own = find_own(arena, ptr, size, align);
        if (own)
            dal_arena_drop_own_(arena, own);
    }
}

/* Resize a block in a shared chunk where it is: 1 if that was done. */
static int resize_shared(struct dal_arena *arena, char *ptr, size_t old_size, size_t new_size)
{
    size_t old_bytes = dal_arena_block_bytes_(old_size);
    size_t new_bytes = dal_arena_block_bytes_(new_size);

    if (!is_last(arena, ptr, old_bytes))
        return new_bytes <= old_bytes;
    if (new_bytes > (size_t)(arena->end_ - ptr))
        return 0;
    arena->next_ = ptr + new_bytes;
    return 1;
}

/* Resize a block with a chunk of its own inside that: 1 if that was done. */
static int resize_within_own(struct dal_arena *arena, struct dal_arena_chunk_ **own, char *ptr,
                             size_t old_size, size_t new_size)
{
    size_t new_bytes = dal_arena_block_bytes_(new_size);

    if (new_bytes > (size_t)((*own)->end - ptr))
        return 0;
    if (new_size > old_size)
        dal_arena_renew_own_(arena, own, ptr + new_bytes);
    else
        (*own)->used_end = ptr + new_bytes;
    return 1;
}

int dal_arena_resize_in_place(struct dal_arena *arena, void *ptr, size_t old_size, size_t align,
                              size_t new_size)
{
    struct dal_arena_chunk_ **own;
    int done;

    if (new_size > (size_t)PTRDIFF_MAX)
        return DAL_ERR_UNSUPPORTED;
    own = find_own(arena, ptr, old_size, align);
    done = own ? resize_within_own(arena, own, ptr, old_size, new_size)
               : resize_shared(arena, ptr, old_size, new_size);
    return done ? DAL_OK : DAL_ERR_UNSUPPORTED;
}

/* A new block with the old one's contents. */
static void *move_block(struct dal_arena *arena, void *ptr, size_t old_size, size_t align,
                        size_t new_size)
{
    void *moved = dal_arena_alloc(arena, new_size, align);

    if (!moved)
        return NULL;
    memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
    dal_arena_dealloc(arena, ptr, old_size, align);
    return moved;
}

/* Resize a block with a chunk of its own. The child may know a way without a copy, and gets
 * back what a block no longer needs where that is at least half of the chunk. */
static void *realloc_own(struct dal_arena *arena, struct dal_arena_chunk_ **own, void *ptr,
                         size_t old_size, size_t align, size_t new_size)
{
    size_t new_bytes = dal_arena_block_bytes_(new_size);
    size_t room = (size_t)((*own)->end - (char *)ptr);
    int worthwhile = new_bytes > room || new_bytes < room / 2;

    if (worthwhile && align <= DAL_ARENA_CHUNK_ALIGN && bytes_needed(new_bytes, align) > 0 &&
        dal_arena_resize_own_(arena, own, new_bytes) == 0)
        return dal_arena_rest_(arena)->own->start;
    if (resize_within_own(arena, own, ptr, old_size, new_size))
        return ptr;
    return move_block(arena, ptr, old_size, align, new_size);
}

void *dal_arena_realloc(struct dal_arena *arena, void *ptr, size_t old_size, size_t align,
                        size_t new_size)
{
    struct dal_arena_chunk_ **own;

    if (!ptr)
        return dal_arena_alloc(arena, new_size, align);
    if (new_size > (size_t)PTRDIFF_MAX)
        return NULL;
    own = find_own(arena, ptr, old_size, align);
    if (own)
        return realloc_own(arena, own, ptr, old_size, align, new_size);
    if (resize_shared(arena, ptr, old_size, new_size))
        return ptr;
    return move_block(arena, ptr, old_size, align, new_size);
}

/* ---- The arena as an instance ----------------------------------------------------
 * The handle embeds the head of an instance and no more; what is behind it is the same for
 * all arenas, and finds its arena by the address of the head. */

static struct dal_arena *arena_of(void *instance)
{
    return (struct dal_arena *)(void *)((char *)instance - offsetof(struct dal_arena, instance_));
}

static void *slot_alloc(size_t size, size_t align, void *ctx)
{
    return dal_arena_alloc(ctx, size, align);
}

static void slot_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    dal_arena_dealloc(ctx, ptr, size, align);
}

static void *slot_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    return dal_arena_alloc_zeroed(ctx, size, align);
}

static void *slot_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    return dal_arena_realloc(ctx, ptr, old_size, align, new_size);
}

static int slot_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                void *instance)
{
    return dal_arena_resize_in_place(arena_of(instance), ptr, old_size, align, new_size);
}

static int slot_owns(const void *ptr, void *instance)
{
    return dal_arena_owns(arena_of(instance), ptr);
}

/* The derived slots first, and in their place what an arena has of its own. */
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
# pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif

/* clang-format off */
static const struct dal_tail_ arena_tail = {
    DAL_DERIVED_TAIL_
    .resize_in_place = {slot_resize_in_place, DAL_SELF_},
    .owns = {slot_owns, DAL_SELF_},
};
/* clang-format on */

const struct dal_instance *dal_arena_instance(struct dal_arena *arena)
{
    struct dal_instance *head = &arena->instance_;

    /* Filled when first asked for: most arenas never are. It cannot fail. */
    if (head->tail_)
        return head;
    head->native = DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC | DAL_SLOT_ALLOC_ZEROED | DAL_SLOT_REALLOC |
                   DAL_SLOT_RESIZE_IN_PLACE | DAL_SLOT_OWNS;
    head->name = "arena";
    head->alloc = (struct dal_alloc_slot){slot_alloc, arena};
    head->dealloc = (struct dal_dealloc_slot){slot_dealloc, arena};
    head->alloc_zeroed = (struct dal_alloc_slot){slot_alloc_zeroed, arena};
    head->realloc = (struct dal_realloc_slot){slot_realloc, arena};
    head->alloc_natural = head->alloc;
    head->tail_ = &arena_tail;
    return head;
}
