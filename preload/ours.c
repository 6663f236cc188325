/* SPDX-License-Identifier: MIT */
/* Whether calls by the name of an exported function come to ours. See interposer.h. */
#include <config.h>

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

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
