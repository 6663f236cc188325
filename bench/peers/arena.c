/* SPDX-License-Identifier: MIT */
/* An arena of the program's own, by its handle, in line; chunks of 64 KiB as in obstack.c. */
#include <stdlib.h>

#include <dispatchalloc.h>

static struct dal_arena arena = DAL_ARENA_INIT;

static void start(void)
{
    struct dal_arena_options options = {.chunk_bytes = 65536, .limit_bytes = (size_t)1 << 30};

    if (dal_arena_init(&arena, &options) != 0)
        exit(1);
}

#define BENCH_START                          start
#define BENCH_ALLOC(size, align)             dal_arena_alloc(&arena, size, align)
#define BENCH_FREE(block, size, align)       dal_arena_dealloc(&arena, block, size, align)
#define BENCH_ZEROED(size)                   dal_arena_alloc_zeroed(&arena, size, 8)
#define BENCH_REALLOC(block, old_size, size) dal_arena_realloc(&arena, block, old_size, 8, size)
#define BENCH_RESET()                        dal_arena_reset(&arena, DAL_ARENA_KEEP)

#include "../harness/kernels.h"
