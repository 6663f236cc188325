/* SPDX-License-Identifier: MIT */
/*
 * The system allocator: the functions that posix.c or windows.c implement, and the ready
 * table over them that serves where nobody chose. Those are Rust's `System` and `__rdl_*`.
 */
#ifndef DAL_SYSTEM_H
#define DAL_SYSTEM_H

#include <dispatchalloc/instance.h>

/* Where the system's malloc can tell the size of a block. On Windows an over-aligned block
 * has a header, and nothing in a pointer tells whether it is such a block. */
#if defined __linux__ || defined __FreeBSD__ || defined __NetBSD__ || defined __CYGWIN__
# define DAL_SYSTEM_KNOWS_SIZES 1
#else
# define DAL_SYSTEM_KNOWS_SIZES 0
#endif

/*
 * Where a function may be called with more arguments than it looks at, malloc and free are
 * slots as they are: these two names stand for them, and a jump a call is saved. That holds
 * where the caller removes the arguments, as on every ELF system's C (not in WebAssembly, and
 * not under a sanitizer that checks the types of indirect calls). The interposer has other
 * functions under those names.
 */
#if defined __GNUC__ && defined __ELF__ && !defined __wasm__ && !defined DAL_INTERPOSER && \
    !defined DAL_SYSTEM_WITH_FRAMES
# define DAL_SYSTEM_IS_LIBC       1
# define DAL_SYSTEM_SYMBOL_(name) __asm__(name)
#else
# define DAL_SYSTEM_IS_LIBC 0
# define DAL_SYSTEM_SYMBOL_(name)
#endif

void *dal_system_alloc_(size_t size, size_t align, void *ctx);
void *dal_system_alloc_natural_(size_t size, size_t align, void *ctx) DAL_SYSTEM_SYMBOL_("malloc");
void dal_system_dealloc_(void *ptr, size_t size, size_t align, void *ctx)
    DAL_SYSTEM_SYMBOL_("free");
void *dal_system_alloc_zeroed_(size_t size, size_t align, void *ctx);
void *dal_system_realloc_(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx);

/* The size of a block from its pointer alone, and the end of one. Only where
 * DAL_SYSTEM_KNOWS_SIZES is 1. */
size_t dal_system_usable_size_(const void *ptr, size_t size, size_t align, void *ctx);
void dal_system_dealloc_unsized_(void *ptr, void *ctx);

/* Whether realloc(ptr, 0) frees, as a family promises. Elsewhere it gives a block. */
#ifdef __GLIBC__
# define DAL_SYSTEM_REALLOC_FREES 1
#else
# define DAL_SYSTEM_REALLOC_FREES 0
#endif

/* The C library's own family. Only where DAL_SYSTEM_KNOWS_SIZES is 1. */
extern const struct dal_malloc_family dal_system_family_;

#endif /* DAL_SYSTEM_H */
