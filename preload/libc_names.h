/* SPDX-License-Identifier: MIT */
/*
 * The plain names of the malloc family for backends/system/posix.c inside the interposer: they
 * stand for the C library's own functions. To be included after the system's headers.
 */
#ifndef DAL_PRELOAD_LIBC_NAMES_H
#define DAL_PRELOAD_LIBC_NAMES_H

#include <stddef.h>

void *dal_libc_malloc_(size_t size);
void dal_libc_free_(void *ptr);
void *dal_libc_calloc_(size_t count, size_t size);
void *dal_libc_realloc_(void *ptr, size_t size);
int dal_libc_posix_memalign_(void **out, size_t align, size_t size);
size_t dal_libc_usable_size_(void *ptr);

#endif /* DAL_PRELOAD_LIBC_NAMES_H */
