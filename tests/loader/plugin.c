/* SPDX-License-Identifier: MIT */
/*
 * A shared object whose constructor makes the first allocation of the process and waits for
 * a thread that allocates as well, all under the loader's lock: it hangs if an allocation
 * opens a library, or waits for someone who does.
 */
#include <pthread.h>
#include <stdio.h>

#include <dispatchalloc.h>

static void *allocate(void *unused)
{
    void *ptr = dal_alloc(64, 16);

    (void)unused;
    dal_dealloc(ptr, 64, 16);
    return ptr;
}

__attribute__((constructor)) static void start(void)
{
    pthread_t threads[4];
    void *got = NULL;
    void *ptr = NULL;
    int i;

#ifndef THREAD_FIRST
    ptr = dal_alloc(32, 8);
#endif
    for (i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, allocate, NULL);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], &got);
    dal_dealloc(ptr, 32, 8);
    printf("plugin served by %s%s\n", dal_global_name(), got ? "" : ", with NULL");
}
