/* SPDX-License-Identifier: MIT */
/*
 * The insides of the layer `debug`, for its own files only.
 *
 *   debug.c            the slots, and what making an instance takes
 *   family.c           malloc and its family over that of the wrapped allocator
 *   block.c            giving out and taking back, for both
 *   register.c         live blocks by their addresses
 *   released.c         what was given back last
 *   quarantine.c       blocks that are kept back
 *   sweep.c            looking at blocks in turn
 *   marks.c            patterns and red zones
 *   fault.c            saying what is wrong
 *   instances.c        the instances, and what is done at exit
 *   leaks.c            what is still live, and what of that nothing points to
 *   suppressions.c     what of that is not to be told
 *   ask.c              asking for that at any time
 *
 * One record a block, whatever is switched on: fill, zones and quarantine find in it what they
 * need. With none of them the layer is plain: blocks are the child's own, and allocation and
 * release are a few lines of register.h around the call of the child.
 *
 * There is no lock anywhere, so a fork at any moment leaves the child able to go on. What runs when
 * nothing is wrong takes no memory but for the register, and little stack.
 */
#ifndef DAL_DEBUG_PRIVATE_H
#define DAL_DEBUG_PRIVATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/backend.h>

#include "../instances.h"
#include "../pattern.h"
#include "../report.h"
#include "register.h"

/* ---- Calls --------------------------------------------------------------------------------- */

/* The calls that give blocks out, take them back or ask about them, and their names: those of the
 * slots, and those of the malloc family from DEBUG_FAMILY on. */
#define DEBUG_SLOT_CALLS(X)               \
    X(NONE, "nothing")                    \
    X(ALLOC, "alloc")                     \
    X(ALLOC_ZEROED, "alloc_zeroed")       \
    X(REALLOC, "realloc")                 \
    X(GROW, "grow")                       \
    X(GROW_ZEROED, "grow_zeroed")         \
    X(SHRINK, "shrink")                   \
    X(RESIZE_IN_PLACE, "resize_in_place") \
    X(DEALLOC, "dealloc")                 \
    X(DEALLOC_UNSIZED, "dealloc_unsized") \
    X(USABLE_SIZE, "usable_size")
#define DEBUG_FAMILY_CALLS(X)                   \
    X(MALLOC, "malloc")                         \
    X(CALLOC, "calloc")                         \
    X(MALLOC_RESIZE, "realloc")                 \
    X(MEMALIGN, "an aligned allocation")        \
    X(FREE, "free")                             \
    X(MALLOC_SIZE, "malloc_usable_size")        \
    X(NEW, "operator new")                      \
    X(NEW_ALIGNED, "aligned operator new")      \
    X(FREE_SIZED, "free_sized")                 \
    X(FREE_ALIGNED_SIZED, "free_aligned_sized") \
    X(DELETE, "operator delete")                \
    X(DELETE_ARRAY, "operator delete[]")

#define DEBUG_CALL_(name, text) DEBUG_##name,
enum debug_call_name {
    DEBUG_SLOT_CALLS(DEBUG_CALL_) DEBUG_SLOT_COUNT,
    DEBUG_BEFORE_FAMILY = 15,
    DEBUG_FAMILY_CALLS(DEBUG_CALL_) DEBUG_CALL_COUNT
};
#undef DEBUG_CALL_
#define DEBUG_FAMILY ((unsigned)DEBUG_BEFORE_FAMILY + 1)

_Static_assert(DEBUG_SLOT_COUNT <= DEBUG_BEFORE_FAMILY && DEBUG_CALL_COUNT <= 32,
               "a call has five bits of a word");

/* A call, for what has to be said of it. */
struct debug_call {
    enum debug_call_name name;
    const void *ptr;
    size_t size, align; /* as it says, if it does; else DEBUG_UNSAID */
    const void *site;
};

/* What a call does not say: no block has as many bytes, and no alignment is that. */
#define DEBUG_UNSAID SIZE_MAX

/* Of the family, which function of the child's allocates for a call. */
static inline int debug_is_aligned(enum debug_call_name name)
{
    return name == DEBUG_MEMALIGN || name == DEBUG_NEW_ALIGNED;
}

/* ---- Words of records ------------------------------------------------------------------------ */

static inline uint64_t debug_word(size_t size, size_t align, enum debug_call_name made)
{
    return (uint64_t)size | (uint64_t)(unsigned)__builtin_ctzll(align) << DEBUG_ALIGN_SHIFT |
           (uint64_t)made << DEBUG_MADE_SHIFT;
}

