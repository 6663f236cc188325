/* SPDX-License-Identifier: MIT */
/* What the build of the program says by DAL_GLOBAL_ALLOCATOR() and DAL_FORBID_ENVIRONMENT(). */
#ifndef DAL_LINK_CHOICE_H
#define DAL_LINK_CHOICE_H

#include <dispatchalloc/global.h>

/* The allocator that the build chose, or NULL. */
const struct dal_link_choice *dal_link_choice_found_(void);

/* The name of the macro that a choice was made with. */
const char *dal_link_choice_macro_(const struct dal_link_choice *choice);

/* The file that has the veto, or NULL. */
const char *dal_environment_veto_(void);

#endif /* DAL_LINK_CHOICE_H */
