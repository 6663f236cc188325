/* SPDX-License-Identifier: MIT */
/*
 * A program under two preloads, in rounds that run each of them once, in changing order: what
 * changes in the machine meanwhile meets both.
 *
 *     paired ROUNDS PRELOAD PRELOAD PROGRAM [ARG]...
 *
 * Prints the median times of both in microseconds, and of what is within a round the medians of
 * the differences, of the ratios, and of the ratios of CPU times. The second one also gets DISPATCHALLOC_MALLOC,
 * if it is set here. "-" is no preload. Input is /dev/null, or the file that INPUT names.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 10000 };

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* Without the variables that are set for one of the two. */
static char **environment_with(const char *preload, const char *spec)
{
    size_t count = 0, at = 0;
    char **result, *text;

    while (environ[count])
        count++;
    result = calloc(count + 3, sizeof *result);
    if (!result)
        exit(2);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(environ[i], "LD_PRELOAD=", 11) != 0 &&
            strncmp(environ[i], "DISPATCHALLOC_MALLOC=", 21) != 0)
            result[at++] = environ[i];
    }
    if (strcmp(preload, "-") != 0 && asprintf(&text, "LD_PRELOAD=%s", preload) > 0)
        result[at++] = text;
    if (spec && asprintf(&text, "DISPATCHALLOC_MALLOC=%s", spec) > 0)
        result[at++] = text;
    return result;
}

struct times {
    double elapsed, cpu;
};

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static struct times run(char **arguments, char **environment)
{
    const char *input = getenv("INPUT");
    posix_spawn_file_actions_t files;
    struct rusage usage;
    double start;
    pid_t child;
    int status;

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, input ? input : "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    start = now();
    if (posix_spawnp(&child, arguments[0], &files, NULL, arguments, environment) != 0 ||
        wait4(child, &status, 0, &usage) < 0 || status != 0) {
        fprintf(stderr, "paired: %s failed\n", arguments[0]);
        exit(1);
    }
    posix_spawn_file_actions_destroy(&files);
    return (struct times){now() - start, seconds(usage.ru_utime) + seconds(usage.ru_stime)};
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, long count)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

int main(int argc, char **argv)
{
    static double first[ROUNDS_MAX], second[ROUNDS_MAX], difference[ROUNDS_MAX];
    static double ratio[ROUNDS_MAX], cpu_ratio[ROUNDS_MAX];
    long rounds = argc > 4 ? atol(argv[1]) : 0;
    char **environments[2];

    if (rounds <= 0 || rounds > ROUNDS_MAX)
        return 2;
    environments[0] = environment_with(argv[2], NULL);
    environments[1] = environment_with(argv[3], getenv("DISPATCHALLOC_MALLOC"));
    for (long i = -1; i < rounds; i++) {
        struct times times[2];
        int starts = (int)(i & 1);

        times[starts] = run(argv + 4, environments[starts]);
        times[!starts] = run(argv + 4, environments[!starts]);
        if (i < 0)
            continue;
        first[i] = times[0].elapsed;
        second[i] = times[1].elapsed;
        difference[i] = second[i] - first[i];
        ratio[i] = second[i] / first[i];
        cpu_ratio[i] = times[1].cpu / times[0].cpu;
    }
    printf("%.0f %.0f %.0f %.4f %.4f\n", median(first, rounds), median(second, rounds),
           median(difference, rounds), median(ratio, rounds), median(cpu_ratio, rounds));
    return 0;
}
