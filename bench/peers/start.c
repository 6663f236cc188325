/* SPDX-License-Identifier: MIT */
/*
 * A program that allocates one block, gives it back and ends: by malloc, or with BENCH_FRONT by
 * the front. What it takes from start to end is mostly what the loader does.
 */
#include <stdlib.h>

#ifdef BENCH_FRONT
# include <dispatchalloc.h>
# define ALLOC(size)       dal_alloc(size, 8)
# define FREE(block, size) dal_dealloc(block, size, 8)
#else
# define ALLOC(size)       malloc(size)
# define FREE(block, size) free(block)
#endif

int main(void)
{
    void *block = ALLOC(64);

    __asm__ volatile("" : "+r"(block) : : "memory");
    if (!block)
        return 1;
    FREE(block, 64);
    return 0;
}
