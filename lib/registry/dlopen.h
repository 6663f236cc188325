/* SPDX-License-Identifier: MIT */
/* The file of a module, found by loader.c, becomes its descriptor. The interposer has another file
 * in the place of dlopen.c (preload/product.c). */
#ifndef DAL_DLOPEN_H
#define DAL_DLOPEN_H

#include <dispatchalloc/backend.h>

#include "base/text.h"

/* Open the file, whose path is absolute: 0 and the address of its `dal_module_`, NULL if it has
 * none; or DAL_ERR_MODULE with the reason in why. The file stays open. */
int dal_module_open_(const char *path, const struct dal_backend *const **descriptor,
                     struct dal_text_ *why);

#endif /* DAL_DLOPEN_H */
