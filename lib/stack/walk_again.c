/* SPDX-License-Identifier: MIT */
/* See walk_again.h. */
#include <config.h>

#include "stack/walk_again.h"

#include <stdatomic.h>

enum { WALKS = 1024, HINTS = 1024 };

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

/*
 * Many come by the same place at the same depth, such as all that allocate by a function of the
 * program's own. So the next two words after that place belong to the key as well. Where they lie
 * is known from the last walk with the key so far, since the words before say which frames these
 * are; if it is forgotten, the walk is. The two words are stored as those of a rule (walk.c).
 */
enum { HINTS_FOLLOWED = 2 };
struct hint {
    _Atomic(uint64_t) combined;
    _Atomic(uintptr_t) address;
};

struct dal_walks_ {
    struct walked walks[WALKS];
    struct hint hints[HINTS];
};

const size_t dal_walks_bytes_ = sizeof(struct dal_walks_);

#define LOAD(member)         atomic_load_explicit(&(member), memory_order_relaxed)
#define STORE(member, value) atomic_store_explicit(&(member), (value), memory_order_relaxed)

static uint64_t mix(uint64_t key, uintptr_t word)
{
    key = (key ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return key ^ key >> 32;
}

static uint64_t key_of(const struct dal_walk_ *walk, const void *from)
{
    return mix(mix(1, walk->reads->first_stack), (uintptr_t)from);
}

static struct hint *hint_at(struct dal_walks_ *walks, uint64_t key)
{
    return &walks->hints[key % HINTS];
}

static struct walked *walked_at(struct dal_walks_ *walks, uint64_t key)
{
    return &walks->walks[key % WALKS];
}

/* By the words that are there now. */
static uint64_t follow(struct dal_walks_ *walks, struct dal_walk_ *walk, uint64_t key)
{
    for (int i = 0; i < HINTS_FOLLOWED; i++) {
        const struct hint *hint = hint_at(walks, key);
        uintptr_t address = LOAD(hint->address), word;

        if ((LOAD(hint->combined) ^ address) != key || !dal_walk_read_(walk, address, &word))
            break;
        key = mix(key, word);
    }
    return key;
}

/* By those that a walk has read behind its first place. */
static uint64_t keep_hints(struct dal_walks_ *walks, const struct dal_walk_reads_ *reads,
                           const void *from, uint64_t key)
{
    size_t at = 0;

    while (at < reads->count && reads->words[at] != (uintptr_t)from)
        at++;
    for (int i = 0; i < HINTS_FOLLOWED && ++at < reads->count; i++) {
        struct hint *hint = hint_at(walks, key);

        STORE(hint->address, reads->addresses[at]);
        STORE(hint->combined, key ^ reads->addresses[at]);
        key = mix(key, reads->words[at]);
    }
    return key;
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

static int is_still(const struct walked *walked, uint32_t version)
{
    atomic_thread_fence(memory_order_acquire);
    return LOAD(walked->version) == version;
}

/* Whether the words are there. An address on another page is of this walk, and not of another
 * thread's stack, if the entry has not been written meanwhile: that is seen before it is read. */
DAL_UNCHECKED_ static int reads_alike(const struct walked *walked, struct dal_walk_ *walk,
                                      uint32_t version)
{
    uint32_t reads = LOAD(walked->reads_count);

    if (reads > DAL_WALK_READS_MAX_)
        return 0;
    for (uint32_t i = 0; i < reads; i++) {
        uintptr_t address = LOAD(walked->reads[i].address), word;

        if (dal_walk_is_near_(walk, address))
            word = *(const uintptr_t *)address;
        else if (!is_still(walked, version) || !dal_walk_read_(walk, address, &word))
            return 0;
        if (word != LOAD(walked->reads[i].word))
            return 0;
    }
    return 1;
}

uint32_t dal_walk_again_(struct dal_walks_ *walks, struct dal_walk_ *walk, const void *from,
                         size_t count)
{
    const uintptr_t page = walk->page;
    struct walked *walked = walked_at(walks, follow(walks, walk, key_of(walk, from)));
    uint32_t version = atomic_load_explicit(&walked->version, memory_order_acquire);
    uint32_t stack = LOAD(walked->stack);
    int is_alike;

    /* Each way begins where the walk does. */
    walk->page = page;
    is_alike = version % 2 == 0 && begins_alike(walked, walk, from, count) &&
               reads_alike(walked, walk, version);
    walk->page = page;
    return is_alike && is_still(walked, version) ? stack : 0;
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
    struct walked *walked;
    uint32_t version;

    if (!stack || walk->reads->count > DAL_WALK_READS_MAX_)
        return;
    walked = walked_at(walks, keep_hints(walks, walk->reads, from, key_of(walk, from)));
    version = LOAD(walked->version);
    if (version % 2 ||
        !atomic_compare_exchange_strong_explicit(&walked->version, &version, version + 1,
                                                 memory_order_acquire, memory_order_relaxed))
        return;
    atomic_thread_fence(memory_order_release);
    write(walked, walk, from, count, stack);
    atomic_store_explicit(&walked->version, version + 2, memory_order_release);
}
