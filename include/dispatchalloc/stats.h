/* SPDX-License-Identifier: MIT */
#ifndef DISPATCHALLOC_STATS_H
#define DISPATCHALLOC_STATS_H

#include <dispatchalloc/instance.h>

#endif /* DISPATCHALLOC_STATS_H */
