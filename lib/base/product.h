/* SPDX-License-Identifier: MIT */
/*
 * The core is part of two products: the library, and the interposer, which has a hidden copy of it
 * beside the library of the program that it is put under. This is what they differ in, besides the
 * functions that each has a file of its own for; lib/choice/library.c and preload/product.c fill
 * it.
 */
#ifndef DAL_PRODUCT_H
#define DAL_PRODUCT_H

#include "os/os.h"

struct dal_product_ {
    const struct dal_note_ *note; /* by which copies of it are found in a process; NULL where
                                     objects cannot be listed */
    const char *backend_variable; /* the environment variable that chooses its backend */
    int has_switches;             /* DISPATCHALLOC_OFF is for it */
    int has_malloc;               /* the whole of the program's malloc goes through it */
};

extern const struct dal_product_ dal_product_ DAL_HIDDEN_;

#endif /* DAL_PRODUCT_H */
