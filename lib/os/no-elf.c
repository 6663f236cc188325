/* SPDX-License-Identifier: MIT */
/* Where the objects of a process cannot be listed. See elf.c. */
#include <config.h>

#include "os/os.h"

int dal_os_is_static_(void)
{
    return 0;
}

uintptr_t dal_os_link_address_(uintptr_t address)
{
    (void)address;
    return 0;
}

void dal_os_visit_copies_(const struct dal_note_ *note, dal_os_copy_visitor_ visit, void *data)
{
    (void)note;
    (void)visit;
    (void)data;
}
