/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/fail.h
 * @brief Allocations that fail on purpose: the layer `fail`, and a test in one call.
 *
 * `fail` wraps any allocator and has some of the calls return NULL, as if memory were exhausted:
 *
 *     DISPATCHALLOC_BACKEND=fail:nth=7 program                the seventh one
 *     DISPATCHALLOC_BACKEND=fail:every=100,after=5000 program  one in 100, but not of the first
 * 5000 DISPATCHALLOC_BACKEND=fail:rate=0.01,seed=3 program     one in 100 by chance, again the same
 *     DISPATCHALLOC_BACKEND=fail:size_min=1M program          all of 1 MiB or more
 *
 * What counts: each call that makes a block or makes one of another size (alloc, alloc_zeroed,
 * realloc, grow, grow_zeroed, shrink; malloc(3) and its kin), for a size from size_min= to
 * size_max=. The calls that count have numbers, from 1 on, one sequence for an instance and for all
 * of its threads; those of after= come first and never fail. Of the others fail the one of nth=,
 * each one that every= divides, and those that rate= picks by their number and seed= alone; both
 * nth= and every= count from after= on. Where none of the three is given, but a size or after= is,
 * all of them fail. `fail` without an option fails nothing, and counts.
 *
 * A call that fails sets errno to ENOMEM, asks the wrapped allocator for nothing and leaves a block
 * that was to be resized as it was. One that does not fail is passed on as it is. To resize in
 * place never fails on purpose: what is refused there is no lack of memory.
 *
 * Where calls fail can be narrowed to one process (process=) or to programs of a name (program=);
 * in other processes, and in the children of a fork(2), all of them pass. record= makes a file that
 * tells which calls came by which stacks: those that fail, or all where none is to. It is what
 * `dispatchalloc fail-each` goes by, and dal_fail_file_visit() and its siblings read it.
 *
 * dal_fail_each() has each allocation of a function fail in turn, for unit tests.
 */
#ifndef DISPATCHALLOC_FAIL_H
#define DISPATCHALLOC_FAIL_H

#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/instance.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/**
 * Read one of the things that a fail layer counts.
 *
 * @param instance  one whose outermost item is `fail`, such as "fail:nth=3+arena"; NULL or
 *                  dal_global() for the one that serves the front.
 * @param key       "calls", those that counted, or "failures", those of them that failed on
 *                  purpose; not NULL.
 * @param value     where it goes; not NULL, and unchanged on failure. A number of calls.
 * @return 0; DAL_ERR_INVALID if key or value is NULL; DAL_ERR_UNSUPPORTED if the instance has
 *         no such layer, or if nothing has been allocated from the front yet, whatever the key;
 *         DAL_ERR_UNKNOWN if it has one, and this version has no such key.
 *
 * Thread-safe; takes no lock and allocates nothing; may be called from a signal handler and from
 * inside a backend. In a forked child the counts start as those of the parent.
 */
DAL_API int dal_fail_get(const struct dal_instance *instance, const char *key, uint64_t *value);

/* ---- The record of a process --------------------------------------------------------------- */

/** Calls that came by one stack. Later versions append to it. */
struct dal_fail_stack {
    uint32_t size_bytes; /**< bytes of this structure that the library has filled */
    uint32_t reserved_;
    uint64_t first; /**< the number of the first call by that stack */
    uint64_t last;  /**< the number of the last one */
    uint64_t calls; /**< how many there were */
};

/**
 * Called once a stack.
 *
 * @param stack  valid during the call only.
 * @param data   what the caller passed on; may be NULL.
 * @return 0 to go on, anything else to stop.
 */
typedef int (*dal_fail_stack_visitor)(const struct dal_fail_stack *stack, void *data);

/**
 * Walk through the stacks of a record, as `fail:record=` makes one: that of another process, or of
 * one that has ended.
 *
 * @param file   the bytes of the file, mapped or read, aligned to 64; not NULL.
 * @param bytes  how many there are, in bytes.
 * @param visit  called for each different stack, in any order; not NULL.
 * @param data   passed on to visit; may be NULL.
 * @return 0; DAL_ERR_INVALID if an argument is, or file too short; DAL_ERR_ABI if it is no record
 * of this version; or what visit returned.
 *
 * Of a process that runs it is off by what that is just doing. Thread-safe; may be called from
 * inside a backend.
 */
DAL_API int dal_fail_file_visit(const void *file, size_t bytes, dal_fail_stack_visitor visit,
                                void *data);

/**
 * Read a number of a record.
 *
 * @param file   as for dal_fail_file_visit(); not NULL.
 * @param bytes  how many there are, in bytes.
 * @param key    not NULL. "calls": the number of the last call that was recorded. "stacks": how
 *               many different ones there were. "lost": calls of further stacks, of which there
 * were more than 65,536. "ended": 1 once exit handlers were run. "nth": the first call that has
 * failed, or 0; "size": how many bytes that was for; "live_blocks", "live_bytes": what was live
 * then, if a layer `stats` is right below.
 * @param value  where it goes; not NULL, and unchanged on failure.
 * @return 0; DAL_ERR_UNKNOWN if this version has no such key; else as dal_fail_file_visit().
 *
 * As dal_fail_file_visit().
 */
DAL_API int dal_fail_file_get(const void *file, size_t bytes, const char *key, uint64_t *value);

