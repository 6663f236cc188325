/* SPDX-License-Identifier: MIT */
/* Whether a file may be loaded as code, and where those are that were installed with us. */
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

/*
 * The directory of the installed modules: beside our own file, wherever the prefix was moved; or
 * where the build was told if there is none such, if we are part of a program, or with raised
 * privileges, under which nobody may say by a path to us what is loaded.
 */
void dal_loader_installed_(char directory[PATH_MAX]);

/* The command `dispatchalloc`, found in the same way, if it may be executed: the same rules hold.
 * Returns 0 if there is none such. */
int dal_loader_command_(char path[PATH_MAX]);

#endif /* DAL_LOADER_TRUST_H */
