/* SPDX-License-Identifier: MIT */
/*
 * A custom allocator chosen when the program is built. It serves from the very first
 * allocation on, and no other line of the program knows of it: this file is also linked
 * with wordfreq.c, which becomes the program wordfreq_pool.
 */
#include "pool.h"

DAL_GLOBAL_ALLOCATOR(pool);
