/* SPDX-License-Identifier: MIT */
/*
 * A program that knows nothing of the library, and sees what happens where memory runs out.
 *
 *     limit_family BYTES WAY   BYTES are what may be live, or a little more
 *
 * It prints one line that says what is wrong, or "ok". The ways:
 *
 *     fill      takes all there is, in blocks of 1000 bytes, three times
 *     realloc   a block that cannot grow is as it was
 *     resize    blocks of all sizes that grow and shrink at random are never more than the bound
 *     threads   threads take, resize and give back at random, with threads that come and go
 *     fork      a child goes on from what is live in its parent, by fork() and by _Fork()
 *     often     comes above a tenth of it twenty times, and below again
 *     small     takes no more than a tenth, and prints nothing else
 */
#define _GNU_SOURCE /* _Fork() */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 1000, THREADS = 6, PLACES = 64 };

static size_t bound;

static void *used(void *ptr)
{
    __asm__ volatile("" : "+r"(ptr) : : "memory");
    return ptr;
}

static void wrong(const char *what, size_t number)
{
    printf("wrong: %s: %zu of %zu\n", what, number, bound);
    fflush(stdout);
    _exit(1);
}

/* ---- fill --------------------------------------------------------------------------------------
 */

struct block {
    struct block *next;
    char rest[BLOCK - sizeof(void *)];
};

/* What may be used of all that can be had, which is given back. */
static size_t fill(void)
{
    struct block *all = NULL, *block;
    size_t usable = 0;

    errno = 0;
    while ((block = used(malloc(sizeof *block))) != NULL) {
        block->next = all;
        all = block;
        usable += malloc_usable_size(block);
        if (usable > bound)
            wrong("more than the bound", usable);
    }
    if (errno != ENOMEM)
        wrong("errno", (size_t)errno);
    while ((block = all) != NULL) {
        all = block->next;
        free(block);
    }
    return usable;
}

/* What the program has besides is little. */
static void fill_thrice(void)
{
    for (int i = 0; i < 3; i++) {
        size_t usable = fill();

        if (usable + 100000 < bound)
            wrong("less than the bound", usable);
    }
}

/* ---- realloc -----------------------------------------------------------------------------------
 */

static void check_pattern(const char *block, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (block[i] != (char)(i * 7))
            wrong("the block was changed", i);
    }
}

static void realloc_in_vain(void)
{
    size_t bytes = bound / 2;
    char *block = used(malloc(bytes)), *grown;
    volatile size_t half = SIZE_MAX / 2; /* which the compiler is not to know */

    if (!block)
        wrong("half of it is refused", bytes);
    for (size_t i = 0; i < bytes; i++)
        block[i] = (char)(i * 7);
    errno = 0;
    if (used(realloc(block, bound + 1)) || errno != ENOMEM)
        wrong("too large a realloc", (size_t)errno);
    check_pattern(block, bytes);
    for (int i = 0; i < 100; i++) {
        grown = used(realloc(block, bytes + (size_t)i * (bound / 1000)));
        if (!grown)
            wrong("a realloc for which there is room", (size_t)i);
        block = grown;
        check_pattern(block, bytes);
    }
    for (int i = 0; i < 100; i++) {
        block = used(realloc(block, 100));
        block = used(realloc(block, bytes));
        if (!block)
            wrong("to half and back", (size_t)i);
    }
    free(block);
    errno = 0;
    if (used(calloc(bound, 2)) || errno != ENOMEM || used(calloc(half, 3)))
        wrong("calloc", (size_t)errno);
    if (used(aligned_alloc(4096, (bound | 4095) + 1)))
        wrong("aligned_alloc", 0);
    fill_thrice();
}

/* ---- resize ------------------------------------------------------------------------------------
 */

/* Several rounds, since which classes of an allocator are met is a matter of chance. The bound is
 * above what classes are apart by, and the blocks are up to a quarter of it. */
static void resize_at_random(void)
{
    static void *places[PLACES];
    uint32_t state = 1;
    size_t live = 0, refused = 0;

    for (int i = 0; i < 20000; i++) {
        void **place, *block;
        size_t size, usable;

        state = state * 1664525 + 1013904223;
        place = &places[(state >> 8) % PLACES];
        size = bound >> (2 + (state >> 16) % 15);
        size = 1 + size / 2 + (state >> 4) % (size / 2 + 1);
        usable = *place ? malloc_usable_size(*place) : 0;
        block = used(realloc(*place, size));
        if (!block) {
            refused++;
            if (state >> 30 == 0) {
                free(*place);
                *place = NULL;
                live -= usable;
            }
            continue;
        }
        *place = block;
        live = live - usable + malloc_usable_size(block);
        if (live > bound)
            wrong("more than the bound", live);
    }
    if (refused < 100)
        wrong("refused", refused);
    for (int i = 0; i < PLACES; i++)
        free(places[i]);
}

/* ---- threads -----------------------------------------------------------------------------------
 */

static void *at_random(void *data)
{
    uint32_t state = (uint32_t)(uintptr_t)data * 7919 + 1;
    void *places[PLACES] = {NULL};

    for (int i = 0; i < 20000; i++) {
        void **place = &places[i % PLACES];
        void *block;
        size_t size;

        state = state * 1664525 + 1013904223;
        size = 1 + (state >> 8) % (bound / 200);
        if (state >> 30 == 0) {
            free(*place);
            *place = NULL;
        } else if ((block = used(realloc(*place, size))) != NULL) {
            memset(block, (int)state, size);
            *place = block;
        }
    }
    for (int i = 0; i < PLACES; i++)
        free(places[i]);
    return NULL;
}

static void in_threads(void *(*work)(void *))
{
    pthread_t threads[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, (void *)i) != 0)
            wrong("no thread", i);
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

/* ---- fork --------------------------------------------------------------------------------------
 */

#if defined __GLIBC__ && __GLIBC_PREREQ(2, 34)
# define BARE_FORK() _Fork()
#else
# define BARE_FORK() fork()
#endif

/* The child takes no lock that a thread of the parent may have: those have ended. */
static void fork_and_fill(int is_bare)
{
    void *block = used(malloc(bound / 2));
    int status = -1;
    pid_t child = is_bare ? BARE_FORK() : fork();

    if (child == 0) {
        size_t usable = fill();

        if (usable > bound - bound / 2 || usable + 200000 < bound - bound / 2)
            wrong("what the child can have", usable);
        free(block);
        fill_thrice();
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || status != 0)
        wrong("the child", (size_t)status);
    free(block);
}

int main(int argc, char **argv)
{
    const char *way = argc > 2 ? argv[2] : "";

    if (argc > 1)
        bound = strtoul(argv[1], NULL, 10);
    if (strcmp(way, "fill") == 0)
        fill_thrice();
    else if (strcmp(way, "realloc") == 0)
        realloc_in_vain();
    else if (strcmp(way, "resize") == 0)
        resize_at_random();
    else if (strcmp(way, "often") == 0)
        for (int i = 0; i < 20; i++)
            free(used(malloc(bound / 5)));
    else if (strcmp(way, "small") == 0)
        free(used(malloc(bound / 10)));
    else if (strcmp(way, "threads") == 0 || strcmp(way, "fork") == 0)
        in_threads(at_random);
    else
        return 2;
    if (strcmp(way, "threads") == 0)
        fill_thrice();
    for (int i = 0; strcmp(way, "fork") == 0 && i < 2; i++)
        fork_and_fill(i);
    puts("ok");
    return 0;
}
