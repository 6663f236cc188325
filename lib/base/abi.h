/* SPDX-License-Identifier: MIT */
/* Structures that start with a version and a size, from code of another age. */
#ifndef DAL_ABI_H
#define DAL_ABI_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/*
 * See whether a structure of size_bytes can be taken where we know `known` bytes of it: it
 * has to reach to `least`; a shorter one has a size that a compiler could give it, a multiple of a
 * pointer's, so that it cannot end within one; what is beyond `known` has to be zero.
 * Returns 0, or DAL_ERR_ABI with the reason in why. name is such as "struct dal_allocator".
 */
int dal_size_check_(const char *name, const void *structure, size_t size_bytes, size_t least,
                    size_t known, struct dal_text_ *why);

/* See whether a structure's version is the one that we know: 0, or DAL_ERR_ABI with the reason. */
int dal_abi_check_(const char *name, uint32_t abi, uint32_t known, struct dal_text_ *why);

/* Copy a structure of any age into ours of `known` bytes, zero where it does not reach. Returns as
 * dal_size_check_(). */
int dal_structure_copy_(const char *name, const void *structure, size_t size_bytes, size_t least,
                        void *ours, size_t known, struct dal_text_ *why);

#endif /* DAL_ABI_H */
