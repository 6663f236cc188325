/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/limit.h
 * @brief A budget of memory: what the layer `limit` does, and what can be asked of it.
 *
 * `limit` wraps any allocator and holds what is live in it to a number of bytes:
 *
 *     DISPATCHALLOC_BACKEND=limit:bytes=512M program          whatever the program chose itself
 *     dal_instance_create_spec("limit:bytes=16M,soft=12M+arena", ...)
 *
 * Options, of which one has to be given: bytes=SIZE is never exceeded, a call that would do so
 * returns NULL, sets errno to ENOMEM and leaves the old block as it was; soft=SIZE, no more than
 * bytes, has a line written when more than that becomes live, and a function of the program's
 * called (dal_limit_on_soft()). Both come again only after less than 7/8 of it was live, and of
 * lines there are ten.
 *
 * What is held: the sizes that callers ask for, not what the allocator makes of them, nor what it
 * keeps for itself. Under malloc(3) and its family it is the usable size (malloc_usable_size(3)),
 * over an allocator that has such a family; else a block has a header, which is held with it.
 *
 * Each thread has some of the budget in advance, at most 128 KiB and a 32nd of the budget, so that
 * threads do not meet at every call. Near the bound nothing is had in advance, and before a call
 * is refused what other threads have not used is taken back. So the bound is exact whoever
 * allocates. The child of a fork starts at what was live in its parent.
 */
#ifndef DISPATCHALLOC_LIMIT_H
#define DISPATCHALLOC_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/instance.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/**
 * Read one of the things that a limit layer knows.
 *
 * @param instance  one whose outermost item is `limit`, such as "limit:bytes=1M+arena"; NULL or
 *                  dal_global() for the one that serves the front.
 * @param key       "live_bytes": held now; "bytes" and "soft_bytes": the options, 0 if not given;
 *                  "refusals": calls that would have exceeded bytes; "soft_crossings": how often
 *                  soft was crossed. Not NULL. A key means the same in every later version.
 * @param value     where it goes; not NULL, and unchanged on failure. In bytes for a key that ends
 *                  in bytes.
 * @return 0; DAL_ERR_INVALID if key or value is NULL; DAL_ERR_UNSUPPORTED if the instance is not
 *         held, or if nothing has been allocated from the front yet, whatever the key;
 *         DAL_ERR_UNKNOWN if it is, and this version has no such key.
 *
 * Exact for all that happened before in this thread, or was synchronised with it; of calls that
 * other threads are in the middle of a part may be seen.
 *
 * Thread-safe; takes no lock and allocates nothing; may be called from a signal handler and from
 * inside a backend.
 */
DAL_API int dal_limit_get(const struct dal_instance *instance, const char *key, uint64_t *value);

/**
 * Who wants to know when more than soft= is live. In memory of the program's that stays as long
 * as the instance is used; best the first member of a structure with what the function needs. Fill
 * `crossed`, the rest is zero.
 */
struct dal_limit_listener {
    /** Called in the thread whose call made it more, before that call allocates, with what is live
     *  with it: bytes. No lock is held: it may allocate, and give back what can be done without,
     *  also in that instance. It has to return. */
    void (*crossed)(struct dal_limit_listener *listener, uint64_t live_bytes, uint64_t soft_bytes);
    uintptr_t reserved_[2];
};

/**
 * Have a function called whenever more than soft= becomes live.
 *
 * @param instance  as for dal_limit_get(); NULL for the one that serves the front.
 * @param listener  takes the place of the one before; owned by the caller. NULL: nobody.
 * @return 0; DAL_ERR_UNSUPPORTED as dal_limit_get(), or if the instance has no soft=.
 *
 * Thread-safe; may be called from inside a backend. A call of the listener before, in another
 * thread, may still be under way.
 */
DAL_API int dal_limit_on_soft(const struct dal_instance *instance,
                              struct dal_limit_listener *listener);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_LIMIT_H */
