/* SPDX-License-Identifier: MIT */
/* The child that watches: see child.h. */
#include "child.h"
#include "report.h"
#include "system.h"

#include <stdio.h>
#include <string.h>

/* What stands in front of a block is to be no size that glibc's free() would believe: one of pages
 * that it does not find at the start of a page. */
enum { AROUND = 0xb2, FRESH = 0xa5 };

/* Filling more than that would take the cases long, and shows no more. */
#define FRESH_BYTES ((size_t)256 << 10)

/* No program has anything below that, and no slab is as large. */
#define NEAR_NULL ((uintptr_t)4 << 20)

/* Addresses of blocks that were given back are kept from use up to that. */
#define KEPT_BYTES ((size_t)1 << (sizeof(size_t) > 4 ? 34 : 28))

static unsigned char *page_of(const unsigned char *ptr)
{
    return (unsigned char *)((uintptr_t)ptr & ~(uintptr_t)(kit_page_bytes() - 1));
}

/* The pages that can be touched: from the one where the block begins to before this one. */
static unsigned char *pages_end(const struct kit_child_block *block)
{
    return page_of(block->ptr + block->size + kit_page_bytes() - 1);
}

/* ---- Finding blocks --------------------------------------------------------------------- */

/* The place of a block that begins at ptr, or the free place where it would be. */
static struct kit_child_block *place_of(struct kit_child *child, const void *ptr)
{
    size_t at = (size_t)(((uint64_t)(uintptr_t)ptr * UINT64_C(0x9e3779b97f4a7c15)) >> 40);

    while (child->blocks[at % KIT_CHILD_BLOCKS].ptr &&
           child->blocks[at % KIT_CHILD_BLOCKS].ptr != ptr)
        at++;
    return &child->blocks[at % KIT_CHILD_BLOCKS];
}

/* The block in whose pages an address is, guard pages included: a live one if there is one. */
static const struct kit_child_block *block_around(const struct kit_child *child, uintptr_t address)
{
    const struct kit_child_block *found = NULL;

    for (size_t i = 0; i < KIT_CHILD_BLOCKS; i++) {
        const struct kit_child_block *block = &child->blocks[i];

        if (block->map && address - (uintptr_t)block->map < block->map_bytes &&
            (!found || block->is_live))
            found = block;
    }
    return found;
}

static void block_describe(const struct kit_child_block *block, char *text, size_t bytes)
{
    char taken[160];

    kit_note_describe(&block->taken, taken, sizeof taken);
    snprintf(text, bytes, "a block of its child (size %zu, align %zu, taken in %s)", block->size,
             block->align, taken);
}

/* ---- What is wrong ---------------------------------------------------------------------- */

static const char past_end[] = "the last cell, or a size that was rounded up, reaches past the end "
                               "of the block that the child gave";
static const char before_start[] =
    "a header is written or looked for in front of a block of the child, "
    "as free() does, or a cell is placed below its start";
static const char past_end_or_copy[] =
    "realloc, grow or shrink copies more than the smaller of both sizes; or the last cell, or a "
    "size that was rounded up, reaches past the end of the block that the child gave";

const char kit_likely_state[] =
    "a request that the child refused leaves a state that is wrong: a count, or a list";

/* How far in front of a block a header is, at the most. Who copies too much from another block may
 * touch the pages of this one first, as memcpy() begins where it likes. */
enum { HEADER_BYTES_MAX = 4096 };

