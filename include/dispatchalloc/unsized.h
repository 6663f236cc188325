/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/unsized.h
 * @brief The front for code that does not know the sizes of its blocks.
 *
 * The malloc family of C and POSIX over the global allocator, for a program with hundreds
 * of free(p) calls: with DAL_REDEFINE_MALLOC defined before this header is included, the plain
 * functions are these, for the whole file from here on. It is the functions that are renamed
 * and not the words, so a member, a method or a variable may be called `free`.
 *
 * Include it before any header whose own functions call malloc: clang refuses what comes too
 * late. Blocks that the C library allocates by itself, such as those of strdup(3) and
 * getline(3), stay its own and cannot be freed in such a file. Needs gcc or clang.
 *
 * Where the allocator that serves can free a block by its pointer alone (the system's can,
 * and jemalloc's) a call goes straight to it. Where it cannot (an arena, a stack with a
 * layer that has no malloc family of its own) each block has a header of 16 bytes, or of its
 * alignment where that is larger. So a block of this family is resized and freed by this family
 * only: never by dal_dealloc(), nor by free(3).
 *
 * A block is owned by the caller until this family resizes or frees it. As the rest of the
 * front these may be called from any thread, before main and after exit handlers, and not
 * from inside a backend. Failures return NULL and set errno to ENOMEM; dal_unsized_free()
 * keeps errno.
 */
#ifndef DISPATCHALLOC_UNSIZED_H
#define DISPATCHALLOC_UNSIZED_H

#include <stddef.h>

#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/**
 * free(3): give a block back.
 *
 * @param ptr  a block of this family; NULL is a no-op.
 */
DAL_API void dal_unsized_free(void *ptr);

/**
 * realloc(3): change the size of a block, which may move.
 *
 * @param ptr   a block of this family, or NULL, which allocates.
 * @param size  bytes; with a ptr that is not NULL, 0 frees it and returns NULL, as glibc's.
 * @return the block, after which ptr is dead; NULL if exhausted, with ptr as it was.
 */
DAL_API void *dal_unsized_realloc(void *ptr, size_t size)
    DAL_ATTRIBUTE_((alloc_size(2), warn_unused_result)) DAL_ATTRIBUTE_DEALLOC_(dal_unsized_free, 1);

/**
 * reallocarray(3): dal_unsized_realloc() to the size of an array.
 *
 * @param ptr    a block of this family, or NULL, which allocates.
 * @param count  elements.
 * @param size   bytes of one. A product of 0 frees a ptr that is not NULL and returns NULL.
 * @return as dal_unsized_realloc(); NULL also if the product overflows, with ptr as it was.
 */
DAL_API void *dal_unsized_reallocarray(void *ptr, size_t count, size_t size)
    DAL_ATTRIBUTE_((alloc_size(2, 3), warn_unused_result))
        DAL_ATTRIBUTE_DEALLOC_(dal_unsized_free, 1) DAL_ATTRIBUTE_DEALLOC_(dal_unsized_realloc, 1);

DAL_DECLARE_AGAIN_(void *dal_unsized_realloc(void *ptr, size_t size)
                       DAL_ATTRIBUTE_DEALLOC_(dal_unsized_realloc, 1)
                           DAL_ATTRIBUTE_DEALLOC_(dal_unsized_reallocarray, 1))
DAL_DECLARE_AGAIN_(void *dal_unsized_reallocarray(void *ptr, size_t count, size_t size)
                       DAL_ATTRIBUTE_DEALLOC_(dal_unsized_reallocarray, 1))

/**
 * malloc(3).
 *
 * @param size  bytes; 0 gives a block of its own.
 * @return the block, uninitialised and aligned for any object that fits; NULL if exhausted.
 */
DAL_API void *dal_unsized_malloc(size_t size)
    DAL_ATTRIBUTE_((__malloc__, alloc_size(1), warn_unused_result))
        DAL_ATTRIBUTE_DEALLOC_(dal_unsized_free, 1) DAL_ATTRIBUTE_DEALLOC_(dal_unsized_realloc, 1)
            DAL_ATTRIBUTE_DEALLOC_(dal_unsized_reallocarray, 1);

/**
 * calloc(3).
 *
 * @param count  elements; 0 is allowed.
 * @param size   bytes of one; 0 is allowed.
 * @return as dal_unsized_malloc(), all bytes zero; NULL also if the product overflows.
 */
DAL_API void *dal_unsized_calloc(size_t count, size_t size)
    DAL_ATTRIBUTE_((__malloc__, alloc_size(1, 2), warn_unused_result))
        DAL_ATTRIBUTE_DEALLOC_(dal_unsized_free, 1) DAL_ATTRIBUTE_DEALLOC_(dal_unsized_realloc, 1)
            DAL_ATTRIBUTE_DEALLOC_(dal_unsized_reallocarray, 1);

/**
 * aligned_alloc(3).
 *
 * @param align  bytes, a power of two; else NULL with errno EINVAL.
 * @param size   bytes, of any value (C23; earlier C wanted a multiple of align).
 * @return as dal_unsized_malloc(), with that alignment.
 */
DAL_API void *dal_unsized_aligned_alloc(size_t align, size_t size)
    DAL_ATTRIBUTE_((__malloc__, alloc_size(2), alloc_align(1), warn_unused_result))
        DAL_ATTRIBUTE_DEALLOC_(dal_unsized_free, 1) DAL_ATTRIBUTE_DEALLOC_(dal_unsized_realloc, 1)
            DAL_ATTRIBUTE_DEALLOC_(dal_unsized_reallocarray, 1);

/**
 * posix_memalign(3).
 *
 * @param out    receives the block; unchanged on failure. Not NULL.
 * @param align  bytes, a power of two that is a multiple of sizeof(void *).
 * @param size   bytes; 0 gives a block of its own.
 * @return 0, EINVAL for another alignment, ENOMEM; errno is left alone.
 */
