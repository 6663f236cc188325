/* SPDX-License-Identifier: MIT */
/*
 * The backend `arena`: its blocks and its options. See heap.h.
 *
 * A block is cut from the current chunk of its thread. Freed, grown or shrunk it can be
 * where it is as long as it is the last one of that chunk, which its end tells; a block of
 * another thread never ends there, because every chunk begins with a header. Freed it can be
 * as the last one of the chunk before, too; an empty one of the two gives way, so that blocks
 * may be freed in reverse over any number of chunks.
 */
#include "heap.h"

#include <string.h>

#include <dispatchalloc/allocator/arena.h>
#include <dispatchalloc/backend.h>
#include <dispatchalloc/error.h>
#include <dispatchalloc/version.h>

#include "../pages_options.h"

/* Of the heap of the process, and by default. */
#define CHUNK_BYTES ((size_t)64 << 10)
#define CHUNK_TEXT  "64K"

#define CHUNK_MIN UINT64_C(4096)
#define CHUNK_MAX (UINT64_C(1) << 30)
#define LIMIT_MAX (SIZE_MAX > UINT32_MAX ? UINT64_C(1) << 60 : UINT64_C(3) << 30)

/* ---- Chunks ---------------------------------------------------------------------- */

/* The child may be such a heap itself, and then its state is the cached one afterwards. */
static struct dal_heap_chunk_ *take_bytes(struct dal_heap_ *heap, size_t bytes)
{
    struct dal_heap_chunk_ *chunk = dal_heap_take_(heap, bytes, 0);

    (void)dal_heap_find_(heap);
    return chunk;
}

/* A chunk of the usual size, or else of a smaller one that has room for need bytes. */
static struct dal_heap_chunk_ *take_chunk(struct dal_heap_ *heap, size_t need)
{
    size_t least = sizeof(struct dal_heap_chunk_) + need;
    size_t bytes = heap->chunk_bytes;
    struct dal_heap_chunk_ *chunk = take_bytes(heap, bytes);

    /* An idle state may have as much as is wanted, and is better used up. */
    if (!chunk && dal_heap_trade_(heap, need))
        return NULL;
    while (!chunk && bytes > least) {
        bytes = bytes / 2 > least ? bytes / 2 & ~(size_t)(DAL_HEAP_GRAIN - 1) : least;
        chunk = take_bytes(heap, bytes);
    }
    if (chunk)
        chunk->end = (char *)chunk + bytes;
    return chunk;
}

/* The spare chunk of a state, or NULL. Acquire pairs with the release in keep_spare(). One that is
 * too small would be in the way of others. */
static struct dal_heap_chunk_ *take_spare(struct dal_heap_ *heap, struct dal_heap_state_ *state,
                                          size_t need)
{
    struct dal_heap_chunk_ *spare =
        atomic_exchange_explicit(&state->spare, NULL, memory_order_acquire);

    if (!spare || (size_t)(spare->end - (char *)(spare + 1)) >= need)
        return spare;
    dal_heap_give_chunk_(heap, spare);
    (void)dal_heap_find_(heap);
    return NULL;
}

/* Release pairs with the acquire of who takes it, which any thread may do: the chunk is empty. The
 * child may change what is cached. */
static void keep_spare(struct dal_heap_ *heap, struct dal_heap_state_ *state,
                       struct dal_heap_chunk_ *chunk)
{
    struct dal_heap_chunk_ *other =
        atomic_exchange_explicit(&state->spare, chunk, memory_order_acq_rel);

    if (other)
        dal_heap_give_chunk_(heap, other);
}

/* Have room for need bytes in the current chunk, which is left as it is if that fails. */
static void refill(struct dal_heap_ *heap, struct dal_heap_state_ *state, size_t need)
{
    struct dal_heap_chunk_ *chunk = take_spare(heap, state, need);

    if (!chunk)
        chunk = take_chunk(heap, need);
    if (!chunk)
        return;
    chunk->first = (char *)(chunk + 1);
    chunk->older_end = dal_heap_cache_.next;
    atomic_store_explicit(&chunk->older, atomic_load_explicit(&state->chunks, memory_order_relaxed),
                          memory_order_relaxed);
    /* Release pairs with the acquire in destroy(), which may come by in a child of fork. */
    atomic_store_explicit(&state->chunks, chunk, memory_order_release);
    dal_heap_cache_.next = chunk->first;
    dal_heap_cache_.end = chunk->end;
}

