/* SPDX-License-Identifier: MIT */
/* Who may write to a file or directory. POSIX systems only. */
#ifndef DAL_OS_TRUST_H
#define DAL_OS_TRUST_H

#include <sys/stat.h>

/*
 * Why others than its owner, root and the effective user may write to what status was read of: an
 * open file, or if that is -1 a path that no link ends; NULL if they may not. Besides the mode it
 * is looked for a POSIX access control list, which the mode hides. The user's own primary group may
 * write if it has the user's name and no other member, as many systems set up a private group each.
 * Opens and reads files of the system, and is no cancellation point.
 */
const char *dal_os_why_others_write_(const char *path, int file, const struct stat *status);

#endif /* DAL_OS_TRUST_H */
