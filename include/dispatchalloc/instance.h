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
 * All functions of an allocator take the scalars first and ctx last. They keep the
 * contract that dispatchalloc/front.h states, size 0 and NULL included, and may be
 * entered from any thread whenever a program may call malloc: before main, in exit
 * handlers, in destructors of thread-local storage, after fork.
 */
#ifndef DISPATCHALLOC_INSTANCE_H
#define DISPATCHALLOC_INSTANCE_H

#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/layout.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/** Version of struct dal_allocator and struct dal_instance. */
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
 */
struct dal_malloc_family {
    uint32_t abi;        /**< DAL_ALLOCATOR_ABI */
    uint32_t size_bytes; /**< sizeof(struct dal_malloc_family) */
    void *(*malloc_function)(size_t size);
    void (*free_function)(void *ptr);
    void *(*calloc_function)(size_t count, size_t size);
    void *(*realloc_function)(void *ptr, size_t size);
    /** align is a power of two. */
    void *(*memalign_function)(size_t align, size_t size);
    /** ptr may be NULL, which has 0 bytes. */
    size_t (*usable_size_function)(void *ptr);
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
 * layer's fork functions call the next one's.
 */
struct dal_allocator {
    uint32_t abi;        /**< DAL_ALLOCATOR_ABI */
    uint32_t size_bytes; /**< sizeof(struct dal_allocator) */
    void *ctx;           /**< passed to every function; may be NULL */

    dal_alloc_function alloc;     /**< required, but in a layer */
    dal_dealloc_function dealloc; /**< required, but in a layer */
    dal_alloc_function alloc_zeroed;
    dal_realloc_function realloc;

    dal_relayout_function grow;
    dal_relayout_function grow_zeroed; /**< as grow; the new bytes are zero */
    dal_relayout_function shrink;
    dal_resize_function resize_in_place;
    dal_usable_size_function usable_size;
    dal_dealloc_unsized_function dealloc_unsized;
    dal_owns_function owns;
    dal_fork_function fork_prepare;
    dal_fork_function fork_parent;
    dal_fork_function fork_child;

    /** NULL for an allocator without one, and in a layer. Lives as long as the allocator. */
    const struct dal_malloc_family *malloc_family;

    /** alloc for a layout that is natural: align <= DAL_MIN_ALIGN and align <= size, which
     *  the caller has made sure of. NULL means alloc, also in a layer that hooks alloc. */
    dal_alloc_function alloc_natural;
};

/** The first three members of a struct dal_allocator:
 *  `{ DAL_ALLOCATOR_HEADER(&pool), .alloc = pool_alloc, .dealloc = pool_dealloc }`. */
#define DAL_ALLOCATOR_HEADER(ctx) DAL_ALLOCATOR_ABI, (uint32_t)sizeof(struct dal_allocator), (ctx)

/** Bits of dal_instance.native, one a slot, in the order of the slots. */
enum dal_slot {
    DAL_SLOT_ALLOC           = 1 << 0,
    DAL_SLOT_DEALLOC         = 1 << 1,
    DAL_SLOT_ALLOC_ZEROED    = 1 << 2,
    DAL_SLOT_REALLOC         = 1 << 3,
    DAL_SLOT_GROW            = 1 << 4,
    DAL_SLOT_GROW_ZEROED     = 1 << 5,
    DAL_SLOT_SHRINK          = 1 << 6,
    DAL_SLOT_RESIZE_IN_PLACE = 1 << 7,
    DAL_SLOT_USABLE_SIZE     = 1 << 8,
    DAL_SLOT_DEALLOC_UNSIZED = 1 << 9,
    DAL_SLOT_OWNS            = 1 << 10,
    DAL_SLOT_FORK            = 1 << 11 /**< any of the three */
};

/* One {function, ctx} pair a slot. */
struct dal_alloc_slot           { dal_alloc_function call;           void *ctx; };
struct dal_dealloc_slot         { dal_dealloc_function call;         void *ctx; };
struct dal_realloc_slot         { dal_realloc_function call;         void *ctx; };
struct dal_relayout_slot        { dal_relayout_function call;        void *ctx; };
struct dal_resize_slot          { dal_resize_function call;          void *ctx; };
struct dal_usable_size_slot     { dal_usable_size_function call;     void *ctx; };
struct dal_dealloc_unsized_slot { dal_dealloc_unsized_function call; void *ctx; };
struct dal_owns_slot            { dal_owns_function call;            void *ctx; };
struct dal_fork_slot            { dal_fork_function call;            void *ctx; };

/**
 * A complete allocator, ready to be called. Read it, never write to it, and do not
 * copy it: slots point back into it. The four slots of the front share a cache line.
 */
struct dal_instance {
    DAL_ALIGNAS_(64) uint32_t abi; /**< DAL_ALLOCATOR_ABI */
    uint32_t size_bytes;           /**< bytes of the structure that are filled */
    uint32_t native;               /**< enum dal_slot bits: what is not derived */
    uint32_t reserved_;
    const char *name;              /**< such as "stats+arena"; never NULL */
    void *private_[5];

