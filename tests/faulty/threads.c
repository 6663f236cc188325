/* SPDX-License-Identifier: MIT */
/* Faults of allocators that keep something for each thread. */
#include "tests/faulty/faulty.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

/* ---- Only the thread that allocated a block may free it ------------------------------------- */

/* Of the thread that runs; its address tells threads apart. */
static _Thread_local char here;

static size_t header_bytes(size_t align)
{
    return align < 16 ? 16 : align;
}

static void *note_owner(size_t size, size_t align, void *ctx)
{
    char *block = good_alloc(size + header_bytes(align), align < 16 ? 16 : align, ctx);

    if (!block)
        return NULL;
    block += header_bytes(align);
    ((char **)(void *)block)[-1] = &here;
    return block;
}

static void insist_on_owner(void *ptr, size_t size, size_t align, void *ctx)
{
    if (!ptr)
        return;
    if (((char **)ptr)[-1] != &here)
        abort();
    good_dealloc((char *)ptr - header_bytes(align), size + header_bytes(align),
                 align < 16 ? 16 : align, ctx);
}

/* ---- Memory that goes with its thread ----------------------------------------------- */

enum { REGION_BYTES = 1 << 20 };

struct region {
    size_t used;
    bool closed;
    unsigned char bytes[REGION_BYTES];
};

static _Thread_local struct region *mine;

static pthread_key_t key_with(void (*destructor)(void *))
{
    pthread_key_t key;

    if (pthread_key_create(&key, destructor) != 0)
        abort();
    return key;
}

static struct region *open_region(pthread_key_t key)
{
    if (!mine) {
        mine = mmap(NULL, sizeof *mine, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mine == MAP_FAILED)
            abort();
        pthread_setspecific(key, mine);
    }
    return mine;
}

static void *region_alloc(struct region *region, size_t size, size_t align)
{
    uintptr_t start = ((uintptr_t)(region->bytes + region->used) + align - 1) & ~(align - 1);
    size_t offset = start - (uintptr_t)region->bytes;

    if (region->closed || offset > REGION_BYTES || size > REGION_BYTES - offset)
        return NULL;
    region->used = offset + size;
    return (void *)start;
}

static pthread_key_t unmapping_key, closing_key;
static pthread_once_t keys_once = PTHREAD_ONCE_INIT;

static void unmap_region(void *region)
{
    munmap(region, sizeof(struct region));
    mine = NULL;
}

static void close_region(void *region)
{
    ((struct region *)region)->closed = true;
}

static void make_keys(void)
{
    unmapping_key = key_with(unmap_region);
    closing_key = key_with(close_region);
}

/* Only threads have regions: the first thread is served by the system, so that it is the
 * other cases that pass. */
static bool in_first_thread(void)
{
    static _Thread_local bool known, first;
    static int taken; /* not a byte, which some processors cannot exchange */

    pthread_once(&keys_once, make_keys);
    if (!known) {
        known = true;
        first = !__atomic_exchange_n(&taken, 1, __ATOMIC_ACQ_REL);
    }
    return first;
}

static void *from_mortal_region(size_t size, size_t align, void *ctx)
{
    if (in_first_thread())
        return good_alloc(size, align, ctx);
    return region_alloc(open_region(unmapping_key), size, align);
}

static void *from_closing_region(size_t size, size_t align, void *ctx)
{
    if (in_first_thread())
        return good_alloc(size, align, ctx);
    return region_alloc(open_region(closing_key), size, align);
}

static void forget(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ptr;
    (void)size;
    (void)align;
    (void)ctx;
}

static const struct dal_allocator owned_by_thread = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = note_owner,
    .dealloc = insist_on_owner,
};
static const struct dal_allocator gone_with_thread = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = from_mortal_region,
    .dealloc = forget,
};
static const struct dal_allocator closed_with_thread = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = from_closing_region,
    .dealloc = forget,
};

const struct faulty faulty_threads[] = {
    {.name = "frees in the thread that allocated only",
     .found_by = "blocks_change_hands",
     .asked = "8 threads at work",
     .got = "SIGABRT",
     .allocator = &owned_by_thread},
    {.name = "gives the memory of a thread back with it",
     .found_by = "blocks_outlive_threads",
     .got = "SIGSEGV",
     .allocator = &gone_with_thread},
    {.name = "is gone in destructors of thread-local storage",
     .found_by = "serves_in_thread_destructors",
     .asked = "in a destructor of thread-local storage",
     .got = "NULL",
     .allocator = &closed_with_thread},
    {.name = NULL},
};
