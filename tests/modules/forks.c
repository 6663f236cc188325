/* SPDX-License-Identifier: MIT */
/*
 * 120 forks from 4 threads that allocate, while 800 short-lived threads come and go and leave
 * blocks behind. Each child frees what it inherited, allocates, and ends; one that is still there
 * after 20 seconds has found a lock that nobody holds any more.
 *
 * A child makes no thread of its own: in glibc 2.36 that may free the dynamic thread-local
 * storage of a thread twice that another one was about to make at the fork.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dispatchalloc.h>

enum { FORKERS = 4, FORKS = 30, SHORT_LIVED = 200, BLOCKS = 24, SMALL = 2000, CHILD_SECONDS = 20 };

struct block {
    unsigned char *ptr;
    size_t size, align;
};

static atomic_int failures;

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 8;
}

static void make(struct block *block, unsigned *seed)
{
    static const size_t aligns[] = {1, 8, 16, 16, 8, 64, 256, 4096};

    /* One of 32 is large enough for the path that ends in mmap. */
    block->size = next(seed) % 32 ? next(seed) % 2000 : 100000 + next(seed) % 400000;
    block->align = aligns[next(seed) % 8];
    block->ptr = dal_alloc(block->size, block->align);
    if (!block->ptr || (uintptr_t)block->ptr % block->align)
        abort();
    /* Of a large one the ends: to touch each of its pages would take most of the time. */
    memset(block->ptr, (int)(block->size & 0xff), block->size < SMALL ? block->size : SMALL);
    if (block->size)
        block->ptr[block->size - 1] = (unsigned char)block->size;
}

static void end(struct block *block)
{
    if (block->size && (block->ptr[0] != (block->size & 0xff) ||
                        block->ptr[block->size - 1] != (block->size & 0xff)))
        abort();
    dal_dealloc(block->ptr, block->size, block->align);
}

static void churn(struct block *blocks, unsigned *seed, int steps)
{
    while (steps-- > 0) {
        struct block *block = &blocks[next(seed) % BLOCKS];

        end(block);
        make(block, seed);
    }
}

struct life {
    struct block *blocks; /* of the thread that started this one, and waits for it */
    unsigned seed;
};

static void *short_lived(void *data)
{
    struct life *life = data;
    struct block blocks[BLOCKS];

    for (int i = 0; i < BLOCKS; i++)
        make(&blocks[i], &life->seed);
    churn(blocks, &life->seed, 20);
    churn(life->blocks, &life->seed, 4);
    for (int i = 0; i < BLOCKS; i++)
        end(&blocks[i]);
    return NULL;
}

static void run_one(struct block *blocks, unsigned *seed)
{
    struct life life = {blocks, next(seed)};
    pthread_t thread;

    if (pthread_create(&thread, NULL, short_lived, &life) == 0)
        pthread_join(thread, NULL);
}

static void live_in_child(struct block *blocks, unsigned seed)
{
    alarm(CHILD_SECONDS);
    churn(blocks, &seed, 60);
    for (int i = 0; i < BLOCKS; i++)
        end(&blocks[i]);
    _exit(0);
}

static void *forker(void *data)
{
    struct block blocks[BLOCKS];
    unsigned seed = (unsigned)(uintptr_t)data;
    int threads = 0;

    for (int i = 0; i < BLOCKS; i++)
        make(&blocks[i], &seed);
    for (int i = 0; i < FORKS; i++) {
        pid_t child;
        int status = -1;

        while (threads < SHORT_LIVED * (i + 1) / FORKS) {
            run_one(blocks, &seed);
            threads++;
        }
        churn(blocks, &seed, 10);
        child = fork();
        if (child == 0)
            live_in_child(blocks, next(&seed));
        churn(blocks, &seed, 10);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
            fprintf(stderr, "fork %d: status %#x\n", i, (unsigned)status);
            atomic_fetch_add(&failures, 1);
            break;
        }
    }
    for (int i = 0; i < BLOCKS; i++)
        end(&blocks[i]);
    return NULL;
}

int main(void)
{
    pthread_t threads[FORKERS];

    for (int i = 0; i < FORKERS; i++) {
        if (pthread_create(&threads[i], NULL, forker, (void *)(uintptr_t)(i + 1)) != 0)
            return 2;
    }
    for (int i = 0; i < FORKERS; i++)
        pthread_join(threads[i], NULL);
    printf("%s\n", dal_global_name());
    return atomic_load(&failures) ? EXIT_FAILURE : EXIT_SUCCESS;
}
