/* SPDX-License-Identifier: MIT */
/*
 * The calls of jemalloc that have no other's in malloc's family, of the module that has a jemalloc
 * of its own: for what serves programs that use them (preload/jemalloc_calls.c).
 */
#ifndef DAL_BACKENDS_JEMALLOC_CALLS_H
#define DAL_BACKENDS_JEMALLOC_CALLS_H

#include <stddef.h>

struct dal_jemalloc_calls_ {
    void *(*mallocx)(size_t size, int flags);
    void *(*rallocx)(void *ptr, size_t size, int flags);
    size_t (*xallocx)(void *ptr, size_t size, size_t extra, int flags);
    size_t (*nallocx)(size_t size, int flags);
    int (*mallctl)(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes);
    int (*mallctlnametomib)(const char *name, size_t *mib, size_t *mib_count);
    int (*mallctlbymib)(const size_t *mib, size_t mib_count, void *old, size_t *old_bytes,
                        void *new, size_t new_bytes);
    void (*malloc_stats_print)(void (*print)(void *, const char *), void *data,
                               const char *options);
};

#endif /* DAL_BACKENDS_JEMALLOC_CALLS_H */
