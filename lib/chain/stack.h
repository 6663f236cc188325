/* SPDX-License-Identifier: MIT */
/*
 * A stack: the instances that a spec stands for, outermost first and those of nested specs after
 * those of their owners, in one mapping that is read-only once it is complete.
 */
#ifndef DAL_STACK_H
#define DAL_STACK_H

#include <stdatomic.h>

#include <dispatchalloc/backend.h>

#include "base/text.h"
#include "chain/instance.h"
#include "chain/slots.h"
#include "os/os.h"
#include "spec/options.h"
#include "spec/spec.h"

/* Of the name of what a spec wraps, so much stands in its own. */
#define DAL_STACK_BASE_BYTES_ 512

/* Room for the names of all items, with what joins them, and for what each list wraps: the outer
 * one its base, the nested ones the system allocator. */
#define DAL_STACK_NAMES_BYTES_                                             \
    (DAL_SPEC_ITEMS_MAX * (DAL_NAME_MAX + 2) + DAL_STACK_BASE_BYTES_ + 2 + \
     DAL_SPEC_ITEMS_MAX * (sizeof "system" + 2))

/* Whose a stack is: that of a program, which may destroy it by its handle, or of the
 * library, whose tables may become the hook and stay. */
enum dal_stack_owner_ { DAL_STACK_OF_PROGRAM, DAL_STACK_OF_LIBRARY };

struct dal_stack_ {
    enum dal_stack_owner_ owner;
    size_t made_count;
    size_t made[DAL_SPEC_ITEMS_MAX]; /* the items in the order in which they were made */
    struct dal_table_ tables[DAL_SPEC_ITEMS_MAX];
    char names[DAL_STACK_NAMES_BYTES_];
    struct dal_spec_ spec; /* of an allocator that the program gave, one item without anything */

    /* Behind it all stays writable, which nothing makes use of: leak checkers look for the
     * backends' memory in writable pages only. (A page's length, and not its alignment: what this
     * is part of is mapped, at the start of whatever pages the system has.) */
    char apart[DAL_OS_PAGE_BYTES_MOST_];
    void *ctxs[DAL_SPEC_ITEMS_MAX];                 /* of the items */
    struct dal_option_value values[DAL_VALUES_MAX]; /* of the item that is being made */
    _Atomic(unsigned) holders; /* the owner, and who has to have it whole for a while */
};

/* The instance that is the whole. */
static inline const struct dal_instance *dal_stack_top_(const struct dal_stack_ *stack)
{
    return &stack->tables[0].head;
}

/* Whether its spec named no backend, so that it wraps what was there. */
static inline int dal_stack_wraps_base_(const struct dal_stack_ *stack)
{
    return stack->tables[0].head.private_[DAL_PRIVATE_BASE] != NULL;
}

/*
 * Make the stack of a spec. base is what a spec without a backend wraps. Returns 0 with
 * *stack set, or a negative error with the reason in why and nothing left behind.
 */
int dal_stack_create_(const char *spec, const struct dal_instance *base,
                      enum dal_stack_owner_ owner, struct dal_stack_ **stack,
                      struct dal_text_ *why);

/* Make a stack of one allocator that the program gave; name is copied. */
int dal_stack_create_single_(const struct dal_allocator *allocator, const char *name,
                             enum dal_stack_owner_ owner, struct dal_stack_ **stack,
                             struct dal_text_ *why);

/* Parse a spec and see that its names are known and in an order that can work, and that its
 * options are good. values is room for DAL_VALUES_MAX, of no use afterwards. */
int dal_stack_check_(const char *text, struct dal_spec_ *spec, struct dal_option_value *values,
                     struct dal_text_ *why);

/* The same for a spec in a mapping of its own, which is the caller's to unmap unless that failed.
 */
int dal_stack_parse_(const char *text, struct dal_spec_ **spec, struct dal_option_value *values,
                     struct dal_text_ *why);

/* As its owner: let no fork call it any more, and let go of it. NULL is a no-op. */
void dal_stack_destroy_(struct dal_stack_ *stack, int keep_memory);

/* Have a stack of the library stay whole while another one is made over it: 1, or 0 if it is not
 * any more. It may be one that another thread destroys, as its memory stays. NULL always is. */
int dal_stack_hold_(struct dal_stack_ *stack);

/* Let go of it. Whoever does so last destroys what the backends made, outermost first and nested
 * stacks after their owners. The memory of the stack stays if keep_memory, for readers of its name
 * that may still be there. NULL is a no-op. */
void dal_stack_release_(struct dal_stack_ *stack, int keep_memory);

/* The stack that an instance is the handle of; NULL for one that nobody may destroy. */
struct dal_stack_ *dal_stack_of_(const struct dal_instance *instance);

/* The name of the backend whose create() runs in this thread, or NULL. */
const char *dal_stack_creating_(void);

#endif /* DAL_STACK_H */
