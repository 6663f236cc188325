/* SPDX-License-Identifier: MIT */
/*
 * Patterns: of new blocks, of blocks that were given back, and of the red zones around a block.
 * They are those of bionic's malloc_debug, so that who has seen them in a debugger knows them
 * again.
 */
#include <string.h>

#include "debug.h"

enum { MADE = 0xeb, ENDED = 0xef, FRONT = 0xaa, BEHIND = 0xbb };

void dal_debug_mark_zones_(char *ptr, size_t size, struct debug_shape shape)
{
    memset(ptr - shape.front, FRONT, shape.front);
    memset(ptr + size, BEHIND, shape.behind);
}

void dal_debug_mark_made_(const struct debug_instance *instance, char *ptr, size_t size,
                          struct debug_shape shape, int is_zeroed)
{
    dal_debug_mark_zones_(ptr, size, shape);
    if (instance->fill && !is_zeroed)
        memset(ptr, MADE, size);
}

void dal_debug_mark_ended_(const struct debug_instance *instance, char *ptr, size_t size)
{
    if (instance->fill)
        memset(ptr, ENDED, size);
}

/* ---- Looking --------------------------------------------------------------------------------- */

/* Whether all bytes are a pattern's, which nearly all are: the first is, and each is as the next.
 */
static int is_whole(const unsigned char *bytes, size_t count, int pattern)
{
    return count == 0 || (bytes[0] == pattern && memcmp(bytes, bytes + 1, count - 1) == 0);
}

/* Bytes at an offset from a block. */
static struct debug_change look(const char *ptr, ptrdiff_t offset, size_t count, int pattern)
{
    const unsigned char *bytes = (const unsigned char *)ptr + offset;
    struct debug_change change = {0, 0, 0};

    if (is_whole(bytes, count, pattern))
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

struct debug_change dal_debug_front_changed_(const char *ptr, struct debug_shape shape)
{
    return look(ptr, -(ptrdiff_t)shape.front, shape.front, FRONT);
}

struct debug_change dal_debug_behind_changed_(const char *ptr, size_t size,
                                              struct debug_shape shape)
{
    return look(ptr, (ptrdiff_t)size, shape.behind, BEHIND);
}

struct debug_change dal_debug_ended_changed_(const char *ptr, size_t size)
{
    return look(ptr, 0, size, ENDED);
}
