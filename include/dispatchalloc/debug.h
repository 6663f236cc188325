/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/debug.h
 * @brief Faults of memory: what the layer `debug` does, and what can be asked of it.
 *
 * `debug` wraps any allocator and tells of calls that are wrong, of memory that was written where
 * there is no block, and of what leaks:
 *
 *     DISPATCHALLOC_BACKEND=debug:leaks=on+jemalloc program
 *     dispatchalloc run --debug program
 *     dal_instance_create_spec("debug:leaks=on,fill=on+arena", ...)
 *
 * Its options are in dispatchalloc(7).
 */
#ifndef DISPATCHALLOC_DEBUG_H
#define DISPATCHALLOC_DEBUG_H

#include <stdint.h>

#include <dispatchalloc/instance.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/**
 * Tell now what a debug layer tells at exit: with leaks=on what nothing points to any more, with
 * leaks=live all that is live, by the stacks of the allocations, most bytes first, to standard
 * error. What is told now is told again later, if it is still so.
 *
 * @param instance  one whose outermost item is `debug`, such as "debug:leaks=on+arena"; NULL or
 *                  dal_global() for the one that serves the front.
 * @param blocks    where the number of blocks goes that were told, without suppressed ones; NULL
 *                  if that is not wanted.
 * @param bytes     the same of their bytes; NULL as well.
 * @return 0, also if there is nothing to tell; DAL_ERR_UNSUPPORTED if the instance has no such
 *         layer, or one with leaks=off, or if nothing has been allocated from the front yet: then
 *         *blocks and *bytes are unchanged; DAL_ERR_SYSTEM if leaks could not be searched for,
 * which a line gives the reason of, and what is live was told.
 *
 * The process stops for the search, some milliseconds and with millions of blocks seconds. As at
 * exit a pointer counts that is anywhere in memory of the process, in registers or on stacks of
 * its threads; one that the caller has just let go of may be there still. System calls that are
 * never restarted, as epoll_wait(2) and sigtimedwait(2), end with EINTR in the other threads.
 *
 * Thread-safe: a search waits for no lock of the program's, but for one of another thread. Not from
 * a signal handler, nor from inside a backend. Follows __lsan_do_recoverable_leak_check() of
 * LeakSanitizer.
 */
DAL_API int dal_debug_find_leaks(const struct dal_instance *instance, uint64_t *blocks,
                                 uint64_t *bytes);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_DEBUG_H */
