/* SPDX-License-Identifier: MIT */
/*
 * An allocator over another one's malloc: its slots, made of a few functions of that one. For the
 * headers and modules over such allocators; included once for each, after these macros, which it
 * undefines:
 *
 *   DAL_OVER_ALLOCATOR_         the constant that is to be defined
 *   DAL_OVER_(name)             what the functions are called, such as dal_mimalloc_##name##_
 *   DAL_OVER_MALLOC_(size), DAL_OVER_CALLOC_(size), DAL_OVER_REALLOC_(ptr, size),
 *   DAL_OVER_FREE_(ptr)         its short way (limits.h)
 *   DAL_OVER_LONG_(size, align) its long way, for what is possible
 *   DAL_OVER_ROOM_(ptr)         the bytes that a block really has
 *
 * and of those that it has something better for than the functions here:
 *
 *   DAL_OVER_LONG_ZEROED_(size, align)
 *   DAL_OVER_LONG_RESIZE_(ptr, old_size, align, new_size)
 *   DAL_OVER_GROW_ZEROED_, DAL_OVER_RESIZE_IN_PLACE_  functions for the slots of that name
 *
 * A block of either way may be given back by FREE and resized by REALLOC, so the alignment is
 * looked at only where a block is made.
 */
#ifdef DAL_OVER_

# include <stddef.h>
# include <stdint.h>
# include <string.h>

# include <dispatchalloc/allocator/limits.h>
# include <dispatchalloc/error.h>
# include <dispatchalloc/instance.h>
# include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

static inline void *DAL_OVER_(long)(size_t size, size_t align)
{
    return dal_is_possible_(size, align) ? DAL_OVER_LONG_(dal_long_size_(size), align) : NULL;
}

static inline void *DAL_OVER_(alloc)(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    if (dal_is_short_(align))
        return DAL_OVER_MALLOC_(dal_short_size_(size, align));
    return DAL_OVER_(long)(size, align);
}

static inline void *DAL_OVER_(alloc_natural)(size_t size, size_t align, void *ctx)
{
    (void)align;
    (void)ctx;
    return DAL_OVER_MALLOC_(size);
}

static inline void DAL_OVER_(dealloc)(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    DAL_OVER_FREE_(ptr);
}

static inline void DAL_OVER_(dealloc_unsized)(void *ptr, void *ctx)
{
    (void)ctx;
    DAL_OVER_FREE_(ptr);
}

# ifndef DAL_OVER_LONG_ZEROED_
#  define DAL_OVER_LONG_ZEROED_ DAL_OVER_(long_zeroed)

static inline void *DAL_OVER_(long_zeroed)(size_t size, size_t align)
{
    void *ptr = DAL_OVER_LONG_(size, align);

    return ptr ? memset(ptr, 0, size) : NULL;
}
# endif

static inline void *DAL_OVER_(alloc_zeroed)(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    if (dal_is_short_(align))
        return DAL_OVER_CALLOC_(dal_short_size_(size, align));
    return dal_is_possible_(size, align) ? DAL_OVER_LONG_ZEROED_(dal_long_size_(size), align)
                                         : NULL;
}

# ifndef DAL_OVER_LONG_RESIZE_
#  define DAL_OVER_LONG_RESIZE_ DAL_OVER_(move)

/* Realloc's rule of most allocators: a block stays where it has room and is not more than half
 * empty. */
static inline int DAL_OVER_(may_stay)(const void *ptr, size_t align, size_t new_size)
{
    size_t room = DAL_OVER_ROOM_(ptr);

    return ((uintptr_t)ptr & (align - 1)) == 0 && new_size <= room && new_size >= room / 2;
}

static inline void *DAL_OVER_(move)(void *ptr, size_t old_size, size_t align, size_t new_size)
{
    void *moved;

    if (ptr && DAL_OVER_(may_stay)(ptr, align, new_size))
        return ptr;
    moved = DAL_OVER_(long)(new_size, align);
    if (moved && ptr) {
        memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        DAL_OVER_FREE_(ptr);
    }
    return moved;
}
# endif

/* Also for a block that had another alignment. */
static inline void *DAL_OVER_(relayout)(void *ptr, size_t old_size, size_t old_align,
                                        size_t new_size, size_t new_align, void *ctx)
{
    (void)old_size;
    (void)old_align;
    (void)ctx;
    if (dal_is_short_(new_align))
        return DAL_OVER_REALLOC_(ptr, dal_short_size_(new_size, new_align));
    return DAL_OVER_LONG_RESIZE_(ptr, old_size, new_align, new_size);
}

static inline void *DAL_OVER_(realloc)(void *ptr, size_t old_size, size_t align, size_t new_size,
                                       void *ctx)
{
    return DAL_OVER_(relayout)(ptr, old_size, align, new_size, align, ctx);
}

static inline size_t DAL_OVER_(usable_size)(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    return DAL_OVER_ROOM_(ptr);
}

# ifndef DAL_OVER_RESIZE_IN_PLACE_
#  define DAL_OVER_RESIZE_IN_PLACE_ DAL_OVER_(resize_in_place)

static inline int DAL_OVER_(resize_in_place)(void *ptr, size_t old_size, size_t align,
                                             size_t new_size, void *ctx)
{
    (void)old_size;
    (void)align;
    (void)ctx;
    return new_size <= DAL_OVER_ROOM_(ptr) ? DAL_OK : DAL_ERR_UNSUPPORTED;
}
# endif

# ifndef DAL_OVER_GROW_ZEROED_
#  define DAL_OVER_GROW_ZEROED_ NULL /* derived */
# endif

DAL_ATTRIBUTE_((unused))
static const struct dal_allocator DAL_OVER_ALLOCATOR_ = {DAL_ALLOCATOR_HEADER(NULL),
                                                         DAL_OVER_(alloc),
                                                         DAL_OVER_(dealloc),
                                                         DAL_OVER_(alloc_zeroed),
                                                         DAL_OVER_(realloc),
                                                         DAL_OVER_(relayout), /* grow */
                                                         DAL_OVER_GROW_ZEROED_,
                                                         DAL_OVER_(relayout), /* shrink */
                                                         DAL_OVER_RESIZE_IN_PLACE_,
                                                         DAL_OVER_(usable_size),
                                                         DAL_OVER_(dealloc_unsized),
                                                         NULL,
                                                         NULL,
                                                         NULL,
                                                         NULL,
                                                         NULL,
                                                         DAL_OVER_(alloc_natural)};

DAL_END_DECLS_

# undef DAL_OVER_ALLOCATOR_
# undef DAL_OVER_
# undef DAL_OVER_MALLOC_
# undef DAL_OVER_CALLOC_
# undef DAL_OVER_REALLOC_
# undef DAL_OVER_FREE_
# undef DAL_OVER_LONG_
# undef DAL_OVER_ROOM_
# undef DAL_OVER_LONG_ZEROED_
# undef DAL_OVER_LONG_RESIZE_
# undef DAL_OVER_GROW_ZEROED_
# undef DAL_OVER_RESIZE_IN_PLACE_

#endif
