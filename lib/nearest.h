/* SPDX-License-Identifier: MIT */
/* Which known word somebody may have meant. */
#ifndef DAL_NEAREST_H
#define DAL_NEAREST_H

#include <stddef.h>

/* A search for the nearest of some words; start with {given, NULL, 0}. */
struct dal_nearest_ {
    const char *given;
    const char *best; /* the nearest so far, or NULL if none is near */
    size_t distance;
};

/* Look at one more known word. */
void dal_nearest_try_(struct dal_nearest_ *nearest, const char *known);

#endif /* DAL_NEAREST_H */
