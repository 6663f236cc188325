/* SPDX-License-Identifier: MIT */
/*
 * Arena handles: made, asked, destroyed.
 */
#include "chunks.h"

#include <dispatchalloc/error.h>

/* A flag of the private flags beside those of the caller: the handle is the child's memory. */
#define CREATED ((uint32_t)1 << 31)

/* Whether options of that size end with a member: all are as large as a pointer but the flags and
 * what is behind them. */
static int is_whole(size_t options_bytes)
{
    return options_bytes >= sizeof(struct dal_arena_options) ||
           options_bytes == offsetof(struct dal_arena_options, reserved_) ||
           options_bytes % sizeof(void *) == 0;
}

/* Copy options of any version. A longer one may only differ in what is zero. */
static int read_options(struct dal_arena_options *copy, const struct dal_arena_options *options,
                        size_t options_bytes)
{
    size_t known = options_bytes < sizeof *copy ? options_bytes : sizeof *copy;

    memset(copy, 0, sizeof *copy);
    if (!options)
        return 0;
    if (!is_whole(options_bytes))
        return DAL_ERR_INVALID;
    for (size_t i = known; i < options_bytes; i++)
        if (((const char *)options)[i] != 0)
            return DAL_ERR_ABI;
    memcpy(copy, options, known);
    return 0;
}

#define PAGE_FLAGS ((uint32_t)DAL_ARENA_HUGE_PAGES | (uint32_t)DAL_ARENA_PREFAULT)

static int options_are_valid(const struct dal_arena_options *options)
{
    const size_t most = PTRDIFF_MAX;
    size_t huge = options->flags & DAL_ARENA_HUGE_PAGES ? dal_os_huge_page_bytes_() : 0;

    if (options->buffer_bytes > 0 && !options->buffer)
        return 0;
    if (options->flags & ~((uint32_t)DAL_ARENA_BUFFER_ONLY | PAGE_FLAGS))
        return 0;
    if (options->flags & DAL_ARENA_BUFFER_ONLY &&
        (options->buffer_bytes == 0 || options->flags & PAGE_FLAGS))
        return 0;
    if (options->chunk_bytes_max > 0 && options->chunk_bytes_max < huge)
        return 0;
    if (options->chunk_bytes_max > 0 && options->chunk_bytes > options->chunk_bytes_max)
        return 0;
    return options->buffer_bytes <= most && options->chunk_bytes <= most &&
           options->chunk_bytes_max <= most && options->limit_bytes <= most &&
           options->reserved_ == 0;
}

/* Sizes of the first and the largest chunk from the options, where 0 is the default. */
static void set_chunk_bytes(struct dal_arena *arena, size_t first, size_t most)
{
    size_t huge = dal_arena_huge_bytes_(arena);
    int most_is_chosen = most > 0;

    if (first == 0 && huge > 0)
        first = huge;
    if (first == 0)
        first = most > 0 && most < DAL_ARENA_CHUNK_BYTES ? most : DAL_ARENA_CHUNK_BYTES;
    if (first < DAL_ARENA_CHUNK_BYTES_MIN)
        first = DAL_ARENA_CHUNK_BYTES_MIN;
    if (most == 0)
        most = DAL_ARENA_CHUNK_BYTES_MAX;
    if (most < first)
        most = first;
    /* What the caller chose as the largest is not exceeded; a default gives way. */
    if (huge > 0 && most_is_chosen)
        most -= most % huge;
    else if (huge > 0)
        most = (most + (huge - 1)) & ~(huge - 1);
    if (first > most)
        first = most;
    dal_arena_rest_(arena)->chunk_bytes = first & ~(size_t)(DAL_ARENA_GRAIN - 1);
    dal_arena_rest_(arena)->chunk_bytes_max = most & ~(size_t)(DAL_ARENA_GRAIN - 1);
    dal_arena_rest_(arena)->next_bytes = dal_arena_rest_(arena)->chunk_bytes;
}

static void add_buffer(struct dal_arena *arena, void *buffer, size_t bytes)
{
    struct dal_arena_chunk_ *chunk = &dal_arena_rest_(arena)->buffer;
    char *start = dal_arena_align_up_(buffer, DAL_ARENA_GRAIN);
    size_t lost = start ? (size_t)(start - (char *)buffer) + DAL_ARENA_GRAIN : bytes;

    if (lost >= bytes)
        return;
    /* One grain in front stays unused, as the header of any other chunk does: a block of
     * another chunk that ends where the buffer begins must not look like its last one. */
    start += DAL_ARENA_GRAIN;
    chunk->start = start;
    chunk->end = start + ((bytes - lost) & ~(size_t)(DAL_ARENA_GRAIN - 1));
    dal_arena_link_(arena, &arena->chunk_, chunk);
    dal_arena_make_current_(arena, chunk, chunk->start);
}

