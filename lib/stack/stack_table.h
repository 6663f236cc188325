/* SPDX-License-Identifier: MIT */
/*
 * Stacks by number, each different one once.
 *
 * Records lie one behind the other in segments that are mapped when they are reached, and are never
 * changed or given back; those of one hash are a list, at whose head new ones are put. There is no
 * lock. Zeroed memory is an empty table.
 */
#ifndef DAL_STACK_TABLE_H
#define DAL_STACK_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct dal_stack_table_;
extern const size_t dal_stack_table_bytes_;

/* The number of a stack with 1 to DAL_STACK_PLACES_MAX places; 0 if there is no memory. */
uint32_t dal_stack_table_add_(struct dal_stack_table_ *table, const void *const *places,
                              size_t count);

/* The places of one that was added. Returns how many; 0 for 0, and for what is beyond all. */
size_t dal_stack_table_get_(struct dal_stack_table_ *table, uint32_t number,
                            const void *const **places);

#endif /* DAL_STACK_TABLE_H */
