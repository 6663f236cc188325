/* SPDX-License-Identifier: MIT */
/* A program of the next version: what the library says to its allocator, with the new slot filled
 * (PROBE, or FAMILY) or not, and to options of an arena of which the new one is given or not. */
#include "own.h"

#include <stdio.h>

static void tell(const char *what, int error)
{
    printf("%s: %s\n", what, dal_strerror(error));
}

int main(void)
{
    const struct dal_instance *instance = NULL;
    struct dal_instance_storage storage;
    struct dal_arena_options options = {.grown_bytes = 1};
    struct dal_arena arena;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    tell("init", dal_instance_init(&storage, &own, "own"));
    tell("create", dal_instance_create(&own, "own", &instance));
    tell("arena, given", dal_arena_init(&arena, &options));
    options.grown_bytes = 0;
    tell("arena, not given", dal_arena_init(&arena, &options));
    tell("set", dal_global_set(&own));
    dal_instance_destroy(instance);
    return 0;
}
