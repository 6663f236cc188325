/* SPDX-License-Identifier: MIT */
/* What the linker takes in a program without DAL_FORBID_ENVIRONMENT(). See DAL_MAYBE_DEFINED_ in
 * os.h; alone in its file, since an archive gives out whole members. */
#include <config.h>

#include <dispatchalloc/global.h>

const char *const dal_forbid_environment_ = NULL;
