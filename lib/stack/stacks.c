/* SPDX-License-Identifier: MIT */
/* See stacks.h. */
#include <config.h>

#include "stack/stacks.h"

#include <errno.h>
#include <stdatomic.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/service.h>

#include "os/frames.h"
#include "os/os.h"
#include "stack/frame_text.h"
#include "stack/stack_table.h"
#include "stack/walk.h"
#include "stack/walk_again.h"

/* Mapped when the first who needs stacks is made, for ever: numbers outlive their layers. */
struct stacks {
    struct dal_stack_table_ *table;
    struct dal_walk_cache_ *cache;
    struct dal_walks_ *walks;
};

/* Release when they are there, acquire when they are read. */
static _Atomic(struct stacks *) stacks;

/* One mapping for all of it; what is not touched is not there. */
static struct stacks *map_stacks(size_t *bytes)
{
    enum { HEAD_BYTES = 64 };
    struct stacks *made;
    char *place;

    *bytes = HEAD_BYTES + dal_walk_cache_bytes_ + dal_walks_bytes_ + dal_stack_table_bytes_;
    made = dal_os_map_(*bytes);
    if (!made)
        return NULL;
    place = (char *)made + HEAD_BYTES;
    made->cache = (struct dal_walk_cache_ *)(void *)place;
    place += dal_walk_cache_bytes_;
    made->walks = (struct dal_walks_ *)(void *)place;
    made->table = (struct dal_stack_table_ *)(void *)(place + dal_walks_bytes_);
    return made;
}

/* The loader binds what is called at the first call, and takes 2 KiB of stack for it. */
static void bind(const void *place)
{
    struct dal_frame_code code;
    char text[16];

    (void)dal_stack_capture_(place, 1);
    (void)dal_frame_code_(place, &code);
    (void)dal_frame_place_text_(0, place, text, sizeof text);
#if DAL_OS_HAS_FRAMES_
    (void)dal_os_program_file_(text, sizeof text);
#endif
}

int dal_stacks_prepare_(void)
{
    struct stacks *there = atomic_load_explicit(&stacks, memory_order_acquire), *made;
    size_t bytes;

    if (!there) {
        made = map_stacks(&bytes);
        if (!made)
            return DAL_ERR_MEMORY;
        if (!atomic_compare_exchange_strong_explicit(&stacks, &there, made, memory_order_acq_rel,
                                                     memory_order_acquire))
            dal_os_unmap_(made, bytes);
        bind(__builtin_return_address(0));
    }
    return dal_walk_can_() ? 0 : DAL_ERR_UNSUPPORTED;
}

/* (Apart, for the places to take room where a walk is made, and not where it was made before.) */
__attribute__((noinline)) static uint32_t walk_and_add(struct stacks *there, struct dal_walk_ *walk,
                                                       const void *from, size_t frames)
{
    const void *places[DAL_STACK_PLACES_MAX];
    size_t count = dal_walk_(walk, from, places, frames);
    uint32_t number = dal_stack_table_add_(there->table, places, count);

    dal_walk_keep_(there->walks, walk, from, frames, number);
    return number;
}

uint32_t dal_stack_capture_(const void *from, unsigned frames)
{
    struct stacks *there = atomic_load_explicit(&stacks, memory_order_acquire);
    int saved_errno = errno;
    struct dal_walk_reads_ reads;
    struct dal_walk_ walk;
    uint32_t number;

    if (!there)
        return 0;
    if (frames > DAL_STACK_PLACES_MAX)
        frames = DAL_STACK_PLACES_MAX;
    if (frames <= 1) {
        number = dal_stack_table_add_(there->table, &from, 1);
    } else {
        dal_walk_begin_(&walk, there->cache, &reads);
        number = dal_walk_again_(there->walks, &walk, from, frames);
        if (!number)
            number = walk_and_add(there, &walk, from, frames);
    }
    errno = saved_errno;
    return number;
}

size_t dal_stack_walk_(const void *from, const void **places, size_t count)
{
    struct stacks *there = atomic_load_explicit(&stacks, memory_order_acquire);
    int saved_errno = errno;
    struct dal_walk_reads_ reads;
    struct dal_walk_ walk;

    if (!there || count == 0)
        return 0;
    dal_walk_begin_(&walk, there->cache, &reads);
    walk.reads = NULL; /* nobody comes by them again */
    count = dal_walk_(&walk, from, places, count);
    errno = saved_errno;
    return count;
}

size_t dal_stack_places_at_(const void *context, const void **places, size_t count)
{
    struct stacks *there = atomic_load_explicit(&stacks, memory_order_acquire);

    return there && count > 0 ? dal_walk_at_(there->cache, context, places, count) : 0;
}

size_t dal_stack_places_(uint32_t stack, const void *const **places)
{
    struct stacks *there = atomic_load_explicit(&stacks, memory_order_acquire);

    return there ? dal_stack_table_get_(there->table, stack, places) : 0;
}
