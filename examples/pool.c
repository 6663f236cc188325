/* SPDX-License-Identifier: MIT */
/*
 * A pool of blocks of 16 to 2048 bytes; larger ones come from the system. Each thread has
 * free lists of its own, so there is no lock; what is on them when it ends is lost.
 */
#include "pool.h"

enum { CLASSES = 8, SLAB_BYTES = 65536 };

struct block {
    struct block *next;
};
static _Thread_local struct block *lists[CLASSES];

/* The smallest class that will do. Its blocks are aligned to their own size. */
static unsigned class_of(size_t size, size_t align)
{
    unsigned class = 0;
    while (class < CLASSES && ((size_t)16 << class) < (size > align ? size : align))
        class ++;
    return class;
}

static void refill(unsigned class)
{
    size_t bytes = (size_t)16 << class;
    char *slab = dal_instance_alloc(dal_system(), SLAB_BYTES, bytes);
    for (size_t at = 0; slab != NULL && at < SLAB_BYTES; at += bytes) {
        *(struct block *)(void *)(slab + at) = (struct block){lists[class]};
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
    struct block *block = lists[class];
    if (block != NULL)
        lists[class] = block->next;
    return block;
}

static void pool_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    unsigned class = class_of(size, align);
    if (class == CLASSES || ptr == NULL) {
        dal_instance_dealloc(dal_system(), ptr, size, align);
    } else {
        *(struct block *)ptr = (struct block){lists[class]};
        lists[class] = ptr;
    }
}

const struct dal_allocator pool = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = pool_alloc,
    .dealloc = pool_dealloc,
};
