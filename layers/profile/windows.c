/* SPDX-License-Identifier: MIT */
/* What threads are called on Windows. */
#include <windows.h>

#include "profile.h"

uint64_t dal_profile_thread_(void)
{
    return GetCurrentThreadId();
}
