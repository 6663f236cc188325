/* SPDX-License-Identifier: MIT */
/*
 *     PROGRAM WORK SIZE EXTRA COUNT              one measurement
 *     PROGRAM count [WORK SIZE EXTRA COUNT]...   to be run under callgrind
 *
 * The first prints the median of the samples, in ns or bytes an operation, and the sum that
 * all peers must agree on. The second dumps two counts for each work, of COUNT and of three
 * times COUNT operations, under the names "WORK:SIZE:EXTRA 1" and "... 3": their difference
 * holds nothing but operations. Exits with 3 if the peer has no kernel for the work.
 *
 * Nothing here allocates, so that the first allocation is the peer's and the state of its
 * heap is the work's alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef BENCH_CALLGRIND
# include <valgrind/callgrind.h>
#else
# define CALLGRIND_TOGGLE_COLLECT      (void)0
# define CALLGRIND_ZERO_STATS          (void)0
# define CALLGRIND_DUMP_STATS_AT(name) (void)(name)
#endif

#include "harness.h"
#include "samples.h"
#include "works.h"

enum { NOT_APPLICABLE = 3, SAMPLES_MAX = 16 };

void bench_fail(const char *what)
{
    dprintf(STDERR_FILENO, "bench: %s\n", what);
    _exit(1);
}

void bench_out_of_memory(void)
{
    bench_fail("an allocation failed");
}

void *bench_pages(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (pages == MAP_FAILED)
        bench_fail("no memory for the harness");
    return pages;
}

/* ---- The clock ------------------------------------------------------------------------- */

static double started;

void bench_clock_start(void)
{
    started = samples_now();
    CALLGRIND_TOGGLE_COLLECT;
}

void bench_clock_stop(struct sample *sample)
{
    CALLGRIND_TOGGLE_COLLECT;
    sample->value += samples_now() - started;
}

/* ---- Runs ------------------------------------------------------------------------------- */

static int measure(const struct work *work, const struct job *job)
{
    double values[SAMPLES_MAX];
    int count = work->samples, used = 0;
    uint64_t sum = 0;

    for (int i = 0; i < count; i++) {
        struct sample sample = {0, 0};

        work->sample(job, &sample);
        sum += sample.sum;
        if (i > 0 || count == 1)
            values[used++] = sample.value / (double)work->operations(job);
    }
    printf("%.3f %" PRIu64 "\n", samples_median(values, (size_t)used), sum);
    return 0;
}

static void count_instructions(const struct work *work, const char *name, struct job job)
{
    struct sample sample = {0, 0};

    work->sample(&job, &sample); /* the heap gets to where it will stay */
    for (int times = 1; times <= 3; times += 2) {
        char label[100];

        snprintf(label, sizeof label, "%s:%zu:%zu %d", name, job.size, job.extra, times);
        CALLGRIND_ZERO_STATS;
        for (int i = 0; i < times; i++)
            work->sample(&job, &sample);
        CALLGRIND_DUMP_STATS_AT(label);
    }
}

static struct job parse(char *const *words)
{
    return (struct job){strtoul(words[0], NULL, 10), strtoul(words[1], NULL, 10),
                        strtoull(words[2], NULL, 10)};
}

static const struct work *find(const char *name)
{
    const struct work *work = bench_work(name);

    if (!work)
        bench_fail("no such work");
    return work;
}

int main(int argc, char **argv)
{
    struct job job;
    const struct work *work;

    if (argc < 2 || (argc - 2) % 4 != (strcmp(argv[1], "count") == 0 ? 0 : 3))
        bench_fail("usage: WORK SIZE EXTRA COUNT | count [WORK SIZE EXTRA COUNT]...");
    if (bench_peer.start)
        bench_peer.start();
    if (strcmp(argv[1], "count") != 0) {
        work = find(argv[1]);
        job = parse(&argv[2]);
        return work->applicable(&job) ? measure(work, &job) : NOT_APPLICABLE;
    }
    for (int i = 2; i < argc; i += 4) {
        work = find(argv[i]);
        job = parse(&argv[i + 1]);
        if (work->applicable(&job))
            count_instructions(work, argv[i], job);
    }
    return 0;
}
