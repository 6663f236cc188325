/* SPDX-License-Identifier: MIT */
/* Whether a file may be loaded as code. */
#ifndef DAL_LOADER_TRUST_H
#define DAL_LOADER_TRUST_H

#include <limits.h>

#include "base/text.h"

/*
 * Resolve a path and see that nobody but root and the effective user can change what it
 * leads to. Returns 0 with the path in resolved; DAL_ERR_UNKNOWN if there is no such file;
 * or DAL_ERR_MODULE with the reason in why.
 */
int dal_loader_trust_(const char *path, char resolved[PATH_MAX], struct dal_text_ *why);

#endif /* DAL_LOADER_TRUST_H */
