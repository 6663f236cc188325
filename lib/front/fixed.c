/* SPDX-License-Identifier: MIT */
/*
 * A fixed choice: see dispatchalloc/fixed.h. The program has the front's
 * functions itself, so no first allocation comes by the hook that would say what there is to
 * say; it is said when the program's constructor announces the choice.
 */
#include <config.h>

#include <dispatchalloc/fixed.h>

#include <stdlib.h>

#include "choice/link_choice.h"
#include "choice/choice.h"
#include "choice/announce.h"

/* Its blocks would be given back to another allocator than they came from. */
static void stop(const struct dal_link_choice *choice, const struct dal_link_choice *found)
{
    if (found)
        dal_log_("DAL_GLOBAL_ALLOCATOR_FIXED(%s) at %s:%u: a process has one, and it is %s(%s) at "
                 "%s:%u; aborting",
                 choice->name, choice->file, (unsigned)choice->line, dal_link_choice_macro_(found),
                 found->name, found->file, (unsigned)found->line);
    else
        dal_log_("DAL_GLOBAL_ALLOCATOR_FIXED(%s) at %s:%u: the library did not find it when it was "
                 "loaded; aborting",
                 choice->name, choice->file, (unsigned)choice->line);
    abort();
}

void dal_fixed_announce_(const struct dal_link_choice *choice)
{
    const struct dal_link_choice *found = dal_link_choice_found_();
    const struct dal_decision_ *decision;
    char reason[DAL_MESSAGE_BYTES];
    struct dal_text_ why = dal_text_over_(reason, sizeof reason);

    if (dal_link_choice_check_(choice, &why) || (found && dal_link_choice_check_(found, &why))) {
        dal_log_("a DAL_GLOBAL_ALLOCATOR_FIXED(): %s; aborting", reason);
        abort();
    }
    if (found != choice)
        stop(choice, found);
    decision = dal_choice_current_(NULL);
    if (!decision || !decision->is_fixed || !decision->candidates[DAL_SOURCE_LINK].instance) {
        dal_log_("DAL_GLOBAL_ALLOCATOR_FIXED(%s) at %s:%u: %s; aborting", choice->name,
                 choice->file, (unsigned)choice->line,
                 decision && decision->is_fixed ? decision->candidates[DAL_SOURCE_LINK].reason
                                                : "there was no memory to start with");
        abort();
    }
    dal_announce_report_(decision);
}
