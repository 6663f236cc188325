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
 * Options: print=on|off (at exit), file=PATH, signal=NAME. See dal_stats(3).
 *
 * What is counted: the sizes that callers ask for, not what the allocator makes of them.
 * A call that fails counts as a call and as a failure, never as live. A resized block is
 * obtained again with its new size. A NULL that is given back is not counted at all, so
 * that live blocks are those obtained by calls that succeeded less the calls of dealloc.
 */
#ifndef DISPATCHALLOC_STATS_H
#define DISPATCHALLOC_STATS_H

#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/instance.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/** Version of struct dal_stats. */
#define DAL_STATS_ABI 1u

/** The operations that are counted, in the order of the slots of an instance. */
enum dal_stats_operation {
    DAL_STATS_ALLOC           = 0,
    DAL_STATS_DEALLOC         = 1, /**< of a block; NULL is not counted */
    DAL_STATS_ALLOC_ZEROED    = 2,
    DAL_STATS_REALLOC         = 3,
    DAL_STATS_GROW            = 4,
    DAL_STATS_GROW_ZEROED     = 5,
    DAL_STATS_SHRINK          = 6,
    DAL_STATS_RESIZE_IN_PLACE = 7 /**< a refusal counts as a failure */
};

/** How many operations there are. */
#define DAL_STATS_OPERATIONS 8

/** Classes of sizes: class 0 is size 0, class n is 2^(n-1) to 2^n - 1 bytes. */
#define DAL_STATS_CLASSES 64

/** Calls of one operation. */
struct dal_stats_calls {
    uint64_t calls;    /**< all of them */
    uint64_t failures; /**< those that returned NULL, or an error */
};

/** Blocks of one class of sizes. */
struct dal_stats_class {
    uint64_t obtained; /**< allocated with, or resized to, such a size */
    uint64_t live;     /**< those that have it now */
};

/** Counts of one instance, of all its threads together. Initialise with DAL_STATS_INIT. */
struct dal_stats {
    uint32_t abi;        /**< DAL_STATS_ABI */
    uint32_t size_bytes; /**< sizeof(struct dal_stats) */

    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t peak_bytes;  /**< exact to 64 KiB a thread */
    uint64_t peak_blocks; /**< exact to 4096 a thread */
    uint64_t uncounted;   /**< calls without memory to count them in; ordinarily 0 */

    struct dal_stats_calls operations[DAL_STATS_OPERATIONS]; /**< by enum dal_stats_operation */
    struct dal_stats_class sizes[DAL_STATS_CLASSES];
};

/** What a struct dal_stats has to start as: `struct dal_stats stats = DAL_STATS_INIT;` */
#define DAL_STATS_INIT                                                                         \
    {                                                                                          \
        DAL_STATS_ABI, (uint32_t)sizeof(struct dal_stats), 0, 0, 0, 0, 0, {{0, 0}}, {{0, 0}}   \
    }

/**
 * Read what a stats layer has counted.
 *
 * @param instance  one whose outermost item is `stats`, such as "stats+arena"; NULL or
 *                  dal_global() for the one that serves the front.
 * @param out       initialised with DAL_STATS_INIT. abi and size_bytes stay, the rest is
 *                  filled in; what a later version has added reads as zero. Not NULL; unchanged on failure.
 * @return 0; DAL_ERR_INVALID if out is NULL; DAL_ERR_ABI if abi or size_bytes is none;
 *         DAL_ERR_UNSUPPORTED if the instance does not count, or if nothing has been
 *         allocated from the front yet.
 *
 * Exact for all that happened before in this thread, or was synchronised with it. Calls
 * that other threads are in the middle of may be counted in part. Thread-safe; takes no
 * lock and allocates nothing; may be called from a signal handler. In a forked child the
 * counts start as those of the parent.
 */
DAL_API int dal_stats_read(const struct dal_instance *instance, struct dal_stats *out);

/**
 * Let the peaks start again from what is live now.
 *
 * @param instance  as for dal_stats_read().
 * @return 0 or DAL_ERR_UNSUPPORTED.
 *
 * Thread-safe; of calls that run at the same time it may miss a peak.
 */
DAL_API int dal_stats_reset_peak(const struct dal_instance *instance);

/** The class that a size belongs to. */
static inline unsigned dal_stats_class_of(size_t size)
{
    unsigned index = 0;

    for (; size != 0; size >>= 1)
        index++;
    return index < DAL_STATS_CLASSES ? index : DAL_STATS_CLASSES - 1;
}

/** The smallest size of a class, in bytes. */
static inline uint64_t dal_stats_class_first(unsigned index)
{
    return index == 0 ? 0 : (uint64_t)1 << (index - 1);
}

/** The largest size of a class, in bytes. */
static inline uint64_t dal_stats_class_last(unsigned index)
{
    return ((uint64_t)1 << index) - 1;
}

DAL_END_DECLS_

#endif /* DISPATCHALLOC_STATS_H */
