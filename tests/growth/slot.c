/* SPDX-License-Identifier: MIT */
/* A program of the next version: the new slot on every kind of instance. An allocator without it
 * answers with the number and one, `own` of this program with its double. */
#define PROBE
#include "own.h"

#include <stdio.h>

static int create_own(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    *allocator = own;
    return 0;
}

static const struct dal_backend own_backend = {
    DAL_BACKEND_HEADER,          .name = "own",        .version = "1",
    .summary = "of the program", .create = create_own,
};

static void probe_spec(const char *spec)
{
    const struct dal_instance *instance = NULL;
    char message[256];

    if (dal_instance_create_spec(spec, &instance, message, sizeof message) != 0)
        printf("%s\n", message);
    else
        printf("%s: %zu%s\n", spec, dal_instance_probe(instance, 10),
               instance->native & DAL_SLOT_PROBE ? " native" : "");
    dal_instance_destroy(instance);
}

static void check_statistics(const struct dal_arena *arena)
{
    struct dal_arena_stats stats;
    size_t filled = dal_arena_stats_read(arena, &stats);

    printf("arena statistics: %zu%s\n", stats.grown_count,
           filled < sizeof stats ? ", not filled" : "");
}

int main(void)
{
    struct dal_arena arena = DAL_ARENA_INIT;
    struct dal_instance_storage storage;
    struct dal_allocator without = own;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    printf("system: %zu\n", dal_instance_probe(dal_system(), 10));
    printf("arena handle: %zu\n", dal_instance_probe(dal_arena_instance(&arena), 10));
    check_statistics(&arena);
    without.probe = NULL;
    printf("init: %d\n", dal_instance_init(&storage, &without, "without"));
    printf("without: %zu\n", dal_instance_probe(&storage.instance, 10));
    printf("init: %d\n", dal_instance_init(&storage, &own, "own"));
    printf("own: %zu\n", dal_instance_probe(&storage.instance, 10));
    printf("register: %d\n", dal_backend_register(&own_backend));
    probe_spec("arena");
    probe_spec("fixed-arena");
    probe_spec("stats:print=off+arena");
    probe_spec("own");
    probe_spec("stats:print=off+own");
    probe_spec("layer+own");
    probe_spec("layer+stats:print=off+pool");
    printf("set: %d\n", dal_global_set(&own));
    dal_dealloc(dal_alloc(10, 1), 10, 1);
    printf("global: %zu\n", dal_instance_probe(dal_global(), 10));
    printf("NULL: %zu\n", dal_instance_probe(NULL, 10));
    dal_arena_destroy(&arena);
    return 0;
}
