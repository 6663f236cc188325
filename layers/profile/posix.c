/* SPDX-License-Identifier: MIT */
/* What threads are called on POSIX systems: on Linux as the kernel does. */
#include <errno.h>
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
