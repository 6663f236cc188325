/* SPDX-License-Identifier: MIT */
/*
 * A function that runs before any constructor: preinit functions do, which musl knows nothing of;
 * there it is the first constructor of the program, which has the library in itself. It is told
 * what the program's first argument is, or "".
 */
#ifndef TESTS_RACE_EARLY_H
#define TESTS_RACE_EARLY_H

#include <stdio.h>
#include <string.h>

#if defined __linux__ && !defined __GLIBC__
# define EARLY_SECTION_ ".init_array.00000"
#else
# define EARLY_SECTION_ ".preinit_array"
#endif

/* Constructors of musl have no arguments. */
static inline const char *early_argument(void)
{
    static char words[4096];
    FILE *file = fopen("/proc/self/cmdline", "r");
    size_t bytes = file ? fread(words, 1, sizeof words - 2, file) : 0;

    if (file)
        (void)fclose(file);
    return bytes ? words + strlen(words) + 1 : "";
}

#define RUN_EARLY(function)                                                           \
    static void function##_early(void)                                                \
    {                                                                                 \
        function(early_argument());                                                   \
    }                                                                                 \
    __attribute__((section(EARLY_SECTION_), used)) static void (*const early)(void) = \
        function##_early

#endif /* TESTS_RACE_EARLY_H */
