/* SPDX-License-Identifier: MIT */
/*
 * The insides of the layer `stats`, for its own files only.
 *
 *   stats.c            the slots, create() and destroy()
 *   family.c           malloc and its family over that of the wrapped allocator
 *   count.c            counting what does not go the short way of stats.c
 *   total.c            adding them up; dal_stats_read()
 *   keys.c             the names of what is counted; dal_stats_get(), dal_stats_visit()
 *   report.c           the text, at exit and on a signal
 *   posix.c, windows.c what differs between systems
 *
 * Every thread counts in a block of its own for every instance that it uses: its part of the
 * instance's thread record. Only the thread that has it writes to its counters, by relaxed loads
 * and stores, so counting takes no locked instruction; readers may look at any time. When a
 * thread ends, the next that comes goes on counting in its blocks: nothing has to be moved, and
 * short-lived threads need no new memory.
 *
 * There is no lock anywhere, so a fork at any moment leaves the child able to count. In the
 * child the blocks of threads that it does not have count as before.
 */
#ifndef DAL_STATS_PRIVATE_H
#define DAL_STATS_PRIVATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/backend.h>
#include <dispatchalloc/stats.h>

#if defined __ELF__ || defined __APPLE__
# define STATS_HIDDEN __attribute__((visibility("hidden")))
#else
# define STATS_HIDDEN
#endif

/* The operations that are counted, in the order of the slots of an instance, and what they
 * are called in keys and in the report. A name that was released stays. */
#define STATS_OPERATION_LIST(X)     \
    X(ALLOC, "alloc")               \
    X(DEALLOC, "dealloc")           \
    X(ALLOC_ZEROED, "alloc_zeroed") \
    X(REALLOC, "realloc")           \
    X(GROW, "grow")                 \
    X(GROW_ZEROED, "grow_zeroed")   \
    X(SHRINK, "shrink")             \
    X(RESIZE_IN_PLACE, "resize_in_place")

#define STATS_OPERATION_(operation, name) STATS_##operation,
enum stats_operation { STATS_OPERATION_LIST(STATS_OPERATION_) };
#undef STATS_OPERATION_

#define STATS_ONE_(operation, name) +1
enum { STATS_OPERATIONS = STATS_OPERATION_LIST(STATS_ONE_) };
#undef STATS_ONE_

/* Classes of sizes: class 0 is size 0, class n is 2^(n-1) to 2^n - 1 bytes. */
#define STATS_CLASSES 64

/*
 * What a call on the short way does is one addition to a `recent` word: bytes in the low 16
 * bits, blocks above. When it would reach STATS_RECENT_BYTES or _BLOCKS, and for every size
 * that is as large, the call takes the long way, which settles the word into the counters.
 * From there the balance of the thread goes to the instance's shared one whenever it has
 * changed by STATS_BALANCE_BYTES or _BLOCKS, and only that looks for a new peak.
 *
 * What a thread has not passed on is thus, in bytes, less than 4096 in each of the eight
 * recent words from 32 to 4095 and less than 128 blocks in the smaller ones, which makes
 * 40 KiB in all, and 24 KiB of balance: 64 KiB. In blocks it is 13 * 127 + 2048 < 4096.
 */
#define STATS_RECENT_BYTES   UINT64_C(0x1000)
#define STATS_RECENT_BLOCK   UINT64_C(0x10000)
#define STATS_RECENT_BLOCKS  128
#define STATS_RECENT_CLASSES 13 /* sizes below STATS_RECENT_BYTES, which is 2 to the 12th */
#define STATS_BALANCE_BYTES  (24 * 1024)
#define STATS_BALANCE_BLOCKS 2048

/* A word that sends every call on the long way: of a class that always goes there, or of one
 * of which this thread has given no block back lately (see dal_stats_settle_given_()). */
#define STATS_RECENT_CLOSED UINT32_C(0x80000000)

/* Bits that no open word has: bytes from 0x1000, blocks from 128. Every bit above them, too,
 * so that no size slips through: one of 64 KiB or more has a closed word, unless it is above
 * PTRDIFF_MAX and then it has bit 63 itself. (The words of a thread without a block are all ones,
 * and a size in the last 4 GiB wraps over them; no layout has one.) */
#define STATS_RECENT_FULL (~(uint64_t)0x7f0fff)

