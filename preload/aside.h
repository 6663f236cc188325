/* SPDX-License-Identifier: MIT */
/* When the interposer leaves a process to who would serve it without. */
#ifndef DAL_PRELOAD_ASIDE_H
#define DAL_PRELOAD_ASIDE_H

#include <dispatchalloc/instance.h>

/*
 * Who is to serve in the place of the C library, libc, and of whatever was chosen: libc itself for
 * nobody else. It is the next object's where DISPATCHALLOC_OFF is on, and where the program makes
 * blocks by jemalloc's own calls without what serves those: `dispatchalloc run` preloads it for the
 * program that it starts, but not for what a shell starts then. That is said, and in strict mode
 * the end.
 */
const struct dal_malloc_family *dal_aside_family_(const struct dal_malloc_family *libc);

#endif /* DAL_PRELOAD_ASIDE_H */
