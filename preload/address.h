/* SPDX-License-Identifier: MIT */
/*
 * What an address of this process is, in words: for the messages of `run --check`. Nothing
 * here allocates or takes a lock; all of it reads files of the system.
 */
#ifndef DAL_PRELOAD_ADDRESS_H
#define DAL_PRELOAD_ADDRESS_H

#include <stdint.h>

#include "base/text.h"

/* A place in code that a call returns to: "FILE+0xOFFSET (FUNCTION+0xOFFSET)", the first for
 * addr2line(1), as much of it as can be told. */
void dal_address_add_site_(struct dal_text_ *text, const void *site);

/* What a pointer that is no block points to: "on the stack of this thread" and the like.
 * Returns a number that is the same for all that points into the same mapping, and 0 where
 * there is none. */
uintptr_t dal_address_add_what_(struct dal_text_ *text, const void *ptr);

#endif /* DAL_PRELOAD_ADDRESS_H */
