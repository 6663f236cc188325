/* SPDX-License-Identifier: MIT */
/*
 * A program without a fault that gives the register of `run --debug` all there is to get wrong:
 * threads that give back what others took, blocks that move, alignments, forks in the middle
 * of all that, vfork. Exits 0, or 1 if a block is not as it should be.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 8
#define SHELVES 256

/* A block lies on a shelf until some thread changes it for another. */
static _Atomic(unsigned char *) shelves[SHELVES];
static atomic_int faults;
static int steps = 20000;

static unsigned char *make(unsigned random)
{
    size_t size = 1 + (random >> 4) % 500;
    void *block = NULL;

    switch (random % 8) {
    case 0: block = calloc(1, size); break;
    case 1: block = memalign(64, size); break;
    case 2: block = aligned_alloc(256, 256); break;
    case 3: block = posix_memalign(&block, 32, size) == 0 ? block : NULL; break;
    case 4: block = realloc(malloc(size), size * 3); break;
    case 5: block = realloc(malloc(size * 2), 1 + size / 2); break;
    case 6: block = malloc(size * 200); break;
    default: block = malloc(size); break;
    }
    if (!block || malloc_usable_size(block) < 1)
        atomic_store(&faults, 1);
    else
        *(unsigned char *)block = (unsigned char)random;
    return block;
}

static void *work(void *seed)
{
    unsigned random = (unsigned)(uintptr_t)seed * 2654435761u;

    for (int i = 0; i < steps; i++) {
        random = random * 1664525u + 1013904223u;
        free(atomic_exchange(&shelves[(random >> 10) % SHELVES], make(random >> 7)));
    }
    return NULL;
}

static void check_children(void)
{
    int status;

    for (int i = 0; i < 15; i++) {
        pid_t child = fork();

        if (child == 0) {
            steps = 200;
            work((void *)(uintptr_t)(i + 100));
            _exit(atomic_load(&faults));
        }
        if (waitpid(child, &status, 0) != child || status != 0)
            atomic_store(&faults, 1);
        child = vfork();
        if (child == 0) {
            execlp("true", "true", (char *)NULL);
            _exit(1);
        }
        waitpid(child, &status, 0);
    }
}

/* An argument is the number of steps of a thread. */
int main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    if (argc > 1)
        steps = atoi(argv[1]);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)(i + 1));
    if (argc <= 2)
        check_children();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SHELVES; i++)
        free(shelves[i]);
    return atomic_load(&faults);
}
