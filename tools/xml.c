/* SPDX-License-Identifier: MIT */
/* Text of XML. */
#include <string.h>

#include "tools/tool.h"
#include "lib/shared/control.h"

void tool_write_xml(FILE *to, const char *text)
{
    const char *end = text + strlen(text);

    while (*text) {
        uint32_t code = 0;
        size_t length = dal_character_(text, (size_t)(end - text), &code);
        int is_shown =
            length && (!dal_is_control_(code) || code == '\n') && (code & 0xfffe) != 0xfffe;

        if (!is_shown)
            fprintf(to, "&#xfffd;");
        else if (strchr("<>&\"'", *text))
            fprintf(to, "&#%d;", *text);
        else
            fwrite(text, 1, length, to);
        text += length ? length : 1;
    }
}
