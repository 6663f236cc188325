/* SPDX-License-Identifier: MIT */
/*
 * Four threads that allocate, or choose, in their first microsecond: the first calls of the
 * process. Exits 0 if one table served every call and no call was lost.
 *
 * Built as it stands the race is in main. With RACE_EARLY it is before any constructor, so that the
 * threads also race for the start of the library.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

#include "early.h"

enum { THREADS = 4, ROUNDS = 50 };

/* ---- Three allocators that count --------------------------------------------------------- */

struct counted {
    atomic_uint created, resized, freed;
};
static struct counted linked_calls, one_calls, two_calls;

static void *counted_alloc(size_t size, size_t align, void *ctx)
{
    atomic_fetch_add(&((struct counted *)ctx)->created, 1);
    return dal_instance_alloc(dal_system(), size, align);
}

static void *counted_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    atomic_fetch_add(&((struct counted *)ctx)->created, 1);
    return dal_instance_alloc_zeroed(dal_system(), size, align);
}

static void *counted_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    atomic_fetch_add(&((struct counted *)ctx)->resized, 1);
    return dal_instance_realloc(dal_system(), ptr, old_size, align, new_size);
}

static void counted_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    atomic_fetch_add(&((struct counted *)ctx)->freed, 1);
    dal_instance_dealloc(dal_system(), ptr, size, align);
}

#define COUNTED(calls)                                                                   \
    {                                                                                    \
        DAL_ALLOCATOR_HEADER(calls), .alloc = counted_alloc, .dealloc = counted_dealloc, \
                                     .alloc_zeroed = counted_alloc_zeroed,               \
                                     .realloc = counted_realloc                          \
    }

static const struct dal_allocator linked = COUNTED(&linked_calls);
static const struct dal_allocator one = COUNTED(&one_calls);
static const struct dal_allocator two = COUNTED(&two_calls);
DAL_GLOBAL_ALLOCATOR(linked);

/* ---- The race ------------------------------------------------------------------------------ */

static atomic_int ready;
static atomic_int started;
static int is_choosing; /* two of the threads choose before they allocate */

static struct runner {
    pthread_t thread;
    unsigned number;
    int wrong;
    const struct dal_instance *table;
} runners[THREADS];

static void choose(struct runner *runner)
{
    int error = dal_global_set_named(runner->number == 2 ? &one : &two,
                                     runner->number == 2 ? "one" : "two");

    if (error != 0 && error != DAL_ERR_SEALED)
        runner->wrong = 1;
}

/* Each thread begins with another one of the front's calls. */
static void *first_block(unsigned number, size_t size)
{
    switch (number % 3) {
    case 0: return dal_alloc(size, 8);
    case 1: return dal_alloc_zeroed(size, 8);
    default: return dal_realloc(NULL, 0, 8, size);
    }
}

static void *run(void *argument)
{
    struct runner *runner = argument;

    atomic_fetch_add(&ready, 1);
    while (!atomic_load(&started))
        sched_yield();
    if (is_choosing && runner->number >= 2)
        choose(runner);
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t size = 16 + i % 5 * 24;
        unsigned char *block = first_block(runner->number + i, size);

        if (i == 0)
            runner->table = dal_global_active();
        if (!block) {
            runner->wrong = 1;
            continue;
        }
        memset(block, (int)(runner->number + i), size);
        for (size_t j = 0; j < size; j++)
            runner->wrong |= block[j] != (unsigned char)(runner->number + i);
        dal_dealloc(block, size, 8);
    }
    return NULL;
}

static void race(const char *mode)
{
    is_choosing = strcmp(mode, "choose") == 0;
    for (unsigned i = 0; i < THREADS; i++) {
        runners[i].number = i;
        if (pthread_create(&runners[i].thread, NULL, run, &runners[i]) != 0)
            abort();
    }
    while (atomic_load(&ready) < THREADS)
        sched_yield();
    atomic_store(&started, 1);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(runners[i].thread, NULL);
}

#ifdef RACE_EARLY
RUN_EARLY(race);
#endif

/* ---- What came of it ------------------------------------------------------------------------ */

/* Every block passed through one allocator, the one that is named. */
static int check(const char *name, const struct counted *calls, unsigned *served)
{
    unsigned blocks = atomic_load(&calls->created) + atomic_load(&calls->resized);

    if (blocks != atomic_load(&calls->freed))
        printf("%s: %u blocks, %u freed\n", name, blocks, atomic_load(&calls->freed));
    if (blocks == 0)
        return 0;
    *served += blocks;
    if (strcmp(dal_global_name(), name) == 0 && blocks == atomic_load(&calls->freed))
        return 0;
    printf("%s served %u blocks, but %s is the choice\n", name, blocks, dal_global_name());
    return 1;
}

int main(int argc, char **argv)
{
    unsigned served = 0;
    int failed = 0;

#ifdef RACE_EARLY
    (void)argc;
    (void)argv;
#else
    race(argc > 1 ? argv[1] : "");
#endif
    failed |= check("linked", &linked_calls, &served);
    failed |= check("one", &one_calls, &served);
    failed |= check("two", &two_calls, &served);
    for (unsigned i = 0; i < THREADS; i++) {
        if (runners[i].wrong)
            printf("thread %u: a block or an error number was wrong\n", i);
        if (!runners[i].table || runners[i].table != dal_global_active())
            printf("thread %u: saw another table\n", i);
        failed |= runners[i].wrong || runners[i].table != dal_global_active();
    }
    if (served != THREADS * ROUNDS)
        printf("%u of %u calls arrived\n", served, THREADS * ROUNDS);
    return failed || served != THREADS * ROUNDS;
}
