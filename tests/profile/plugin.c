/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

void *run(void);

void *run(void)
{
    void *block = malloc(77777);

    __asm__ volatile("" : "+r"(block) : : "memory");
    return block;
}
