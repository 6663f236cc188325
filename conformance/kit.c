/* SPDX-License-Identifier: MIT */
/* The calls of the cases, with what every answer has to satisfy: see kit.h. */
#include "child.h"
#include "kit.h"
#include "report.h"
#include "system.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- Instances -------------------------------------------------------------------------- */

size_t kit_cost(size_t size, size_t align)
{
    size_t cost;

    if (size > SIZE_MAX / 4 || align > SIZE_MAX / 4)
        return SIZE_MAX;
    cost = (size + 15) / 16 * 16 + 32;
    return align > 16 ? cost + align : cost;
}

static void spend(struct kit *kit, size_t size, size_t align)
{
    size_t cost = kit_cost(size, align);

    kit->spent_bytes = cost > SIZE_MAX - kit->spent_bytes ? SIZE_MAX : kit->spent_bytes + cost;
}

void kit_drop(struct kit *kit)
{
    kit_asks(kit, KIT_DESTROY, 0, 0, 0, 0);
    if (kit->item)
        dal_instance_destroy(kit->instance);
    else if (kit->instance && kit->subject->destroy)
        kit->subject->destroy(kit->subject, kit->instance);
    kit->instance = NULL;
    kit->spent_bytes = 0;
    if (kit->child)
        kit_child_close(kit->child, kit->likely_leak);
    kit->child = NULL;
}

int kit_try_renew(struct kit *kit, char *message, size_t message_bytes)
{
    kit_drop(kit);
    if (kit->item)
        kit->child = kit_child_open(kit);
    kit_asks(kit, KIT_CREATE, 0, 0, 0, 0);
    return kit->item ? kit_item_create(kit, message, message_bytes)
                     : kit->subject->create(kit->subject, &kit->instance, message, message_bytes);
}

void kit_renew(struct kit *kit)
{
    char message[256] = "";
    int error = kit_try_renew(kit, message, sizeof message);

    if (error)
        kit_fail(kit, "an instance, as at the start", "%s: %s", dal_strerror(error), message);
}

bool kit_want(struct kit *kit, size_t cost_bytes)
{
    if (cost_bytes > kit->budget_bytes)
        return false;
    if (kit->spent_bytes > kit->budget_bytes - cost_bytes)
        kit_renew(kit);
    return true;
}

void *kit_memory(const struct kit *kit, size_t bytes)
{
    void *memory = kit_map(bytes);

    if (!memory)
        kit_skip(kit, "no memory for the kit itself");
    return memory;
}

/* ---- What every answer has to satisfy ----------------------------------------------------- */

/* A request of size 0 is one like any other. */
static const char *likely_null(const struct kit_note *note)
{
    bool resizes = note->call >= KIT_REALLOC && note->call <= KIT_SHRINK;

    return (resizes ? note->new_size : note->size) == 0
               ? "size 0 is taken for no request, or for free(): it is to be served as size 1 is"
               : "a count or a limit of its own is wrong, so that it takes itself for full; or one "
                 "way to memory fails and no other is tried";
}

/* NULL was the answer. Ends the case if this layout had to be served. */
static void check_null(const struct kit *kit, size_t align)
{
    if (kit->null_is_fine || align > KIT_ALIGN_REQUIRED || kit->spent_bytes > kit->budget_bytes)
        return;
    if (kit->note->has_refused)
        return;
    if (kit->child && kit->child->refusals > 0)
        kit_suspect(kit, kit_likely_state);
    kit_suspect_first(kit, likely_null(kit->note));
    kit_fail(kit, "a block", "NULL, when %zu bytes at most of this instance were in use%s",
             kit->spent_bytes, kit->profile->limited ? ", a quarter of its capacity or less" : "");
}

/* Who frees a block twice is given one where another begins, too. */
static const char *likely_misaligned(enum kit_call call)
{
    switch (call) {
    case KIT_ALLOC_ZEROED:
        return "alloc_zeroed() does not look at the alignment, or not with this size, as calloc() "
               "does not; or, if smaller blocks are aligned, one was given back twice";
    case KIT_REALLOC:
    case KIT_REALLOC_NULL:
    case KIT_GROW:
    case KIT_GROW_ZEROED:
    case KIT_SHRINK:
        return "the new block is not taken with the alignment asked for, as by C's realloc(); or, if "
               "smaller ones are aligned, a block was given back twice";
    default:
        return "alloc() does not look at the alignment, or not with this size, as malloc() does not; "
               "or, if smaller blocks are aligned, one was given back twice";
    }
}

