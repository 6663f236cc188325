/* SPDX-License-Identifier: MIT */
/*
 * A walk from a function to who called it, and on.
 *
 * Each step follows the rule for the place (frame_rule.h), which is kept once it was found: 5 to 10
 * ns then. Where there is none, in code made at run time, the frame pointer is taken for one, if it
 * leads upward. What is read was found to be readable, so that a walk which goes astray ends.
 * Nothing here takes a lock or allocates, and a handler may interrupt it and walk itself.
 */
#ifndef DAL_WALK_H
#define DAL_WALK_H

#include <stddef.h>
#include <stdint.h>

/* What is kept of rules, and which pages were found readable. Zeroed memory is an empty one. */
struct dal_walk_cache_;
extern const size_t dal_walk_cache_bytes_;

/* Where it has come to: the registers there. */
struct dal_walk_ {
    struct dal_walk_cache_ *cache;
    uintptr_t place; /* the next instruction of that function */
    uintptr_t stack, pointer;
    uintptr_t return_address; /* where that is a register of its own */
    uintptr_t page;           /* the last one that was found readable */
    int is_interrupted;       /* it stopped there by a signal, and not by a call */
};

/* Whether this processor's frames can be followed. */
int dal_walk_can_(void);

/* The places that are returned to, from the one that is `from` on: at most count of them. Returns
 * how many; if from is not met within some frames, it is the only one. */
size_t dal_walk_(struct dal_walk_cache_ *cache, const void *from, const void **places,
                 size_t count);

/* The same from what a signal has interrupted, by the third argument of its handler: the first
 * place is one byte behind the start of that instruction. Returns 0 where frames cannot be
 * followed. */
size_t dal_walk_at_(struct dal_walk_cache_ *cache, const void *context, const void **places,
                    size_t count);

#endif /* DAL_WALK_H */
