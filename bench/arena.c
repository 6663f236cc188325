/* SPDX-License-Identifier: MIT */
/*
 * What an allocation from an arena costs: the handle in line, the backends `arena` and
 * `fixed-arena` through the front, obstack, and malloc for scale. `make bench-arena` runs
 * it, and the same work on std::pmr (arena_pmr.cc) where there is a C++ compiler.
 *
 * Batches of 512 blocks of 64 bytes, whose first byte is written, all in cache. Where
 * blocks can be freed one by one that happens in reverse order and is timed apart. Times
 * are ns an operation. A run has the median of its 400 batches, so that what else the
 * machine does in between hardly counts; shown are the median of 31 runs and the quickest.
 * With 2 threads both do the same at the same time, and the slower one counts.
 *
 * Usage: arena NAME, one of those in the table at the end, or none for those that need no
 * choice of the global allocator. `front` uses whatever DISPATCHALLOC_BACKEND names.
 */
#include <obstack.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dispatchalloc.h>

enum { BLOCKS = 512, SIZE = 64, BATCHES = 400, RUNS = 31, THREADS_MAX = 2 };

struct result {
    double alloc_ns;
    double free_ns; /* less than 0: not freed one by one */
};

static pthread_barrier_t line;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *samples, size_t count)
{
    qsort(samples, count, sizeof *samples, ascending);
    return samples[count / 2];
}

static struct result per_block(double *alloc_ns, double *free_ns)
{
    return (struct result){median(alloc_ns, BATCHES) / BLOCKS,
                           free_ns ? median(free_ns, BATCHES) / BLOCKS : -1};
}

static void *checked(void *ptr)
{
    if (!ptr) {
        fputs("an allocation failed\n", stderr);
        exit(1);
    }
    return ptr;
}

/* ---- Arenas that are emptied all at once ------------------------------------------- */

/* The compiler must not see where the handle comes from, nor drop the stores. */
#define HIDE(pointer) __asm__ volatile("" : "+r"(pointer) : : "memory")

#define DEFINE_BATCHES(name, state_type, allocate, empty)                  \
    static struct result name(state_type *state)                           \
    {                                                                      \
        double ns[BATCHES];                                                \
                                                                           \
        for (int batch = 0; batch < BATCHES; batch++) {                    \
            double start = now();                                          \
                                                                           \
            for (int i = 0; i < BLOCKS; i++) {                             \
                char *block = checked(allocate);                           \
                *block = 1;                                                \
            }                                                              \
            empty;                                                         \
            HIDE(state);                                                   \
            ns[batch] = now() - start;                                     \
        }                                                                  \
        return per_block(ns, NULL);                                        \
    }

DEFINE_BATCHES(handle_batches_8, struct dal_arena, dal_arena_alloc(state, SIZE, 8),
               dal_arena_reset(state, DAL_ARENA_KEEP))
DEFINE_BATCHES(handle_batches_16, struct dal_arena, dal_arena_alloc(state, SIZE, 16),
               dal_arena_reset(state, DAL_ARENA_KEEP))

/* The floor: the same without a handle that could be any, nothing but a pointer. */
struct bump {
    char *next, *end, *start;
};

static inline char *bump(struct bump *state)
{
    char *block = state->next;

    if ((size_t)(state->end - block) < SIZE)
        return NULL;
    state->next = block + SIZE;
    return block;
}

DEFINE_BATCHES(bump_batches, struct bump, bump(state), state->next = state->start)

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

struct stack {
    struct obstack obstack;
    void *base;
};

DEFINE_BATCHES(obstack_batches, struct stack, obstack_alloc(&state->obstack, SIZE),
               obstack_free(&state->obstack, state->base); state->base =
                   obstack_alloc(&state->obstack, 1))

static struct result run_handle_8(void)
{
    struct dal_arena arena;
    struct dal_arena_options options = {.chunk_bytes = 65536};
    struct result result;

    if (dal_arena_init(&arena, &options) != 0)
        exit(1);
    result = handle_batches_8(&arena);
    dal_arena_destroy(&arena);
    return result;
}

static struct result run_handle_16(void)
{
    struct dal_arena arena;
    struct dal_arena_options options = {.chunk_bytes = 65536};
    struct result result;

    if (dal_arena_init(&arena, &options) != 0)
        exit(1);
    result = handle_batches_16(&arena);
    dal_arena_destroy(&arena);
    return result;
}

static struct result run_bump(void)
{
    char *memory = checked(malloc(BLOCKS * SIZE));
    struct bump state = {memory, memory + (size_t)BLOCKS * SIZE, memory};
    struct bump *hidden = &state;
    struct result result;

    HIDE(hidden);
    result = bump_batches(hidden);
    free(memory);
    return result;
}

static struct result run_obstack(void)
{
    struct stack stack;
    struct result result;

    obstack_begin(&stack.obstack, 65536);
    stack.base = obstack_alloc(&stack.obstack, 1);
    result = obstack_batches(&stack);
    obstack_free(&stack.obstack, NULL);
    return result;
}

/* ---- Blocks that are freed one by one, in reverse ------------------------------------ */

