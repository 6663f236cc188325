/* SPDX-License-Identifier: MIT */
/*
 * The register of the layer `debug`: a record for each live block, found by its address.
 *
 * A table of lines, each a cache line with three records, in levels: each level is as large as all
 * before it, and nothing is ever moved from one to another. So a record stays where it is for as
 * long as its block lives, and to give a block back is one compare-and-swap on its key, which one
 * of several threads wins. What is done at every call is here, in line; the rest, and what pairs
 * with what, is in register.c.
 */
#ifndef DAL_DEBUG_REGISTER_H
#define DAL_DEBUG_REGISTER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/service.h>

#if defined __ELF__ || defined __APPLE__
# define DEBUG_HIDDEN __attribute__((visibility("hidden")))
#else
# define DEBUG_HIDDEN
#endif

/* What a record is known by. Of a live block it is the address; the highest bits, which no address
 * of a program has, say what else it is. */
#define DEBUG_KEY_FREE    UINT64_C(0)         /* no record */
#define DEBUG_KEY_LIVE    UINT64_C(0)         /* with an address */
#define DEBUG_KEY_GOING   (UINT64_C(1) << 60) /* a thread has it: it gives it back, or resizes it */
#define DEBUG_KEY_KEPT    (UINT64_C(2) << 60) /* in quarantine */
#define DEBUG_KEY_FILLING (UINT64_C(4) << 60) /* without an address: about to become live */
#define DEBUG_KEY_STATE   (UINT64_C(15) << 60)

/* The word of a record: its size, the logarithm of its alignment, and by which call it was made and
 * given back. */
#define DEBUG_SIZE_BITS   48
#define DEBUG_ALIGN_SHIFT 48
#define DEBUG_MADE_SHIFT  54
#define DEBUG_ENDED_SHIFT 59
#define DEBUG_SIZE_MASK   ((UINT64_C(1) << DEBUG_SIZE_BITS) - 1)
#define DEBUG_SIZE_MAX    ((size_t)(DEBUG_SIZE_MASK < PTRDIFF_MAX ? DEBUG_SIZE_MASK : PTRDIFF_MAX))

enum { DEBUG_LINE_RECORDS = 3 };

struct debug_line {
    _Alignas(64) _Atomic(uint64_t) keys[DEBUG_LINE_RECORDS];
    _Atomic(uint64_t) words[DEBUG_LINE_RECORDS];
    _Atomic(uint32_t) stacks[DEBUG_LINE_RECORDS]; /* of the call that made it */
    _Atomic(uint32_t) passed;                     /* DEBUG_PASSED_ */
};

/* Some record went to a later line since this one was full; and, in the first line of a group, some
 * went beyond the group. */
enum { DEBUG_PASSED_LINE = 1, DEBUG_PASSED_GROUP = 2 };

_Static_assert(sizeof(struct debug_line) == 64, "a line of the register is a cache line");

struct debug_level {
    _Alignas(64) struct debug_level *older;
    size_t bytes;        /* of the mapping: this, and then the lines */
    size_t line_count;   /* a power of two */
    unsigned shift;      /* from a hash to the line */
    unsigned home_shift; /* the same to its distance in bytes, but for the lowest bits */
    _Atomic(uint32_t) crowded;
};

struct debug_register {
    _Atomic(struct debug_level *) newest;
    const struct dal_services *services;
};

/* Where a record is. A line of NULL: nowhere. */
struct debug_record {
    struct debug_line *line;
    unsigned index;
};

/* What a record says, read at some moment. */
struct debug_block {
    uint64_t state; /* DEBUG_KEY_ */
    uintptr_t address;
    uint64_t word;
    uint32_t stack;
};

/* 0, or DAL_ERR_MEMORY. */
DEBUG_HIDDEN int dal_debug_register_open_(struct debug_register *blocks,
                                          const struct dal_services *services);
DEBUG_HIDDEN void dal_debug_register_close_(struct debug_register *blocks);

/* Register a live block, and take one in a state that it is to be in: by all lines and levels,
 * where the two below look at one line. Returns 0 if there is no memory. */
DEBUG_HIDDEN int dal_debug_register_add_(struct debug_register *blocks, uint64_t key, uint64_t word,
                                         uint32_t stack);
DEBUG_HIDDEN struct debug_record dal_debug_register_take_(struct debug_register *blocks,
                                                          uintptr_t address, uint64_t state);

/* What is registered for an address: a live block before one that is not. 1, or 0. */
DEBUG_HIDDEN int dal_debug_register_look_(struct debug_register *blocks, uintptr_t address,
                                          struct debug_block *block);

/* Call a function for each record. 0, or what it returned. */
typedef int (*debug_visitor)(const struct debug_block *block, void *data);
DEBUG_HIDDEN int dal_debug_register_visit_(struct debug_register *blocks, debug_visitor visit,
                                           void *data);

