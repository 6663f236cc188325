/* SPDX-License-Identifier: MIT */
/*
 * N pairs of alloc(32) and dealloc: `pair direct N` by malloc and free, `pair front N` by the
 * front. bench/cost.sh counts the instructions of two runs that differ in N alone, so that
 * what is left is the loop. It is built twice, for callers with and without a PLT.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

/* The block is used, as far as the compiler knows; it costs nothing. */
#define USE(ptr) __asm__ volatile("" : "+r"(ptr) : : "memory")

static void direct(unsigned long pairs)
{
    while (pairs-- > 0) {
        void *ptr = malloc(32);

        USE(ptr);
        free(ptr);
    }
}

static void front(unsigned long pairs)
{
    while (pairs-- > 0) {
        void *ptr = dal_alloc(32, 8);

        USE(ptr);
        dal_dealloc(ptr, 32, 8);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: pair direct|front N\n");
        return 2;
    }
    if (strcmp(argv[1], "direct") == 0)
        direct(strtoul(argv[2], NULL, 10));
    else
        front(strtoul(argv[2], NULL, 10));
    return 0;
}
