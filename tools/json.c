/* SPDX-License-Identifier: MIT */
/* Strings of JSON. */
#include <string.h>

#include "tools/tool.h"
#include "lib/shared/control.h"

static void write_string(FILE *to, const char *text, char also)
{
    const char *end = text + strlen(text);

    putc('"', to);
    while (*text) {
        uint32_t code = 0xfffd;
        size_t length = dal_character_(text, (size_t)(end - text), &code);

        if (*text == '"' || *text == '\\')
            fprintf(to, "\\%c", *text);
        else if (length == 0 || dal_is_control_(code) || *text == also)
            fprintf(to, "\\u%04x", length ? (unsigned)code : 0xfffdU);
        else
            fwrite(text, 1, length, to);
        text += length ? length : 1;
    }
    putc('"', to);
}

void tool_print_json(const char *text)
{
    write_string(stdout, text, '\0');
}

void tool_write_json(FILE *to, const char *text)
{
    write_string(to, text, '<');
}
