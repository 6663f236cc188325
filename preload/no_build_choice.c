/* SPDX-License-Identifier: MIT */
/* In the interposer the build of the program has no say. See lib/build_choice.c. */
#include <config.h>

#include "build_choice.h"

const struct dal_link_choice *dal_build_choice_(void)
{
    return NULL;
}

const char *dal_build_macro_(const struct dal_link_choice *choice)
{
    (void)choice;
    return "";
}

const char *dal_build_veto_(void)
{
    return NULL;
}
