/* SPDX-License-Identifier: MIT */
/*
 * Pairs of an allocation of 32 bytes and its end, to be counted: by the front, or by the
 * functions of an allocator's own library.
 *
 *     module_pair COUNT                            by the front, size and alignment constant
 *     module_pair variable COUNT                   by the front, both known at run time only
 *     module_pair LIBRARY MALLOC FREE COUNT        the library's functions of these names
 *
 * To be compiled with -fno-plt, so that both ways end in the same kind of call.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int constant(long count)
{
    for (long i = 0; i < count; i++)
        dal_dealloc(used(dal_alloc(32, 8)), 32, 8);
    return 0;
}

static int variable(long count)
{
    size_t size = 32;
    size_t align = 8;

    __asm__ volatile("" : "+r"(size), "+r"(align));
    for (long i = 0; i < count; i++)
        dal_dealloc(used(dal_alloc(size, align)), size, align);
    return 0;
}

int main(int argc, char **argv)
{
    void *library;

    if (argc == 2)
        return constant(atol(argv[1]));
    if (argc == 3 && strcmp(argv[1], "variable") == 0)
        return variable(atol(argv[2]));
    if (argc != 5)
        return 2;
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    *(void **)(void *)&direct_malloc = dlsym(library, argv[2]);
    *(void **)(void *)&direct_free = dlsym(library, argv[3]);
    return direct_malloc && direct_free ? direct(atol(argv[4])) : 1;
}
