/* SPDX-License-Identifier: MIT */
/* The works that are about allocating: in one thread, and among threads. */
#include "works.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static uint64_t each_counts(const struct job *job)
{
    return job->count;
}

/* ---- One block at a time: pair, pair_constant, grow, zeroed -------------------------------- */

static int has_pair(const struct job *job)
{
    return bench_peer.pair && bench_peer.pair(job->size, job->extra, 0) != UINT64_MAX;
}

static void sample_pair(const struct job *job, struct sample *sample)
{
    bench_clock_start();
    sample->sum += bench_peer.pair(job->size, job->extra, job->count);
    bench_clock_stop(sample);
}

static int has_pair_constant(const struct job *job)
{
    return bench_peer.pair_constant && bench_peer.pair_constant(job->size, 0) != UINT64_MAX;
}

static void sample_pair_constant(const struct job *job, struct sample *sample)
{
    bench_clock_start();
    sample->sum += bench_peer.pair_constant(job->size, job->count);
    bench_clock_stop(sample);
}

static int has_grow(const struct job *job)
{
    (void)job;
    return bench_peer.grow != NULL;
}

static void sample_grow(const struct job *job, struct sample *sample)
{
    bench_clock_start();
    sample->sum += bench_peer.grow(job->size, job->count);
    bench_clock_stop(sample);
}

static int has_zeroed(const struct job *job)
{
    (void)job;
    return bench_peer.zeroed != NULL;
}

static void sample_zeroed(const struct job *job, struct sample *sample)
{
    bench_clock_start();
    sample->sum += bench_peer.zeroed(job->size, job->count);
    bench_clock_stop(sample);
}

/* ---- A thousand blocks at a time: batch, scratch ------------------------------------------- */

enum { BATCH = 1000 };
enum order { FORWARD, REVERSE, RANDOM };

/* Marsaglia's xorshift, as in the kernels. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void reorder(void **blocks, enum order order)
{
    uint64_t random = 1;

    if (order == FORWARD)
        return;
    for (size_t i = BATCH - 1; i > 0; i--) {
        size_t other = order == RANDOM ? next_random(&random) % (i + 1) : BATCH - 1 - i;
        void *block = blocks[i];

        if (order == REVERSE && other >= i)
            break;
        blocks[i] = blocks[other];
        blocks[other] = block;
    }
}

static int has_batch(const struct job *job)
{
    (void)job;
    return bench_peer.fill && bench_peer.drain;
}

/* extra is the order; count is in blocks. */
static void sample_batch(const struct job *job, struct sample *sample)
{
    static void *blocks[BATCH];

    for (uint64_t done = 0; done < job->count; done += BATCH) {
        bench_clock_start();
        bench_peer.fill(blocks, BATCH, job->size);
        bench_clock_stop(sample);
        reorder(blocks, (enum order)job->extra);
        bench_clock_start();
        sample->sum += bench_peer.drain(blocks, BATCH, job->size);
        bench_clock_stop(sample);
    }
}

static int has_scratch(const struct job *job)
{
    (void)job;
    return bench_peer.fill && (bench_peer.reset || bench_peer.drain);
}

/* Blocks that are given up together; by one call, where the peer has one. */
static void sample_scratch(const struct job *job, struct sample *sample)
{
    static void *blocks[BATCH];

    for (uint64_t done = 0; done < job->count; done += BATCH) {
        bench_clock_start();
        bench_peer.fill(blocks, BATCH, job->size);
        sample->sum += *(uint64_t *)blocks[0] + *(uint64_t *)blocks[BATCH - 1];
        if (bench_peer.reset)
            bench_peer.reset();
        else
            bench_peer.drain(blocks, BATCH, job->size);
        bench_clock_stop(sample);
    }
}

/* ---- One thread allocates, another gives back: pass ------------------------------------------ */

enum { PARCEL = 100, PARCELS = 8 };

/* A ring of parcels. Each counter is written by one thread; its release store hands over the
 * blocks of a parcel, or the place for one. */
static struct {
    void *blocks[PARCELS][PARCEL];
    _Alignas(64) _Atomic(uint64_t) made;
    _Alignas(64) _Atomic(uint64_t) taken;
} ring;

static void wait_until(_Atomic(uint64_t) *counter, uint64_t at_least)
{
    for (int tries = 0; atomic_load_explicit(counter, memory_order_acquire) < at_least; tries++)
        if (tries >= 200)
            sched_yield();
}

