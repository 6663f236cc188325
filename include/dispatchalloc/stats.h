/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/stats.h
 * @brief What the layer `stats` has counted.
 *
 * `stats` wraps any allocator and counts its calls, the bytes and blocks that are live,
 * their peak, failures and sizes. It counts per thread, in memory of its own, and passes
 * every call on as it is:
 *
 *     DISPATCHALLOC_BACKEND=stats program          watch the program's own choice
 *     DISPATCHALLOC_BACKEND=stats+arena program    watch the arena
 *
 * Options: print=on|off (at exit), file=PATH and share=on|off|DIRECTORY (count in a file that
 * others can read), label=TEXT. See dal_stats(3).
 *
 * What is counted: the sizes that callers ask for, not what the allocator makes of them. Under
 * malloc(3) and its family, where who gives a block back does not say its size, it is the usable
 * size (malloc_usable_size(3)), over an allocator that has such a family: no block is larger for
 * being counted. Over one that has none, such as an arena, a block has the header there that it
 * would have without `stats`, which is counted with it. So it has where a spec has `stats` twice.
 * A call that fails counts as a call and as a failure, never as live. A resized block is
 * obtained again with its new size. A NULL that is given back is not counted at all, so
 * that live blocks are those obtained by calls that succeeded less the calls of dealloc.
 *
 * Everything is read by key, with dal_stats_get() and dal_stats_visit():
 *
 *     live_bytes                  in blocks that were obtained and not given back
 *     live_blocks
 *     peak_bytes                  most that were live; exact to 64 KiB a thread
 *     peak_blocks                 exact to 4096 a thread
 *     uncounted                   calls without memory to count them in; ordinarily 0
 *     OPERATION.calls             all of them
 *     OPERATION.failures          those that returned NULL, or an error
 *     size.RANGE.obtained         blocks allocated with, or resized to, a size in the range
 *     size.RANGE.live             those that have it now
 *     lifetime_ns.RANGE.ended     with lifetimes=on, of one block in 128 that is followed: those
 *                                 given back after so many nanoseconds
 *     lifetime_ns.RANGE.lost      those lost sight of at that age, which lived on
 *
 * OPERATION is one of alloc, dealloc, alloc_zeroed, realloc, grow, grow_zeroed, shrink and
 * resize_in_place, whose refusals count as failures. RANGE is the first and the last size in
 * bytes (or nanoseconds), or the one there is: 0, 1, 2-3, 4-7 and so on, each twice as wide as the
 * one before.
 *
 * A key means the same in every later version, and new ones may come. struct dal_stats is a
 * snapshot of the totals for who wants no more than these.
 */
#ifndef DISPATCHALLOC_STATS_H
#define DISPATCHALLOC_STATS_H

#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/instance.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/**
 * Read one of the things that a stats layer counts.
 *
 * @param instance  one whose outermost item is `stats`, such as "stats+arena"; NULL or
 *                  dal_global() for the one that serves the front.
 * @param key       such as "alloc.calls"; not NULL. See the top of this file.
 * @param value     where it goes; not NULL, and unchanged on failure. Bytes for a key that
 *                  ends in _bytes, else a number of calls or blocks.
 * @return 0; DAL_ERR_INVALID if key or value is NULL; DAL_ERR_UNSUPPORTED if the instance does
 *         not count, or if nothing has been allocated from the front yet, whatever the key;
 *         DAL_ERR_UNKNOWN if it counts, and this version has no such key.
 *
 * Exact for all that happened before in this thread, or was synchronised with it. Calls
 * that other threads are in the middle of may be counted in part. Values of two readings
 * are of two moments: dal_stats_visit() and dal_stats_read() have several of one.
 *
 * Thread-safe; takes no lock and allocates nothing; may be called from a signal handler and
 * from inside a backend. In a forked child the counts start as those of the parent.
 */
DAL_API int dal_stats_get(const struct dal_instance *instance, const char *key, uint64_t *value);

/**
 * Called once a key.
 *
 * @param key    valid during the call only.
 * @param value  what dal_stats_get() would have read at the moment of dal_stats_visit().
 * @param data   what the caller passed on; may be NULL.
 * @return 0 to go on, anything else to stop.
 */
typedef int (*dal_stats_visitor)(const char *key, uint64_t value, void *data);