static bool may_copy(enum kit_call call)
{
    return call >= KIT_REALLOC && call <= KIT_SHRINK;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static _Noreturn void fail_touched(const struct kit_child *child,
                                   const struct kit_child_block *block, uintptr_t address,
                                   const char *how, bool was_copy)
{
    uintptr_t start = (uintptr_t)block->ptr;
    bool is_before = address < start;
    size_t distance = is_before ? start - address : address - start - block->size;
    char text[256];

    block_describe(block, text, sizeof text);
    if (!block->is_live) {
        if (!child->kit->report->likely)
            kit_suspect(child->kit, "a block is used after it was given back to the child");
        kit_fail(child->kit, "blocks left alone once they are the child's again",
                 "%s byte %zd of %s, after it was given back", how, (ssize_t)(address - start),
                 text);
    }
    kit_suspect(child->kit, is_before && (!was_copy || distance <= HEADER_BYTES_MAX) ? before_start
                            : was_copy ? past_end_or_copy
                                       : past_end);
    kit_fail(child->kit, "the bytes around a block of its child left alone",
             "%s memory %zu byte%s %s %s", how, distance, plural(distance),
             is_before ? "before the start of" : "past the end of", text);
}

void kit_child_explain_fault(struct kit_child *child, uintptr_t address)
{
    const struct kit_child_block *block = block_around(child, address);

    if (block)
        fail_touched(child, block, address, "touched", may_copy(child->kit->note->call));
    if (address >= NEAR_NULL || child->refusals == 0)
        return;
    kit_suspect(child->kit, child->kit->note->has_refused ? "the child's NULL is taken for a block"
                                                          : kit_likely_state);
    kit_fail(child->kit, "NULL from its child understood",
             "SIGSEGV at address %#zx, after its child refused request number %zu%s",
             (size_t)address, child->kit->refuse_first,
             child->kit->note->has_refused ? "" : " of an earlier call");
}

static void check_pattern(const struct kit_child *child, const struct kit_child_block *block,
                          const unsigned char *from, const unsigned char *to)
{
    for (; from < to; from++) {
        if (*from != AROUND)
            fail_touched(child, block, (uintptr_t)from, "overwritten", child->has_copied);
    }
}

static void check_around(const struct kit_child *child, const struct kit_child_block *block)
{
    if (block->size == 0)
        return;
    check_pattern(child, block, page_of(block->ptr), block->ptr);
    check_pattern(child, block, block->ptr + block->size, pages_end(block));
}

static _Noreturn void fail_pointer(const struct kit_child *child, const void *ptr)
{
    const struct kit_child_block *block = block_around(child, (uintptr_t)ptr);
    const char *expected = "pointers that its child gave";
    char text[256];

    if (!block) {
        kit_suspect(child->kit, "memory that came from elsewhere, such as from malloc(), is given "
                                "to the child, or the pointer was overwritten");
        kit_fail(child->kit, expected, "%p, which its child never gave", ptr);
    }
    block_describe(block, text, sizeof text);
    kit_suspect(child->kit, "a cell, or what stands behind a header, is given back instead of the "
                            "block");
    kit_fail(child->kit, expected, "%p, %zd bytes from the start of %s", ptr,
             (ssize_t)((uintptr_t)ptr - (uintptr_t)block->ptr), text);
}

static _Noreturn void fail_layout(const struct kit_child *child,
                                  const struct kit_child_block *block, size_t size, size_t align)
{
    char text[256];

    block_describe(block, text, sizeof text);
    kit_suspect(child->kit, size == block->size
                                ? "another alignment is given back than was taken"
                                : "another size is given back than was taken: the one that a "
                                  "caller gave, or that of a cell, or one rounded another way");
    kit_fail(child->kit, "each block back with the size and alignment it was taken with",
             "size %zu, align %zu for %s", size, align, text);
}

/* The live block at ptr, which is given back or resized with that layout. */
static struct kit_child_block *check_given(struct kit_child *child, void *ptr, size_t size,
                                           size_t align)
{
    struct kit_child_block *block = place_of(child, ptr);
    char text[256];

    if (!block->ptr)
        fail_pointer(child, ptr);
    if (!block->is_live) {
        block_describe(block, text, sizeof text);
        kit_suspect(child->kit, "a block is given back twice, such as by dealloc() and again by "
                                "destroy()");
        kit_fail(child->kit, "each block of its child given back once", "%s, once more", text);
    }
    if (block->size != size || block->align != align)
        fail_layout(child, block, size, align);
    check_around(child, block);
    return block;
}

static void check_layout(const struct kit_child *child, size_t size, size_t align)
{
    struct dal_layout layout;

    if (dal_layout_make(size, align, &layout) == 0)
        return;
    kit_suspect(child->kit,
                "what is added to a size, or rounded up, is not looked at for overflow, "
                "or size and alignment are swapped");
    kit_fail(child->kit, "valid layouts asked of its child", "size %zu, align %zu", size, align);
}

/* ---- Blocks ----------------------------------------------------------------------------- */

static bool map_block(struct kit_child_block *block, size_t size, size_t align, bool is_exact)
{
    size_t page = kit_page_bytes();
    size_t most = align > page ? align : page;
    size_t bytes;
    unsigned char *map, *end;

    if (size > (size_t)PTRDIFF_MAX / 2 || most > (size_t)PTRDIFF_MAX / 16)
        return false;
    bytes = (size + page - 1) / page * page + 2 * most + 2 * page;
    map = kit_reserve(bytes);
    if (!map)
        return false;
    end = map + bytes - page;
    block->ptr = end - size - ((uintptr_t)(end - size) & (align - 1));
    if (is_exact && ((uintptr_t)block->ptr & align) == 0)
        block->ptr -= align;
    block->size = size;
    block->align = align;
    block->map = map;
    block->map_bytes = bytes;
    if (kit_open_pages(page_of(block->ptr), (size_t)(pages_end(block) - page_of(block->ptr))))
        return true;
    kit_unmap(map, bytes);
    return false;
}

static void fill_block(const struct kit_child_block *block, bool is_zeroed)
{
    unsigned char *start = page_of(block->ptr);
    unsigned char *end = block->ptr + block->size;

    if (block->size == 0)
        return;
    memset(start, AROUND, (size_t)(block->ptr - start));
    memset(end, AROUND, (size_t)(pages_end(block) - end));
    if (!is_zeroed)
        memset(block->ptr, FRESH, block->size < FRESH_BYTES ? block->size : FRESH_BYTES);
}

/* Whether this request is one of those that are to be refused. */
static bool refuses(struct kit_child *child)
{
    size_t number = ++child->requests;

    if (number < child->kit->refuse_first || number > child->kit->refuse_last)
        return false;
    child->refusals++;
    child->refused_call = child->calls;
    child->kit->note->has_refused = true;
    kit_suspect_hang(child->kit, "NULL is returned with the lock held, or the child is asked for "
                                 "ever, when it has no memory");
    return true;
}

static void *take(struct kit_child *child, size_t size, size_t align, bool is_zeroed)
{
    struct kit_child_block made = {
        .is_live = true,
        .call = child->calls,
        .taken = *child->kit->note,
    };
    struct kit_child_block *place;

    check_layout(child, size, align);
    if (refuses(child))
        return NULL;
    if (child->block_count == KIT_CHILD_BLOCKS / 4 * 3 ||
        !map_block(&made, size, align, child->requests & 1)) {
        child->kit->note->has_refused = true;
        return NULL;
    }
    fill_block(&made, is_zeroed);
    place = place_of(child, made.ptr);
    child->block_count += !place->ptr;
    *place = made;
    child->live_blocks++;
    child->live_bytes += size;
    return made.ptr;
}

/* Its pages go, their addresses stay taken, as long as there are not too many. */
static void give(struct kit_child *child, struct kit_child_block *block)
{
    block->is_live = false;
    child->live_blocks--;
    child->live_bytes -= block->size;
    child->kept_bytes += block->map_bytes;
    if (child->kept_bytes <= KEPT_BYTES && kit_close_pages(block->map, block->map_bytes))
        return;
    child->kept_bytes -= block->map_bytes;
    kit_unmap(block->map, block->map_bytes);
    block->map = NULL;
}

/* ---- Slots ------------------------------------------------------------------------------ */

static void *locked_take(struct kit_child *child, size_t size, size_t align, bool is_zeroed)
{
    void *ptr;

    pthread_mutex_lock(&child->lock);
    ptr = take(child, size, align, is_zeroed);
    pthread_mutex_unlock(&child->lock);
    return ptr;
}

static void *child_alloc(size_t size, size_t align, void *ctx)
{
    return locked_take(ctx, size, align, false);
}

static void *child_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    return locked_take(ctx, size, align, true);
}

