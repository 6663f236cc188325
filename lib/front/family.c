/* SPDX-License-Identifier: MIT */
/* The malloc family over the allocator behind the hook. See family.h. */
#include <config.h>

#include "front/family.h"

#include "base/malloc_rules.h"
#include "choice/hook.h"
#include "front/instance_unsized.h"
#include "chain/headed.h"
#include "chain/slots.h"

/* ---- An allocator that knows its blocks: instance_unsized.c ------------------------------ */

#define KNOWN(result, name, parameters, arguments, give, ...)            \
    static result known_##name parameters                                \
    {                                                                    \
        give dal_known_##name##_(dal_hook_load_(), DAL_LIST_ arguments); \
    }
DAL_FAMILY_FUNCTIONS_(KNOWN)

static const struct dal_malloc_family known_family = DAL_FAMILY_OF_(known);

const struct dal_malloc_family *dal_family_for_(const struct dal_instance *winner)
{
    const struct dal_malloc_family *own = dal_tail_of_(winner)->malloc_family;

    if (!own && dal_is_known_(winner))
        return &known_family;
    dal_headed_serve_(dal_headed_of_(winner));
    return own ? own : &dal_headed_family_;
}
