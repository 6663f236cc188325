/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/error.h
 * @brief Error numbers, and what happens when memory is gone.
 *
 * One polarity everywhere: a function that allocates returns NULL when it fails;
 * every other function that can fail returns 0 or one of the negative numbers
 * below. errno is defined for the calls without sizes only: dal_unsized_malloc(),
 * dal_instance_unsized_malloc() and their families.
 */
#ifndef DISPATCHALLOC_ERROR_H
#define DISPATCHALLOC_ERROR_H

#include <dispatchalloc/layout.h>
#include <dispatchalloc/macros.h>

/**
 * The error numbers with their texts, the one list that the enumeration and
 * dal_strerror() are made from. Append only: a number never changes its meaning.
 */
/* clang-format off */
#define DAL_ERRORS(X)                                                               \
    X(INVALID,     -1,  "invalid argument")                                         \
    X(LAYOUT,      -2,  "layout too large, or its alignment not a power of two")    \
    X(MEMORY,      -3,  "out of memory")                                            \
    X(SEALED,      -4,  "the global allocator is fixed since the first allocation") \
    X(UNKNOWN,     -5,  "no backend, layer or key has that name")                   \
    X(SYNTAX,      -6,  "malformed spec")                                           \
    X(OPTION,      -7,  "unknown option, or a value that it does not accept")       \
    X(TAKEN,       -8,  "the name is taken")                                        \
    X(ABI,         -9,  "made for another version of the interface")                \
    X(UNSUPPORTED, -10, "not supported by this allocator")                          \
    X(FULL,        -11, "a fixed table of the library is full")                     \
    X(INCOMPLETE,  -12, "a required function is missing")                           \
    X(CREATE,      -13, "the backend could not be started")                         \
    X(SYSTEM,      -14, "the operating system refused")                             \
    X(MODULE,      -15, "the module cannot be used")
/* clang-format on */

/** Error numbers; all negative, so that `if (result < 0)` finds every failure. */
enum dal_err {
    DAL_OK = 0, /**< no error */
#define DAL_ERROR_(name, number, text) DAL_ERR_##name = number,
    DAL_ERRORS(DAL_ERROR_)
#undef DAL_ERROR_
    /** Not an error number: ends the list. */
    DAL_ERR_END_ = -16
};

DAL_BEGIN_DECLS_

/**
 * The text of an error number.
 *
 * @param error  0 or an error number of this library.
 * @return a text that is valid for ever, without a full stop; "unknown error" for a
 *         number that is none of ours; never NULL.
 *
 * May be called from any thread and from inside a backend.
 */
DAL_API const char *dal_strerror(int error);

/**
 * What dal_handle_alloc_error() calls before it aborts.
 *
 * @param layout  the request that failed.
 *
 * A hook may return, and then the process is aborted, or leave by exit(3) or
 * longjmp(3). Memory is scarce when it runs: it should not allocate.
 */
typedef void (*dal_alloc_error_hook)(struct dal_layout layout);

/**
 * Give up because an allocation failed: call the hook, then abort(3).
 *
 * Rust's std::alloc::handle_alloc_error. Without a hook of the program's own it
 * prints "memory allocation of N bytes failed" to standard error by write(2).
 *
 * @param layout  the request that failed; any value is accepted.
 *
 * Never returns. May be called from any thread and from inside a backend.
 */
#ifdef __cplusplus
[[noreturn]]
#else
_Noreturn
#endif
/* clang-format off */
DAL_API void dal_handle_alloc_error(struct dal_layout layout);
/* clang-format on */

/**
 * Set what dal_handle_alloc_error() does first.
 *
 * @param hook  the new hook, or NULL for the default one that prints a line.
 * @return the hook that was set before, or NULL if that was the default.
 *
 * Thread-safe; may be called from inside a backend. Rust's
 * std::alloc::set_alloc_error_hook and take_alloc_error_hook in one.
 */
DAL_API dal_alloc_error_hook dal_alloc_error_hook_set(dal_alloc_error_hook hook);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_ERROR_H */
