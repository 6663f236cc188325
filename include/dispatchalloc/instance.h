/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/instance.h
 * @brief An allocator: what a user writes, and what can be called.
 *
 * Two forms of one thing. `struct dal_allocator` is what the author of an
 * allocator fills in: two required functions, the others optional.
 * `struct dal_instance` is what is called: a table of {function, ctx} pairs in
 * which nothing is missing, made from the first by dal_instance_init() or
 * dal_instance_create(), so that no call has to test for an absent function. An
 * instance never changes once it is made. Pass it around as
 * `const struct dal_instance *`, the handle.
 *
 * The one grows at its end; the other shows its head, which is as it is for ever and is
 * called in line, and hides the rest, which is called by functions of the library.
 *
 * A NULL handle means dal_global(), in every function of this library that takes an
 * instance. The exception are the calls that do nothing but jump: dal_instance_alloc(),
 * _alloc_zeroed(), _realloc() and _dealloc(), and what is made of those alone (_layout, and
 * the calls of dispatchalloc/typed.h), have no test for it: pass dal_global().
 *
 * All functions of an allocator take the scalars first and ctx last. They keep the
 * contract that dispatchalloc/front.h states, size 0 and NULL included, and may be
 * entered from any thread whenever a program may call malloc: before main, in exit
 * handlers, in destructors of thread-local storage, after fork.
 */
#ifndef DISPATCHALLOC_INSTANCE_H
#define DISPATCHALLOC_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/layout.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/* 10 pairs, a malloc family, and room for 32 pairs more. */
#define DAL_INSTANCE_TAIL_BYTES_ 1024

/** Version of struct dal_allocator, of struct dal_malloc_family and of struct dal_link_choice.
 *  What only grows keeps its version. */
#define DAL_ALLOCATOR_ABI 1u

/** Allocate size bytes, uninitialised. NULL if exhausted or not supported. */
typedef void *(*dal_alloc_function)(size_t size, size_t align, void *ctx);

/** Give a block back; NULL is a no-op. */
typedef void (*dal_dealloc_function)(void *ptr, size_t size, size_t align, void *ctx);

/** Resize a block, which may move and keeps its alignment. A NULL ptr with old_size 0
 *  allocates. NULL leaves the old block as it was. */
typedef void *(*dal_realloc_function)(void *ptr, size_t old_size, size_t align, size_t new_size,
                                      void *ctx);

/** Resize a block to another layout (Rust's Allocator::grow and shrink): for grow
 *  new_size >= old_size, for shrink new_size <= old_size. NULL leaves the old block. */
typedef void *(*dal_relayout_function)(void *ptr, size_t old_size, size_t old_align,
                                       size_t new_size, size_t new_align, void *ctx);

/** Resize a block where it is: 0 if that was done, DAL_ERR_UNSUPPORTED if not. */
typedef int (*dal_resize_function)(void *ptr, size_t old_size, size_t align, size_t new_size,
                                   void *ctx);

/** Bytes of a block that the caller may use, at least size. An allocator that has
 *  dealloc_unsized answers from ptr alone, with size and align given as 0. */
typedef size_t (*dal_usable_size_function)(const void *ptr, size_t size, size_t align, void *ctx);

/** Give a block back whose layout the caller does not know; NULL is a no-op. */
typedef void (*dal_dealloc_unsized_function)(void *ptr, void *ctx);

/** 1 if ptr points to a live block of this allocator, 0 if not, or DAL_ERR_UNSUPPORTED. */
typedef int (*dal_owns_function)(const void *ptr, void *ctx);

/** Called around fork(2): prepare and parent in the parent, child in the child. */
typedef void (*dal_fork_function)(void *ctx);

/** Calls of a process that are no function of malloc's family and end up there: those of C++ and
 *  C23. The numbers are for make_function and end_function of struct dal_malloc_family. */
enum dal_malloc_call {
    DAL_MALLOC_CALL_NEW = 1,                /**< allocates: operator new, also for an array */
    DAL_MALLOC_CALL_NEW_ALIGNED = 2,        /**< allocates: operator new with an alignment */
    DAL_MALLOC_CALL_FREE_SIZED = 3,         /**< releases */
    DAL_MALLOC_CALL_FREE_ALIGNED_SIZED = 4, /**< releases */
    DAL_MALLOC_CALL_DELETE = 5,             /**< releases: operator delete in any form */
    DAL_MALLOC_CALL_DELETE_ARRAY = 6        /**< releases: operator delete[] in any form */
};

