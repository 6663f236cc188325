/* SPDX-License-Identifier: MIT */
/* The layer `profile`: what it samples stands for what there is, block by block where it looks at
 * each; its file is readable while it is written, after a kill, and whatever stands in it. */
#include <config.h>

#include <check.h>
#include <dispatchalloc.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "layers/profile/profile.h"
#include "suite.h"

#define NOINLINE __attribute__((noinline))

static const struct dal_instance *open_spec(const char *spec)
{
    const struct dal_instance *instance = NULL;
    char message[512] = "";

    ck_assert_msg(dal_instance_create_spec(spec, &instance, message, sizeof message) == 0, "%s: %s",
                  spec, message);
    return instance;
}

static uint64_t value_of(const struct dal_instance *instance, const char *key)
{
    uint64_t value = 4711;

    ck_assert_int_eq(dal_profile_get(instance, key, &value), 0);
    return value;
}

/* ---- Sites whose truth is known ----------------------------------------------------------------
 * Each has a size of its own, by which it is found: what it stands for is a multiple of that. */

enum { SITES = 12, PER_SITE = 400 };

static const size_t site_sizes[SITES] = {1,    8,    24,   40,    100,   333,
                                         1000, 4096, 5000, 20000, 65536, 300000};

/* A frame for each site: a call each, at places that differ, also by what the compiler could take
 * for the same. */
#define SITE_CASE(n)                                            \
    case n:                                                     \
        block = dal_instance_alloc(instance, size, 8);          \
        __asm__ volatile("" : "+r"(block) : "i"(n) : "memory"); \
        return block

static NOINLINE void *alloc_at(const struct dal_instance *instance, int site, size_t size)
{
    void *block = NULL;

    switch (site) {
        SITE_CASE(0);
        SITE_CASE(1);
        SITE_CASE(2);
        SITE_CASE(3);
        SITE_CASE(4);
        SITE_CASE(5);
        SITE_CASE(6);
        SITE_CASE(7);
        SITE_CASE(8);
        SITE_CASE(9);
        SITE_CASE(10);
        SITE_CASE(11);
    }
    return block;
}

/* What is found, by the address of the call: sites are told apart by the order of those. */
struct found {
    uint64_t address;
    struct dal_profile_site site;
};

struct all_found {
    size_t count;
    struct found found[64];
};

static int find(const struct dal_profile_site *site, void *data)
{
    struct all_found *all = data;

    ck_assert_uint_eq(site->size_bytes, sizeof *site);
    if (site->frame_count == 0 || all->count == 64)
        return 0;
    all->found[all->count].address = site->frames[0].address;
    all->found[all->count++].site = *site;
    return 0;
}

static uint64_t site_address[SITES];

/* Where the calls are, by a run that looks at each block. */
static void learn_addresses(void)
{
    const struct dal_instance *instance = open_spec("profile:every=1+system");

    for (int i = 0; i < SITES; i++) {
        struct all_found all = {0};
        void *block = alloc_at(instance, i, site_sizes[i]);

        ck_assert_int_eq(dal_profile_visit(instance, find, &all), 0);
        ck_assert_uint_eq(all.count, (size_t)i + 1);
        site_address[i] = all.found[i].address;
        dal_instance_dealloc(instance, block, site_sizes[i], 8);
    }
    dal_instance_destroy(instance);
}

static void add_site(struct dal_profile_site *to, const struct dal_profile_site *site)
{
    to->samples += site->samples;
    to->allocated_blocks += site->allocated_blocks;
    to->allocated_bytes += site->allocated_bytes;
    to->live_blocks += site->live_blocks;
    to->live_bytes += site->live_bytes;
    to->peak_blocks += site->peak_blocks;
    to->peak_bytes += site->peak_bytes;
    to->temporary_blocks += site->temporary_blocks;
    to->lifetime_ns += site->lifetime_ns;
}

/* By whatever way the call was come to. */
static struct dal_profile_site site_of(const struct dal_instance *instance, int site)
{
    struct all_found all = {0};
    struct dal_profile_site sum = {0};

    ck_assert_int_eq(dal_profile_visit(instance, find, &all), 0);
    for (size_t i = 0; i < all.count; i++) {
        if (all.found[i].address == site_address[site])
            add_site(&sum, &all.found[i].site);
    }
    return sum;
}

/* What threads do together: each has every so many-th block of the order. */
static struct program {
    const struct dal_instance *instance;
    int threads;
    void *blocks[SITES * PER_SITE];
    int order[SITES * PER_SITE];
} program;

static void draw_order(unsigned seed)
{
    srand(seed);
    for (int i = 0; i < SITES * PER_SITE; i++)
        program.order[i] = i;
    for (int i = SITES * PER_SITE - 1; i > 0; i--) {
        int j = rand() % (i + 1), kept = program.order[i];

        program.order[i] = program.order[j];
        program.order[j] = kept;
    }
}

static void *alloc_part(void *first)
{
    for (int i = (int)(intptr_t)first; i < SITES * PER_SITE; i += program.threads) {
        int block = program.order[i], site = block % SITES;

        program.blocks[block] = alloc_at(program.instance, site, site_sizes[site]);
    }
    return NULL;
}

/* Blocks of another thread. */
static void *dealloc_part(void *first)
{
    for (int i = (int)(intptr_t)first; i < SITES * PER_SITE; i += program.threads) {
        int block = program.order[SITES * PER_SITE - 1 - i];

        if (block / SITES % 2 == 0)
            dal_instance_dealloc(program.instance, program.blocks[block], site_sizes[block % SITES],
                                 8);
    }
    return NULL;
}

