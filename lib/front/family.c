/* SPDX-License-Identifier: MIT */
/* The malloc family over the allocator behind the hook. See family.h. */
#include <config.h>

#include "front/family.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "choice/hook.h"
#include "front/instance_unsized.h"
#include "chain/slots.h"

int dal_family_product_(size_t count, size_t size, size_t *bytes)
{
    if (!__builtin_mul_overflow(count, size, bytes))
        return 1;
    errno = ENOMEM;
    return 0;
}

int dal_family_posix_memalign_(dal_memalign_function_ memalign, void **out, size_t align,
                               size_t size)
{
    int saved_errno = errno;
    void *ptr;

    if (!dal_family_is_power_of_two_(align) || align % sizeof(void *) != 0)
        return EINVAL;
    ptr = memalign(align, size);
    errno = saved_errno;
    if (!ptr)
        return ENOMEM;
    *out = ptr;
    return 0;
}

void *dal_family_aligned_alloc_(dal_memalign_function_ memalign, size_t align, size_t size)
{
    if (dal_family_is_power_of_two_(align))
        return memalign(align, size);
    errno = EINVAL;
    return NULL;
}

/* ---- An allocator that knows its blocks: instance_unsized.c ------------------------------ */

static void *known_malloc(size_t size)
{
    return dal_known_malloc_(dal_hook_load_(), size);
}

static void known_free(void *ptr)
{
    dal_known_free_(dal_hook_load_(), ptr);
}

static void *known_calloc(size_t count, size_t size)
{
    return dal_known_calloc_(dal_hook_load_(), count, size);
}

static void *known_realloc(void *ptr, size_t size)
{
    return dal_known_realloc_(dal_hook_load_(), ptr, size);
}

static void *known_memalign(size_t align, size_t size)
{
    return dal_known_memalign_(dal_hook_load_(), align, size);
}

static size_t known_usable_size(void *ptr)
{
    return dal_known_usable_size_(dal_hook_load_(), ptr);
}

static const struct dal_malloc_family known_family = {
    DAL_ALLOCATOR_ABI, sizeof(struct dal_malloc_family),
    known_malloc,      known_free,
    known_calloc,      known_realloc,
    known_memalign,    known_usable_size,
};

/* ---- An allocator that does not --------------------------------------------------------- */

/* In front of every block. The whole that was allocated begins `align` bytes before the
 * block, which keeps both aligned, and has this alignment. */
struct header {
    size_t size;
    size_t align;
};

_Static_assert(sizeof(struct header) <= 16, "the header fits before a block of alignment 16");

static struct header *header_of(void *ptr)
{
    return (struct header *)((char *)ptr - sizeof(struct header));
}

static void *place(char *whole, size_t size, size_t align)
{
    if (!whole)
        return dal_family_out_of_memory_();
    *header_of(whole + align) = (struct header){size, align};
    return whole + align;
}

static int whole_size(size_t size, size_t align, size_t *whole)
{
    return !__builtin_add_overflow(size, align, whole) &&
           dal_family_layout_is_valid_(*whole, align);
}

static void *headed_memalign(size_t align, size_t size)
{
    size_t whole;

    if (align < 16)
        align = 16;
    if (!whole_size(size, align, &whole))
        return dal_family_out_of_memory_();
    return place(dal_instance_alloc(dal_hook_load_(), whole, align), size, align);
}

static void *headed_malloc(size_t size)
{
    return headed_memalign(16, size);
}

static void headed_free(void *ptr)
{
    int saved_errno = errno;

    if (ptr) {
        size_t align = header_of(ptr)->align;

        dal_instance_dealloc(dal_hook_load_(), (char *)ptr - align, header_of(ptr)->size + align,
                             align);
    }
    errno = saved_errno;
}

static void *headed_calloc(size_t count, size_t size)
{
    size_t bytes, whole;

    if (!dal_family_product_(count, size, &bytes) || !whole_size(bytes, 16, &whole))
        return dal_family_out_of_memory_();
    return place(dal_instance_alloc_zeroed(dal_hook_load_(), whole, 16), bytes, 16);
}

static void *headed_realloc(void *ptr, size_t size)
{
    size_t align, whole;

    if (!ptr)
        return headed_malloc(size);
    if (size == 0) {
        headed_free(ptr);
        return NULL;
    }
    align = header_of(ptr)->align;
    if (!whole_size(size, align, &whole))
        return dal_family_out_of_memory_();
    /* The header moves with the block, since it is part of what is copied. */
    return place(dal_instance_realloc(dal_hook_load_(), (char *)ptr - align,
                                      header_of(ptr)->size + align, align, whole),
                 size, align);
}

static size_t headed_usable_size(void *ptr)
{
    return ptr ? header_of(ptr)->size : 0;
}

static const struct dal_malloc_family headed_family = {
    DAL_ALLOCATOR_ABI, sizeof(struct dal_malloc_family),
    headed_malloc,     headed_free,
    headed_calloc,     headed_realloc,
    headed_memalign,   headed_usable_size,
};

const struct dal_malloc_family *dal_family_for_(const struct dal_instance *winner)
{
    if (dal_tail_of_(winner)->malloc_family)
        return dal_tail_of_(winner)->malloc_family;
    return dal_is_known_(winner) ? &known_family : &headed_family;
}
