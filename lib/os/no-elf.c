/* SPDX-License-Identifier: MIT */
/* Where the objects of a process cannot be listed. See elf.c. */
#include <config.h>

#include "os/os.h"

uintptr_t dal_os_link_address_(uintptr_t address)
{
    (void)address;
    return 0;
}

void dal_os_visit_copies_(dal_os_copy_visitor_ visit, void *data)
{
    (void)visit;
    (void)data;
}

#ifdef DAL_INTERPOSER
int dal_os_find_object_(const char *name, struct dal_os_object_ *object)
{
    (void)name;
    (void)object;
    return 0;
}

void *dal_os_object_symbol_(const struct dal_os_object_ *object, const char *name)
{
    (void)object;
    (void)name;
    return NULL;
}
#endif