struct stats_counters {
    /* These first: a thread without a block finds closed words in their place. */
    _Atomic(uint32_t) recent_made[STATS_CLASSES];  /* by alloc */
    _Atomic(uint32_t) recent_given[STATS_CLASSES]; /* back, by dealloc */

    _Atomic(int64_t) balance_bytes; /* not yet in the shared balance */
    _Atomic(int64_t) balance_blocks;

    _Atomic(uint64_t) calls[STATS_OPERATIONS];
    _Atomic(uint64_t) failures[STATS_OPERATIONS];
    _Atomic(uint64_t) obtained[STATS_CLASSES];
    _Atomic(int64_t) live[STATS_CLASSES];
};

_Static_assert(offsetof(struct stats_counters, balance_bytes) <= DAL_THREAD_PART_INLINE_BYTES,
               "what the short way reads stands where a thread without a block may look");

/* Of an instance: whether its memory is in use, and whether it may be read. */
enum stats_state { STATS_UNUSED, STATS_TAKEN, STATS_LIVE };

#define STATS_NAME_BYTES 512
#define STATS_FILE_BYTES 1024

/* An instance, the ctx of the slots; at the start of a page. Its memory is never given back to the
 * system, and its record never closed: both are the next instance's. So a signal handler that
 * prints while another thread destroys reads counters that are there, or zero. */
struct stats_instance {
    const struct dal_instance *next;
    struct dal_thread_record record; /* of struct stats_counters */
    const struct dal_services *services;
    const struct dal_instance_calls *calls;
    struct stats_instance *older; /* in the list of all that were ever made */
    _Atomic(int) state;           /* enum stats_state */

    int print;  /* at exit */
    int signal; /* 0: none */
    /* That of the wrapped allocator, and the one over it; unused where there is none. */
    struct dal_malloc_family child_family, family;
    char name[STATS_NAME_BYTES];
    char file[STATS_FILE_BYTES];  /* as in the spec; "": standard error */
    _Atomic(uint64_t) written_by; /* the process that has written to file */

    _Alignas(64) _Atomic(int64_t) shared_bytes;
    _Atomic(int64_t) shared_blocks;
    _Atomic(int64_t) peak_bytes;
    _Atomic(int64_t) peak_blocks;
    _Atomic(uint64_t) uncounted;
};

/* ---- stats.c --------------------------------------------------------------------------- */

STATS_HIDDEN void *dal_stats_alloc_(size_t size, size_t align, void *ctx);

/* The class of a size, in two instructions. 2 * size + 1 is never 0, and wraps only for a size
 * above PTRDIFF_MAX, whose class does not matter since it is not on the short way. */
static inline size_t stats_class_of(size_t size)
{
    return 63 - (size_t)__builtin_clzll(2 * (unsigned long long)size + 1);
}

/* The smallest and the largest size of a class. */
static inline uint64_t stats_class_first(unsigned index)
{
    return index == 0 ? 0 : (uint64_t)1 << (index - 1);
}

static inline uint64_t stats_class_last(unsigned index)
{
    return ((uint64_t)1 << index) - 1;
}

/* The block of this thread, or closed words where it has none. */
static inline struct stats_counters *stats_mine(const struct stats_instance *instance)
{
    return dal_thread_record_part(&instance->record);
}

/* Count a block by one addition to the word of its size, of what was made or given back: 1, or 0
 * if that needs the long way. */
static inline int stats_count_short(_Atomic(uint32_t) *words, size_t size)
{
    _Atomic(uint32_t) *recent = &words[stats_class_of(size)];
    uint64_t word = atomic_load_explicit(recent, memory_order_relaxed) + STATS_RECENT_BLOCK + size;

    if (DAL_UNLIKELY_(word & STATS_RECENT_FULL))
        return 0;
    atomic_store_explicit(recent, (uint32_t)word, memory_order_relaxed);
    return 1;
}

/* ---- family.c ---------------------------------------------------------------------------- */

/* Give an allocator a malloc family over that of its child, unless that is one of these already: a
 * family has no ctx, and its functions find the one instance that serves. */
STATS_HIDDEN void dal_stats_family_give_(struct stats_instance *instance,
                                         const struct dal_malloc_family *child,
                                         struct dal_allocator *allocator);

/* ---- count.c ----------------------------------------------------------------------------- */

