/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/typed.h
 * @brief Allocation by type: dal_new(type) instead of a size written by hand.
 *
 *     struct point *p = dal_new(struct point);
 *     double *row = dal_array_new(double, count);
 *     char *name = dal_strdup("origin");
 *     ...
 *     dal_string_delete(name);
 *     dal_array_delete(double, row, count);
 *     dal_delete(struct point, p);
 *
 * Size and alignment come from the type, so that the block goes back with those it was
 * allocated with; products are checked for overflow; a result has type `type *`, and a
 * pointer argument of another type is diagnosed by the compiler (a `void *` is not in
 * C, where it converts to everything). Each function comes twice: over the front, and
 * with dal_instance_ in front of its name over an allocator given as first argument.
 *
 * Everything here is macros over inline functions, with the contract of front.h: NULL
 * is returned when memory is exhausted and may be deleted; all may be called from any
 * thread, and those over the front not from inside a backend. Each argument is evaluated
 * once.
 *
 * In C++ no constructor or destructor runs: what dal_new() returns is memory for an
 * object. Give a type whose name has a comma an alias first.
 */
#ifndef DISPATCHALLOC_TYPED_H
#define DISPATCHALLOC_TYPED_H

#include <stddef.h>
#include <string.h>

#include <dispatchalloc/front.h>
#include <dispatchalloc/instance.h>
#include <dispatchalloc/layout.h>
#include <dispatchalloc/macros.h>

/* DAL_CAST_ turns a void * into a pointer to type. DAL_POINTER_ is ptr itself, with a
 * diagnostic unless it is a pointer to type; DAL_MOVABLE_ the same for a block that is
 * going to be moved by copying its bytes. */
#ifdef __cplusplus
extern "C++" {
template <class T> struct dal_pointer_ {
    DAL_ATTRIBUTE_((warn_unused_result)) static T *cast(void *ptr)
    {
        return static_cast<T *>(ptr);
    }

    /* A pointer to a derived class would convert; it has another size, and maybe
     * another address. */
    static T *check(T *ptr)
    {
        return ptr;
    }
    template <class U> static T *check(U *ptr) = delete;

    static T *check_movable(T *ptr)
    {
# ifdef __GNUC__
        static_assert(__is_trivially_copyable(T), "dal_array_resize moves objects by their bytes");
# endif
        return ptr;
    }
    template <class U> static T *check_movable(U *ptr) = delete;
};
}
# define DAL_CAST_(type, ptr)    (::dal_pointer_<type>::cast(ptr))
# define DAL_POINTER_(type, ptr) (::dal_pointer_<type>::check(ptr))
# define DAL_MOVABLE_(type, ptr) (::dal_pointer_<type>::check_movable(ptr))
#else
# ifdef __GNUC__
#  define DAL_POINTER_TO_(type) __typeof__(type) * /* any type, such as int[4] */
# else
#  define DAL_POINTER_TO_(type) type *
# endif
/* The comma hides the call from gcc 14, which warns (-Walloc-size) of an array of 0 elements. */
# define DAL_CAST_(type, ptr)    ((DAL_POINTER_TO_(type))((void)0, (ptr)))
/* Not by a conditional expression: gcc keeps silent where the place of a fault is in a system
 * header, and the place of a wrong initialiser is in the program. */
# define DAL_POINTER_(type, ptr) ((DAL_POINTER_TO_(type)){ptr})
# define DAL_MOVABLE_(type, ptr) DAL_POINTER_(type, ptr)
#endif

DAL_BEGIN_DECLS_

/* ---- What the macros call ------------------------------------------------------
 * size and align are those of a type, so that the division is one by a constant. */

/* The error rule of dal_layout_array(). */
static inline int dal_array_fits_(size_t count, size_t size, size_t align)
{
    return size == 0 || count <= (DAL_LAYOUT_BOUND_ - align) / size;
}

DAL_ATTRIBUTE_((__malloc__, alloc_size(1, 2), alloc_align(3), warn_unused_result))
static inline void *dal_array_alloc_(size_t count, size_t size, size_t align)
{
    return dal_array_fits_(count, size, align) ? dal_alloc(count * size, align) : NULL;
}

DAL_ATTRIBUTE_((__malloc__, alloc_size(1, 2), alloc_align(3), warn_unused_result))
static inline void *dal_array_alloc_zeroed_(size_t count, size_t size, size_t align)
{
    return dal_array_fits_(count, size, align) ? dal_alloc_zeroed(count * size, align) : NULL;
}

DAL_ATTRIBUTE_((alloc_size(3, 4), alloc_align(5), warn_unused_result))
static inline void *dal_array_realloc_(void *ptr, size_t old_count, size_t new_count, size_t size,
                                       size_t align)
{
    return dal_array_fits_(new_count, size, align)
               ? dal_realloc(ptr, old_count * size, align, new_count * size)
               : NULL;
}