static void run_parts(void *(*run)(void *first))
{
    pthread_t threads[8];

    for (int i = 1; i < program.threads; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run, (void *)(intptr_t)i), 0);
    (void)run(NULL);
    for (int i = 1; i < program.threads; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

/* In an order that chance draws, all are allocated, and of each site half are given back. */
static void run_program(const struct dal_instance *instance, unsigned seed, int threads)
{
    program.instance = instance;
    program.threads = threads;
    draw_order(seed);
    run_parts(alloc_part);
    run_parts(dealloc_part);
}

/* ---- Estimates ------------------------------------------------------------------------------- */

enum { SEEDS = 100, RATES = 3, THREAD_COUNTS = 3 };

static const uint64_t rates[RATES] = {4096, 65536, 524288};
static const int thread_counts[THREAD_COUNTS] = {1, 2, 8};

/* Of n blocks of a size the estimate of their number is a sum of n independent ones, each 1/p with
 * probability p: the variance is n (1 - p) / p. Where fewer than some are sampled a sum is not
 * normal, and what is outside is told by the binomial of the samples: here an exact interval for
 * p n, by the tails of the binomial itself. */
static double tail(int n, double p, int most)
{
    double sum = 0;

    for (int k = 0; k <= most; k++)
        sum += exp(lgamma(n + 1.) - lgamma(k + 1.) - lgamma(n - k + 1.) + k * log(p) +
                   (n - k) * log1p(-p));
    return sum;
}

/* Whether so many samples of n are in the 99 % interval: neither tail has less than 0.5 %. */
static int is_inside(int n, double p, int samples)
{
    if (p > 1 - 1e-9)
        return samples == n;
    return tail(n, p, samples) >= 0.005 && (samples == 0 || 1 - tail(n, p, samples - 1) >= 0.005);
}

struct bias {
    double estimated[4], truth[4], variance[4]; /* blocks, bytes, live blocks, live bytes */
};

static void add_bias(struct bias *bias, int which, uint64_t estimated, double count, double size,
                     double p)
{
    /* One sample of a site that has hardly any stands for more blocks than all others have. */
    if (PER_SITE * suite_race_runs(SEEDS) * p < 20)
        return;
    bias->estimated[which] += (double)estimated;
    bias->truth[which] += count * size;
    bias->variance[which] += count * size * size * (1 - p) / p;
}

static void try_seed(uint64_t every, unsigned seed, int threads, int *inside, int *all,
                     struct bias *bias)
{
    char spec[64];
    const struct dal_instance *instance;

    (void)snprintf(spec, sizeof spec, "profile:every=%llu+system", (unsigned long long)every);
    instance = open_spec(spec);
    run_program(instance, seed, threads);
    for (int i = 0; i < SITES; i++) {
        struct dal_profile_site site = site_of(instance, i);
        double size = (double)site_sizes[i], p = -expm1(-size / (double)every);
        int live = (int)lround((double)site.live_blocks * p);

        *all += 2;
        *inside += is_inside(PER_SITE, p, (int)site.samples);
        *inside += is_inside(PER_SITE / 2, p, live);
        add_bias(bias, 0, site.allocated_blocks, PER_SITE, 1, p);
        add_bias(bias, 1, site.allocated_bytes, PER_SITE, size, p);
        add_bias(bias, 2, site.live_blocks, PER_SITE / 2., 1, p);
        add_bias(bias, 3, site.live_bytes, PER_SITE / 2., size, p);
        /* Of two sites, the main thread's and the others', each is rounded. */
        ck_assert_msg(fabs((double)site.allocated_blocks - (double)site.samples / p) <=
                          (threads > 1 ? 2 : 1) + 0.001 * (double)site.allocated_blocks,
                      "site %d: %llu samples are not %llu blocks", i,
                      (unsigned long long)site.samples, (unsigned long long)site.allocated_blocks);
    }
    ck_assert_uint_eq(value_of(instance, "lost_blocks"), 0);
    for (int i = 0; i < SITES * PER_SITE; i++) {
        if (i / SITES % 2 != 0)
            dal_instance_dealloc(instance, program.blocks[i], site_sizes[i % SITES], 8);
    }
    dal_instance_destroy(instance);
}

/* The sum of all bytes has little variance, so that a bias of 0.5 % would be seen. Of blocks it is
 * the small ones that make it, of which at a low rate none is sampled in most runs. */
START_TEST(test_estimates_are_unbiased)
{
    int inside = 0, all = 0;
    struct bias bias = {{0}, {0}, {0}};
    static const char *const names[] = {"blocks", "bytes", "live blocks", "live bytes"};

    learn_addresses();
    for (unsigned seed = 1; seed <= (unsigned)suite_race_runs(SEEDS); seed++)
        try_seed(rates[_i % RATES], seed, thread_counts[_i / RATES], &inside, &all, &bias);
    printf("every=%llu, threads: %d: %.2f %% inside\n", (unsigned long long)rates[_i % RATES],
           thread_counts[_i / RATES], 100. * inside / all);
    ck_assert_msg(inside >= all * 0.97, "%d of %d are inside of the interval", inside, all);
    for (int i = 0; i < 4; i++) {
        double off = (bias.estimated[i] - bias.truth[i]) / bias.truth[i];
        double deviation = sqrt(bias.variance[i]) / bias.truth[i];

        printf("  %s: %+.3f %%, standard error %.3f %%\n", names[i], 100 * off, 100 * deviation);
        ck_assert_msg(fabs(off) <= 0.005 || fabs(off) <= 4 * deviation, "%s: %f", names[i], off);
    }
}
END_TEST

/* Blocks of one size, many of them, for a mean with a standard error far below 0.5 %. */
START_TEST(test_blocks_of_any_size_have_no_bias)
{
    static const size_t sizes[] = {1, 16, 100, 512, 3000, 100000};
    enum { EVERY = 512 };
    size_t size = sizes[_i];
    const struct dal_instance *instance = open_spec("profile:every=512+system");
    double p = -expm1(-(double)size / EVERY);
    /* Where fewer runs are wanted a quarter of the blocks have twice the error. */
    double share = suite_race_runs(SEEDS) / (double)SEEDS, most = 0.005 / sqrt(share);
    double count = ceil((1 - p) / p / 0.00125 / 0.00125 * share) + 10000, blocks, bytes;

    for (double i = 0; i < count; i++)
        dal_instance_dealloc(instance, dal_instance_alloc(instance, size, 1), size, 1);
    blocks = (double)value_of(instance, "allocated_blocks");
    bytes = (double)value_of(instance, "allocated_bytes");
    printf("%zu bytes: blocks %+.3f %%, bytes %+.3f %%\n", size, 100 * (blocks / count - 1),
           100 * (bytes / count / (double)size - 1));
    ck_assert(fabs(blocks / count - 1) <= most);
    ck_assert(fabs(bytes / count / (double)size - 1) <= most);
    ck_assert_uint_eq(value_of(instance, "live_bytes"), 0);
    ck_assert_uint_eq(value_of(instance, "live_blocks"), 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_every_1_is_exact)
{
    const struct dal_instance *instance = open_spec("profile:every=1+system");
    double peak = 0;

    learn_addresses();
    run_program(instance, 1, 1);
    for (int i = 0; i < SITES; i++) {
        struct dal_profile_site site = site_of(instance, i);

        ck_assert_uint_eq(site.samples, PER_SITE);
        ck_assert_uint_eq(site.allocated_blocks, PER_SITE);
        ck_assert_uint_eq(site.allocated_bytes, PER_SITE * site_sizes[i]);
        ck_assert_uint_eq(site.live_blocks, PER_SITE / 2);
        ck_assert_uint_eq(site.live_bytes, PER_SITE / 2 * site_sizes[i]);
        ck_assert_uint_eq(site.peak_blocks, PER_SITE);
        ck_assert_uint_eq(site.peak_bytes, PER_SITE * site_sizes[i]);
        peak += (double)(PER_SITE * site_sizes[i]);
    }
    ck_assert_uint_eq(value_of(instance, "peak_bytes"), (uint64_t)peak);
    dal_instance_dealloc(instance, dal_instance_alloc(instance, 0, 1), 0, 1);
    ck_assert_uint_eq(value_of(instance, "allocated_blocks"), SITES * PER_SITE + 1);
    dal_instance_destroy(instance);
}
END_TEST

/* What is at the peak is what was live then, site by site, and not the highest of each. */
START_TEST(test_peak_is_that_of_all)
{
    const struct dal_instance *instance = open_spec("profile:every=1+system");
    void *first, *second, *third;

    learn_addresses();
    first = alloc_at(instance, 0, 1000);
    dal_instance_dealloc(instance, first, 1000, 8);
    second = alloc_at(instance, 1, 900);
    third = alloc_at(instance, 2, 500);
    dal_instance_dealloc(instance, third, 500, 8);
    third = alloc_at(instance, 3, 100);
    ck_assert_uint_eq(site_of(instance, 0).peak_bytes, 0);
    ck_assert_uint_eq(site_of(instance, 1).peak_bytes, 900);
    ck_assert_uint_eq(site_of(instance, 2).peak_bytes, 500);
    ck_assert_uint_eq(site_of(instance, 2).live_bytes, 0);
    ck_assert_uint_eq(site_of(instance, 3).peak_bytes, 0);
    ck_assert_uint_eq(value_of(instance, "peak_bytes"), 1400);
    dal_instance_dealloc(instance, third, 100, 8);
    dal_instance_dealloc(instance, second, 900, 8);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Resizing, threads, forks ------------------------------------------------------------------
 */

static void expect_live(const struct dal_instance *instance, uint64_t blocks, uint64_t bytes)
{
    ck_assert_uint_eq(value_of(instance, "live_blocks"), blocks);
    ck_assert_uint_eq(value_of(instance, "live_bytes"), bytes);
}

START_TEST(test_resized_block_ends_and_begins)
{
    const struct dal_instance *instance = open_spec("profile:every=1+limit:bytes=1M+system");
    char *block = dal_instance_realloc(instance, NULL, 0, 8, 100);

    expect_live(instance, 1, 100);
    block = dal_instance_realloc(instance, block, 100, 8, 5000);
    expect_live(instance, 1, 5000);
    ck_assert_ptr_null(dal_instance_realloc(instance, block, 5000, 8, (size_t)PTRDIFF_MAX - 64));
    expect_live(instance, 1, 5000);
    block = dal_instance_grow(instance, block, 5000, 8, 6000, 64);
    expect_live(instance, 1, 6000);
    block = dal_instance_grow_zeroed(instance, block, 6000, 64, 9000, 64);
    expect_live(instance, 1, 9000);
    block = dal_instance_shrink(instance, block, 9000, 64, 10, 8);
    expect_live(instance, 1, 10);
    if (dal_instance_resize_in_place(instance, block, 10, 8, 11) == 0)
        expect_live(instance, 1, 11);
    else
        expect_live(instance, 1, 10);
    dal_instance_dealloc(instance, block, 11, 8);
    expect_live(instance, 0, 0);
    block = dal_instance_alloc_zeroed(instance, 70, 8);
    expect_live(instance, 1, 70);
    dal_instance_dealloc(instance, block, 70, 8);
    expect_live(instance, 0, 0);
    dal_instance_destroy(instance);
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000, HELD = 64 };

static void *work(void *data)
{
    const struct dal_instance *instance = data;
    void *blocks[HELD] = {0};
    size_t sizes[HELD] = {0};
    unsigned seed = (unsigned)(uintptr_t)&seed;

    for (int i = 0; i < ROUNDS; i++) {
        size_t at = (size_t)rand_r(&seed) % HELD, size = (size_t)rand_r(&seed) % 3000 + 1;

        if (blocks[at] && i % 3 == 0) {
            blocks[at] = dal_instance_realloc(instance, blocks[at], sizes[at], 8, size);
        } else {
            if (blocks[at])
                dal_instance_dealloc(instance, blocks[at], sizes[at], 8);
            blocks[at] = dal_instance_alloc(instance, size, 8);
        }
        sizes[at] = size;
    }
    for (size_t i = 0; i < HELD; i++) {
        if (blocks[i])
            dal_instance_dealloc(instance, blocks[i], sizes[i], 8);
    }
    return NULL;
}

/* Threads at once, and after each other: nothing is left of what was given back. */
START_TEST(test_threads_leave_nothing)
{
    static const char *const specs[] = {"profile:every=1+system", "profile:every=3000+system",
                                        "profile:every=1,threads=on+system",
                                        "profile:every=1,sites=2,blocks=64+system"};
    const struct dal_instance *instance = open_spec(specs[_i]);
    pthread_t threads[THREADS];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < THREADS; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)instance),
                             0);
        for (int i = 0; i < THREADS; i++)
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    expect_live(instance, 0, 0);
    ck_assert_uint_gt(value_of(instance, "peak_bytes"), 0);
    ck_assert(_i != 3 || value_of(instance, "lost_sites") > 0);
    ck_assert_uint_le(value_of(instance, "sites"), _i == 3 ? 2 : 8192);
    dal_instance_destroy(instance);
}
END_TEST

