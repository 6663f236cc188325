/* SPDX-License-Identifier: MIT */
/* Text in a buffer of fixed size, and lines on standard error. See text.h. */
#include <config.h>

#include "base/text.h"

#include <stdio.h>

#include "os/os.h"
#include "shared/control.h"

struct dal_text_ dal_text_over_(char *data, size_t bytes)
{
    struct dal_text_ text = {data, bytes, 0};

    if (bytes > 0)
        data[0] = '\0';
    return text;
}

static void add_formatted(struct dal_text_ *text, const char *format, va_list arguments)
{
    size_t used = text->length < text->bytes ? text->length : text->bytes;
    int added = vsnprintf(text->bytes > 0 ? text->data + used : NULL, text->bytes - used, format,
                          arguments);

    if (added > 0)
        text->length += (size_t)added;
}

static void add_bytes(struct dal_text_ *text, const char *bytes, size_t count)
{
    if (text->length < text->bytes) {
        size_t room = text->bytes - text->length - 1;
        size_t fitting = count < room ? count : room;

        memcpy(text->data + text->length, bytes, fitting);
        text->data[text->length + fitting] = '\0';
    }
    text->length += count;
}

/* Whether a format has no conversion but %s. */
static int is_simple(const char *format)
{
    while ((format = strchr(format, '%')) != NULL) {
        if (*++format != 's')
            return 0;
    }
    return 1;
}

static void add_simple(struct dal_text_ *text, const char *format, va_list arguments)
{
    while (*format) {
        size_t plain = 0;

        while (format[plain] && format[plain] != '%')
            plain++;
        add_bytes(text, format, plain);
        format += plain;
        if (*format) {
            const char *string = va_arg(arguments, const char *);

            if (!string)
                string = "(null)";
            add_bytes(text, string, strlen(string));
            format += 2;
        }
    }
}

/* vsnprintf takes pages of the C library that a process may need for nothing else; what is said
 * at every start does without. */
void dal_text_add_list_(struct dal_text_ *text, const char *format, va_list arguments)
{
    if (is_simple(format))
        add_simple(text, format, arguments);
    else
        add_formatted(text, format, arguments);
}

void dal_text_add_(struct dal_text_ *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    dal_text_add_list_(text, format, arguments);
    va_end(arguments);
}

void dal_text_cut_(struct dal_text_ *text, size_t length)
{
    text->length = length;
    if (length < text->bytes)
        text->data[length] = '\0';
}

void dal_text_clean_(struct dal_text_ *text, size_t from)
{
    for (size_t i = from; i < text->length && i + 1 < text->bytes; i++) {
        if (dal_is_control_(text->data[i]))
            text->data[i] = '?';
    }
}

void dal_log_(const char *format, ...)
{
    char line[DAL_LINE_BYTES];
    /* One byte less, so that the newline always fits. */
    struct dal_text_ text = dal_text_over_(line, sizeof line - 1);
    va_list arguments;
    size_t length;

    dal_text_add_(&text, "dispatchalloc: ");
    va_start(arguments, format);
    dal_text_add_list_(&text, format, arguments);
    va_end(arguments);

    dal_text_clean_(&text, 0);
    length = text.length < text.bytes ? text.length : text.bytes - 1;
    line[length++] = '\n';
    dal_os_write_(line, length);
}
