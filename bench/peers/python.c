/* SPDX-License-Identifier: MIT */
/* CPython's raw allocator, which may be called without an interpreter. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define BENCH_MAX_ALIGN                      16
#define BENCH_ALLOC(size, align)             PyMem_RawMalloc(size)
#define BENCH_FREE(block, size, align)       PyMem_RawFree(block)
#define BENCH_ZEROED(size)                   PyMem_RawCalloc(1, size)
#define BENCH_REALLOC(block, old_size, size) PyMem_RawRealloc(block, size)

#include "../harness/kernels.h"
