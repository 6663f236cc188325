/* SPDX-License-Identifier: MIT */
/*
 * What an allocation from an arena costs, side by side: handles in line, the backends `arena`
 * and `fixed-arena`, obstack, and whatever peers the shared objects given as arguments have
 * (std::pmr, Rust). `make bench-arena` runs it; the global allocator has to be `arena`.
 *
 * Batches of 256 blocks of 64 bytes, whose first byte is written: 16 KiB, all in cache, and
 * the memory is used again by every batch, so that no page fault and no refill is in it.
 * Those are measured apart, by arena_pages.c. Where blocks are freed one by one that happens
 * in reverse order. Arenas that are emptied at once need not remember their blocks, and
 * eight batches of theirs are timed together, emptying included.
 *
 * A second table has what comes of 4 and of 16 such batches on top of each other, 64 KiB and 256,
 * before they are freed, for those that free one by one: chunks end in between.
 *
 * Every peer takes its turn in every round, with one thread and with two, which do the same at
 * the same time: one runs its batches, the other until that one is done, and the slower one
 * counts. A turn has the median of its batches, less what reading the clock costs; shown are
 * the median and the quartiles of the rounds, and the least.
 */
#include <dlfcn.h>
#include <obstack.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

#include "arena.h"
#include "harness/samples.h"

enum { BATCHES = 500, AT_ONCE = 8, ROUNDS = 31, PEERS_MAX = 24, FEW = 4, MANY = 16 };

static void *checked(void *ptr)
{
    if (!ptr) {
        fputs("an allocation failed\n", stderr);
        abort();
    }
    return ptr;
}

/* ---- The peers here ------------------------------------------------------------------ */

/* The compiler must not know where a pointer comes from. */
#define HIDE(pointer) __asm__ volatile("" : "+r"(pointer) : : "memory")

#define DEFINE_FILL(name, type, allocate)        \
    static void name(void *data, char **blocks)  \
    {                                            \
        type *state = data;                      \
                                                 \
        (void)blocks;                            \
        HIDE(state);                             \
        for (int i = 0; i < ARENA_BLOCKS; i++) { \
            char *block = allocate;              \
                                                 \
            if (!block)                          \
                abort();                         \
            *block = 1;                          \
        }                                        \
    }

#define DEFINE_PAIR(name, allocate, release)             \
    static void name##_fill(void *state, char **blocks)  \
    {                                                    \
        (void)state;                                     \
        for (int i = 0; i < ARENA_BLOCKS; i++) {         \
            char *block = allocate;                      \
                                                         \
            if (!block)                                  \
                abort();                                 \
            *block = 1;                                  \
            blocks[i] = block;                           \
        }                                                \
    }                                                    \
    static void name##_drain(void *state, char **blocks) \
    {                                                    \
        (void)state;                                     \
        for (int i = ARENA_BLOCKS - 1; i >= 0; i--) {    \
            char *block = blocks[i];                     \
                                                         \
            release;                                     \
        }                                                \
    }

/* Nothing but a pointer and an end. */
struct bump {
    char *next, *end, *start;
};

static inline char *bump(struct bump *state)
{
    char *block = state->next;

    if ((size_t)(state->end - block) < ARENA_SIZE)
        return NULL;
    state->next = block + ARENA_SIZE;
    return block;
}

static void *bump_open(void)
{
    struct bump *state = checked(malloc(sizeof *state));
    size_t bytes = (size_t)ARENA_BLOCKS * ARENA_SIZE;

    state->start = state->next = checked(malloc(bytes));
    state->end = state->start + bytes;
    return state;
}

static void bump_close(void *data)
{
    free(((struct bump *)data)->start);
    free(data);
}

static void bump_drain(void *data, char **blocks)
{
    struct bump *state = data;

    (void)blocks;
    state->next = state->start;
}

DEFINE_FILL(bump_fill, struct bump, bump(state))

static void *handle_open(void)
{
    const struct dal_arena_options options = {.chunk_bytes = 65536};
    struct dal_arena *arena;

    return dal_arena_create(&options, &arena) == 0 ? arena : NULL;
}