/**
 * Walk through everything that a stats layer counts, zeroes included.
 *
 * @param instance  as for dal_stats_get().
 * @param visit     called for every key, in an order that may change; not NULL. All values
 *                  are from one adding up. It may call whatever the caller might, and need
 *                  not return.
 * @param data      passed on to visit; may be NULL.
 * @return 0; DAL_ERR_INVALID if visit is NULL; DAL_ERR_UNSUPPORTED as dal_stats_get(); or
 *         what visit returned, which is best positive to be told from these.
 *
 * As exact as that, and to be called where dal_stats_get() may be.
 */
DAL_API int dal_stats_visit(const struct dal_instance *instance, dal_stats_visitor visit,
                            void *data);

/** Version of struct dal_stats. */
#define DAL_STATS_ABI 1u

/** Totals of one instance, by their keys. Later versions append to it. */
struct dal_stats {
    uint32_t abi;        /**< DAL_STATS_ABI */
    uint32_t size_bytes; /**< before: sizeof(struct dal_stats); after: how far it is filled */

    uint64_t live_bytes;  /**< in blocks that were obtained and not given back */
    uint64_t live_blocks; /**< how many these are */
    uint64_t peak_bytes;  /**< most bytes that were live */
    uint64_t peak_blocks; /**< most blocks that were live */
    uint64_t uncounted;   /**< calls without memory to count them in */
};

/** What a struct dal_stats has to start as: `struct dal_stats stats = DAL_STATS_INIT;` */
#define DAL_STATS_INIT                                                   \
    {                                                                    \
        DAL_STATS_ABI, (uint32_t)sizeof(struct dal_stats), 0, 0, 0, 0, 0 \
    }

/**
 * Read the totals, all of one moment.
 *
 * @param instance  as for dal_stats_get().
 * @param out       initialised with DAL_STATS_INIT; not NULL, and unchanged on failure.
 *                  Filled as far as size_bytes reaches and this version goes, which
 *                  size_bytes tells afterwards; what a later version has added reads as
 *                  zero. It can be read into again as it is.
 * @return 0; DAL_ERR_INVALID if out is NULL; DAL_ERR_ABI if abi is not DAL_STATS_ABI or
 *         size_bytes ends before live_bytes does; DAL_ERR_UNSUPPORTED as dal_stats_get().
 *
 * As exact as that, and to be called where dal_stats_get() may be.
 */
DAL_API int dal_stats_read(const struct dal_instance *instance, struct dal_stats *out);

/**
 * Let the peaks start again from what is live now.
 *
 * @param instance  as for dal_stats_get().
 * @return 0 or DAL_ERR_UNSUPPORTED.
 *
 * To be called where dal_stats_get() may be; of calls that run at the same time it may miss
 * a peak.
 */
DAL_API int dal_stats_reset_peak(const struct dal_instance *instance);

/**
 * Walk through everything that a file of counters holds, as `stats:file=` and `stats:share=` make
 * them: that of another process, or of one that has ended.
 *
 * @param file   the bytes of the file, at a multiple of 64 as mmap(2) and aligned_alloc(3) give it;
 *               not NULL. They may be anything: nothing in them is trusted.
 * @param bytes  how many there are.
 * @param visit  as for dal_stats_visit().
 * @param data   passed on to visit; may be NULL.
 * @return 0; DAL_ERR_INVALID if file or visit is NULL, or the file is too short or not aligned;
 * DAL_ERR_ABI if it is no such file, or of a version whose form this one does not know; or what
 * visit returned.
 *
 * A process that is counting may be read in the middle of a call, as by dal_stats_get().
 * Thread-safe; takes no lock and allocates nothing; may be called from inside a backend.
 */
DAL_API int dal_stats_file_visit(const void *file, size_t bytes, dal_stats_visitor visit,
                                 void *data);

/**
 * Read one of the texts of a file of counters.
 *
 * @param file    as for dal_stats_file_visit().
 * @param bytes   how many there are.
 * @param key     "head": lines which say what process made the file, by which program and command;
 *                "name": what serves, such as "stats+arena"; "label": of the option; "explanation":
 *                what dal_global_explain() tells, empty for an instance of a program's own, and
 *                where another layer than stats is around this one. Not NULL.
 * @param buffer  where it goes, terminated, as far as it fits; owned by the caller, and unchanged
 * on failure. May be NULL if buffer_bytes is 0.
 * @param buffer_bytes  its length in bytes.
 * @return 0; the errors of dal_stats_file_visit(), DAL_ERR_UNKNOWN if this version has no such key.
 *
 * The texts may hold control characters. Thread-safe; may be called from inside a backend.
 */
DAL_API int dal_stats_file_text(const void *file, size_t bytes, const char *key, char *buffer,
                                size_t buffer_bytes);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_STATS_H */
