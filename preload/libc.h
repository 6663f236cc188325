/* SPDX-License-Identifier: MIT */
/* The C library's own malloc family, behind the names that the interposer took. */
#ifndef DAL_PRELOAD_LIBC_H
#define DAL_PRELOAD_LIBC_H

#include <dispatchalloc/instance.h>

struct dal_loaded_;

/* Its functions themselves, found in the C library and nowhere else. Called by the interposer's
 * constructor, before anything that could call the backend `system`. */
const struct dal_malloc_family *dal_libc_find_(void);

/* Those of the next object behind the interposer that has a malloc, an allocator that the program
 * is linked with, if it has all; else the same as before. */
const struct dal_malloc_family *dal_libc_next_(void);

/* glibc is not initialised yet: what its initialisers are to get. */
void dal_libc_await_(int argc, char **argv, char **envp);

/* Before a call of dlopen(), which would run them with nothing: the program would have no name, and
 * plug-ins no arguments. The loader runs them once more in their turn. */
void dal_libc_initialise_(void);

/* Whether its malloc is what serves. Set by the constructor. */
extern int dal_libc_serves_ __attribute__((visibility("hidden")));

/* The functions that tell of its malloc, by what dlopen() gave or, where that is NULL, by tables.
 */
void dal_libc_take_reports_(void *handle, const struct dal_loaded_ *tables);

#endif /* DAL_PRELOAD_LIBC_H */
