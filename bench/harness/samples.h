/* SPDX-License-Identifier: MIT */
/* The clock, and the order of samples: what benchmarks that time something share. */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

/* In ns. */
static inline double samples_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static inline int samples_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts them: a quartile and the least are then where they belong. */
static inline double samples_median(double *samples, size_t count)
{
    qsort(samples, count, sizeof *samples, samples_compare);
    return samples[count / 2];
}

#endif /* BENCH_SAMPLES_H */
