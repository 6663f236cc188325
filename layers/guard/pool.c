/* SPDX-License-Identifier: MIT */
/* The pages of guarded blocks. See guard.h. */
#include <string.h>

#include "guard.h"

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Cells and places first, which are aligned to words of 64 bits. */
static size_t memory_bytes(size_t slot_count, size_t frames)
{
    return slot_count *
           (sizeof(uint64_t) + 2 * frames * sizeof(void *) + sizeof(struct guard_slot));
}

static size_t pages_bytes(size_t slot_count, size_t page_bytes)
{
    return (2 * slot_count + 1) * page_bytes;
}

/* Closed from the start on: a page that nobody has opened is nowhere in memory. */
static void *map_closed(const struct dal_services *services, size_t bytes)
{
    void *pages = services->pages_map(bytes);

    if (pages && services->pages_protect(pages, bytes, DAL_PAGES_NO_ACCESS) != 0) {
        services->pages_unmap(pages, bytes);
        return NULL;
    }
    return pages;
}

static int try_to_open(struct guard_pool *pool, const struct dal_services *services,
                       size_t slot_count)
{
    size_t bytes = pages_bytes(slot_count, pool->page_bytes);
    void *memory = services->pages_map(memory_bytes(slot_count, pool->frames));
    void *pages = memory ? map_closed(services, bytes) : NULL;

    if (!pages) {
        services->pages_unmap(memory, memory_bytes(slot_count, pool->frames));
        return 0;
    }
    pool->memory = memory;
    pool->places = (void *)((char *)memory + slot_count * sizeof(uint64_t));
    pool->slots = (void *)(pool->places + 2 * slot_count * pool->frames);
    pool->slot_count = slot_count;
    pool->start = (uintptr_t)pages;
    pool->bytes = bytes;
    dal_guard_queue_fill_(&pool->queue, memory, slot_count);
    return 1;
}

void dal_guard_pool_open_(struct guard_pool *pool, const struct dal_services *services,
                          size_t slot_count, size_t frames)
{
    pool->frames = frames;
    pool->page_bytes = services->page_bytes();
    while (slot_count > 0 && !try_to_open(pool, services, slot_count))
        slot_count /= 2;
}

void dal_guard_pool_close_(struct guard_pool *pool, const struct dal_services *services)
{
    services->pages_unmap((void *)pool->start, pool->bytes);
    services->pages_unmap(pool->memory, memory_bytes(pool->slot_count, pool->frames));
    pool->bytes = 0;
}

size_t dal_guard_slot_at_(const struct guard_pool *pool, uintptr_t address)
{
    size_t page = (address - pool->start) / pool->page_bytes;

    return page % 2 ? page / 2 : GUARD_SLOTS_MAX;
}

/* ---- Making a block -------------------------------------------------------------------------- */

/* Around the block, so that also what does not reach the next page is found when it ends. */
static void mark(const struct guard_pool *pool, size_t index, int is_zeroed)
{
    const struct guard_slot *slot = &pool->slots[index];
    char *block = (char *)guard_block_of(pool, index);

    memset(block - slot->offset, PATTERN_FRONT, slot->offset);
    memset(block + slot->size, PATTERN_BEHIND, pool->page_bytes - slot->offset - slot->size);
    if (is_zeroed)
        memset(block, 0, slot->size);
}

/* At its end as far as the alignment lets it. One without bytes is in the page, too. */
static size_t offset_of(const struct guard_pool *pool, const struct guard_call *call, int at_start)
{
    size_t size = call->size ? call->size : 1;

    return at_start ? 0 : (pool->page_bytes - size) & ~(call->align - 1);
}

static uint32_t walk(const struct guard_instance *instance, const void *site, const void **places)
{
    return (uint32_t)instance->services->stack_walk(site, places, instance->pool.frames);
}

static int protect(const struct guard_instance *instance, size_t index, uint32_t access)
{
    return instance->services->pages_protect((void *)guard_page_of(&instance->pool, index),
                                             instance->pool.page_bytes, access);
}

