/* SPDX-License-Identifier: MIT */
/* The part of pages.h that is the same everywhere. */
#include "../pages.h"

#include <stdint.h>

static void touch(uintptr_t address)
{
    volatile char *byte = (volatile char *)address;

    *byte = *byte;
}

void dal_pages_touch_(void *base, size_t bytes, size_t page_bytes)
{
    uintptr_t end = (uintptr_t)base + bytes;

    for (uintptr_t byte = (uintptr_t)base; byte < end;
         byte = (byte & ~(uintptr_t)(page_bytes - 1)) + page_bytes)
        touch(byte);
}
