/* SPDX-License-Identifier: MIT */
/*
 * The malloc family over any allocator: its own where it has one, else made from its slots.
 *
 * What is made knows only one allocator, the one behind the hook, since the functions have
 * no ctx. Where that allocator cannot tell the size of a block from its pointer, each block
 * gets a header that does (chain/headed.h).
 */
#ifndef DAL_FAMILY_H
#define DAL_FAMILY_H

#include <dispatchalloc/instance.h>

/* The family for the instance that the hook holds, for ever. */
const struct dal_malloc_family *dal_family_for_(const struct dal_instance *winner);

#endif /* DAL_FAMILY_H */
