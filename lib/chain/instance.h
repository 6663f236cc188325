/* SPDX-License-Identifier: MIT */
/*
 * Filling instances: from what a user wrote to a table in which nothing is missing.
 */
#ifndef DAL_INSTANCE_H
#define DAL_INSTANCE_H

#include <dispatchalloc/instance.h>

#include "chain/slots.h"
#include "base/text.h"

/* What the private members of an instance hold, NULL where that does not apply. */
#define DAL_PRIVATE_STACK  0 /* the stack that it is the handle of; the program may destroy it */
#define DAL_PRIVATE_BASE   1 /* what its stack wraps and did not make itself */
#define DAL_PRIVATE_NESTED 2 /* the next nested stack with fork functions of the same owner */

/*
 * Fill a table from an allocator of any known or longer version.
 *
 * child is NULL for an allocator, whose missing slots are derived, and the wrapped instance
 * for a layer, whose missing slots are its child's pairs. name is kept, not copied. Returns 0,
 * DAL_ERR_ABI or DAL_ERR_INCOMPLETE; then the table is untouched and why has the reason.
 */
int dal_instance_fill_(struct dal_table_ *table, const struct dal_allocator *allocator,
                       const struct dal_instance *child, const char *name, struct dal_text_ *why);

/* The functions of instances for who cannot link them. */
extern const struct dal_instance_calls dal_instance_calls_ DAL_HIDDEN_;

#endif /* DAL_INSTANCE_H */