/**
 * The malloc family of an allocator that has one of its own: plain functions of the C
 * library's form and meaning, without ctx. For allocators of which a process has one, such
 * as jemalloc, so that malloc(3) and its like can jump straight into them.
 *
 * A block of the family is one of the allocator's as well, and the other way round:
 * free_function and dealloc_unsized end the same blocks. What differs between C libraries
 * has to be as follows. A size of 0 gives a block that is non-NULL, and so does
 * memalign_function. A failure sets errno to ENOMEM and leaves a block that was to be
 * resized. realloc_function(ptr, 0) with a ptr that is not NULL frees it and returns NULL.
 * It is not called with more than PTRDIFF_MAX / 8 * 7, which fails without it.
 * free_function keeps errno. A block is aligned for any object that fits into it.
 *
 * A layer may have a family as well, over that of the allocator that it wraps, which is in its
 * request (child_family in dispatchalloc/backend.h). Its blocks are given back by the family
 * only. A layer that hooks nothing which makes, resizes or ends blocks has that of its child.
 *
 * The first six functions are required. Copied by the library; what a later version appends is
 * taken as in struct dal_allocator, and may be NULL in what the library hands on.
 */
struct dal_malloc_family {
    uint32_t abi;        /**< DAL_ALLOCATOR_ABI */
    uint32_t size_bytes; /**< sizeof(struct dal_malloc_family) */
    /** malloc(3). */
    void *(*malloc_function)(size_t size);
    /** free(3); ptr may be NULL. */
    void (*free_function)(void *ptr);
    /** calloc(3). */
    void *(*calloc_function)(size_t count, size_t size);
    /** realloc(3); ptr may be NULL. */
    void *(*realloc_function)(void *ptr, size_t size);
    /** align is a power of two. */
    void *(*memalign_function)(size_t align, size_t size);
    /** ptr may be NULL, which has 0 bytes. */
    size_t (*usable_size_function)(void *ptr);
    /** Optional, with the next one: allocate for a call that is none of the six. For a layer that
     *  tells of calls: without them, calls come by the six. call: an enum dal_malloc_call that
     *  allocates; align: a power of two, DAL_MIN_ALIGN where none is asked for; site: what the call
     *  returns to. A failure is malloc's. */
    void *(*make_function)(size_t size, size_t align, uint32_t call, const void *site)DAL_ZERO_;
    /** Optional: give a block back by a call that is told, and may say more than free does; ptr may
     *  be NULL. call: one that releases; size: SIZE_MAX where it says none; align: 0 where it says
     *  none. */
    void (*end_function)(void *ptr, size_t size, size_t align, uint32_t call,
                         const void *site) DAL_ZERO_;
};

/**
 * What the author of an allocator fills in. Start with DAL_ALLOCATOR_HEADER(ctx);
 * later versions only append slots.
 *
 * NULL in an optional slot means *derive* for an allocator: alloc_zeroed is alloc
 * and memset; realloc is alloc, copy of the smaller size and dealloc; grow and
 * shrink go through realloc where the alignment stays; resize_in_place refuses;
 * usable_size is the size; owns is not supported; fork functions do nothing; and
 * dealloc_unsized, which cannot be derived, aborts with a message.
 *
 * In a layer (an allocator that wraps the next one) NULL means *the next one's
 * pair*, so what a layer leaves alone costs nothing. A layer that hooks alloc has to
 * hook every slot that creates or resizes blocks (alloc_zeroed to resize_in_place);
 * one that hooks dealloc without dealloc_unsized switches unsized freeing off. A
 * layer's fork functions call its child's (dal_instance_fork_prepare() and its siblings).
 */
struct dal_allocator {
    uint32_t abi;        /**< DAL_ALLOCATOR_ABI */
    uint32_t size_bytes; /**< sizeof(struct dal_allocator) */
    void *ctx;           /**< passed to every function; may be NULL */

    dal_alloc_function alloc DAL_ZERO_;     /**< required, but in a layer */
    dal_dealloc_function dealloc DAL_ZERO_; /**< required, but in a layer */
    dal_alloc_function alloc_zeroed DAL_ZERO_;
    dal_realloc_function realloc DAL_ZERO_;

