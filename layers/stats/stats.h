/* SPDX-License-Identifier: MIT */
/*
 * The insides of the layer `stats`, for its own files only.
 *
 *   stats.c            the slots, and what making an instance takes
 *   family.c           malloc and its family over that of the wrapped allocator
 *   count.c            counting what does not go the short way of stats.c
 *   lifetime.c         how long blocks live (lifetimes=on)
 *   total.c            adding them up; dal_stats_read()
 *   keys.c             the names of what is counted; dal_stats_get(), dal_stats_visit()
 *   report.c           the instances, and the text at exit
 *   file.c             counters in a file, for readers outside the process
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

#include "../instances.h"

#define STATS_HIDDEN LAYER_HIDDEN

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
 * bits, blocks above. When it would reach STATS_RECENT_BYTES or _BLOCKS the call takes the long
 * way, which settles the word into the counters. A size that is as large goes the middle way: its
 * word counts blocks alone, from STATS_LARGE up to where it would be 0, and its bytes go to the
 * balance of the thread, or at once to the instance's shared one where they are as much as a
 * balance may be. What a thread has settled goes there whenever the balance has changed by
 * STATS_BALANCE_BYTES or _BLOCKS. A new peak is looked for when a word is settled, and when the
 * balance would rise above what the shared one was short of the peak when that was last seen.
 *
 * What a thread has not passed on is thus, in bytes, less than 4096 in each of the eight
 * recent words from 32 to 4095 and less than 128 blocks in the smaller ones, which makes
 * 40 KiB in all, and 24 KiB of balance: 64 KiB. In blocks it is 13 * 127 + 12 * 127 + 768 < 4096.
 */
#define STATS_RECENT_BYTES   UINT64_C(0x1000)
#define STATS_RECENT_BLOCK   UINT64_C(0x10000)
#define STATS_RECENT_BLOCKS  128
#define STATS_RECENT_CLASSES 13 /* sizes below STATS_RECENT_BYTES, which is 2 to the 12th */
#define STATS_LARGE          ((uint32_t)-128)
#define STATS_WORD_CLASSES   25 /* with those below 16 MiB; the other words are closed */
#define STATS_BALANCE_BYTES  (24 * 1024)
#define STATS_BALANCE_BLOCKS 768

/* The highest class of a size that the balance takes. */
#define STATS_MIDDLE_CLASS 15

/* A word that sends every call on the long way: of a class that always goes there, or of one
 * of which this thread has given no block back lately (see settle_given() in count.c). */
#define STATS_CLOSED UINT32_C(0x40000000)

/* Bits that no open word has: bytes from 0x1000, blocks from 128. Every bit above them, too,
 * so that no size slips through: one of 64 KiB or more has a word with one of them, unless it is
 * above PTRDIFF_MAX and then it has bit 63 itself. (The words of a thread without a block, and
 * large ones, are all ones in the upper bits, over which a size in the last 4 GiB wraps; no layout
 * has one.) */
#define STATS_RECENT_FULL (~(uint64_t)0x7f0fff)

struct stats_counters {
    /* These first: a thread without a block finds closed words in their place. */
    _Alignas(64) _Atomic(uint32_t) recent_made[STATS_CLASSES]; /* by alloc */
    _Atomic(uint32_t) recent_given[STATS_CLASSES];             /* back, by dealloc */

    /* How far the balance of bytes may rise on the middle way, and by how much more it may from
     * where it is: the difference is the balance, which is not yet in the shared one. */
    _Atomic(int64_t) ceiling, room;
    _Atomic(uint32_t) is_to_look;   /* for a peak, before a large block is given back */
    _Atomic(uint32_t) word_classes; /* those from here on have no open word */

    /* With lifetimes=on: blocks until the next one that is followed, and where from the gap to the
     * one after is drawn; 0 before the first. */
    _Atomic(int32_t) until;
    _Atomic(uint64_t) random;

    _Atomic(int64_t) balance_blocks;
    /* Of alloc and dealloc with what the others have made and given back, for which only these are
     * to be counted on the short way: see stats_own_calls(). */
    _Atomic(uint64_t) calls[STATS_OPERATIONS];
    _Atomic(uint64_t) failures[STATS_OPERATIONS];
    _Atomic(uint64_t) obtained[STATS_CLASSES];
    _Atomic(int64_t) live[STATS_CLASSES];
};

_Static_assert(offsetof(struct stats_counters, balance_blocks) <= DAL_THREAD_PART_INLINE_BYTES,
               "what the short way reads stands where a thread without a block may look");

