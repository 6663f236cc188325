/* SPDX-License-Identifier: MIT */
/* What threads are called on POSIX systems, on Linux as the kernel does; and what time it is. */
#include <errno.h>
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

uint64_t dal_profile_time_of_day_(void)
{
    struct timespec now = {.tv_sec = 0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