    dal_relayout_function grow DAL_ZERO_;
    dal_relayout_function grow_zeroed DAL_ZERO_; /**< as grow; the new bytes are zero */
    dal_relayout_function shrink DAL_ZERO_;
    dal_resize_function resize_in_place DAL_ZERO_;
    dal_usable_size_function usable_size DAL_ZERO_;
    dal_dealloc_unsized_function dealloc_unsized DAL_ZERO_;
    dal_owns_function owns DAL_ZERO_;
    dal_fork_function fork_prepare DAL_ZERO_; /**< before fork(2) */
    dal_fork_function fork_parent DAL_ZERO_;  /**< after it, in the parent */
    dal_fork_function fork_child DAL_ZERO_;   /**< after it, in the child */

    /** NULL for an allocator without one, and in a layer that gives none. Copied by the library. */
    const struct dal_malloc_family *malloc_family DAL_ZERO_;

    /** alloc for a layout that is natural: align <= DAL_MIN_ALIGN and align <= size, which
     *  the caller has made sure of. NULL means alloc, also in a layer that hooks alloc. */
    dal_alloc_function alloc_natural DAL_ZERO_;
};

/** The first three members of a struct dal_allocator:
 *  `{ DAL_ALLOCATOR_HEADER(&pool), .alloc = pool_alloc, .dealloc = pool_dealloc }`. */
#define DAL_ALLOCATOR_HEADER(ctx) DAL_ALLOCATOR_ABI, (uint32_t)sizeof(struct dal_allocator), (ctx)

/** The same for C++20, where all initializers are designated or none, and stand in the order of the
 *  members, as `.alloc = pool_alloc` after it. C takes it too. */
#define DAL_ALLOCATOR_HEADER_NAMED(ctx_) \
    .abi = DAL_ALLOCATOR_ABI, .size_bytes = (uint32_t)sizeof(struct dal_allocator), .ctx = (ctx_)

/** Bits of dal_instance.native, one a slot, in the order of the slots. */
#define DAL_SLOT_ALLOC           (UINT64_C(1) << 0)
#define DAL_SLOT_DEALLOC         (UINT64_C(1) << 1)
#define DAL_SLOT_ALLOC_ZEROED    (UINT64_C(1) << 2)
#define DAL_SLOT_REALLOC         (UINT64_C(1) << 3)
#define DAL_SLOT_GROW            (UINT64_C(1) << 4)
#define DAL_SLOT_GROW_ZEROED     (UINT64_C(1) << 5)
#define DAL_SLOT_SHRINK          (UINT64_C(1) << 6)
#define DAL_SLOT_RESIZE_IN_PLACE (UINT64_C(1) << 7)
#define DAL_SLOT_USABLE_SIZE     (UINT64_C(1) << 8)
#define DAL_SLOT_DEALLOC_UNSIZED (UINT64_C(1) << 9)
#define DAL_SLOT_OWNS            (UINT64_C(1) << 10)
#define DAL_SLOT_FORK            (UINT64_C(1) << 11) /**< any of the three */

/** The slots that make or resize blocks. A layer that hooks alloc has to hook all of them that
 *  version 0.1 has; a later one that it leaves NULL is derived from these, so that no block
 *  passes the layer by. */
#define DAL_SLOTS_SIZING                                                         \
    (DAL_SLOT_ALLOC | DAL_SLOT_ALLOC_ZEROED | DAL_SLOT_REALLOC | DAL_SLOT_GROW | \
     DAL_SLOT_GROW_ZEROED | DAL_SLOT_SHRINK | DAL_SLOT_RESIZE_IN_PLACE)

/* The slots, the one list that everything made of all of them comes from: what a member of
 * struct dal_allocator is to the library beyond its name. A new slot is a member there, a row
 * and a function here, and its derived function in lib/chain/derive.c.
 *
 *   HEAD  in the head of an instance   slot, bit, result, parameters, arguments,
 *   TAIL  behind it                      then for the first call of the process: whether it
 *                                        chooses an allocator, the layout that it asks for,
 *                                        and the result of a call that cannot be served
 *   FORK  called around fork(2)        slot; there are three, and never more, since their
 *                                        calls stand before those of the tail
 */
