/* SPDX-License-Identifier: MIT */
/*
 * Text in a buffer of fixed size, and lines on standard error.
 *
 * Nothing here allocates: lines are made on the stack and written by write(2), so that a
 * message can be given from any place that an allocation can come from.
 */
#ifndef DAL_TEXT_H
#define DAL_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <dispatchalloc/macros.h>

/* A growing text in memory of the caller's. Always terminated if bytes > 0; what does not
 * fit is left out, but counted in length, as snprintf(3) does. */
struct dal_text_ {
    char *data;
    size_t bytes;
    size_t length;
};

/* Longest line that dal_log_() writes, and room for a message that one is made from. */
#define DAL_LINE_BYTES    1024
#define DAL_MESSAGE_BYTES 768

/* An empty text over a buffer; data may be NULL if bytes is 0. */
struct dal_text_ dal_text_over_(char *data, size_t bytes);

/* Append in the manner of printf. */
void dal_text_add_(struct dal_text_ *text, const char *format, ...) DAL_ATTRIBUTE_PRINTF_(2, 3);
void dal_text_add_list_(struct dal_text_ *text, const char *format, va_list arguments)
    DAL_ATTRIBUTE_PRINTF_(2, 0);

/* Append why something failed. Gives the error that it failed with: a macro, so that the compiler
 * sees which, and does not take it for success where it looks into a caller (-flto). */
#define dal_fail_(why, error, ...) (dal_text_add_(why, __VA_ARGS__), (error))

/* Take back what was appended since the text had that length. */
void dal_text_cut_(struct dal_text_ *text, size_t length);

/* Show each control character, and what is no UTF-8, from a place on as '?': a value from the
 * environment or a spec may hold some, and what is made from it is to stay one line. */
void dal_text_clean_(struct dal_text_ *text, size_t from);

/* The most of a value that a message repeats: the rest of a long one tells nobody more, and
 * what is behind it in the line has to fit. To be printed by DAL_VALUE_FORMAT with
 * DAL_VALUE(value). */
#define DAL_VALUE_BYTES  100
#define DAL_VALUE_FORMAT "%.100s%s"
#define DAL_VALUE(value) (value), strlen(value) > DAL_VALUE_BYTES ? "..." : ""

/* Write "dispatchalloc: <text>\n" to standard error, cleaned. */
void dal_log_(const char *format, ...) DAL_ATTRIBUTE_PRINTF_(1, 2);

#endif /* DAL_TEXT_H */
