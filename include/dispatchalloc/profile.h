/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/profile.h
 * @brief From where memory comes: what the layer `profile` samples, and how its files are read.
 *
 * `profile` wraps any allocator and takes one sample in so many bytes that are allocated, with the
 * stack of the call:
 *
 *     DISPATCHALLOC_BACKEND=profile:file=/tmp/profile.%p program       one in 512 KiB
 *     dispatchalloc run -b profile:every=1,file=/tmp/profile.%p program  each block, exactly
 *
 * Samples come by chance (exponential gaps, of each thread), so that each byte is sampled with the
 * same probability, whatever the program does in turn. A block of size s is sampled with
 * probability p = 1 - exp(-s / every), and then stands for 1/p blocks, of s/p bytes: sums of these
 * are unbiased, of bytes and of blocks, by whatever they are summed up. With every=1 each block is
 * sampled and stands for itself. (Blocks of 0 bytes are seen with every=1 alone.)
 *
 * A sample belongs to a site: a stack, and with threads=on a thread. For each site there are the
 * blocks and bytes that were ever allocated, those that are live, and those that were when all
 * live bytes together were at their highest. A block that is resized ends, and another one begins.
 * Besides there are points: live bytes over time.
 *
 * What is found lies in a file, if there is a file=, which others may read at any time and which
 * stays when the process is killed. There it can also be switched off and on.
 *
 * Options: every=BYTES (512K), file=PATH (%p is the process id), start=on or off (on), threads=on
 * or off (off), lifetimes=on or off (off; without every=1 they are known anyway), stacks=N (32)
 * frames, sites=N (8192) at most, blocks=N sampled ones that are live at one time (64 K, 1 M with
 * every=1).
 */
#ifndef DISPATCHALLOC_PROFILE_H
#define DISPATCHALLOC_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/instance.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/** A call of a stack. */
struct dal_profile_frame {
    uint64_t address;    /**< of the call, when it was sampled */
    uint64_t offset;     /**< the same in its module, as addr2line(1) takes it; 0 without one */
    uint32_t module;     /**< the number of that, for dal_profile_file_text(); 0: not known */
    uint32_t size_bytes; /**< from one frame to the next one */
};

/** A site: blocks that were allocated by one stack. Later versions append to it. */
struct dal_profile_site {
    uint32_t size_bytes;                    /**< bytes of this structure that the library filled */
    uint32_t frame_count;                   /**< how many frames; 0: of all that have no site */
    const struct dal_profile_frame *frames; /**< the call that allocated first; never NULL */
    uint64_t thread;                        /**< with threads=on its number, else 0 */
    uint64_t samples;                       /**< how many were taken */
    uint64_t allocated_blocks;              /**< estimated, ever allocated */
    uint64_t allocated_bytes;               /**< the same in bytes */
    uint64_t live_blocks;                   /**< estimated, that are live */
    uint64_t live_bytes;                    /**< the same in bytes */
    uint64_t peak_blocks;                   /**< estimated, that were live at the peak of all */
    uint64_t peak_bytes;                    /**< the same in bytes */
    uint64_t temporary_blocks; /**< estimated, that were given back by the thread that made them
                                    before it had another sample: with every=1 before it allocated
                                    again */
    uint64_t lifetime_ns;      /**< estimated, of all that have ended together, in nanoseconds, or
                                    UINT64_MAX where that does not fit; 0 with every=1 unless with
                                    lifetimes=on */
};

/** Live bytes at a time. Later versions append to it. */
struct dal_profile_point {
    uint32_t size_bytes; /**< bytes of this structure that the library filled */
    uint32_t reserved_;
    uint64_t time_ns;    /**< since the start of the layer, in nanoseconds */
    uint64_t live_bytes; /**< estimated, that were live then */
};

/**
 * Called once a site.
 *
 * @param site  valid during the call only.
 * @param data  what the caller passed on; may be NULL.
 * @return 0 to go on, anything else to stop.
 */
typedef int (*dal_profile_visitor)(const struct dal_profile_site *site, void *data);

/**
 * Called once a point.
 *
 * @param point  valid during the call only.
 * @param data   what the caller passed on; may be NULL.
 * @return 0 to go on, anything else to stop.
 */
typedef int (*dal_profile_point_visitor)(const struct dal_profile_point *point, void *data);

/**
 * Walk through the sites of a file of `profile:file=`: that of another process, or of one that has
 * ended.
 *
 * @param file   the bytes of the file, mapped or read, aligned to 64; not NULL.
 * @param bytes  how many there are, in bytes.
 * @param visit  called for each site, in the order in which they were first met; not NULL.
 * @param data   passed on to visit; may be NULL.
 * @return 0; DAL_ERR_INVALID if an argument is, or file too short; DAL_ERR_ABI if it is no profile
 *         of this version; or what visit returned.
 *
 * Of a process that runs it is off by what that is just doing. Thread-safe; may be called from
 * inside a backend.
 */
DAL_API int dal_profile_file_visit(const void *file, size_t bytes, dal_profile_visitor visit,
                                   void *data);