#define DAL_SLOTS_(HEAD, TAIL, FORK)                                                              \
    HEAD(alloc, DAL_SLOT_ALLOC, void *, (size_t size, size_t align), (size, align), 1, size,      \
         align, NULL)                                                                             \
    HEAD(dealloc, DAL_SLOT_DEALLOC, void, (void *ptr, size_t size, size_t align),                 \
         (ptr, size, align), ptr != NULL, size, align, (void)0)                                   \
    HEAD(alloc_zeroed, DAL_SLOT_ALLOC_ZEROED, void *, (size_t size, size_t align), (size, align), \
         1, size, align, NULL)                                                                    \
    HEAD(realloc, DAL_SLOT_REALLOC, void *,                                                       \
         (void *ptr, size_t old_size, size_t align, size_t new_size),                             \
         (ptr, old_size, align, new_size), 1, new_size, align, NULL)                              \
    TAIL(grow, DAL_SLOT_GROW, void *,                                                             \
         (void *ptr, size_t old_size, size_t old_align, size_t new_size, size_t new_align),       \
         (ptr, old_size, old_align, new_size, new_align), 1, new_size, new_align, NULL)           \
    TAIL(grow_zeroed, DAL_SLOT_GROW_ZEROED, void *,                                               \
         (void *ptr, size_t old_size, size_t old_align, size_t new_size, size_t new_align),       \
         (ptr, old_size, old_align, new_size, new_align), 1, new_size, new_align, NULL)           \
    TAIL(shrink, DAL_SLOT_SHRINK, void *,                                                         \
         (void *ptr, size_t old_size, size_t old_align, size_t new_size, size_t new_align),       \
         (ptr, old_size, old_align, new_size, new_align), 1, new_size, new_align, NULL)           \
    TAIL(resize_in_place, DAL_SLOT_RESIZE_IN_PLACE, int,                                          \
         (void *ptr, size_t old_size, size_t align, size_t new_size),                             \
         (ptr, old_size, align, new_size), 1, new_size, align, DAL_ERR_UNSUPPORTED)               \
    TAIL(usable_size, DAL_SLOT_USABLE_SIZE, size_t, (const void *ptr, size_t size, size_t align), \
         (ptr, size, align), 1, size, align, size)                                                \
    TAIL(dealloc_unsized, DAL_SLOT_DEALLOC_UNSIZED, void, (void *ptr), (ptr), ptr != NULL, 0, 1,  \
         (void)0)                                                                                 \
    TAIL(owns, DAL_SLOT_OWNS, int, (const void *ptr), (ptr), 0, 0, 1, 0)                          \
    FORK(fork_prepare)                                                                            \
    FORK(fork_parent)                                                                             \
    FORK(fork_child)

/** A pair: the function to call, and the ctx that is its last argument. */
struct dal_alloc_slot {
    dal_alloc_function call;
    void *ctx;
};
/** A pair of a dealloc function to call, and its ctx. */
struct dal_dealloc_slot {
    dal_dealloc_function call;
    void *ctx;
};
/** A pair of a realloc function to call, and its ctx. */
struct dal_realloc_slot {
    dal_realloc_function call;
    void *ctx;
};

/**
 * A complete allocator, ready to be called. Read it, never write to it, and do not copy it:
 * slots point back into it. What is here is the head of the whole and stays as it is for
 * ever; the other slots are called by the functions below. The four slots of the front,
 * alloc, dealloc, alloc_zeroed and realloc, share a cache line; alloc_natural is alloc for
 * natural layouts (struct dal_allocator).
 */
struct dal_instance {
    DAL_ALIGNAS_(64) uint64_t native; /**< DAL_SLOT_ bits: what is not derived */
    const char *name;                 /**< such as "stats+arena"; never NULL */
    const void *tail_;                /* the other slots */
    void *private_[3];
    struct dal_alloc_slot alloc_natural;

    DAL_ALIGNAS_(64) struct dal_alloc_slot alloc;
    struct dal_dealloc_slot dealloc;
    struct dal_alloc_slot alloc_zeroed;
    struct dal_realloc_slot realloc;
};

/**
 * Memory of a caller's for an instance and all its slots, with room for 32 more than there
 * are: a library of a later version fits into the storage of a program that was compiled
 * with these headers. The handle is the address of its first member.
 */
struct dal_instance_storage {
    struct dal_instance instance; /**< once dal_instance_init() has filled it */
    DAL_ALIGNAS_(64) unsigned char tail_[DAL_INSTANCE_TAIL_BYTES_];
};

/* ---- Making instances ---------------------------------------------------------- */

/**
 * Fill an instance in memory of the caller's, whose handle is &storage->instance.
 *
 * @param storage    where; must stay where it is for as long as it is used. Not NULL.
 * @param allocator  copied; what it lacks is derived. Not NULL.
 * @param name       for messages; not copied, has to live as long as the instance.
 *                   NULL means "custom".
 * @return 0; DAL_ERR_INVALID for a NULL argument; DAL_ERR_ABI for a structure of an
 *         unknown version, or one longer than ours whose unknown tail is not zero;
 *         DAL_ERR_INCOMPLETE without alloc or dealloc, or for a malloc family that lacks
 *         a function. On failure storage is as it was.
 *
 * Thread-safe for distinct storage; may be called from inside a backend. Nothing is
 * registered: the fork functions of such an instance are not called.
 */