#define STATS_NAME_BYTES    512
#define STATS_LABEL_BYTES   64
#define STATS_PROCESS_BYTES 128
#define STATS_CHOSEN_BYTES  1024
#define STATS_REPORT_BYTES  10240

/* What all threads count in together, and what it is called. Relaxed. */
struct stats_shared {
    _Alignas(64) _Atomic(int64_t) bytes;
    _Atomic(int64_t) blocks;
    _Atomic(int64_t) peak_bytes;
    _Atomic(int64_t) peak_blocks;
    _Atomic(uint64_t) uncounted;
    /* Blocks that were followed until they were given back, or until another took their place, by
     * the classes of their ages in nanoseconds. */
    _Atomic(uint64_t) ended[STATS_CLASSES], lost[STATS_CLASSES];
    char name[STATS_NAME_BYTES];
    char label[STATS_LABEL_BYTES];
};

/* What an instance is called where people read it: its name, and its label in quotes. */
#define STATS_TITLE "%s%s%s%s"
#define STATS_TITLE_OF(shared) \
    (shared)->name, (shared)->label[0] ? " \"" : "", (shared)->label, (shared)->label[0] ? "\"" : ""

/* The form of a file of counters, which this and the sizes tell. */
#define STATS_FORM UINT32_C(2)

/* Threads at one time that have a part of their own in a file. What more of them count goes into
 * one that they share, by the long way and locked instructions. */
#define STATS_FILE_PARTS 128

/* Forks of different threads that an instance has counts for at one time. */
#define STATS_FORKS 8

/* A file of counters. A thread's part that was never used is zero, and adds nothing. */
struct stats_file {
    char head[DAL_FILE_HEAD_BYTES];  /* the service's */
    char report[STATS_REPORT_BYTES]; /* text, at the end */
    _Atomic(uint32_t) form;          /* last of all that is filled: release */
    uint32_t shared_bytes, part_bytes, part_count;
    char process[STATS_PROCESS_BYTES]; /* whose it is, since the report is to ask nobody */
    char chosen[STATS_CHOSEN_BYTES];   /* who serves, and who chose that */
    struct stats_shared shared;
    _Alignas(64) struct stats_counters common;
    struct stats_counters parts[STATS_FILE_PARTS];
};

/* Whether counts are in the file that is wanted. */
enum stats_file_state {
    STATS_FILE_NONE, /* none is wanted, or it could not be made */
    STATS_FILE_MADE,
    /* Those from here on are seen to by the next call that takes a block: an instance that is made,
     * or a child of a fork that is born, may never allocate. */
    STATS_FILE_WANTED,
    STATS_FILE_MAKING
};

/* An instance, the ctx of the slots; at the start of a page. What runs at exit may walk by while
 * another thread destroys it. */
struct stats_instance {
    struct layer_instance listed; /* first */
    const struct dal_instance *next;
    struct dal_thread_record record; /* of struct stats_counters */
    const struct dal_services *services;
    const struct dal_instance_calls *calls;

    int print;                   /* at exit */
    int prints_to_file;          /* file=, not share= */
    struct stats_shared *shared; /* its own, or in its pages */
    struct stats_lives *lives;   /* NULL: none are followed */

    /* Those that count in a file, or are to. */
    _Atomic(int) file_state;     /* enum stats_file_state; release where it becomes MADE or NONE */
    _Atomic(uintptr_t) maker;    /* the thread that makes it, or did; 0: none has begun */
    _Atomic(long) maker_process; /* by which a child without fork handlers knows that it is gone */
    struct stats_file
        *file; /* pages of the file, or memory until there is one; NULL: none wanted */
    size_t file_bytes;
    struct {
        _Atomic(uintptr_t) thread; /* 0: free */
        struct stats_file *pages;
    } forks[STATS_FORKS];
    char path[DAL_FILE_PATH_MAX]; /* as file_map() takes it; "": the user's directory */

    struct stats_shared own;
};

/* ---- stats.c --------------------------------------------------------------------------- */

STATS_HIDDEN void *dal_stats_alloc_(size_t size, size_t align, void *ctx);
STATS_HIDDEN void *dal_stats_alloc_followed_(size_t size, size_t align, void *ctx);

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

static inline int stats_is_block(const struct stats_counters *counters)
{
    /* No word of a block is all ones: those are what a thread without a block finds. */
    return atomic_load_explicit(&counters->recent_made[0], memory_order_relaxed) != UINT32_MAX;
}

