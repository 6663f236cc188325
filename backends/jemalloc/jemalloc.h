/* SPDX-License-Identifier: MIT */
/*
 * The jemalloc that the module calls, and its options.
 *
 * Two flavours, fixed by configure. DAL_JEMALLOC_SOURCE: one of our own, built from the
 * source package with prefixed names and linked into the module, where nobody else sees it;
 * it can be opened at any time. Otherwise the system's libjemalloc, which may be the
 * program's malloc as well. JE(mallocx) is the function mallocx of either.
 *
 * jemalloc's short way is malloc and free, and those names belong to the program; its other ones
 * are the interposer's where a layer is to see what they give out. In the system flavour all are
 * looked up in libjemalloc itself (system.c).
 */
#ifndef DAL_JEMALLOC_H
#define DAL_JEMALLOC_H

#include <stdatomic.h>
#include <stddef.h>

/* jemalloc.h declares malloc and its family again, with attributes of its own. */
#include <jemalloc/jemalloc.h>

#include <dispatchalloc/backend.h>

#ifdef DAL_JEMALLOC_SOURCE

# define JE(name) dal_je_##name

# define jemalloc_malloc  JE(malloc)
# define jemalloc_calloc  JE(calloc)
# define jemalloc_realloc JE(realloc)
# define jemalloc_free    JE(free)

#else

# define JE(name) dal_jemalloc_found_.name

# define DAL_JEMALLOC_FOUND_(X)                                            \
     X(void *, mallocx, (size_t size, int flags))                          \
     X(void *, rallocx, (void *ptr, size_t size, int flags))               \
     X(size_t, xallocx, (void *ptr, size_t size, size_t extra, int flags)) \
     X(size_t, sallocx, (const void *ptr, int flags))                      \
     X(size_t, nallocx, (size_t size, int flags))                          \
     X(int, mallctl, (const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes))

struct dal_jemalloc_found_ {
    void *(*malloc_)(size_t size);
    void *(*calloc_)(size_t count, size_t size);
    void *(*realloc_)(void *ptr, size_t size);
    void (*free_)(void *ptr);
# define X(result, name, parameters) result(*name) parameters;
    DAL_JEMALLOC_FOUND_(X)
# undef X
};

/* Of this module: hidden where they are declared, or each is looked up in a table first. */
# pragma GCC visibility push(hidden)
extern struct dal_jemalloc_found_ dal_jemalloc_found_;
extern _Atomic(int) dal_jemalloc_is_found_;
# pragma GCC visibility pop

# define jemalloc_malloc  dal_jemalloc_found_.malloc_
# define jemalloc_calloc  dal_jemalloc_found_.calloc_
# define jemalloc_realloc dal_jemalloc_found_.realloc_
# define jemalloc_free    dal_jemalloc_found_.free_

/* Find them all. Returns 0, or an error number with a reason in the request. */
int dal_jemalloc_find_(const struct dal_backend_request *request);

#endif

/* The options: those of jemalloc 5, by its own names. */
#define DAL_JEMALLOC_OPTION_COUNT 42

extern const struct dal_option dal_jemalloc_options_[DAL_JEMALLOC_OPTION_COUNT];

/* Start jemalloc with the options of a request, or see whether those that it was started
 * with are the same. Returns 0, or an error number with a reason in the request. */
int dal_jemalloc_start_(const struct dal_backend_request *request);

#endif /* DAL_JEMALLOC_H */
