/* SPDX-License-Identifier: MIT */
/* Which known word somebody may have meant: one that is written almost so, or has much in common
 * with it. Letter case does not count. */
#include <config.h>

#include "base/nearest.h"

#include <string.h>

#define WORD_MAX DAL_NEAREST_WORD_MAX
#define FAR      (2 * WORD_MAX)

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Insertions, deletions, substitutions and swaps of neighbours that make a of b. (The optimal
 * string alignment distance, three rows at a time.) */
static size_t distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    size_t rows[3][WORD_MAX + 1];

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

/* How many letters both begin with. */
static size_t common(const char *a, const char *b)
{
    size_t length = 0;

    while (a[length] && lower(a[length]) == lower(b[length]))
        length++;
    return length;
}

static int contains(const char *text, const char *word)
{
    size_t length = strlen(word);

    while (*text && common(text, word) < length)
        text++;
    return *text != '\0';
}

/* Three letters may stand inside a word by chance: run in prune. */
static int begins_or_ends_with(const char *text, const char *word)
{
    size_t length = strlen(word), text_length = strlen(text);

    return common(text, word) == length ||
           (text_length > length && common(text + text_length - length, word) == length);
}

/* How far words are that have much in common; two are a mistake. */
static size_t kinship(const char *given, const char *known)
{
    size_t begin = common(given, known);
    size_t length = strlen(given), known_length = strlen(known);

    if (begin == length && length >= 2)
        return 2;
    if (known_length >= 4 ? contains(given, known)
                          : known_length == 3 && begins_or_ends_with(given, known))
        return 3;
    if (length >= 4 && contains(known, given))
        return 4;
    return begin >= 4 && begin * 3 >= known_length * 2 ? 4 : FAR;
}

/* A third of the word may be wrong; half of it never, but where the first letter is right. */
static size_t mistakes(const char *given, const char *known)
{
    size_t length = strlen(known);
    size_t tried = distance(given, known);
    int begins_wrong = lower(given[0]) != lower(known[0]);

    return tried > (length + 2) / 3 || tried * 2 + (size_t)begins_wrong > length ? FAR : tried * 2;
}

void dal_nearest_try_as_(struct dal_nearest_ *nearest, const char *word, const char *known)
{
    const char *given = nearest->given;
    size_t tried;

    if (strlen(word) > WORD_MAX || strlen(known) > WORD_MAX || strlen(given) > WORD_MAX)
        return;
    tried = smaller(mistakes(given, word), kinship(given, word));
    if (tried < FAR && (!nearest->best[0] || tried < nearest->distance)) {
        memcpy(nearest->best, known, strlen(known) + 1);
        nearest->distance = tried;
    }
}

void dal_nearest_try_(struct dal_nearest_ *nearest, const char *known)
{
    dal_nearest_try_as_(nearest, known, known);
}