static void child_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    struct kit_child *child = ctx;

    if (!ptr)
        return;
    pthread_mutex_lock(&child->lock);
    give(child, check_given(child, ptr, size, align));
    pthread_mutex_unlock(&child->lock);
}

/* For layers that pass this on, as over `system`, which has it too. */
static void child_dealloc_unsized(void *ptr, void *ctx)
{
    struct kit_child *child = ctx;
    const struct kit_child_block *block;

    if (!ptr)
        return;
    pthread_mutex_lock(&child->lock);
    block = place_of(child, ptr);
    give(child, check_given(child, ptr, block->size, block->align));
    pthread_mutex_unlock(&child->lock);
}

static size_t child_usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    struct kit_child *child = ctx;
    const struct kit_child_block *block;

    (void)align;
    pthread_mutex_lock(&child->lock);
    block = place_of(child, ptr);
    if (block->is_live)
        size = block->size;
    pthread_mutex_unlock(&child->lock);
    return size;
}

/* Always to another place, so that the old pointer shows where it is used on. */
static void *child_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    struct kit_child *child = ctx;
    struct kit_child_block *block = NULL;
    void *moved;

    pthread_mutex_lock(&child->lock);
    if (ptr)
        block = check_given(child, ptr, old_size, align);
    moved = take(child, new_size, align, false);
    if (moved && block) {
        memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        give(child, block);
    }
    pthread_mutex_unlock(&child->lock);
    return moved;
}

