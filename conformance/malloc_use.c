/* SPDX-License-Identifier: MIT */
/* What the C library's malloc is used for, where it tells: glibc from 2.33 on, with nothing in its
 * place. */
#include <stdlib.h>

#include "kit.h"

#ifdef __GLIBC__
# if __GLIBC_PREREQ(2, 33)
#  define HAS_MALLINFO2 1
#  include <malloc.h>
# endif
#endif

size_t kit_malloc_bytes(void)
{
#ifdef HAS_MALLINFO2
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

bool kit_malloc_is_seen(void)
{
    size_t before = kit_malloc_bytes();
    void *volatile block = malloc((size_t)1 << 20);
    bool is_seen = block && kit_malloc_bytes() > before;

    free(block);
    return is_seen;
}

/* Each cache holds up to 7 blocks of a size, of sizes up to 1032. */
void kit_malloc_drain(void)
{
    for (size_t size = 8; size <= 1048; size += 16) {
        for (int i = 0; i < 8; i++) {
            void *volatile kept = malloc(size);

            (void)kept;
        }
    }
}
