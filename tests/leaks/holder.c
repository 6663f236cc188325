/* SPDX-License-Identifier: MIT */
/* A library that makes a block, and, without LIBRARY, a program that has that hold another one and
 * drops it. */
#include <stdlib.h>

__attribute__((noinline)) void **make_holder(void);

#ifdef LIBRARY

void **make_holder(void)
{
    void **volatile holder = calloc(1, 2000);

    return holder;
}

#else

__attribute__((noinline)) static void drop(void)
{
    void **volatile holder = make_holder();

    *holder = malloc(1000);
    holder = NULL;
}

__attribute__((noinline)) static void scrub(void)
{
    volatile char bytes[65536];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = 0;
}

int main(void)
{
    drop();
    scrub();
    return 0;
}

#endif