static void check_aligned(const struct kit *kit, const void *ptr, size_t align)
{
    uintptr_t address = (uintptr_t)ptr;

    if ((address & (align - 1)) == 0)
        return;
    kit_suspect_first(kit, likely_misaligned(kit->note->call));
    kit_fail(kit, "a pointer with the alignment asked for", "%p, aligned to %" PRIuPTR, ptr,
             address & (0 - address));
}

static bool check_answer(const struct kit *kit, const void *ptr, size_t align)
{
    if (!ptr) {
        check_null(kit, align);
        return false;
    }
    check_aligned(kit, ptr, align);
    return true;
}

static void check_contents(const struct kit *kit, const unsigned char *ptr, size_t bytes,
                           uint64_t seed, const char *expected)
{
    size_t match = kit_match(ptr, bytes, seed);

    if (match != bytes)
        kit_fail(kit, expected, "byte %zu of %zu is 0x%02x, not what was written there", match,
                 bytes, ptr[match]);
}

static void check_zero(const struct kit *kit, const unsigned char *ptr, size_t from, size_t to)
{
    size_t match = from + kit_match_zero(ptr + from, to - from);

    if (match == to)
        return;
    kit_suspect_first(kit, kit->note->call == KIT_GROW_ZEROED
                               ? "grow_zeroed() does not clear what is new, or clears from another "
                                 "byte than the old size on"
                               : "alloc_zeroed() does not clear memory that was used before, or "
                                 "clears less than the size asked for");
    kit_fail(kit, "zero bytes", "byte %zu of %zu is 0x%02x", match, to, ptr[match]);
}

void kit_check(const struct kit *kit, const struct kit_block *block)
{
    if (!block->ptr)
        return;
    kit_asks(kit, KIT_HOLD, block->size, block->align, 0, 0);
    if (kit_match(block->ptr, block->size, block->seed) != block->size)
        kit_suspect_first(kit, "another block or a header of the allocator's was written past its "
                               "end into this one, or the same bytes are given out twice");
    check_contents(kit, block->ptr, block->size, block->seed, "what was written to it");
}

void kit_check_all(const struct kit *kit, const struct kit_block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        kit_check(kit, &blocks[i]);
}

static int compare_blocks(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t)((const struct kit_block *)left)->ptr;
    uintptr_t b = (uintptr_t)((const struct kit_block *)right)->ptr;

    return a < b ? -1 : a > b;
}

void kit_check_apart(const struct kit *kit, struct kit_block *blocks, size_t count)
{
    const struct kit_block *last = NULL;

    qsort(blocks, count, sizeof *blocks, compare_blocks);
    for (size_t i = 0; i < count; i++) {
        if (!blocks[i].ptr || blocks[i].size == 0)
            continue;
        kit_asks(kit, KIT_HOLD, blocks[i].size, blocks[i].align, 0, 0);
        if (last && last->size > (size_t)(blocks[i].ptr - last->ptr))
            kit_fail(kit, "no byte shared with another live block",
                     "%p, and a block of size %zu at %p", (void *)blocks[i].ptr, last->size,
                     (void *)last->ptr);
        last = &blocks[i];
    }
}

/* ---- Calls --------------------------------------------------------------------------------- */

void kit_fill(struct kit *kit, struct kit_block *block)
{
    block->seed = ((uint64_t)kit_random(kit, SIZE_MAX) << 8) | 1;
    kit_write(block->ptr, block->size, block->seed);
}

static bool take_block(struct kit *kit, struct kit_block *block, void *ptr, size_t size,
                       size_t align)
{
    *block = (struct kit_block){.size = size, .align = align};
    if (!check_answer(kit, ptr, align))
        return false;
    block->ptr = ptr;
    return true;
}

/* Every other natural layout by the slot for those, if it is another: it has to serve the
 * same blocks. */
static const struct dal_alloc_slot *alloc_slot(const struct kit *kit, size_t size, size_t align)
{
    const struct dal_instance *a = kit->instance;
    bool is_natural = align <= DAL_MIN_ALIGN && align <= size;

    return is_natural && a->alloc_natural.call != a->alloc.call && (kit->random & 1)
               ? &a->alloc_natural
               : &a->alloc;
}

