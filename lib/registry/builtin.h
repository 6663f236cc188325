/* SPDX-License-Identifier: MIT */
/*
 * What is built in: the one place where the core names what stands above it.
 */
#ifndef DAL_BUILTIN_H
#define DAL_BUILTIN_H

#include <dispatchalloc/backend.h>

#include "os/os.h"

/* Backends and layers in the library, ended by NULL. */
extern const struct dal_backend *const dal_builtins_[] DAL_HIDDEN_;

/* The table that serves where nobody chose: complete in read-only memory before the first
 * instruction runs, so that the default costs no start-up. */
extern const struct dal_instance dal_system_instance_ DAL_HIDDEN_;

#endif /* DAL_BUILTIN_H */