DAL_API int dal_instance_init(struct dal_instance_storage *storage,
                              const struct dal_allocator *allocator, const char *name);

/**
 * Make an instance in memory of the library's, read-only once filled.
 *
 * @param allocator  copied; what it lacks is derived. Not NULL.
 * @param name       copied; NULL means "custom".
 * @param instance   receives the handle, owned by the caller until it passes it to
 *                   dal_instance_destroy(). Not NULL; unchanged on failure.
 * @return 0, an error of dal_instance_init(), or DAL_ERR_MEMORY; for an allocator with fork
 *         functions also DAL_ERR_FULL if 63 instances have some, or DAL_ERR_SYSTEM.
 *
 * Thread-safe; may be called from inside a backend. Takes a page from the operating system,
 * never from an allocator.
 */
DAL_API int dal_instance_create(const struct dal_allocator *allocator, const char *name,
                                const struct dal_instance **instance);

/**
 * Make an instance by a spec such as "stats+arena:limit=64M".
 *
 * @param spec           the text, see dispatchalloc/spec.h. Without a backend its
 *                       layers wrap the system allocator. Not NULL.
 * @param instance       receives the handle, owned by the caller until it passes it to
 *                       dal_instance_destroy(). Not NULL; unchanged on failure.
 * @param message        receives one line without a newline that says what is wrong
 *                       and what would be accepted; "" on success. May be NULL.
 * @param message_bytes  size of message in bytes.
 * @return 0; DAL_ERR_INVALID for a NULL argument; DAL_ERR_SYNTAX, DAL_ERR_UNKNOWN,
 *         DAL_ERR_OPTION or DAL_ERR_MODULE for what the spec says; DAL_ERR_ABI,
 *         DAL_ERR_INCOMPLETE, DAL_ERR_CREATE or a number of the backend's own if it cannot
 *         be started; DAL_ERR_MEMORY, DAL_ERR_FULL, DAL_ERR_SYSTEM. Nothing is printed.
 *
 * Thread-safe. May open a module; not to be called from inside a backend.
 */
DAL_API int dal_instance_create_spec(const char *spec, const struct dal_instance **instance,
                                     char *message, size_t message_bytes);

/**
 * Destroy an instance of dal_instance_create() or dal_instance_create_spec().
 *
 * @param instance  no other thread may use it any more; whether its blocks die with
 *                  it depends on the backend (an arena's do). NULL is a no-op, and
 *                  so are dal_system(), dal_global(), dal_global_active() and an
 *                  instance of dal_instance_init().
 *
 * May be called from any thread, and not from inside a backend. One with fork functions waits
 * for a fork that another thread is at, so no lock may be held that an atfork handler of the
 * program's takes. In such a handler nothing is waited for, and no fork function of the instance
 * is called any more.
 */
DAL_API void dal_instance_destroy(const struct dal_instance *instance);

/**
 * The system allocator (on POSIX malloc and its family), for a custom one to wrap.
 *
 * @return a handle that is valid for ever.
 *
 * Thread-safe; may be called from inside a backend. It does not touch the hook.
 */
DAL_API const struct dal_instance *dal_system(void);

/* ---- Calling instances ---------------------------------------------------------
 * The contract of each is that of the function types above and of front.h. Sizes and alignments
 * are in bytes, and all may be called from inside a backend on instances that it may call, such
 * as its child. Thread-safe, as the allocator of the instance is. */

/**
 * Allocate a block from an instance. Its bytes are uninitialised.
 *
 * @param instance  not NULL, which is not tested.
 * @param size      bytes; 0 is allowed.
 * @param align     alignment in bytes, a power of two.
 * @return the block, owned by the caller until it gives it back to this instance; NULL if
 *         exhausted or not supported.
 */
DAL_ATTRIBUTE_((__malloc__, alloc_size(2), alloc_align(3), warn_unused_result))
DAL_INLINE_ void *dal_instance_alloc(const struct dal_instance *instance, size_t size, size_t align)
{
    if (DAL_IS_NATURAL_(size, align))
        return instance->alloc_natural.call(size, align, instance->alloc_natural.ctx);
    return instance->alloc.call(size, align, instance->alloc.ctx);
}

