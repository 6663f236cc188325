/* SPDX-License-Identifier: MIT */
/*
 * A library that allocates before main, as NAME_check() in it verifies later: the block is kept,
 * grown and given back. By its constructor; with BY_INIT by DT_INIT, with BY_IFUNC while
 * symbols are resolved, with BY_THREAD in a thread that the constructor starts.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOINED(a, b)      a##b
#define NAMED(name, rest) JOINED(name, rest)

/* The dynamic loader's own calls and those of the C library come on top. */
enum { COUNT = 200, LARGE = 300000 };

static char *blocks[COUNT];
static char *large;
static char *freed_early;

static void allocate(void)
{
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = malloc((size_t)i + 1);
        memset(blocks[i], i, (size_t)i + 1);
    }
    large = calloc(LARGE, 1);
    freed_early = realloc(malloc(10), 100);
    free(freed_early);
}

#if defined BY_IFUNC
static int resolved(void)
{
    return 1;
}

static int (*resolve(void))(void)
{
    /* Relocations are not complete here: malloc alone. */
    blocks[0] = malloc(1);
    *blocks[0] = 7;
    return resolved;
}

int NAMED(NAME, _ifunc)(void) __attribute__((ifunc("resolve")));

int NAMED(NAME, _check)(void);
int NAMED(NAME, _check)(void)
{
    int is_good = NAMED(NAME, _ifunc)() == 1 && blocks[0] && *blocks[0] == 7;

    blocks[0] = realloc(blocks[0], 5000);
    is_good = is_good && *blocks[0] == 7;
    free(blocks[0]);
    return is_good;
}
#else
# if defined BY_THREAD
static pthread_t thread;
static void *run(void *unused)
{
    allocate();
    return unused;
}

__attribute__((constructor)) static void start(void)
{
    pthread_create(&thread, NULL, run, NULL);
}

static void complete(void)
{
    pthread_join(thread, NULL);
}
# else
#  if defined BY_INIT
void NAMED(NAME, _init)(void);
void NAMED(NAME, _init)(void)
#  else
__attribute__((constructor)) static void start(void)
#  endif
{
    allocate();
}

static void complete(void)
{
}
# endif

int NAMED(NAME, _check)(void);
int NAMED(NAME, _check)(void)
{
    int is_good;

    complete();
    is_good = large && !large[0] && !large[LARGE - 1];
    large = realloc(large, 2 * LARGE);
    is_good = is_good && large && !large[LARGE - 1];
    free(large);
    for (int i = 0; i < COUNT; i++) {
        size_t size = (size_t)i + 1;

        is_good = is_good && blocks[i] && (unsigned char)blocks[i][0] == i &&
                  (unsigned char)blocks[i][size - 1] == i;
        blocks[i] = realloc(blocks[i], size * 50);
        is_good = is_good && blocks[i] && (unsigned char)blocks[i][size - 1] == i;
        free(blocks[i]);
    }
    return is_good;
}

/* For a plug-in. */
char *NAMED(NAME, _make)(void);
char *NAMED(NAME, _make)(void)
{
    return strdup("made by a plug-in");
}

/* A destructor may be the last of the process. */
__attribute__((destructor)) static void stop(void)
{
    char *last = malloc(3000);

    memset(last, 1, 3000);
    free(last);
}
#endif
