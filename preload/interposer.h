/* SPDX-License-Identifier: MIT */
/* What the files of the interposer share, and what it exports. */
#ifndef DAL_PRELOAD_INTERPOSER_H
#define DAL_PRELOAD_INTERPOSER_H

#include <stddef.h>

#include "symbols.h"

/* A block of an alignment that is a power of two; NULL with errno ENOMEM. */
void *dal_preload_memalign_(size_t align, size_t size);

/* Declared here for the C libraries that do not. */
void *malloc(size_t size);
void free(void *ptr);
void *calloc(size_t count, size_t size);
void *realloc(void *ptr, size_t size);
void *reallocarray(void *ptr, size_t count, size_t size);
int posix_memalign(void **out, size_t align, size_t size);
void *aligned_alloc(size_t align, size_t size);
void *memalign(size_t align, size_t size);
void *valloc(size_t size);
void *pvalloc(size_t size);
void cfree(void *ptr);
size_t malloc_usable_size(void *ptr);
int malloc_trim(size_t keep_bytes);
void free_sized(void *ptr, size_t size);
void free_aligned_sized(void *ptr, size_t align, size_t size);

#endif /* DAL_PRELOAD_INTERPOSER_H */