/**
 * Give a block back.
 *
 * @param instance  the allocator of the block; not NULL, which is not tested.
 * @param ptr       a block; NULL is a no-op.
 * @param size      the size that it has, in bytes.
 * @param align     the alignment that it has, in bytes.
 */
DAL_INLINE_ void dal_instance_dealloc(const struct dal_instance *instance, void *ptr, size_t size,
                                      size_t align)
{
    instance->dealloc.call(ptr, size, align, instance->dealloc.ctx);
}

/** dal_instance_alloc() with bytes that are zero. */
DAL_ATTRIBUTE_((__malloc__, alloc_size(2), alloc_align(3), warn_unused_result))
DAL_INLINE_ void *dal_instance_alloc_zeroed(const struct dal_instance *instance, size_t size,
                                            size_t align)
{
    return instance->alloc_zeroed.call(size, align, instance->alloc_zeroed.ctx);
}

/**
 * Change the size of a block, which may move; its alignment stays.
 *
 * @param instance  the allocator of the block; not NULL, which is not tested.
 * @param ptr       a block, or NULL with old_size 0, which allocates.
 * @param old_size  the size that it has, in bytes.
 * @param align     the alignment that it has, in bytes.
 * @param new_size  the size wanted, in bytes; 0 is allowed.
 * @return the block, owned by the caller, after which ptr is dead even if equal; NULL if
 *         exhausted or not supported, with the old block as it was.
 */
DAL_ATTRIBUTE_((alloc_size(5), alloc_align(4), warn_unused_result))
DAL_INLINE_ void *dal_instance_realloc(const struct dal_instance *instance, void *ptr,
                                       size_t old_size, size_t align, size_t new_size)
{
    return instance->realloc.call(ptr, old_size, align, new_size, instance->realloc.ctx);
}

/* The others are functions of the library. A module, which is not linked with it, has them in
 * its request (struct dal_instance_calls). */

/**
 * Grow a block to another layout (Rust's Allocator::grow).
 *
 * @param instance   the allocator of the block; NULL for the global one.
 * @param ptr        a block, or NULL with old_size 0, which allocates.
 * @param old_size   the size that it has, in bytes.
 * @param old_align  the alignment that it has, in bytes.
 * @param new_size   the size wanted, in bytes; at least old_size.
 * @param new_align  the alignment wanted, in bytes, a power of two.
 * @return the block, owned by the caller, after which ptr is dead even if equal; NULL if
 *         exhausted or not supported, with the old block as it was.
 *
 * Thread-safe, as its allocator is.
 */
DAL_API void *dal_instance_grow(const struct dal_instance *instance, void *ptr, size_t old_size,
                                size_t old_align, size_t new_size, size_t new_align)
    DAL_ATTRIBUTE_((alloc_size(5), alloc_align(6), warn_unused_result));

/** dal_instance_grow() whose new bytes are zero (Rust's Allocator::grow_zeroed). */
DAL_API void *dal_instance_grow_zeroed(const struct dal_instance *instance, void *ptr,
                                       size_t old_size, size_t old_align, size_t new_size,
                                       size_t new_align)
    DAL_ATTRIBUTE_((alloc_size(5), alloc_align(6), warn_unused_result));

/** dal_instance_grow() the other way: new_size is at most old_size (Rust's
 *  Allocator::shrink). */
DAL_API void *dal_instance_shrink(const struct dal_instance *instance, void *ptr, size_t old_size,
                                  size_t old_align, size_t new_size, size_t new_align)
    DAL_ATTRIBUTE_((alloc_size(5), alloc_align(6), warn_unused_result));

/**
 * Resize a block where it is.
 *
 * @param instance  the allocator of the block; NULL for the global one.
 * @param ptr       a block; not NULL.
 * @param old_size  the size that it has, in bytes.
 * @param align     the alignment that it has, in bytes.
 * @param new_size  the size wanted, in bytes.
 * @return 0 if the block has its new size, else DAL_ERR_UNSUPPORTED with the block as it was.
 *
 * Thread-safe, as its allocator is.
 */
DAL_API int dal_instance_resize_in_place(const struct dal_instance *instance, void *ptr,
                                         size_t old_size, size_t align, size_t new_size)
    DAL_ATTRIBUTE_((warn_unused_result));

