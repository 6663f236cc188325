/* SPDX-License-Identifier: MIT */
/*
 * The front in a process that is full already, to see what grows with what:
 *
 *     BENCH_BACKENDS=N    N backends are registered
 *     BENCH_INSTANCES=N   N instances exist
 *     BENCH_THREADS=N     N threads exist, each with a block of its own
 *
 * A peer of a form of its own: pair is the front's, and the blocks of fill and grow are
 * instances, made of a spec; grow destroys them again.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <dispatchalloc.h>

#include "../harness/harness.h"

enum { BACKENDS_MAX = 60, NAME_BYTES = 16 };

static void check(int error, const char *what)
{
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", what, dal_strerror(error));
        exit(1);
    }
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)allocator;
    return request->fail(request, DAL_ERR_UNSUPPORTED, "it is there to be registered only");
}

static void register_backends(int count)
{
    static struct dal_backend backends[BACKENDS_MAX];
    static char names[BACKENDS_MAX][NAME_BYTES];

    for (int i = 0; i < count && i < BACKENDS_MAX; i++) {
        snprintf(names[i], NAME_BYTES, "backend-%d", i);
        backends[i] = (struct dal_backend){
            DAL_BACKEND_HEADER,        .name = names[i], .version = "1",
            .summary = "no allocator", .create = create,
        };
        check(dal_backend_register(&backends[i]), names[i]);
    }
}

static const struct dal_instance *make_instance(void)
{
    const struct dal_instance *instance = NULL;

    check(dal_instance_create_spec("system", &instance, NULL, 0), "an instance");
    return instance;
}

static pthread_barrier_t all_there;

static void *live(void *data)
{
    void *block = dal_alloc(64, 8);

    (void)data;
    if (!block)
        bench_out_of_memory();
    pthread_barrier_wait(&all_there);
    for (;;)
        pthread_barrier_wait(&all_there); /* until the process ends */
    return NULL;
}

static void start_threads(int count)
{
    pthread_t thread;

    pthread_barrier_init(&all_there, NULL, (unsigned)count + 1);
    for (int i = 0; i < count; i++)
        check(pthread_create(&thread, NULL, live, NULL) ? DAL_ERR_MEMORY : 0, "a thread");
    pthread_barrier_wait(&all_there);
}

static int number(const char *variable)
{
    const char *text = getenv(variable);

    return text ? atoi(text) : 0;
}

static void start(void)
{
    register_backends(number("BENCH_BACKENDS"));
    for (int i = number("BENCH_INSTANCES"); i > 0; i--)
        make_instance();
    if (number("BENCH_THREADS") > 0)
        start_threads(number("BENCH_THREADS"));
}

static uint64_t pair(size_t size, size_t align, uint64_t count)
{
    uint64_t sum = 0;

    (void)align;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t *block = dal_alloc(size, 8);

        if (!block)
            bench_out_of_memory();
        *block = i;
        __asm__ volatile("" : "+r"(block) : : "memory");
        sum += *block;
        dal_dealloc(block, size, 8);
    }
    return sum;
}

static void fill(void **instances, size_t count, size_t size)
{
    (void)size;
    for (size_t i = 0; i < count; i++)
        instances[i] = (void *)(uintptr_t)make_instance();
}

static uint64_t grow(size_t size, uint64_t count)
{
    (void)size;
    for (uint64_t i = 0; i < count; i++)
        dal_instance_destroy(make_instance());
    return count;
}

const struct bench_peer bench_peer = {.start = start, .pair = pair, .fill = fill, .grow = grow};
