/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/unsized.h
 * @brief The front for code that does not know the sizes of its blocks.
 *
 * The malloc family of C and POSIX over the global allocator, for a program with hundreds
 * of free(p) calls: DAL_REDEFINE_MALLOC, defined before this header is included, turns the
 * plain names into these.
 *
 * Where the allocator that serves can free a block by its pointer alone (the system's can,
 * and jemalloc's) a call goes straight to it. Where it cannot (an arena, any stack with a
 * layer) each block has a header of 16 bytes, or of its alignment where that is larger.
 * So a block of this family is resized and freed by this family only: never by
 * dal_dealloc(), nor by free(3).
 *
 * As the rest of the front these may be called from any thread, before main and after exit
 * handlers. Failures return NULL and set errno to ENOMEM; dal_unsized_free() keeps errno.
 */
#ifndef DISPATCHALLOC_UNSIZED_H
#define DISPATCHALLOC_UNSIZED_H

#include <stddef.h>

#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/** malloc(3): size bytes, uninitialised, aligned for any object that fits. A size of 0 gives
 *  a block of its own. */
DAL_API void *dal_unsized_malloc(size_t size)
    DAL_ATTRIBUTE_((__malloc__, alloc_size(1), warn_unused_result));

/** calloc(3): count objects of size bytes, all zero. NULL if the product overflows. */
DAL_API void *dal_unsized_calloc(size_t count, size_t size)
    DAL_ATTRIBUTE_((__malloc__, alloc_size(1, 2), warn_unused_result));

/**
 * realloc(3): change the size of a block, which may move.
 *
 * @param ptr   a block of this family, or NULL, which allocates.
 * @param size  bytes; with a ptr that is not NULL, 0 frees it and returns NULL, as glibc's.
 * @return the block, after which ptr is dead; NULL if exhausted, with ptr as it was.
 */
DAL_API void *dal_unsized_realloc(void *ptr, size_t size)
    DAL_ATTRIBUTE_((alloc_size(2), warn_unused_result));

/** reallocarray(3): dal_unsized_realloc() to count * size bytes; NULL with ENOMEM if that
 *  overflows, with ptr as it was. */
DAL_API void *dal_unsized_reallocarray(void *ptr, size_t count, size_t size)
    DAL_ATTRIBUTE_((alloc_size(2, 3), warn_unused_result));

/** free(3): give a block of this family back; NULL is a no-op. */
DAL_API void dal_unsized_free(void *ptr);

/**
 * aligned_alloc(3).
 *
 * @param align  a power of two, else NULL with errno EINVAL.
 * @param size   bytes, of any value (C23; earlier C wanted a multiple of align).
 */
DAL_API void *dal_unsized_aligned_alloc(size_t align, size_t size)
    DAL_ATTRIBUTE_((__malloc__, alloc_size(2), alloc_align(1), warn_unused_result));

/**
 * posix_memalign(3).
 *
 * @param out    receives the block; unchanged on failure. Not NULL.
 * @param align  a power of two that is a multiple of sizeof(void *).
 * @param size   bytes.
 * @return 0, EINVAL for another alignment, ENOMEM; errno is left alone.
 */
DAL_API int dal_unsized_posix_memalign(void **out, size_t align, size_t size)
    DAL_ATTRIBUTE_((warn_unused_result));

/** malloc_usable_size(3): bytes of a block of this family that may be used; 0 for NULL. */
DAL_API size_t dal_unsized_usable_size(void *ptr);

DAL_END_DECLS_

#ifdef DAL_REDEFINE_MALLOC
/* The system's declarations first: they are not to be renamed. */
# ifdef __cplusplus
#  include <cstdlib>
# endif
# include <stdlib.h>
# if defined(__linux__)
#  include <malloc.h>
# endif
/* Names and not calls, so that a function whose address is taken is renamed as well: a pair
 * of malloc and free from two allocators would end in a crash. */
# define malloc             dal_unsized_malloc
# define calloc             dal_unsized_calloc
# define realloc            dal_unsized_realloc
# define reallocarray       dal_unsized_reallocarray
# define free               dal_unsized_free
# define aligned_alloc      dal_unsized_aligned_alloc
# define posix_memalign     dal_unsized_posix_memalign
# define malloc_usable_size dal_unsized_usable_size
# ifdef __cplusplus
/* For std::malloc and its like. */
namespace std {
using ::dal_unsized_aligned_alloc;
using ::dal_unsized_calloc;
using ::dal_unsized_free;
using ::dal_unsized_malloc;
using ::dal_unsized_realloc;
}
# endif
#endif

#endif /* DISPATCHALLOC_UNSIZED_H */