/* The last block of the chunk before the current one is gone: if either is empty now, it gives
 * way. destroy() may find it in no list, but never in two. */
static void free_older(struct dal_heap_ *heap, char *ptr)
{
    struct dal_heap_state_ *state = dal_heap_cache_.states;
    struct dal_heap_chunk_ *chunk = atomic_load_explicit(&state->chunks, memory_order_relaxed);
    struct dal_heap_chunk_ *older = atomic_load_explicit(&chunk->older, memory_order_relaxed);

    chunk->older_end = ptr;
    if (dal_heap_cache_.next == chunk->first) {
        atomic_store_explicit(&state->chunks, older, memory_order_release);
        dal_heap_cache_.next = ptr;
        dal_heap_cache_.end = older->end;
        keep_spare(heap, state, chunk);
    } else if (ptr == older->first) {
        chunk->older_end = older->older_end;
        atomic_store_explicit(&chunk->older,
                              atomic_load_explicit(&older->older, memory_order_relaxed),
                              memory_order_release);
        keep_spare(heap, state, older);
    }
}

/* ---- Blocks ---------------------------------------------------------------------- */

/* What nearly every call runs lies in one line of the instruction cache: to fetch a second one
 * takes a cycle more, of ten that a call takes in a loop. */
#define IN_ONE_LINE DAL_ATTRIBUTE_((aligned(64)))

static inline int is_cached(const struct dal_heap_ *heap)
{
    return dal_heap_cache_.generation == heap->generation;
}

/* Cut a block of the cached chunk for a layout that needs no alignment, nor memory of its
 * own, nor (size 0) a closer look: 1 with *ptr set, or 0 if something else is to be done.
 * The subtraction serves the test of the size, which it also fails for 0, and the rounding
 * up; a size that passes is too small for the sum to overflow. */
static inline int cut_short(const struct dal_heap_ *heap, size_t size, size_t align, char **ptr)
{
    uintptr_t block = (uintptr_t)dal_heap_cache_.next;
    size_t last = size - 1;
    uintptr_t next = block + (last & ~(size_t)(DAL_HEAP_GRAIN - 1)) + DAL_HEAP_GRAIN;

    if (DAL_UNLIKELY_(!is_cached(heap) || last >= heap->small_most || align > DAL_HEAP_GRAIN ||
                      next > (uintptr_t)dal_heap_cache_.end))
        return 0;
    dal_heap_cache_.next = (char *)next;
    *ptr = (char *)block;
    return 1;
}

/* Cut any block that is not for memory of its own. The room is compared as a signed number,
 * because the chunk may end before the aligned address. Where there is no chunk both ends
 * are 0. */
static void *cut(struct dal_heap_state_ *state, size_t size, size_t align)
{
    struct dal_heap_chunk_ *chunk = atomic_load_explicit(&state->chunks, memory_order_relaxed);
    size_t block_bytes = dal_heap_block_bytes_(size);
    uintptr_t block = ((uintptr_t)dal_heap_cache_.next + (align - 1)) & ~((uintptr_t)align - 1);

    if ((ptrdiff_t)block_bytes > (ptrdiff_t)((uintptr_t)dal_heap_cache_.end - block))
        return NULL;
    if (dal_heap_cache_.next == chunk->first)
        chunk->first = (char *)block;
    dal_heap_cache_.next = (char *)(block + block_bytes);
    return (void *)block;
}

/* This one and dealloc_long() take what their callers were given in the same order, so that
 * the short way there moves no register for them. */
