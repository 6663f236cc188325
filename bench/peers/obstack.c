/* SPDX-License-Identifier: MIT */
/* GNU's obstacks: blocks go back all at once, to a mark. */
#include <obstack.h>
#include <stdlib.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

static struct obstack stack;
static void *mark;

static void start(void)
{
    obstack_begin(&stack, 65536);
    mark = obstack_alloc(&stack, 1);
}

static inline void empty(void)
{
    obstack_free(&stack, mark);
    mark = obstack_alloc(&stack, 1);
}

#define BENCH_START              start
#define BENCH_ALLOC(size, align) obstack_alloc(&stack, (int)(size))
#define BENCH_RESET()            empty()

#include "../harness/kernels.h"
