/* SPDX-License-Identifier: MIT */
/* The C library's own malloc family, behind the names that the interposer took. */
#ifndef DAL_PRELOAD_LIBC_H
#define DAL_PRELOAD_LIBC_H

#include <dispatchalloc/instance.h>

/* Its functions themselves, found in the C library and nowhere else. Called by the interposer's
 * constructor, before anything that could call the backend `system`. */
const struct dal_malloc_family *dal_libc_find_(void);

/* malloc_trim(3) of the C library, or 0 where it has none. */
int dal_libc_trim_(size_t keep_bytes);

#endif /* DAL_PRELOAD_LIBC_H */