static inline void dal_array_dealloc_(void *ptr, size_t count, size_t size, size_t align)
{
    dal_dealloc(ptr, count * size, align);
}

DAL_ATTRIBUTE_((__malloc__, alloc_size(2, 3), alloc_align(4), warn_unused_result))
static inline void *dal_instance_array_alloc_(const struct dal_instance *instance, size_t count,
                                              size_t size, size_t align)
{
    return dal_array_fits_(count, size, align) ? dal_instance_alloc(instance, count * size, align)
                                               : NULL;
}

DAL_ATTRIBUTE_((__malloc__, alloc_size(2, 3), alloc_align(4), warn_unused_result))
static inline void *dal_instance_array_alloc_zeroed_(const struct dal_instance *instance,
                                                     size_t count, size_t size, size_t align)
{
    return dal_array_fits_(count, size, align)
               ? dal_instance_alloc_zeroed(instance, count * size, align)
               : NULL;
}

DAL_ATTRIBUTE_((alloc_size(4, 5), alloc_align(6), warn_unused_result))
static inline void *dal_instance_array_realloc_(const struct dal_instance *instance, void *ptr,
                                                size_t old_count, size_t new_count, size_t size,
                                                size_t align)
{
    return dal_array_fits_(new_count, size, align)
               ? dal_instance_realloc(instance, ptr, old_count * size, align, new_count * size)
               : NULL;
}

static inline void dal_instance_array_dealloc_(const struct dal_instance *instance, void *ptr,
                                               size_t count, size_t size, size_t align)
{
    dal_instance_dealloc(instance, ptr, count * size, align);
}

/* strnlen, which is POSIX and not C. */
static inline size_t dal_string_length_(const char *text, size_t max_bytes)
{
    size_t length = 0;

    while (length < max_bytes && text[length] != '\0')
        length++;
    return length;
}

