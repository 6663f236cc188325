/* SPDX-License-Identifier: MIT */
/* The works: what is done with a peer's kernels, and what is measured of it. */
#ifndef BENCH_WORKS_H
#define BENCH_WORKS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* A work as the command line names it. What size and extra mean depends on the work. */
struct job {
    size_t size;
    size_t extra;
    uint64_t count; /* operations in a sample */
};

/* What a sample found: nanoseconds or bytes, of the whole sample, and the kernels' sum. */
struct sample {
    double value;
    uint64_t sum;
};

struct work {
    const char *name;
    /* Whether the peer has the kernels for it. */
    int (*applicable)(const struct job *job);
    void (*sample)(const struct job *job, struct sample *sample);
    /* What a sample's value is divided by. */
    uint64_t (*operations)(const struct job *job);
    /* Samples in a run, of which the first is not used; 1: one, and it is used. */
    int samples;
};

/* NULL if there is none of that name. */
const struct work *bench_work(const char *name);

/* Works on processes and threads as such, and on memory (process.c); an array whose last name
 * is NULL. */
extern const struct work bench_process_works[];

/* Time runs, or instructions are counted, from start to stop; more than once in a sample. */
void bench_clock_start(void);
void bench_clock_stop(struct sample *sample);

/* Zeroed memory that does not come from any allocator. */
void *bench_pages(size_t bytes);

/* As pthread_create(), or the end of the process. */
void bench_thread_start(pthread_t *thread, void *(*run)(void *), void *data);

void bench_fail(const char *what);

#endif
