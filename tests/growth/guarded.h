/* SPDX-License-Identifier: MIT */
/* A structure of the program's, with bytes on both sides that nobody may touch. */
#ifndef GUARDED_H
#define GUARDED_H

#include <string.h>

#define GUARD_BYTES 512

#define GUARDED(type)                      \
    struct {                               \
        unsigned char before[GUARD_BYTES]; \
        type inner;                        \
        unsigned char after[GUARD_BYTES];  \
    }

#define GUARD(guarded)                                         \
    (memset((guarded)->before, 0xA5, sizeof(guarded)->before), \
     memset((guarded)->after, 0xA5, sizeof(guarded)->after))

/* Padding in front of `after` is not looked at: the compiler may write to it. */
#define GUARD_HOLDS(guarded) (is_untouched((guarded)->before) && is_untouched((guarded)->after))

static inline int is_untouched(const unsigned char *bytes)
{
    for (int i = 0; i < GUARD_BYTES; i++)
        if (bytes[i] != 0xA5)
            return 0;
    return 1;
}

#endif /* GUARDED_H */
