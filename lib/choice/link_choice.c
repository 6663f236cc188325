/* SPDX-License-Identifier: MIT */
/*
 * What the build of the program says. The interposer has another file in the place of this
 * one (preload/product.c): what a program chose for its own front is not for its malloc.
 */
#include <config.h>

#include "choice/link_choice.h"

#include "os/os.h"
#include "base/text.h"

/* Defined by the macros, or by nobody. A weak undefined reference, since the definition of
 * a weak default could be folded in. */
DAL_API extern const struct dal_link_choice *const dal_link_choice_ DAL_MAYBE_DEFINED_;
DAL_API extern const char *const dal_forbid_environment_ DAL_MAYBE_DEFINED_;

const struct dal_link_choice *dal_link_choice_found_(void)
{
    return DAL_IS_DEFINED_(dal_link_choice_) ? dal_link_choice_ : NULL;
}

const char *dal_link_choice_macro_(const struct dal_link_choice *choice)
{
    return choice->is_fixed ? "DAL_GLOBAL_ALLOCATOR_FIXED" : "DAL_GLOBAL_ALLOCATOR";
}

const char *dal_environment_veto_(void)
{
    return DAL_IS_DEFINED_(dal_forbid_environment_) ? dal_forbid_environment_ : NULL;
}

void dal_link_choice_announce_(const struct dal_link_choice *choice)
{
    const struct dal_link_choice *found = dal_link_choice_found_();
    char reason[DAL_MESSAGE_BYTES];
    struct dal_text_ why = dal_text_over_(reason, sizeof reason);

    if (found == choice)
        return;
    if (dal_link_choice_check_(choice, &why) || (found && dal_link_choice_check_(found, &why))) {
        dal_log_("a DAL_GLOBAL_ALLOCATOR() is ignored: %s", reason);
        return;
    }
    if (!found) {
        dal_log_("DAL_GLOBAL_ALLOCATOR(%s) at %s:%u is ignored: the library did not find it when "
                 "it was loaded",
                 choice->name, choice->file, (unsigned)choice->line);
        return;
    }
    dal_log_("DAL_GLOBAL_ALLOCATOR(%s) at %s:%u is ignored: a process has one, and it is "
             "%s(%s) at %s:%u",
             choice->name, choice->file, (unsigned)choice->line, dal_link_choice_macro_(found),
             found->name, found->file, (unsigned)found->line);
}
