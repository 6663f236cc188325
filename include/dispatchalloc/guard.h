/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/guard.h
 * @brief Guard pages for one block in so many: what the layer `guard` does, and what it counts.
 *
 * `guard` wraps any allocator and finds, in production, what a program does beside its blocks:
 *
 *     DISPATCHALLOC_BACKEND=guard program                    one allocation in 1000
 *     dispatchalloc run -b guard:every=5000+jemalloc program
 *
 * One allocation in every=N, by chance, gets a page of its own, at the end or the start of it,
 * between pages that cannot be accessed; when the block is given back its page cannot be accessed
 * either, until it is used again, oldest first. An access beyond the block, before it, or after its
 * release is a fault of the processor's, and is told of, with the stacks of the access, of the
 * allocation and of the release. Then the program's handler or the default goes on. What was
 * written within the page, beside the block, is told of when the block is given back.
 *
 * Options: every=N (1000), slots=N (1024) blocks that have a page, released ones too, per_second=N
 * (200; with every=1 no bound) at most, stacks=N (16) frames. A block of more than a page, and all
 * others while no slot is free, are the wrapped allocator's.
 */
#ifndef DISPATCHALLOC_GUARD_H
#define DISPATCHALLOC_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/instance.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/**
 * Read one of the things that a guard layer knows.
 *
 * @param instance  one whose outermost item is `guard`, such as "guard:every=100+arena"; NULL or
 *                  dal_global() for the one that serves the front.
 * @param key       "guarded": blocks that got a page; "live": those of them that were not given
 *                  back; "slots": how many there are; "too_large", "too_often", "no_slot" and
 *                  "refused": blocks that were to have one, but were larger than a page, more than
 *                  per_second, without a slot that is free, or refused by the system; "faults":
 * what was found. Not NULL. A key means the same in every later version.
 * @param value     where it goes; not NULL, and unchanged on failure.
 * @return 0; DAL_ERR_INVALID if key or value is NULL; DAL_ERR_UNSUPPORTED if the instance has
 *         no such layer, or if nothing has been allocated from the front yet, whatever the key;
 *         DAL_ERR_UNKNOWN if it has one, and this version has no such key.
 *
 * Thread-safe; takes no lock and allocates nothing; may be called from a signal handler and from
 * inside a backend. In a forked child the counts start as those of the parent.
 */
DAL_API int dal_guard_get(const struct dal_instance *instance, const char *key, uint64_t *value);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_GUARD_H */