/* What a call did: the block that it took, and the one that it gave. */
struct stats_event {
    enum stats_operation operation;
    int failed;
    int has_old, has_new;
    size_t old_size, new_size;
};

/* Make a block of counters what a new one is. A reader may look at it meanwhile. */
STATS_HIDDEN void dal_stats_fill_(void *part);

/* A call has left the short way: whether it can go back to it, now that the thread has a block
 * and the word of this size has room again. is_made says which word: of what alloc made. */
STATS_HIDDEN int dal_stats_can_go_short_(struct stats_instance *instance, size_t size, int is_made);

/* Count a call that was not counted on the short way. */
STATS_HIDDEN void dal_stats_count_(struct stats_instance *instance,
                                   const struct stats_event *event);

/* Take back what the short way has added for an allocation that failed, and count that. */
STATS_HIDDEN void dal_stats_count_failed_alloc_(struct stats_instance *instance, size_t size);

/* ---- total.c ----------------------------------------------------------------------------- */

/* What everything that an instance has counted adds up to. */
struct stats_sum {
    struct dal_stats totals;
    uint64_t calls[STATS_OPERATIONS];
    uint64_t failures[STATS_OPERATIONS];
    uint64_t obtained[STATS_CLASSES];
    uint64_t live[STATS_CLASSES];
};
STATS_HIDDEN void dal_stats_sum_(struct stats_instance *instance, struct stats_sum *sum);

/* The stats layer that an allocation from an instance (NULL: from the front) comes to first,
 * or NULL. */
STATS_HIDDEN struct stats_instance *dal_stats_layer_of_(const struct dal_instance *instance);

/* Raise a maximum. */
static inline void stats_raise(_Atomic(int64_t) *peak, int64_t value)
{
    int64_t seen = atomic_load_explicit(peak, memory_order_relaxed);

    while (value > seen && !atomic_compare_exchange_weak_explicit(
                               peak, &seen, value, memory_order_relaxed, memory_order_relaxed))
        ;
}

/* ---- keys.c ------------------------------------------------------------------------------ */

/* Put a number in decimal before a place in a text, where there must be room for 20 bytes.
 * Returns its first digit. */
STATS_HIDDEN char *dal_stats_prepend_number_(char *at, uint64_t number);

/* ---- report.c ---------------------------------------------------------------------------- */

/* Memory for an instance, zeroed but for its links and STATS_TAKEN, or NULL; and back. */
STATS_HIDDEN struct stats_instance *dal_stats_enlist_(const struct dal_services *services);
STATS_HIDDEN void dal_stats_delist_(struct stats_instance *instance);

/* The instance that was made last of those that have a malloc family. */
STATS_HIDDEN struct stats_instance *dal_stats_latest_with_family_(void);

/* Print every live instance that prints on a signal. Safe in a signal handler. */
STATS_HIDDEN void dal_stats_print_on_signal_(int signal);

/* 1 if a live instance prints on a signal. */
STATS_HIDDEN int dal_stats_wants_signal_(int signal);

/* ---- the system's ------------------------------------------------------------------------- */

/* All of these keep errno as it is, allocate nothing, and may be called in a signal handler,
 * but for what is for create(). */

STATS_HIDDEN uint64_t dal_stats_process_(void);

/* Write to a file: its path, or NULL for standard error. If append is 0, what the file held
 * goes. Returns 0 or an error number of the system. */
STATS_HIDDEN int dal_stats_write_(const char *path, int append, const char *text, size_t bytes);

/* What an error number of dal_stats_write_() means, or NULL. */
STATS_HIDDEN const char *dal_stats_reason_(int error);

/* The words that signal= takes: signals that nobody sends to end a program, and that no fault
 * raises. */
#define STATS_SIGNALS "USR1|USR2|HUP|URG|IO|WINCH|CONT|ALRM|PROF|VTALRM"

/* The number of one of them; not 0. */
STATS_HIDDEN int dal_stats_signal_(uint64_t index);

/* Have dal_stats_print_on_signal_() called on a signal: NULL, or why that cannot be. For create().
 */
STATS_HIDDEN const char *dal_stats_signal_on_(int signal);

/* Undo that, unless the program has set another handler since. */
STATS_HIDDEN void dal_stats_signal_off_(int signal);

#endif /* DAL_STATS_PRIVATE_H */
