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

/* The alignment that malloc gives every block that is at least that large, by
 * architecture, as Rust's std::sys::alloc has it; what is not listed has 8. */
#if defined __x86_64__ || defined _M_X64 || defined __aarch64__ || defined __arm64ec__ ||  \
    (defined __loongarch__ && __loongarch_grlen == 64) || defined __mips64 ||              \
    defined __s390x__ || (defined __sparc__ && defined __arch64__) ||                      \
    (defined __riscv && __riscv_xlen == 64) || defined __wasm64__
# define DAL_MIN_ALIGN 16
#else
# define DAL_MIN_ALIGN 8
#endif

void *dal_system_alloc_(size_t size, size_t align, void *ctx);
void dal_system_dealloc_(void *ptr, size_t size, size_t align, void *ctx);
void *dal_system_alloc_zeroed_(size_t size, size_t align, void *ctx);
void *dal_system_realloc_(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx);

/* The size of a block from its pointer alone, and the end of one. Only where
 * DAL_SYSTEM_KNOWS_SIZES is 1. */
size_t dal_system_usable_size_(const void *ptr, size_t size, size_t align, void *ctx);
void dal_system_dealloc_unsized_(void *ptr, void *ctx);

/* The C library's own family. Only where DAL_SYSTEM_KNOWS_SIZES is 1. */
extern const struct dal_malloc_family dal_system_family_;

#endif /* DAL_SYSTEM_H */