bool kit_alloc(struct kit *kit, struct kit_block *block, size_t size, size_t align)
{
    const struct dal_alloc_slot *slot = alloc_slot(kit, size, align);

    spend(kit, size, align);
    kit_asks(kit, slot == &kit->instance->alloc ? KIT_ALLOC : KIT_ALLOC_NATURAL, size, align, 0, 0);
    if (!take_block(kit, block, slot->call(size, align, slot->ctx), size, align))
        return false;
    kit_fill(kit, block);
    return true;
}

bool kit_alloc_zeroed(struct kit *kit, struct kit_block *block, size_t size, size_t align)
{
    const struct dal_instance *a = kit->instance;

    spend(kit, size, align);
    kit_asks(kit, KIT_ALLOC_ZEROED, size, align, 0, 0);
    if (!take_block(kit, block, a->alloc_zeroed.call(size, align, a->alloc_zeroed.ctx), size,
                    align))
        return false;
    check_zero(kit, block->ptr, 0, size);
    kit_fill(kit, block);
    return true;
}

void kit_free_dirty(struct kit *kit, struct kit_block *block)
{
    const struct dal_instance *a = kit->instance;

    if (!block->ptr)
        return;
    kit_asks(kit, KIT_DEALLOC, block->size, block->align, 0, 0);
    a->dealloc.call(block->ptr, block->size, block->align, a->dealloc.ctx);
    block->ptr = NULL;
}

void kit_free(struct kit *kit, struct kit_block *block)
{
    kit_check(kit, block);
    kit_free_dirty(kit, block);
}

void kit_free_all(struct kit *kit, struct kit_block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        kit_free(kit, &blocks[i]);
}

/* A resizing call answered NULL. */
static void check_kept(const struct kit *kit, const struct kit_block *block)
{
    bool may_fault = kit->child != NULL; /* at the look, and has one thread */

    if (!block->ptr)
        return;
    if (!kit->report->likely &&
        (may_fault || kit_match(block->ptr, block->size, block->seed) != block->size))
        kit_suspect(kit, "the old block is given back, or changed, though there is no new one");
    check_contents(kit, block->ptr, block->size, block->seed, "NULL leaves the block as it was");
    if (may_fault)
        kit_suspect(kit, NULL);
}

/* A resizing call answered ptr. Checks what is promised of it, and refills the block. */
static bool take_resized(struct kit *kit, struct kit_block *block, void *ptr, size_t new_size,
                         size_t new_align, bool zeroed)
{
    size_t kept = block->size < new_size ? block->size : new_size;

    if (!check_answer(kit, ptr, new_align)) {
        check_kept(kit, block);
        return false;
    }
    check_contents(kit, ptr, kept, block->seed, "the bytes that both sizes have in common");
    if (zeroed)
        check_zero(kit, ptr, block->size, new_size);
    block->ptr = ptr;
    block->size = new_size;
    block->align = new_align;
    kit_fill(kit, block);
    return true;
}

bool kit_realloc(struct kit *kit, struct kit_block *block, size_t new_size)
{
    const struct dal_instance *a = kit->instance;
    void *ptr;

    spend(kit, new_size, block->align);
    kit_asks(kit, block->ptr ? KIT_REALLOC : KIT_REALLOC_NULL, block->size, block->align, new_size,
             block->align);
    ptr = a->realloc.call(block->ptr, block->size, block->align, new_size, a->realloc.ctx);
    return take_resized(kit, block, ptr, new_size, block->align, false);
}

/* dal_instance_grow() and its like. */
typedef void *relayout_call(const struct dal_instance *instance, void *ptr, size_t old_size,
                            size_t old_align, size_t new_size, size_t new_align);

static bool relayout(struct kit *kit, struct kit_block *block, enum kit_call call,
                     relayout_call *make, size_t new_size, size_t new_align)
{
    void *ptr;

    spend(kit, new_size, new_align);
    kit_asks(kit, call, block->size, block->align, new_size, new_align);
    ptr = make(kit->instance, block->ptr, block->size, block->align, new_size, new_align);
    return take_resized(kit, block, ptr, new_size, new_align, call == KIT_GROW_ZEROED);
}

