/* SPDX-License-Identifier: MIT */
/* The works on what an allocator costs apart from its calls: the first call, forks, threads,
 * memory. */
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "works.h"

static uint64_t each_counts(const struct job *job)
{
    return job->count;
}

static uint64_t one(const struct job *job)
{
    (void)job;
    return 1;
}

static int has_pair(const struct job *job)
{
    (void)job;
    return bench_peer.pair != NULL;
}

static int has_fill(const struct job *job)
{
    (void)job;
    return bench_peer.fill != NULL;
}

void bench_thread_start(pthread_t *thread, void *(*run)(void *), void *data)
{
    if (pthread_create(thread, NULL, run, data) != 0)
        bench_fail("no thread could be started");
}

/* ---- first: the first pair of the process, and whatever it sets going ------------------------ */

static void sample_first(const struct job *job, struct sample *sample)
{
    bench_clock_start();
    sample->sum += bench_peer.pair(job->size, 8, 1);
    bench_clock_stop(sample);
}

/* ---- fork: with size bytes live, until the child has ended ----------------------------------- */

enum { LIVE_BLOCK = 1000 };

static void keep_live(size_t bytes)
{
    static size_t live;

    if (live < bytes) {
        size_t count = (bytes - live) / LIVE_BLOCK;
        void **blocks = bench_pages(count * sizeof *blocks + 1);

        bench_peer.fill(blocks, count, LIVE_BLOCK);
        live = bytes;
    }
}

static int has_fork(const struct job *job)
{
    return has_pair(job) && has_fill(job);
}

/* The child allocates once, since that is what must still work, and be paid for. */
static void sample_fork(const struct job *job, struct sample *sample)
{
    keep_live(job->size);
    for (uint64_t i = 0; i < job->count; i++) {
        int status = 0;
        pid_t child;

        bench_clock_start();
        child = fork();
        if (child == 0)
            _exit(bench_peer.pair(64, 8, 2) == 1 ? 0 : 1);
        if (child < 0 || waitpid(child, &status, 0) != child)
            bench_fail("no process could be started");
        bench_clock_stop(sample);
        sample->sum += (uint64_t)WEXITSTATUS(status) + 1;
    }
}

/* ---- thread: start, one pair, end; one after the other --------------------------------------- */

static void *allocate_once(void *data)
{
    const struct job *job = data;

    if (job->size > 0)
        bench_peer.pair(job->size, 8, 1);
    return NULL;
}

/* size is that of the block; 0: the thread allocates nothing. */
static void sample_thread(const struct job *job, struct sample *sample)
{
    for (uint64_t i = 0; i < job->count; i++) {
        pthread_t thread;

        bench_clock_start();
        bench_thread_start(&thread, allocate_once, (void *)(uintptr_t)job);
        pthread_join(thread, NULL);
        bench_clock_stop(sample);
        sample->sum++;
    }
}

/* ---- start: another program, from its start to its end --------------------------------------- */

static int always(const struct job *job)
{
    (void)job;
    return 1;
}

/* BENCH_PROGRAM is the file; it is given no arguments and this process's environment. */
static void sample_start(const struct job *job, struct sample *sample)
{
    extern char **environ;
    char *file = getenv("BENCH_PROGRAM");

    if (!file)
        bench_fail("BENCH_PROGRAM does not name a program");
    for (uint64_t i = 0; i < job->count; i++) {
        pid_t child;
        int status;

        bench_clock_start();
        if (posix_spawn(&child, file, NULL, NULL, (char *[]){file, NULL}, environ) != 0 ||
            waitpid(child, &status, 0) != child || status != 0)
            bench_fail("BENCH_PROGRAM failed");
        bench_clock_stop(sample);
        sample->sum++;
    }
}

/* ---- Memory: what becomes of the process's own pages ----------------------------------------- */

/* Bytes of pages that are this process's alone, from /proc/self/smaps_rollup. */
static double anonymous_bytes(void)
{
    static char text[4096];
    static const char key[] = "\nAnonymous:";
    int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    size_t have = 0;
    ssize_t got;
    const char *line;

    if (file < 0)
        bench_fail("there is no /proc/self/smaps_rollup");
    while ((got = read(file, text + have, sizeof text - 1 - have)) > 0)
        have += (size_t)got;
    close(file);
    text[have] = '\0';
    line = strstr(text, key);
    if (!line)
        bench_fail("/proc/self/smaps_rollup does not say");
    return strtod(line + sizeof key - 1, NULL) * 1024;
}

/* Bytes a live block of size bytes takes, all told. */
static void sample_memory(const struct job *job, struct sample *sample)
{
    void **blocks = bench_pages(job->count * sizeof *blocks);
    double before;

    anonymous_bytes(); /* its own buffers are there now */
    before = anonymous_bytes();
    bench_peer.fill(blocks, job->count, job->size);
    sample->value += anonymous_bytes() - before;
    sample->sum += *(uint64_t *)blocks[job->count - 1];
}

static pthread_barrier_t all_there, all_measured;

static void *stay(void *data)
{
    const struct job *job = data;
    void *block;

    if (job->size > 0)
        bench_peer.fill(&block, 1, job->size);
    pthread_barrier_wait(&all_there);
    pthread_barrier_wait(&all_measured);
    return NULL;
}

/* Bytes a thread takes that holds one block of size bytes, its stack included; 0: none. */
static void sample_thread_memory(const struct job *job, struct sample *sample)
{
    size_t count = job->count;
    pthread_t *threads = bench_pages(count * sizeof *threads);
    double before;

    pthread_barrier_init(&all_there, NULL, (unsigned)count + 1);
    pthread_barrier_init(&all_measured, NULL, (unsigned)count + 1);
    if (job->size > 0)
        bench_peer.fill((void *[1]){NULL}, 1, job->size); /* what is the process's is there now */
    anonymous_bytes();
    before = anonymous_bytes();
    for (size_t i = 0; i < count; i++)
        bench_thread_start(&threads[i], stay, (void *)(uintptr_t)job);
    pthread_barrier_wait(&all_there);
    sample->value += anonymous_bytes() - before;
    pthread_barrier_wait(&all_measured);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    sample->sum += count;
}

const struct work bench_process_works[] = {
    {"first", has_pair, sample_first, one, 1},
    {"fork", has_fork, sample_fork, each_counts, 6},
    {"thread", has_pair, sample_thread, each_counts, 10},
    {"start", always, sample_start, each_counts, 6},
    {"memory", has_fill, sample_memory, each_counts, 1},
    {"thread_memory", has_fill, sample_thread_memory, each_counts, 1},
    {NULL, NULL, NULL, NULL, 0},
};
