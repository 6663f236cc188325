/* SPDX-License-Identifier: MIT */
/*
 * Filling instances. A table is complete before anyone sees it and never changes after.
 */
#include <config.h>

#include "chain/instance.h"

#include <string.h>

#include <dispatchalloc/error.h>

#include "base/abi.h"

/* An older structure ends early; it has to reach to the two required functions. */
#define ALLOCATOR_BYTES_MIN (offsetof(struct dal_allocator, dealloc) + sizeof(dal_dealloc_function))

/* The members of struct dal_allocator behind the header are slots, but for the family. */
#define COUNT_SLOT(...) +1
_Static_assert(sizeof(struct dal_allocator) ==
                   offsetof(struct dal_allocator, alloc) +
                       (0 DAL_SLOTS_(COUNT_SLOT, COUNT_SLOT, COUNT_SLOT)) *
                           sizeof(dal_alloc_function) +
                       sizeof(struct dal_malloc_family *) + sizeof(dal_alloc_function),
               "the list of slots has every slot of struct dal_allocator");
#undef COUNT_SLOT

/* Copy an allocator of any version into one of ours. */
static int upgrade(const struct dal_allocator *allocator, struct dal_allocator *ours,
                   struct dal_text_ *why)
{
    int error = dal_abi_check_("struct dal_allocator", allocator->abi, DAL_ALLOCATOR_ABI, why);

    if (error)
        return error;
    return dal_structure_copy_("struct dal_allocator", allocator, allocator->size_bytes,
                               ALLOCATOR_BYTES_MIN, ours, sizeof *ours, why);
}

static uint64_t slots_of(const struct dal_allocator *allocator)
{
    uint64_t slots = 0;

#define ADD_SLOT(slot, bit, ...) slots |= allocator->slot ? (bit) : 0;
#define ADD_SLOT_FORK(slot)      ADD_SLOT(slot, DAL_SLOT_FORK)
    DAL_SLOTS_(ADD_SLOT, ADD_SLOT, ADD_SLOT_FORK)
#undef ADD_SLOT
#undef ADD_SLOT_FORK
    return slots;
}

/* The slots that an author could have filled: those that his structure reaches to. */
static uint64_t slots_within(size_t size_bytes)
{
    uint64_t slots = 0;

#define ADD_SLOT(slot, bit, ...)                                                             \
    slots |= offsetof(struct dal_allocator, slot) + sizeof(dal_alloc_function) <= size_bytes \
                 ? (bit)                                                                     \
                 : 0;
    DAL_SLOTS_(ADD_SLOT, ADD_SLOT, DAL_SKIP_)
#undef ADD_SLOT
    return slots;
}

static const char *slot_name(uint64_t slots)
{
#define NAME_SLOT(slot, bit, ...) \
    if (slots & (bit))            \
        return #slot;
    DAL_SLOTS_(NAME_SLOT, NAME_SLOT, DAL_SKIP_)
#undef NAME_SLOT
    return "nothing";
}

/* What a layer that hooks alloc has to hook: the slots of version 0.1 that make or resize blocks.
 * Later ones are derived from these, also for a layer that is only compiled once more. */
#define SLOTS_REQUIRED                                                           \
    (DAL_SLOT_ALLOC | DAL_SLOT_ALLOC_ZEROED | DAL_SLOT_REALLOC | DAL_SLOT_GROW | \
     DAL_SLOT_GROW_ZEROED | DAL_SLOT_SHRINK | DAL_SLOT_RESIZE_IN_PLACE)

static int check_complete(const struct dal_allocator *ours, uint64_t slots, int is_layer,
                          struct dal_text_ *why)
{
    uint64_t required = DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC;
    uint64_t missing;

    if (is_layer)
        required = slots & DAL_SLOT_ALLOC ? SLOTS_REQUIRED & slots_within(ours->size_bytes) : 0;
    missing = required & ~slots;
    if (missing)
        return dal_fail_(why, DAL_ERR_INCOMPLETE,
                         is_layer ? "it hooks alloc but not %s" : "it has no %s function",
                         slot_name(missing));
    if (ours->alloc_natural && !ours->alloc)
        return dal_fail_(why, DAL_ERR_INCOMPLETE, "it hooks alloc_natural but not alloc");
    return DAL_OK;
}

/* ---- The malloc family ----------------------------------------------------------------------- */

#define FAMILY_BYTES_MIN \
    (offsetof(struct dal_malloc_family, usable_size_function) + sizeof(void (*)(void)))

/* Copy a family of any version. */
static int upgrade_family(const struct dal_malloc_family *family, struct dal_malloc_family *ours,
                          struct dal_text_ *why)
{
    int error = dal_abi_check_("struct dal_malloc_family", family->abi, DAL_ALLOCATOR_ABI, why);

    if (!error)
        error = dal_structure_copy_("struct dal_malloc_family", family, family->size_bytes,
                                    FAMILY_BYTES_MIN, ours, sizeof *ours, why);
    if (error)
        return error;
    ours->size_bytes = sizeof *ours; /* a layer goes by it */
    if (ours->malloc_function && ours->free_function && ours->calloc_function &&
        ours->realloc_function && ours->memalign_function && ours->usable_size_function)
        return DAL_OK;
    return dal_fail_(why, DAL_ERR_INCOMPLETE, "its malloc family lacks a function");
}

