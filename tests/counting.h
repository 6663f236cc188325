/* SPDX-License-Identifier: MIT */
/*
 * A child allocator for tests that keeps the books: what is live, what was asked for, and
 * whether every block comes back with the layout it was taken with (if not, it aborts).
 * Fresh and freed memory is overwritten, so that nothing passes by accident. It can refuse:
 * beyond a limit of live bytes, or the n-th request. Thread-safe but for setting it up.
 */
#ifndef TESTS_COUNTING_H
#define TESTS_COUNTING_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc/allocator/system.h>
#include <dispatchalloc/instance.h>

/* No test needs more; sanitizers report what is really absurd. Of 32-bit addresses a block that is
 * aligned to more would be one in eight. */
#define COUNTING_MOST ((size_t)(sizeof(size_t) > 4 ? UINT64_C(1) << 32 : UINT64_C(1) << 28))

struct counting {
    atomic_size_t live_bytes;
    atomic_size_t live_blocks;
    atomic_size_t requests; /* alloc, alloc_zeroed and growing realloc */
    size_t limit_bytes;     /* 0: none */
    size_t fail_at;         /* number of the request that is refused, from 1; 0: none */
    struct dal_instance_storage storage;
};

struct counting_header {
    size_t size;
    size_t align;
};

static inline size_t counting_offset(size_t align)
{
    return align > sizeof(struct counting_header) ? align : sizeof(struct counting_header);
}

static inline struct counting_header *counting_header_of(void *ptr, size_t size, size_t align)
{
    struct counting_header *header = (struct counting_header *)ptr - 1;

    if (header->size != size || header->align != align) {
        fprintf(stderr, "a block of (%zu, %zu) came back as (%zu, %zu)\n", header->size,
                header->align, size, align);
        abort();
    }
    return header;
}

static inline void *counting_alloc(size_t size, size_t align, void *ctx)
{
    struct counting *counting = ctx;
    size_t offset = counting_offset(align);
    size_t request = atomic_fetch_add(&counting->requests, 1) + 1;
    void *base;
    char *ptr;

    if (align == 0 || (align & (align - 1)) != 0 || size > (size_t)PTRDIFF_MAX - (align - 1)) {
        fprintf(stderr, "asked for the layout (%zu, %zu), which is none\n", size, align);
        abort();
    }
    if (request == counting->fail_at || size > COUNTING_MOST || align > ((size_t)1 << 30))
        return NULL;
    if (counting->limit_bytes > 0 &&
        atomic_load(&counting->live_bytes) + size > counting->limit_bytes)
        return NULL;
    base = dal_instance_alloc(dal_system(), offset + size, offset);
    if (!base)
        return NULL;
    ptr = (char *)base + offset;
    ((struct counting_header *)(void *)ptr)[-1] = (struct counting_header){size, align};
    /* What was never used must not look used: large blocks are not filled to the end. */
    memset(ptr, 0xAB, size < 65536 ? size : 65536);
    atomic_fetch_add(&counting->live_bytes, size);
    atomic_fetch_add(&counting->live_blocks, 1);
    return ptr;
}

static inline void counting_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    struct counting *counting = ctx;
    size_t offset = counting_offset(align);

    if (!ptr)
        return;
    counting_header_of(ptr, size, align);
    memset(ptr, 0xDD, size < 65536 ? size : 65536);
    atomic_fetch_sub(&counting->live_bytes, size);
    atomic_fetch_sub(&counting->live_blocks, 1);
    dal_instance_dealloc(dal_system(), (char *)ptr - offset, offset + size, offset);
}

/* alloc_zeroed and realloc are derived from these two. */
static inline const struct dal_instance *counting_init(struct counting *counting)
{
    const struct dal_allocator allocator = {
        DAL_ALLOCATOR_HEADER(counting),
        .alloc = counting_alloc,
        .dealloc = counting_dealloc,
    };

    memset(counting, 0, sizeof *counting);
    if (dal_instance_init(&counting->storage, &allocator, "counting") != 0)
        abort();
    return &counting->storage.instance;
}

#endif /* TESTS_COUNTING_H */