static void *take(void *data)
{
    const struct job *job = data;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < job->count / PARCEL; i++) {
        wait_until(&ring.made, i + 1);
        sum += bench_peer.drain(ring.blocks[i % PARCELS], PARCEL, job->size);
        atomic_store_explicit(&ring.taken, i + 1, memory_order_release);
    }
    return (void *)(uintptr_t)sum;
}

static void sample_pass(const struct job *job, struct sample *sample)
{
    pthread_t taker;
    void *sum;

    atomic_store(&ring.made, 0);
    atomic_store(&ring.taken, 0);
    bench_clock_start();
    bench_thread_start(&taker, take, (void *)(uintptr_t)job);
    for (uint64_t i = 0; i < job->count / PARCEL; i++) {
        if (i >= PARCELS)
            wait_until(&ring.taken, i - PARCELS + 1);
        bench_peer.fill(ring.blocks[i % PARCELS], PARCEL, job->size);
        atomic_store_explicit(&ring.made, i + 1, memory_order_release);
    }
    pthread_join(taker, &sum);
    bench_clock_stop(sample);
    sample->sum += (uintptr_t)sum;
}

/* ---- Like a server: churn -------------------------------------------------------------------- */

enum { SLOTS = 1024, THREADS_MAX = 16, GENERATIONS = 4 };

/* A thread replaces blocks of a set. Then it goes on with the set of its neighbour, whose blocks
 * another thread has allocated, as the connections of a server pass from thread to thread. */
static struct churner {
    struct bench_slot slots[SLOTS];
    uint64_t random;
    uint64_t sum;
    uint64_t steps;
    size_t number, threads;
    pthread_t thread;
} churners[THREADS_MAX];

static pthread_barrier_t generation;

static void *churn(void *data)
{
    struct churner *churner = data;

    churner->sum = 0;
    for (size_t i = 0; i < GENERATIONS; i++) {
        struct churner *owner = &churners[(churner->number + i) % churner->threads];

        churner->sum +=
            bench_peer.churn(owner->slots, SLOTS, &churner->random, churner->steps / GENERATIONS);
        if (churner->threads > 1)
            pthread_barrier_wait(&generation);
    }
    return NULL;
}

static int has_churn(const struct job *job)
{
    return bench_peer.churn && job->extra >= 1 && job->extra <= THREADS_MAX;
}

/* extra is the number of threads. */
static void sample_churn(const struct job *job, struct sample *sample)
{
    pthread_barrier_init(&generation, NULL, (unsigned)job->extra);
    for (size_t i = 0; i < job->extra; i++) {
        churners[i].number = i;
        churners[i].threads = job->extra;
        churners[i].steps = job->count;
        if (churners[i].random == 0)
            churners[i].random = i + 1;
    }
    bench_clock_start();
    for (size_t i = 1; i < job->extra; i++)
        bench_thread_start(&churners[i].thread, churn, &churners[i]);
    churn(&churners[0]);
    for (size_t i = 1; i < job->extra; i++)
        pthread_join(churners[i].thread, NULL);
    bench_clock_stop(sample);
    for (size_t i = 0; i < job->extra; i++)
        sample->sum += churners[i].sum;
    pthread_barrier_destroy(&generation);
}

static uint64_t counts_of_all(const struct job *job)
{
    return job->count * job->extra;
}

/* ---- The list -------------------------------------------------------------------------------- */

static const struct work works[] = {
    {"pair", has_pair, sample_pair, each_counts, 10},
    {"constant", has_pair_constant, sample_pair_constant, each_counts, 10},
    {"batch", has_batch, sample_batch, each_counts, 10},
    {"scratch", has_scratch, sample_scratch, each_counts, 10},
    {"grow", has_grow, sample_grow, each_counts, 10},
    {"zeroed", has_zeroed, sample_zeroed, each_counts, 10},
    {"pass", has_batch, sample_pass, each_counts, 6},
    {"churn", has_churn, sample_churn, counts_of_all, 6},
    {NULL, NULL, NULL, NULL, 0},
};

static const struct work *find(const struct work *list, const char *name)
{
    while (list->name && strcmp(list->name, name) != 0)
        list++;
    return list->name ? list : NULL;
}

const struct work *bench_work(const char *name)
{
    const struct work *work = find(works, name);

    return work ? work : find(bench_process_works, name);
}
