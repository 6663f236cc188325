/* SPDX-License-Identifier: MIT */
/* The family of `run --check`. See check.h. */
#include <config.h>

#include "check.h"

#include <stdint.h>

#include "base/malloc_rules.h"
#include "blocks.h"
#include "early.h"
#include "fault.h"

/* Written by the interposer's constructor, while there is one thread. */
static const struct dal_malloc_family *served;

/* The exported functions get here by a jump, so this is the address in the program. Those that
 * are called instead (for an aligned block, and for new) have no site. */
#define SITE __builtin_return_address(0)

/* ---- Giving out --------------------------------------------------------------------------- */

static void *give_out(void *ptr, size_t size, size_t align, enum dal_call_ call, const void *site)
{
    struct dal_block_ block = {
        .address = (uintptr_t)ptr,
        .size = size,
        .align = align,
        .call = call,
        .site = site,
    };
    struct dal_block_ replaced;

    if (!ptr)
        return NULL;
    if (!dal_blocks_add_(&block, &replaced))
        dal_fault_reused_(&(struct dal_fault_){call, ptr, site, SIZE_MAX, 0}, &replaced);
    if (dal_blocks_lost_())
        dal_fault_blind_();
    return ptr;
}

static void *checked_malloc(size_t size)
{
    return give_out(served->malloc_function(size), size, 1, DAL_CALL_MALLOC, SITE);
}

static void *checked_calloc(size_t count, size_t size)
{
    /* No overflow where there is a block. */
    return give_out(served->calloc_function(count, size), count * size, 1, DAL_CALL_CALLOC, SITE);
}

static void *checked_memalign(size_t align, size_t size)
{
    return give_out(served->memalign_function(align, size), size, align, DAL_CALL_MEMALIGN, NULL);
}

static void *checked_new(size_t size)
{
    return give_out(served->malloc_function(size), size, 1, DAL_CALL_NEW, NULL);
}

static void *checked_new_aligned(size_t align, size_t size)
{
    return give_out(served->memalign_function(align, size), size, align, DAL_CALL_NEW_ALIGNED,
                    NULL);
}

/* ---- Taking back -------------------------------------------------------------------------- */

/* Whether a block came from a function that what a call says is for. C++'s are for the blocks of
 * the interposer's own operators: a program's may ask for more than it was asked for. */
static int is_bound_by(const struct dal_block_ *block, enum dal_call_ call)
{
    return (call != DAL_CALL_DELETE && call != DAL_CALL_DELETE_ARRAY) ||
           block->call == DAL_CALL_NEW || block->call == DAL_CALL_NEW_ALIGNED;
}

/* The C++ library's own operators, which serve after a failure, ask for no block of no bytes,
 * and for whole multiples of the alignment. */
static int is_size(const struct dal_block_ *block, size_t size)
{
    return block->size == size || (size == 0 && block->size == 1) ||
           (block->align > 1 && block->size == ((size + block->align - 1) & ~(block->align - 1)));
}

static int is_as_said(const struct dal_block_ *block, const struct dal_fault_ *given)
{
    return !is_bound_by(block, given->call) ||
           ((given->size == SIZE_MAX || is_size(block, given->size)) &&
            (given->align == 0 || given->align == block->align));
}

/* Take a pointer of a call out of the register. Returns 1 if the call is to be carried out. */
static int take(const struct dal_fault_ *given, struct dal_block_ *block)
{
    if (!dal_blocks_take_(given->ptr, given->call, given->site, block)) {
        if (dal_blocks_lost_())
            return 1;
        dal_fault_foreign_(given, block);
        return 0;
    }
    if (!is_as_said(block, given))
        dal_fault_layout_(given, block);
    return 1;
}

static void give_back(void *ptr, const struct dal_fault_ *given)
{
    struct dal_block_ block;

    if (ptr && !dal_early_has_(ptr) && take(given, &block))
        served->free_function(ptr);
}

#define GIVE_BACK(ptr, name, size, align) \
    give_back((ptr), &(struct dal_fault_){DAL_CALL_##name, (ptr), SITE, (size), (align)})

static void checked_free(void *ptr)
{
    GIVE_BACK(ptr, FREE, SIZE_MAX, 0);
}

static void checked_free_sized(void *ptr, size_t size)
{
    GIVE_BACK(ptr, FREE_SIZED, size, 0);
}

static void checked_free_aligned_sized(void *ptr, size_t align, size_t size)
{
    GIVE_BACK(ptr, FREE_ALIGNED_SIZED, size, align);
}

#define DELETE(suffix, name)                                                           \
    static void checked_##suffix(void *ptr)                                            \
    {                                                                                  \
        GIVE_BACK(ptr, name, SIZE_MAX, 0);                                             \
    }                                                                                  \
    static void checked_##suffix##_sized(void *ptr, size_t size)                       \
    {                                                                                  \
        GIVE_BACK(ptr, name, size, 0);                                                 \
    }                                                                                  \
    static void checked_##suffix##_aligned(void *ptr, size_t align)                    \
    {                                                                                  \
        GIVE_BACK(ptr, name, SIZE_MAX, align);                                         \
    }                                                                                  \
    static void checked_##suffix##_sized_aligned(void *ptr, size_t size, size_t align) \
    {                                                                                  \
        GIVE_BACK(ptr, name, size, align);                                             \
    }

DELETE(delete, DELETE)
DELETE(delete_array, DELETE_ARRAY)

static size_t checked_usable_size(void *ptr)
{
    struct dal_block_ block;

    if (!ptr)
        return 0;
    dal_blocks_look_(ptr, &block);
    if (block.state != DAL_BLOCK_LIVE && !dal_blocks_lost_()) {
        dal_fault_foreign_(&(struct dal_fault_){DAL_CALL_USABLE_SIZE, ptr, SITE, SIZE_MAX, 0},
                           &block);
        return 0;
    }
    return served->usable_size_function(ptr);
}

/*
 * The old block is out of the register before the allocator is asked: another thread may get
 * its place at once, and its entry is not to be written over. If the allocator could not, it
 * is put back as it was.
 */
static void *checked_realloc(void *ptr, size_t size)
{
    const struct dal_fault_ given = {DAL_CALL_REALLOC, ptr, SITE, SIZE_MAX, 0};
    struct dal_block_ block;
    void *moved;

    if (ptr && !take(&given, &block))
        return dal_malloc_fail_(EINVAL);
    moved = served->realloc_function(ptr, size);
    if (moved)
        return give_out(moved, size, 1, DAL_CALL_REALLOC, SITE);
    if (ptr && size > 0 && !dal_blocks_lost_())
        (void)dal_blocks_add_(&block, NULL);
    return NULL;
}

const struct dal_check_ *dal_check_start_(const struct dal_malloc_family *family)
{
    static const struct dal_check_ check = {
        .family = DAL_FAMILY_OF_(checked),
        .free_sized = checked_free_sized,
        .free_aligned_sized = checked_free_aligned_sized,
        .new_plain = checked_new,
        .new_aligned = checked_new_aligned,
        .delete_plain = checked_delete,
        .delete_sized = checked_delete_sized,
        .delete_aligned = checked_delete_aligned,
        .delete_sized_aligned = checked_delete_sized_aligned,
        .delete_array = checked_delete_array,
        .delete_array_sized = checked_delete_array_sized,
        .delete_array_aligned = checked_delete_array_aligned,
        .delete_array_sized_aligned = checked_delete_array_sized_aligned,
    };

    served = family;
    dal_fault_start_();
    return &check;
}