DAL_API int dal_unsized_posix_memalign(void **out, size_t align, size_t size)
    DAL_ATTRIBUTE_((warn_unused_result));

/**
 * malloc_usable_size(3).
 *
 * @param ptr  a block of this family, or NULL.
 * @return bytes that may be used; 0 for NULL.
 */
DAL_API size_t dal_unsized_usable_size(const void *ptr);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_UNSIZED_H */

/* Outside of the guard: the header may have been included without it before. */
#if defined DAL_REDEFINE_MALLOC && !defined DAL_MALLOC_IS_REDEFINED_
#define DAL_MALLOC_IS_REDEFINED_
#if defined malloc || defined calloc || defined realloc || defined reallocarray || defined free || \
    defined aligned_alloc || defined posix_memalign || defined malloc_usable_size
# error "malloc or one of its family is a macro: do not define DAL_REDEFINE_MALLOC behind it"
#endif
#ifndef __GNUC__
# error "DAL_REDEFINE_MALLOC needs gcc or clang"
#endif
#if defined DISPATCHALLOC_ALLOCATOR_SYSTEM_H || defined DISPATCHALLOC_ALLOCATOR_JEMALLOC_H
# error "an allocator of dispatchalloc/allocator/ calls malloc: do not define DAL_REDEFINE_MALLOC"
#endif
/* The system's declarations first: these have to agree with them. */
#ifdef __cplusplus
# include <cstdlib>
#endif
#include <stdlib.h>
#if defined(__linux__)
# include <malloc.h>
#endif

#if defined __cplusplus && defined __GLIBC__
# define DAL_THROWS_ __THROW
#else
# define DAL_THROWS_
#endif
/* By symbol, so that it holds for a call, an address and std::malloc alike, and for calls that
 * the compiler makes of others (malloc and memset become calloc). */
#define DAL_RENAME_(declaration, to) \
    extern declaration DAL_THROWS_ __asm__(DAL_TEXT_(__USER_LABEL_PREFIX__) #to);

DAL_BEGIN_DECLS_
/* The declarations are the system's once more: that is how a symbol is given to them. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
DAL_RENAME_(void *malloc(size_t size), dal_unsized_malloc)
DAL_RENAME_(void *calloc(size_t count, size_t size), dal_unsized_calloc)
DAL_RENAME_(void *realloc(void *ptr, size_t size), dal_unsized_realloc)
DAL_RENAME_(void *reallocarray(void *ptr, size_t count, size_t size), dal_unsized_reallocarray)
DAL_RENAME_(void free(void *ptr), dal_unsized_free)
DAL_RENAME_(void *aligned_alloc(size_t align, size_t size), dal_unsized_aligned_alloc)
DAL_RENAME_(int posix_memalign(void **out, size_t align, size_t size), dal_unsized_posix_memalign)
DAL_RENAME_(size_t malloc_usable_size(void *ptr), dal_unsized_usable_size)
/* A block may go back by either name. (Not on malloc, which that would keep out of line.) */
/* clang-format off */
#define DAL_EITHER_NAME_                                                                   \
    DAL_ATTRIBUTE_DEALLOC_(free, 1) DAL_ATTRIBUTE_DEALLOC_(realloc, 1)                     \
    DAL_ATTRIBUTE_DEALLOC_(reallocarray, 1) DAL_ATTRIBUTE_DEALLOC_(dal_unsized_free, 1)    \
    DAL_ATTRIBUTE_DEALLOC_(dal_unsized_realloc, 1)                                         \
    DAL_ATTRIBUTE_DEALLOC_(dal_unsized_reallocarray, 1)
/* clang-format on */
DAL_DECLARE_AGAIN_(void *dal_unsized_malloc(size_t size) DAL_EITHER_NAME_)
DAL_DECLARE_AGAIN_(void *dal_unsized_calloc(size_t count, size_t size) DAL_EITHER_NAME_)
DAL_DECLARE_AGAIN_(void *dal_unsized_realloc(void *ptr, size_t size) DAL_EITHER_NAME_)
DAL_DECLARE_AGAIN_(void *dal_unsized_reallocarray(void *ptr, size_t count, size_t size)
                       DAL_EITHER_NAME_)
DAL_DECLARE_AGAIN_(void *dal_unsized_aligned_alloc(size_t align, size_t size) DAL_EITHER_NAME_)
DAL_DECLARE_AGAIN_(void *calloc(size_t count, size_t size) DAL_THROWS_ DAL_EITHER_NAME_)
DAL_DECLARE_AGAIN_(void *realloc(void *ptr, size_t size) DAL_THROWS_ DAL_EITHER_NAME_)
DAL_DECLARE_AGAIN_(void *reallocarray(void *ptr, size_t count, size_t size)
                       DAL_THROWS_ DAL_EITHER_NAME_)
DAL_DECLARE_AGAIN_(void *aligned_alloc(size_t align, size_t size) DAL_THROWS_ DAL_EITHER_NAME_)
#ifndef __clang__
/* gcc's link-time optimizer makes a calloc of it by the name that it knows itself, unless it
 * sees the family's function. */
extern inline DAL_ATTRIBUTE_((gnu_inline)) void *malloc(size_t size) DAL_THROWS_
{
    return dal_unsized_malloc(size);
}
#endif
#pragma GCC diagnostic pop
DAL_END_DECLS_

#ifdef __cplusplus
/* Once more: for clang the name in std is that declaration of the function that was the last one
 * when it was put there, without the symbol. */
namespace std
{
using ::aligned_alloc;
using ::calloc;
using ::free;
using ::malloc;
using ::realloc;
} // namespace std
#endif
#endif
