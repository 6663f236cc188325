/* SPDX-License-Identifier: MIT */
/* A program with a malloc of its own beside the front: blocks of the one hold those of the other.
 * With an argument it also drops one. */
#include <dispatchalloc.h>
#include <stdlib.h>

struct owner {
    void *block;
};

static struct owner *volatile owners[100];

__attribute__((noinline)) static void drop(void)
{
    void *volatile block = dal_alloc(12345, 8);

    block = NULL;
    (void)block;
}

__attribute__((noinline)) static void scrub(void)
{
    volatile char bytes[65536];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = 0;
}

int main(int argc, char **argv)
{
    (void)argv;
    for (size_t i = 0; i < 100; i++) {
        owners[i] = malloc(sizeof *owners[i]);
        owners[i]->block = dal_alloc(i + 1, 8);
    }
    if (argc > 1)
        drop();
    scrub();
    return 0;
}
