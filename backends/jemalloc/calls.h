/* SPDX-License-Identifier: MIT */
/*
 * The calls of jemalloc that have no other's in malloc's family, of the module that has a jemalloc
 * of its own: for what serves programs that use them (preload/jemalloc_calls.c).
 */
#ifndef DAL_BACKENDS_JEMALLOC_CALLS_H
#define DAL_BACKENDS_JEMALLOC_CALLS_H

#include <stddef.h>

/* As <jemalloc/jemalloc.h> has them, which need not be installed. */
#define DAL_JEMALLOC_CALLS_(X)                                                                     \
    X(void *, mallocx, (size_t size, int flags))                                                   \
    X(void *, rallocx, (void *ptr, size_t size, int flags))                                        \
    X(size_t, xallocx, (void *ptr, size_t size, size_t extra, int flags))                          \
    X(size_t, nallocx, (size_t size, int flags))                                                   \
    X(int, mallctl, (const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes)) \
    X(int, mallctlnametomib, (const char *name, size_t *mib, size_t *mib_count))                   \
    X(int, mallctlbymib,                                                                           \
      (const size_t *mib, size_t mib_count, void *old, size_t *old_bytes, void *new,               \
       size_t new_bytes))                                                                          \
    X(void, malloc_stats_print,                                                                    \
      (void (*print)(void *, const char *), void *data, const char *options))

struct dal_jemalloc_calls_ {
#define X(result, name, parameters) result(*name) parameters;
    DAL_JEMALLOC_CALLS_(X)
#undef X
};

#endif /* DAL_BACKENDS_JEMALLOC_CALLS_H */
