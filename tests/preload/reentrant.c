/* SPDX-License-Identifier: MIT */
/*
 * A module that itself calls malloc while it starts, by itself and by the C library, and
 * gives the blocks back much later; then it serves from its child allocator.
 */
#include <dispatchalloc/module.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *kept, *grown, *printed;
static FILE *opened;
static pthread_key_t key;
static int calls;

static void *serve(size_t size, size_t align, void *ctx)
{
    /* What was kept from the start goes back, and changes hands, while the program runs. */
    if (calls >= 0 && ++calls == 50) {
        calls = -1;
        free(kept);
        grown = realloc(grown, 100000);
        if (strcmp(grown, "grown later") != 0 || strcmp(printed, "start 42") != 0)
            abort();
        free(grown);
        free(printed);
        fclose(opened);
    }
    return dal_instance_alloc(ctx, size, align);
}

static void take_back(void *ptr, size_t size, size_t align, void *ctx)
{
    dal_instance_dealloc(ctx, ptr, size, align);
}

static void *start_thread(void *unused)
{
    pthread_setspecific(key, malloc(10));
    return unused;
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    pthread_t thread;

    kept = calloc(1, 100000);
    grown = strdup("grown later");
    opened = fopen("/dev/null", "re");
    if (asprintf(&printed, "start %d", 42) < 0 || !kept || !grown || !opened)
        abort();
    free(malloc(1000));
    if (pthread_key_create(&key, free) != 0 ||
        pthread_create(&thread, NULL, start_thread, NULL) != 0)
        abort();
    pthread_join(thread, NULL);
    allocator->ctx = (void *)(uintptr_t)request->child;
    allocator->alloc = serve;
    allocator->dealloc = take_back;
    return 0;
}

static const struct dal_backend backend = {
    .abi = DAL_BACKEND_ABI,
    .size_bytes = sizeof backend,
    .name = "reentrant",
    .version = "1",
    .summary = "calls malloc while it starts",
    .create = create,
};
DAL_MODULE(backend);
