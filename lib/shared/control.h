/* SPDX-License-Identifier: MIT */
/* Characters that are not to reach a terminal, nor to break a line. Text from outside (a spec, a
 * variable, a file's name, an argument) may have some: it is cleaned before it is shown. */
#ifndef DAL_CONTROL_H
#define DAL_CONTROL_H

#include <stddef.h>
#include <stdint.h>

/* The controls of ASCII, and those from U+0080 on, by which terminals take orders as well. */
static inline int dal_is_control_(uint32_t code)
{
    return code < ' ' || (code >= 0x7f && code < 0xa0);
}

/* The character of UTF-8 at text, which has that many bytes and one at least: returns its length
 * with its number in *code, or 0 if it is malformed. */
static inline size_t dal_character_(const char *text, size_t bytes, uint32_t *code)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000}; /* of each length */
    uint32_t first = (unsigned char)*text;
    size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if ((first >= 0x80 && first < 0xc0) || first >= 0xf8 || length > bytes)
        return 0;
    *code = length == 1 ? first : first & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | ((unsigned char)text[i] & 0x3f);
    }
    if (*code < least[length - 1] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
        return 0;
    return length;
}

/* Make a '?' of each byte of a control character, and of each that is not UTF-8. */
static inline void dal_clean_(char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        uint32_t code = 0;
        size_t length = dal_character_(text + i, bytes - i, &code);
        size_t end = i + (length ? length : 1);
        int is_shown = length && !dal_is_control_(code);

        for (; i < end; i++)
            text[i] = is_shown ? text[i] : '?';
    }
}

#endif /* DAL_CONTROL_H */
