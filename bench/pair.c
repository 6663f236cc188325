/* SPDX-License-Identifier: MIT */
/*
 * N pairs of alloc and dealloc, of 32 bytes if nothing else is said, in one of several ways; or
 * of two calls of realloc, between two sizes. bench/cost.sh counts the instructions
 * of two runs that differ in N alone, so that what is left is the loop. It is built twice, for
 * callers with and without a PLT, and once more with a fixed allocator (bench/cost.sh).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

/* The block is used, as far as the compiler knows; it costs nothing. */
#define USE(ptr) __asm__ volatile("" : "+r"(ptr) : : "memory")

/* What the compiler takes for unknown. */
static size_t unknown(size_t value)
{
    __asm__ volatile("" : "+r"(value));
    return value;
}

static void direct(unsigned long pairs)
{
    while (pairs-- > 0) {
        void *ptr = malloc(32);

        USE(ptr);
        free(ptr);
    }
}

/* Size and alignment known when the caller is compiled. */
static void constant(unsigned long pairs)
{
    while (pairs-- > 0) {
        void *ptr = dal_alloc(32, 8);

        USE(ptr);
        dal_dealloc(ptr, 32, 8);
    }
}

static void direct_variable(unsigned long pairs)
{
    size_t size = unknown(32);

    while (pairs-- > 0) {
        void *ptr = malloc(size);

        USE(ptr);
        free(ptr);
    }
}

/* Known when the program runs. */
static void variable(unsigned long pairs)
{
    size_t size = unknown(32);
    size_t align = unknown(8);

    while (pairs-- > 0) {
        void *ptr = dal_alloc(size, align);

        USE(ptr);
        dal_dealloc(ptr, size, align);
    }
}

static void of_size(unsigned long pairs, size_t size)
{
    while (pairs-- > 0) {
        void *ptr = dal_alloc(size, 8);

        USE(ptr);
        dal_dealloc(ptr, size, 8);
    }
}

static void large(unsigned long pairs)
{
    of_size(pairs, unknown(4096));
}

static void huge(unsigned long pairs)
{
    of_size(pairs, unknown(65536));
}

static void zeroed(unsigned long pairs)
{
    while (pairs-- > 0) {
        void *ptr = dal_alloc_zeroed(32, 8);

        USE(ptr);
        dal_dealloc(ptr, 32, 8);
    }
}

static void resize(unsigned long pairs, size_t small, size_t large)
{
    void *ptr = dal_alloc(small, 8);

    while (pairs-- > 0) {
        ptr = dal_realloc(ptr, small, 8, large);
        USE(ptr);
        ptr = dal_realloc(ptr, large, 8, small);
        USE(ptr);
    }
    dal_dealloc(ptr, small, 8);
}

static void resize_small(unsigned long pairs)
{
    resize(pairs, unknown(20), unknown(24));
}

static void resize_large(unsigned long pairs)
{
    resize(pairs, unknown(5000), unknown(5008));
}

static void instance(unsigned long pairs)
{
    const struct dal_instance *system = dal_system();

    while (pairs-- > 0) {
        void *ptr = dal_instance_alloc(system, 32, 8);

        USE(ptr);
        dal_instance_dealloc(system, ptr, 32, 8);
    }
}

static void family(unsigned long pairs)
{
    while (pairs-- > 0) {
        void *ptr = dal_unsized_malloc(32);

        USE(ptr);
        dal_unsized_free(ptr);
    }
}

static const struct {
    const char *name;
    void (*run)(unsigned long pairs);
} ways[] = {
    {"direct", direct},
    {"constant", constant},
    {"direct-variable", direct_variable},
    {"variable", variable},
    {"instance", instance},
    {"family", family},
    {"large", large},
    {"huge", huge},
    {"zeroed", zeroed},
    {"realloc", resize_small},
    {"realloc-large", resize_large},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(argv[1], ways[i].name) == 0) {
            ways[i].run(strtoul(argv[2], NULL, 10));
            return 0;
        }
    }
    fprintf(stderr, "usage: pair WAY N\n");
    return 2;
}
