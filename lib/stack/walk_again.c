/* SPDX-License-Identifier: MIT */
/* See walk_again.h. */
#include <config.h>

#include "stack/walk_again.h"

#include <stdatomic.h>

enum { WALKS = 1024 };

/* The version is odd while the others are written. It is stored with release when that is over, and
 * read with acquire; who reads looks once more after a fence, which pairs with the one behind the
 * odd version. The others are relaxed. */
struct walked {
    _Atomic(uint32_t) version, stack;
    _Atomic(uintptr_t) from, first_place, first_stack, first_pointer;
    _Atomic(uint32_t) count, reads_count, uses_pointer;
    struct {
        _Atomic(uintptr_t) address, word;
    } reads[DAL_WALK_READS_MAX_];
};

struct dal_walks_ {
    struct walked walks[WALKS];
};

const size_t dal_walks_bytes_ = sizeof(struct dal_walks_);

#define LOAD(member)         atomic_load_explicit(&(member), memory_order_relaxed)
#define STORE(member, value) atomic_store_explicit(&(member), (value), memory_order_relaxed)

static struct walked *walked_at(struct dal_walks_ *walks, const struct dal_walk_ *walk,
                                const void *from)
{
    uint64_t hash = ((uint64_t)walk->reads->first_stack ^ (uint64_t)(uintptr_t)from << 20) *
                    UINT64_C(0x9e3779b97f4a7c15);

    return &walks->walks[hash >> 32 & (WALKS - 1)];
}

static int begins_alike(const struct walked *walked, const struct dal_walk_ *walk, const void *from,
                        size_t count)
{
    return LOAD(walked->from) == (uintptr_t)from &&
           LOAD(walked->first_stack) == walk->reads->first_stack &&
           LOAD(walked->first_place) == walk->reads->first_place && LOAD(walked->count) == count &&
           (!LOAD(walked->uses_pointer) ||
            LOAD(walked->first_pointer) == walk->reads->first_pointer);
}

uint32_t dal_walk_again_(struct dal_walks_ *walks, struct dal_walk_ *walk, const void *from,
                         size_t count)
{
    struct walked *walked = walked_at(walks, walk, from);
    uint32_t version = atomic_load_explicit(&walked->version, memory_order_acquire);
    uint32_t reads = LOAD(walked->reads_count), stack = LOAD(walked->stack);

    if (version % 2 || !begins_alike(walked, walk, from, count) || reads > DAL_WALK_READS_MAX_)
        return 0;
    for (uint32_t i = 0; i < reads; i++) {
        if (!dal_walk_finds_(walk, LOAD(walked->reads[i].address), LOAD(walked->reads[i].word)))
            return 0;
    }
    atomic_thread_fence(memory_order_acquire);
    return LOAD(walked->version) == version ? stack : 0;
}

static void write(struct walked *walked, const struct dal_walk_ *walk, const void *from,
                  size_t count, uint32_t stack)
{
    const struct dal_walk_reads_ *reads = walk->reads;

    STORE(walked->stack, stack);
    STORE(walked->from, (uintptr_t)from);
    STORE(walked->first_place, walk->reads->first_place);
    STORE(walked->first_stack, walk->reads->first_stack);
    STORE(walked->first_pointer, walk->reads->first_pointer);
    STORE(walked->count, (uint32_t)count);
    STORE(walked->uses_pointer, (uint32_t)reads->uses_pointer);
    STORE(walked->reads_count, (uint32_t)reads->count);
    for (size_t i = 0; i < reads->count; i++) {
        STORE(walked->reads[i].address, reads->addresses[i]);
        STORE(walked->reads[i].word, reads->words[i]);
    }
}

void dal_walk_keep_(struct dal_walks_ *walks, const struct dal_walk_ *walk, const void *from,
                    size_t count, uint32_t stack)
{
    struct walked *walked = walked_at(walks, walk, from);
    uint32_t version = LOAD(walked->version);

    if (!stack || walk->reads->count > DAL_WALK_READS_MAX_ || version % 2 ||
        !atomic_compare_exchange_strong_explicit(&walked->version, &version, version + 1,
                                                 memory_order_acquire, memory_order_relaxed))
        return;
    atomic_thread_fence(memory_order_release);
    write(walked, walk, from, count, stack);
    atomic_store_explicit(&walked->version, version + 2, memory_order_release);
}
