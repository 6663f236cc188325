/* SPDX-License-Identifier: MIT */
/*
 * The sampling clock: how many things are passed over until the next one is looked at, so that each
 * is looked at with the same probability, whatever came before. By regular steps a program that
 * does things in turn would have some looked at always and others never. For the layers of this
 * folder only.
 */
#ifndef LAYERS_SAMPLING_H
#define LAYERS_SAMPLING_H

#include <stdint.h>

/* The next number of a generator (xorshift64*), whose state is not 0. No secret. */
static inline uint64_t sampling_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* -log2(random / 2^64) in units of 2^-16: the leading zeroes, and a binary digit of the logarithm
 * for each squaring of the rest. */
static inline uint64_t sampling_minus_log2(uint64_t random)
{
    unsigned zeros;
    uint64_t rest, fraction = 0;

    random |= 1;
    zeros = (unsigned)__builtin_clzll(random);
    rest = random << zeros >> 32; /* 1 is 2^31 */
    for (int digit = 0; digit < 16; digit++) {
        rest = rest * rest >> 31;
        fraction = fraction << 1 | rest >> 32;
        rest >>= rest >> 32;
    }
    return ((uint64_t)(zeros + 1) << 16) - fraction;
}

/* The largest `every` that a gap can be computed for. */
#define SAMPLING_EVERY_MAX (UINT64_C(1) << 24)

/* From one that is looked at to the next one: at least 1, on average `every`, at most 46 times
 * that. What is exponentially distributed and rounded up has a mean that is half of a unit above.
 */
static inline uint64_t sampling_gap(uint64_t *state, uint64_t every)
{
    const uint64_t ln_2 = 45426; /* in units of 2^-16 */

    if (every <= 1)
        return 1;
    return 1 + ((2 * every - 1) * (sampling_minus_log2(sampling_random(state)) * ln_2 >> 16) >> 17);
}

#endif /* LAYERS_SAMPLING_H */
