/* SPDX-License-Identifier: MIT */
/*
 * A bump heap with a capacity: thread-safe, fork-safe, the last block resized in place and
 * freed. Without a fault it is what the kit has to pass; each fault is one line of it.
 */
#include "tests/faulty/faulty.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

enum heap_fault {
    FAULTLESS = HEAP_FAULTLESS,
    ONE_SHORT,         /* large blocks share their last byte with the next */
    CLASS_SHORT,       /* the class for 4097 bytes has 4096 */
    HEADER_BEFORE,     /* an over-aligned block has a header where the one before ends */
    REST_IS_ZERO,      /* memory beyond the last block is taken for clean */
    PAST_END,          /* the last block may reach 64 bytes past the end */
    REFUSAL_COUNTS,    /* a request is added up before it is refused */
    SIGNED_COMPARE,    /* what is left is compared as signed */
    NO_LOCK,           /* two threads may read the same position */
    SHARED_WITH_CHILD, /* the memory is MAP_SHARED */
    LOCK_ACROSS_FORK   /* the lock is not taken around fork */
};

struct heap {
    const struct faulty *faulty;
    enum heap_fault fault;
    unsigned char *memory;
    size_t bytes;
    size_t used;
    pthread_mutex_t lock;
};

static const size_t page = 4096;

/* ---- Calls -------------------------------------------------------------------------- */

static void enter(struct heap *heap)
{
    if (heap->fault != NO_LOCK)
        pthread_mutex_lock(&heap->lock);
}

static void leave(struct heap *heap)
{
    if (heap->fault != NO_LOCK)
        pthread_mutex_unlock(&heap->lock);
}

static bool fits(const struct heap *heap, size_t start, size_t size)
{
    size_t end = heap->bytes + (heap->fault == PAST_END ? 64 : 0);

    if (heap->fault == SIGNED_COMPARE)
        return (ptrdiff_t)(start + size) <= (ptrdiff_t)end;
    return start <= end && size <= end - start;
}

static size_t real_size(const struct heap *heap, size_t size)
{
    if (heap->fault == ONE_SHORT && size > 100)
        return size - 1;
    if (heap->fault == CLASS_SHORT && size == 4097)
        return 4096;
    return size;
}

static void *heap_alloc(size_t size, size_t align, void *ctx)
{
    struct heap *heap = ctx;
    size_t start, real = real_size(heap, size);
    bool served;

    enter(heap);
    start = (heap->used + align - 1) & ~(align - 1);
    if (heap->fault == NO_LOCK || heap->fault == LOCK_ACROSS_FORK)
        faulty_yield();
    served = align <= page && fits(heap, start, real);
    if (served || heap->fault == REFUSAL_COUNTS)
        heap->used = start + real;
    leave(heap);
    if (!served)
        return NULL;
    if (heap->fault == HEADER_BEFORE && align > 64 && start >= 8)
        memset(heap->memory + start - 8, 0x7f, 8);
    return heap->memory + start;
}

static void heap_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    struct heap *heap = ctx;

    (void)align;
    if (!ptr)
        return;
    enter(heap);
    if ((unsigned char *)ptr + size == heap->memory + heap->used)
        heap->used -= size;
    leave(heap);
}

static int heap_resize(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    struct heap *heap = ctx;
    size_t start = (size_t)((unsigned char *)ptr - heap->memory);
    bool done;

    (void)align;
    enter(heap);
    done = start + real_size(heap, old_size) == heap->used && fits(heap, start, new_size);
    if (done)
        heap->used = start + real_size(heap, new_size);
    leave(heap);
    return done ? 0 : DAL_ERR_UNSUPPORTED;
}

static void *heap_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    void *moved;

    if (ptr && heap_resize(ptr, old_size, align, new_size, ctx) == 0)
        return ptr;
    moved = heap_alloc(new_size, align, ctx);
    if (!moved || !ptr)
        return moved;
    memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
    heap_dealloc(ptr, old_size, align, ctx);
    return moved;
}

static void *heap_grow_zeroed(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                              size_t new_align, void *ctx)
{
    struct heap *heap = ctx;
    char *grown = ptr;

    if (old_align < new_align || heap_resize(ptr, old_size, old_align, new_size, heap) != 0) {
        grown = heap_alloc(new_size, new_align, heap);
        if (!grown)
            return NULL;
        memcpy(grown, ptr, old_size);
    } else if (heap->fault == REST_IS_ZERO) {
        return grown;
    }
    memset(grown + old_size, 0, new_size - old_size);
    return grown;
}

static int heap_owns(const void *ptr, void *ctx)
{
    const struct heap *heap = ctx;
    uintptr_t offset = (uintptr_t)ptr - (uintptr_t)heap->memory;

    return offset < heap->used;
}

