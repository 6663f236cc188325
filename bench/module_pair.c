/* SPDX-License-Identifier: MIT */
/*
 * Pairs of an allocation of 32 bytes and its end, to be counted: by the front, or by the
 * functions of an allocator's own library.
 *
 *     module_pair COUNT                            dal_alloc and dal_dealloc
 *     module_pair COUNT LIBRARY MALLOC FREE        the library's functions of these names
 *
 * To be compiled with -fno-plt, so that both ways end in the same kind of call.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <dispatchalloc.h>

/* Keeps the compiler from leaving the pair out. */
static inline void *used(void *ptr)
{
    __asm__ volatile("" : "+r"(ptr) : : "memory");
    return ptr;
}

static void *(*direct_malloc)(size_t size);
static void (*direct_free)(void *ptr);

static int direct(long count)
{
    for (long i = 0; i < count; i++)
        direct_free(used(direct_malloc(32)));
    return 0;
}

static int front(long count)
{
    for (long i = 0; i < count; i++)
        dal_dealloc(used(dal_alloc(32, 8)), 32, 8);
    return 0;
}

int main(int argc, char **argv)
{
    void *library;

    if (argc == 2)
        return front(atol(argv[1]));
    if (argc != 5)
        return 2;
    library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    *(void **)(void *)&direct_malloc = dlsym(library, argv[3]);
    *(void **)(void *)&direct_free = dlsym(library, argv[4]);
    return direct_malloc && direct_free ? direct(atol(argv[1])) : 1;
}
