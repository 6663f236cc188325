/* SPDX-License-Identifier: MIT */
/* Which known word somebody may have meant: the smallest edit distance that is still near. */
#include <config.h>

#include "base/nearest.h"

#include <string.h>

#define WORD_MAX DAL_NEAREST_WORD_MAX

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Insertions, deletions, substitutions and swaps of neighbours that make a of b; letter
 * case does not count. (The optimal string alignment distance, three rows at a time.) */
static size_t distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    size_t rows[3][WORD_MAX + 1];

    if (a_length > WORD_MAX || b_length > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *above_two = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            char x = lower(a[i - 1]), y = lower(b[j - 1]);

            row[j] = smaller(above[j], row[j - 1]) + 1;
            row[j] = smaller(row[j], above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y)
                row[j] = smaller(row[j], above_two[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

void dal_nearest_try_(struct dal_nearest_ *nearest, const char *known)
{
    size_t tried = distance(nearest->given, known);

    /* A third of the word may be wrong, and never all of it. */
    if (tried >= WORD_MAX || tried > (strlen(known) + 2) / 3 || tried >= strlen(known))
        return;
    if (!nearest->best[0] || tried < nearest->distance) {
        memcpy(nearest->best, known, strlen(known) + 1);
        nearest->distance = tried;
    }
}
