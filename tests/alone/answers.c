/* SPDX-License-Identifier: MIT */
/*
 * What programs expect of glibc's malloc beyond the standard, under whatever serves. Prints what is
 * not so. Its argument says whether the C library's own malloc serves: "own" or "other".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hold.h"

/* All that malloc_usable_size() tells, also in blocks that were used before. */
static void check_calloc(void)
{
    for (size_t size = 0; size < 3000; size += size < 100 ? 1 : 37) {
        unsigned char *ptr = malloc(size);

        HOLD(ptr);
        memset(ptr, 0xeb, malloc_usable_size(ptr));
        free(ptr);
        ptr = calloc(1, size);
        HOLD(is_zero(ptr, malloc_usable_size(ptr)));
        free(ptr);
    }
}

/* The volatile keeps the compiler from knowing that it cannot be had. */
static volatile size_t huge = (size_t)-1 / 2 - 100;

static void check_errno(void)
{
    void *ptr = NULL;

    errno = 0;
    HOLD(posix_memalign(&ptr, 64, huge) == ENOMEM && errno == ENOMEM && !ptr);
    errno = 0;
    HOLD(!malloc(huge) && errno == ENOMEM);
    errno = 7;
    free(malloc(100));
    free(malloc(5000000));
    HOLD(errno == 7);
}

/* What is locked cannot be given back by madvise(2), which fails. */
static void check_errno_of_locked(void)
{
    static const size_t sizes[] = {70000, 300000, 2000000, 9000000};

    for (int i = 0; i < 8; i++) {
        size_t size = sizes[i % 4];
        void *ptr = malloc(size);

        HOLD(ptr);
        if (mlock(ptr, size) != 0) {
            printf("locked blocks are left out: %s\n", strerror(errno));
            free(ptr);
            return;
        }
        errno = i % 8 < 4 ? 0 : EAGAIN;
        free(ptr);
        HOLD(errno == (i % 8 < 4 ? 0 : EAGAIN));
    }
}

static void check_reports(int is_own)
{
    struct mallinfo2 info = mallinfo2();
    struct mallinfo old = mallinfo();
    FILE *file = tmpfile();
    char text[64] = "";

    HOLD((info.arena + info.hblkhd > 0) == is_own);
    HOLD((old.arena + old.hblkhd > 0) == is_own);
    HOLD(mallopt(M_TRIM_THRESHOLD, 1 << 20) == 1);
    HOLD(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
    (void)malloc_trim(0);
    HOLD(file && malloc_info(0, file) == 0);
    rewind(file);
    HOLD(fgets(text, sizeof text, file) && strncmp(text, "<malloc version=\"1\"", 19) == 0);
    fclose(file);
}

/* Blocks of one come back to the other, so they have to be the same. */
static void check_names(void)
{
    static const char *const names[][2] = {
        {"__libc_malloc", "malloc"},     {"__libc_calloc", "calloc"},
        {"__libc_realloc", "realloc"},   {"__libc_free", "free"},
        {"__libc_memalign", "memalign"}, {"__libc_valloc", "valloc"},
        {"__libc_pvalloc", "pvalloc"},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        HOLD(dlsym(RTLD_DEFAULT, names[i][0]) == dlsym(RTLD_DEFAULT, names[i][1]));
}

int main(int argc, char **argv)
{
    void *kept = malloc(1000);
    int is_own = argc == 2 && strcmp(argv[1], "own") == 0;

    check_calloc();
    check_errno();
    check_errno_of_locked();
    check_reports(is_own);
    check_names();
    free(kept);
    return failures != 0;
}
