/* SPDX-License-Identifier: MIT */
/* Patterns: of new blocks, of blocks that were given back, and of the red zones around a block; all
 * are bionic's. */
#include <string.h>

#include "debug.h"

enum { MADE = 0xeb, ENDED = 0xef };

/* Programs reserve by large blocks what they never touch: those are not to take memory. */
enum { MOST_FILLED = 1 << 20 };

static size_t filled_part(size_t size)
{
    return size < MOST_FILLED ? size : MOST_FILLED;
}

void dal_debug_mark_zones_(char *ptr, size_t size, struct debug_shape shape)
{
    memset(ptr - shape.front, PATTERN_FRONT, shape.front);
    memset(ptr + size, PATTERN_BEHIND, shape.behind);
}

void dal_debug_mark_made_(const struct debug_instance *instance, char *ptr, size_t size,
                          struct debug_shape shape, int is_zeroed)
{
    dal_debug_mark_zones_(ptr, size, shape);
    if (instance->fill && !is_zeroed)
        memset(ptr, MADE, filled_part(size));
}

void dal_debug_mark_ended_(const struct debug_instance *instance, char *ptr, size_t size)
{
    if (instance->fill)
        memset(ptr, ENDED, filled_part(size));
}

/* ---- Looking --------------------------------------------------------------------------------- */

struct pattern_change dal_debug_front_changed_(const char *ptr, struct debug_shape shape)
{
    return pattern_look(ptr, -(ptrdiff_t)shape.front, shape.front, PATTERN_FRONT);
}

struct pattern_change dal_debug_behind_changed_(const char *ptr, size_t size,
                                                struct debug_shape shape)
{
    return pattern_look(ptr, (ptrdiff_t)size, shape.behind, PATTERN_BEHIND);
}

struct pattern_change dal_debug_ended_changed_(const char *ptr, size_t size)
{
    return pattern_look(ptr, 0, filled_part(size), ENDED);
}