/* Count a block by one addition to the word of its size, of what was made or given back: 1, or 0
 * if that needs another way. */
static inline int stats_count_short(_Atomic(uint32_t) *recent, size_t size)
{
    uint64_t word = atomic_load_explicit(recent, memory_order_relaxed) + STATS_RECENT_BLOCK + size;

    if (DAL_UNLIKELY_(word & STATS_RECENT_FULL))
        return 0;
    atomic_store_explicit(recent, (uint32_t)word, memory_order_relaxed);
    return 1;
}

/* ---- The middle way: 1, or 0 if a block needs another one. A small one does, whose word has no
 * top bit, and so does any in a thread without a block, whose words become 0. ---- */

/* The word with one block more, as a number below 0 if it is of the middle way. */
static inline int32_t stats_large_word(const _Atomic(uint32_t) *recent)
{
    return (int32_t)(atomic_load_explicit(recent, memory_order_relaxed) + 1);
}

/* One whose bytes go to the balance, where that has room. */
static inline int stats_count_middle(struct stats_counters *counters, _Atomic(uint32_t) *recent,
                                     size_t size, int is_made)
{
    int32_t word = stats_large_word(recent);
    int64_t room;

    if (DAL_UNLIKELY_(word >= 0))
        return 0;
    room = atomic_load_explicit(&counters->room, memory_order_relaxed);
    room = is_made ? room - (int64_t)size : room + (int64_t)size;
    if (DAL_UNLIKELY_(is_made ? room < 0 : room >= STATS_BALANCE_BYTES))
        return 0;
    atomic_store_explicit(recent, (uint32_t)word, memory_order_relaxed);
    atomic_store_explicit(&counters->room, room, memory_order_relaxed);
    return 1;
}

static inline int64_t stats_balance(const struct stats_counters *counters)
{
    return atomic_load_explicit(&counters->ceiling, memory_order_relaxed) -
           atomic_load_explicit(&counters->room, memory_order_relaxed);
}

/* By this thread, which has a block of counters. */
STATS_HIDDEN void dal_stats_look_for_peak_(struct stats_instance *instance);
STATS_HIDDEN void dal_stats_set_ceiling_(struct stats_instance *instance);

static inline int stats_is_huge(const _Atomic(uint32_t) *recent, size_t size)
{
    return size >= STATS_BALANCE_BYTES && DAL_LIKELY_(stats_large_word(recent) < 0);
}

/* One that is as much as a balance may be, after it was made. What comes next may be a peak. */
static inline void stats_count_huge_made(struct stats_instance *instance,
                                         struct stats_counters *counters, _Atomic(uint32_t) *recent,
                                         size_t size)
{
    struct stats_shared *shared = instance->shared;
    int64_t balance = stats_balance(counters);
    int64_t seen = (int64_t)size + balance;

    atomic_store_explicit(recent, (uint32_t)stats_large_word(recent), memory_order_relaxed);
    atomic_store_explicit(&counters->ceiling, balance, memory_order_relaxed);
    atomic_store_explicit(&counters->room, 0, memory_order_relaxed);
    seen += atomic_fetch_add_explicit(&shared->bytes, (int64_t)size, memory_order_relaxed);
    if (DAL_UNLIKELY_(seen > atomic_load_explicit(&shared->peak_bytes, memory_order_relaxed)))
        dal_stats_look_for_peak_(instance);
}

/* The same before it is given back: 1, or 0 if it needs the long way. */
static inline int stats_count_huge_given(struct stats_instance *instance,
                                         const struct stats_counters *counters,
                                         _Atomic(uint32_t) *recent, size_t size)
{
    if (!stats_is_huge(recent, size) ||
        DAL_UNLIKELY_(atomic_load_explicit(&counters->is_to_look, memory_order_relaxed)))
        return 0;
    atomic_store_explicit(recent, (uint32_t)stats_large_word(recent), memory_order_relaxed);
    (void)atomic_fetch_sub_explicit(&instance->shared->bytes, (int64_t)size, memory_order_relaxed);
    return 1;
}

/* What a word holds that was counted in one of these ways. */
struct stats_recent {
    uint32_t blocks, bytes;
};

static inline struct stats_recent stats_recent_of(uint32_t word)
{
    if (word >= STATS_LARGE)
        return (struct stats_recent){word - STATS_LARGE, 0};
    if (word == STATS_CLOSED)
        return (struct stats_recent){0, 0};
    return (struct stats_recent){word / (uint32_t)STATS_RECENT_BLOCK,
                                 word % (uint32_t)STATS_RECENT_BLOCK};
}