#define DEFINE_LIFO(name, allocate, release)                               \
    static struct result name(void)                                        \
    {                                                                      \
        char *blocks[BLOCKS];                                              \
        double alloc_ns[BATCHES], free_ns[BATCHES];                        \
                                                                           \
        for (int batch = 0; batch < BATCHES; batch++) {                    \
            double start = now(), middle;                                  \
                                                                           \
            for (int i = 0; i < BLOCKS; i++) {                             \
                char *block = checked(allocate);                           \
                *block = 1;                                                \
                blocks[i] = block;                                         \
            }                                                              \
            middle = now();                                                \
            for (int i = BLOCKS - 1; i >= 0; i--) {                        \
                char *block = blocks[i];                                   \
                release;                                                   \
            }                                                              \
            free_ns[batch] = now() - middle;                               \
            alloc_ns[batch] = middle - start;                              \
        }                                                                  \
        return per_block(alloc_ns, free_ns);                               \
    }

DEFINE_LIFO(run_malloc, malloc(SIZE), free(block))
DEFINE_LIFO(run_front, dal_alloc(SIZE, 8), dal_dealloc(block, SIZE, 8))

static const struct dal_instance *instance;

DEFINE_LIFO(run_instance, dal_instance_alloc(instance, SIZE, 8),
            dal_instance_dealloc(instance, block, SIZE, 8))

/* The fixed arena takes nothing back, so whoever finds it used up fills it again. Nothing
 * keeps the blocks apart then, but nothing depends on their contents either. */
static _Alignas(4096) char fixed_memory[2 * BLOCKS * SIZE];
static struct dal_fixed_arena fixed = DAL_FIXED_ARENA_INIT(fixed_memory, sizeof fixed_memory);

static void *fixed_alloc(void)
{
    void *block = dal_fixed_arena_alloc(&fixed, SIZE, 8);

    while (!block) {
        __atomic_store_n(&fixed.remaining_, sizeof fixed_memory, __ATOMIC_RELAXED);
        block = dal_fixed_arena_alloc(&fixed, SIZE, 8);
    }
    return block;
}

static struct result run_fixed(void)
{
    double ns[BATCHES];

    for (int batch = 0; batch < BATCHES; batch++) {
        double start = now();

        for (int i = 0; i < BLOCKS; i++)
            *(volatile char *)fixed_alloc() = 1;
        ns[batch] = now() - start;
    }
    return per_block(ns, NULL);
}

/* ---- Runs -------------------------------------------------------------------------- */

struct job {
    struct result (*run)(void);
    struct result result;
};

static void *run_job(void *data)
{
    struct job *job = data;

    pthread_barrier_wait(&line);
    job->result = job->run();
    return NULL;
}

static struct result run_threads(struct result (*run)(void), int count)
{
    struct job jobs[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    struct result result;

    pthread_barrier_init(&line, NULL, (unsigned)count);
    for (int i = 0; i < count; i++) {
        jobs[i].run = run;
        if (pthread_create(&threads[i], NULL, run_job, &jobs[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&line);
    result = jobs[0].result;
    for (int i = 1; i < count; i++)
        if (jobs[i].result.alloc_ns > result.alloc_ns)
            result = jobs[i].result;
    return result;
}

static void measure(const char *name, struct result (*run)(void))
{
    for (int count = 1; count <= THREADS_MAX; count++) {
        double alloc_ns[RUNS], free_ns[RUNS];

        for (int i = 0; i < RUNS; i++) {
            struct result result = run_threads(run, count);

            alloc_ns[i] = result.alloc_ns;
            free_ns[i] = result.free_ns;
        }
        qsort(alloc_ns, RUNS, sizeof *alloc_ns, ascending);
        qsort(free_ns, RUNS, sizeof *free_ns, ascending);
        printf("%-28s %d  alloc %6.2f (%5.2f)", name, count, alloc_ns[RUNS / 2], alloc_ns[0]);
        if (free_ns[0] >= 0)
            printf("  free %6.2f (%5.2f)", free_ns[RUNS / 2], free_ns[0]);
        putchar('\n');
    }
}

static const struct {
    const char *name;
    struct result (*run)(void);
    int only_by_name;
} jobs[] = {
    {"floor: a pointer", run_bump, 0},
    {"handle, in line, align 8", run_handle_8, 0},
    {"handle, in line, align 16", run_handle_16, 0},
    {"obstack", run_obstack, 0},
    {"malloc", run_malloc, 0},
    {"fixed arena", run_fixed, 0},
    {"arena instance", run_instance, 0},
    {"front", run_front, 1},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        char name[80];

        if (argc > 1 ? strcmp(argv[1], jobs[i].name) != 0 : jobs[i].only_by_name)
            continue;
        if (jobs[i].run == run_instance &&
            dal_instance_create_spec("arena", &instance, NULL, 0) != 0)
            return 1;
        snprintf(name, sizeof name, "%s%s%s", jobs[i].name,
                 jobs[i].run == run_front ? " on " : "",
                 jobs[i].run == run_front ? dal_global_name() : "");
        measure(name, jobs[i].run);
    }
    return 0;
}