DAL_ATTRIBUTE_((noinline))
static void *alloc_long(size_t size, size_t align, struct dal_heap_ *heap, int zeroed)
{
    struct dal_heap_state_ *state;
    void *ptr;

    if (dal_heap_is_own_(heap, size, align))
        return dal_heap_own_alloc_(heap, size, align, zeroed);
    state = dal_heap_enter_(heap);
    if (!state)
        return NULL;
    ptr = cut(state, size, align);
    if (!ptr) {
        refill(heap, state, dal_heap_padding_(align) + dal_heap_block_bytes_(size));
        ptr = cut(dal_heap_cache_.states, size, align);
    }
    dal_heap_leave_(heap);
    return ptr && zeroed ? memset(ptr, 0, size) : ptr;
}

IN_ONE_LINE
static void *heap_alloc(size_t size, size_t align, void *ctx)
{
    char *ptr;

    if (DAL_LIKELY_(cut_short(ctx, size, align, &ptr)))
        return ptr;
    return alloc_long(size, align, ctx, 0);
}

/* The grain is no less than a natural alignment, so it need not be looked at. */
_Static_assert(DAL_MIN_ALIGN <= DAL_HEAP_GRAIN, "a natural alignment is more than the grain");

IN_ONE_LINE
static void *heap_alloc_natural(size_t size, size_t align, void *ctx)
{
    char *ptr;

    if (DAL_LIKELY_(cut_short(ctx, size, 1, &ptr)))
        return ptr;
    return alloc_long(size, align, ctx, 0);
}

/* What a chunk holds is not known to be zero: blocks freed in it are used again. */
static void *heap_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    char *ptr;

    if (DAL_LIKELY_(cut_short(ctx, size, align, &ptr)))
        return memset(ptr, 0, size);
    return alloc_long(size, align, ctx, 1);
}

static inline int is_last(const struct dal_heap_ *heap, const void *ptr, size_t size)
{
    return is_cached(heap) &&
           (uintptr_t)ptr + dal_heap_block_bytes_(size) == (uintptr_t)dal_heap_cache_.next;
}

/* Where the last block ends of the chunk before the current one, or 0. */
static inline uintptr_t older_end(void)
{
    const struct dal_heap_chunk_ *chunk =
        atomic_load_explicit(&dal_heap_cache_.states->chunks, memory_order_relaxed);

    return chunk ? (uintptr_t)chunk->older_end : 0;
}

DAL_ATTRIBUTE_((noinline))
static void dealloc_long(void *ptr, size_t size, size_t align, struct dal_heap_ *heap)
{
    if (!ptr)
        return;
    if (dal_heap_is_own_(heap, size, align)) {
        dal_heap_own_free_(heap, ptr);
    } else if (dal_heap_return_(heap)) {
        uintptr_t end = (uintptr_t)ptr + dal_heap_block_bytes_(size);

        if (end == (uintptr_t)dal_heap_cache_.next)
            dal_heap_cache_.next = ptr;
        else if (end == older_end())
            free_older(heap, ptr);
        dal_heap_leave_(heap);
    }
}

/* First whether it is the last block, since that follows from its end alone: a block with
 * memory of its own ends with that, and so at the header of a chunk at the most. Rounded
 * like this an empty block ends where it begins, which is before `next`. The second test
 * finds those, and all that may have memory of their own; some others as well. */
IN_ONE_LINE
static void heap_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    struct dal_heap_ *heap = ctx;
    size_t block_bytes = (size + (DAL_HEAP_GRAIN - 1)) & ~(size_t)(DAL_HEAP_GRAIN - 1);
    uintptr_t end = (uintptr_t)ptr + block_bytes;

    if (DAL_UNLIKELY_(!is_cached(heap)))
        dealloc_long(ptr, size, align, heap);
    else if (DAL_LIKELY_(end == (uintptr_t)dal_heap_cache_.next))
        dal_heap_cache_.next = ptr;
    else if (DAL_UNLIKELY_(((size - 1) | align) >= heap->small_most || end == older_end()))
        dealloc_long(ptr, size, align, heap);
}

/* Resize a block of a chunk where it is: 1 if that was done. */
static int resize_cut(const struct dal_heap_ *heap, char *ptr, size_t old_size, size_t new_size)
{
    size_t new_bytes = dal_heap_block_bytes_(new_size);

    if (!is_last(heap, ptr, old_size))
        return new_bytes <= dal_heap_block_bytes_(old_size);
    if (new_bytes > (size_t)(dal_heap_cache_.end - ptr))
        return 0;
    dal_heap_cache_.next = ptr + new_bytes;
    return 1;
}

