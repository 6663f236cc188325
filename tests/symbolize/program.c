/* SPDX-License-Identifier: MIT */
/*
 * A program that prints where it is, as a frame of a report, from inside a function that was
 * inlined into another. C and C++; its arguments are its own path and build id. tests/symbolize.sh
 * knows the lines by what is said in them.
 */
#include <stdio.h>

extern const char __executable_start[];

static const char *path, *build_id;

/* Where it returns to, as a program is linked that can lie anywhere: from 0 on. */
__attribute__((noinline)) static void here(void)
{
    const char *call = (const char *)__builtin_return_address(0) - 1;

    printf("    #0 %p (%s+0x%lx)", (const void *)call, path,
           (unsigned long)(call - __executable_start));
    printf(*build_id ? " (BuildId: %s)\n" : "%s\n", build_id);
}

static inline __attribute__((always_inline)) void innermost(void)
{
    here(); /* the innermost */
    __asm__ volatile("");
}

static inline __attribute__((always_inline)) void between(void)
{
    innermost(); /* between them */
}

#ifdef __cplusplus
namespace around
{
struct thing {
    __attribute__((noinline)) void outermost(int number);
};
void thing::outermost(int number)
{
    between(); /* that of C++ */
    __asm__ volatile("" : : "r"(number));
}
} // namespace around
static void call(void)
{
    around::thing thing;

    thing.outermost(1);
}
#else
__attribute__((noinline)) static void outermost(void)
{
    between(); /* the outermost */
    __asm__ volatile("");
}

static void call(void)
{
    outermost();
}
#endif

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    path = argv[1];
    build_id = argv[2];
    call();
    return 0;
}
