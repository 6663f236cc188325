/* SPDX-License-Identifier: MIT */
/*
 * Whether the kit is compiled for AddressSanitizer or ThreadSanitizer, or runs under valgrind.
 * Their allocators, which then stand below all others, have two ways of their own: they end the
 * process when a request is too large, unless told otherwise (run.c does), and a child that is
 * forked while another thread allocates may hang in them.
 */
#ifndef CONFORMANCE_SANITIZER_H
#define CONFORMANCE_SANITIZER_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define CONFORMANCE_SANITIZED 1
#elif defined(__has_feature)
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define CONFORMANCE_SANITIZED 1
# endif
#endif
#ifndef CONFORMANCE_SANITIZED
# define CONFORMANCE_SANITIZED 0
#endif

/* valgrind preloads something of each of its tools; of most of them that is a malloc, by which the
 * process ends at an alignment above 16 MiB. */
static inline bool conformance_is_under_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

    return preloaded && strstr(preloaded, "vgpreload");
}

#endif /* CONFORMANCE_SANITIZER_H */
