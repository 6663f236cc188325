/* SPDX-License-Identifier: MIT */
/*
 * free(3) keeps errno; an allocator that gives pages back to the system changes it where madvise(2)
 * fails, as it does for pages that are locked. To keep it around each call would cost a call more,
 * which is as long as the whole free() of a good allocator; so it is kept where it is lost.
 */
#ifndef DAL_BACKENDS_KEEP_ERRNO_H
#define DAL_BACKENDS_KEEP_ERRNO_H

#include <stddef.h>

/* madvise(2) that leaves errno alone. For who calls it in a loop as long as errno is EAGAIN
 * (DAL_MADVISE_IN_A_LOOP) it does not fail where errno was that before. */
int dal_madvise_(void *pages, size_t bytes, int advice) __attribute__((visibility("hidden")));

/* Have the object that an address is in call that instead of madvise(): its own table of functions
 * of others is written to, once. Where it has no such entry nothing is done. For create();
 * allocates nothing, and takes the lock of the loader's list of objects. */
void dal_keep_errno_of_(const void *inside) __attribute__((visibility("hidden")));

#endif /* DAL_BACKENDS_KEEP_ERRNO_H */
