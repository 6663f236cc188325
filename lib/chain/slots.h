/* SPDX-License-Identifier: MIT */
/*
 * The insides of an instance: its head, which is public, and the slots behind it.
 *
 * All of it is made of the one list DAL_SLOTS_ of dispatchalloc/instance.h. Every slot of every
 * table is filled before anyone sees it.
 */
#ifndef DAL_SLOTS_H
#define DAL_SLOTS_H

#include <dispatchalloc/error.h>
#include <dispatchalloc/instance.h>

#include "os/os.h"

/* The elements of a list in parentheses, to put something behind them. */
#define DAL_LIST_(...) __VA_ARGS__

/* A kind of slot for which nothing is to be made. */
#define DAL_SKIP_(...)

/* The type of a slot's function. */
#define DAL_FUNCTION_OF_(slot) __typeof__(((struct dal_allocator *)0)->slot)

#define DAL_TAIL_MEMBER_(slot, ...)  \
    struct {                         \
        DAL_FUNCTION_OF_(slot) call; \
        void *ctx;                   \
    } slot;

/* The slots behind the head. */
struct dal_tail_ {
    DAL_SLOTS_(DAL_SKIP_, DAL_TAIL_MEMBER_, DAL_TAIL_MEMBER_)
    const struct dal_malloc_family *malloc_family; /* NULL: none of its own */
    const struct dal_instance *headed; /* below that, if it is over blocks with headers */
};

/* A table with everything in it. What only points to a tail has another's (an arena's handle). */
struct dal_table_ {
    struct dal_instance head;
    struct dal_tail_ tail;
    struct dal_malloc_family family; /* what tail.malloc_family points to in a filled one */
};

_Static_assert(sizeof(struct dal_table_) + 32 * 2 * sizeof(void *) <=
                   sizeof(struct dal_instance_storage),
               "the storage of a program has room for 32 more slots");

/* Whether its blocks tell their sizes. Both slots: the derived usable_size tells the size that it
 * is given, which is not known. */
#define DAL_SLOTS_KNOWN_ (DAL_SLOT_DEALLOC_UNSIZED | DAL_SLOT_USABLE_SIZE)

static inline int dal_is_known_(const struct dal_instance *instance)
{
    return (~instance->native & DAL_SLOTS_KNOWN_) == 0;
}

/* The ctx of a slot of the tail whose function is to get the instance itself, so that a tail
 * can be constant and shared by instances. No program has this address. */
extern const char dal_self_ DAL_HIDDEN_;
#define DAL_SELF_ ((void *)(uintptr_t)&dal_self_)

static inline const struct dal_tail_ *dal_tail_of_(const struct dal_instance *instance)
{
    return instance->tail_;
}

/* Whose blocks would have the headers, or have them if its family is over such. */
static inline const struct dal_instance *dal_headed_of_(const struct dal_instance *instance)
{
    const struct dal_tail_ *tail = dal_tail_of_(instance);

    return tail->malloc_family ? tail->headed : instance;
}

static inline void *dal_tail_ctx_(const struct dal_instance *instance, void *ctx)
{
    return ctx == DAL_SELF_ ? (void *)(uintptr_t)instance : ctx;
}

/* ---- The derived functions (derive.c): one for each slot that may be missing. Their ctx is the
 * instance itself, whose alloc, dealloc and realloc they call. ---- */

void *dal_derived_alloc_zeroed_(size_t size, size_t align, void *ctx);
void *dal_derived_realloc_(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx);

#define DAL_DERIVED_PROTOTYPE_(slot, bit, result, parameters, ...) \
    result dal_derived_##slot##_(DAL_LIST_ parameters, void *ctx);
DAL_SLOTS_(DAL_SKIP_, DAL_DERIVED_PROTOTYPE_, DAL_SKIP_)
void dal_derived_fork_(void *ctx);

/* Initializers of a tail in which everything is derived; what follows them in the same
 * initializer takes their place. */
#define DAL_DERIVED_CALL_(slot, ...) .slot = {dal_derived_##slot##_, DAL_SELF_},
#define DAL_DERIVED_FORK_(slot)      .slot = {dal_derived_fork_, DAL_SELF_},
#define DAL_DERIVED_TAIL_            DAL_SLOTS_(DAL_SKIP_, DAL_DERIVED_CALL_, DAL_DERIVED_FORK_)

#endif /* DAL_SLOTS_H */
