/* SPDX-License-Identifier: MIT */
/* The parts of a spec, put together anew. See respell.h. */
#include <config.h>

#include "chain/respell.h"

#include <string.h>

#include <dispatchalloc/backend.h>

#include "base/text.h"
#include "registry/registry.h"

#define WHITE_SPACE " \t\n\r\v\f"
#define SEPARATORS  "+:,;|&" WHITE_SPACE

static bool is_name(const char *word, size_t length)
{
    char name[DAL_NAME_MAX + 1];

    if (length > DAL_NAME_MAX)
        return false;
    memcpy(name, word, length);
    name[length] = '\0';
    return dal_registry_is_there_(name);
}

/* What has '=' in it is an option, and what has not a name. */
static bool join(const char *text, struct dal_text_ *joined)
{
    const char *before_name = "", *before_option = NULL;
    size_t length;

    for (text += strspn(text, SEPARATORS); *text; text += strspn(text, SEPARATORS)) {
        length = strcspn(text, SEPARATORS);
        if (memchr(text, '=', length)) {
            if (!before_option)
                return false;
            dal_text_add_(joined, "%s%.*s", before_option, (int)length, text);
            before_option = ",";
        } else {
            if (!is_name(text, length))
                return false;
            dal_text_add_(joined, "%s%.*s", before_name, (int)length, text);
            before_name = "+";
            before_option = ":";
        }
        text += length;
    }
    return before_option != NULL && joined->length < joined->bytes;
}

static void squeeze(const char *text, struct dal_text_ *squeezed)
{
    for (text += strspn(text, WHITE_SPACE); *text; text += strspn(text, WHITE_SPACE)) {
        size_t length = strcspn(text, WHITE_SPACE);

        dal_text_add_(squeezed, "%.*s", (int)length, text);
        text += length;
    }
}

/* Whether something is missing where a spec begins or ends so. */
static bool is_open(char c)
{
    return c == '+' || c == ':' || c == ',';
}

bool dal_respell_(const char *text, char *meant, size_t bytes)
{
    char squeezed[DAL_RESPELL_BYTES];
    struct dal_text_ all = dal_text_over_(squeezed, sizeof squeezed);
    struct dal_text_ joined = dal_text_over_(meant, bytes);

    /* Nested, too long, or only begun. */
    if (strpbrk(text, "()") || strlen(text) >= sizeof squeezed || !*text || is_open(text[0]) ||
        is_open(text[strlen(text) - 1]))
        return false;
    if (join(text, &joined))
        return strcmp(meant, text) != 0;
    /* White space may stand inside a part: 64 K. */
    squeeze(text, &all);
    dal_text_cut_(&joined, 0);
    return strcmp(squeezed, text) != 0 && join(squeezed, &joined);
}