static int count_threads(const struct dal_profile_site *site, void *data)
{
    uint64_t *threads = data;

    ck_assert_uint_ne(site->thread, 0);
    for (int i = 0; i < THREADS; i++) {
        if (threads[i] == site->thread)
            return 0;
        if (!threads[i]) {
            threads[i] = site->thread;
            return 0;
        }
    }
    ck_abort_msg("more threads than there are");
    return 0;
}

START_TEST(test_sites_of_threads_if_asked_for)
{
    const struct dal_instance *instance = open_spec("profile:every=1,threads=on+system");
    uint64_t seen[THREADS] = {0};
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)instance), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(dal_profile_visit(instance, count_threads, seen), 0);
    ck_assert_uint_ne(seen[1], 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_temporary_blocks_are_told)
{
    const struct dal_instance *instance = open_spec("profile:every=1+system");
    void *first, *second;

    dal_instance_dealloc(instance, dal_instance_alloc(instance, 8, 8), 8, 8);
    ck_assert_uint_eq(value_of(instance, "temporary_blocks"), 1);
    first = dal_instance_alloc(instance, 8, 8);
    second = dal_instance_alloc(instance, 8, 8);
    dal_instance_dealloc(instance, first, 8, 8);
    ck_assert_uint_eq(value_of(instance, "temporary_blocks"), 1);
    dal_instance_dealloc(instance, second, 8, 8);
    ck_assert_uint_eq(value_of(instance, "temporary_blocks"), 2);
    dal_instance_destroy(instance);
}
END_TEST

