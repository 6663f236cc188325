/* SPDX-License-Identifier: MIT */
/*
 * The malloc family, called directly: the C library's, or that of a library which has it under
 * a prefix of its own, BENCH_PREFIX (mi_, tc_, scalable_, dal_je_), or under the plain names.
 */
#include <stdlib.h>

#ifdef BENCH_PREFIX
# define CONCATENATED(prefix, name) prefix##name
# define EXPANDED(prefix, name)     CONCATENATED(prefix, name)
# define CALL(name)                 EXPANDED(BENCH_PREFIX, name)
void *CALL(malloc)(size_t size);
void *CALL(calloc)(size_t count, size_t size);
void *CALL(realloc)(void *block, size_t size);
void CALL(free)(void *block);
int CALL(posix_memalign)(void **block, size_t align, size_t size);
#else
# define CALL(name) name
#endif

static inline void *aligned(size_t size, size_t align)
{
    void *block;

    return CALL(posix_memalign)(&block, align, size) == 0 ? block : NULL;
}

#define BENCH_ALLOC(size, align)             ((align) <= 16 ? CALL(malloc)(size) : aligned(size, align))
#define BENCH_FREE(block, size, align)       CALL(free)(block)
#define BENCH_ZEROED(size)                   CALL(calloc)(1, size)
#define BENCH_REALLOC(block, old_size, size) CALL(realloc)(block, size)

#include "../harness/kernels.h"
