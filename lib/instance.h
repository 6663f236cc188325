/* SPDX-License-Identifier: MIT */
/*
 * Filling instances: from what a user wrote to a table in which nothing is missing.
 */
#ifndef DAL_INSTANCE_H
#define DAL_INSTANCE_H

#include <dispatchalloc/instance.h>

#include "text.h"

/* Slots that create or resize blocks; a layer that hooks alloc has to hook them all. */
#define DAL_SLOTS_SIZING                                                                    \
    (DAL_SLOT_ALLOC | DAL_SLOT_ALLOC_ZEROED | DAL_SLOT_REALLOC | DAL_SLOT_GROW |            \
     DAL_SLOT_GROW_ZEROED | DAL_SLOT_SHRINK | DAL_SLOT_RESIZE_IN_PLACE)

/* What the private members of an instance hold, NULL where that does not apply. */
#define DAL_PRIVATE_STACK 0 /* the stack that it is the handle of; the program may destroy it */
#define DAL_PRIVATE_BASE 1  /* what its stack wraps and did not make itself */
#define DAL_PRIVATE_NESTED 2 /* the next nested stack with fork functions of the same owner */

/*
 * Fill storage from an allocator of any known or longer version.
 *
 * next is NULL for an allocator, whose missing slots are derived, and the wrapped instance
 * for a layer, whose missing slots are next's pairs. name is kept, not copied. Returns 0,
 * DAL_ERR_ABI or DAL_ERR_INCOMPLETE; then storage is untouched and why has the reason.
 */
int dal_instance_fill_(struct dal_instance *storage, const struct dal_allocator *allocator,
                       const struct dal_instance *next, const char *name, struct dal_text_ *why);

/* The derived functions. Their ctx is the instance itself, whose alloc, dealloc and realloc
 * they call. */
void *dal_derived_alloc_zeroed_(size_t size, size_t align, void *ctx);
void *dal_derived_realloc_(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx);
void *dal_derived_relayout_(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                            size_t new_align, void *ctx);
void *dal_derived_grow_zeroed_(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                               size_t new_align, void *ctx);
int dal_derived_resize_in_place_(void *ptr, size_t old_size, size_t align, size_t new_size,
                                 void *ctx);
size_t dal_derived_usable_size_(const void *ptr, size_t size, size_t align, void *ctx);
void dal_derived_dealloc_unsized_(void *ptr, void *ctx);
int dal_derived_owns_(const void *ptr, void *ctx);
void dal_derived_fork_(void *ctx);

/* Fill every slot that allocator leaves empty with a derived function. */
void dal_instance_derive_(struct dal_instance *storage);

/* Make the derived dealloc_unsized of storage the one that serves. */
void dal_instance_refuse_unsized_(struct dal_instance *storage);

#endif /* DAL_INSTANCE_H */
