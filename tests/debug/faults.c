/* SPDX-License-Identifier: MIT */
/*
 * A program with one fault, named by its first argument. It knows nothing of the library;
 * tests/debug.sh starts it. Exits 0 if it survives that as the layer debug promises, else 1.
 */
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not the pointer itself: the compiler knows what must not be freed. */
static void *hidden(const void *ptr)
{
    void *volatile copy = (void *)(size_t)ptr;

    return copy;
}

static int is_same(const void *one, const void *other)
{
    return one == other;
}

static int twice(void)
{
    char *block = malloc(100);

    free(block);
    free(hidden(block));
    return 0;
}

static int interior(void)
{
    char *block = malloc(100);

    free(hidden(block + 8));
    free(block);
    return 0;
}

static int on_stack(void)
{
    char block[100];

    free(hidden(block));
    return 0;
}

static int resize_released(void)
{
    char *block = calloc(10, 10);

    free(block);
    errno = 0;
    return realloc(hidden(block), 200) || errno != EINVAL;
}

static int size_of_released(void)
{
    void *block = malloc(100);

    free(block);
    return malloc_usable_size(hidden(block)) != 0;
}

static int overrun(void)
{
    char *block = malloc(100);

    memset(hidden(block + 100), 1, 3);
    free(block);
    return 0;
}

static int underrun(void)
{
    void *block = NULL;

    if (posix_memalign(&block, 64, 100) != 0)
        return 1;
    ((char *)hidden(block))[-1] = 1;
    block = realloc(block, 200);
    free(block);
    return 0;
}

static int after_release(void)
{
    char *block = malloc(100);

    free(block);
    ((char *)hidden(block))[7] = 1;
    return 0;
}

static int leak(void)
{
    void *volatile block = malloc(54321);

    block = malloc(12345);
    (void)block;
    return 0;
}

/* Nothing is wrong here: sizes and alignments are what was asked for, and errno stays. */
static int clean(void)
{
    char *block = malloc(100), *moved;
    void *aligned = NULL;

    if (malloc_usable_size(block) < 100 || posix_memalign(&aligned, 4096, 100) != 0 ||
        (size_t)aligned % 4096 != 0 || (size_t)block % 16 != 0)
        return 1;
    free(aligned);
    /* Less is not what malloc() gives. */
    if (posix_memalign(&aligned, 8, 64) != 0 || (size_t)aligned % _Alignof(max_align_t) != 0)
        return 1;
    memset(block, 1, 100);
    moved = realloc(block, 100000);
    if (!moved || moved[99] != 1 || is_same(moved, aligned))
        return 1;
    errno = 99;
    free(moved);
    free(aligned);
    free(NULL);
    if (errno != 99 || realloc(malloc(10), 0))
        return 1;
    moved = calloc(1000, 10);
    for (int i = 0; i < 10000; i++) {
        if (moved[i] != 0)
            return 1;
    }
    free(moved);
    errno = 0;
    if (malloc((size_t)hidden((void *)(SIZE_MAX / 2 - 8))) || errno != ENOMEM)
        return 1;
    return 0;
}

static const struct {
    const char *name;
    int (*run)(void);
} faults[] = {
#define FAULT(name) \
    {               \
        #name, name \
    }
    FAULT(twice),           FAULT(interior),         FAULT(on_stack),
    FAULT(resize_released), FAULT(size_of_released), FAULT(overrun),
    FAULT(underrun),        FAULT(after_release),    FAULT(leak),
    FAULT(clean),
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof faults / sizeof *faults; i++) {
        if (strcmp(argv[1], faults[i].name) == 0)
            return faults[i].run();
    }
    fprintf(stderr, "usage: faults NAME\n");
    return 2;
}
