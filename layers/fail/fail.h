/* SPDX-License-Identifier: MIT */
/*
 * The insides of the layer `fail`, for its own files only.
 *
 *   fail.c             the slots, create() and destroy()
 *   rules.c            which of the calls that count fail: from options, and at a call
 *   family.c           malloc and its family over that of the wrapped allocator
 *   each.c             dal_fail_each()
 *
 * The calls of all threads have one sequence of numbers, so a counter is shared by them: a locked
 * instruction a call that counts, and a line of memory that goes from processor to processor. Who
 * fails follows from its number alone: no state but the counter, nothing for a thread, no lock.
 */
#ifndef DAL_FAIL_PRIVATE_H
#define DAL_FAIL_PRIVATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/backend.h>
#include <dispatchalloc/fail.h>

#include "../instances.h"

/* What was asked for; 0 where it was not. Numbers count from `after` on. */
struct fail_rules {
    uint64_t after;
    uint64_t nth;
    uint64_t every;
    uint64_t seed;
    uint64_t rate_last; /* of the hashes from 0 on, the last one that fails */
    int has_rate;       /* one above 0 */
    int has_all;
};

/* An instance, the ctx of the slots; at the start of a page. */
struct fail_instance {
    struct layer_instance listed; /* first */
    const struct dal_instance *next;
    /* The sizes that count: those at most so many bytes above the least one. */
    size_t size_min, size_span;
    /* The numbers that are looked at closely: those at most so many after the first one. */
    uint64_t first, span;

    struct fail_rules rules;
    const struct dal_instance_calls *calls;

    /* By all threads, relaxed: they order nothing. */
    _Alignas(64) _Atomic(uint64_t) counted;
    _Atomic(uint64_t) failed;
};

LAYER_HIDDEN extern struct layer_instances dal_fail_instances_;

/* ---- rules.c ------------------------------------------------------------------------------- */

/* 0, or what request->fail() has returned. */
LAYER_HIDDEN int dal_fail_rules_take_(const struct dal_backend_request *request,
                                      struct fail_instance *instance);

/* Whether the call of this number, one of those that are looked at closely, fails. Counts it. */
LAYER_HIDDEN int dal_fail_decide_(struct fail_instance *instance, uint64_t number);

/* Count a call for so many bytes: whether it is to fail. */
static inline int fail_is_due(struct fail_instance *instance, size_t size)
{
    uint64_t number;

    if (size - instance->size_min > instance->size_span)
        return 0;
    number = atomic_fetch_add_explicit(&instance->counted, 1, memory_order_relaxed) + 1;
    return DAL_UNLIKELY_(number - instance->first <= instance->span) &&
           dal_fail_decide_(instance, number);
}

/* ---- fail.c -------------------------------------------------------------------------------- */

LAYER_HIDDEN void *dal_fail_alloc_(size_t size, size_t align, void *ctx);

/* NULL, and errno as malloc(3) sets it. */
LAYER_HIDDEN void *dal_fail_refuse_(void);

/* ---- family.c ------------------------------------------------------------------------------ */

/* Give an allocator a malloc family over that of its child, unless the layer is in that already. */
LAYER_HIDDEN void dal_fail_family_give_(struct fail_instance *instance,
                                        const struct dal_malloc_family *child,
                                        struct dal_allocator *allocator);

#endif /* DAL_FAIL_PRIVATE_H */