/* One of all records, which are numbered in some order; a number beyond them stands for one as
 * well. */
DEBUG_HIDDEN struct debug_record dal_debug_register_record_(struct debug_register *blocks,
                                                            uint64_t number);

/* What a record says. Returns 0 if it is none. */
DEBUG_HIDDEN int dal_debug_record_read_(struct debug_record record, struct debug_block *block);

/* Bytes that its tables take. */
DEBUG_HIDDEN size_t dal_debug_register_bytes_(struct debug_register *blocks);

/* ---- At every call ------------------------------------------------------------------------- */

static inline uint64_t debug_hash(uint64_t address)
{
    return address * UINT64_C(0x9e3779b97f4a7c15);
}

static inline struct debug_line *debug_lines(struct debug_level *level)
{
    return (struct debug_line *)(void *)(level + 1);
}

static inline struct debug_line *debug_home(struct debug_register *blocks, uint64_t hash)
{
    struct debug_level *level = atomic_load_explicit(&blocks->newest, memory_order_acquire);

    uint64_t offset = hash >> level->home_shift & ~(uint64_t)(sizeof(struct debug_line) - 1);

    return (struct debug_line *)(void *)((char *)debug_lines(level) + offset);
}

static inline uint64_t debug_record_word(struct debug_record record)
{
    return atomic_load_explicit(&record.line->words[record.index], memory_order_relaxed);
}

static inline uint32_t debug_record_stack(struct debug_record record)
{
    return atomic_load_explicit(&record.line->stacks[record.index], memory_order_relaxed);
}

/* Store a record that this thread has, and let go of it. */
static inline void debug_record_put(struct debug_record record, uint64_t key, uint64_t word,
                                    uint32_t stack)
{
    atomic_store_explicit(&record.line->words[record.index], word, memory_order_relaxed);
    atomic_store_explicit(&record.line->stacks[record.index], stack, memory_order_relaxed);
    atomic_store_explicit(&record.line->keys[record.index], key, memory_order_release);
}

/* Let go of a record as it is, under a key; DEBUG_KEY_FREE is the end of it. */
static inline void debug_record_release(struct debug_record record, uint64_t key)
{
    atomic_store_explicit(&record.line->keys[record.index], key, memory_order_release);
}

/* Whether a pointer is not NULL and cannot be taken for a record in another state. */
static inline int debug_is_address(const void *ptr)
{
    return ((uint64_t)(uintptr_t)ptr - 1) >> 60 == 0;
}

/* Whether an address is that of a live block in its first line, where most are. */
static inline int debug_register_has_home(struct debug_register *blocks, const void *ptr)
{
    uint64_t key = (uintptr_t)ptr;
    struct debug_line *line = debug_home(blocks, debug_hash(key));
    int found = 0;

    for (unsigned i = 0; i < DEBUG_LINE_RECORDS; i++)
        found |= atomic_load_explicit(&line->keys[i], memory_order_relaxed) == key;
    return found;
}

/* Register a live block in its first line. Returns 0 if that is full, or has the address as live:
 * it is looked for up to the first record that is free, which misses some, and costs next to
 * nothing. */
static inline int debug_register_add_home(struct debug_register *blocks, const void *ptr,
                                          uint64_t word, uint32_t stack)
{
    uint64_t key = (uintptr_t)ptr;
    struct debug_line *line = debug_home(blocks, debug_hash(key));

    for (unsigned i = 0; i < DEBUG_LINE_RECORDS; i++) {
        uint64_t there = atomic_load_explicit(&line->keys[i], memory_order_relaxed);

        if (there == key)
            return 0;
        if (there == DEBUG_KEY_FREE &&
            atomic_compare_exchange_strong_explicit(&line->keys[i], &there, DEBUG_KEY_FILLING,
                                                    memory_order_acquire, memory_order_relaxed)) {
            debug_record_put((struct debug_record){line, i}, key, word, stack);
            return 1;
        }
    }
    return 0;
}

/* Take a live block that is in its first line, whose record is this thread's then until it lets go
 * of it. It has to be an address. */
static inline struct debug_record debug_register_take_home(struct debug_register *blocks,
                                                           const void *ptr)
{
    uint64_t key = (uintptr_t)ptr;
    struct debug_line *line = debug_home(blocks, debug_hash(key));

    for (unsigned i = 0; i < DEBUG_LINE_RECORDS; i++) {
        uint64_t there = atomic_load_explicit(&line->keys[i], memory_order_relaxed);

        if (there == key &&
            atomic_compare_exchange_strong_explicit(&line->keys[i], &there, key | DEBUG_KEY_GOING,
                                                    memory_order_acquire, memory_order_relaxed))
            return (struct debug_record){line, i};
    }
    return (struct debug_record){NULL, 0};
}

#endif /* DAL_DEBUG_REGISTER_H */
