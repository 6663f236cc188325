/* SPDX-License-Identifier: MIT */
/*
 * A module with a thread that got blocks while the module was starting, and gives them back while
 * the interposer goes over to what serves; and that allocates meanwhile.
 */
#include <dispatchalloc/module.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 20000 };

static void *blocks[BLOCKS];
static atomic_int ready;

static void *serve(size_t size, size_t align, void *ctx)
{
    return dal_instance_alloc(ctx, size, align);
}

static void take_back(void *ptr, size_t size, size_t align, void *ctx)
{
    dal_instance_dealloc(ctx, ptr, size, align);
}

static void *helper(void *unused)
{
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(16);
        if (!blocks[i])
            abort();
    }
    atomic_store(&ready, 1);
    for (int i = 0; i < BLOCKS; i++) {
        char *other = i % 2 ? calloc(1, 16) : realloc(NULL, 16);

        free(blocks[i]);
        if (!other)
            abort();
        memset(other, i, 16);
        blocks[i] = realloc(other, 40);
        if (!blocks[i] || *(char *)blocks[i] != (char)i)
            abort();
    }
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return unused;
}

static pthread_t thread;

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    if (pthread_create(&thread, NULL, helper, NULL) != 0)
        return DAL_ERR_SYSTEM;
    while (!atomic_load(&ready))
        ;
    allocator->ctx = (void *)(uintptr_t)request->child;
    allocator->alloc = serve;
    allocator->dealloc = take_back;
    return DAL_OK;
}

/* The end of the process is not to come before that of what is tested. */
__attribute__((destructor)) static void wait_for_helper(void)
{
    if (thread)
        pthread_join(thread, NULL);
}

static const struct dal_backend overlap = {
    DAL_BACKEND_HEADER, .name = "overlap", .version = "1", .summary = "frees while it starts",
    .create = create,
};

DAL_MODULE(overlap);