static void handle_close(void *state)
{
    dal_arena_destroy(state);
}

static void handle_reset(void *state, char **blocks)
{
    (void)blocks;
    dal_arena_reset(state, DAL_ARENA_KEEP);
}

DEFINE_PAIR(handle, dal_arena_alloc(state, ARENA_SIZE, 8),
            dal_arena_dealloc(state, block, ARENA_SIZE, 8))
DEFINE_FILL(handle_fill_8, struct dal_arena, dal_arena_alloc(state, ARENA_SIZE, 8))
DEFINE_FILL(handle_fill_16, struct dal_arena, dal_arena_alloc(state, ARENA_SIZE, 16))

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

struct stack {
    struct obstack obstack;
    void *base;
};

static void *obstack_open(void)
{
    struct stack *stack = checked(malloc(sizeof *stack));

    obstack_begin(&stack->obstack, 65536);
    stack->base = obstack_alloc(&stack->obstack, 1);
    return stack;
}

static void obstack_close(void *data)
{
    obstack_free(&((struct stack *)data)->obstack, NULL);
    free(data);
}

static void obstack_drain(void *data, char **blocks)
{
    struct stack *stack = data;

    (void)blocks;
    obstack_free(&stack->obstack, stack->base);
    stack->base = obstack_alloc(&stack->obstack, 1);
}

DEFINE_FILL(obstack_fill, struct stack, obstack_alloc(&state->obstack, ARENA_SIZE))

/* Those that need no state of their own. */
static void *stateless_open(void)
{
    static char something;

    return &something;
}

static void stateless_close(void *state)
{
    (void)state;
}

static void *front_open(void)
{
    return strcmp(dal_global_name(), "arena") == 0 ? stateless_open() : NULL;
}

DEFINE_PAIR(front, dal_alloc(ARENA_SIZE, 8), dal_dealloc(block, ARENA_SIZE, 8))
DEFINE_PAIR(libc, malloc(ARENA_SIZE), free(block))

static const struct dal_instance *instance;

static void *instance_open(void)
{
    return instance ? stateless_open() : NULL;
}

DEFINE_PAIR(instance, dal_instance_alloc(instance, ARENA_SIZE, 8),
            dal_instance_dealloc(instance, block, ARENA_SIZE, 8))

/* The fixed arena takes nothing back, so whoever finds it used up starts it over. Nothing
 * keeps the blocks apart then, but nothing depends on their contents either. */
static _Alignas(4096) char fixed_memory[2 * ARENA_BLOCKS * ARENA_SIZE];
static struct dal_fixed_arena fixed = DAL_FIXED_ARENA_INIT(fixed_memory, sizeof fixed_memory);

static void fixed_fill(void *state, char **blocks)
{
    (void)state;
    (void)blocks;
    for (int i = 0; i < ARENA_BLOCKS; i++) {
        char *block;

        while (!(block = dal_fixed_arena_alloc(&fixed, ARENA_SIZE, 8)))
            __atomic_store_n(&fixed.remaining_, sizeof fixed_memory, __ATOMIC_RELAXED);
        *(volatile char *)block = 1;
    }
}

static void fixed_drain(void *state, char **blocks)
{
    (void)state;
    (void)blocks;
}

static const struct arena_peer own_peers[] = {
    {"a pointer and an end", bump_open, bump_close, bump_fill, bump_drain, 1},
    {"handle, in line, align 8", handle_open, handle_close, handle_fill_8, handle_reset, 1},
    {"handle, in line, align 16", handle_open, handle_close, handle_fill_16, handle_reset, 1},
    {"handle, freed one by one", handle_open, handle_close, handle_fill, handle_drain, 0},
    {"obstack", obstack_open, obstack_close, obstack_fill, obstack_drain, 1},
    {"instance of arena", instance_open, stateless_close, instance_fill, instance_drain, 0},
    {"front over arena", front_open, stateless_close, front_fill, front_drain, 0},
    {"fixed arena", stateless_open, stateless_close, fixed_fill, fixed_drain, 1},
    {"malloc", stateless_open, stateless_close, libc_fill, libc_drain, 0},
};

