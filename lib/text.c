/* SPDX-License-Identifier: MIT */
/* Text in a buffer of fixed size, and lines on standard error. See text.h. */
#include <config.h>

#include "text.h"

#include <stdio.h>

#include "compat/compat.h"

struct dal_text_ dal_text_over_(char *data, size_t bytes)
{
    struct dal_text_ text = {data, bytes, 0};

    if (bytes > 0)
        data[0] = '\0';
    return text;
}

void dal_text_add_list_(struct dal_text_ *text, const char *format, va_list arguments)
{
    size_t used = text->length < text->bytes ? text->length : text->bytes;
    int added = vsnprintf(text->bytes > 0 ? text->data + used : NULL, text->bytes - used, format,
                          arguments);

    if (added > 0)
        text->length += (size_t)added;
}

void dal_text_add_(struct dal_text_ *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    dal_text_add_list_(text, format, arguments);
    va_end(arguments);
}

void dal_text_clean_(struct dal_text_ *text, size_t from)
{
    for (size_t i = from; i < text->length && i + 1 < text->bytes; i++) {
        if ((unsigned char)text->data[i] < ' ' || text->data[i] == 0x7f)
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
    dal_compat_write_(line, length);
}