/**
 * Walk through the points of such a file: live bytes over time, at most 512, however long the
 * process has run. The peak, and what there was at the end, lie between them or behind:
 * dal_profile_file_get() tells when.
 *
 * @param file   as for dal_profile_file_visit(); not NULL.
 * @param bytes  how many there are, in bytes.
 * @param visit  called for each point, in the order of their times; not NULL.
 * @param data   passed on to visit; may be NULL.
 * @return as dal_profile_file_visit().
 *
 * As dal_profile_file_visit().
 */
DAL_API int dal_profile_file_visit_points(const void *file, size_t bytes,
                                          dal_profile_point_visitor visit, void *data);

/**
 * Read a number of such a file.
 *
 * @param file   as for dal_profile_file_visit(); not NULL.
 * @param bytes  how many there are, in bytes.
 * @param key    not NULL. "allocated_blocks", "allocated_bytes", "live_blocks", "live_bytes",
 *               "peak_blocks", "peak_bytes", "temporary_blocks", "samples": of all sites together,
 *               UINT64_MAX where that does not fit.
 *               "sites": how many there are; "modules": the highest number of one. "every" and
 *               "stacks": the options. "on": 1 while samples are taken. "lifetimes": 1 if
 * lifetime_ns is known. "lost_blocks": sampled ones that had no place among the live; "lost_sites":
 *               samples that had none among the sites; "lost_modules": frames that had none among
 *               the modules, or whose file has a name of more than 439 bytes. "memory_bytes": the
 * most that the layer takes, without what stacks take. "start_ns": when the layer started, in
 * nanoseconds since 1970; "changed_ns" and "peak_ns": how long after that a sample has last changed
 * something, and the peak was; to some milliseconds with every=1 unless with lifetimes=on.
 * @param value  where it goes; not NULL, and unchanged on failure.
 * @return 0; DAL_ERR_UNKNOWN if this version has no such key; else as dal_profile_file_visit().
 *
 * As dal_profile_file_visit().
 */
DAL_API int dal_profile_file_get(const void *file, size_t bytes, const char *key, uint64_t *value);

/**
 * Read a text of such a file.
 *
 * @param file          as for dal_profile_file_visit(); not NULL.
 * @param bytes         how many there are, in bytes.
 * @param key           not NULL. "head": lines that say which process made it. "process": its
 *                      number and, in parentheses, its name. "module.N", "build_id.N": the file of
 *                      the module of that number, and its build id, "" if it has none.
 * @param buffer        the caller's, where the text goes, terminated and cut to fit; not NULL.
 * @param buffer_bytes  room there, in bytes.
 * @return 0; DAL_ERR_UNKNOWN if there is no such key; else as dal_profile_file_visit().
 *
 * As dal_profile_file_visit().
 */
DAL_API int dal_profile_file_text(const void *file, size_t bytes, const char *key, char *buffer,
                                  size_t buffer_bytes);

/**
 * Have a process take samples, or take none, by its file. Each thread finds that out when its next
 * sample is due, which is the first that is taken, or that is not. Blocks that were sampled are
 * followed to their end in any case.
 *
 * @param file   the file, mapped to be written to and shared; not NULL.
 * @param bytes  how many there are, in bytes.
 * @param is_on  whether samples are to be taken.
 * @return as dal_profile_file_visit().
 *
 * As dal_profile_file_visit().
 */
DAL_API int dal_profile_file_switch(void *file, size_t bytes, int is_on);

/**
 * dal_profile_file_get() of what a layer has found up to now, also without a file.
 *
 * @param instance  one whose outermost item is `profile`, such as "profile:every=1+arena"; NULL or
 *                  dal_global() for the one that serves the front.
 * @param key       as there; not NULL.
 * @param value     where it goes; not NULL, and unchanged on failure.
 * @return as there; DAL_ERR_UNSUPPORTED if the instance has no such layer, or if nothing has been
 *         allocated from the front yet.
 *
 * Thread-safe; takes no lock and allocates nothing; may be called from a signal handler and from
 * inside a backend.
 */
DAL_API int dal_profile_get(const struct dal_instance *instance, const char *key, uint64_t *value);

/**
 * dal_profile_file_visit() of what a layer has found up to now, also without a file.
 *
 * @param instance  as for dal_profile_get(); may be NULL.
 * @param visit     as there; not NULL.
 * @param data      as there; may be NULL.
 * @return as there; DAL_ERR_UNSUPPORTED as for dal_profile_get().
 *
 * As dal_profile_get().
 */
DAL_API int dal_profile_visit(const struct dal_instance *instance, dal_profile_visitor visit,
                              void *data);

/**
 * dal_profile_file_visit_points() of what a layer has found up to now, also without a file.
 *
 * @param instance  as for dal_profile_get(); may be NULL.
 * @param visit     as there; not NULL.
 * @param data      as there; may be NULL.
 * @return as there; DAL_ERR_UNSUPPORTED as for dal_profile_get().
 *
 * As dal_profile_get().
 */
DAL_API int dal_profile_visit_points(const struct dal_instance *instance,
                                     dal_profile_point_visitor visit, void *data);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_PROFILE_H */
