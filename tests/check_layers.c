/* SPDX-License-Identifier: MIT */
/*
 * Layers in random orders over the backends that are built in, with random calls, against a model
 * of memory: what a block holds, its alignment, and that nothing is said, since nothing is wrong.
 * FUZZ_TIMES multiplies the rounds, FUZZ_SEED begins with others.
 */
#include <check.h>
#include <dispatchalloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug_saying.h"
#include "suite.h"

enum { ROUNDS = 60, CALLS = 3000, BLOCKS = 128, THREADS = 4, LAYERS_MOST = 4 };

static const char *const layers[] = {
    "stats:print=off",
    "limit:bytes=512M",
    "limit:bytes=3M",
    "fail:every=101",
    "fail:rate=0.01,seed=7",
    "debug:stacks=0",
    "debug",
    "debug:zones=32,sweep=2",
    "debug:fill=on,zones=16,quarantine=256K,sweep=1",
    "guard:every=3",
    "guard:every=2,slots=32,per_second=1000000",
    "profile:every=1",
    "profile:every=700,threads=on",
};
static const char *const backends[] = {"system", "arena:limit=64M", "fixed-arena:capacity=24M"};

struct block {
    unsigned char *ptr;
    size_t size, align;
    unsigned char first; /* of its bytes, which go on from there */
};

struct work {
    const struct dal_instance *instance;
    uint32_t random;
    int may_fail;
    struct block blocks[BLOCKS];
};

static uint32_t draw(struct work *work, uint32_t limit)
{
    work->random = work->random * 1664525 + 1013904223;
    return (work->random >> 8) % limit;
}

static size_t draw_size(struct work *work)
{
    return draw(work, 8) == 0 ? draw(work, 20000) : draw(work, 300);
}

static size_t draw_align(struct work *work)
{
    return (size_t)1 << (draw(work, 8) == 0 ? draw(work, 13) : draw(work, 5));
}

/* (An assertion of libcheck's writes to a pipe each time.) */
#define HOLDS(what)                                      \
    do {                                                 \
        if (!(what))                                     \
            ck_abort_msg("it does not hold: %s", #what); \
    } while (0)

/* ---- What a block holds -----------------------------------------------------------------------
 */

static void fill(struct block *block, size_t from)
{
    for (size_t i = from; i < block->size; i++)
        block->ptr[i] = (unsigned char)(block->first + i);
}

static void assert_holds(const struct block *block, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        HOLDS(block->ptr[i] == (unsigned char)(block->first + i));
}

static void assert_zero(const unsigned char *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        HOLDS(from[i] == 0);
}

/* What a call has made of a block, of which so many bytes stay: or NULL, and it is as it was. */
static void take(struct work *work, struct block *block, void *ptr, size_t size, size_t align,
                 size_t kept)
{
    if (!ptr) {
        HOLDS(work->may_fail);
        if (block->ptr)
            assert_holds(block, block->size);
        return;
    }
    HOLDS((uintptr_t)ptr % align == 0);
    block->ptr = ptr;
    block->size = size;
    block->align = align;
    assert_holds(block, kept);
    fill(block, kept);
    HOLDS(dal_instance_usable_size(work->instance, ptr, size, align) >= size);
}

/* ---- Calls ------------------------------------------------------------------------------------
 */

static void make_block(struct work *work, struct block *block)
{
    size_t size = draw_size(work), align = draw_align(work);
    int is_zeroed = draw(work, 3) == 0;
    unsigned char *ptr = is_zeroed ? dal_instance_alloc_zeroed(work->instance, size, align)
                                   : dal_instance_alloc(work->instance, size, align);

    if (ptr && is_zeroed)
        assert_zero(ptr, size);
    block->first = (unsigned char)draw(work, 256);
    take(work, block, ptr, size, align, 0);
}

static void release_block(struct work *work, struct block *block)
{
    assert_holds(block, block->size);
    if (draw(work, 4) == 0 && work->instance->native & DAL_SLOT_DEALLOC_UNSIZED)
        dal_instance_dealloc_unsized(work->instance, block->ptr);
    else
        dal_instance_dealloc(work->instance, block->ptr, block->size, block->align);
    block->ptr = NULL;
}

static void grow(struct work *work, struct block *block)
{
    size_t old = block->size, size = old + draw_size(work), align = draw_align(work);
    int is_zeroed = draw(work, 2) == 0;
    unsigned char *ptr =
        is_zeroed
            ? dal_instance_grow_zeroed(work->instance, block->ptr, old, block->align, size, align)
            : dal_instance_grow(work->instance, block->ptr, old, block->align, size, align);

    if (ptr && is_zeroed)
        assert_zero(ptr + old, size - old);
    take(work, block, ptr, size, align, old);
}

static void resize(struct work *work, struct block *block)
{
    size_t old = block->size, size = draw_size(work);
    size_t align = draw_align(work), kept = old < size ? old : size;

    switch (draw(work, 3)) {
    case 0:
        take(work, block, dal_instance_realloc(work->instance, block->ptr, old, block->align, size),
             size, block->align, kept);
        break;
    case 1:
        take(work, block,
             dal_instance_shrink(work->instance, block->ptr, old, block->align, kept, align), kept,
             align, kept);
        break;
    default:
        if (dal_instance_resize_in_place(work->instance, block->ptr, old, block->align, size) == 0)
            take(work, block, block->ptr, size, block->align, kept);
        else
            assert_holds(block, old);
    }
}

static void call(struct work *work)
{
    struct block *block = &work->blocks[draw(work, BLOCKS)];

    if (!block->ptr)
        make_block(work, block);
    else if (draw(work, 3) == 0)
        resize(work, block);
    else if (draw(work, 3) == 0)
        grow(work, block);
    else
        release_block(work, block);
}

static void *calls(void *data)
{
    struct work *work = data;

    for (int i = 0; i < CALLS; i++)
        call(work);
    for (int i = 0; i < BLOCKS; i++) {
        if (work->blocks[i].ptr)
            release_block(work, &work->blocks[i]);
    }
    return NULL;
}

/* ---- Orders of layers --------------------------------------------------------------------------
 */

/* Which of those that mind their place are in a spec by now. */
struct over {
    int debug, guard, profile;
};

static int may_stand(struct over *over, const char *layer)
{
    int is_debug = strncmp(layer, "debug", 5) == 0, is_guard = strncmp(layer, "guard", 5) == 0;
    int is_profile = strncmp(layer, "profile", 7) == 0;

    if ((is_debug && over->debug) || (is_guard && (over->debug || over->guard)) ||
        (is_profile && over->profile))
        return 0;
    over->debug |= is_debug;
    over->guard |= is_guard;
    over->profile |= is_profile;
    return 1;
}

static void draw_spec(struct work *work, char *spec, size_t bytes)
{
    struct over over = {0, 0, 0};
    size_t used = 0;
    uint32_t count = draw(work, LAYERS_MOST + 1);
    const char *backend = backends[draw(work, sizeof backends / sizeof *backends)];

    work->may_fail = strcmp(backend, "system") != 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *layer = layers[draw(work, sizeof layers / sizeof *layers)];

        if (!may_stand(&over, layer))
            continue;
        work->may_fail |= strncmp(layer, "fail", 4) == 0 || strcmp(layer, "limit:bytes=3M") == 0;
        used += (size_t)snprintf(spec + used, bytes - used, "%s+", layer);
    }
    (void)snprintf(spec + used, bytes - used, "%s", backend);
}

