/* SPDX-License-Identifier: MIT */
/* In the interposer the build of the program has no say. See lib/choice/link_choice.c. */
#include <config.h>

#include "choice/link_choice.h"

const struct dal_link_choice *dal_link_choice_found_(void)
{
    return NULL;
}

const char *dal_link_choice_macro_(const struct dal_link_choice *choice)
{
    (void)choice;
    return "";
}

const char *dal_environment_veto_(void)
{
    return NULL;
}
