/* SPDX-License-Identifier: MIT */
/*
 * The plain names of the malloc family for backends/system/posix.c inside the interposer: they
 * stand for the C library's own functions. To be included after the system's headers.
 */
#ifndef DAL_PRELOAD_LIBC_NAMES_H
#define DAL_PRELOAD_LIBC_NAMES_H

#include "base/malloc_rules.h"

#define X(result, name, parameters, ...) result dal_libc_##name##_ parameters;
DAL_FAMILY_FUNCTIONS_(X)
#undef X
int dal_libc_posix_memalign_(void **out, size_t align, size_t size);

#endif /* DAL_PRELOAD_LIBC_NAMES_H */
