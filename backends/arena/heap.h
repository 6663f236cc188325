/* SPDX-License-Identifier: MIT */
/*
 * The backend `arena`: an arena for all threads of a process, in which each has chunks of
 * its own. Called a heap here, to tell it from the handles of dispatchalloc/arena.h.
 *
 * What a thread uses of a heap is a state: the chunk that it cuts blocks from, those it has
 * used up, and one empty chunk to spare. The thread finds it in thread-local storage, where the
 * chunk of the heap used last is unpacked (dal_heap_cache_), so that an allocation touches
 * nothing that another thread writes. Blocks with memory of their own are no state's: whoever
 * frees one gives its memory back.
 *
 * A state outlives its thread: it goes idle with what is left of its chunk, and a later
 * thread takes it on. It may also outlive its heap, in the list of a thread that has not
 * noticed yet. So states lie in memory that is never given back, only used again, and the
 * last of the two that lets go returns it; heaps have generations, numbers that never come
 * again, by which a thread recognises its state of a heap. No pointer to a heap is kept.
 *
 * Nothing here takes a lock or waits, and that is why no fork functions are needed: another
 * thread may be stopped for ever between any two instructions, as fork(2) does to it in the
 * child. Each step between threads is one atomic operation, and each list that destroy()
 * walks is whole after every single store. What the stopped threads held is merely idle.
 */
#ifndef DAL_ARENA_HEAP_H
#define DAL_ARENA_HEAP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/instance.h>
#include <dispatchalloc/service.h>

/* What every block and whatever is taken from the child is aligned to, and sizes are
 * rounded up to. glibc does the same, and most requests then need no alignment. */
#define DAL_HEAP_GRAIN 16u

/* Memory that blocks are cut from; begins with this. Both ends of what is behind it are multiples
 * of the grain. */
struct dal_heap_chunk_ {
    /* Atomic for a forked destroy(). */
    DAL_ALIGNAS_(DAL_HEAP_GRAIN) struct dal_heap_chunk_ *_Atomic older;
    char *end;
    char *first;     /* where its first block begins: it is empty if the next one would, too */
    char *older_end; /* of the last block in the older one */
};

/* A block with memory of its own: what destroy() finds it by, apart from the block, so that any
 * thread may free that. */
struct dal_heap_own_ {
    void *_Atomic base; /* what the child gave, of total_bytes; NULL if there is none */
    size_t total_bytes;
    struct dal_heap_own_ *next_free;
    struct dal_heap_state_ *state; /* that uses it again */
};

#define DAL_HEAP_OWN_PAGE_ 4096u

struct dal_heap_own_page_ {
    struct dal_heap_own_page_ *older;
    struct dal_heap_own_ owns[DAL_HEAP_OWN_PAGE_ / sizeof(struct dal_heap_own_) - 1];
};

/* Who may touch a state beside its heap's list. */
enum dal_heap_status_ {
    DAL_HEAP_IDLE_,  /* nobody; who changes it to owned has it */
    DAL_HEAP_OWNED_, /* one thread, in whose list it is */
    DAL_HEAP_DEAD_   /* the same, but its heap is gone */
};

struct dal_heap_state_ {
    size_t generation; /* of its heap */
    char *next;        /* where the next block begins; stale while it is in the cache */
    struct dal_heap_chunk_ *_Atomic chunks;  /* the current one first */
    struct dal_heap_chunk_ *_Atomic spare;   /* whoever exchanges it has it */
    struct dal_heap_own_ *_Atomic free_owns; /* any thread adds to them, the owner takes */
    struct dal_heap_state_ *next_of_heap;    /* never changes while the heap lives */
    struct dal_heap_state_ *next_of_thread;  /* or of the pool */
    _Atomic int status;
};

struct dal_heap_ {
    size_t generation; /* first: read by every call */
    size_t small_most; /* a power of two, less 1; see dal_heap_is_own_() */
    size_t chunk_bytes;
    size_t limit_bytes;
    const struct dal_instance *child;             /* NULL: the system's */
    const struct dal_services *services;          /* NULL: the library's */
    struct dal_heap_state_ *_Atomic states;       /* grows only */
    struct dal_heap_own_page_ *_Atomic own_pages; /* the same */
    size_t chunk_align;
    uint32_t wishes; /* for the pages of all that is taken of the child */
    DAL_ALIGNAS_(64) _Atomic size_t reserved_bytes;
};

/* The state that this thread used last, unpacked, and the list of all it has with that one
 * first. generation is 0 where there is none. Of the 88 bytes of thread-local storage
 * that the library may have, these are 40. */
