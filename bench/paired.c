/* SPDX-License-Identifier: MIT */
/*
 * A program under two preloads, in rounds: what changes in the machine meanwhile meets both. A
 * round runs the first one twice, in every order with the second in turn; what those two differ by
 * is what the machine alone makes of no difference: the control.
 *
 *     paired ROUNDS FIRST SECOND PROGRAM [ARG]...
 *
 * "-" is no preload. Only the second has DISPATCHALLOC_MALLOC, if it is set here. The program's
 * input is /dev/null, or the file that INPUT names; its output is dropped. Prints lines of a
 * name, a median over the rounds, and the ends of its 95 % interval:
 *
 *     first          microseconds of a run under the first
 *     difference     microseconds that the second takes more, within a round
 *     time, cpu      the second as a share of the first, within a round: elapsed, CPU time. Of one
 *                    run each, as the control is: times are skewed, and the median of one run is
 *                    less than that of a mean of two.
 *     time-control, cpu-control  one run of the first as a share of the other
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/samples.h"

enum { ROUNDS_MAX = 10000 };
enum { FIRST, AGAIN, SECOND, RUNS };

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

static double microseconds(struct timeval time)
{
    return (double)time.tv_sec * 1e6 + (double)time.tv_usec;
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
    start = samples_now();
    if (posix_spawnp(&child, arguments[0], &files, NULL, arguments, environment) != 0 ||
        wait4(child, &status, 0, &usage) < 0 || status != 0) {
        fprintf(stderr, "paired: %s failed\n", arguments[0]);
        exit(1);
    }
    posix_spawn_file_actions_destroy(&files);
    return (struct times){(samples_now() - start) / 1e3,
                          microseconds(usage.ru_utime) + microseconds(usage.ru_stime)};
}

/* The interval is that of the sign test: it supposes nothing of how times are spread. Of fewer than
 * six rounds it is all there is, and less than 95 %. */
static void print_median(const char *name, double *values, long count)
{
    long reach = (long)ceil(0.98 * sqrt((double)count));
    long low = (count - 1) / 2 - reach, high = count / 2 + reach;

    qsort(values, (size_t)count, sizeof *values, samples_compare);
    low = low < 0 ? 0 : low;
    high = high >= count ? count - 1 : high;
    printf("%s %.4f %.4f %.4f\n", name, (values[(count - 1) / 2] + values[count / 2]) / 2,
           values[low], values[high]);
}

int main(int argc, char **argv)
{
    static const int orders[][RUNS] = {
        {FIRST, AGAIN, SECOND}, {SECOND, AGAIN, FIRST}, {AGAIN, SECOND, FIRST},
        {FIRST, SECOND, AGAIN}, {SECOND, FIRST, AGAIN}, {AGAIN, FIRST, SECOND},
    };
    static double first[ROUNDS_MAX], difference[ROUNDS_MAX];
    static double time[ROUNDS_MAX], time_control[ROUNDS_MAX];
    static double cpu[ROUNDS_MAX], cpu_control[ROUNDS_MAX];
    long rounds = argc > 4 ? atol(argv[1]) : 0;
    char **environments[RUNS];

    if (rounds <= 0 || rounds > ROUNDS_MAX)
        return 2;
    environments[FIRST] = environments[AGAIN] = environment_with(argv[2], NULL);
    environments[SECOND] = environment_with(argv[3], getenv("DISPATCHALLOC_MALLOC"));
    for (long i = -1; i < rounds; i++) {
        struct times times[RUNS];
        const struct times *reference = &times[i & 1 ? FIRST : AGAIN], *second = &times[SECOND];

        for (int k = 0; k < RUNS; k++) {
            int which = orders[(i + 1) % 6][k];

            times[which] = run(argv + 4, environments[which]);
        }
        if (i < 0)
            continue;
        first[i] = reference->elapsed;
        difference[i] = second->elapsed - reference->elapsed;
        time[i] = second->elapsed / reference->elapsed;
        time_control[i] = times[AGAIN].elapsed / times[FIRST].elapsed;
        cpu[i] = second->cpu / reference->cpu;
        cpu_control[i] = times[AGAIN].cpu / times[FIRST].cpu;
    }
    print_median("first", first, rounds);
    print_median("difference", difference, rounds);
    print_median("time", time, rounds);
    print_median("time-control", time_control, rounds);
    print_median("cpu", cpu, rounds);
    print_median("cpu-control", cpu_control, rounds);
    return 0;
}