static inline size_t debug_size(uint64_t word)
{
    return (size_t)(word & DEBUG_SIZE_MASK);
}

static inline size_t debug_align(uint64_t word)
{
    return (size_t)1 << (word >> DEBUG_ALIGN_SHIFT & 63);
}

static inline enum debug_call_name debug_made(uint64_t word)
{
    return (enum debug_call_name)(word >> DEBUG_MADE_SHIFT & 31);
}

static inline enum debug_call_name debug_ended(uint64_t word)
{
    return (enum debug_call_name)(word >> DEBUG_ENDED_SHIFT & 31);
}

static inline uint64_t debug_word_ended(uint64_t word, enum debug_call_name ended)
{
    return word | (uint64_t)ended << DEBUG_ENDED_SHIFT;
}

/* Whether a block came from the malloc family, and goes back by that. */
static inline int debug_is_of_family(uint64_t word)
{
    return (word >> (DEBUG_MADE_SHIFT + 4) & 1) != 0;
}

/* Whether it came from an operator of C++. */
static inline int debug_is_of_new(uint64_t word)
{
    return debug_made(word) == DEBUG_NEW || debug_made(word) == DEBUG_NEW_ALIGNED;
}

/* Whether it came from the malloc family, and not from such an operator, in one comparison. */
static inline int debug_is_for_free(uint64_t word)
{
    return (word >> DEBUG_MADE_SHIFT & 20) == 16;
}

_Static_assert((DEBUG_MALLOC & 20) == 16 && (DEBUG_CALLOC & 20) == 16 &&
                   (DEBUG_MALLOC_RESIZE & 20) == 16 && (DEBUG_MEMALIGN & 20) == 16 &&
                   (DEBUG_NEW & 20) == 20 && (DEBUG_NEW_ALIGNED & 20) == 20,
               "one bit tells what is of malloc's family, another one what of C++");

/* Whether size and alignment are those of a block of the slots. */
static inline int debug_is_as_said(uint64_t word, size_t size, size_t align)
{
    return (word & (DEBUG_SIZE_MASK | UINT64_C(16) << DEBUG_MADE_SHIFT)) == size &&
           debug_align(word) == align;
}

/* Whether a layout is valid and no larger than blocks are, with no more to be looked at. */
static inline int debug_layout_is_ordinary(size_t size, size_t align)
{
    return (align ^ (align - 1)) > align - 1 && (size | align) <= DEBUG_SIZE_MAX / 2;
}

static inline int debug_layout_is_valid(size_t size, size_t align)
{
    return align != 0 && (align & (align - 1)) == 0 && size <= (size_t)PTRDIFF_MAX - (align - 1);
}

/* ---- What was given back last -------------------------------------------------------------- */

/* In so many rings, by address, lest threads that give blocks back at once meet at one. */
enum { DEBUG_RINGS = 16, DEBUG_RING_BLOCKS = 512 };

struct debug_gone {
    _Atomic(uint64_t) address; /* 0: none, or it is being written */
    _Atomic(uint64_t) word;
    _Atomic(uint64_t) stacks; /* of the call that made it; above that, of the one that ended it */
};

struct debug_ring {
    _Alignas(64) _Atomic(uint32_t) count; /* that were ever put in */
    struct debug_gone blocks[DEBUG_RING_BLOCKS];
};

/* A block of any kind, with what is known of its end. */
struct debug_known {
    struct debug_block block;
    uint32_t ended_stack;
};

static inline struct debug_ring *debug_ring_of(struct debug_ring *rings, uintptr_t address)
{
    return rings + (debug_hash(address) >> 40 & (DEBUG_RINGS - 1));
}

/* The last one that has gone of an address, or that an address is in. 1, or 0. */
DEBUG_HIDDEN int dal_debug_gone_at_(struct debug_ring *rings, uintptr_t address,
                                    struct debug_known *known);
DEBUG_HIDDEN int dal_debug_gone_around_(struct debug_ring *rings, uintptr_t address,
                                        struct debug_known *known);

/* Release, after what it goes with, and acquire in released.c. */
static inline void debug_ring_put(struct debug_ring *rings, uintptr_t address, uint64_t word,
                                  uint32_t made, uint32_t ended)
{
    struct debug_ring *ring = debug_ring_of(rings, address);
    uint32_t count = atomic_fetch_add_explicit(&ring->count, 1, memory_order_relaxed);
    struct debug_gone *gone = &ring->blocks[count % DEBUG_RING_BLOCKS];

    atomic_store_explicit(&gone->address, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&gone->word, word, memory_order_relaxed);
    atomic_store_explicit(&gone->stacks, made | (uint64_t)ended << 32, memory_order_relaxed);
    atomic_store_explicit(&gone->address, address, memory_order_release);
}

