/* SPDX-License-Identifier: MIT */
/*
 * The functions that the headers define, once more as symbols of the library: for Python, Rust,
 * Go and whoever else cannot include a header. The definitions are the headers' own.
 */
#include <config.h>

/* The definition is the declaration here. */
#ifdef __GNUC__
# pragma GCC diagnostic ignored "-Wmissing-prototypes"
#endif

#define DAL_INLINE_ DAL_API

#include <dispatchalloc.h>