/* Fills a block of length + 1 bytes, if there is one. */
static inline char *dal_string_fill_(void *block, const char *text, size_t length)
{
    char *copy = DAL_CAST_(char, block);

    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

/* ---- Objects ------------------------------------------------------------------- */

/**
 * Allocate an object. Its bytes are uninitialised.
 *
 * @param type  a complete type.
 * @return `type *`, owned by the caller until dal_delete(); NULL if exhausted or the
 *         alignment of type is not supported.
 */
#define dal_new(type) DAL_CAST_(type, dal_alloc(sizeof(type), DAL_ALIGNOF_(type)))

/** dal_new() with all bytes zero. */
#define dal_new_zeroed(type) DAL_CAST_(type, dal_alloc_zeroed(sizeof(type), DAL_ALIGNOF_(type)))

/**
 * Give an object of dal_new() back.
 *
 * @param type  its type.
 * @param ptr   `type *`; NULL is a no-op.
 */
#define dal_delete(type, ptr) dal_dealloc(DAL_POINTER_(type, ptr), sizeof(type), DAL_ALIGNOF_(type))

/* ---- Arrays -------------------------------------------------------------------- */

/**
 * Allocate an array. Its bytes are uninitialised.
 *
 * @param type   a complete type.
 * @param count  how many elements; 0 is allowed and gives a block of size 0.
 * @return `type *` to the first one, owned by the caller until dal_array_delete() or
 *         dal_array_resize(); NULL if exhausted, or if the array were larger than
 *         PTRDIFF_MAX bytes.
 */
#define dal_array_new(type, count) \
    DAL_CAST_(type, dal_array_alloc_((count), sizeof(type), DAL_ALIGNOF_(type)))

/** dal_array_new() with all bytes zero. */
#define dal_array_new_zeroed(type, count) \
    DAL_CAST_(type, dal_array_alloc_zeroed_((count), sizeof(type), DAL_ALIGNOF_(type)))

/**
 * Change the number of elements of an array, which may move.
 *
 * @param type       the type of its elements; in C++ one that may be copied by bytes.
 * @param ptr        `type *` to the first one, or NULL with old_count 0, which allocates.
 * @param old_count  how many elements it has.
 * @param new_count  how many it is to have; 0 leaves an array that is to be deleted
 *                   with count 0. Elements from old_count on are uninitialised.
 * @return `type *` to the first one, after which ptr is dead even if equal; NULL if
 *         exhausted or too large, in which case the array is as it was.
 */
#define dal_array_resize(type, ptr, old_count, new_count)                                 \
    DAL_CAST_(type, dal_array_realloc_(DAL_MOVABLE_(type, ptr), (old_count), (new_count), \
                                       sizeof(type), DAL_ALIGNOF_(type)))

/**
 * Give an array back.
 *
 * @param type   the type of its elements.
 * @param ptr    `type *` to the first one; NULL is a no-op.
 * @param count  how many elements it has.
 */
#define dal_array_delete(type, ptr, count) \
    dal_array_dealloc_(DAL_POINTER_(type, ptr), (count), sizeof(type), DAL_ALIGNOF_(type))

/* ---- Strings ------------------------------------------------------------------- */

/**
 * Copy a string.
 *
 * @param text  not NULL.
 * @return the copy, owned by the caller until dal_string_delete(); NULL if exhausted.
 */
DAL_ATTRIBUTE_((__malloc__, nonnull(1), warn_unused_result))
DAL_INLINE_ char *dal_strdup(const char *text)
{
    size_t length = strlen(text);

    return dal_string_fill_(dal_alloc(length + 1, 1), text, length);
}

/**
 * Copy at most so many bytes of a string, and terminate the copy.
 *
 * @param text       not NULL; need not be terminated if it has max_bytes bytes.
 * @param max_bytes  most bytes to copy, without the terminator.
 * @return the copy, owned by the caller until dal_string_delete(); NULL if exhausted.
 */
DAL_ATTRIBUTE_((__malloc__, nonnull(1), warn_unused_result))
DAL_INLINE_ char *dal_strndup(const char *text, size_t max_bytes)
{
    size_t length = dal_string_length_(text, max_bytes);

    return dal_string_fill_(dal_alloc(length + 1, 1), text, length);
}

/**
 * Give a string of dal_strdup() or dal_strndup() back.
 *
 * @param text  with the length that it had when it was made, since that tells the size
 *              of its block; NULL is a no-op.
 */
DAL_INLINE_ void dal_string_delete(char *text)
{
    if (text != NULL)
        dal_dealloc(text, strlen(text) + 1, 1);
}

/* ---- The same on an instance ---------------------------------------------------
 * instance is a const struct dal_instance *, not NULL, which is not tested. May be called from
 * inside a backend on instances that it may call, such as its child. */

/** dal_new() from an instance. */
#define dal_instance_new(instance, type) \
    DAL_CAST_(type, dal_instance_alloc((instance), sizeof(type), DAL_ALIGNOF_(type)))

/** dal_new_zeroed() from an instance. */
#define dal_instance_new_zeroed(instance, type) \
    DAL_CAST_(type, dal_instance_alloc_zeroed((instance), sizeof(type), DAL_ALIGNOF_(type)))

/** dal_delete() of an object of the same instance. */
#define dal_instance_delete(instance, type, ptr) \
    dal_instance_dealloc((instance), DAL_POINTER_(type, ptr), sizeof(type), DAL_ALIGNOF_(type))

/** dal_array_new() from an instance. */
#define dal_instance_array_new(instance, type, count) \
    DAL_CAST_(type,                                   \
              dal_instance_array_alloc_((instance), (count), sizeof(type), DAL_ALIGNOF_(type)))

/** dal_array_new_zeroed() from an instance. */
#define dal_instance_array_new_zeroed(instance, type, count)                            \
    DAL_CAST_(type, dal_instance_array_alloc_zeroed_((instance), (count), sizeof(type), \
                                                     DAL_ALIGNOF_(type)))

/** dal_array_resize() of an array of the same instance. */
#define dal_instance_array_resize(instance, type, ptr, old_count, new_count)                      \
    DAL_CAST_(type, dal_instance_array_realloc_((instance), DAL_MOVABLE_(type, ptr), (old_count), \
                                                (new_count), sizeof(type), DAL_ALIGNOF_(type)))

/** dal_array_delete() of an array of the same instance. */
#define dal_instance_array_delete(instance, type, ptr, count)                               \
    dal_instance_array_dealloc_((instance), DAL_POINTER_(type, ptr), (count), sizeof(type), \
                                DAL_ALIGNOF_(type))

/** dal_strdup() from an instance. */
DAL_ATTRIBUTE_((__malloc__, nonnull(2), warn_unused_result))
DAL_INLINE_ char *dal_instance_strdup(const struct dal_instance *instance, const char *text)
{
    size_t length = strlen(text);

    return dal_string_fill_(dal_instance_alloc(instance, length + 1, 1), text, length);
}

/** dal_strndup() from an instance. */
DAL_ATTRIBUTE_((__malloc__, nonnull(2), warn_unused_result))
DAL_INLINE_ char *dal_instance_strndup(const struct dal_instance *instance, const char *text,
                                       size_t max_bytes)
{
    size_t length = dal_string_length_(text, max_bytes);

    return dal_string_fill_(dal_instance_alloc(instance, length + 1, 1), text, length);
}

/** dal_string_delete() of a string of the same instance. */
DAL_INLINE_ void dal_instance_string_delete(const struct dal_instance *instance, char *text)
{
    if (text != NULL)
        dal_instance_dealloc(instance, text, strlen(text) + 1, 1);
}

DAL_END_DECLS_

#endif /* DISPATCHALLOC_TYPED_H */
