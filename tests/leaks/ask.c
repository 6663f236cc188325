/* SPDX-License-Identifier: MIT */
/* Loses a block of an instance, keeps another, and asks what leaks; then once more when the lost
 * one was found again and given back. The argument is the value of leaks=. */
#include <inttypes.h>
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

int main(int argc, char **argv)
{
    char spec[64], message[512];
    const struct dal_instance *instance;

    snprintf(spec, sizeof spec, "debug:symbolize=off,leaks=%s+system", argc > 1 ? argv[1] : "on");
    if (dal_instance_create_spec(spec, &instance, message, sizeof message) != 0) {
        puts(message);
        return 2;
    }
    make(instance);
    scrub();
    ask(instance);
    dal_instance_dealloc(instance, (void *)~hidden, LOST, 8);
    ask(instance);
    dal_instance_dealloc(instance, kept, KEPT, 8);
    kept = NULL;
    dal_instance_destroy(instance);
    return 0;
}
