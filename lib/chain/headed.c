/* SPDX-License-Identifier: MIT */
/* The malloc family over an allocator whose blocks get a header. See headed.h. */
#include <config.h>

#include "chain/headed.h"

#include <stdatomic.h>

#include "base/malloc_rules.h"
#include "base/text.h"

/* Release when it is set, acquire when it is read; it is set once for good, before a thread that
 * calls the family can have found that. Until then no block can be had. */
static const struct dal_instance *_Atomic served;

void dal_headed_serve_(const struct dal_instance *instance)
{
    atomic_store_explicit(&served, instance, memory_order_release);
}

static const struct dal_instance *allocator(void)
{
    return atomic_load_explicit(&served, memory_order_acquire);
}

/* ---- Headers ------------------------------------------------------------------------------- */

/* In front of every block. The whole that was allocated begins `align` bytes before the block,
 * which keeps both aligned, and has this alignment. The tag is the base 2 logarithm of that over
 * what its address and size make, so that what is no header, or one that was written over, is
 * told. */
struct header {
    size_t size;
    size_t tag;
};

_Static_assert(sizeof(struct header) <= 16, "the header fits before a block of alignment 16");

#define LOG2_BITS 6
#define GONE      (((size_t)1 << LOG2_BITS) - 1) /* in the place of a logarithm */

static struct header *header_of(void *ptr)
{
    return (struct header *)((char *)ptr - sizeof(struct header));
}

static size_t tag_of(const void *ptr, size_t size, size_t log2)
{
    size_t mixed = ((size_t)(uintptr_t)ptr ^ size * 31) * (size_t)UINT64_C(0x9e3779b97f4a7c15);

    return mixed << LOG2_BITS ^ log2;
}

/* The logarithm, or GONE, or more than that for what is no header. */
static size_t log2_of(void *ptr)
{
    return header_of(ptr)->tag ^ tag_of(ptr, header_of(ptr)->size, 0);
}

/* Whether a pointer may be given to a call; else it was said, and nothing is done with it. */
static int is_block(const char *call, void *ptr)
{
    size_t log2 = log2_of(ptr);

    if (log2 >= 4 && log2 < sizeof(size_t) * 8 - 1)
        return 1;
    dal_log_(log2 == GONE
                 ? "%s of %p, which was given back before: nothing is done"
                 : "%s of %p, which is no block, was given back before, or was written over "
                   "in front of it: nothing is done",
             call, ptr);
    return 0;
}

static void *place(char *whole, size_t size, size_t align)
{
    if (!whole)
        return dal_malloc_fail_(ENOMEM);
    *header_of(whole + align) =
        (struct header){size, tag_of(whole + align, size, (size_t)__builtin_ctzll(align))};
    return whole + align;
}

static int whole_size(size_t size, size_t align, size_t *whole)
{
    return !__builtin_add_overflow(size, align, whole) &&
           dal_malloc_layout_is_valid_(*whole, align);
}

/* ---- The family ---------------------------------------------------------------------------- */

static void *headed_memalign(size_t align, size_t size)
{
    size_t whole;

    if (align < 16)
        align = 16;
    if (!allocator() || !whole_size(size, align, &whole))
        return dal_malloc_fail_(ENOMEM);
    return place(dal_instance_alloc(allocator(), whole, align), size, align);
}

static void *headed_malloc(size_t size)
{
    return headed_memalign(16, size);
}

static void headed_free(void *ptr)
{
    int saved_errno = errno;

    if (ptr && is_block("free()", ptr)) {
        size_t align = (size_t)1 << log2_of(ptr);

        header_of(ptr)->tag = tag_of(ptr, header_of(ptr)->size, GONE);
        dal_instance_dealloc(allocator(), (char *)ptr - align, header_of(ptr)->size + align, align);
    }
    errno = saved_errno;
}

static void *headed_calloc(size_t count, size_t size)
{
    size_t bytes, whole;

    if (!allocator() || !dal_malloc_product_(count, size, &bytes) || !whole_size(bytes, 16, &whole))
        return dal_malloc_fail_(ENOMEM);
    return place(dal_instance_alloc_zeroed(allocator(), whole, 16), bytes, 16);
}

static void *headed_realloc(void *ptr, size_t size)
{
    size_t align, whole, log2;
    char *moved;

    if (!ptr)
        return headed_malloc(size);
    if (size == 0) {
        headed_free(ptr);
        return NULL;
    }
    if (!is_block("realloc()", ptr))
        return dal_malloc_fail_(EINVAL);
    log2 = log2_of(ptr);
    align = (size_t)1 << log2;
    if (!whole_size(size, align, &whole))
        return dal_malloc_fail_(ENOMEM);
    /* The header moves with the block, since it is part of what is copied; what is left behind is
     * none any more. */
    header_of(ptr)->tag = tag_of(ptr, header_of(ptr)->size, GONE);
    moved = dal_instance_realloc(allocator(), (char *)ptr - align, header_of(ptr)->size + align,
                                 align, whole);
    if (!moved)
        header_of(ptr)->tag = tag_of(ptr, header_of(ptr)->size, log2);
    return place(moved, size, align);
}

static size_t headed_usable_size(void *ptr)
{
    return ptr && is_block("malloc_usable_size()", ptr) ? header_of(ptr)->size : 0;
}

const struct dal_malloc_family dal_headed_family_ = DAL_FAMILY_OF_(headed);