/**
 * How much of a block the caller may use.
 *
 * @param instance  the allocator of the block; NULL for the global one.
 * @param ptr       a block; not NULL.
 * @param size      the size that it has, in bytes; 0 with align 0 where neither is known,
 *                  which an instance that has DAL_SLOT_DEALLOC_UNSIZED allows.
 * @param align     the alignment that it has, in bytes.
 * @return bytes, at least size.
 *
 * Thread-safe, as its allocator is.
 */
DAL_API size_t dal_instance_usable_size(const struct dal_instance *instance, const void *ptr,
                                        size_t size, size_t align);

/**
 * Give a block back without its layout.
 *
 * @param instance  the allocator of the block. One whose native bits lack
 *                  DAL_SLOT_DEALLOC_UNSIZED aborts the process with a message:
 *                  look at them beforehand. NULL for the global one.
 * @param ptr       a block; NULL is a no-op.
 *
 * Thread-safe, as its allocator is.
 */
DAL_API void dal_instance_dealloc_unsized(const struct dal_instance *instance, void *ptr);

/**
 * Whether a block is an instance's.
 *
 * @param instance  any; NULL for the global one.
 * @param ptr       any address; NULL is nobody's block.
 * @return 1 if ptr points to a live block of the instance, 0 if not, DAL_ERR_UNSUPPORTED if
 *         the instance cannot tell.
 *
 * Thread-safe, as its allocator is.
 */
DAL_API int dal_instance_owns(const struct dal_instance *instance, const void *ptr);

/**
 * Make an instance ready for a fork(2). The library does so around every fork for the instances
 * that it made; a layer's own fork functions call this, and the two below, for the allocator
 * that it wraps, and the owner of an instance of dal_instance_init() calls them for that.
 *
 * @param instance  one without fork functions does nothing. So does NULL, the global one: the
 *                  allocator behind it is the library's to call.
 *
 * To be followed by the fork and by one of the next two in the same thread; until then the
 * instance may hold its locks.
 */
DAL_API void dal_instance_fork_prepare(const struct dal_instance *instance);

/** dal_instance_fork_prepare() undone after the fork, in the parent, or if it failed. */
DAL_API void dal_instance_fork_parent(const struct dal_instance *instance);

/** dal_instance_fork_prepare() undone after the fork, in the child. */
DAL_API void dal_instance_fork_child(const struct dal_instance *instance);

/* ---- Calls without sizes -----------------------------------------------------------
 * malloc(3) and its family on an instance whose blocks tell their sizes, as the system's do and
 * an arena's do not. On any other a call that allocates or resizes returns NULL with errno ENOTSUP
 * and leaves the block as it was; one that gives back a block of another call, or resizes it to 0,
 * aborts with a message if the allocator cannot do it without the size.
 *
 * A block is owned by the caller until it is resized or given back here. A block of
 * dal_instance_alloc() of the same instance may be given back and resized here as well. On
 * dal_global(), or NULL, they are the calls of dispatchalloc/unsized.h, which serve over every
 * allocator and whose blocks are their own. Thread-safe, as the allocator is. May be called
 * from inside a backend on instances that it may call, such as its child. */

/**
 * Whether an instance serves calls without sizes.
 *
 * @param instance  any; NULL for the global one, which does.
 * @return true if it does.
 *
 * Thread-safe; does not allocate.
 */
DAL_API bool dal_instance_is_unsized(const struct dal_instance *instance);

/**
 * malloc(3) on an instance.
 *
 * @param instance  one that dal_instance_is_unsized(); NULL for the global one.
 * @param size      bytes; 0 gives a block of its own.
 * @return the block, uninitialised and aligned for any object that fits; NULL with errno
 *         ENOMEM if exhausted.
 */
DAL_API void *dal_instance_unsized_malloc(const struct dal_instance *instance, size_t size)
    DAL_ATTRIBUTE_((__malloc__, alloc_size(2), warn_unused_result));

/**
 * calloc(3) on an instance.
 *
 * @param instance  one that dal_instance_is_unsized(); NULL for the global one.
 * @param count     objects; 0 is allowed.
 * @param size      bytes of one.
 * @return as dal_instance_unsized_malloc(), all bytes zero; NULL also if the product overflows.
 */
DAL_API void *dal_instance_unsized_calloc(const struct dal_instance *instance, size_t count,
                                          size_t size)
    DAL_ATTRIBUTE_((__malloc__, alloc_size(2, 3), warn_unused_result));