static int heap_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                void *ctx)
{
    struct dal_heap_ *heap = ctx;
    int is_own = dal_heap_is_own_(heap, old_size, align);
    int done = 0;

    /* The kind of a block has to follow from its layout. */
    if (is_own == dal_heap_is_own_(heap, new_size, align))
        done = is_own ? new_size <= dal_heap_own_room_(ptr)
                      : resize_cut(heap, ptr, old_size, new_size);
    return done ? DAL_OK : DAL_ERR_UNSUPPORTED;
}

/* A block that keeps its memory although it needs less than half of it is worth a try to
 * give the rest back. */
static void *resize_own(struct dal_heap_ *heap, void *ptr, size_t align, size_t new_size)
{
    size_t room = dal_heap_own_room_(ptr);
    void *resized = NULL;

    if (new_size > room || new_size < room / 2)
        resized = dal_heap_own_resize_(heap, ptr, align, new_size);
    return !resized && new_size <= room ? ptr : resized;
}

static void *heap_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    struct dal_heap_ *heap = ctx;
    int was_own = dal_heap_is_own_(heap, old_size, align);
    int is_own = dal_heap_is_own_(heap, new_size, align);
    void *resized = NULL;

    if (!ptr)
        return heap_alloc(new_size, align, heap);
    if (!was_own && !is_own && resize_cut(heap, ptr, old_size, new_size))
        return ptr;
    if (was_own && is_own)
        resized = resize_own(heap, ptr, align, new_size);
    if (resized)
        return resized;
    resized = heap_alloc(new_size, align, heap);
    if (!resized)
        return NULL;
    memcpy(resized, ptr, old_size < new_size ? old_size : new_size);
    heap_dealloc(ptr, old_size, align, heap);
    return resized;
}

/* ---- The heap of the process ----------------------------------------------------- */

/* Complete before the first instruction runs, so that no call has to start it. */
static struct dal_heap_ process_heap = {
    .generation = DAL_HEAP_PROCESS_GENERATION_,
    .small_most = CHUNK_BYTES / 4 - 1,
    .chunk_bytes = CHUNK_BYTES,
    .chunk_align = DAL_HEAP_GRAIN,
    .limit_bytes = SIZE_MAX,
};

void *dal_arena_process_alloc(size_t size, size_t align)
{
    return heap_alloc(size, align, &process_heap);
}

void dal_arena_process_dealloc(void *ptr, size_t size, size_t align)
{
    heap_dealloc(ptr, size, align, &process_heap);
}

void *dal_arena_process_alloc_zeroed(size_t size, size_t align)
{
    return heap_alloc_zeroed(size, align, &process_heap);
}

void *dal_arena_process_realloc(void *ptr, size_t old_size, size_t align, size_t new_size)
{
    return heap_realloc(ptr, old_size, align, new_size, &process_heap);
}

int dal_arena_process_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size)
{
    return heap_resize_in_place(ptr, old_size, align, new_size, &process_heap);
}

/* ---- The backend ----------------------------------------------------------------- */

static size_t power_of_two_within(size_t bytes)
{
    size_t power = 1;

    while (power <= bytes / 2)
        power *= 2;
    return power;
}

/* Whether the sizes go together: 0 with those of the heap set, or an error that was said.
 * With huge pages a chunk is made of those, and one of them unless the spec has another size. */
