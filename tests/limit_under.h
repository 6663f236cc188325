/* SPDX-License-Identifier: MIT */
/*
 * For the tests of the layer `limit`: the allocator under it, which counts what is live in it by
 * itself, ends the process where that is ever more than it is told, and fails on demand. It has no
 * functions but those below, so that what it counts is what it was asked for.
 */
#ifndef TESTS_LIMIT_UNDER_H
#define TESTS_LIMIT_UNDER_H

#include <check.h>
#include <dispatchalloc.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every block has so much memory more, and is resized where it is up to that. */
#ifndef UNDER_ROOM
# define UNDER_ROOM ((size_t)4096)
#endif

static _Atomic(int64_t) under_live;
static _Atomic(int64_t) under_most = INT64_MAX;
static _Thread_local int under_fails;

static void under_count(int64_t change)
{
    int64_t live = atomic_fetch_add(&under_live, change) + change;

    if (live > atomic_load(&under_most)) {
        fprintf(stderr, "%lld bytes are live, of %lld\n", (long long)live,
                (long long)atomic_load(&under_most));
        abort();
    }
}

static void *under_alloc(size_t size, size_t align, void *ctx)
{
    const struct dal_instance *child = ctx;
    void *ptr = under_fails ? NULL : dal_instance_alloc(child, size + UNDER_ROOM, align);

    if (ptr)
        under_count((int64_t)size);
    return ptr;
}

static void under_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    const struct dal_instance *child = ctx;

    if (!ptr)
        return;
    under_count(-(int64_t)size);
    dal_instance_dealloc(child, ptr, size + UNDER_ROOM, align);
}

static void *under_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    const struct dal_instance *child = ctx;
    void *moved;

    if (!ptr)
        return under_alloc(new_size, align, ctx);
    if (under_fails)
        return NULL;
    moved = dal_instance_realloc(child, ptr, old_size + UNDER_ROOM, align, new_size + UNDER_ROOM);
    if (moved)
        under_count((int64_t)new_size - (int64_t)old_size);
    return moved;
}

/* (It has forgotten by then how much room there is: this is for blocks that were not resized.) */
static int under_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                 void *ctx)
{
    (void)ptr;
    (void)align;
    (void)ctx;
    if (under_fails || new_size > UNDER_ROOM)
        return DAL_ERR_UNSUPPORTED;
    under_count((int64_t)new_size - (int64_t)old_size);
    return 0;
}

static int under_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    allocator->ctx = (void *)(uintptr_t)request->child;
    allocator->alloc = under_alloc;
    allocator->dealloc = under_dealloc;
    allocator->realloc = under_realloc;
    allocator->resize_in_place = under_resize_in_place;
    return 0;
}

static const struct dal_backend under = {
    DAL_BACKEND_HEADER,     .name = "under",
    .version = "1",         .summary = "counts what is live by itself",
    .create = under_create,
};

/* ---- What the tests do with it -----------------------------------------------------------------
 */

static const struct dal_instance *make(const char *spec)
{
    const struct dal_instance *instance = NULL;
    char message[512];

    (void)dal_backend_register(&under);
    ck_assert_msg(dal_instance_create_spec(spec, &instance, message, sizeof message) == 0, "%s",
                  message);
    return instance;
}

/* limit:bytes=BYTES+under, which is not to have more. */
static const struct dal_instance *make_limit(uint64_t bytes)
{
    char spec[64];

    snprintf(spec, sizeof spec, "limit:bytes=%llu+under", (unsigned long long)bytes);
    atomic_store(&under_most, (int64_t)bytes);
    return make(spec);
}

/* No ck_assert: it takes a lock, and this runs in children of threaded parents as well. */
static uint64_t value_of(const struct dal_instance *instance, const char *key)
{
    uint64_t value;

    if (dal_limit_get(instance, key, &value) != 0)
        abort();
    return value;
}

/* Allocate all there is, the larger blocks first, and return how much that was. They are in a list
 * that give_all_back() gives back. */
struct taken {
    struct taken *next;
    void *block;
    size_t size;
};

static uint64_t take_all(const struct dal_instance *instance, size_t first, struct taken **list)
{
    uint64_t sum = 0;

    for (size_t size = first; size > 0;) {
        void *block = dal_instance_alloc(instance, size, 1);
        struct taken *taken;

        if (!block) {
            size /= 2;
            continue;
        }
        taken = malloc(sizeof *taken);
        if (!taken)
            abort();
        *taken = (struct taken){*list, block, size};
        *list = taken;
        sum += size;
    }
    return sum;
}

static void give_all_back(const struct dal_instance *instance, struct taken **list)
{
    while (*list) {
        struct taken *taken = *list;

        *list = taken->next;
        dal_instance_dealloc(instance, taken->block, taken->size, 1);
        free(taken);
    }
}

#endif /* TESTS_LIMIT_UNDER_H */
