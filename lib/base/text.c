/* SPDX-License-Identifier: MIT */
/* Text in a buffer of fixed size, and lines on standard error. See text.h. */
#include <config.h>

#include "base/text.h"

#include <stdint.h>
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

/* ---- In the manner of printf ----------------------------------------------------------------- */

/* One of what messages are made of: %s, %.100s, %d, %zu, %" PRIx64 " and their like, %p and %%. */
struct conversion {
    size_t precision;
    char length; /* 'z', 'l', 'L' for "ll", or '\0' */
    char kind;
};

/* What stands behind a '%' and ends before what is returned; NULL if it is of another kind. */
static const char *read_conversion(const char *at, struct conversion *conversion)
{
    *conversion = (struct conversion){.precision = SIZE_MAX};
    if (*at == '.' && at[1] >= '0' && at[1] <= '9') {
        conversion->precision = 0;
        while (*++at >= '0' && *at <= '9')
            conversion->precision = conversion->precision * 10 + (size_t)(*at - '0');
    }
    if (*at == 'z' || *at == 'l')
        conversion->length = *at++;
    if (conversion->length == 'l' && *at == 'l') {
        conversion->length = 'L';
        at++;
    }
    conversion->kind = *at;
    if (*at == '\0' || !strchr("sduxp%", *at) || (conversion->precision != SIZE_MAX && *at != 's'))
        return NULL;
    return at + 1;
}

static int is_plain(const char *format)
{
    struct conversion conversion;

    while (format && (format = strchr(format, '%')) != NULL) {
        format = read_conversion(format + 1, &conversion);
        if (!format)
            return 0;
    }
    return 1;
}

/* So that it can be handed on. */
struct arguments {
    va_list list;
};

/* Without its sign, which *is_negative tells. */
static unsigned long long take_number(const struct conversion *conversion,
                                      struct arguments *arguments, int *is_negative)
{
    long long number;

    *is_negative = 0;
    if (conversion->kind == 'p')
        return (uintptr_t)va_arg(arguments->list, void *);
    if (conversion->kind != 'd') {
        switch (conversion->length) {
        case 'z': return va_arg(arguments->list, size_t);
        case 'l': return va_arg(arguments->list, unsigned long);
        case 'L': return va_arg(arguments->list, unsigned long long);
        default: return va_arg(arguments->list, unsigned);
        }
    }
    switch (conversion->length) {
    case 'z': number = va_arg(arguments->list, ptrdiff_t); break;
    case 'l': number = va_arg(arguments->list, long); break;
    case 'L': number = va_arg(arguments->list, long long); break;
    default: number = va_arg(arguments->list, int); break;
    }
    *is_negative = number < 0;
    return number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number;
}

static void add_number(struct dal_text_ *text, const struct conversion *conversion,
                       struct arguments *arguments)
{
    char digits[2 + 20 + 1];
    char *at = digits + sizeof digits;
    int is_negative;
    unsigned long long number = take_number(conversion, arguments, &is_negative);
    unsigned base = conversion->kind == 'x' || conversion->kind == 'p' ? 16 : 10;

    do
        *--at = "0123456789abcdef"[number % base];
    while ((number /= base) != 0);
    if (conversion->kind == 'p') {
        *--at = 'x';
        *--at = '0';
    }
    if (is_negative)
        *--at = '-';
    add_bytes(text, at, (size_t)(digits + sizeof digits - at));
}

static void add_plain(struct dal_text_ *text, const char *format, struct arguments *arguments)
{
    while (*format) {
        size_t literal = strcspn(format, "%");
        struct conversion conversion;

        add_bytes(text, format, literal);
        format += literal;
        if (!*format)
            break;
        format = read_conversion(format + 1, &conversion);
        if (conversion.kind == '%') {
            add_bytes(text, "%", 1);
        } else if (conversion.kind == 's') {
            const char *string = va_arg(arguments->list, const char *);

            if (!string)
                string = "(null)";
            add_bytes(text, string, strnlen(string, conversion.precision));
        } else {
            add_number(text, &conversion, arguments);
        }
    }
}

static void add_formatted(struct dal_text_ *text, const char *format, va_list arguments)
{
    size_t used = text->length < text->bytes ? text->length : text->bytes;
    int added = vsnprintf(text->bytes > 0 ? text->data + used : NULL, text->bytes - used, format,
                          arguments);

    if (added > 0)
        text->length += (size_t)added;
}

/* vsnprintf takes 2 KiB of stack, which a handler on a stack of its own may not have, and pages of
 * the C library that a process may need for nothing else. What our own messages are made of does
 * without. */
void dal_text_add_list_(struct dal_text_ *text, const char *format, va_list arguments)
{
    struct arguments copy;

    if (!is_plain(format)) {
        add_formatted(text, format, arguments);
        return;
    }
    va_copy(copy.list, arguments);
    add_plain(text, format, &copy);
    va_end(copy.list);
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
    size_t end = text->length < text->bytes ? text->length : text->bytes - (text->bytes > 0);

    if (from < end)
        dal_clean_(text->data + from, end - from);
}

void dal_log_(const char *format, ...)
{
    char line[DAL_LINE_BYTES];
    /* One byte less, so that the newline always fits. */
    struct dal_text_ text = dal_text_over_(line, sizeof line - 1);
    static const char from[] = "dispatchalloc: ";
    va_list arguments;
    size_t length;

    add_bytes(&text, from, sizeof from - 1);
    va_start(arguments, format);
    dal_text_add_list_(&text, format, arguments);
    va_end(arguments);

    dal_text_clean_(&text, 0);
    length = text.length < text.bytes ? text.length : text.bytes - 1;
    line[length++] = '\n';
    dal_os_write_(line, length);
}
