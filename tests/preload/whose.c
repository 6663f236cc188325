/* SPDX-License-Identifier: MIT */
/*
 * Whether the C library's own allocator serves malloc, by its own books, whatever else the program
 * links that has the same names. Exits 0 if it does, 1 if not.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    struct mallinfo2 (*books)(void);
    size_t before;
    void *volatile block;

    *(void **)&books = libc ? dlsym(libc, "mallinfo2") : NULL;
    if (!books)
        return 77;
    before = books().uordblks;
    block = malloc(50000);
    if (books().uordblks < before + 50000)
        return 1;
    free(block);
    return books().uordblks >= before + 50000;
}