static const struct dal_instance *instance_of(const char *spec)
{
    const struct dal_instance *instance = NULL;
    char message[512];

    ck_assert_msg(dal_instance_create_spec(spec, &instance, message, sizeof message) == 0, "%s: %s",
                  spec, message);
    return instance;
}

START_TEST(test_random_calls_on_random_layers)
{
    static struct work work;
    char spec[512];

    work.random = suite_fuzz_seed() * 2654435761u;
    for (int i = suite_fuzz_rounds(ROUNDS); i > 0; i--) {
        draw_spec(&work, spec, sizeof spec);
        work.instance = instance_of(spec);
        said_begin();
        calls(&work);
        dal_instance_destroy(work.instance);
        ck_assert_msg(strcmp(said_end(), "") == 0, "%s: %s", spec, said.raw);
    }
}
END_TEST

/* Each of them has blocks of its own. */
START_TEST(test_threads_on_random_layers)
{
    static struct work work[THREADS];
    pthread_t threads[THREADS];
    char spec[512];

    work[0].random = suite_fuzz_seed() * 40503u;
    for (int i = suite_fuzz_rounds(ROUNDS / 4); i > 0; i--) {
        draw_spec(&work[0], spec, sizeof spec);
        work[0].instance = instance_of(spec);
        said_begin();
        for (int t = 1; t < THREADS; t++) {
            work[t].instance = work[0].instance;
            work[t].may_fail = work[0].may_fail;
            work[t].random = work[0].random + (uint32_t)t * 77777u;
        }
        for (int t = 0; t < THREADS; t++)
            ck_assert_int_eq(pthread_create(&threads[t], NULL, calls, &work[t]), 0);
        for (int t = 0; t < THREADS; t++)
            ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
        dal_instance_destroy(work[0].instance);
        ck_assert_msg(strcmp(said_end(), "") == 0, "%s: %s", spec, said.raw);
    }
}
END_TEST

/* The table of dispatchalloc(7), with another layer between the two and without. */
START_TEST(test_which_may_stand_over_which)
{
    static const char *const names[] = {"stats:print=off", "limit:bytes=1M", "fail",
                                        "debug",           "guard",          "profile"};
    enum { COUNT = 6 };
    const char *outer = names[_i / COUNT], *inner = names[_i % COUNT];
    struct over over = {0, 0, 0};
    int expected = may_stand(&over, outer) && may_stand(&over, inner);

    for (int between = 0; between < 2; between++) {
        const struct dal_instance *instance = NULL;
        char spec[128], message[512] = "";
        int error;

        (void)snprintf(spec, sizeof spec, "%s+%s%s+system", outer, between ? "fail+" : "", inner);
        error = dal_instance_create_spec(spec, &instance, message, sizeof message);
        ck_assert_msg((error == 0) == expected, "%s: %s", spec, message);
        ck_assert_msg(expected ||
                          strstr(message, strcmp(outer, inner) == 0 ? " already" : "guard+debug"),
                      "%s: %s", spec, message);
        if (!error)
            dal_instance_destroy(instance);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("layers");
    TCase *tcase = tcase_create("orders");

    tcase_set_timeout(tcase, 60.0 * suite_fuzz_rounds(1));
    tcase_add_loop_test(tcase, test_which_may_stand_over_which, 0, 36);
    tcase_add_test(tcase, test_random_calls_on_random_layers);
    tcase_add_test(tcase, test_threads_on_random_layers);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(make_suite());
}
