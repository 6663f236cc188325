/* SPDX-License-Identifier: MIT */
/*
 * Filling instances. A table is complete before anyone sees it and never changes after.
 */
#include <config.h>

#include "instance.h"

#include <inttypes.h>
#include <string.h>

#include <dispatchalloc/error.h>

#include "structure.h"

/* An older structure ends early; it has to reach to the two required functions. */
#define ALLOCATOR_BYTES_MIN (offsetof(struct dal_allocator, dealloc) + sizeof(dal_dealloc_function))

/* The slots as one list: member, bit. What walks over all slots is made from it. */
#define SLOTS(X)                                  \
    X(alloc, DAL_SLOT_ALLOC)                      \
    X(dealloc, DAL_SLOT_DEALLOC)                  \
    X(alloc_zeroed, DAL_SLOT_ALLOC_ZEROED)        \
    X(realloc, DAL_SLOT_REALLOC)                  \
    X(grow, DAL_SLOT_GROW)                        \
    X(grow_zeroed, DAL_SLOT_GROW_ZEROED)          \
    X(shrink, DAL_SLOT_SHRINK)                    \
    X(resize_in_place, DAL_SLOT_RESIZE_IN_PLACE)  \
    X(usable_size, DAL_SLOT_USABLE_SIZE)          \
    X(dealloc_unsized, DAL_SLOT_DEALLOC_UNSIZED)  \
    X(owns, DAL_SLOT_OWNS)                        \
    X(fork_prepare, DAL_SLOT_FORK)                \
    X(fork_parent, DAL_SLOT_FORK)                 \
    X(fork_child, DAL_SLOT_FORK)                  \
    X(alloc_natural, 0)

#define COUNT_SLOT(slot, bit) + 1
_Static_assert(sizeof(struct dal_allocator) ==
                   offsetof(struct dal_allocator, alloc) +
                       (0 SLOTS(COUNT_SLOT)) * sizeof(dal_alloc_function) +
                       sizeof(struct dal_malloc_family *),
               "the list of slots has every slot of struct dal_allocator");
_Static_assert(offsetof(struct dal_instance, alloc_natural) + sizeof(struct dal_alloc_slot) ==
                   offsetof(struct dal_instance, alloc) +
                       (0 SLOTS(COUNT_SLOT)) * sizeof(struct dal_alloc_slot) +
                       sizeof(struct dal_malloc_family *),
               "the list of slots has every slot of struct dal_instance");
#undef COUNT_SLOT

/* Copy an allocator of any version into one of ours. */
static int upgrade(const struct dal_allocator *allocator, struct dal_allocator *ours,
                   struct dal_text_ *why)
{
    size_t size_bytes = allocator->size_bytes;
    int error;

    if (allocator->abi != DAL_ALLOCATOR_ABI) {
        dal_text_add_(why, "its struct dal_allocator has version %" PRIu32
                           ", libdispatchalloc " PACKAGE_VERSION " knows %u",
                      allocator->abi, DAL_ALLOCATOR_ABI);
        return DAL_ERR_ABI;
    }
    error = dal_size_check_("struct dal_allocator", allocator, size_bytes, ALLOCATOR_BYTES_MIN,
                            sizeof *ours, why);
    if (error)
        return error;
    memset(ours, 0, sizeof *ours);
    memcpy(ours, allocator, size_bytes < sizeof *ours ? size_bytes : sizeof *ours);
    return DAL_OK;
}

static uint32_t slots_of(const struct dal_allocator *allocator)
{
    uint32_t slots = 0;

#define ADD_SLOT(slot, bit) slots |= allocator->slot ? (uint32_t)(bit) : 0;
    SLOTS(ADD_SLOT)
#undef ADD_SLOT
    return slots;
}

static const char *slot_name(uint32_t slots)
{
#define NAME_SLOT(slot, bit)        \
    if (slots & (uint32_t)(bit))    \
        return #slot;
    SLOTS(NAME_SLOT)
#undef NAME_SLOT
    return "nothing";
}

static int check_complete(uint32_t slots, const struct dal_instance *next, struct dal_text_ *why)
{
    uint32_t required = DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC;
    uint32_t missing;

    if (next)
        required = slots & DAL_SLOT_ALLOC ? DAL_SLOTS_SIZING : 0;
    missing = required & ~slots;
    if (!missing)
        return DAL_OK;
    dal_text_add_(why, next ? "it hooks alloc but not %s" : "it has no %s function",
                  slot_name(missing));
    return DAL_ERR_INCOMPLETE;
}

int dal_instance_fill_(struct dal_instance *storage, const struct dal_allocator *allocator,
                       const struct dal_instance *next, const char *name, struct dal_text_ *why)
{
    struct dal_allocator ours;
    uint32_t slots;
    int error = upgrade(allocator, &ours, why);

    if (error)
        return error;
    slots = slots_of(&ours);
    error = check_complete(slots, next, why);
    if (error)
        return error;
    if (ours.alloc_natural && !ours.alloc) {
        dal_text_add_(why, "it hooks alloc_natural but not alloc");
        return DAL_ERR_INCOMPLETE;
    }

    memset(storage, 0, sizeof *storage);
    storage->abi = DAL_ALLOCATOR_ABI;
    storage->size_bytes = (uint32_t)sizeof *storage;
    storage->native = slots | (next ? next->native : 0);
    storage->name = name ? name : "custom";

#define FILL_SLOT(slot_, bit)                 \
    if (ours.slot_) {                         \
        storage->slot_.call = ours.slot_;     \
        storage->slot_.ctx = ours.ctx;        \
    } else if (next) {                        \
        storage->slot_ = next->slot_;         \
    }
    SLOTS(FILL_SLOT)
#undef FILL_SLOT
    if (ours.alloc && !ours.alloc_natural)
        storage->alloc_natural = storage->alloc;

    storage->malloc_family = next ? NULL : ours.malloc_family;
    if (next && (slots & DAL_SLOT_DEALLOC) && !(slots & DAL_SLOT_DEALLOC_UNSIZED))
        dal_instance_refuse_unsized_(storage);
    dal_instance_derive_(storage);
    return DAL_OK;
}

int dal_instance_init(struct dal_instance *storage, size_t storage_bytes,
                      const struct dal_allocator *allocator, const char *name)
{
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);

    if (!storage || !allocator || storage_bytes < sizeof *storage)
        return DAL_ERR_INVALID;
    return dal_instance_fill_(storage, allocator, NULL, name, &nowhere);
}