/* ---- Instances ------------------------------------------------------------------------------- */

#define DEBUG_NAME_BYTES         512
#define DEBUG_SUPPRESSIONS_BYTES ((size_t)64 * 1024)

/* Places in code whose stacks are of one frame, and their numbers: the lower 16 bits of a place are
 * the index, the 32 above them stand in the upper half of the word, the number in the lower. */
enum { DEBUG_SITE_BITS = 16 };

/* What is made with an instance and goes with it. */
struct debug_tables {
    struct debug_ring rings[DEBUG_RINGS];
    _Atomic(uint64_t) sites[1 << DEBUG_SITE_BITS];
};

/* Blocks that are kept back: a ring of addresses, the oldest of which leave it. See quarantine.c.
 */
struct debug_quarantine {
    size_t limit; /* in bytes; 0: there is none */
    size_t places;
    size_t mapping_bytes;
    _Atomic(uint64_t) *addresses; /* 0: none */
    _Atomic(uint32_t) *stacks;    /* of the calls that ended them */
    _Alignas(64) _Atomic(uint64_t) head;
    _Atomic(uint64_t) tail;
    _Atomic(uint64_t) bytes;
};

/* How many threads can look at blocks at one time. */
enum { DEBUG_LOOKERS = 16 };

/* What is told at exit: the values of the option. */
enum debug_leaks { DEBUG_LEAKS_OFF, DEBUG_LEAKS_ON, DEBUG_LEAKS_LIVE };

/* An instance, the ctx of the slots. */
struct debug_instance {
    struct layer_instance listed; /* first */
    const struct dal_instance *next;
    struct debug_tables *tables;
    struct debug_register blocks;
    const struct dal_services *services;
    const struct dal_instance_calls *calls;

    int is_plain;                /* no fill, zones or quarantine */
    int layout;                  /* tell of pointers and layouts that are wrong */
    int pairs;                   /* tell of what comes to a function of the other language */
    _Atomic(int) new_has_failed; /* relaxed; the C++ library's own operators take part since */
    int fill;
    enum debug_leaks leaks;
    enum dal_resolve resolve;                   /* reports */
    int stop;                                   /* abort after a report */
    unsigned frames;                            /* of a stack; at most one: by tables->sites */
    size_t zones;                               /* 0, or a power of two */
    unsigned sweep;                             /* blocks to be looked at a call */
    _Atomic(uint64_t) swept;                    /* records that were */
    _Atomic(uint64_t) looked_at[DEBUG_LOOKERS]; /* addresses, see sweep.c; 0: none */
    size_t page_bytes;
    _Atomic(int) lost; /* a live block is not in the register */
    struct debug_quarantine quarantine;
    char *suppressions; /* texts one behind the other, up to an empty one; or NULL */
    char name[DEBUG_NAME_BYTES];
};

/* ---- Stacks ---------------------------------------------------------------------------------- */

/* The number of the stack of a call: captured now, if it is not of one frame and known. */
DEBUG_HIDDEN uint32_t dal_debug_stack_(struct debug_instance *instance,
                                       const struct debug_call *call);

/* The same where it is known, in a plain instance that keeps one frame: 1; else 0, and the call
 * goes the long way. (A word that is zero is of no place.) */
static inline int debug_stack_is_known(const struct debug_instance *instance, const void *site,
                                       uint32_t *stack)
{
    uint64_t place = (uintptr_t)site;
    uint64_t known = atomic_load_explicit(
        &instance->tables->sites[place & ((1 << DEBUG_SITE_BITS) - 1)], memory_order_relaxed);

    *stack = (uint32_t)known;
    return known >> 32 == place >> DEBUG_SITE_BITS;
}

/* ---- block.c --------------------------------------------------------------------------------- */

/* Where a block lies in what is allocated of the child for it. */
struct debug_shape {
    size_t front, behind;
};
DEBUG_HIDDEN struct debug_shape dal_debug_shape_(const struct debug_instance *instance,
                                                 size_t align);

/* Make a block with all that is switched on, registered; NULL. A name of the family makes it by
 * that; is_zeroed: all its bytes are zero. */
DEBUG_HIDDEN void *dal_debug_make_(struct debug_instance *instance, const struct debug_call *call,
                                   int is_zeroed);

/* Register a block that the child has made. Where the address is that of a live one, somebody gave
 * that back past the layer; that is said. Returns 0 if there is no memory. */
