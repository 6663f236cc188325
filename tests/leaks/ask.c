/* SPDX-License-Identifier: MIT */
/*
 * Loses a block of an instance, keeps another, and asks what leaks; then once more when the lost
 * one was found again and given back. The argument is the value of leaks=; or "two": what two
 * threads are told that ask at once.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

enum { LOST = 54321, KEPT = 12345 };

static void *volatile kept;
static volatile uintptr_t hidden;

/* In a frame of its own, which is written over then. */
__attribute__((noinline)) static void make(const struct dal_instance *instance)
{
    kept = dal_instance_alloc(instance, KEPT, 8);
    hidden = ~(uintptr_t)dal_instance_alloc(instance, LOST, 8);
}

__attribute__((noinline)) static void scrub(void)
{
    volatile char bytes[65536];

    memset((char *)bytes, 0, sizeof bytes);
}

static void ask(const struct dal_instance *instance)
{
    uint64_t blocks = 7, bytes = 7;
    int error = dal_debug_find_leaks(instance, &blocks, &bytes);

    printf("%d: %" PRIu64 " block%s, %" PRIu64 " bytes\n", error, blocks, blocks == 1 ? "" : "s",
           bytes);
}

static pthread_barrier_t barrier;

/* Returns the instance, or NULL if a search has failed. */
static void *ask_in_rounds(void *instance)
{
    void *asked = instance;

    for (int i = 0; i < 5; i++) {
        (void)pthread_barrier_wait(&barrier);
        if (dal_debug_find_leaks(instance, NULL, NULL) != 0)
            asked = NULL;
    }
    return asked;
}

static void ask_by_two(const struct dal_instance *instance)
{
    pthread_t thread;
    void *one, *other = NULL;

    (void)pthread_barrier_init(&barrier, NULL, 2);
    if (pthread_create(&thread, NULL, ask_in_rounds, (void *)instance) != 0)
        abort();
    one = ask_in_rounds((void *)instance);
    (void)pthread_join(thread, &other);
    puts(one && other ? "both are told" : "a search has failed");
}

int main(int argc, char **argv)
{
    int is_by_two = argc > 1 && strcmp(argv[1], "two") == 0;
    char spec[64], message[512];
    const struct dal_instance *instance;

    snprintf(spec, sizeof spec, "debug:symbolize=off,leaks=%s+system",
             argc > 1 && !is_by_two ? argv[1] : "on");
    if (dal_instance_create_spec(spec, &instance, message, sizeof message) != 0) {
        puts(message);
        return 2;
    }
    make(instance);
    scrub();
    if (is_by_two)
        ask_by_two(instance);
    else
        ask(instance);
    dal_instance_dealloc(instance, (void *)~hidden, LOST, 8);
    if (!is_by_two)
        ask(instance);
    dal_instance_dealloc(instance, kept, KEPT, 8);
    kept = NULL;
    dal_instance_destroy(instance);
    return 0;
}
