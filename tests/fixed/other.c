/* SPDX-License-Identifier: MIT */
/* Another file of a program with a fixed allocator, which knows the front only. See main.c. */
#include <dispatchalloc.h>
#include <stdlib.h>

#ifdef DIRECT_HEADER
# include DIRECT_HEADER
#endif
#ifndef DIRECT_ALLOC
# define DIRECT_ALLOC malloc
# define DIRECT_FREE  free
#endif

#define USE(ptr) __asm__ volatile("" : "+r"(ptr) : : "memory")
#define ALONE    __attribute__((noinline, used))

void *other_alloc(size_t size, size_t align);
void other_dealloc(void *ptr, size_t size, size_t align);
void other_pair(void);
void other_direct(void);

void *other_alloc(size_t size, size_t align)
{
    return dal_alloc(size, align);
}

void other_dealloc(void *ptr, size_t size, size_t align)
{
    dal_dealloc(ptr, size, align);
}

ALONE void other_pair(void)
{
    void *ptr = dal_alloc(32, 8);

    USE(ptr);
    dal_dealloc(ptr, 32, 8);
}

ALONE void other_direct(void)
{
    void *ptr = DIRECT_ALLOC(32);

    USE(ptr);
    DIRECT_FREE(ptr);
}
