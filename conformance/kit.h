/* SPDX-License-Identifier: MIT */
/*
 * What the cases are written with: calls on the allocator under test that check every
 * answer, blocks that know what they hold, and one way to fail.
 *
 * A wrapper notes what is being asked before it asks, in memory shared with the parent, so
 * that the report of a crash names the call. kit_fail() ends the process. All calls go
 * through the slots and never through the inline functions of instance.h, whose attributes
 * promise the compiler what is to be checked here (alignment, distinct blocks).
 *
 * The kit keeps its books in its own memory, never in the allocator under test.
 */
#ifndef CONFORMANCE_KIT_H
#define CONFORMANCE_KIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "conformance.h"

/* Largest alignment that has to be served; more may be refused, never misaligned. */
#define KIT_ALIGN_REQUIRED ((size_t)4096)

#define KIT_THREADS 8

/* No allocator can serve as much: no machine has it, and of 32-bit addresses kit_fill_addresses()
 * leaves less. */
#define KIT_SIZE_IMPOSSIBLE ((size_t)1 << (SIZE_MAX > 0xffffffffu ? sizeof(size_t) * 8 - 9 : 30))

enum kit_call {
    KIT_NOTHING,
    KIT_CREATE,
    KIT_DESTROY,
    KIT_ALLOC,
    KIT_ALLOC_NATURAL,
    KIT_ALLOC_ZEROED,
    KIT_DEALLOC,
    KIT_DEALLOC_NULL,
    KIT_DEALLOC_UNSIZED,
    KIT_REALLOC,
    KIT_REALLOC_NULL,
    KIT_GROW,
    KIT_GROW_ZEROED,
    KIT_SHRINK,
    KIT_RESIZE_IN_PLACE,
    KIT_USABLE_SIZE,
    KIT_OWNS,
    KIT_HOLD
};

/* What a thread is asking of the allocator. */
struct kit_note {
    enum kit_call call;
    size_t size, align, new_size, new_align;
    const char *phase; /* a constant such as "in a thread", or NULL */
    bool has_refused;  /* the kit's child, a request of this call */
};

struct kit_report;
struct kit_child;
struct kit_item;

/* A case at work. Each thread of a case has a copy of its own. */
struct kit {
    const struct conformance_subject *subject;
    const struct conformance_profile *profile;
    struct kit_report *report;
    const struct dal_instance *instance;
    struct kit_note *note;
    size_t budget_bytes; /* of one instance, and of one block */
    size_t spent_bytes;  /* of this instance, counted as if nothing were ever reused */
    bool null_is_fine;   /* it is, where threads share a small capacity */
    uint64_t random;
    /* The item of the spec that instances are made of, over a child of the kit's; or NULL, and
     * they are made of the whole spec. */
    const struct kit_item *item;
    struct kit_child *child;
    const char *likely_leak;          /* what is likely to keep blocks of the child */
    size_t refuse_first, refuse_last; /* the requests, from 1, that the next child refuses */
};

/* A block and what it holds: bytes made from seed. ptr is NULL if there is none. */
struct kit_block {
    unsigned char *ptr;
    size_t size;
    size_t align;
    uint64_t seed;
};

/* ---- Ending a case ---------------------------------------------------------------- */

/* The case failed at what kit->note says. Safe from any thread; the first one wins. */
_Noreturn void kit_fail(const struct kit *kit, const char *expected, const char *got_format, ...)
    DAL_ATTRIBUTE_PRINTF_(3, 4);

/* kit_fail() with an asked of the caller's own wording. */
_Noreturn void kit_fail_asked(const struct kit *kit, const char *asked, const char *expected,
                              const char *got_format, ...) DAL_ATTRIBUTE_PRINTF_(4, 5);

/* The case does not apply to this subject. */
_Noreturn void kit_skip(const struct kit *kit, const char *reason_format, ...)
    DAL_ATTRIBUTE_PRINTF_(2, 3);

/* What is likely to be wrong where the case fails from now on; a string constant or NULL. */
void kit_suspect(const struct kit *kit, const char *likely);

/* The same where it hangs. */
void kit_suspect_hang(const struct kit *kit, const char *likely);

/* kit_suspect() where nothing is suspected yet. */
void kit_suspect_first(const struct kit *kit, const char *likely);

/* Note what is asked next, keeping the phase. */
void kit_asks(const struct kit *kit, enum kit_call call, size_t size, size_t align, size_t new_size,
              size_t new_align);

/* Say when this is, for the report; a string constant or NULL. */
void kit_phase(const struct kit *kit, const char *phase);

/* ---- Instances -------------------------------------------------------------------- */

/* What a block may take from an allocator that reuses nothing. */
size_t kit_cost(size_t size, size_t align);

/* Destroy the instance, if there is one. No block may be live. */
void kit_drop(struct kit *kit);

/* kit_drop(), and make a fresh instance: 0, or an error number with a message. */
int kit_try_renew(struct kit *kit, char *message, size_t message_bytes);

/* The same, where a fresh instance has to be had. */
void kit_renew(struct kit *kit);

/* Make sure that blocks of so many bytes by kit_cost() have to be served, by a fresh
 * instance if need be. No block may be live. False if that is more than the subject can
 * be expected to serve. */
bool kit_want(struct kit *kit, size_t cost_bytes);

/* ---- Calls that check their answer --------------------------------------------------
 * Those that return bool return false if the allocator answered NULL and may: the
 * capacity is used up, or the alignment is above KIT_ALIGN_REQUIRED. A block is then as
 * it was (kit_realloc and the like have checked that), or has a NULL ptr (kit_alloc). */

