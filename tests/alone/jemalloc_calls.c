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
    unsigned arena = 7, arenas;
    void *ptr;

    HOLD(mallctl("version", &version, &bytes, NULL, 0) == 0 && version && version[0]);
    bytes = sizeof epoch;
    HOLD(mallctl("epoch", &epoch, &bytes, &epoch, sizeof epoch) == 0);
    HOLD(mallctlnametomib("epoch", mib, &count) == 0 && count == 1);
    HOLD(mallctlbymib(mib, count, &epoch, &bytes, NULL, 0) == 0);
    bytes = sizeof arena;
    HOLD(mallctl("opt.narenas", &arenas, &bytes, NULL, 0) == (is_own ? 0 : ENOENT));
    /* One that is not there. */
    HOLD(is_own || !mallocx(100, MALLOCX_ARENA(arena) | MALLOCX_TCACHE_NONE));
    ptr = mallocx(100, MALLOCX_ARENA(0));
    HOLD(ptr);
    free(ptr);
    HOLD(mallctl("arena.0.purge", NULL, NULL, NULL, 0) == 0);
}

/* As redis 8 has one for its scripts, with a cache. */
static void check_own_arena(void)
{
    unsigned arena = 0, cache = 0, before = 0, after = 0;
    size_t bytes = sizeof arena;
    int flags;
    char *ptr;

    HOLD(mallctl("arenas.narenas", &before, &bytes, NULL, 0) == 0);
    HOLD(mallctl("arenas.create", &arena, &bytes, NULL, 0) == 0 && arena >= before);
    HOLD(mallctl("arenas.narenas", &after, &bytes, NULL, 0) == 0 && after == before + 1);
    HOLD(mallctl("tcache.create", &cache, &bytes, NULL, 0) == 0);
    flags = MALLOCX_ARENA(arena) | (int)MALLOCX_TCACHE(cache);
    ptr = mallocx(100, flags | MALLOCX_ZERO);
    HOLD(ptr && is_zero(ptr, 100));
    memset(ptr, 7, 100);
    ptr = rallocx(ptr, 10000, flags);
    HOLD(ptr && ptr[0] == 7 && ptr[99] == 7);
    dallocx(ptr, flags);
    HOLD(mallctl("tcache.destroy", NULL, NULL, &cache, sizeof cache) == 0);
}

/* What redis and valkey ask by assert(). */
static void check_statistics(void)
{
    static const char *const names[] = {"arenas.page", "stats.arenas.4096.pmuzzy",
                                        "stats.arenas.0.pactive", "stats.arenas.0.small.allocated",
                                        "stats.arenas.0.large.allocated"};
    unsigned count = 1;
    size_t bytes = sizeof count, value;

    HOLD(mallctl("arenas.nbins", &count, &bytes, NULL, 0) == 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bytes = sizeof value;
        value = 1;
        HOLD(mallctl(names[i], &value, &bytes, NULL, 0) == 0);
        HOLD(i > 0 ? value != 1 : value >= 4096);
        bytes = 1;
        HOLD(mallctl(names[i], &value, &bytes, NULL, 0) == EINVAL);
    }
    bytes = sizeof value;
    HOLD(mallctl("stats.arenas.x.pactive", &value, &bytes, NULL, 0) == ENOENT);
    HOLD(mallctl("stats.arenas.0.pactive.", &value, &bytes, NULL, 0) == ENOENT);
    HOLD(mallctl("stats.arenas", &value, &bytes, NULL, 0) == ENOENT);
}

int main(int argc, char **argv)
{
    check_blocks();
    check_controls(argc == 2 && strcmp(argv[1], "own") == 0);
    check_own_arena();
    check_statistics();
    return failures != 0;
}
