/* SPDX-License-Identifier: MIT */
/*
 * Chunks of an arena handle: taken from the child, kept for later, given back; going back
 * to a checkpoint. See chunks.h.
 */
#include "chunks.h"

#include <dispatchalloc/error.h>

/* How many spare chunks are looked at for one that fits. The first one does where the same
 * work is done again; a longer search would cost more than a chunk. */
#define SPARES_LOOKED_AT 4

/* ---- To and from the child ------------------------------------------------------- */

/* What is wished for may be an alignment of its own for chunks that are shared by blocks. It
 * follows from their size; chunks of one block have it not, so that the child can resize them. */
enum kind { SHARED, OWN };

static size_t align_of(const struct dal_arena *arena, enum kind kind, size_t bytes)
{
    size_t huge = kind == SHARED ? dal_arena_huge_bytes_(arena) : 0;

    return huge > 0 && bytes % huge == 0 ? huge : DAL_ARENA_CHUNK_ALIGN;
}

static void prepare(const struct dal_arena *arena, void *memory, size_t bytes)
{
    uint32_t flags = dal_arena_rest_(arena)->flags;

    dal_os_wish_(memory, bytes,
                 (flags & DAL_ARENA_HUGE_PAGES ? (uint32_t)DAL_PAGES_HUGE : 0) |
                     (flags & DAL_ARENA_PREFAULT ? (uint32_t)DAL_PAGES_PRESENT : 0));
}

static void give_back(struct dal_arena *arena, struct dal_arena_chunk_ *chunk, enum kind kind)
{
    size_t bytes = chunk->taken_bytes;

    if (bytes == 0)
        return;
    dal_arena_rest_(arena)->reserved_bytes -= bytes;
    dal_instance_dealloc(dal_arena_rest_(arena)->child, chunk, bytes, align_of(arena, kind, bytes));
}

void dal_arena_give_back_(struct dal_arena *arena, struct dal_arena_chunk_ **list)
{
    enum kind kind =
        list == &arena->chunk_ || list == &dal_arena_rest_(arena)->spare ? SHARED : OWN;

    while (*list) {
        struct dal_arena_chunk_ *chunk = *list;

        *list = chunk->older;
        give_back(arena, chunk, kind);
    }
}

void dal_arena_give_back_spares_(struct dal_arena *arena)
{
    dal_arena_give_back_(arena, &dal_arena_rest_(arena)->spare);
    dal_arena_give_back_(arena, &dal_arena_rest_(arena)->spare_own);
    dal_arena_rest_(arena)->spare_bytes = 0;
}

/* Bytes that the limit still allows, spare chunks given back if that makes the difference. */
static size_t room_for(struct dal_arena *arena, size_t bytes)
{
    size_t room = dal_arena_limit_(arena) - dal_arena_rest_(arena)->reserved_bytes;

    if (bytes > room && bytes <= room + dal_arena_rest_(arena)->spare_bytes) {
        dal_arena_give_back_spares_(arena);
        room = dal_arena_limit_(arena) - dal_arena_rest_(arena)->reserved_bytes;
    }
    return room;
}

static void *ask_child(struct dal_arena *arena, enum kind kind, size_t bytes, int zeroed)
{
    const struct dal_instance *child = dal_arena_child_(arena);
    size_t align = align_of(arena, kind, bytes);

    return zeroed ? dal_instance_alloc_zeroed(child, bytes, align)
                  : dal_instance_alloc(child, bytes, align);
}

/* Take a chunk of `wanted` bytes from the child, or of less, down to `least`, where limit or
 * child have no more. As a last resort the spare chunks go. */
