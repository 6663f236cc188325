/* SPDX-License-Identifier: MIT */
/* What threads are called on POSIX systems, on Linux as the kernel does; and what time it is. */
#include <errno.h>
#include <sched.h>
#include <time.h>
#ifdef __linux__
# include <sys/syscall.h>
# include <unistd.h>
#endif

#include "profile.h"

uint64_t dal_profile_thread_(void)
{
#ifdef __linux__
    return (uint64_t)syscall(SYS_gettid);
#else
    return (uintptr_t)&errno;
#endif
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now = {.tv_sec = 0};
    int saved_errno = errno;

    (void)clock_gettime(clock, &now);
    errno = saved_errno;
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t dal_profile_glance_(const struct dal_services *services)
{
#ifdef CLOCK_MONOTONIC_COARSE
    (void)services;
    return read_clock(CLOCK_MONOTONIC_COARSE);
#else
    return services->clock();
#endif
}

uint64_t dal_profile_time_of_day_(void)
{
    return read_clock(CLOCK_REALTIME);
}

void dal_profile_yield_(void)
{
    (void)sched_yield();
}
