/* SPDX-License-Identifier: MIT */
/* What the linker takes in a program without DAL_GLOBAL_ALLOCATOR(). See DAL_MAYBE_DEFINED_ in
 * os.h; alone in its file, since an archive gives out whole members. */
#include <config.h>

#include <dispatchalloc/global.h>

const struct dal_link_choice *const dal_link_choice_ = NULL;
