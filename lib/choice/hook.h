/* SPDX-License-Identifier: MIT */
/*
 * The hook: the one global pointer to the table that serves.
 *
 * It starts at a table whose functions resolve the choice and is written once, by the first
 * allocation: with release, which pairs with the acquire load of every call of the front.
 * Racing first calls all store the same pointer.
 */
#ifndef DAL_HOOK_H
#define DAL_HOOK_H

#include <stdatomic.h>

#include <dispatchalloc/instance.h>

#include "os/os.h"

/* Hidden also where it is only declared, so that it is reached by one load relative to the
 * program counter, and not by way of the global offset table. */
extern const struct dal_instance *_Atomic dal_hook_ DAL_HIDDEN_;

/* The table that serves. Also where a compiler looks for room alone (-Os) the front only jumps. */
__attribute__((always_inline)) static inline const struct dal_instance *dal_hook_load_(void)
{
    return atomic_load_explicit(&dal_hook_, memory_order_acquire);
}

/* Where a function that the hook starts at was called from: in the program, since the front jumped
 * there. Where it has to call (parameters lie on the stack, or a register has to be restored) that
 * would be the front's own place, which tells nothing: NULL. The second is for functions of five
 * parameters and more, for which some processors have too few registers. */
#if defined __i386__ || (defined __powerpc__ && !defined __powerpc64__)
# define DAL_CALL_SITE_ NULL
#else
# define DAL_CALL_SITE_ __builtin_return_address(0)
#endif
#define DAL_CALL_SITE_OF_FIVE_ (DAL_FIVE_IN_REGISTERS_ ? DAL_CALL_SITE_ : NULL)

/* Resolve the choice for an allocation, seal it, and set the hook. NULL in a call from
 * inside create(), which is reported. call_site is told by a late registration's message. */
const struct dal_instance *dal_hook_resolve_(size_t size, size_t align, const void *call_site);

#endif /* DAL_HOOK_H */
