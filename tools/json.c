/* SPDX-License-Identifier: MIT */
/* Strings of JSON. */
#include "tools/tool.h"

/* How many bytes of well-formed UTF-8 there are at text, from 2 to 4; 0 if it is none. */
static size_t sequence(const unsigned char *text)
{
    size_t length = *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2;
    unsigned second = text[1];

    if (*text < 0xc2 || *text > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Overlong, surrogates, beyond Unicode. */
    if ((*text == 0xe0 && second < 0xa0) || (*text == 0xed && second > 0x9f) ||
        (*text == 0xf0 && second < 0x90) || (*text == 0xf4 && second > 0x8f))
        return 0;
    return length;
}

void tool_print_json(const char *string)
{
    const unsigned char *at = (const unsigned char *)string;

    putchar('"');
    while (*at) {
        size_t length = *at < 0x80 ? 1 : sequence(at);

        if (*at == '"' || *at == '\\')
            printf("\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            printf("\\u%04x", *at);
        else if (length == 0)
            printf("\\ufffd");
        else
            fwrite(at, 1, length, stdout);
        at += length ? length : 1;
    }
    putchar('"');
}