static int read_sizes(const struct dal_backend_request *request, struct dal_heap_ *heap)
{
    const struct dal_option_value *chunk = request->find(request, "chunk");
    const struct dal_option_value *limit = request->find(request, "limit");
    size_t huge = dal_pages_huge_bytes_(request, heap->wishes);
    uint64_t bytes = huge > 0 && !chunk->given ? huge : chunk->number;

    if (huge > 0 && bytes % huge != 0)
        return request->fail(request, DAL_ERR_OPTION,
                             "chunk=%s is no multiple of a huge page (%zuK), as "
                             "huge_pages=advise needs it",
                             chunk->text, huge / 1024);
    if (limit->text && limit->number < bytes)
        return request->fail(request, DAL_ERR_OPTION, "limit=%s is less than one chunk (%s%s)",
                             limit->text, chunk->number == bytes ? "chunk=" : "",
                             chunk->number == bytes ? chunk->text : "a huge page");
    heap->chunk_bytes = (size_t)bytes & ~(size_t)(DAL_HEAP_GRAIN - 1);
    heap->chunk_align = huge > 0 ? huge : DAL_HEAP_GRAIN;
    heap->limit_bytes = limit->text ? (size_t)limit->number : SIZE_MAX;
    return 0;
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    struct dal_heap_ made = {
        .child = request->child,
        .services = request->services,
        .wishes = dal_pages_wishes_of_(request),
    };
    struct dal_heap_ *heap;
    int error = read_sizes(request, &made);

    if (error < 0)
        return error;
    if (dal_heap_watch_threads_(request->services) != 0)
        return request->fail(request, DAL_ERR_SYSTEM,
                             "the system has no key left to tell when a thread ends");
    heap = dal_instance_alloc(request->child, sizeof *heap, DAL_ALIGNOF_(struct dal_heap_));
    if (!heap)
        return request->fail(request, DAL_ERR_MEMORY, "cannot get %zu bytes", sizeof *heap);

    made.generation = dal_heap_generation_();
    made.small_most = power_of_two_within(made.chunk_bytes / 4) - 1;
    memcpy(heap, &made, sizeof made);

    allocator->ctx = heap;
    allocator->alloc = heap_alloc;
    allocator->alloc_natural = heap_alloc_natural;
    allocator->dealloc = heap_dealloc;
    allocator->alloc_zeroed = heap_alloc_zeroed;
    allocator->realloc = heap_realloc;
    allocator->resize_in_place = heap_resize_in_place;
    return 0;
}

/* No other thread uses the heap any more, but threads that have may end at this moment: a
 * state is theirs as soon as it is abandoned. */
static void destroy(void *ctx)
{
    struct dal_heap_ *heap = ctx;
    struct dal_heap_state_ *state = atomic_load_explicit(&heap->states, memory_order_acquire);

    dal_heap_own_destroy_(heap);
    while (state) {
        struct dal_heap_state_ *next_state = state->next_of_heap;
        struct dal_heap_chunk_ *chunk = atomic_load_explicit(&state->chunks, memory_order_acquire);
        struct dal_heap_chunk_ *spare = atomic_load_explicit(&state->spare, memory_order_acquire);

        while (chunk) {
            struct dal_heap_chunk_ *older =
                atomic_load_explicit(&chunk->older, memory_order_acquire);

            dal_heap_give_chunk_(heap, chunk);
            chunk = older;
        }
        if (spare)
            dal_heap_give_chunk_(heap, spare);
        dal_heap_abandon_(state);
        state = next_state;
    }
    dal_instance_dealloc(heap->child, heap, sizeof *heap, DAL_ALIGNOF_(struct dal_heap_));
}

static const struct dal_option options[] = {
    {
        .name = "chunk",
        .type = DAL_OPTION_BYTES,
        .minimum = CHUNK_MIN,
        .maximum = CHUNK_MAX,
        .default_text = CHUNK_TEXT,
        .summary = "what a thread takes at a time; blocks from a quarter of it on get their own",
    },
    {
        .name = "limit",
        .type = DAL_OPTION_BYTES,
        .minimum = CHUNK_MIN,
        .maximum = LIMIT_MAX,
        .summary = "most bytes to hold at a time, over all threads; unlimited by default",
    },
    DAL_PAGES_OPTIONS_("what the system is told about huge pages; advise makes chunks of them",
                       "make pages present when memory is taken, not when it is touched"),
};

extern const struct dal_backend dal_backend_arena_;

const struct dal_backend dal_backend_arena_ = {
    DAL_BACKEND_HEADER,
    .name = "arena",
    .version = DAL_VERSION_STRING,
    .summary = "chunks of each thread's own, without locks; small blocks are not reused",
    .option_count = sizeof options / sizeof options[0],
    .options = options,
    .create = create,
    .destroy = destroy,
};
