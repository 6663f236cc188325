/* SPDX-License-Identifier: MIT */
/* What threads are called on Windows, and what time it is. */
#include <time.h>
#include <windows.h>

#include "profile.h"

uint64_t dal_profile_thread_(void)
{
    return GetCurrentThreadId();
}

uint64_t dal_profile_glance_(const struct dal_services *services)
{
    return services->clock();
}

uint64_t dal_profile_time_of_day_(void)
{
    return (uint64_t)time(NULL) * 1000000000;
}

void dal_profile_yield_(void)
{
    (void)SwitchToThread();
}
