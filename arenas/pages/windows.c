/* SPDX-License-Identifier: MIT */
/* Pages of Windows, whose large ones a process has to have a right for and map itself: here
 * there are none. See pages.h. */
#include "../pages.h"

#include <windows.h>

size_t dal_pages_huge_bytes_(void)
{
    return 0;
}

void dal_pages_prepare_(void *base, size_t bytes, struct dal_pages_wish_ wish)
{
    SYSTEM_INFO system;

    if (!wish.prefault)
        return;
    GetSystemInfo(&system);
    dal_pages_touch_(base, bytes, system.dwPageSize);
}
