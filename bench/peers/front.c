/* SPDX-License-Identifier: MIT */
/*
 * The front of this library, over whatever DISPATCHALLOC_BACKEND names. With BENCH_FIXED, the
 * same calls with that allocator, of BENCH_HEADER, fixed when the program is built.
 */
#include <dispatchalloc.h>

#ifdef BENCH_FIXED
# include BENCH_HEADER
DAL_GLOBAL_ALLOCATOR_FIXED(BENCH_FIXED);
#endif

#define BENCH_ALLOC(size, align)             dal_alloc(size, align)
#define BENCH_FREE(block, size, align)       dal_dealloc(block, size, align)
#define BENCH_ZEROED(size)                   dal_alloc_zeroed(size, 8)
#define BENCH_REALLOC(block, old_size, size) dal_realloc(block, old_size, 8, size)

#include "../harness/kernels.h"
