/* SPDX-License-Identifier: MIT */
/*
 * Calls of the plain malloc family, to be counted under whatever is preloaded. Knows nothing
 * of the library.
 *
 *     preload_calls malloc COUNT      kept, so that there is no free in it
 *     preload_calls calloc COUNT      the same
 *     preload_calls pair COUNT        malloc and free
 *     preload_calls realloc COUNT     of one block, to and fro within its size class
 *     preload_calls usable COUNT      malloc_usable_size of one block
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keeps the compiler from knowing what is asked for, and from leaving it out. */
static inline void *used(void *ptr)
{
    __asm__ volatile("" : "+r"(ptr) : : "memory");
    return ptr;
}

int main(int argc, char **argv)
{
    long count = argc == 3 ? atol(argv[2]) : 0;
    void *block;

    if (count <= 0)
        return 2;
    if (strcmp(argv[1], "malloc") == 0) {
        for (long i = 0; i < count; i++)
            used(malloc(32));
    } else if (strcmp(argv[1], "calloc") == 0) {
        for (long i = 0; i < count; i++)
            used(calloc(4, 8));
    } else if (strcmp(argv[1], "pair") == 0) {
        for (long i = 0; i < count; i++)
            free(used(malloc(32)));
    } else if (strcmp(argv[1], "realloc") == 0) {
        block = malloc(60);
        for (long i = 0; i < count; i++)
            block = used(realloc(block, i & 1 ? 62 : 60));
        free(block);
    } else if (strcmp(argv[1], "usable") == 0) {
        block = malloc(60);
        for (long i = 0; i < count; i++)
            used((void *)malloc_usable_size(block));
        free(block);
    } else {
        return 2;
    }
    return 0;
}
