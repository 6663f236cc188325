/* SPDX-License-Identifier: MIT */
#ifndef DISPATCHALLOC_FIXED_ARENA_H
#define DISPATCHALLOC_FIXED_ARENA_H

#include <dispatchalloc/instance.h>

#endif /* DISPATCHALLOC_FIXED_ARENA_H */
