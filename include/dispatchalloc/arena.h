/* SPDX-License-Identifier: MIT */
#ifndef DISPATCHALLOC_ARENA_H
#define DISPATCHALLOC_ARENA_H

#include <dispatchalloc/instance.h>

#endif /* DISPATCHALLOC_ARENA_H */
