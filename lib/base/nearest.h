/* SPDX-License-Identifier: MIT */
/* Which known word somebody may have meant. The library's and the command's: it knows nothing of
 * either. */
#ifndef DAL_NEAREST_H
#define DAL_NEAREST_H

#include <stddef.h>

/* Longer words are not compared: no name and no option of ours is that long. */
#define DAL_NEAREST_WORD_MAX 63

/* A search for the nearest of some words; start with {given, "", 0}. */
struct dal_nearest_ {
    const char *given;
    char best[DAL_NEAREST_WORD_MAX + 1]; /* the nearest so far, or "" if none is near */
    size_t distance;
};

/* Look at one more known word. */
void dal_nearest_try_(struct dal_nearest_ *nearest, const char *known);

/* The same for a word that stands for a known one: ls for list. */
void dal_nearest_try_as_(struct dal_nearest_ *nearest, const char *word, const char *known);

#endif /* DAL_NEAREST_H */