static struct dal_arena_chunk_ *take(struct dal_arena *arena, enum kind kind, size_t wanted,
                                     size_t least, int zeroed)
{
    struct dal_arena_chunk_ *chunk;
    size_t bytes = wanted;
    size_t room;

    if (dal_arena_rest_(arena)->flags & DAL_ARENA_BUFFER_ONLY)
        return NULL;
    room = room_for(arena, least);
    if (least > room)
        return NULL;
    if (bytes > room)
        bytes = room & ~(size_t)(DAL_ARENA_GRAIN - 1);
    if (bytes < least)
        bytes = least;
    while (!(chunk = ask_child(arena, kind, bytes, zeroed)) && bytes > least)
        bytes = bytes / 2 > least ? bytes / 2 & ~(size_t)(DAL_ARENA_GRAIN - 1) : least;
    if (!chunk && dal_arena_rest_(arena)->spare_bytes > 0) {
        dal_arena_give_back_spares_(arena);
        chunk = ask_child(arena, kind, bytes, zeroed);
    }
    if (!chunk)
        return NULL;
    prepare(arena, chunk, bytes);
    dal_arena_rest_(arena)->reserved_bytes += bytes;
    chunk->taken_bytes = bytes;
    chunk->start = (char *)chunk + DAL_ARENA_CHUNK_HEADER;
    chunk->end = (char *)chunk + bytes;
    return chunk;
}

/* ---- Spare chunks ---------------------------------------------------------------- */

static void keep_spare(struct dal_arena *arena, struct dal_arena_chunk_ **list,
                       struct dal_arena_chunk_ *chunk)
{
    chunk->older = *list;
    chunk->start = (char *)chunk + DAL_ARENA_CHUNK_HEADER;
    *list = chunk;
    dal_arena_rest_(arena)->spare_bytes += chunk->taken_bytes;
}

/* The link to a spare chunk with room for need bytes and for no more than most, or NULL. */
static struct dal_arena_chunk_ **find_spare(struct dal_arena_chunk_ **list, size_t need,
                                            size_t most)
{
    for (int looked = 0; *list && looked < SPARES_LOOKED_AT; looked++, list = &(*list)->older) {
        size_t room = (size_t)((*list)->end - (*list)->start);

        if (room >= need && room <= most)
            return list;
    }
    return NULL;
}

/* A chunk that is much too large would be missing when its like is needed again. */
static struct dal_arena_chunk_ **find_spare_own(struct dal_arena *arena, size_t need)
{
    return find_spare(&dal_arena_rest_(arena)->spare_own, need,
                      need < SIZE_MAX / 4 ? need * 4 : SIZE_MAX);
}

int dal_arena_has_spare_own_(struct dal_arena *arena, size_t need)
{
    return find_spare_own(arena, need) != NULL;
}

static struct dal_arena_chunk_ *reuse(struct dal_arena *arena, struct dal_arena_chunk_ **link)
{
    struct dal_arena_chunk_ *chunk = *link;

    *link = chunk->older;
    dal_arena_rest_(arena)->spare_bytes -= chunk->taken_bytes;
    return chunk;
}

/* ---- New chunks ------------------------------------------------------------------ */

static void grow_next(struct dal_arena *arena, size_t bytes)
{
    size_t most = dal_arena_most_bytes_(arena);

    dal_arena_rest_(arena)->next_bytes = bytes < most / 2 ? bytes * 2 : most;
}

void dal_arena_link_(struct dal_arena *arena, struct dal_arena_chunk_ **list,
                     struct dal_arena_chunk_ *chunk)
{
    chunk->older = *list;
    chunk->serial = ++arena->serial_;
    chunk->used_end = chunk->start;
    *list = chunk;
}

void dal_arena_make_current_(struct dal_arena *arena, struct dal_arena_chunk_ *chunk, char *next)
{
    arena->next_ = next;
    arena->end_ = chunk ? chunk->end : NULL;
}

/* Bytes to ask for where `need` have to fit: whole huge pages if it is as much as one. */
static size_t chunk_bytes_for(const struct dal_arena *arena, size_t least)
{
    size_t huge = dal_arena_huge_bytes_(arena);
    size_t bytes = dal_arena_next_bytes_(arena);

    if (bytes < least)
        bytes = least;
    return huge > 0 && bytes >= huge ? (bytes + (huge - 1)) & ~(huge - 1) : bytes;
}

