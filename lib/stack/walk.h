/* SPDX-License-Identifier: MIT */
/*
 * A walk from a function to who called it, and on.
 *
 * Each step follows the rule for the place (frame_rule.h), which is kept once it was found: some 10
 * ns then. (Who comes the same way again need not walk: walk_again.h.) Where there is none, in code
 * made at run time, the frame pointer is taken for one, if it leads upward. What is read was found
 * to be readable, and of what is far from the last word not long ago, so that a walk which goes
 * astray ends. Nothing here takes a lock or allocates,
 * and a handler may interrupt it and walk itself.
 */
#ifndef DAL_WALK_H
#define DAL_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "os/frames.h"

/* What is kept of rules, and which pages were found readable. Zeroed memory is an empty one. */
struct dal_walk_cache_;
extern const size_t dal_walk_cache_bytes_;

/* The words that have led a walk, in the order in which they were read: another one that begins
 * with the same registers, and finds all of these, comes to the same places. */
enum { DAL_WALK_READS_MAX_ = 40 };
struct dal_walk_reads_ {
    uintptr_t first_place, first_stack, first_pointer; /* with which it began */
    int has_first_pointer;                             /* it is the walk's still */
    size_t count;     /* more than DAL_WALK_READS_MAX_: it was led by others, too */
    int uses_pointer; /* the frame pointer that it began with has led it */
    uintptr_t addresses[DAL_WALK_READS_MAX_], words[DAL_WALK_READS_MAX_];
};

/* Where it has come to: the registers there. */
struct dal_walk_ {
    struct dal_walk_cache_ *cache;
    uintptr_t place; /* the next instruction of that function */
    uintptr_t stack, pointer;
    uintptr_t pointer_at;     /* where that was read, unless it is among the reads; 0: nowhere */
    uintptr_t return_address; /* where that is a register of its own */
    uintptr_t page;           /* the last one that was found readable */
    uintptr_t pages_trusted;  /* so many above it are readable if they were once */
    int is_interrupted;       /* it stopped there by a signal, and not by a call */
    struct dal_walk_reads_ *reads; /* NULL: nobody wants to know */
};

/* Whether this processor's frames can be followed. */
int dal_walk_can_(void);

/* Begin in the function that calls this, which does not return while it goes on. */
void dal_walk_begin_(struct dal_walk_ *walk, struct dal_walk_cache_ *cache,
                     struct dal_walk_reads_ *reads);

/* The places that are returned to, from the one that is `from` on: at most count of them. What a
 * signal has interrupted is one byte behind the start of that instruction. Returns how many; if
 * from is not met within some frames, it is the only one. */
size_t dal_walk_(struct dal_walk_ *walk, const void *from, const void **places, size_t count);

/* Whether an address is on the page of the last word. */
static inline int dal_walk_is_near_(const struct dal_walk_ *walk, uintptr_t address)
{
    return address / DAL_OS_PAGE_BYTES_LEAST_ == walk->page;
}

/* A word of the stack, if it is there. For one after the other, upward. */
int dal_walk_read_(struct dal_walk_ *walk, uintptr_t address, uintptr_t *word);

/* The same from what a signal has interrupted, by the third argument of its handler: the first
 * place is one byte behind the start of that instruction, and the only one where frames cannot be
 * followed. Returns 0 where the registers are not known either. */
size_t dal_walk_at_(struct dal_walk_cache_ *cache, const void *context, const void **places,
                    size_t count);

#endif /* DAL_WALK_H */