static void *replace(void *data)
{
    void **block = data;
    const struct dal_instance *instance = block[1];

    dal_instance_dealloc(instance, block[0], 100, 8);
    block[0] = dal_instance_alloc(instance, 100, 8);
    return NULL;
}

START_TEST(test_block_of_another_thread_is_not_temporary)
{
    const struct dal_instance *instance = open_spec("profile:every=1,lifetimes=on+system");
    void *block[2] = {dal_instance_alloc(instance, 100, 8), (void *)(uintptr_t)instance};
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, replace, block), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    /* As a rule it has the same address. */
    dal_instance_dealloc(instance, block[0], 100, 8);
    ck_assert_uint_eq(value_of(instance, "temporary_blocks"), 0);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- What is rare ------------------------------------------------------------------------------
 */

START_TEST(test_refused_huge_request_silences_nothing)
{
    const struct dal_instance *instance = open_spec("profile:every=1+system");
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX / 2 + 1, -(size_t)0x80000000};

    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_null(dal_instance_alloc(instance, sizes[i], 1));
        dal_instance_dealloc(instance, dal_instance_alloc(instance, 0, 1), 0, 1);
        dal_instance_dealloc(instance, dal_instance_alloc(instance, 8, 8), 8, 8);
    }
    ck_assert_uint_ge(value_of(instance, "allocated_blocks"), 5);
    ck_assert_uint_eq(value_of(instance, "allocated_bytes"), 24);
    dal_instance_destroy(instance);
}
END_TEST

/* 8 TiB, or as much as there may be. */
#define LARGE ((size_t)1 << (sizeof(size_t) > 4 ? 43 : 30))

