/* SPDX-License-Identifier: MIT */
/* Where the objects of a process cannot be listed. See elf.c. */
#include <config.h>

#include "compat/compat.h"

uintptr_t dal_compat_link_address_(uintptr_t address)
{
    (void)address;
    return 0;
}

void dal_compat_visit_copies_(dal_compat_copy_visitor_ visit, void *data)
{
    (void)visit;
    (void)data;
}

#ifdef DAL_INTERPOSER
int dal_compat_find_object_(const char *name, struct dal_compat_object_ *object)
{
    (void)name;
    (void)object;
    return 0;
}

void *dal_compat_object_symbol_(const struct dal_compat_object_ *object, const char *name)
{
    (void)object;
    (void)name;
    return NULL;
}
#endif