void *dal_guard_make_(struct guard_instance *instance, const struct guard_call *call, int at_start)
{
    struct guard_pool *pool = &instance->pool;
    size_t index = pool->bytes ? dal_guard_queue_take_(&pool->queue) : GUARD_SLOTS_MAX;
    struct guard_slot *slot = &pool->slots[index];

    if (index == GUARD_SLOTS_MAX) {
        GUARD_COUNT(instance, no_slot);
        return NULL;
    }
    /* A system has a limit for mappings as well. */
    if (protect(instance, index, DAL_PAGES_READ_WRITE) != 0) {
        dal_guard_queue_put_(&pool->queue, index);
        GUARD_COUNT(instance, refused);
        return NULL;
    }
    slot->size = (uint32_t)call->size;
    slot->offset = (uint32_t)offset_of(pool, call, at_start);
    slot->made_count = walk(instance, call->site, guard_made(pool, index));
    slot->ended_count = 0;
    slot->count++;
    mark(pool, index, call->is_zeroed);
    GUARD_COUNT(instance, guarded);
    GUARD_COUNT(instance, live);
    atomic_store_explicit(&slot->state, GUARD_LIVE, memory_order_release);
    return (void *)guard_block_of(pool, index);
}

/* ---- Blocks that there are ------------------------------------------------------------------- */

/* The slot of the live block that begins at an address of the pool, or GUARD_SLOTS_MAX. */
static size_t find_live(const struct guard_pool *pool, const void *ptr)
{
    size_t index = dal_guard_slot_at_(pool, (uintptr_t)ptr);

    return index < GUARD_SLOTS_MAX &&
                   atomic_load_explicit(&pool->slots[index].state, memory_order_acquire) ==
                       GUARD_LIVE &&
                   guard_block_of(pool, index) == (uintptr_t)ptr
               ? index
               : GUARD_SLOTS_MAX;
}

int dal_guard_is_live_(const struct guard_instance *instance, const void *ptr)
{
    return find_live(&instance->pool, ptr) != GUARD_SLOTS_MAX;
}

size_t dal_guard_size_of_(struct guard_instance *instance, const void *ptr, const char *name,
                          const void *site)
{
    size_t index = find_live(&instance->pool, ptr);

    if (index != GUARD_SLOTS_MAX)
        return instance->pool.slots[index].size;
    dal_guard_fault_pointer_(instance, ptr, name, site);
    return SIZE_MAX;
}

/* ---- Ending one ------------------------------------------------------------------------------ */

/* Of two threads that end the same block one does so. */
static int take_live(struct guard_slot *slot)
{
    uint32_t live = GUARD_LIVE;

    return atomic_compare_exchange_strong_explicit(&slot->state, &live, GUARD_GOING,
                                                   memory_order_acquire, memory_order_relaxed);
}

static void look_around(struct guard_instance *instance, size_t index, const char *name,
                        const void *site)
{
    const struct guard_slot *slot = &instance->pool.slots[index];
    const char *block = (const char *)guard_block_of(&instance->pool, index);
    size_t front = slot->offset, behind = instance->pool.page_bytes - front - slot->size;
    struct pattern_change change = pattern_look(block, -(ptrdiff_t)front, front, PATTERN_FRONT);

    if (change.count)
        dal_guard_fault_change_(instance, index, &change, name, site);
    change = pattern_look(block, (ptrdiff_t)slot->size, behind, PATTERN_BEHIND);
    if (change.count)
        dal_guard_fault_change_(instance, index, &change, name, site);
}

void dal_guard_end_(struct guard_instance *instance, void *ptr, const char *name, const void *site)
{
    struct guard_pool *pool = &instance->pool;
    size_t index = find_live(pool, ptr);
    struct guard_slot *slot = &pool->slots[index];

    if (index == GUARD_SLOTS_MAX || !take_live(slot)) {
        dal_guard_fault_pointer_(instance, ptr, name, site);
        return;
    }
    look_around(instance, index, name, site);
    slot->ended_count = walk(instance, site, guard_ended(pool, index));
    /* (One that cannot be closed is used again all the same.) */
    (void)protect(instance, index, DAL_PAGES_NO_ACCESS);
    atomic_fetch_sub_explicit(&instance->live_count, 1, memory_order_relaxed);
    atomic_store_explicit(&slot->state, GUARD_RELEASED, memory_order_release);
    dal_guard_queue_put_(&pool->queue, index);
}