/* ---- Turns --------------------------------------------------------------------------- */

struct times {
    double fill_ns, drain_ns;
};

struct turn {
    const struct arena_peer *peer;
    int threads;
    atomic_int ready;
    atomic_int done;
};

struct job {
    struct turn *turn;
    struct times times;
};

static double clock_ns; /* of reading the clock */

static void measure_clock(void)
{
    double samples[BATCHES];

    for (int i = 0; i < BATCHES; i++) {
        double start = samples_now();

        samples[i] = samples_now() - start;
    }
    clock_ns = samples_median(samples, BATCHES);
}

static double per_block(double *samples)
{
    return (samples_median(samples, BATCHES) - clock_ns) / ARENA_BLOCKS;
}

static struct times run_batches(const struct arena_peer *peer, void *state)
{
    double fill_ns[BATCHES], drain_ns[BATCHES];
    char *blocks[ARENA_BLOCKS];

    for (int i = 0; i < BATCHES; i++) {
        double start = samples_now(), middle, end;

        for (int again = 1; peer->at_once && again < AT_ONCE; again++) {
            peer->fill(state, blocks);
            peer->drain(state, blocks);
        }
        peer->fill(state, blocks);
        middle = samples_now();
        peer->drain(state, blocks);
        end = samples_now();
        fill_ns[i] = middle - start;
        drain_ns[i] = end - middle;
    }
    if (peer->at_once)
        return (struct times){per_block(fill_ns) / AT_ONCE, 0};
    return (struct times){per_block(fill_ns), per_block(drain_ns)};
}

static void *take_turn(void *data)
{
    struct job *job = data;
    struct turn *turn = job->turn;
    void *state = checked(turn->peer->open());

    atomic_fetch_add(&turn->ready, 1);
    while (atomic_load(&turn->ready) < turn->threads)
        continue;
    job->times = run_batches(turn->peer, state);
    /* Keep the other one company until it is done as well. */
    atomic_fetch_add(&turn->done, 1);
    while (atomic_load(&turn->done) < turn->threads) {
        char *blocks[ARENA_BLOCKS];

        turn->peer->fill(state, blocks);
        turn->peer->drain(state, blocks);
    }
    turn->peer->close(state);
    return NULL;
}

static struct times turn_of(const struct arena_peer *peer, int threads)
{
    struct turn turn = {.peer = peer, .threads = threads};
    struct job jobs[2] = {{.turn = &turn}, {.turn = &turn}};
    pthread_t second;

    if (threads == 2 && pthread_create(&second, NULL, take_turn, &jobs[1]) != 0)
        abort();
    (void)take_turn(&jobs[0]);
    if (threads == 2)
        pthread_join(second, NULL);
    return jobs[1].times.fill_ns > jobs[0].times.fill_ns ? jobs[1].times : jobs[0].times;
}

/* ---- The table ----------------------------------------------------------------------- */

static struct result {
    const struct arena_peer *peer;
    double fill_ns[2][ROUNDS], drain_ns[2][ROUNDS];
} results[PEERS_MAX];

static size_t result_count;

static void add(const struct arena_peer *peer)
{
    void *state = result_count < PEERS_MAX ? peer->open() : NULL;

    if (!state) {
        printf("%s: not to be had here\n", peer->name);
        return;
    }
    peer->close(state);
    results[result_count++].peer = peer;
}

static void add_from(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct arena_peer *peer = library ? dlsym(library, "arena_peers") : NULL;

    if (!peer) {
        printf("%s: %s\n", path, dlerror());
        return;
    }
    for (; peer->name; peer++)
        add(peer);
}

static void print_result(struct result *result, int threads)
{
    double *fill_ns = result->fill_ns[threads - 1], *drain_ns = result->drain_ns[threads - 1];
    double fill_median = samples_median(fill_ns, ROUNDS);

    printf("%-30s %d %8.2f %7.2f %7.2f %7.2f %8.2f\n", result->peer->name, threads, fill_median,
           fill_ns[ROUNDS / 4], fill_ns[ROUNDS * 3 / 4], fill_ns[0],
           samples_median(drain_ns, ROUNDS));
}

