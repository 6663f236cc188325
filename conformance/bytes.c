/* SPDX-License-Identifier: MIT */
/* What blocks are filled with, random numbers, and the sizes worth trying. */
#include "kit.h"

#include <stdlib.h>
#include <string.h>

/* ---- Patterns ------------------------------------------------------------------------- */

/* A different word at every position of every seed, so that a shifted, swapped or foreign
 * byte shows; the zero word hardly ever. */
static uint64_t word_at(uint64_t seed, size_t position)
{
    uint64_t x = (seed + position) * UINT64_C(0x9e3779b97f4a7c15);

    return x ^ (x >> 29);
}

void kit_write(unsigned char *to, size_t bytes, uint64_t seed)
{
    size_t whole = bytes & ~(size_t)7;
    uint64_t last = word_at(seed, whole);

    for (size_t i = 0; i < whole; i += sizeof(uint64_t)) {
        uint64_t word = word_at(seed, i);

        memcpy(to + i, &word, sizeof word);
    }
    memcpy(to + whole, &last, bytes - whole);
}

/* The first byte of a word from which two words differ. */
static size_t first_difference(const unsigned char *from, uint64_t word)
{
    unsigned char expected[sizeof word];
    size_t i = 0;

    memcpy(expected, &word, sizeof word);
    while (from[i] == expected[i])
        i++;
    return i;
}

size_t kit_match(const unsigned char *from, size_t bytes, uint64_t seed)
{
    size_t whole = bytes & ~(size_t)7;
    uint64_t last = word_at(seed, whole);

    for (size_t i = 0; i < whole; i += sizeof(uint64_t)) {
        uint64_t expected = word_at(seed, i);
        uint64_t word;

        memcpy(&word, from + i, sizeof word);
        if (word != expected)
            return i + first_difference(from + i, expected);
    }
    if (memcmp(from + whole, &last, bytes - whole) != 0)
        return whole + first_difference(from + whole, last);
    return bytes;
}

size_t kit_match_zero(const unsigned char *from, size_t bytes)
{
    size_t i = 0;

    for (; i + sizeof(uint64_t) <= bytes; i += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, from + i, sizeof word);
        if (word != 0)
            break;
    }
    while (i < bytes && from[i] == 0)
        i++;
    return i;
}

/* ---- Chance ----------------------------------------------------------------------------- */

/* Always the same numbers: a failure can be repeated. */
size_t kit_random(struct kit *kit, size_t limit)
{
    uint64_t x = kit->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    kit->random = x;
    return (size_t)((x >> 16) % limit);
}

size_t kit_random_size(struct kit *kit, size_t max)
{
    size_t bits = 1;
    size_t size;

    while (bits < 24 && ((size_t)1 << bits) < max)
        bits++;
    size = 1 + kit_random(kit, (size_t)1 << (1 + kit_random(kit, bits)));
    return size < max ? size : max;
}

/* ---- Sizes -------------------------------------------------------------------------------- */

#define SIZES_MAX 1024

static int compare_sizes(const void *left, const void *right)
{
    size_t a = *(const size_t *)left;
    size_t b = *(const size_t *)right;

    return a < b ? -1 : a > b;
}

struct size_list {
    size_t count;
    size_t sizes[SIZES_MAX];
};

static void add_around(struct size_list *list, size_t size, size_t distance)
{
    const size_t around[] = {size - distance, size, size + distance};

    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        if (list->count < SIZES_MAX)
            list->sizes[list->count++] = around[i];
    }
}

static void drop_doubles(struct size_list *list)
{
    size_t kept = 1;

    qsort(list->sizes, list->count, sizeof *list->sizes, compare_sizes);
    for (size_t i = 1; i < list->count; i++) {
        if (list->sizes[i] != list->sizes[kept - 1])
            list->sizes[kept++] = list->sizes[i];
    }
    list->count = kept;
}

static void make_sizes(struct size_list *list)
{
    static const size_t pages[] = {4096, 65536, 2097152};

    for (size_t size = 1; size <= 64; size++)
        list->sizes[list->count++] = size;
    for (size_t size = 80; size <= 1088; size += 16)
        add_around(list, size, 1);
    for (size_t size = 128; size <= 2097152; size *= 2)
        add_around(list, size, 1);
    for (size_t size = 192; size <= 196608; size *= 2)
        add_around(list, size, 1);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        static const size_t distances[] = {8, 15, 16, 17, 24, 32, 64, 128};

        for (size_t j = 0; j < sizeof distances / sizeof *distances; j++)
            add_around(list, pages[i], distances[j]);
    }
    drop_doubles(list);
}

const size_t *kit_sizes(size_t *count)
{
    static struct size_list list;

    if (list.count == 0)
        make_sizes(&list);
    *count = list.count;
    return list.sizes;
}