int dal_arena_init_sized(struct dal_arena *arena, const struct dal_arena_options *options,
                         size_t options_bytes)
{
    struct dal_arena_options copy;
    int error;

    if (!arena)
        return DAL_ERR_INVALID;
    error = read_options(&copy, options, options_bytes);
    if (error < 0)
        return error;
    if (!options_are_valid(&copy))
        return DAL_ERR_INVALID;

    memset(arena, 0, sizeof *arena);
    dal_arena_rest_(arena)->child = copy.child;
    dal_arena_rest_(arena)->limit_bytes = copy.limit_bytes;
    dal_arena_rest_(arena)->flags = copy.flags;
    set_chunk_bytes(arena, copy.chunk_bytes, copy.chunk_bytes_max);
    if (copy.buffer_bytes > 0)
        add_buffer(arena, copy.buffer, copy.buffer_bytes);
    return 0;
}

int dal_arena_create_sized(const struct dal_arena_options *options, size_t options_bytes,
                           struct dal_arena **arena)
{
    /* On the stack first, so that wrong options cost no allocation. */
    struct dal_arena made;
    struct dal_arena *handle;
    int error;

    if (!arena)
        return DAL_ERR_INVALID;
    error = dal_arena_init_sized(&made, options, options_bytes);
    if (error < 0)
        return error;
    if (sizeof *handle > dal_arena_limit_(&made))
        return DAL_ERR_MEMORY;
    handle =
        dal_instance_alloc(dal_arena_child_(&made), sizeof *handle, DAL_ALIGNOF_(struct dal_arena));
    if (!handle)
        return DAL_ERR_MEMORY;
    (void)dal_arena_init_sized(handle, options, options_bytes);
    dal_arena_rest_(handle)->child = dal_arena_rest_(&made)->child;
    dal_arena_rest_(handle)->flags |= CREATED;
    dal_arena_rest_(handle)->reserved_bytes = sizeof *handle;
    *arena = handle;
    return 0;
}

void dal_arena_destroy(struct dal_arena *arena)
{
    if (!arena)
        return;
    dal_arena_give_back_(arena, &dal_arena_rest_(arena)->own);
    dal_arena_give_back_(arena, &arena->chunk_);
    dal_arena_give_back_spares_(arena);
    if (dal_arena_rest_(arena)->flags & CREATED)
        dal_instance_dealloc(dal_arena_rest_(arena)->child, arena, sizeof *arena,
                             DAL_ALIGNOF_(struct dal_arena));
    else
        memset(arena, 0, sizeof *arena);
}

/* ---- Asking ---------------------------------------------------------------------- */

size_t dal_arena_stats_read_sized(const struct dal_arena *arena, struct dal_arena_stats *stats,
                                  size_t stats_bytes)
{
    struct dal_arena_stats known;

    memset(&known, 0, sizeof known);
    for (const struct dal_arena_chunk_ *chunk = arena->chunk_; chunk; chunk = chunk->older) {
        const char *used_end = chunk == arena->chunk_ ? arena->next_ : chunk->used_end;

        known.used_bytes += (size_t)(used_end - chunk->start);
        known.chunk_count++;
    }
    for (const struct dal_arena_chunk_ *chunk = dal_arena_rest_(arena)->own; chunk;
         chunk = chunk->older) {
        known.used_bytes += (size_t)(chunk->used_end - chunk->start);
        known.chunk_count++;
    }
    known.free_bytes = arena->chunk_ ? (size_t)(arena->end_ - arena->next_) : 0;
    known.reserved_bytes = dal_arena_rest_(arena)->reserved_bytes;
    known.spare_bytes = dal_arena_rest_(arena)->spare_bytes;
    known.limit_bytes = dal_arena_rest_(arena)->limit_bytes;
    memset(stats, 0, stats_bytes);
    memcpy(stats, &known, stats_bytes < sizeof known ? stats_bytes : sizeof known);
    return sizeof known;
}

static int is_within(const void *ptr, const char *start, const char *end)
{
    return (uintptr_t)ptr >= (uintptr_t)start && (uintptr_t)ptr < (uintptr_t)end;
}

bool dal_arena_owns(const struct dal_arena *arena, const void *ptr)
{
    for (const struct dal_arena_chunk_ *chunk = arena->chunk_; chunk; chunk = chunk->older)
        if (is_within(ptr, chunk->start, chunk == arena->chunk_ ? arena->next_ : chunk->used_end))
            return 1;
    for (const struct dal_arena_chunk_ *chunk = dal_arena_rest_(arena)->own; chunk;
         chunk = chunk->older)
        if (is_within(ptr, chunk->start, chunk->used_end))
            return 1;
    return 0;
}