struct dal_allocator kit_child_allocator(struct kit_child *child)
{
    return (struct dal_allocator){
        DAL_ALLOCATOR_HEADER(child),      .alloc = child_alloc,
        .dealloc = child_dealloc,         .alloc_zeroed = child_alloc_zeroed,
        .realloc = child_realloc,         .dealloc_unsized = child_dealloc_unsized,
        .usable_size = child_usable_size,
    };
}

/* ---- Its life --------------------------------------------------------------------------- */

struct kit_child *kit_child_open(struct kit *kit)
{
    struct kit_child *child = kit_memory(kit, sizeof *child);
    struct dal_allocator allocator = kit_child_allocator(child);

    child->kit = kit;
    pthread_mutex_init(&child->lock, NULL);
    if (dal_instance_init(&child->storage, &allocator, "kit-child") != 0)
        kit_skip(kit, "the kit's own child could not be made");
    return child;
}

void kit_child_is_asked(struct kit_child *child, enum kit_call call)
{
    child->calls++;
    child->has_copied |= may_copy(call);
}

static _Noreturn void fail_live(const struct kit_child *child, const struct kit_child_block *block,
                                const char *likely)
{
    char text[256];

    block_describe(block, text, sizeof text);
    kit_suspect(child->kit, likely);
    kit_fail(child->kit, "all that was taken of its child given back",
             "%zu block%s of its child not given back, %zu byte%s, among them %s",
             child->live_blocks, plural(child->live_blocks), child->live_bytes,
             plural(child->live_bytes), text);
}

void kit_child_close(struct kit_child *child, const char *likely)
{
    const struct kit_child_block *live = NULL;

    for (size_t i = 0; i < KIT_CHILD_BLOCKS; i++) {
        if (!child->blocks[i].is_live)
            continue;
        check_around(child, &child->blocks[i]);
        if (!live || child->blocks[i].call == child->refused_call)
            live = &child->blocks[i];
    }
    if (live)
        fail_live(child, live,
                  child->kit->refuse_first == 0 || live->call == child->refused_call ? likely
                                                                                     : NULL);
    for (size_t i = 0; i < KIT_CHILD_BLOCKS; i++) {
        if (child->blocks[i].map)
            kit_unmap(child->blocks[i].map, child->blocks[i].map_bytes);
    }
    kit_unmap(child, sizeof *child);
}