static const struct result *find(const char *name)
{
    for (size_t i = 0; i < result_count; i++)
        if (strcmp(results[i].peer->name, name) == 0)
            return &results[i];
    return NULL;
}

static void print_ratio(const char *name, const char *to, int threads)
{
    const struct result *one = find(name), *other = find(to);

    if (one && other)
        printf("%-30s %d  %5.2f times as fast as %s\n", name, threads,
               other->fill_ns[threads - 1][ROUNDS / 2] / one->fill_ns[threads - 1][ROUNDS / 2], to);
}

/* ---- Batches on top of each other ------------------------------------------------------- */

/* ns for each allocation. */
static double stacked_ns(const struct arena_peer *peer, int count)
{
    static char *blocks[MANY * ARENA_BLOCKS];
    double samples[BATCHES];
    void *state = checked(peer->open());

    for (int i = 0; i < BATCHES; i++) {
        double start = samples_now();

        for (int k = 0; k < count; k++)
            peer->fill(state, blocks + k * ARENA_BLOCKS);
        samples[i] = samples_now() - start;
        for (int k = count - 1; k >= 0; k--)
            peer->drain(state, blocks + k * ARENA_BLOCKS);
    }
    peer->close(state);
    return per_block(samples) / count;
}

static void print_stacked(void)
{
    static double few_ns[PEERS_MAX][ROUNDS], many_ns[PEERS_MAX][ROUNDS];

    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < result_count; i++)
            if (!results[i].peer->at_once) {
                few_ns[i][round] = stacked_ns(results[i].peer, FEW);
                many_ns[i][round] = stacked_ns(results[i].peer, MANY);
            }
    printf("%-30s %4d blocks (least)  %4d blocks (least)\n", "alloc, freed in reverse",
           FEW * ARENA_BLOCKS, MANY * ARENA_BLOCKS);
    for (size_t i = 0; i < result_count; i++)
        if (!results[i].peer->at_once) {
            double few = samples_median(few_ns[i], ROUNDS);
            double many = samples_median(many_ns[i], ROUNDS);

            printf("%-30s %11.2f %7.2f  %11.2f %7.2f\n", results[i].peer->name, few, few_ns[i][0],
                   many, many_ns[i][0]);
        }
}

int main(int argc, char **argv)
{
    (void)dal_instance_create_spec("arena", &instance, NULL, 0);
    for (size_t i = 0; i < sizeof own_peers / sizeof own_peers[0]; i++)
        add(&own_peers[i]);
    for (int i = 1; i < argc; i++)
        add_from(argv[i]);
    measure_clock();
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < result_count; i++)
            for (int threads = 1; threads <= 2; threads++) {
                struct times times = turn_of(results[i].peer, threads);

                results[i].fill_ns[threads - 1][round] = times.fill_ns;
                results[i].drain_ns[threads - 1][round] = times.drain_ns;
            }
    printf("ns a block of %d bytes; %d rounds\n", ARENA_SIZE, ROUNDS);
    printf("%-23s threads    alloc   (25%%)   (75%%) (least)     free\n", "");
    for (int threads = 1; threads <= 2; threads++)
        for (size_t i = 0; i < result_count; i++)
            print_result(&results[i], threads);
    puts("");
    print_ratio("handle, in line, align 8", "obstack", 1);
    print_ratio("handle, in line, align 8", "std::pmr monotonic", 1);
    print_ratio("handle, in line, align 8", "Rust, downwards, in line", 1);
    print_ratio("handle, in line, align 8", "Rust, bumpalo", 1);
    print_ratio("front over arena", "std::pmr monotonic", 1);
    print_ratio("front over arena", "fixed arena", 2);
    print_ratio("front over arena", "Rust, SimpleAllocator", 2);
    puts("");
    print_stacked();
    return 0;
}
