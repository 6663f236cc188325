/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/macros.h
 * @brief Attributes and language differences that the other headers share.
 *
 * Nothing here is meant for use outside the headers of this library, and what
 * ends in an underscore may change in any version.
 */
#ifndef DISPATCHALLOC_MACROS_H
#define DISPATCHALLOC_MACROS_H

#ifdef __cplusplus
# define DAL_BEGIN_DECLS_    extern "C" {
# define DAL_END_DECLS_      }
# define DAL_ALIGNOF_(type)  alignof(type)
# define DAL_ALIGNAS_(bytes) alignas(bytes)
#else
# define DAL_BEGIN_DECLS_
# define DAL_END_DECLS_
# define DAL_ALIGNOF_(type)  _Alignof(type)
# define DAL_ALIGNAS_(bytes) _Alignas(bytes)
#endif

/* A function that a header defines: in line where it is included, and once as a symbol of the
 * library for languages that cannot include it (lib/front/inline_symbols.c). */
#ifndef DAL_INLINE_
# define DAL_INLINE_ static inline
#endif

#if defined(__GNUC__)
# if defined(__ELF__) || defined(__APPLE__)
#  define DAL_API __attribute__((visibility("default")))
# else
#  define DAL_API
# endif
/* "malloc" is written __malloc__ in a list: a program may have defined the plain name. */
# define DAL_ATTRIBUTE_(list)     __attribute__(list)
# define DAL_LIKELY_(condition)   __builtin_expect(!!(condition), 1)
# define DAL_UNLIKELY_(condition) __builtin_expect(!!(condition), 0)
#else
# define DAL_API
# define DAL_ATTRIBUTE_(list)
# define DAL_LIKELY_(condition)   (condition)
# define DAL_UNLIKELY_(condition) (condition)
#endif

/* For what is called for every block: without the jump of a PLT, which takes as long as the front's
 * own. clang knows no such attribute. */
#if defined(__ELF__) && defined(__GNUC__) && __GNUC__ >= 6 && !defined(__clang__)
# define DAL_NO_PLT_ DAL_ATTRIBUTE_((noplt))
#else
# define DAL_NO_PLT_
#endif

/* Which function takes back what an allocating function returns, and at which parameter, so that
 * gcc finds a block that goes elsewhere, goes back twice or is used afterwards. gcc does not inline
 * what is named there; who would rather have that defines DAL_NO_DEALLOC_WARNINGS. */
#if defined(__GNUC__) && __GNUC__ >= 11 && !defined(__clang__) && !defined(DAL_NO_DEALLOC_WARNINGS)
# define DAL_HAS_DEALLOC_ATTRIBUTES_                1
# define DAL_ATTRIBUTE_DEALLOC_(function, position) DAL_ATTRIBUTE_((__malloc__(function, position)))
/* A function that takes back its own blocks is known by its name only after it is declared. */
# define DAL_DECLARE_AGAIN_(declaration)                                                    \
     _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wredundant-decls\"") \
         declaration;                                                                       \
     _Pragma("GCC diagnostic pop")
#else
# define DAL_HAS_DEALLOC_ATTRIBUTES_ 0
# define DAL_ATTRIBUTE_DEALLOC_(function, position)
# define DAL_DECLARE_AGAIN_(declaration)
#endif

/* Behind a member that may be left out among designated initializers: then C++ compilers do not
 * warn of it. (In C they do not; in C++11 the structure would be no aggregate.) */
#if defined(__cplusplus) && __cplusplus >= 201402L
# define DAL_ZERO_ = {}
#else
# define DAL_ZERO_
#endif

/* What a macro expands to as a string. */
#define DAL_TEXT_(...)  DAL_TEXT__(__VA_ARGS__)
#define DAL_TEXT__(...) #__VA_ARGS__

/* printf-like functions of this library always take C99 formats, also on Windows,
 * where "printf" would mean the old run-time's. */
#if defined(__MINGW32__) && !defined(__clang__)
# define DAL_ATTRIBUTE_PRINTF_(text, first) DAL_ATTRIBUTE_((format(gnu_printf, text, first)))
#else
# define DAL_ATTRIBUTE_PRINTF_(text, first) DAL_ATTRIBUTE_((format(printf, text, first)))
#endif

/* The definition of a symbol that others look up by name: kept whatever the options say. It
 * is visible by its declaration, which has to come before it and be DAL_API (g++ warns of a
 * second visibility at the definition of a constant). */
#define DAL_LINK_SYMBOL_ DAL_ATTRIBUTE_((used))

#endif /* DISPATCHALLOC_MACROS_H */