DEBUG_HIDDEN int dal_debug_register_new_(struct debug_instance *instance,
                                         const struct debug_call *call, const void *ptr,
                                         uint64_t word, uint32_t stack);

/* The same for any instance, with the layout looked at: a call as a whole. Not of the family. */
DEBUG_HIDDEN void *dal_debug_make_call_(struct debug_instance *instance,
                                        const struct debug_call *call, int is_zeroed);

/* Give a block back that is taken, with all that is switched on. */
DEBUG_HIDDEN void dal_debug_end_(struct debug_instance *instance, struct debug_record record,
                                 const struct debug_call *call);

/* The same without a look at it, or the quarantine: its record ends. */
DEBUG_HIDDEN void dal_debug_give_back_(struct debug_instance *instance, struct debug_record record,
                                       uintptr_t address, uint64_t word, uint32_t ended_stack);

/* Give a block that is taken to the child, as its record says, which ends; or leave both to who
 * looks at it. */
DEBUG_HIDDEN void dal_debug_to_child_(struct debug_instance *instance, struct debug_record record,
                                      uintptr_t address);

/* Take the block of a call: what is wrong with it is said. No record if it is to be left alone, or,
 * where *is_lost is set, to be passed on as it came. */
DEBUG_HIDDEN struct debug_record dal_debug_take_(struct debug_instance *instance,
                                                 const struct debug_call *call, int *is_lost);

/* A call that gives a block back, as a whole, but for those on the short way. */
DEBUG_HIDDEN void dal_debug_end_call_(struct debug_instance *instance,
                                      const struct debug_call *call);

/* The ends of calls that have resized a block which the layer is plain for: a record that is taken,
 * the stack of the call, which is captured before, since that takes its time, and what the child
 * has made of the block; NULL leaves it as it was. */
DEBUG_HIDDEN void *dal_debug_resized_(struct debug_instance *instance, struct debug_record record,
                                      const struct debug_call *call, uint32_t stack, void *moved,
                                      size_t new_size, size_t new_align);

/* Resize by a new block, a copy and the end of the old one, whose record is taken. */
DEBUG_HIDDEN void *dal_debug_copy_(struct debug_instance *instance, struct debug_record record,
                                   const struct debug_call *call, size_t new_size, size_t new_align,
                                   int is_zeroed);

/* The size of a live block; SIZE_MAX if it is none, which is said. */
DEBUG_HIDDEN size_t dal_debug_size_of_(struct debug_instance *instance,
                                       const struct debug_call *call);

/* ---- quarantine.c ---------------------------------------------------------------------------- */

/* 0, or DAL_ERR_MEMORY. */
DEBUG_HIDDEN int dal_debug_quarantine_open_(struct debug_instance *instance, size_t limit);

/* Keep a block that is taken, and let go of those that are too many. Returns 0 if it is too large
 * to be kept. */
DEBUG_HIDDEN int dal_debug_quarantine_keep_(struct debug_instance *instance,
                                            struct debug_record record, uintptr_t address,
                                            uint64_t word, uint32_t ended_stack);

/* Which stack ended a block that is in there, or 0. */
DEBUG_HIDDEN uint32_t dal_debug_quarantine_stack_(struct debug_instance *instance,
                                                  uintptr_t address);

/* Look at all that are in there, at exit; let them all go; give its pages back. */
DEBUG_HIDDEN void dal_debug_quarantine_look_(struct debug_instance *instance);
DEBUG_HIDDEN void dal_debug_quarantine_empty_(struct debug_instance *instance);
DEBUG_HIDDEN void dal_debug_quarantine_close_(struct debug_instance *instance);

/* ---- sweep.c --------------------------------------------------------------------------------- */

DEBUG_HIDDEN void dal_debug_sweep_(struct debug_instance *instance);

/* Whether somebody looks at a block that is taken: then that one gives it to the child. */
DEBUG_HIDDEN int dal_debug_sweep_leave_(struct debug_instance *instance, uintptr_t address);

/* In the child of a fork. */
DEBUG_HIDDEN void dal_debug_sweep_fork_(struct debug_instance *instance);

/* ---- marks.c --------------------------------------------------------------------------------- */

DEBUG_HIDDEN void dal_debug_mark_made_(const struct debug_instance *instance, char *ptr,
                                       size_t size, struct debug_shape shape, int is_zeroed);
DEBUG_HIDDEN void dal_debug_mark_zones_(char *ptr, size_t size, struct debug_shape shape);
DEBUG_HIDDEN void dal_debug_mark_ended_(const struct debug_instance *instance, char *ptr,
                                        size_t size);

