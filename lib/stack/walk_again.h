/* SPDX-License-Identifier: MIT */
/*
 * Walks that were made before: most calls come by a way that another one has come by, with the
 * stack at the same place. If a walk would begin with the same registers, and what has led the
 * older one is still there word for word, it comes to the same places; to see that takes a tenth of
 * a walk.
 *
 * No lock: who finds an entry being written, or written meanwhile, walks. One that a fork leaves
 * behind in the middle is of no use to the child, and stops nobody.
 */
#ifndef DAL_WALK_AGAIN_H
#define DAL_WALK_AGAIN_H

#include <stddef.h>
#include <stdint.h>

#include "stack/walk.h"

/* Zeroed memory is an empty one. */
struct dal_walks_;
extern const size_t dal_walks_bytes_;

/* The number of a stack that a walk which has begun would come to, from a place on; or 0. */
uint32_t dal_walk_again_(struct dal_walks_ *walks, struct dal_walk_ *walk, const void *from,
                         size_t count);

/* Keep one that was made. */
void dal_walk_keep_(struct dal_walks_ *walks, const struct dal_walk_ *walk, const void *from,
                    size_t count, uint32_t stack);

#endif /* DAL_WALK_AGAIN_H */
