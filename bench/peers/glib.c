/* SPDX-License-Identifier: MIT */
/* GLib's allocation functions. */
#include <glib.h>

#define BENCH_ALLOC(size, align)             ((align) <= 16 ? g_malloc(size) : g_aligned_alloc(1, size, align))
#define BENCH_FREE(block, size, align)       ((align) <= 16 ? g_free(block) : g_aligned_free(block))
#define BENCH_ZEROED(size)                   g_malloc0(size)
#define BENCH_REALLOC(block, old_size, size) g_realloc(block, size)

#include "../harness/kernels.h"
