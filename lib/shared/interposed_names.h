/* SPDX-License-Identifier: MIT */
/*
 * Every function that the interposer puts before the C and C++ libraries', by name. The exported
 * symbols are these (preload.map is checked against it by tests/preload-symbols.sh); `dispatchalloc
 * doctor` looks for the family and the operators.
 *
 * The family goes whole: a program that links another allocator would else take some
 * functions from here and the others from there.
 */
#ifndef DAL_SHARED_INTERPOSED_NAMES_H
#define DAL_SHARED_INTERPOSED_NAMES_H

/* C, POSIX, glibc, musl. */
#define DAL_MALLOC_SYMBOLS(X) \
    X(malloc)                 \
    X(free)                   \
    X(calloc)                 \
    X(realloc)                \
    X(reallocarray)           \
    X(posix_memalign)         \
    X(aligned_alloc)          \
    X(memalign)               \
    X(valloc)                 \
    X(pvalloc)                \
    X(cfree)                  \
    X(malloc_usable_size)     \
    X(free_sized)             \
    X(free_aligned_sized)

/* What tells of the allocator and sets it, in glibc. */
#define DAL_MALLOC_REPORT_SYMBOLS(X) \
    X(mallinfo)                      \
    X(mallinfo2)                     \
    X(malloc_info)                   \
    X(malloc_stats)                  \
    X(malloc_trim)                   \
    X(mallopt)

/* glibc's other names for the family. */
#define DAL_MALLOC_ALIASES(X) \
    X(__libc_malloc)          \
    X(__libc_free)            \
    X(__libc_calloc)          \
    X(__libc_realloc)         \
    X(__libc_memalign)        \
    X(__libc_valloc)          \
    X(__libc_pvalloc)         \
    X(__posix_memalign)

/* operator new and delete by their names of the Itanium C++ ABI, for a size_t that is an
 * unsigned long: m. Where it is an unsigned int, as it is with 32 bits (but for s390's), that is
 * a j. */
#if __SIZEOF_SIZE_T__ == 4
# define _Znwm                              _Znwj
# define _Znam                              _Znaj
# define _ZnwmRKSt9nothrow_t                _ZnwjRKSt9nothrow_t
# define _ZnamRKSt9nothrow_t                _ZnajRKSt9nothrow_t
# define _ZnwmSt11align_val_t               _ZnwjSt11align_val_t
# define _ZnamSt11align_val_t               _ZnajSt11align_val_t
# define _ZnwmSt11align_val_tRKSt9nothrow_t _ZnwjSt11align_val_tRKSt9nothrow_t
# define _ZnamSt11align_val_tRKSt9nothrow_t _ZnajSt11align_val_tRKSt9nothrow_t
# define _ZdlPvm                            _ZdlPvj
# define _ZdaPvm                            _ZdaPvj
# define _ZdlPvmSt11align_val_t             _ZdlPvjSt11align_val_t
# define _ZdaPvmSt11align_val_t             _ZdaPvjSt11align_val_t
#endif
#define DAL_NEW_SYMBOLS(X)                 \
    X(_Znwm)                               \
    X(_Znam)                               \
    X(_ZnwmRKSt9nothrow_t)                 \
    X(_ZnamRKSt9nothrow_t)                 \
    X(_ZnwmSt11align_val_t)                \
    X(_ZnamSt11align_val_t)                \
    X(_ZnwmSt11align_val_tRKSt9nothrow_t)  \
    X(_ZnamSt11align_val_tRKSt9nothrow_t)  \
    X(_ZdlPv)                              \
    X(_ZdaPv)                              \
    X(_ZdlPvm)                             \
    X(_ZdaPvm)                             \
    X(_ZdlPvRKSt9nothrow_t)                \
    X(_ZdaPvRKSt9nothrow_t)                \
    X(_ZdlPvSt11align_val_t)               \
    X(_ZdaPvSt11align_val_t)               \
    X(_ZdlPvmSt11align_val_t)              \
    X(_ZdaPvmSt11align_val_t)              \
    X(_ZdlPvSt11align_val_tRKSt9nothrow_t) \
    X(_ZdaPvSt11align_val_tRKSt9nothrow_t)

/* The name as a text. */
#define DAL_SYMBOL_TEXT(symbol)  DAL_SYMBOL_TEXT_(symbol)
#define DAL_SYMBOL_TEXT_(symbol) #symbol

#endif /* DAL_SHARED_INTERPOSED_NAMES_H */
