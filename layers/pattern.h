/* SPDX-License-Identifier: MIT */
/*
 * Bytes around a block that are marked, and looked at later. The marks are those of bionic's
 * malloc_debug, so that who has seen them in a debugger knows them again. For the layers of this
 * folder only.
 */
#ifndef LAYERS_PATTERN_H
#define LAYERS_PATTERN_H

#include <stddef.h>
#include <string.h>

enum { PATTERN_FRONT = 0xaa, PATTERN_BEHIND = 0xbb };

/* Bytes that are not what they were marked as: how many, and the first of them, or of those in
 * front of a block the last, from its beginning. */
struct pattern_change {
    size_t count;
    ptrdiff_t offset;
    unsigned char found;
};

/* Whether all bytes are a pattern's, which nearly all are: the first is, and each is as the next.
 */
static inline int pattern_is_whole(const unsigned char *bytes, size_t count, int pattern)
{
    return count == 0 || (bytes[0] == pattern && memcmp(bytes, bytes + 1, count - 1) == 0);
}

/* Look at count bytes at an offset from a block. */
static inline struct pattern_change pattern_look(const char *ptr, ptrdiff_t offset, size_t count,
                                                 int pattern)
{
    const unsigned char *bytes = (const unsigned char *)ptr + offset;
    struct pattern_change change = {0, 0, 0};

    if (pattern_is_whole(bytes, count, pattern))
        return change;
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == pattern)
            continue;
        /* In front of the block it is the last that is nearest to it. */
        if (change.count++ == 0 || offset < 0) {
            change.offset = offset + (ptrdiff_t)i;
            change.found = bytes[i];
        }
    }
    return change;
}

#endif /* LAYERS_PATTERN_H */
