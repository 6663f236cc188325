/* SPDX-License-Identifier: MIT */
/*
 * A program that is linked with libjemalloc and mixes its own calls with malloc and free, as
 * jemalloc allows. Prints what is not so; its argument says whether jemalloc serves: "own" or
 * "other".
 */
#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hold.h"

static void check_blocks(void)
{
    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        for (int log2 = 3; log2 <= 13; log2++) {
            size_t align = (size_t)1 << log2;
            char *ptr = malloc(size), *aligned;

            memset(ptr, 0xeb, size);
            free(ptr);
            aligned = mallocx(size, MALLOCX_ALIGN(align) | MALLOCX_ZERO);
            HOLD(aligned && (uintptr_t)aligned % align == 0 && is_zero(aligned, size));
            HOLD(sallocx(aligned, 0) >= size && nallocx(size, MALLOCX_ALIGN(align)) >= size);
            memset(aligned, 7, size);
            ptr = rallocx(aligned, size * 2, MALLOCX_ALIGN(align) | MALLOCX_TCACHE_NONE);
            HOLD(ptr && (uintptr_t)ptr % align == 0 && ptr[0] == 7 && ptr[size - 1] == 7);
            HOLD(xallocx(ptr, size * 2, 0, 0) >= size * 2);
            if (log2 % 3 == 0)
                free(ptr);
            else if (log2 % 3 == 1)
                dallocx(ptr, 0);
            else
                sdallocx(ptr, size * 2, MALLOCX_ALIGN(align));
            ptr = mallocx(size, 0);
            ptr = realloc(ptr, size + 100);
            HOLD(ptr);
            sdallocx(ptr, size + 100, MALLOCX_TCACHE_NONE);
        }
    }
    HOLD(!mallocx((size_t)PTRDIFF_MAX / 2, 0));
}

static void check_controls(int is_own)
{
    const char *version = NULL;
    size_t bytes = sizeof version, mib[4], count = 4;
    uint64_t epoch = 1;
    unsigned arena = 7;
    void *ptr;

    HOLD(mallctl("version", &version, &bytes, NULL, 0) == 0 && version && version[0]);
    bytes = sizeof epoch;
    HOLD(mallctl("epoch", &epoch, &bytes, &epoch, sizeof epoch) == 0);
    HOLD(mallctlnametomib("epoch", mib, &count) == 0 && count == 1);
    HOLD(mallctlbymib(mib, count, &epoch, &bytes, NULL, 0) == 0);
    bytes = sizeof arena;
    HOLD((mallctl("arenas.create", &arena, &bytes, NULL, 0) == 0) == is_own);
    HOLD(is_own || mallctl("stats.allocated", &epoch, &bytes, NULL, 0) == ENOENT);
    ptr = mallocx(100, MALLOCX_ARENA(arena) | MALLOCX_TCACHE_NONE);
    HOLD((ptr != NULL) == is_own);
    dallocx(ptr ? ptr : malloc(1), MALLOCX_TCACHE_NONE);
    ptr = mallocx(100, MALLOCX_ARENA(0));
    HOLD(ptr);
    free(ptr);
    HOLD(mallctl("arena.0.purge", NULL, NULL, NULL, 0) == 0);
}

int main(int argc, char **argv)
{
    check_blocks();
    check_controls(argc == 2 && strcmp(argv[1], "own") == 0);
    return failures != 0;
}