    DAL_ALIGNAS_(64) struct dal_alloc_slot alloc;
    struct dal_dealloc_slot dealloc;
    struct dal_alloc_slot alloc_zeroed;
    struct dal_realloc_slot realloc;

    struct dal_relayout_slot grow;
    struct dal_relayout_slot grow_zeroed;
    struct dal_relayout_slot shrink;
    struct dal_resize_slot resize_in_place;
    struct dal_usable_size_slot usable_size;
    struct dal_dealloc_unsized_slot dealloc_unsized;
    struct dal_owns_slot owns;
    struct dal_fork_slot fork_prepare;
    struct dal_fork_slot fork_parent;
    struct dal_fork_slot fork_child;

    /** The allocator's own malloc family, or NULL. */
    const struct dal_malloc_family *malloc_family;

    struct dal_alloc_slot alloc_natural;
};

/* ---- Making instances ---------------------------------------------------------- */

/**
 * Fill an instance in memory of the caller's.
 *
 * @param storage        where; must stay where it is for as long as it is used.
 * @param storage_bytes  sizeof(struct dal_instance) as the caller knows it.
 * @param allocator      copied; what it lacks is derived. Not NULL.
 * @param name           for messages; not copied, has to live as long as the
 *                       instance. NULL means "custom".
 * @return 0; DAL_ERR_INVALID for a NULL or too small argument; DAL_ERR_ABI for a
 *         structure of an unknown version, or one longer than ours whose unknown
 *         tail is not zero; DAL_ERR_INCOMPLETE without alloc or dealloc. On failure
 *         storage is as it was.
 *
 * Thread-safe for distinct storage; may be called from inside a backend. Nothing is
 * registered: the fork functions of such an instance are not called.
 */
DAL_API int dal_instance_init(struct dal_instance *storage, size_t storage_bytes,
                              const struct dal_allocator *allocator, const char *name);

/**
 * Make an instance in memory of the library's, read-only once filled.
 *
 * @param allocator  copied; what it lacks is derived. Not NULL.
 * @param name       copied; NULL means "custom".
 * @param instance   receives the handle, owned by the caller until it passes it to
 *                   dal_instance_destroy(). Not NULL; unchanged on failure.
 * @return 0, an error of dal_instance_init(), or DAL_ERR_MEMORY.
 *
 * Thread-safe. Takes a page from the operating system, never from an allocator.
 */
DAL_API int dal_instance_create(const struct dal_allocator *allocator, const char *name,
                                const struct dal_instance **instance);

/**
 * Make an instance by a spec such as "stats+arena:limit=64M".
 *
 * @param spec           the text, see dispatchalloc/spec.h. Without a backend its
 *                       layers wrap the system allocator.
 * @param instance       receives the handle. Not NULL; unchanged on failure.
 * @param message        receives one line without a newline that says what is wrong
 *                       and what would be accepted; "" on success. May be NULL.
 * @param message_bytes  size of message in bytes.
 * @return 0 or a negative error number. Nothing is printed.
 *
 * Thread-safe.
 */
DAL_API int dal_instance_create_spec(const char *spec, const struct dal_instance **instance,
                                     char *message, size_t message_bytes);

/**
 * Destroy an instance of dal_instance_create() or dal_instance_create_spec().
 *
 * @param instance  no other thread may use it any more; whether its blocks die with
 *                  it depends on the backend (an arena's do). NULL is a no-op, and
 *                  so are dal_system() and dal_global().
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
 * The contract of each is that of the function types above and of front.h. The
 * handle must not be NULL. */

/** Allocate size bytes at alignment align from an instance. */
DAL_ATTRIBUTE_((__malloc__, alloc_size(2), alloc_align(3), warn_unused_result))
static inline void *dal_instance_alloc(const struct dal_instance *instance, size_t size,
                                       size_t align)
{
    if (DAL_IS_NATURAL_(size, align))
        return instance->alloc_natural.call(size, align, instance->alloc_natural.ctx);
    return instance->alloc.call(size, align, instance->alloc.ctx);
}

/** Give a block of an instance back. */
static inline void dal_instance_dealloc(const struct dal_instance *instance, void *ptr,
                                        size_t size, size_t align)
{
    instance->dealloc.call(ptr, size, align, instance->dealloc.ctx);
}

/** Allocate size zero bytes at alignment align from an instance. */
DAL_ATTRIBUTE_((__malloc__, alloc_size(2), alloc_align(3), warn_unused_result))
static inline void *dal_instance_alloc_zeroed(const struct dal_instance *instance, size_t size,
                                              size_t align)
{
    return instance->alloc_zeroed.call(size, align, instance->alloc_zeroed.ctx);
}

/** Change the size of a block of an instance. */
DAL_ATTRIBUTE_((alloc_size(5), alloc_align(4), warn_unused_result))
static inline void *dal_instance_realloc(const struct dal_instance *instance, void *ptr,
                                         size_t old_size, size_t align, size_t new_size)
{
    return instance->realloc.call(ptr, old_size, align, new_size, instance->realloc.ctx);
}

/** Grow a block to another layout with new_size >= old_size. */
DAL_ATTRIBUTE_((alloc_size(5), alloc_align(6), warn_unused_result))
static inline void *dal_instance_grow(const struct dal_instance *instance, void *ptr,
                                      size_t old_size, size_t old_align, size_t new_size,
                                      size_t new_align)
{
    return instance->grow.call(ptr, old_size, old_align, new_size, new_align, instance->grow.ctx);
}

/** dal_instance_grow() whose new bytes are zero. */
DAL_ATTRIBUTE_((alloc_size(5), alloc_align(6), warn_unused_result))
static inline void *dal_instance_grow_zeroed(const struct dal_instance *instance, void *ptr,
                                             size_t old_size, size_t old_align, size_t new_size,
                                             size_t new_align)
{
    return instance->grow_zeroed.call(ptr, old_size, old_align, new_size, new_align,
                                      instance->grow_zeroed.ctx);
}

/** Shrink a block to another layout with new_size <= old_size. */
DAL_ATTRIBUTE_((alloc_size(5), alloc_align(6), warn_unused_result))
static inline void *dal_instance_shrink(const struct dal_instance *instance, void *ptr,
                                        size_t old_size, size_t old_align, size_t new_size,
                                        size_t new_align)
{
    return instance->shrink.call(ptr, old_size, old_align, new_size, new_align,
                                 instance->shrink.ctx);
}

/** Resize a block where it is: 0, or DAL_ERR_UNSUPPORTED with the block as it was. */
DAL_ATTRIBUTE_((warn_unused_result))
static inline int dal_instance_resize_in_place(const struct dal_instance *instance, void *ptr,
                                               size_t old_size, size_t align, size_t new_size)
{
    return instance->resize_in_place.call(ptr, old_size, align, new_size,
                                          instance->resize_in_place.ctx);
}

/** Bytes that the caller may use of a block which was asked for with this layout. */
static inline size_t dal_instance_usable_size(const struct dal_instance *instance,
                                              const void *ptr, size_t size, size_t align)
{
    return instance->usable_size.call(ptr, size, align, instance->usable_size.ctx);
}

/** Give a block back without its layout. Aborts with a message on an instance whose
 *  native bits lack DAL_SLOT_DEALLOC_UNSIZED. */
static inline void dal_instance_dealloc_unsized(const struct dal_instance *instance, void *ptr)
{
    instance->dealloc_unsized.call(ptr, instance->dealloc_unsized.ctx);
}

/** 1 if ptr points to a live block of the instance, 0 if not, else DAL_ERR_UNSUPPORTED. */
static inline int dal_instance_owns(const struct dal_instance *instance, const void *ptr)
{
    return instance->owns.call(ptr, instance->owns.ctx);
}

/** dal_instance_alloc() with the size and alignment of layout. */
DAL_ATTRIBUTE_((__malloc__, warn_unused_result))
static inline void *dal_instance_alloc_layout(const struct dal_instance *instance,
                                              struct dal_layout layout)
{
    return dal_instance_alloc(instance, layout.size, layout.align);
}

/** dal_instance_dealloc() of a block that has this layout. */
static inline void dal_instance_dealloc_layout(const struct dal_instance *instance, void *ptr,
                                               struct dal_layout layout)
{
    dal_instance_dealloc(instance, ptr, layout.size, layout.align);
}

/** dal_instance_alloc_zeroed() with the size and alignment of layout. */
DAL_ATTRIBUTE_((__malloc__, warn_unused_result))
static inline void *dal_instance_alloc_zeroed_layout(const struct dal_instance *instance,
                                                     struct dal_layout layout)
{
    return dal_instance_alloc_zeroed(instance, layout.size, layout.align);
}

/** dal_instance_realloc() of a block that has this layout to new_size bytes. */
DAL_ATTRIBUTE_((warn_unused_result))
static inline void *dal_instance_realloc_layout(const struct dal_instance *instance, void *ptr,
                                                struct dal_layout layout, size_t new_size)
{
    return dal_instance_realloc(instance, ptr, layout.size, layout.align, new_size);
}

DAL_END_DECLS_

#endif /* DISPATCHALLOC_INSTANCE_H */