START_TEST(test_what_was_ever_allocated_may_be_much)
{
    const struct dal_instance *instance = open_spec("profile:every=1+system");
    struct profile_instance *layer = dal_profile_layer_of_(instance);

    /* Nothing is at that address. */
    for (int i = 0; i < 4096; i++) {
        dal_profile_made_(layer, &instance, LARGE, __builtin_return_address(0));
        dal_profile_end_(layer, &instance);
    }
    ck_assert_uint_eq(value_of(instance, "allocated_bytes"), (uint64_t)4096 * LARGE);
    expect_live(instance, 0, 0);
    dal_instance_destroy(instance);
}
END_TEST

static int take_lifetime(const struct dal_profile_site *site, void *data)
{
    *(uint64_t *)data = site->lifetime_ns;
    return 0;
}

START_TEST(test_lifetimes_that_do_not_fit_stay_at_the_most)
{
    const struct dal_instance *instance = open_spec("profile+system");
    struct profile_instance *layer = dal_profile_layer_of_(instance);
    const struct profile_block block = {.size = 1};
    const struct profile_weight weight = {(uint64_t)1 << 29, 1 << 19};
    uint64_t lifetime_ns = 0;

    for (int i = 0; i < 2; i++) {
        dal_profile_site_add_(layer, &block, weight);
        dal_profile_site_end_(layer, &block, weight, (uint64_t)1 << 50, 0);
    }
    ck_assert_int_eq(dal_profile_visit(instance, take_lifetime, &lifetime_ns), 0);
    ck_assert_uint_eq(lifetime_ns, UINT64_MAX);
    dal_instance_destroy(instance);
}
END_TEST

/* A block whose resizing has failed has no place any more: others have come. */
START_TEST(test_block_without_a_place_is_told_as_lost)
{
    const struct dal_instance *instance = open_spec("profile:every=1,blocks=64+system");
    struct profile_instance *layer = dal_profile_layer_of_(instance);
    const struct profile_block other = {.size = 1};
    void *block = dal_instance_alloc(instance, 100, 8);
    struct profile_resize resize;

    dal_profile_resize_begin_(layer, &resize, block, 0);
    while (dal_profile_live_put_(layer, block, &other))
        continue;
    dal_profile_resize_end_(layer, &resize, 0, NULL, 200, NULL);
    ck_assert_uint_eq(value_of(instance, "lost_blocks"), 1);
    expect_live(instance, 0, 0);
    dal_instance_destroy(instance);
}
END_TEST

/* Most of all not of a program whose name begins alike, or of musl's, which is the C library. */
START_TEST(test_loader_is_known_by_its_name)
{
    static const struct {
        const char *path;
        int is_loader;
    } cases[] = {
        {"/lib64/ld-linux-x86-64.so.2", 1}, {"/lib/ld-linux.so.2", 1}, {"/lib64/ld64.so.2", 1},
        {"/lib/ld-musl-x86_64.so.1", 0},    {"/usr/bin/ldlive", 0},    {"/usr/bin/ld", 0}};
    const struct dal_instance *instance = open_spec("profile:every=1+system");
    struct profile_instance *layer = dal_profile_layer_of_(instance);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)strcpy(layer->file->modules[i].path, cases[i].path);
        ck_assert_msg(dal_profile_is_of_loader_(layer, (uint64_t)(i + 1) << PROFILE_OFFSET_BITS) ==
                          cases[i].is_loader,
                      "%s", cases[i].path);
    }
    ck_assert(!dal_profile_is_of_loader_(layer, 0));
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Times -------------------------------------------------------------------------------------
 */

static void pass_time(long milliseconds)
{
    struct timespec time = {.tv_nsec = milliseconds * 1000000};

    (void)nanosleep(&time, NULL);
}

START_TEST(test_lifetimes_are_told)
{
    static const char *const specs[] = {"profile:every=1,lifetimes=on+system",
                                        "profile:every=64+system", "profile:every=1+system"};
    const struct dal_instance *instance = open_spec(specs[_i]);
    struct dal_profile_site site;
    uint64_t is_known = _i != 2;
    void *blocks[2];

    learn_addresses();
    ck_assert_uint_eq(value_of(instance, "lifetimes"), is_known);
    for (int i = 0; i < 2; i++)
        blocks[i] = alloc_at(instance, 7, 4096);
    pass_time(20);
    dal_instance_dealloc(instance, blocks[0], 4096, 8);
    site = site_of(instance, 7);
    ck_assert_uint_eq(site.allocated_blocks, 2);
    ck_assert_uint_ge(site.lifetime_ns, is_known * 20000000);
    ck_assert_uint_le(site.lifetime_ns, is_known * UINT64_C(20000000000));
    dal_instance_dealloc(instance, blocks[1], 4096, 8);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_start_peak_and_end_have_times)
{
    const struct dal_instance *instance = open_spec("profile:every=1,lifetimes=on+system");
    uint64_t now = (uint64_t)time(NULL);
    void *block;

    ck_assert_uint_le(value_of(instance, "start_ns") / 1000000000, now + 1);
    ck_assert_uint_ge(value_of(instance, "start_ns") / 1000000000, now - 100);
    pass_time(5);
    block = alloc_at(instance, 11, 300000);
    dal_instance_dealloc(instance, block, 300000, 8);
    ck_assert_uint_ge(value_of(instance, "peak_ns"), 5000000);
    pass_time(5);
    block = alloc_at(instance, 4, 100);
    ck_assert_uint_ge(value_of(instance, "changed_ns"), value_of(instance, "peak_ns") + 5000000);
    dal_instance_dealloc(instance, block, 100, 8);
    dal_instance_destroy(instance);
}
END_TEST

struct curve {
    size_t count;
    uint64_t last_ns, highest;
};