bool kit_grow(struct kit *kit, struct kit_block *block, size_t new_size, size_t new_align)
{
    return relayout(kit, block, KIT_GROW, dal_instance_grow, new_size, new_align);
}

bool kit_grow_zeroed(struct kit *kit, struct kit_block *block, size_t new_size, size_t new_align)
{
    return relayout(kit, block, KIT_GROW_ZEROED, dal_instance_grow_zeroed, new_size, new_align);
}

bool kit_shrink(struct kit *kit, struct kit_block *block, size_t new_size, size_t new_align)
{
    return relayout(kit, block, KIT_SHRINK, dal_instance_shrink, new_size, new_align);
}

bool kit_resize_in_place(struct kit *kit, struct kit_block *block, size_t new_size)
{
    size_t kept = block->size < new_size ? block->size : new_size;
    int answer;

    spend(kit, new_size, block->align);
    kit_asks(kit, KIT_RESIZE_IN_PLACE, block->size, block->align, new_size, 0);
    answer = dal_instance_resize_in_place(kit->instance, block->ptr, block->size, block->align,
                                          new_size);
    if (answer == DAL_ERR_UNSUPPORTED) {
        check_contents(kit, block->ptr, block->size, block->seed,
                       "a refusal leaves the block as it was");
        return false;
    }
    if (answer != 0)
        kit_fail(kit, "0, or DAL_ERR_UNSUPPORTED", "%d", answer);
    check_contents(kit, block->ptr, kept, block->seed, "the bytes that both sizes have in common");
    block->size = new_size;
    kit_fill(kit, block);
    return true;
}

size_t kit_usable_size(struct kit *kit, const struct kit_block *block)
{
    size_t usable;

    kit_asks(kit, KIT_USABLE_SIZE, block->size, block->align, 0, 0);
    usable = dal_instance_usable_size(kit->instance, block->ptr, block->size, block->align);
    if (usable < block->size)
        kit_fail(kit, "the size of the block at least", "%zu", usable);
    return usable;
}

void kit_fill_addresses(void)
{
    while (SIZE_MAX <= 0xffffffffu && kit_reserve(KIT_SIZE_IMPOSSIBLE))
        continue;
}

void kit_refuse_alloc(struct kit *kit, size_t size, size_t align, bool zeroed)
{
    const struct dal_instance *a = kit->instance;
    const struct dal_alloc_slot *slot = zeroed ? &a->alloc_zeroed : &a->alloc;
    void *ptr;

    kit_asks(kit, zeroed ? KIT_ALLOC_ZEROED : KIT_ALLOC, size, align, 0, 0);
    ptr = slot->call(size, align, slot->ctx);
    if (!ptr)
        return;
    check_aligned(kit, ptr, align);
    if (size >= KIT_SIZE_IMPOSSIBLE)
        kit_fail(kit, "NULL: no machine has that much memory", "%p", ptr);
    a->dealloc.call(ptr, size, align, a->dealloc.ctx);
}

/* NULL is the only answer, and the block is as it was. */
static void check_refusal(const struct kit *kit, const struct kit_block *block, const void *ptr)
{
    if (ptr)
        kit_fail(kit, "NULL: no machine has that much memory", "%p", ptr);
    check_contents(kit, block->ptr, block->size, block->seed,
                   "a failed call leaves the block as it was");
}

void kit_refuse_realloc(struct kit *kit, struct kit_block *block, size_t new_size)
{
    const struct dal_instance *a = kit->instance;

    kit_asks(kit, KIT_REALLOC, block->size, block->align, new_size, block->align);
    check_refusal(kit, block,
                  a->realloc.call(block->ptr, block->size, block->align, new_size, a->realloc.ctx));
}

void kit_refuse_grow(struct kit *kit, struct kit_block *block, size_t new_size, bool zeroed)
{
    relayout_call *make = zeroed ? dal_instance_grow_zeroed : dal_instance_grow;

    kit_asks(kit, zeroed ? KIT_GROW_ZEROED : KIT_GROW, block->size, block->align, new_size,
             block->align);
    check_refusal(
        kit, block,
        make(kit->instance, block->ptr, block->size, block->align, new_size, block->align));
}