int dal_arena_push_chunk_(struct dal_arena *arena, size_t need)
{
    struct dal_arena_chunk_ **spare = find_spare(&dal_arena_rest_(arena)->spare, need, SIZE_MAX);
    struct dal_arena_chunk_ *chunk;
    size_t least = DAL_ARENA_CHUNK_HEADER + need;

    if (spare) {
        chunk = reuse(arena, spare);
    } else {
        chunk = take(arena, SHARED, chunk_bytes_for(arena, least), least, 0);
        if (!chunk)
            return -1;
        grow_next(arena, chunk->taken_bytes);
    }
    if (arena->chunk_)
        arena->chunk_->used_end = arena->next_;
    dal_arena_link_(arena, &arena->chunk_, chunk);
    dal_arena_make_current_(arena, chunk, chunk->start);
    return 0;
}

/* Of those that give way one stays, so that work at the end of a chunk does not go to the child
 * each time. It is the youngest, and largest. */
static void give_way(struct dal_arena *arena, struct dal_arena_chunk_ **link)
{
    struct dal_arena_chunk_ *chunk = *link;

    *link = chunk->older;
    dal_arena_rest_(arena)->gave_way = arena->serial_;
    if (dal_arena_rest_(arena)->spare)
        give_back(arena, chunk, SHARED);
    else
        keep_spare(arena, &dal_arena_rest_(arena)->spare, chunk);
}

void dal_arena_free_older_(struct dal_arena *arena, char *ptr)
{
    struct dal_arena_chunk_ *chunk = arena->chunk_, *older = chunk->older;

    older->used_end = ptr;
    if (arena->next_ == chunk->start) {
        give_way(arena, &arena->chunk_);
        dal_arena_make_current_(arena, older, ptr);
    } else if (ptr == older->start && older->taken_bytes > 0) {
        give_way(arena, &chunk->older);
    }
}

struct dal_arena_chunk_ *dal_arena_push_own_(struct dal_arena *arena, size_t need, int *zeroed)
{
    struct dal_arena_chunk_ **spare = find_spare_own(arena, need);
    struct dal_arena_chunk_ *chunk;

    if (spare) {
        chunk = reuse(arena, spare);
        *zeroed = 0;
    } else {
        size_t bytes = DAL_ARENA_CHUNK_HEADER + need;

        chunk = take(arena, OWN, bytes, bytes, *zeroed);
        if (!chunk)
            return NULL;
        /* Many blocks of this size are better off in larger chunks. */
        grow_next(arena, dal_arena_next_bytes_(arena));
    }
    dal_arena_link_(arena, &dal_arena_rest_(arena)->own, chunk);
    return chunk;
}

int dal_arena_resize_own_(struct dal_arena *arena, struct dal_arena_chunk_ **link,
                          size_t block_bytes)
{
    struct dal_arena_chunk_ *chunk = *link;
    size_t old_bytes = chunk->taken_bytes;
    size_t bytes = DAL_ARENA_CHUNK_HEADER + block_bytes;
    struct dal_arena_chunk_ *resized;

    if (bytes > old_bytes && bytes - old_bytes > room_for(arena, bytes - old_bytes))
        return -1;
    resized = dal_instance_realloc(dal_arena_rest_(arena)->child, chunk, old_bytes,
                                   DAL_ARENA_CHUNK_ALIGN, bytes);
    if (!resized && bytes > old_bytes && dal_arena_rest_(arena)->spare_bytes > 0) {
        dal_arena_give_back_spares_(arena);
        resized = dal_instance_realloc(dal_arena_rest_(arena)->child, chunk, old_bytes,
                                       DAL_ARENA_CHUNK_ALIGN, bytes);
    }
    if (!resized)
        return -1;
    prepare(arena, resized, bytes);
    dal_arena_rest_(arena)->reserved_bytes += bytes - old_bytes; /* modulo 2^N where it shrinks */
    resized->taken_bytes = bytes;
    resized->start = (char *)resized + DAL_ARENA_CHUNK_HEADER;
    resized->end = (char *)resized + bytes;
    *link = resized;
    dal_arena_renew_own_(arena, link, resized->end);
    return 0;
}

void dal_arena_renew_own_(struct dal_arena *arena, struct dal_arena_chunk_ **link, char *used_end)
{
    struct dal_arena_chunk_ *chunk = *link;

    *link = chunk->older;
    dal_arena_link_(arena, &dal_arena_rest_(arena)->own, chunk);
    chunk->used_end = used_end;
}

