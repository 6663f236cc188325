/* SPDX-License-Identifier: MIT */
/*
 * What the process has at an address: for messages only, since it opens and reads a file of
 * the system. It takes no lock, the loader's least of all. POSIX systems only.
 */
#ifndef DAL_OS_MAPPING_H
#define DAL_OS_MAPPING_H

#include <stdint.h>

struct dal_os_mapping_ {
    uintptr_t start;
    uintptr_t end;    /* 0 where there is none */
    uintptr_t offset; /* of start in the file */
    char rights[5];   /* as in "r-xp" */
    char name[400];   /* the file, or what the system calls it, such as "[heap]", or "" */
};

/*
 * Find the mapping that covers an address, and the one right before it in memory; before may
 * be NULL. Returns 1, 0 if nothing is mapped there, or -1 where that cannot be known.
 */
int dal_os_mapping_(const void *address, struct dal_os_mapping_ *mapping,
                    struct dal_os_mapping_ *before);

#endif /* DAL_OS_MAPPING_H */