/* Slots whose blocks a family has to know of. */
#define SLOTS_OF_BLOCKS \
    (DAL_SLOTS_SIZING | DAL_SLOT_DEALLOC | DAL_SLOT_USABLE_SIZE | DAL_SLOT_DEALLOC_UNSIZED)

static void set_family(struct dal_table_ *table, const struct dal_malloc_family *family,
                       uint64_t slots, const struct dal_instance *child)
{
    table->family = *family;
    if (family->malloc_function)
        table->tail.malloc_family = &table->family;
    else if (child && !(slots & SLOTS_OF_BLOCKS))
        table->tail.malloc_family = dal_tail_of_(child)->malloc_family;
}

/* ---- The slots ------------------------------------------------------------------------------- */

/* To do nothing would leak in silence, and a program that asks for this has no other way. */
static void refuse_unsized(struct dal_table_ *table)
{
    table->tail.dealloc_unsized.call = NULL;
    table->head.native &= ~DAL_SLOT_DEALLOC_UNSIZED;
}

/* inherited: the slots whose pairs are the child's where the layer has none. */
static void set_slots(struct dal_table_ *table, const struct dal_allocator *ours,
                      const struct dal_instance *child, uint64_t inherited)
{
#define SET_SLOT(slot_, bit, place, child_slot, child_ctx) \
    if (ours->slot_) {                                     \
        place.slot_.call = ours->slot_;                    \
        place.slot_.ctx = ours->ctx;                       \
    } else if (child && ((bit)&inherited)) {               \
        place.slot_.call = child_slot.call;                \
        place.slot_.ctx = child_ctx;                       \
    }
#define SET_HEAD(slot, bit, ...) SET_SLOT(slot, bit, table->head, child->slot, child->slot.ctx)
#define SET_TAIL(slot, bit, ...)                                \
    SET_SLOT(slot, bit, table->tail, dal_tail_of_(child)->slot, \
             dal_tail_ctx_(child, dal_tail_of_(child)->slot.ctx))
#define SET_FORK(slot) SET_TAIL(slot, DAL_SLOT_FORK)
    DAL_SLOTS_(SET_HEAD, SET_TAIL, SET_FORK)
    SET_HEAD(alloc_natural, DAL_SLOT_ALLOC)
#undef SET_SLOT
#undef SET_HEAD
#undef SET_TAIL
#undef SET_FORK
    if (ours->alloc && !ours->alloc_natural)
        table->head.alloc_natural = table->head.alloc;
}

#define DERIVE(slot_, function, ctx_) \
    if (!slot_.call) {                \
        slot_.call = (function);      \
        slot_.ctx = (ctx_);           \
    }

/* Fill every slot that is still empty with a derived function. */
static void derive(struct dal_table_ *table)
{
    DERIVE(table->head.alloc_zeroed, dal_derived_alloc_zeroed_, table)
    DERIVE(table->head.realloc, dal_derived_realloc_, table)
#define DERIVE_CALL(slot, ...) DERIVE(table->tail.slot, dal_derived_##slot##_, DAL_SELF_)
#define DERIVE_FORK(slot)      DERIVE(table->tail.slot, dal_derived_fork_, DAL_SELF_)
    DAL_SLOTS_(DAL_SKIP_, DERIVE_CALL, DERIVE_FORK)
#undef DERIVE_CALL
#undef DERIVE_FORK
}

int dal_instance_fill_(struct dal_table_ *table, const struct dal_allocator *allocator,
                       const struct dal_instance *child, const char *name, struct dal_text_ *why)
{
    struct dal_allocator ours;
    struct dal_malloc_family family = {0};
    uint64_t slots, inherited = ~UINT64_C(0);
    int error = upgrade(allocator, &ours, why);

    if (error)
        return error;
    slots = slots_of(&ours);
    /* A layer of before a slot that makes blocks has that derived from what it does hook. */
    if (slots & DAL_SLOT_ALLOC)
        inherited &= ~DAL_SLOTS_SIZING;
    error = check_complete(&ours, slots, child != NULL, why);
    if (!error && ours.malloc_family)
        error = upgrade_family(ours.malloc_family, &family, why);
    if (error)
        return error;

    memset(table, 0, sizeof *table);
    table->head.tail_ = &table->tail;
    table->head.native = slots | (child ? child->native & inherited : 0);
    table->head.name = name ? name : "custom";
    set_slots(table, &ours, child, inherited);
    set_family(table, &family, slots, child);
    if (child && (slots & DAL_SLOT_DEALLOC) && !(slots & DAL_SLOT_DEALLOC_UNSIZED))
        refuse_unsized(table);
    derive(table);
    return DAL_OK;
}

int dal_instance_init(struct dal_instance_storage *storage, const struct dal_allocator *allocator,
                      const char *name)
{
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);

    if (!storage || !allocator)
        return DAL_ERR_INVALID;
    return dal_instance_fill_((struct dal_table_ *)(void *)storage, allocator, NULL, name,
                              &nowhere);
}