struct dal_heap_cache_ {
    size_t generation;
    char *next;
    char *end;
    struct dal_heap_state_ *states;
    int is_past; /* the end of the thread; here, since alone it may be padded to 16 bytes */
};

extern _Thread_local struct dal_heap_cache_ dal_heap_cache_;

/* ---- heap_states.c --------------------------------------------------------------- */

/* A number for a new heap. That of the heap of the process is fixed, since it is a constant. */
#define DAL_HEAP_PROCESS_GENERATION_ 1u
size_t dal_heap_generation_(void);

/* Make this thread's state of a heap the cached one; find, take on or make it. NULL if there
 * is no memory for one. */
struct dal_heap_state_ *dal_heap_enter_(struct dal_heap_ *heap);

/* The same, but NULL if the thread has none. */
struct dal_heap_state_ *dal_heap_find_(const struct dal_heap_ *heap);

/* Exchange the cached state for an idle one whose chunk has room for need bytes. 1 if there
 * was one. */
int dal_heap_trade_(struct dal_heap_ *heap, size_t need);

/* The state that a small block goes back to: as dal_heap_find_(), but past the end of the thread
 * as dal_heap_enter_(). */
struct dal_heap_state_ *dal_heap_return_(struct dal_heap_ *heap);

/* Past the end of the thread: let go of what was entered. To be called after each call that
 * entered; does nothing before. */
void dal_heap_leave_(const struct dal_heap_ *heap);

/* Let go of a state as its heap. */
void dal_heap_abandon_(struct dal_heap_state_ *state);

/* Have all that a thread has let go of when it ends: 0, or an error number. Destructors of
 * thread-local storage that run later may allocate again, and nothing says which is the last: so
 * from then on each call takes on a state for itself. */
int dal_heap_watch_threads_(const struct dal_services *services);

/* ---- heap_own.c ------------------------------------------------------------------ */

/* Take memory from the child, within the limit, with its pages as wished; give it back. Spare
 * chunks of all threads go back before it fails. */
void *dal_heap_take_(struct dal_heap_ *heap, size_t bytes, int zeroed);
void dal_heap_give_chunk_(struct dal_heap_ *heap, struct dal_heap_chunk_ *chunk);

/* Blocks with memory of their own. */
void *dal_heap_own_alloc_(struct dal_heap_ *heap, size_t size, size_t align, int zeroed);
void dal_heap_own_free_(struct dal_heap_ *heap, void *ptr);
void *dal_heap_own_resize_(struct dal_heap_ *heap, void *ptr, size_t align, size_t new_size);

/* Bytes that such a block can have where it is. */
size_t dal_heap_own_room_(const void *ptr);

/* Give all of them back, as the heap. */
void dal_heap_own_destroy_(struct dal_heap_ *heap);

/* ---- Here ------------------------------------------------------------------------ */

static inline const struct dal_services *dal_heap_services_(const struct dal_heap_ *heap)
{
    return heap->services ? heap->services : dal_services_get();
}

/* Bytes that a block takes: an empty one as much as one of a byte, so that it lies inside
 * its chunk. The size is at most PTRDIFF_MAX. */
static inline size_t dal_heap_block_bytes_(size_t size)
{
    return ((size > 0 ? size : 1) + (DAL_HEAP_GRAIN - 1)) & ~(size_t)(DAL_HEAP_GRAIN - 1);
}

/* start, rounded up to a power of two. The caller knows that it cannot overflow. */
static inline char *dal_heap_align_up_(char *start, size_t align)
{
    return start + ((size_t)(0 - (uintptr_t)start) & (align - 1));
}

/* What memory of the child's is aligned to. Follows from its size alone, so that nothing has
 * to be remembered; a block with memory of its own may have the size of a chunk as well. */
static inline size_t dal_heap_align_of_(const struct dal_heap_ *heap, size_t bytes)
{
    return bytes == heap->chunk_bytes ? heap->chunk_align : DAL_HEAP_GRAIN;
}

static inline size_t dal_heap_padding_(size_t align)
{
    return align > DAL_HEAP_GRAIN ? align - DAL_HEAP_GRAIN : 0;
}

/* Whether a block of this layout has memory of its own: its size or its alignment is more
 * than small_most. That it follows from the layout alone is what lets a block be freed
 * without looking anything up. */
static inline int dal_heap_is_own_(const struct dal_heap_ *heap, size_t size, size_t align)
{
    return (size | align) > heap->small_most;
}

#endif /* DAL_ARENA_HEAP_H */
