/* SPDX-License-Identifier: MIT */
/*
 * A module that can start before any constructor has run, of its own or of a library that it needs:
 * what those allocate is no early block of the interposer's then, and free() needs no look for such
 * blocks. A convention between the interposer and the modules here, and no interface: that an
 * allocator can be called so early, its own preload shows.
 */
#ifndef DAL_BACKENDS_EARLY_MODULE_H
#define DAL_BACKENDS_EARLY_MODULE_H

#include <stddef.h>

struct dal_early_module_ {
    /* Its constructors are to run as soon as it serves, before those of the program. */
    int wants_constructors;
    /* Set by the interposer where they may be missing, else NULL: runs those of the object that an
     * address is in. */
    void (*construct)(const void *in_module);
};

/* This module's own: those of all modules that are preloaded have one exported name. */
extern struct dal_early_module_ dal_early_self_ __attribute__((visibility("hidden")));

/* At file scope, once, in a module that can do so. */
#define DAL_STARTS_EARLY_(wants_constructors)                                \
    struct dal_early_module_ dal_early_self_ = {(wants_constructors), NULL}; \
    extern struct dal_early_module_ dal_module_early_                        \
        __attribute__((alias("dal_early_self_"), visibility("default")))

/* For create(), before it asks for what constructors make. */
static inline void dal_module_need_constructors_(void)
{
    if (dal_early_self_.construct)
        dal_early_self_.construct(&dal_early_self_);
}

#endif /* DAL_BACKENDS_EARLY_MODULE_H */
