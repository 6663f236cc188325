/* SPDX-License-Identifier: MIT */
/*
 * The insides of the layer `limit`, for its own files only.
 *
 *   limit.c            the slots, and what making an instance takes
 *   family.c           malloc and its family over that of the wrapped allocator
 *   budget.c           what does not go the short way of this header
 *   read.c             dal_limit_get(), dal_limit_on_soft()
 *
 * At every moment
 *
 *     what is live + what threads have reserved = what is handed out <= bytes
 *
 * or less, where a call is in the middle of moving bytes from one to the other. What is handed out
 * is one word, which all threads share; what a thread has reserved is another, its part of the
 * instance's record, so that a call changes one word that is the thread's own. That is an exchange
 * all the same, since who comes to the bound takes the reservations of others, also of threads that
 * do nothing: no plain store can be told to wait, and a barrier in all threads from one of them
 * (membarrier) is a call of the system's, which a program may have forbidden to itself by then.
 *
 * Near the bound (`near`) threads reserve nothing: `keep`, the most that a thread may have, is 0
 * then, so that what is given back goes to the shared word at once. Hence that alone says whether a
 * call exceeds the bound, and nothing that is free is anywhere else.
 *
 * A bound is charged for before a block is asked for, and a block that is given back is gone when
 * the bound hears of it. So that also holds for who counts below.
 *
 * Memory orders: bytes that are given back are released, and who takes them acquires: so it sees
 * the block gone by whose end there was room. That goes by way of all exchanges in between: from
 * the part of a thread (release when bytes are added, acquire-release when others take them) to the
 * shared word (release when bytes come back, acquire when they are taken), and to another part. A
 * thread takes from its own part relaxed: it has added to that itself, or has it with its seat.
 *
 * There is no lock anywhere, so a fork at any moment leaves the child able to go on, and what it
 * has in live and reserved bytes is as it was: the parts of threads that it does not have are taken
 * back like those of all others. What such a thread was just moving is lost to the child's budget,
 * and that it moves is forgotten once it was waited for.
 */
#ifndef DAL_LIMIT_PRIVATE_H
#define DAL_LIMIT_PRIVATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/backend.h>
#include <dispatchalloc/limit.h>

#include "../instances.h"

/* The most that a thread takes in advance; it may keep twice as much. */
#define LIMIT_GRAIN_MAX ((size_t)64 * 1024)

#define LIMIT_NAME_BYTES 512

/* A thread's part. SIZE_MAX is what a thread finds that has none: reserved + 1 is then 0. */
struct limit_part {
    _Alignas(64) _Atomic(size_t) reserved;
};

/* An instance, the ctx of the slots; at the start of a page. */
struct limit_instance {
    struct layer_instance listed; /* first */
    const struct dal_instance *next;
    struct dal_thread_record record; /* of struct limit_part */
    _Atomic(size_t) keep;            /* the most that a thread may have reserved; relaxed */
    const struct dal_services *services;
    const struct dal_instance_calls *calls;

    uint64_t bytes, soft; /* the options; INT64_MAX and 0 if not given */
    uint64_t rearm;       /* with less than this, soft is told of again */
    size_t grain;         /* what a thread takes in advance, far from the bound */
    size_t near;          /* where room is less than this, nothing */
    _Atomic(struct dal_limit_listener *) listener;

    /* Twice what is handed out, and LIMIT_TOLD. */
    _Alignas(64) _Atomic(uint64_t) handed;
    _Atomic(int) moving;                   /* how many are moving bytes between a part and that */
    _Atomic(uint64_t) process;             /* of which those are; relaxed */
    _Atomic(uint64_t) refusals, crossings; /* relaxed */
    char name[LIMIT_NAME_BYTES];
};

/* That soft was told of, or is not given: the bound is bytes. Else it is soft, and who exceeds that
 * tells of it: so it is found at the very byte. In the word of what is handed out, lest one thread
 * come past soft while another one sets this. */
#define LIMIT_TOLD 1u

LAYER_HIDDEN extern struct layer_instances dal_limit_instances_;

/* ---- budget.c -------------------------------------------------------------------------------- */

/* What the short ways below do if they cannot. */
LAYER_HIDDEN int dal_limit_charge_long_(struct limit_instance *instance, size_t size);
LAYER_HIDDEN void dal_limit_credit_long_(struct limit_instance *instance, size_t size);

/* The same as charging, where the call goes on if bytes would be exceeded: soft is no bound, nobody
 * is told, and errno is the caller's. Who keeps what was charged looks at soft then. */
LAYER_HIDDEN int dal_limit_try_(struct limit_instance *instance, size_t size);

/* Tell if soft is exceeded, and was not told of. */
LAYER_HIDDEN void dal_limit_look_at_soft_(struct limit_instance *instance);

/* Charge what is there already, also above the bound. */
LAYER_HIDDEN void dal_limit_charge_anyway_(struct limit_instance *instance, size_t size);

/* What is live. */
LAYER_HIDDEN uint64_t dal_limit_live_(struct limit_instance *instance);

/* Take bytes from what this thread has reserved: 1, or 0 if there are less. */
static inline int limit_take_own(struct limit_part *part, size_t size)
{
    size_t reserved = atomic_load_explicit(&part->reserved, memory_order_relaxed);

    return size < reserved + 1 &&
           atomic_compare_exchange_weak_explicit(&part->reserved, &reserved, reserved - size,
                                                 memory_order_relaxed, memory_order_relaxed);
}

/* Make a size part of what is live: 1, or 0 if that would exceed the bound, and errno is set. */
static inline int limit_charge(struct limit_instance *instance, size_t size)
{
    return DAL_LIKELY_(limit_take_own(dal_thread_record_part(&instance->record), size)) ||
           dal_limit_charge_long_(instance, size);
}

/* Undo that, of a block that is gone. */
static inline void limit_credit(struct limit_instance *instance, size_t size)
{
    struct limit_part *part = dal_thread_record_part(&instance->record);
    size_t reserved = atomic_load_explicit(&part->reserved, memory_order_relaxed);
    size_t keep = atomic_load_explicit(&instance->keep, memory_order_relaxed);

    if (DAL_UNLIKELY_(size > keep || reserved > keep - size ||
                      !atomic_compare_exchange_weak_explicit(&part->reserved, &reserved,
                                                             reserved + size, memory_order_release,
                                                             memory_order_relaxed)))
        dal_limit_credit_long_(instance, size);
}

/* ---- limit.c --------------------------------------------------------------------------------- */

LAYER_HIDDEN void *dal_limit_alloc_(size_t size, size_t align, void *ctx);

/* ---- family.c -------------------------------------------------------------------------------- */

LAYER_HIDDEN extern const struct dal_malloc_family dal_limit_family_;

#endif /* DAL_LIMIT_PRIVATE_H */