/**
 * Read a text of a record.
 *
 * @param file          as for dal_fail_file_visit(); not NULL.
 * @param bytes         how many there are, in bytes.
 * @param key           not NULL. "head": lines that say which process made it. "process": its
 * number and, in parentheses, its name. "stack": of the first call that has failed, in the form of
 * the sanitizers, a line a frame; "" if none has.
 * @param buffer        the caller's, where the text goes, terminated and cut to fit; not NULL.
 * @param buffer_bytes  room there, in bytes.
 * @return 0; DAL_ERR_UNKNOWN if this version has no such key; else as dal_fail_file_visit().
 *
 * As dal_fail_file_visit().
 */
DAL_API int dal_fail_file_text(const void *file, size_t bytes, const char *key, char *buffer,
                               size_t buffer_bytes);

/* ---- A test in one call ------------------------------------------------------------------- */

/**
 * What is tested: a piece of work that allocates from an instance, and from nothing else that
 * fails on its own. It is run again and again, and has to begin each time as it did the first.
 *
 * @param instance  to allocate from; valid during the call only. A block of it is given back
 *                  with its size, or is leaked.
 * @param ctx       what the caller passed on; may be NULL.
 * @return 0 if the work was done, anything else if it could not be.
 */
typedef int (*dal_fail_function)(const struct dal_instance *instance, void *ctx);

/** What dal_fail_each() finds. */
enum dal_fail_finding {
    DAL_FAIL_NONE = 0, /**< nothing is wrong */
    /** The work was not done, though no allocation was made to fail. */
    DAL_FAIL_UNDISTURBED = 1,
    /** Blocks were not given back; or all were, but one of them with another size. */
    DAL_FAIL_LEAKED = 2,
    /** Two runs that should not differ made another number of allocations. */
    DAL_FAIL_NOT_REPEATABLE = 3,
    /** The work was done, though an allocation failed. Right for a function that can do without,
     *  and then told by nothing else; wrong for one that has to tell. */
    DAL_FAIL_SWALLOWED = 4
};

/** Version of struct dal_fail_report. */
#define DAL_FAIL_REPORT_ABI 1u

/**
 * What dal_fail_each() has done and found. It is filled before each run as well, so that a
 * debugger, or a handler of signals, finds there which allocation was failing when the function
 * crashed. Later versions append to it.
 */
struct dal_fail_report {
    uint32_t abi;        /**< DAL_FAIL_REPORT_ABI */
    uint32_t size_bytes; /**< before: sizeof(struct dal_fail_report); after: how far it is filled */

    /** The allocation that fails in the run that is told of, from 1 on; 0: none, or nothing to tell
     */
    uint64_t nth;
    uint64_t call_count;      /**< allocations of a run in which none fails */
    uint64_t run_count;       /**< runs that were begun */
    uint64_t live_blocks;     /**< DAL_FAIL_LEAKED: blocks that were not given back */
    uint64_t live_bytes;      /**< DAL_FAIL_LEAKED: bytes of these, by the sizes asked for */
    uint64_t swallowed_count; /**< runs in which the work was done though an allocation failed */
    int32_t finding;          /**< enum dal_fail_finding, as dal_fail_each() returns it */
    int32_t result;           /**< what the function returned in the run that is told of */
    char message[512];        /**< one line that says what was found, "" if nothing; terminated */
};

/** What a struct dal_fail_report has to start as: `struct dal_fail_report report =
 *  DAL_FAIL_REPORT_INIT;` */
#define DAL_FAIL_REPORT_INIT                                                                   \
    {                                                                                          \
        DAL_FAIL_REPORT_ABI, (uint32_t)sizeof(struct dal_fail_report), 0, 0, 0, 0, 0, 0, 0, 0, \
        {                                                                                      \
            0                                                                                  \
        }                                                                                      \
    }

/**
 * Run a function with each of its allocations failing in turn (as Zig's
 * checkAllAllocationFailures): twice undisturbed, to count them, and then once for each, with that
 * one failing. Each run has an instance of its own over the system allocator. After each nothing
 * may be live.
 *
 * It ends with the first thing that is wrong, but goes on where the function swallowed a failure:
 * that is found only where nothing else is.
 *
 * @param function  not NULL. May use threads that it joins; their allocations are numbered as they
 *                  come.
 * @param ctx       passed on to function; may be NULL.
 * @param report    initialised with DAL_FAIL_REPORT_INIT, and can be used again as it is; filled as
 *                  far as size_bytes reaches, also on failure. Owned by the caller. NULL for who
 *                  wants the result alone.
 * @return 0 if nothing is wrong; an enum dal_fail_finding, which is positive; DAL_ERR_INVALID
 *         without a function; DAL_ERR_ABI if report was not initialised (and then nothing is run
 *         and nothing filled); or an error of dal_instance_create_spec().
 *
 * Only what function takes from its instance is seen. A failed allocation is one of its calls that
 * returns NULL, so n allocations are n + 2 runs. A function that leaves by longjmp(3) leaves an
 * instance behind. Thread-safe, as function is; not to be called from inside a backend.
 */
DAL_API int dal_fail_each(dal_fail_function function, void *ctx, struct dal_fail_report *report);

/**
 * dal_fail_each() over another allocator than the system's: made anew for each run.
 *
 * @param spec      such as "arena:limit=1M", see dispatchalloc/spec.h; not NULL.
 * @param function  as for dal_fail_each(); not NULL.
 * @param ctx       as for dal_fail_each(); may be NULL.
 * @param report    as for dal_fail_each(), valid as there; may be NULL.
 * @return as dal_fail_each(); DAL_ERR_INVALID also without a spec. What is wrong with a spec is
 *         in the message of report.
 *
 * As dal_fail_each().
 */
DAL_API int dal_fail_each_spec(const char *spec, dal_fail_function function, void *ctx,
                               struct dal_fail_report *report);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_FAIL_H */
