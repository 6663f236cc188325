/* SPDX-License-Identifier: MIT */
/*
 * What bench/arena.c leaves out: chunks that are taken from the child while their memory is
 * warm (refills), and first touches of memory, which are page faults, with the options that
 * change them. Run by `make bench-arena`.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dispatchalloc.h>

#include "harness/samples.h"

#define MIB ((size_t)1 << 20)

enum { SIZE = 64, TIMES = 11, MIBS = 64 };

static long faults_so_far(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/* An arena of either kind, as an instance. */
struct arena {
    struct dal_arena handle;
    const struct dal_instance *instance;
};

/* spec, or a handle with these flags and chunks of chunk_bytes. */
static void make(struct arena *arena, const char *spec, uint32_t flags, size_t chunk_bytes)
{
    const struct dal_arena_options options = {
        .flags = flags,
        .chunk_bytes = chunk_bytes,
        .chunk_bytes_max = chunk_bytes,
    };
    int error = spec ? dal_instance_create_spec(spec, &arena->instance, NULL, 0)
                     : dal_arena_init(&arena->handle, &options);

    if (error < 0) {
        fprintf(stderr, "%s: %s\n", spec ? spec : "handle", dal_strerror(error));
        exit(1);
    }
    if (!spec)
        arena->instance = dal_arena_instance(&arena->handle);
}

static void unmake(struct arena *arena, const char *spec)
{
    if (spec)
        (void)dal_instance_destroy(arena->instance);
    else
        dal_arena_destroy(&arena->handle);
}

static void use(const struct dal_instance *instance, size_t bytes)
{
    for (size_t used = 0; used < bytes; used += SIZE) {
        char *block = dal_instance_alloc(instance, SIZE, 8);

        if (!block)
            exit(1);
        *block = 1;
    }
}

/* ---- Refills ------------------------------------------------------------------------- */

/* ns to use `bytes` of memory that the C library holds already. */
static double warm_ns(const char *spec, size_t chunk_bytes, size_t bytes)
{
    double samples[TIMES];

    for (int i = -1; i < TIMES; i++) {
        struct arena arena;
        double start;

        make(&arena, spec, 0, chunk_bytes);
        start = samples_now();
        use(arena.instance, bytes);
        if (i >= 0)
            samples[i] = samples_now() - start;
        unmake(&arena, spec);
    }
    return samples_median(samples, TIMES);
}

/* The same work by many chunks and by few: what is left is the chunks'. */
static void refills(const char *name, const char *small, const char *large)
{
    const size_t bytes = MIB, small_bytes = 4096, large_bytes = MIB / 4;
    double many = warm_ns(small, small_bytes, bytes), few = warm_ns(large, large_bytes, bytes);
    double count = (double)(bytes / small_bytes - bytes / large_bytes);

    printf("%-24s %8.0f\n", name, (many - few) / count);
}

/* ---- First touches -------------------------------------------------------------------- */

static size_t huge_kib(void)
{
    FILE *maps = fopen("/proc/self/smaps_rollup", "r");
    char line[200];
    size_t kib = 0;

    while (maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "AnonHugePages: %zu kB", &kib) == 1)
            break;
    if (maps)
        fclose(maps);
    return kib;
}

/* Making the arena counts, since that is where a fixed arena takes its memory. */
static void touch(const char *name, const char *spec, uint32_t flags, size_t chunk_bytes,
                  double warm)
{
    double us_per_mib[TIMES];
    long faults = 0;
    size_t huge = 0;

    for (int i = 0; i < TIMES; i++) {
        struct arena arena;
        long faults_before = faults_so_far();
        double start = samples_now();

        make(&arena, spec, flags, chunk_bytes);
        use(arena.instance, MIBS * MIB);
        us_per_mib[i] = (samples_now() - start) / 1e3 / MIBS;
        faults = faults_so_far() - faults_before;
        huge = huge_kib();
        unmake(&arena, spec);
        malloc_trim(0);
    }
    printf("%-50s %9.1f %9.1f %9.0f", name, (double)faults / MIBS,
           samples_median(us_per_mib, TIMES), (double)huge / 1024);
    if (faults > MIBS)
        printf(" %9.0f", (samples_median(us_per_mib, TIMES) - warm) * 1e3 * MIBS / (double)faults);
    putchar('\n');
}

/* In a process of its own, as an advice stays with memory that the C library keeps. */
static void first_touches(const char *name, const char *spec, uint32_t flags, size_t chunk_bytes,
                          double warm)
{
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child < 0)
        exit(1);
    if (child == 0) {
        touch(name, spec, flags, chunk_bytes, warm);
        fflush(stdout);
        _exit(0);
    }
    (void)waitpid(child, NULL, 0);
}

int main(void)
{
    double warm;

    /* The C library keeps what goes back to it, so that it is warm the second time. */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    puts("refills, memory warm: ns a chunk of 4K, the child's malloc included");
    refills("arena", "arena:chunk=4K", "arena:chunk=256K");
    refills("handle", NULL, NULL);
    warm = warm_ns("arena:chunk=1M", 0, MIB) / 1e3;
    printf("\nfirst touches of %d MiB in blocks of %d bytes (warm: %.1f us a MiB)\n", MIBS, SIZE,
           warm);
    puts("(pages that prefault makes present count as faults as well)");
    /* From here on as it is by default, and back to the system when it is given back. */
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
    printf("%-50s %9s %9s %9s %9s\n", "", "faults/M", "us/M", "huge MiB", "ns/fault");
    first_touches("arena", "arena", 0, 0, warm);
    first_touches("arena:prefault=on", "arena:prefault=on", 0, 0, warm);
    first_touches("arena:chunk=2M", "arena:chunk=2M", 0, 0, warm);
    first_touches("arena:chunk=2M,prefault=on", "arena:chunk=2M,prefault=on", 0, 0, warm);
    first_touches("arena:huge_pages=advise", "arena:huge_pages=advise", 0, 0, warm);
    first_touches("arena:huge_pages=advise,prefault=on", "arena:huge_pages=advise,prefault=on", 0,
                  0, warm);
    first_touches("handle, chunks of 2M", NULL, 0, 2 * MIB, warm);
    first_touches("handle, DAL_ARENA_PREFAULT", NULL, DAL_ARENA_PREFAULT, 2 * MIB, warm);
    first_touches("handle, DAL_ARENA_HUGE_PAGES", NULL, DAL_ARENA_HUGE_PAGES, 2 * MIB, warm);
    first_touches("fixed-arena:capacity=65M", "fixed-arena:capacity=65M", 0, 0, warm);
    first_touches("fixed-arena:capacity=65M,prefault=on", "fixed-arena:capacity=65M,prefault=on", 0,
                  0, warm);
    first_touches("fixed-arena:capacity=65M,huge_pages=advise",
                  "fixed-arena:capacity=65M,huge_pages=advise", 0, 0, warm);
    return 0;
}
