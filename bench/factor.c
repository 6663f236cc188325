/* SPDX-License-Identifier: MIT */
/*
 * Many small blocks of short life, as in arithmetic without bounds: natural numbers, each in a
 * block of its own, of which every step makes four and gives four back. Factors of products of two
 * primes by Pollard's rho; the numbers fit two digits, so that most of the time goes to blocks.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct number {
    uint32_t digit_count;
    uint32_t digits[]; /* of 32 bits, least first */
};

static struct number *make(uint64_t value)
{
    uint32_t count = value >> 32 ? 2 : 1;
    struct number *number = malloc(sizeof *number + count * sizeof(uint32_t));

    if (!number)
        exit(2);
    number->digit_count = count;
    for (uint32_t i = 0; i < count; i++)
        number->digits[i] = (uint32_t)(value >> 32 * i);
    return number;
}

static uint64_t value_of(const struct number *number)
{
    return number->digits[0] | (number->digit_count > 1 ? (uint64_t)number->digits[1] << 32 : 0);
}

static struct number *product(const struct number *a, const struct number *b,
                              const struct number *m)
{
    return make((uint64_t)((unsigned __int128)value_of(a) * value_of(b) % value_of(m)));
}

static struct number *sum(const struct number *a, uint64_t b, const struct number *m)
{
    return make((value_of(a) + b) % value_of(m));
}

static struct number *difference(const struct number *a, const struct number *b)
{
    uint64_t x = value_of(a), y = value_of(b);

    return make(x > y ? x - y : y - x);
}

/* x becomes x * x + 1 modulo m. */
static struct number *step(struct number *x, const struct number *m)
{
    struct number *square = product(x, x, m);
    struct number *next = sum(square, 1, m);

    free(square);
    free(x);
    return next;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static uint64_t factor(uint64_t value)
{
    enum { STEPS = 128 };
    struct number *m = make(value), *slow = make(2), *fast = make(2);
    uint64_t found = 1;

    while (found == 1) {
        struct number *all = make(1);

        for (int i = 0; i < STEPS; i++) {
            struct number *apart, *longer;

            slow = step(slow, m);
            fast = step(step(fast, m), m);
            apart = difference(slow, fast);
            longer = product(all, apart, m);
            free(apart);
            free(all);
            all = longer;
        }
        found = common_divisor(value_of(all), value);
        free(all);
    }
    free(m);
    free(slow);
    free(fast);
    return found;
}

/* The argument: how often. */
int main(int argc, char **argv)
{
    static const uint64_t primes[] = {1073741789, 1073741783, 1073741741, 1073741723, 1073741719};
    enum { COUNT = sizeof primes / sizeof *primes };

    for (long round = argc > 1 ? strtol(argv[1], NULL, 10) : 1; round > 0; round--) {
        for (int i = 0; i < COUNT; i++) {
            for (int j = 0; j < i; j++) {
                uint64_t value = primes[i] * primes[j];

                printf("%llu %llu\n", (unsigned long long)value, (unsigned long long)factor(value));
            }
        }
    }
    return 0;
}
