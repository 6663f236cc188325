/* SPDX-License-Identifier: MIT */
/* Whether calls by the name of an exported function come to ours. See interposer.h. */
#include <config.h>

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "interposer.h"

/*
 * The address of a function is not always that of its code: a program that is linked to a fixed
 * address and takes it has a stub, which stands for the function in the whole process.
 */
static int is_stub(uintptr_t address)
{
#ifdef __GLIBC__
    void *symbol = NULL;
    Dl_info object;

    return dladdr1((const void *)address, &object, &symbol, RTLD_DL_SYMENT) && symbol &&
           ((const ElfW(Sym) *)symbol)->st_shndx == SHN_UNDEF;
#else
    (void)address;
    return 0;
#endif
}

/* In a file of its own: where it sees the functions, a compiler may take them for the ones that
 * are called. */
int dal_preload_is_ours_(void (*function)(void), void (*own)(void))
{
    return function == own || is_stub((uintptr_t)function);
}

/* A tool of valgrind's that has a malloc puts it in the place of any other, where no address tells
 * of it; it is preloaded beside what all tools have. */
const char *dal_preload_valgrind_(void)
{
    const char *at = getenv("LD_PRELOAD");

    while (at && (at = strstr(at, "/vgpreload_")) != NULL &&
           strncmp(at, "/vgpreload_core", 15) == 0)
        at++;
    return at ? at + 1 : NULL;
}