/**
 * realloc(3) on an instance.
 *
 * @param instance  one that dal_instance_is_unsized(); NULL for the global one.
 * @param ptr       a block of it, or NULL, which allocates.
 * @param size      bytes; with a ptr that is not NULL, 0 frees it and returns NULL.
 * @return the block, aligned as one of dal_instance_unsized_malloc(), after which ptr is dead
 *         even if equal; NULL with errno ENOMEM if exhausted, with ptr as it was.
 */
DAL_API void *dal_instance_unsized_realloc(const struct dal_instance *instance, void *ptr,
                                           size_t size)
    DAL_ATTRIBUTE_((alloc_size(3), warn_unused_result));

/**
 * aligned_alloc(3) on an instance.
 *
 * @param instance  one that dal_instance_is_unsized(); NULL for the global one.
 * @param align     bytes, a power of two; else NULL with errno EINVAL.
 * @param size      bytes, of any value.
 * @return as dal_instance_unsized_malloc().
 */
DAL_API void *dal_instance_unsized_aligned_alloc(const struct dal_instance *instance, size_t align,
                                                 size_t size)
    DAL_ATTRIBUTE_((__malloc__, alloc_size(3), alloc_align(2), warn_unused_result));

/**
 * free(3) on an instance; errno is kept.
 *
 * @param instance  one that dal_instance_is_unsized(), or that takes blocks back without
 *                  their sizes and tells none; NULL for the global one.
 * @param ptr       a block of it; NULL is a no-op.
 */
DAL_API void dal_instance_unsized_free(const struct dal_instance *instance, void *ptr);

/**
 * malloc_usable_size(3) on an instance.
 *
 * @param instance  one that dal_instance_is_unsized(); NULL for the global one.
 * @param ptr       a block of it, or NULL.
 * @return bytes that may be used; 0 for NULL, and on an instance that cannot tell.
 */
DAL_API size_t dal_instance_unsized_usable_size(const struct dal_instance *instance,
                                                const void *ptr);

/* What dal_instance_calls is made of: a pointer to each of these functions. */
#define DAL_NO_SLOT_(...)
#define DAL_CALL_MEMBER_(slot, bit, result, parameters, ...) \
    result(*slot) DAL_CALL_PARAMETERS_ parameters;
#define DAL_CALL_FORK_(slot)      void (*slot)(const struct dal_instance *instance);
#define DAL_CALL_PARAMETERS_(...) (const struct dal_instance *instance, __VA_ARGS__)

/**
 * The functions of instances that are no inline ones, for a module, which finds them in its
 * request: `request->calls->grow(request->child, ...)` is dal_instance_grow(). Filled by the
 * library, valid for ever, never changed; size_bytes says how far.
 */
struct dal_instance_calls {
    uint32_t size_bytes; /**< bytes of this structure that the library has filled */
    uint32_t reserved_;
    /* These first: calls of later slots come at the end. */
    DAL_SLOTS_(DAL_NO_SLOT_, DAL_NO_SLOT_, DAL_CALL_FORK_)
    DAL_SLOTS_(DAL_NO_SLOT_, DAL_CALL_MEMBER_, DAL_NO_SLOT_)
};

/** dal_instance_alloc() with the size and alignment of layout. */
DAL_ATTRIBUTE_((__malloc__, warn_unused_result))
DAL_INLINE_ void *dal_instance_alloc_layout(const struct dal_instance *instance,
                                            struct dal_layout layout)
{
    return dal_instance_alloc(instance, layout.size, layout.align);
}

/** dal_instance_dealloc() of a block that has this layout. */
DAL_INLINE_ void dal_instance_dealloc_layout(const struct dal_instance *instance, void *ptr,
                                             struct dal_layout layout)
{
    dal_instance_dealloc(instance, ptr, layout.size, layout.align);
}

/** dal_instance_alloc_zeroed() with the size and alignment of layout. */
DAL_ATTRIBUTE_((__malloc__, warn_unused_result))
DAL_INLINE_ void *dal_instance_alloc_zeroed_layout(const struct dal_instance *instance,
                                                   struct dal_layout layout)
{
    return dal_instance_alloc_zeroed(instance, layout.size, layout.align);
}

/** dal_instance_realloc() of a block that has this layout to new_size bytes. */
DAL_ATTRIBUTE_((warn_unused_result))
DAL_INLINE_ void *dal_instance_realloc_layout(const struct dal_instance *instance, void *ptr,
                                              struct dal_layout layout, size_t new_size)
{
    return dal_instance_realloc(instance, ptr, layout.size, layout.align, new_size);
}

DAL_END_DECLS_

#endif /* DISPATCHALLOC_INSTANCE_H */