/* An operation that makes a block besides alloc, and one that gives one back besides dealloc. */
static inline int stats_makes(unsigned operation)
{
    return operation != STATS_ALLOC && operation != STATS_DEALLOC;
}

static inline int stats_resizes(unsigned operation)
{
    return stats_makes(operation) && operation != STATS_ALLOC_ZEROED;
}

/* ---- lifetime.c -------------------------------------------------------------------------- */

/* One block in so many is followed. */
#define STATS_FOLLOW_EVERY 128

#define STATS_LIFE_BITS 11

/* The blocks that are followed, by a hash of their addresses; 0: none is. */
struct stats_lives {
    _Atomic(uintptr_t) addresses[1 << STATS_LIFE_BITS];
    _Atomic(uint64_t) born[1 << STATS_LIFE_BITS]; /* by the clock */
};

#define STATS_LIVES_BYTES sizeof(struct stats_lives)

static inline size_t stats_life_place(const void *ptr)
{
    return (size_t)((uint64_t)(uintptr_t)ptr * UINT64_C(0x9e3779b97f4a7c15) >>
                    (64 - STATS_LIFE_BITS));
}

/* Whether a block is to be followed that this thread makes; else it is counted as passed over. One
 * is, for dal_stats_life_begins_() to see, in a thread without a block of counters, too. */
static inline int stats_is_to_follow(struct stats_counters *counters)
{
    int32_t until = atomic_load_explicit(&counters->until, memory_order_relaxed);

    if (DAL_UNLIKELY_(until <= 0))
        return 1;
    atomic_store_explicit(&counters->until, until - 1, memory_order_relaxed);
    return 0;
}

static inline int stats_is_followed(const struct stats_instance *instance, const void *ptr)
{
    return atomic_load_explicit(&instance->lives->addresses[stats_life_place(ptr)],
                                memory_order_relaxed) == (uintptr_t)ptr;
}

/* The table: 1, or 0 if there is no memory. */
STATS_HIDDEN int dal_stats_lives_open_(struct stats_instance *instance);
STATS_HIDDEN void dal_stats_lives_close_(struct stats_instance *instance);

/* Follow a block, if there is one, that stats_is_to_follow() was told of. Like those below it
 * leaves errno as it is. */
STATS_HIDDEN void dal_stats_life_begins_(struct stats_instance *instance, const void *ptr);

/* Before a block is given back that stats_is_followed(). NULL is none. */
STATS_HIDDEN void dal_stats_life_ends_(struct stats_instance *instance, const void *ptr);

/* Around a call that resizes a block: when it was made, or 0 if it is not followed; and where that
 * lives on which is not 0. */
STATS_HIDDEN uint64_t dal_stats_life_leaves_(struct stats_instance *instance, const void *ptr);
STATS_HIDDEN void dal_stats_life_goes_on_(struct stats_instance *instance, const void *ptr,
                                          uint64_t born);

/* ---- family.c ---------------------------------------------------------------------------- */

STATS_HIDDEN extern const struct dal_malloc_family dal_stats_family_, dal_stats_following_family_;

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

/* Count a call the long way, whatever it did. */
STATS_HIDDEN void dal_stats_count_(struct stats_instance *instance,
                                   const struct stats_event *event);

/* Count a block of a call that succeeded, in whichever way it can be: this thread has a block of
 * counters. Who calls them for an operation but alloc and dealloc counts that in `calls`. */
STATS_HIDDEN void dal_stats_count_made_(struct stats_instance *instance, size_t size);
STATS_HIDDEN void dal_stats_count_given_(struct stats_instance *instance, size_t size);

/* 1, or 0 if it is to be the long way. */
DAL_ATTRIBUTE_((always_inline))
static inline int stats_count_made(struct stats_instance *instance, struct stats_counters *counters,
                                   size_t size)
{
    _Atomic(uint32_t) *recent = &counters->recent_made[stats_class_of(size)];

    if (stats_count_short(recent, size) || stats_count_middle(counters, recent, size, 1))
        return 1;
    if (!stats_is_huge(recent, size))
        return 0;
    stats_count_huge_made(instance, counters, recent, size);
    return 1;
}

DAL_ATTRIBUTE_((always_inline))
static inline int stats_count_given(struct stats_instance *instance,
                                    struct stats_counters *counters, size_t size)
{
    _Atomic(uint32_t) *recent = &counters->recent_given[stats_class_of(size)];