static void heap_prepare(void *ctx)
{
    struct heap *heap = ctx;

    pthread_mutex_lock(&heap->lock);
}

static void heap_release(void *ctx)
{
    struct heap *heap = ctx;

    pthread_mutex_unlock(&heap->lock);
}

/* ---- Instances ---------------------------------------------------------------------- */

/* The heap and, behind a page that cannot be touched, its memory. */
static struct heap *map_heap(const struct faulty *faulty)
{
    size_t bytes = (faulty->heap_bytes + page - 1) / page * page;
    int shared = faulty->heap_fault == SHARED_WITH_CHILD;
    struct heap *heap =
        mmap(NULL, sizeof *heap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *memory = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE,
                                 (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);

    if (heap == MAP_FAILED || memory == MAP_FAILED)
        return NULL;
    mprotect(memory + bytes, page, PROT_NONE);
    heap->faulty = faulty;
    heap->fault = (enum heap_fault)faulty->heap_fault;
    heap->memory = memory;
    heap->bytes = faulty->heap_bytes;
    pthread_mutex_init(&heap->lock, NULL);
    return heap;
}

static int create_heap(const struct conformance_subject *subject,
                       const struct dal_instance **instance, char *message, size_t message_bytes)
{
    struct heap *heap = map_heap(subject->data);
    struct dal_allocator allocator = {
        DAL_ALLOCATOR_HEADER(heap),
        .alloc = heap_alloc,
        .dealloc = heap_dealloc,
        .realloc = heap_realloc,
        .grow_zeroed = heap_grow_zeroed,
        .resize_in_place = heap_resize,
        .owns = heap_owns,
    };

    (void)message;
    (void)message_bytes;
    if (!heap)
        return DAL_ERR_MEMORY;
    if (heap->fault != LOCK_ACROSS_FORK) {
        allocator.fork_prepare = heap_prepare;
        allocator.fork_parent = heap_release;
        allocator.fork_child = heap_release;
    }
    return dal_instance_create(&allocator, "heap", instance);
}

static void destroy_heap(const struct conformance_subject *subject,
                         const struct dal_instance *instance)
{
    struct heap *heap = instance->alloc.ctx;

    (void)subject;
    dal_instance_destroy(instance);
    munmap(heap->memory, (heap->bytes + page - 1) / page * page + page);
    munmap(heap, sizeof *heap);
}

struct conformance_subject faulty_heap_subject(const struct faulty *faulty)
{
    return (struct conformance_subject){
        .name = faulty->name,
        .create = create_heap,
        .destroy = destroy_heap,
        .data = faulty,
    };
}

/* Many pages, so that nothing but the fault is in the way. */
#define HEAP(fault) .heap_fault = (fault), .heap_bytes = (size_t)8 << 20

const struct faulty faulty_heaps[] = {
    {.name = "serves blocks that share a byte",
     .found_by = "live_blocks_share_nothing",
     .asked = "a live block",
     HEAP(ONE_SHORT)},
    {.name = "has a size class that is a byte too small",
     .found_by = "size_classes",
     .asked = "a live block (size 4097",
     .got = "byte 4096 of 4097",
     HEAP(CLASS_SHORT)},
    {.name = "keeps a header in the block before",
     .found_by = "alignments_mix",
     .asked = "a live block",
     HEAP(HEADER_BEFORE)},
    {.name = "takes memory that was used for clean",
     .found_by = "grow_zeroed_after_shrink",
     .asked = "grow_zeroed(",
     HEAP(REST_IS_ZERO)},
    {.name = "reaches past its end",
     .found_by = "exhaustion_is_null",
     .got = "SIGSEGV",
     HEAP(PAST_END)},
    {.name = "counts what it refused",
     .found_by = "refusals_take_nothing",
     .asked = "alloc(size 64, align 8) after requests",
     .got = "NULL",
     HEAP(REFUSAL_COUNTS)},
    {.name = "compares sizes as signed",
     .found_by = "absurd_sizes_are_null",
     .asked =
         BY_BITS("alloc(size 9223372036854775807, align 1)", "alloc(size 2147483647, align 1)"),
     HEAP(SIGNED_COMPARE)},
    {.name = "has no lock",
     .found_by = "threads_race_for_blocks",
     .asked = "a live block",
     HEAP(NO_LOCK)},
    {.name = "has no lock", .found_by = "threads_share_nothing", HEAP(NO_LOCK)},
    {.name = "shares its memory with the child of a fork",
     .found_by = "fork_leaves_two_heaps",
     .asked = "in the parent",
     .likely = "MAP_SHARED",
     HEAP(SHARED_WITH_CHILD)},
    {.name = "leaves its lock taken in the child of a fork",
     .found_by = "fork_while_threads_allocate",
     .got = "it hangs",
     HEAP(LOCK_ACROSS_FORK)},
    {.name = NULL},
};
