/* SPDX-License-Identifier: MIT */
/*
 * The loader: backends in files of their own. See dispatchalloc/module.h for what may be
 * opened and what is refused.
 *
 * A member of the archive of its own, and reached by weak references only, so that a fully
 * static program links without it. The core tests each function before it calls it. Called
 * from the library's constructor and from within calls that name a backend, never from an
 * allocation: dlopen takes the loader's lock and calls malloc.
 */
#ifndef DAL_LOADER_H
#define DAL_LOADER_H

#include <dispatchalloc/backend.h>
#include <dispatchalloc/module.h>

#include "base/text.h"

/* Find a backend among the modules, by name or by absolute path, and open it if need be.
 * Returns 0; DAL_ERR_UNKNOWN if there is no such file, with nothing in why; or another
 * error with the reason in why. */
int dal_loader_find_(const char *name, const struct dal_backend **backend, struct dal_text_ *why)
    __attribute__((weak));

/* Visit the files that could be opened by name, as dal_module_visit() does. */
int dal_loader_visit_(dal_module_visitor visit, void *data) __attribute__((weak));

/* Append "; searched DIR, DIR": where modules are looked for. */
void dal_loader_places_(struct dal_text_ *text) __attribute__((weak));

#endif /* DAL_LOADER_H */