bool kit_alloc(struct kit *kit, struct kit_block *block, size_t size, size_t align);
bool kit_alloc_zeroed(struct kit *kit, struct kit_block *block, size_t size, size_t align);
bool kit_realloc(struct kit *kit, struct kit_block *block, size_t new_size);
bool kit_grow(struct kit *kit, struct kit_block *block, size_t new_size, size_t new_align);
bool kit_grow_zeroed(struct kit *kit, struct kit_block *block, size_t new_size, size_t new_align);
bool kit_shrink(struct kit *kit, struct kit_block *block, size_t new_size, size_t new_align);
bool kit_resize_in_place(struct kit *kit, struct kit_block *block, size_t new_size);

/* Usable bytes, checked to be size at least. */
size_t kit_usable_size(struct kit *kit, const struct kit_block *block);

/* Check what the block holds and give it back. Nothing for a NULL ptr. */
void kit_free(struct kit *kit, struct kit_block *block);

/* Give it back without checking it, for blocks whose bytes the case has overwritten. */
void kit_free_dirty(struct kit *kit, struct kit_block *block);

/* Check what the block holds. Nothing for a NULL ptr. */
void kit_check(const struct kit *kit, const struct kit_block *block);

void kit_check_all(const struct kit *kit, const struct kit_block *blocks, size_t count);
void kit_free_all(struct kit *kit, struct kit_block *blocks, size_t count);

/* Fail if two of the blocks share a byte. Sorts them by address. */
void kit_check_apart(const struct kit *kit, struct kit_block *blocks, size_t count);

/* Whether the instance frees a block without its size, and what is likely where it does not. */
bool kit_frees_unsized(const struct kit *kit);
extern const char kit_likely_unsized[];

/* Where addresses have 32 bits, have less than KIT_SIZE_IMPOSSIBLE of them in a row. */
void kit_fill_addresses(void);

/* Ask for a layout that no machine can serve: NULL, or on a small machine a real block. */
void kit_refuse_alloc(struct kit *kit, size_t size, size_t align, bool zeroed);

/* Ask for more than any machine has: NULL, and the block as it was. */
void kit_refuse_realloc(struct kit *kit, struct kit_block *block, size_t new_size);
void kit_refuse_grow(struct kit *kit, struct kit_block *block, size_t new_size, bool zeroed);

/* ---- Bytes ------------------------------------------------------------------------- */

/* Fill the block from a new seed. */
void kit_fill(struct kit *kit, struct kit_block *block);

/* Bytes of a seed to and against memory. kit_match returns the offset of the first byte
 * that differs, or bytes if none does. */
void kit_write(unsigned char *to, size_t bytes, uint64_t seed);
size_t kit_match(const unsigned char *from, size_t bytes, uint64_t seed);

/* Offset of the first byte that is not zero, or bytes if all are. */
size_t kit_match_zero(const unsigned char *from, size_t bytes);

/* A repeatable random number, below limit (at least 1). */
size_t kit_random(struct kit *kit, size_t limit);

/* ---- Sizes worth trying -------------------------------------------------------------- */

/* Every size class boundary up to 2 MiB, ascending: small sizes one by one, steps of 16 and
 * powers of two with their neighbours, the neighbourhood of 4 KiB, 64 KiB and 2 MiB. */
const size_t *kit_sizes(size_t *count);

/* Above this size a case need not try every boundary. */
#define KIT_SIZE_LARGE ((size_t)300000)

/* A random size up to max, small ones more often; never 0. max at least 1. */
size_t kit_random_size(struct kit *kit, size_t max);

/* ---- Processes and threads ------------------------------------------------------------ */

/* Threads of a case, each with a kit made from the case's own. */
struct kit_thread {
    struct kit kit;
    unsigned index;
    void *shared;
    void (*body)(struct kit_thread *thread);
    pthread_t id;
};

struct kit_crew {
    struct kit_thread threads[KIT_THREADS];
    unsigned count;
};

/* Start count threads that run body and can reach shared; at most KIT_THREADS. */
void kit_threads_start(struct kit *kit, struct kit_crew *crew, unsigned count,
                       void (*body)(struct kit_thread *thread), void *shared);

/* Wait until all have ended. */
void kit_threads_join(struct kit *kit, struct kit_crew *crew);

/* Both. */
void kit_threads_run(struct kit *kit, unsigned count, void (*body)(struct kit_thread *thread),
                     void *shared);

/* Memory of the kit's own, zeroed; never NULL. Lives as long as the case. */
void *kit_memory(const struct kit *kit, size_t bytes);

/* ---- What the C library's malloc is used for --------------------------------------------- */

/* Whether kit_malloc_bytes() tells anything. */
bool kit_malloc_is_seen(void);

/* Bytes that are taken of malloc, those in the caches of threads included. */
size_t kit_malloc_bytes(void);

/* Empty this thread's cache, so that the next malloc() of any size is seen. What was in it is
 * lost. */
void kit_malloc_drain(void);

/* ---- The cases, by concern; each list ends with a NULL name ----------------------------- */

extern const struct conformance_case kit_cases_basics[];
extern const struct conformance_case kit_cases_unsized[];
extern const struct conformance_case kit_cases_align[];
extern const struct conformance_case kit_cases_zeroed[];
extern const struct conformance_case kit_cases_resize[];
extern const struct conformance_case kit_cases_in_place[];
extern const struct conformance_case kit_cases_exhaust[];
extern const struct conformance_case kit_cases_absurd[];
extern const struct conformance_case kit_cases_threads[];
extern const struct conformance_case kit_cases_child[];

#endif /* CONFORMANCE_KIT_H */
