/* SPDX-License-Identifier: MIT */
/* What the build of the program says by DAL_GLOBAL_ALLOCATOR() and DAL_FORBID_ENVIRONMENT(). */
#ifndef DAL_LINK_CHOICE_H
#define DAL_LINK_CHOICE_H

#include <dispatchalloc/global.h>

#include "base/abi.h"
#include "base/text.h"

/* The choice of the build, or NULL. Only its version and size may be read before it is checked. */
const struct dal_link_choice *dal_link_choice_found_(void);

/* See whether a choice can be read: 0, or DAL_ERR_ABI with the reason in why. */
static inline int dal_link_choice_check_(const struct dal_link_choice *choice,
                                         struct dal_text_ *why)
{
    int error = dal_abi_check_("struct dal_link_choice", choice->abi, DAL_ALLOCATOR_ABI, why);

    return error ? error
                 : dal_size_check_("struct dal_link_choice", choice, choice->size_bytes,
                                   offsetof(struct dal_link_choice, is_fixed) + sizeof(uint32_t),
                                   sizeof *choice, why);
}

/* The name of the macro that a choice was made with. */
const char *dal_link_choice_macro_(const struct dal_link_choice *choice);

/* The file that has the veto, or NULL. */
const char *dal_environment_veto_(void);

#endif /* DAL_LINK_CHOICE_H */
