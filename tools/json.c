/* SPDX-License-Identifier: MIT */
/* Strings of JSON. */
#include <string.h>

#include "tools/tool.h"
#include "lib/shared/control.h"

void tool_print_json(const char *text)
{
    putchar('"');
    while (*text) {
        uint32_t code = 0xfffd;
        size_t length = dal_character_(text, strlen(text), &code);

        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if (length == 0 || dal_is_control_(code))
            printf("\\u%04x", length ? (unsigned)code : 0xfffdU);
        else
            fwrite(text, 1, length, stdout);
        text += length ? length : 1;
    }
    putchar('"');
}