void dal_arena_drop_own_(struct dal_arena *arena, struct dal_arena_chunk_ **link)
{
    struct dal_arena_chunk_ *chunk = *link;

    *link = chunk->older;
    give_back(arena, chunk, OWN);
}

/* ---- Rewinding ------------------------------------------------------------------- */

/* Take the chunks of a list that are younger than serial out of use. The youngest are first
 * in both lists, so the spare list ends up with the oldest first: the order of need. */
static void retire(struct dal_arena *arena, struct dal_arena_chunk_ **list, uint64_t serial,
                   struct dal_arena_chunk_ **spares)
{
    while (*list && (*list)->serial > serial) {
        struct dal_arena_chunk_ *chunk = *list;

        *list = chunk->older;
        keep_spare(arena, spares, chunk);
    }
}

static void go_back(struct dal_arena *arena, uint64_t serial, char *next, enum dal_arena_keep keep)
{
    retire(arena, &dal_arena_rest_(arena)->own, serial, &dal_arena_rest_(arena)->spare_own);
    retire(arena, &arena->chunk_, serial, &dal_arena_rest_(arena)->spare);
    dal_arena_make_current_(arena, arena->chunk_, next);
    if (keep == DAL_ARENA_FREE)
        dal_arena_give_back_spares_(arena);
}

/* Whether a checkpoint is dead, as far as that can be told, where chunk is the youngest that it may
 * be in. If that is not its chunk, its chunk gave way, and no block is left of those in it. */
static int is_dead(const struct dal_arena *arena, const struct dal_arena_checkpoint *checkpoint,
                   const struct dal_arena_chunk_ *chunk)
{
    if (!checkpoint->chunk_)
        return chunk || checkpoint->next_ != (const char *)arena;
    return chunk != checkpoint->chunk_ && checkpoint->serial_ > dal_arena_rest_(arena)->gave_way;
}

int dal_arena_rewind_slow_(struct dal_arena *arena, struct dal_arena_checkpoint checkpoint,
                           enum dal_arena_keep keep)
{
    struct dal_arena_chunk_ *chunk = arena->chunk_;
    char *used_end = arena->next_;

    if (keep != DAL_ARENA_FREE && keep != DAL_ARENA_KEEP)
        return DAL_ERR_INVALID;
    for (; chunk && chunk->serial > checkpoint.serial_; chunk = chunk->older)
        used_end = chunk->older ? chunk->older->used_end : NULL;
    if (is_dead(arena, &checkpoint, chunk))
        return DAL_ERR_INVALID;
    /* Blocks before the checkpoint may have been freed since; never go forward. */
    if (chunk == checkpoint.chunk_ && (uintptr_t)checkpoint.next_ < (uintptr_t)used_end)
        used_end = checkpoint.next_;
    if (dal_arena_rest_(arena)->gave_way > checkpoint.serial_)
        dal_arena_rest_(arena)->gave_way = checkpoint.serial_;
    go_back(arena, checkpoint.serial_, used_end, keep);
    return 0;
}

void dal_arena_reset(struct dal_arena *arena, enum dal_arena_keep keep)
{
    struct dal_arena_chunk_ *oldest = arena->chunk_;
    uint64_t serial = 0;

    while (oldest && oldest->older)
        oldest = oldest->older;
    /* The caller's memory always stays, and a chunk that is kept may as well be current. */
    if (oldest && (keep == DAL_ARENA_KEEP || oldest->taken_bytes == 0))
        serial = oldest->serial;
    retire(arena, &dal_arena_rest_(arena)->own, 0, &dal_arena_rest_(arena)->spare_own);
    if (serial > 0 && oldest->taken_bytes > 0)
        oldest->start = (char *)oldest + DAL_ARENA_CHUNK_HEADER;
    go_back(arena, serial, serial > 0 ? oldest->start : NULL, keep);
    dal_arena_rest_(arena)->gave_way = 0;
    /* A number above that of every checkpoint there is, so that none of them matches. */
    if (arena->chunk_)
        arena->chunk_->serial = ++arena->serial_;
    if (keep == DAL_ARENA_FREE)
        dal_arena_rest_(arena)->next_bytes = dal_arena_rest_(arena)->chunk_bytes;
}
