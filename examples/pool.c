/* SPDX-License-Identifier: MIT */
/*
 * A pool of blocks of 16 to 2048 bytes; larger ones come from the system. Each thread has
 * free lists of its own, so there is no lock; what is on them when it ends is lost.
 */
#include "pool.h"

enum { CLASSES = 8, SLAB_BYTES = 65536 };

/* Each block begins with the address of the next one. */
static _Thread_local void **lists[CLASSES];

/* The smallest class that will do. Its blocks are aligned to their own size. */
static unsigned class_of(size_t size, size_t align)
{
    unsigned class = 0;
    while (class < CLASSES && ((size_t)16 << class) < (size > align ? size : align))
        class += 1;
    return class;
}

static void refill(unsigned class)
{
    size_t bytes = (size_t)16 << class;
    char *slab = dal_instance_alloc(dal_system(), SLAB_BYTES, bytes);
    for (size_t at = 0; slab != NULL && at < SLAB_BYTES; at += bytes) {
        *(void **)(void *)(slab + at) = lists[class];
        lists[class] = (void *)(slab + at);
    }
}

static void *pool_alloc(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    unsigned class = class_of(size, align);
    if (class == CLASSES)
        return dal_instance_alloc(dal_system(), size, align);
    if (lists[class] == NULL)
        refill(class);
    void **block = lists[class];
    if (block != NULL)
        lists[class] = *block;
    return block;
}

static void pool_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    unsigned class = class_of(size, align);
    if (class == CLASSES || ptr == NULL) {
        dal_instance_dealloc(dal_system(), ptr, size, align);
    } else {
        *(void **)ptr = lists[class];
        lists[class] = ptr;
    }
}

const struct dal_allocator pool = {DAL_ALLOCATOR_HEADER(NULL), .alloc = pool_alloc,
                                   .dealloc = pool_dealloc};
