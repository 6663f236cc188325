/* SPDX-License-Identifier: MIT */
/* What the files of the interposer share, and what it exports. */
#ifndef DAL_PRELOAD_INTERPOSER_H
#define DAL_PRELOAD_INTERPOSER_H

#include <stddef.h>

#include "shared/interposed_names.h"

/* Whether calls by the name of an exported function come to ours. */
#define DAL_IS_OURS_(function, own) \
    dal_preload_is_ours_((void (*)(void))(function), (void (*)(void))(own))
int dal_preload_is_ours_(void (*function)(void), void (*own)(void));

/* The file of the valgrind tool that has malloc calls come to itself, up to a ':', a space or the
 * end; NULL. */
const char *dal_preload_valgrind_(void);

/* The operators of cxx.c that lead to the family's functions and to no others: have them
 * told. */
struct dal_told_;
void dal_preload_tell_cxx_(const struct dal_told_ *told);

/* Run the constructors that modules want before the program's, once they serve. */
void dal_preload_construct_(void);

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
void free_sized(void *ptr, size_t size);
void free_aligned_sized(void *ptr, size_t align, size_t size);

/* Ours, under names that nobody can put another before. */
#define DAL_OWN_ __attribute__((visibility("hidden")))
extern __typeof__(malloc) dal_preload_malloc_ DAL_OWN_;
extern __typeof__(free) dal_preload_free_ DAL_OWN_;
extern __typeof__(aligned_alloc) dal_preload_aligned_alloc_ DAL_OWN_;

#endif /* DAL_PRELOAD_INTERPOSER_H */
