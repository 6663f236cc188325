/* SPDX-License-Identifier: MIT */
/* What the programs here share that print what is not so, and fail for it. */
#include <stddef.h>
#include <stdio.h>

static int failures;

#define HOLD(what)                                            \
    do {                                                      \
        if (!(what)) {                                        \
            printf("line %d: not so: %s\n", __LINE__, #what); \
            failures++;                                       \
        }                                                     \
    } while (0)

static int is_zero(const void *block, size_t bytes)
{
    const unsigned char *at = block;

    for (size_t i = 0; i < bytes; i++) {
        if (at[i])
            return 0;
    }
    return 1;
}
