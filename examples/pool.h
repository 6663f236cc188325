/* SPDX-License-Identifier: MIT */
/* The custom allocator that pool.c writes from nothing. */
#ifndef POOL_H
#define POOL_H

#include <dispatchalloc.h>

extern const struct dal_allocator pool;

#endif /* POOL_H */
