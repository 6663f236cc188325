/* SPDX-License-Identifier: MIT */
/* The malloc family over the allocator behind the hook. See family.h. */
#include <config.h>

#include "front/family.h"

#include "choice/hook.h"
#include "front/instance_unsized.h"
#include "chain/headed.h"
#include "chain/slots.h"

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

const struct dal_malloc_family *dal_family_for_(const struct dal_instance *winner)
{
    const struct dal_malloc_family *own = dal_tail_of_(winner)->malloc_family;

    if (!own && dal_is_known_(winner))
        return &known_family;
    dal_headed_serve_(dal_headed_of_(winner));
    return own ? own : &dal_headed_family_;
}
