/* SPDX-License-Identifier: MIT */
/* The heap of a forked child. See forked.h. */
#include "forked.h"

#include <string.h>
#include <sys/random.h>

#include <tbb/scalable_allocator.h>

#include <dispatchalloc/allocator/limits.h>

/* In front of every block of the child. What stands there of a block of oneTBB's is readable
 * too, its own header or the end of a neighbour, and cannot be a mark but by chance: the mark
 * of a block depends on its address. */
struct header {
    uintptr_t mark;
    size_t size; /* of the whole, and its alignment: for the system allocator */
    size_t align;
    size_t offset; /* from its start to the block */
};

static const struct dal_instance *child_system;
static uintptr_t secret;

void dal_tbb_forked_begin_(const struct dal_instance *system)
{
    child_system = system;
    if (getentropy(&secret, sizeof secret) != 0)
        secret = (uintptr_t)&secret * 0x9e3779b1u;
}

static struct header *header_of(const void *ptr)
{
    return (struct header *)(uintptr_t)ptr - 1;
}

static int is_of_child(const void *ptr)
{
    return header_of(ptr)->mark == (secret ^ (uintptr_t)ptr);
}

void *dal_tbb_forked_alloc_(size_t size, size_t align)
{
    struct header header;
    char *start;

    if (!dal_is_possible_(size, align))
        return NULL;
    header.align = align < DAL_MIN_ALIGN ? DAL_MIN_ALIGN : align;
    header.offset = header.align < sizeof header ? sizeof header : header.align;
    header.size = header.offset + size;
    start = dal_instance_alloc(child_system, header.size, header.align);
    if (!start)
        return NULL;
    header.mark = secret ^ (uintptr_t)(start + header.offset);
    memcpy(header_of(start + header.offset), &header, sizeof header);
    return start + header.offset;
}

void dal_tbb_forked_free_(void *ptr)
{
    struct header header;

    if (!ptr || !is_of_child(ptr))
        return;
    header = *header_of(ptr);
    header_of(ptr)->mark = 0;
    dal_instance_dealloc(child_system, (char *)ptr - header.offset, header.size, header.align);
}

void *dal_tbb_forked_resize_(void *ptr, size_t old_size, size_t align, size_t new_size)
{
    void *moved = dal_tbb_forked_alloc_(new_size, align);

    if (moved && ptr) {
        memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        dal_tbb_forked_free_(ptr);
    }
    return moved;
}

size_t dal_tbb_forked_usable_size_(const void *ptr)
{
    const struct header *header = header_of(ptr);

    /* Of a live block of its own, oneTBB answers without a lock. */
    return is_of_child(ptr) ? header->size - header->offset
                            : scalable_msize((void *)(uintptr_t)ptr);
}
