/* SPDX-License-Identifier: MIT */
/* What an address is that belongs to no block, in words: the service address_text
 * (dispatchalloc/service.h). */
#ifndef DAL_ADDRESS_TEXT_H
#define DAL_ADDRESS_TEXT_H

#include <stddef.h>

size_t dal_address_text_(const void *address, char *text, size_t bytes);

#endif /* DAL_ADDRESS_TEXT_H */
