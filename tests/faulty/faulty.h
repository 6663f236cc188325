/* SPDX-License-Identifier: MIT */
/*
 * Allocators with one known fault each, for the test that the conformance kit finds them.
 * Every fault is one that a real allocator has had or could have.
 */
#ifndef TESTS_FAULTY_H
#define TESTS_FAULTY_H

#include <sched.h>
#include <stdint.h>

#include "conformance/conformance.h"

/* Rows of the table: an allocator, the case that has to fail, and words of the report that
 * tell the fault from any other (NULL: whatever they are; "": none). */
struct faulty {
    const char *name;
    const char *found_by;
    const char *asked;
    const char *got;
    const char *likely;
    /* Either an allocator over the system's without a state that has to be renewed, ... */
    const struct dal_allocator *allocator;
    /* ... or a heap of the kind below, ... */
    int heap_fault;
    size_t heap_bytes;
    /* ... or a backend that is registered under this spec. */
    const char *spec;
    int slab_fault; /* of the slabs, which have their specs by it */
};

/* A text that goes by the bits of a size: 64 or 32. */
#define BY_BITS(wide, narrow) (SIZE_MAX > 0xffffffffu ? (wide) : (narrow))

/* Lists end with a NULL name. */
extern const struct faulty faulty_wrappers[];
extern const struct faulty faulty_heaps[];
extern const struct faulty faulty_threads[];
extern const struct faulty faulty_middles[];
extern const struct faulty faulty_processes[];
extern struct faulty faulty_slabs[];

/* Where threads are not kept apart, or from a fork, they come by at one call in seven. At each, a
 * busy machine lets a case wait until its time is over. */
static inline void faulty_yield(void)
{
    static _Thread_local unsigned calls;

    if (calls++ % 7 == 0)
        sched_yield();
}

/* An allocator over dal_system() without a fault, to start from. */
extern const struct dal_allocator faultless_wrapper;

/* The calls of dal_system(), for allocators that change one of them. */
void *good_alloc(size_t size, size_t align, void *ctx);
void good_dealloc(void *ptr, size_t size, size_t align, void *ctx);
void *good_alloc_zeroed(size_t size, size_t align, void *ctx);
void *good_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx);
size_t good_usable_size(const void *ptr, size_t size, size_t align, void *ctx);
void good_dealloc_unsized(void *ptr, void *ctx);

/* A bump heap of so many bytes, thread-safe, with one fault or (0) none. */
#define HEAP_FAULTLESS 0
struct conformance_subject faulty_heap_subject(const struct faulty *faulty);

#endif /* TESTS_FAULTY_H */
