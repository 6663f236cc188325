/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#ifndef BYTES
# define BYTES 77777
#endif

void *run(void);

void *run(void)
{
    void *block = malloc(BYTES);

    __asm__ volatile("" : "+r"(block) : : "memory");
    return block;
}
