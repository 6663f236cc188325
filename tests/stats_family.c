/* SPDX-License-Identifier: MIT */
/*
 * A program that knows nothing of the library. It prints what shows a header before its blocks, or
 * a realloc that copies; then it leaves as many blocks of 100 bytes as it is told and prints how
 * much of them may be used.
 *
 *     stats_family COUNT [double]
 *
 * double: it frees a block twice.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *used(void *ptr)
{
    __asm__ volatile("" : "+r"(ptr) : : "memory");
    return ptr;
}

static void *other_thread(void *block)
{
    free(block);
    return used(malloc(40));
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 0;
    char *block = used(malloc(24)), *same = used(realloc(block, 20));
    void *aligned = NULL;
    pthread_t thread;
    size_t usable = 0;

    printf("%zu %d", malloc_usable_size(same), same == block);
    if (posix_memalign(&aligned, 4096, 100) != 0)
        return 1;
    free(aligned);
    free(used(calloc(10, 10)));
    free(realloc(same, 100000));
    for (int i = 0; i < 1000; i++)
        free(used(malloc((size_t)i * 17)));
    if (pthread_create(&thread, NULL, other_thread, used(malloc(5000))) != 0 ||
        pthread_join(thread, &aligned) != 0)
        return 1;
    free(aligned);
    if (argc > 2) {
        block = used(malloc(24));
        free(block);
        free(used(block));
    }
    for (int i = 0; i < count; i++)
        usable += malloc_usable_size(used(malloc(100)));
    printf(" %zu\n", usable);
    return 0;
}
