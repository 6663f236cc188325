/* SPDX-License-Identifier: MIT */
/*
 * Which function or variable of a file an address belongs to, from the file itself: for
 * messages only. dladdr(3) would wait for the loader's lock, and knows exported names alone.
 */
#ifndef DAL_SYMBOL_H
#define DAL_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#include "os/mapping.h"

struct dal_symbol_ {
    uintptr_t link_address;    /* of the address; what addr2line(1) takes */
    uintptr_t offset;          /* from the start of the symbol */
    char name[96];             /* cut, or "" if there is none for it */
    char build_id[2 * 32 + 1]; /* of the file, in hexadecimal digits; "" if it has none */
};

/*
 * Look an address up in the file of a mapping that covers it, or ends right below it: a
 * file's zeroed data is in a mapping of its own. Returns 0 if the file cannot be read, is no
 * ELF file, or does not have the address.
 */
int dal_symbol_find_(const struct dal_os_mapping_ *mapping, const void *address,
                     struct dal_symbol_ *symbol);

#endif /* DAL_SYMBOL_H */