static int follow(const struct dal_profile_point *point, void *data)
{
    struct curve *curve = data;

    ck_assert_uint_eq(point->size_bytes, sizeof *point);
    ck_assert(curve->count == 0 || point->time_ns > curve->last_ns);
    curve->last_ns = point->time_ns;
    curve->highest = point->live_bytes > curve->highest ? point->live_bytes : curve->highest;
    curve->count++;
    return 0;
}

/* However many there were, and what was high stays so: the gap between points is doubled twice. */
START_TEST(test_points_are_bounded_and_keep_what_is_high)
{
    const struct dal_instance *instance = open_spec("profile:every=1,lifetimes=on+system");
    struct curve curve = {.count = 0};

    for (uint64_t last_ns = 0; last_ns < UINT64_C(65536) * 512 * 4;) {
        void *block = alloc_at(instance, 8, 5000);

        last_ns = value_of(instance, "changed_ns");
        dal_instance_dealloc(instance, block, 5000, 8);
    }
    ck_assert_int_eq(dal_profile_visit_points(instance, follow, &curve), 0);
    ck_assert_uint_le(curve.count, 512);
    ck_assert_uint_ge(curve.count, 32);
    ck_assert_uint_eq(curve.highest, 5000);
    ck_assert_uint_ge(value_of(instance, "changed_ns"), curve.last_ns);
    ck_assert_int_eq(dal_profile_visit_points(instance, NULL, &curve), DAL_ERR_INVALID);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- The file ----------------------------------------------------------------------------------
 */

static char directory[] = "/tmp/profileXXXXXX";
static char path[128];

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void teardown(void)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static const char *path_of(long process)
{
    (void)snprintf(path, sizeof path, "%s/%ld", directory, process);
    return path;
}

static const struct dal_instance *open_with_file(const char *options)
{
    char spec[256];

    (void)snprintf(spec, sizeof spec, "profile:%s,file=%s/%%p+system", options, directory);
    return open_spec(spec);
}

struct mapped {
    void *data;
    size_t bytes;
};

static struct mapped map_file(long process)
{
    struct mapped mapped;
    struct stat status;
    int file = open(path_of(process), O_RDWR);

    ck_assert_msg(file >= 0, "%s", path);
    ck_assert_int_eq(fstat(file, &status), 0);
    mapped.bytes = (size_t)status.st_size;
    mapped.data = mmap(NULL, mapped.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ck_assert(mapped.data != MAP_FAILED);
    close(file);
    return mapped;
}

static uint64_t in_file(const struct mapped *mapped, const char *key)
{
    uint64_t value = 4711;

    ck_assert_int_eq(dal_profile_file_get(mapped->data, mapped->bytes, key, &value), 0);
    return value;
}

START_TEST(test_killed_process_leaves_its_file)
{
    struct all_found all = {0};
    struct mapped mapped;
    char text[512];
    int status;
    struct dal_frame_code code;
    pid_t child = fork();

    if (child == 0) {
        const struct dal_instance *instance = open_with_file("every=1");

        for (int i = 0; i < 10; i++)
            (void)alloc_at(instance, i, site_sizes[i]);
        raise(SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    mapped = map_file(child);
    ck_assert_uint_eq(in_file(&mapped, "live_blocks"), 10);
    ck_assert_uint_eq(in_file(&mapped, "sites"), 10);
    ck_assert_uint_eq(in_file(&mapped, "every"), 1);
    ck_assert_int_eq(dal_profile_file_visit(mapped.data, mapped.bytes, find, &all), 0);
    ck_assert_uint_eq(all.count, 10);
    ck_assert_int_eq(dal_profile_file_text(mapped.data, mapped.bytes, "process", text, sizeof text),
                     0);
    ck_assert_int_eq(strtol(text, NULL, 10), child);
    /* Or nobody tells of objects without a lock. */
    if (dal_services_get()->frame_code((const char *)(uintptr_t)find + 1, &code)) {
        ck_assert_int_eq(
            dal_profile_file_text(mapped.data, mapped.bytes, "module.1", text, sizeof text), 0);
        ck_assert_msg(strstr(text, "check_profile") != NULL, "%s", text);
    }
    ck_assert_int_eq(
        dal_profile_file_text(mapped.data, mapped.bytes, "module.256", text, sizeof text),
        DAL_ERR_UNKNOWN);
    munmap(mapped.data, mapped.bytes);
}
END_TEST

/* The child goes on with the blocks that there were, in a file of its own. */
START_TEST(test_fork_has_a_file_of_its_own)
{
    const struct dal_instance *instance = open_with_file("every=1");
    void *block = alloc_at(instance, 4, 100), *other = alloc_at(instance, 5, 200);
    struct mapped mapped;
    int status;
    pid_t child = fork();

    if (child == 0) {
        (void)alloc_at(instance, 6, 1000);
        dal_instance_dealloc(instance, block, 100, 8);
        _exit(value_of(instance, "live_bytes") == 1200 ? 0 : 1);
    }
    dal_instance_dealloc(instance, other, 200, 8);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    expect_live(instance, 1, 100);
    mapped = map_file(child);
    ck_assert_uint_eq(in_file(&mapped, "live_bytes"), 1200);
    munmap(mapped.data, mapped.bytes);
    mapped = map_file(getpid());
    ck_assert_uint_eq(in_file(&mapped, "live_bytes"), 100);
    munmap(mapped.data, mapped.bytes);
    dal_instance_dealloc(instance, block, 100, 8);
    dal_instance_destroy(instance);
}
END_TEST

/* As if another thread had been counting between the copy and the fork: it has met a site, and has
 * given a block back. */
START_TEST(test_child_of_a_fork_has_what_is_live_then)
{
    const struct dal_instance *instance = open_with_file("every=1");
    struct profile_instance *layer = dal_profile_layer_of_(instance);
    void *ended, *block, *other;
    int status;
    pid_t child;

    learn_addresses();
    ended = alloc_at(instance, 0, 1000);
    block = alloc_at(instance, 1, 2000);
    dal_profile_fork_prepare_(layer);
    other = alloc_at(instance, 2, 4000);
    dal_instance_dealloc(instance, ended, 1000, 8);
    child = fork();
    if (child == 0) {
        (void)alloc_at(instance, 3, 8000);
        ck_assert_uint_eq(site_of(instance, 0).live_bytes, 0);
        ck_assert_uint_eq(site_of(instance, 1).live_bytes, 2000);
        ck_assert_uint_eq(site_of(instance, 2).live_bytes, 4000);
        ck_assert_uint_eq(site_of(instance, 3).live_bytes, 8000);
        dal_instance_dealloc(instance, other, 4000, 8);
        expect_live(instance, 2, 10000);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    expect_live(instance, 2, 6000);
    dal_instance_dealloc(instance, block, 2000, 8);
    dal_instance_dealloc(instance, other, 4000, 8);
    dal_instance_destroy(instance);
}
END_TEST

static void *give_back(void *data)
{
    void **block = data;

    dal_instance_dealloc(block[1], block[0], 100, 8);
    return NULL;
}

/* As if a thread of the child was just making it. */
START_TEST(test_end_waits_while_the_file_is_made)
{
    const struct dal_instance *instance = open_with_file("every=1");
    struct profile_instance *layer = dal_profile_layer_of_(instance);
    void *block[2] = {alloc_at(instance, 4, 100), (void *)(uintptr_t)instance};
    pthread_t thread;
    int status;
    pid_t child = fork();

    if (child == 0) {
        atomic_store(&layer->maker, 1);
        ck_assert_int_eq(pthread_create(&thread, NULL, give_back, block), 0);
        pass_time(20);
        expect_live(instance, 1, 100);
        atomic_store(&layer->maker, 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        expect_live(instance, 0, 0);
        ck_assert_int_eq(access(path_of(getpid()), F_OK), 0);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    dal_instance_dealloc(instance, block[0], 100, 8);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_it_is_switched_by_its_file)
{
    const struct dal_instance *instance = open_with_file("every=1,start=off");
    void *before = alloc_at(instance, 4, 100), *within, *after;
    struct mapped mapped = map_file(getpid());

    ck_assert_uint_eq(in_file(&mapped, "on"), 0);
    ck_assert_uint_eq(in_file(&mapped, "samples"), 0);
    ck_assert_int_eq(dal_profile_file_switch(mapped.data, mapped.bytes, 1), 0);
    /* Long after the next look. */
    for (int i = 0; i < 100; i++)
        dal_instance_dealloc(instance, alloc_at(instance, 11, 300000), 300000, 8);
    ck_assert_uint_eq(in_file(&mapped, "on"), 1);
    ck_assert_uint_gt(in_file(&mapped, "samples"), 0);
    within = alloc_at(instance, 5, 200);
    expect_live(instance, 1, 200);
    ck_assert_int_eq(dal_profile_file_switch(mapped.data, mapped.bytes, 0), 0);
    after = alloc_at(instance, 6, 400);
    expect_live(instance, 1, 200);
    dal_instance_dealloc(instance, within, 200, 8);
    expect_live(instance, 0, 0);
    dal_instance_dealloc(instance, before, 100, 8);
    dal_instance_dealloc(instance, after, 400, 8);
    munmap(mapped.data, mapped.bytes);
    dal_instance_destroy(instance);
}
END_TEST

/* Most processes of a build take no sample. */
START_TEST(test_file_is_made_with_the_first_sample)
{
    const struct dal_instance *instance = open_with_file("every=1G");
    struct mapped mapped;

    dal_instance_dealloc(instance, alloc_at(instance, 4, 100), 100, 8);
    ck_assert_int_ne(access(path_of(getpid()), F_OK), 0);
    /* Each of them is sampled with a probability of one in 3000. */
    for (int i = 0; i < 1000000 && value_of(instance, "samples") == 0; i++)
        dal_instance_dealloc(instance, alloc_at(instance, 11, 300000), 300000, 8);
    ck_assert_int_eq(access(path_of(getpid()), F_OK), 0);
    mapped = map_file(getpid());
    ck_assert_uint_ge(in_file(&mapped, "samples"), 1);
    munmap(mapped.data, mapped.bytes);
    dal_instance_destroy(instance);
}
END_TEST

static int touch_point(const struct dal_profile_point *point, void *data)
{
    *(uint64_t *)data += point->live_bytes;
    return 0;
}

static int touch(const struct dal_profile_site *site, void *data)
{
    uint64_t *sum = data;

    ck_assert_uint_le(site->frame_count, 64);
    for (uint32_t i = 0; i < site->frame_count; i++) {
        ck_assert_uint_le(site->frames[i].module, 256);
        *sum += site->frames[i].address;
    }
    return 0;
}

/* Whatever bytes: an answer or an error, and nothing read beside the file. */
START_TEST(test_reader_takes_any_file)
{
    const struct dal_instance *instance = open_with_file("every=1,sites=8");
    struct mapped mapped;
    unsigned char *whole;
    unsigned seed = suite_fuzz_seed();
    uint64_t value = 0;
    char text[64];

    for (int i = 0; i < 6; i++)
        dal_instance_dealloc(instance, alloc_at(instance, i, 10), 10, 8);
    mapped = map_file(getpid());
    whole = aligned_alloc(64, (mapped.bytes + 63) / 64 * 64);
    for (int i = 0; i < suite_fuzz_rounds(3000); i++) {
        size_t bytes = i % 4 ? mapped.bytes : (size_t)rand_r(&seed) % mapped.bytes / 64 * 64;
        unsigned char *copied = aligned_alloc(64, bytes ? bytes : 64);

        memcpy(copied, mapped.data, bytes);
        for (int j = 0; j < 8 && bytes > 4096; j++) {
            size_t at = rand_r(&seed) % 2 ? DAL_FILE_HEAD_BYTES + (size_t)rand_r(&seed) % 512
                                          : (size_t)rand_r(&seed) % bytes;
            copied[at] = (unsigned char)rand_r(&seed);
        }
        (void)dal_profile_file_visit(copied, bytes, touch, &value);
        (void)dal_profile_file_get(copied, bytes, "peak_bytes", &value);
        (void)dal_profile_file_visit_points(copied, bytes, touch_point, &value);
        (void)dal_profile_file_get(copied, bytes, "modules", &value);
        (void)dal_profile_file_text(copied, bytes, "module.1", text, sizeof text);
        (void)dal_profile_file_text(copied, bytes, "build_id.2", text, 1);
        (void)dal_profile_file_text(copied, bytes, "head", text, sizeof text);
        free(copied);
    }
    ck_assert_int_eq(dal_profile_file_visit(whole, 100, touch, &value), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_profile_file_visit(NULL, mapped.bytes, touch, &value), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_profile_file_visit(mapped.data, mapped.bytes, NULL, &value),
                     DAL_ERR_INVALID);
    ck_assert_int_eq(dal_profile_file_get(mapped.data, mapped.bytes, "xyzzy", &value),
                     DAL_ERR_UNKNOWN);
    ck_assert_int_eq(dal_profile_file_text(mapped.data, mapped.bytes, "module.0", text, 64),
                     DAL_ERR_UNKNOWN);
    free(whole);
    munmap(mapped.data, mapped.bytes);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_what_is_asked_wrongly_is_refused)
{
    const struct dal_instance *instance = NULL;
    char message[512] = "";
    uint64_t value;

    ck_assert_int_ne(dal_instance_create_spec("profile+stats:print=off+profile+system", &instance,
                                              message, sizeof message),
                     0);
    ck_assert_msg(strstr(message, "already") != NULL, "%s", message);
    instance = open_spec("profile+system");
    ck_assert_int_eq(dal_profile_get(instance, NULL, &value), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_profile_get(instance, "xyzzy", &value), DAL_ERR_UNKNOWN);
    ck_assert_uint_eq(value_of(instance, "every"), 512 * 1024);
    ck_assert_uint_le(value_of(instance, "memory_bytes"), 8 << 20);
    dal_instance_destroy(instance);
    instance = open_spec("system");
    ck_assert_int_eq(dal_profile_get(instance, "samples", &value), DAL_ERR_UNSUPPORTED);
    dal_instance_destroy(instance);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("profile");
    TCase *estimates = tcase_create("estimates"), *blocks = tcase_create("blocks"),
          *files = tcase_create("files");

    tcase_set_timeout(estimates, 600);
    tcase_add_loop_test(estimates, test_estimates_are_unbiased, 0, RATES * THREAD_COUNTS);
    tcase_add_loop_test(estimates, test_blocks_of_any_size_have_no_bias, 0, 6);
    tcase_add_test(estimates, test_every_1_is_exact);
    suite_add_tcase(suite, estimates);

    tcase_set_timeout(blocks, 120);
    tcase_add_test(blocks, test_peak_is_that_of_all);
    tcase_add_test(blocks, test_resized_block_ends_and_begins);
    tcase_add_loop_test(blocks, test_threads_leave_nothing, 0, 4);
    tcase_add_test(blocks, test_sites_of_threads_if_asked_for);
    tcase_add_test(blocks, test_temporary_blocks_are_told);
    tcase_add_test(blocks, test_block_of_another_thread_is_not_temporary);
    tcase_add_test(blocks, test_refused_huge_request_silences_nothing);
    tcase_add_test(blocks, test_what_was_ever_allocated_may_be_much);
    tcase_add_test(blocks, test_lifetimes_that_do_not_fit_stay_at_the_most);
    tcase_add_test(blocks, test_block_without_a_place_is_told_as_lost);
    tcase_add_test(blocks, test_loader_is_known_by_its_name);
    tcase_add_loop_test(blocks, test_lifetimes_are_told, 0, 3);
    tcase_add_test(blocks, test_start_peak_and_end_have_times);
    tcase_add_test(blocks, test_points_are_bounded_and_keep_what_is_high);
    tcase_add_test(blocks, test_what_is_asked_wrongly_is_refused);
    suite_add_tcase(suite, blocks);

    tcase_set_timeout(files, 120);
    tcase_add_checked_fixture(files, setup, teardown);
    tcase_add_test(files, test_killed_process_leaves_its_file);
    tcase_add_test(files, test_file_is_made_with_the_first_sample);
    tcase_add_test(files, test_fork_has_a_file_of_its_own);
    tcase_add_test(files, test_child_of_a_fork_has_what_is_live_then);
    tcase_add_test(files, test_end_waits_while_the_file_is_made);
    tcase_add_test(files, test_it_is_switched_by_its_file);
    tcase_add_test(files, test_reader_takes_any_file);
    suite_add_tcase(suite, files);
    return suite;
}

int main(void)
{
    return suite_run(make_suite());
}
