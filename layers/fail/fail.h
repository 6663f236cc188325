/* SPDX-License-Identifier: MIT */
/*
 * The insides of the layer `fail`, for its own files only.
 *
 *   fail.c             the slots, and what making an instance takes
 *   rules.c            which of the calls that count fail: from options, and at a call
 *   watch.c            in which process, and what is recorded of the calls
 *   read.c             reading a record
 *   family.c           malloc and its family over that of the wrapped allocator
 *   each.c             dal_fail_each()
 *
 * The calls of all threads have one sequence of numbers, so a counter is shared by them: a locked
 * instruction a call that counts, and a line of memory that goes from processor to processor. Who
 * fails follows from its number alone: no state but the counter, nothing for a thread, no lock.
 * What process= and record= take more is done at the first call, and where one fails or is
 * recorded.
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

/* ---- What is recorded ------------------------------------------------------------------------ */

/* The form of a record, which this and the sizes tell. */
#define FAIL_FORM UINT32_C(1)

/* Of so many different stacks the calls are counted apart: in a record of all calls, and in one of
 * those that fail. */
#define FAIL_STACKS        (UINT64_C(1) << 16)
#define FAIL_STACKS_FAILED (UINT64_C(1) << 10)

#define FAIL_PROCESS_BYTES 128
#define FAIL_PROGRAM_BYTES 65
#define FAIL_STACK_BYTES   16384

/* Calls by one stack. Relaxed: numbers, and whoever reads them while threads go on is off by what
 * those are just doing. */
struct fail_stack {
    _Atomic(uint32_t) stack; /* its number in the process; 0: free */
    uint32_t reserved;
    _Atomic(uint64_t) first, last, calls;
};

/* A file that outlives the process. */
struct fail_file {
    char head[DAL_FILE_HEAD_BYTES]; /* the service's */
    _Atomic(uint32_t) form;         /* last of what is filled at the start: release */
    uint32_t stack_bytes;
    uint64_t stack_count;
    char process[FAIL_PROCESS_BYTES];
    _Atomic(uint64_t) calls; /* the number of the last one */
    _Atomic(uint64_t) lost;  /* of more stacks than there is room for */
    _Atomic(uint64_t) ended; /* whether exit handlers were run */
    /* The first call that has failed: its number, when all else of it is there. */
    _Atomic(uint64_t) nth;
    uint64_t size, live_blocks, live_bytes;
    char stack[FAIL_STACK_BYTES];
    _Alignas(64) struct fail_stack stacks[];
};

/* Whether this is the process in which calls fail and are recorded. */
enum fail_place {
    FAIL_UNKNOWN, /* no call has asked yet */
    FAIL_LOOKING, /* one is asking */
    FAIL_HERE,
    FAIL_ELSEWHERE
};

struct fail_watch {
    const struct dal_services *services;
    int is_wanted; /* there is something to look for, or to record */
    int records_all;
    unsigned frames;
    uint64_t process;                 /* the only one, or 0 */
    char program[FAIL_PROGRAM_BYTES]; /* the name of the only one, or "" */
    char path[DAL_FILE_PATH_MAX];     /* of the record, or "" */
    _Atomic(int) place;               /* enum fail_place; release where it becomes FAIL_HERE */
    _Atomic(int) is_failed;           /* a thread has taken the first call that fails */
    struct fail_file *file;           /* NULL: there is none, or none yet */
    size_t file_bytes;
};

/* A call that is recorded. */
struct fail_call {
    uint64_t number;
    size_t size;
    const void *site;
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
    struct fail_watch watch;
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

/* Whether the call of this number, one of those that are looked at closely, fails. Counts and
 * records it. */
LAYER_HIDDEN int dal_fail_decide_(struct fail_instance *instance, uint64_t number, size_t size,
                                  const void *site);

/* Count a call for so many bytes: whether it is to fail. In line in any case, for the place of the
 * call that is returned to. */
__attribute__((always_inline)) static inline int fail_is_due(struct fail_instance *instance,
                                                             size_t size)
{
    uint64_t number;

    if (size - instance->size_min > instance->size_span)
        return 0;
    number = atomic_fetch_add_explicit(&instance->counted, 1, memory_order_relaxed) + 1;
    return DAL_UNLIKELY_(number - instance->first <= instance->span) &&
           dal_fail_decide_(instance, number, size, __builtin_return_address(0));
}

/* ---- watch.c ------------------------------------------------------------------------------- */

/* 0, or what request->fail() has returned. After the rules. */
LAYER_HIDDEN int dal_fail_watch_take_(const struct dal_backend_request *request,
                                      struct fail_instance *instance);

/* Whether calls fail in this process; finds out, and makes the record, where none has asked. */
LAYER_HIDDEN int dal_fail_is_here_(struct fail_watch *watch);

LAYER_HIDDEN void dal_fail_record_(struct fail_instance *instance, const struct fail_call *call,
                                   int has_failed);

/* A slot: the child of a fork is another process. */
LAYER_HIDDEN void dal_fail_fork_child_(void *ctx);

/* Undo dal_fail_watch_take_(), for the instance of a ctx. */
LAYER_HIDDEN void dal_fail_watch_end_(void *ctx);

/* ---- fail.c -------------------------------------------------------------------------------- */

LAYER_HIDDEN void *dal_fail_alloc_(size_t size, size_t align, void *ctx);

/* NULL, and errno as malloc(3) sets it. */
LAYER_HIDDEN void *dal_fail_refuse_(void);

/* ---- family.c ------------------------------------------------------------------------------ */

LAYER_HIDDEN extern const struct dal_malloc_family dal_fail_family_;

#endif /* DAL_FAIL_PRIVATE_H */