DEBUG_HIDDEN struct pattern_change dal_debug_front_changed_(const char *ptr,
                                                            struct debug_shape shape);
DEBUG_HIDDEN struct pattern_change dal_debug_behind_changed_(const char *ptr, size_t size,
                                                             struct debug_shape shape);
DEBUG_HIDDEN struct pattern_change dal_debug_ended_changed_(const char *ptr, size_t size);

/* ---- fault.c --------------------------------------------------------------------------------- */

DEBUG_HIDDEN const char *dal_debug_call_name_(enum debug_call_name name);

/* Begin a report, as dal_layer_report_begin_() does. */
DEBUG_HIDDEN int dal_debug_report_begin_(struct layer_report *text,
                                         const struct debug_instance *instance);

/* The pointer of a call is no live block. */
DEBUG_HIDDEN void dal_debug_fault_stranger_(struct debug_instance *instance,
                                            const struct debug_call *call);

/* The layout that a call says, or the way that it goes, is not the block's. */
DEBUG_HIDDEN void dal_debug_fault_layout_(struct debug_instance *instance,
                                          const struct debug_call *call,
                                          const struct debug_block *block);

/* A block of malloc's comes to an operator of C++, or the other way round. */
DEBUG_HIDDEN void dal_debug_fault_pair_(struct debug_instance *instance,
                                        const struct debug_call *call,
                                        const struct debug_block *block);

/* A block was given out at the address of one that is live: that is the older one. */
DEBUG_HIDDEN void dal_debug_fault_reused_(struct debug_instance *instance,
                                          const struct debug_call *call,
                                          const struct debug_block *block);

/* No layout at all. */
DEBUG_HIDDEN void dal_debug_fault_invalid_(struct debug_instance *instance,
                                           const struct debug_call *call);

/* Bytes around a block that is given back, or within one that was, were changed. */
DEBUG_HIDDEN void dal_debug_fault_zone_(struct debug_instance *instance,
                                        const struct debug_call *call,
                                        const struct debug_block *block,
                                        const struct pattern_change *change);
DEBUG_HIDDEN void dal_debug_fault_swept_(struct debug_instance *instance,
                                         const struct debug_block *block,
                                         const struct pattern_change *change);
DEBUG_HIDDEN void dal_debug_fault_changed_(struct debug_instance *instance,
                                           const struct debug_known *known,
                                           const struct pattern_change *change);

/* Before any fault: the loader binds what is called at the first call, and takes 2 KiB of stack for
 * it, which a handler on a stack of its own may not have. */
DEBUG_HIDDEN void dal_debug_fault_start_(const struct debug_instance *instance);

/* In the child of a fork, which counts its own. That of a vfork has our memory, and its faults are
 * ours. */
DEBUG_HIDDEN void dal_debug_fault_forget_(void);

/* How many there were, at exit. */
DEBUG_HIDDEN void dal_debug_fault_sum_(void);

/* ---- instances.c ----------------------------------------------------------------------------- */

DEBUG_HIDDEN extern struct layer_instances dal_debug_instances_;

/* The next instance that may be looked into, from one on that is being looked into (NULL: the first
 * of all), which is let go of. */
DEBUG_HIDDEN struct debug_instance *dal_debug_next_instance_(struct debug_instance *instance);

/* ---- leaks.c, suppressions.c ----------------------------------------------------------------- */

struct debug_sum {
    uint64_t blocks, bytes;
};

/* Tell what is still live; when: "at exit", for example. Returns what was told. */
DEBUG_HIDDEN struct debug_sum dal_debug_tell_live_(struct debug_instance *instance,
                                                   const char *when);

/* Tell what nothing points to; stack: of this thread counts what is above it. Returns 0 where that
 * could not be searched for, and what is live was told. */
DEBUG_HIDDEN int dal_debug_tell_leaks_(struct debug_instance *instance, const void *stack,
                                       const char *when, struct debug_sum *told);

/* Read a file of suppressions: 0, or what fail() was told. */
DEBUG_HIDDEN int dal_debug_suppressions_read_(struct debug_instance *instance,
                                              const struct dal_backend_request *request,
                                              const char *path);
DEBUG_HIDDEN int dal_debug_is_suppressed_(const struct debug_instance *instance, uint32_t stack);

/* ---- family.c -------------------------------------------------------------------------------- */

DEBUG_HIDDEN extern const struct dal_malloc_family dal_debug_family_;
DEBUG_HIDDEN void *dal_debug_alloc_(size_t size, size_t align, void *ctx);

#endif /* DAL_DEBUG_PRIVATE_H */