    return stats_count_short(recent, size) || stats_count_middle(counters, recent, size, 0) ||
           stats_count_huge_given(instance, counters, recent, size);
}

/* ---- Other operations ---- */

/* Count what could not be counted so of one of those that make a block besides alloc: the old block
 * if it has one (old), or the new one. Returns 0 if that was the whole call, in a thread without a
 * block of counters, whose event it is given for. They leave errno as it is. */
STATS_HIDDEN int dal_stats_count_old_(struct stats_instance *instance,
                                      const struct stats_event *event);
STATS_HIDDEN int dal_stats_count_new_(struct stats_instance *instance,
                                      const struct stats_event *event);

/* Count a call of one of those that succeeded. */
DAL_ATTRIBUTE_((always_inline))
static inline void stats_count_call(struct stats_instance *instance, enum stats_operation operation,
                                    int has_old, size_t old_size, size_t new_size)
{
    struct stats_counters *counters = stats_mine(instance);
    _Atomic(uint64_t) *calls = &counters->calls[operation];
    struct stats_event event;

    if (stats_resizes(operation) &&
        DAL_UNLIKELY_(!has_old || !stats_count_given(instance, counters, old_size))) {
        event = (struct stats_event){operation, 0, has_old, 1, old_size, new_size};
        if (!dal_stats_count_old_(instance, &event))
            return;
    }
    if (DAL_UNLIKELY_(!stats_count_made(instance, counters, new_size))) {
        event = (struct stats_event){operation, 0, 0, 1, 0, new_size};
        if (!dal_stats_count_new_(instance, &event))
            return;
    }
    atomic_store_explicit(calls, atomic_load_explicit(calls, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* Count one that failed. */
STATS_HIDDEN void dal_stats_count_failed_(struct stats_instance *instance,
                                          enum stats_operation operation);

/* Have this thread's next call of any size go the long way, with all that it has counted settled.
 */
STATS_HIDDEN void dal_stats_close_words_(struct stats_instance *instance);

/* Take back what was added for an allocation that failed, and count that. */
STATS_HIDDEN void dal_stats_count_failed_alloc_(struct stats_instance *instance, size_t size);

/* ---- total.c ----------------------------------------------------------------------------- */

/* What everything that an instance has counted adds up to. */
struct stats_sum {
    struct dal_stats totals;
    uint64_t calls[STATS_OPERATIONS];
    uint64_t failures[STATS_OPERATIONS];
    uint64_t obtained[STATS_CLASSES];
    uint64_t live[STATS_CLASSES];
    uint64_t ended[STATS_CLASSES], lost[STATS_CLASSES]; /* lifetimes */
};
STATS_HIDDEN void dal_stats_sum_(struct stats_instance *instance, struct stats_sum *sum);

/* The same of a file that was read into memory: 0, or a negative error number. */
STATS_HIDDEN int dal_stats_sum_file_(const void *file, size_t bytes, struct stats_sum *sum);

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

/* ---- report.c ---------------------------------------------------------------------------- */

/* All of them. */
STATS_HIDDEN extern struct layer_instances dal_stats_instances_;

/* The report, to the file of the instance or to standard error. */
STATS_HIDDEN void dal_stats_print_(struct stats_instance *instance);

/* ---- file.c ------------------------------------------------------------------------------ */

/* Count in memory that can become a file: the path is in the instance, whose record is open and has
 * no part yet. Returns 0 if there is no memory. */
STATS_HIDDEN int dal_stats_file_prepare_(struct stats_instance *instance);
STATS_HIDDEN void dal_stats_file_close_(struct stats_instance *instance);

/* Have it become the file, by this thread or another. One line says if that cannot be. */
STATS_HIDDEN void dal_stats_file_make_(struct stats_instance *instance);

/* For each call that takes a block. */
static inline void stats_file_make(struct stats_instance *instance)
{
    if (DAL_UNLIKELY_(atomic_load_explicit(&instance->file_state, memory_order_acquire) >=
                      STATS_FILE_WANTED))
        dal_stats_file_make_(instance);
}

/* The child of a fork counts in a file of its own. These are slots, and call those below. */
STATS_HIDDEN void dal_stats_fork_prepare_(void *ctx);
STATS_HIDDEN void dal_stats_fork_parent_(void *ctx);
STATS_HIDDEN void dal_stats_fork_child_(void *ctx);

#endif /* DAL_STATS_PRIVATE_H */
