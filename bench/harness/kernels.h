/* SPDX-License-Identifier: MIT */
/*
 * The kernels for a peer in C or C++. Define before including it:
 *
 *   BENCH_ALLOC(size, align)           align is a constant
 *   BENCH_FREE(block, size, align)     not for an allocator that frees all at once
 *   BENCH_MAX_ALIGN                    largest alignment it can do; 4096 if undefined
 *   BENCH_ZEROED(size)                 if undefined: allocate and clear
 *   BENCH_REALLOC(block, old, size)    if undefined: allocate, copy, free
 *   BENCH_RESET()                      frees all at once; undefined: it cannot
 *   BENCH_START                        a function to call first
 */
#ifndef BENCH_KERNELS_H
#define BENCH_KERNELS_H

#include <string.h>

#include "harness.h"

#ifndef BENCH_MAX_ALIGN
# define BENCH_MAX_ALIGN 4096
#endif

/* The compiler can no longer tell where the block came from, nor what is in it. */
#define BENCH_HIDE(block) __asm__ volatile("" : "+r"(block) : : "memory")

static inline uint64_t *checked(void *block)
{
    if (__builtin_expect(!block, 0))
        bench_out_of_memory();
    BENCH_HIDE(block);
    return (uint64_t *)block;
}

static void fill(void **blocks, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t *block = checked(BENCH_ALLOC(size, 8));

        *block = i;
        blocks[i] = block;
    }
}

#ifdef BENCH_FREE

__attribute__((always_inline)) static inline uint64_t pairs(size_t size, size_t align,
                                                            uint64_t count)
{
    uint64_t sum = 0;

    (void)align;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t *block = checked(BENCH_ALLOC(size, align));

        *block = i;
        BENCH_HIDE(block);
        sum += *block;
        BENCH_FREE(block, size, align);
    }
    return sum;
}

static uint64_t pair(size_t size, size_t align, uint64_t count)
{
    switch (align) {
    case 8: return pairs(size, 8, count);
# if BENCH_MAX_ALIGN >= 16
    case 16: return pairs(size, 16, count);
# endif
# if BENCH_MAX_ALIGN >= 4096
    case 64: return pairs(size, 64, count);
    case 4096: return pairs(size, 4096, count);
# endif
    default: return UINT64_MAX;
    }
}

static uint64_t pair_constant(size_t size, uint64_t count)
{
    switch (size) {
    case 32: return pairs(32, 8, count);
    case 4096: return pairs(4096, 8, count);
    default: return UINT64_MAX;
    }
}

static uint64_t drain(void **blocks, size_t count, size_t size)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t *block = (uint64_t *)blocks[i];

        sum += *block;
        BENCH_FREE(block, size, 8);
    }
    (void)size;
    return sum;
}

static inline uint64_t *resized(uint64_t *block, size_t old_size, size_t size)
{
# ifdef BENCH_REALLOC
    (void)old_size;
    return checked(BENCH_REALLOC(block, old_size, size));
# else
    uint64_t *larger = checked(BENCH_ALLOC(size, 8));

    memcpy(larger, block, old_size);
    BENCH_FREE(block, old_size, 8);
    return larger;
# endif
}

static uint64_t grow(size_t size, uint64_t count)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t *vector = checked(BENCH_ALLOC(16, 8));

        vector[0] = i;
        for (size_t have = 16; have < size; have *= 2) {
            vector = resized(vector, have, 2 * have);
            vector[have / sizeof *vector] = have;
        }
        BENCH_HIDE(vector);
        sum += vector[0] + vector[size / 2 / sizeof *vector];
        BENCH_FREE(vector, size, 8);
    }
    return sum;
}

static inline uint64_t *cleared(size_t size)
{
# ifdef BENCH_ZEROED
    return checked(BENCH_ZEROED(size));
# else
    uint64_t *block = checked(BENCH_ALLOC(size, 8));

    memset(block, 0, size);
    BENCH_HIDE(block); /* so that all of it is cleared, and not only what is looked at */
    return block;
# endif
}

static uint64_t zeroed(size_t size, uint64_t count)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t *block = cleared(size);
        size_t last = size / sizeof *block - 1;

        sum += block[0] + block[last] + i;
        block[0] = ~i;
        block[last] = ~i;
        BENCH_HIDE(block);
        BENCH_FREE(block, size, 8);
    }
    return sum;
}

/* Marsaglia's xorshift. */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t churn(struct bench_slot *slots, size_t count, uint64_t *random, uint64_t steps)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < steps; i++) {
        uint64_t number = next_random(random);
        struct bench_slot *slot = &slots[number & (count - 1)];
        size_t size = 16 + (size_t)(number >> 32 & 511);
        uint64_t *block = (uint64_t *)slot->block;

        if (block) {
            sum += *block;
            BENCH_FREE(block, slot->size, 8);
        }
        block = checked(BENCH_ALLOC(size, 8));
        *block = number;
        slot->block = block;
        slot->size = size;
    }
    return sum;
}

# define BENCH_KERNELS_FREE pair, pair_constant, fill, drain
# define BENCH_KERNELS_REST grow, zeroed, churn
#else
# define BENCH_KERNELS_FREE NULL, NULL, fill, NULL
# define BENCH_KERNELS_REST NULL, NULL, NULL
#endif

#ifdef BENCH_RESET
static void reset(void)
{
    BENCH_RESET();
}
# define BENCH_KERNEL_RESET reset
#else
# define BENCH_KERNEL_RESET NULL
#endif

#ifndef BENCH_START
# define BENCH_START NULL
#endif

const struct bench_peer bench_peer = {
    BENCH_START,
    BENCH_KERNELS_FREE,
    BENCH_KERNEL_RESET,
    BENCH_KERNELS_REST,
};

#endif
