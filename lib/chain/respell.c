/* SPDX-License-Identifier: MIT */
/* The parts of a spec, put together anew. See respell.h. */
#include <config.h>

#include "chain/respell.h"

#include <string.h>

#include <dispatchalloc/backend.h>

#include "base/text.h"
#include "registry/registry.h"

#define WHITE_SPACE " \t\n\r\v\f"
#define SEPARATORS  "+:,;|&'\"" WHITE_SPACE
#define JOINTS      "-./>"

/* A spec as it is put together. */
struct joining {
    struct dal_text_ *joined;
    const char *before_name, *before_option; /* that: NULL, as long as there is no item */
    size_t backends;
};

static bool copy_name(const char *word, size_t length, char name[DAL_NAME_MAX + 1])
{
    if (length > DAL_NAME_MAX)
        return false;
    memcpy(name, word, length);
    name[length] = '\0';
    return dal_registry_is_there_(name);
}

static bool is_name(const char *word, size_t length)
{
    char name[DAL_NAME_MAX + 1];

    return copy_name(word, length, name);
}

static bool join_name(struct joining *joining, const char *word, size_t length)
{
    char name[DAL_NAME_MAX + 1];
    const struct dal_backend *known;

    if (!copy_name(word, length, name))
        return false;
    known = dal_registry_find_known_(name);
    joining->backends += !known || !(known->flags & DAL_BACKEND_LAYER);
    dal_text_add_(joining->joined, "%s%s", joining->before_name, name);
    joining->before_name = "+";
    joining->before_option = ":";
    return true;
}

/* In "stats-arena" the first. Returns how long it is with what is between, or 0. */
static size_t join_first_name(struct joining *joining, const char *word, size_t length)
{
    size_t first = strcspn(word, JOINTS);

    while (first < length && !is_name(word, first))
        first += 1 + strcspn(word + first + 1, JOINTS);
    if (first >= length || !join_name(joining, word, first))
        return 0;
    return first + strspn(word + first, JOINTS);
}

static bool join_option(struct joining *joining, const char *key, size_t length, const char *value,
                        size_t value_length)
{
    if (!joining->before_option)
        return false;
    dal_text_add_(joining->joined, "%s%.*s=%.*s", joining->before_option, (int)length, key,
                  (int)value_length, value);
    joining->before_option = ",";
    return true;
}

/* The length of VALUE in KEY:VALUE, or 0 if those are names, or none. */
static size_t behind_colon(const char *key, size_t length)
{
    const char *value = key + length + 1;
    size_t value_length = key[length] == ':' ? strcspn(value, SEPARATORS "=") : 0;

    if (!value_length || value[value_length] == '=' ||
        (is_name(key, length) && is_name(value, value_length)))
        return 0;
    return value_length;
}

/* What has '=' or ':' before a value is an option, and what has not a name. Returns how long it
 * is, or 0 if it is neither. */
static size_t join_part(struct joining *joining, const char *text)
{
    size_t word = strcspn(text, SEPARATORS "="), length = strcspn(text, SEPARATORS);
    bool begins_item = !joining->before_option || text[-1] == '+';
    size_t value = begins_item ? 0 : behind_colon(text, word);

    if (value)
        length = word + 1 + value;
    else if (word == length || (begins_item && is_name(text, word)))
        return join_name(joining, text, word) ? word : join_first_name(joining, text, word);
    return join_option(joining, text, word, text + word + 1, length - word - 1) ? length : 0;
}

static bool join(const char *text, struct joining *joining)
{
    size_t length;

    for (text += strspn(text, SEPARATORS); *text; text += strspn(text, SEPARATORS "=")) {
        length = join_part(joining, text);
        if (!length)
            return false;
        text += length;
    }
    return joining->before_option && joining->joined->length < joining->joined->bytes;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Without white space, but between words: that is part of a text. */
static void squeeze(const char *text, struct dal_text_ *squeezed)
{
    for (text += strspn(text, WHITE_SPACE); *text;) {
        size_t length = strcspn(text, WHITE_SPACE), space = strspn(text + length, WHITE_SPACE);
        bool is_text = space == 1 && text[length] == ' ' && is_letter(text[length - 1]) &&
                       is_letter(text[length + 1]);

        dal_text_add_(squeezed, "%.*s%s", (int)length, text, is_text ? "%20" : "");
        text += length + space;
    }
}

/* Whether something is missing where a spec ends so. */
static bool is_open(char c)
{
    return c == '+' || c == ':' || c == ',';
}

bool dal_respell_(const char *text, char *meant, size_t bytes, size_t *backends)
{
    char squeezed[DAL_RESPELL_BYTES];
    struct dal_text_ all = dal_text_over_(squeezed, sizeof squeezed);
    struct dal_text_ joined = dal_text_over_(meant, bytes);
    struct joining joining = {.joined = &joined, .before_name = ""};
    bool is_good;

    if (strpbrk(text, "()") || strlen(text) >= sizeof squeezed || !*text)
        return false;
    is_good = join(text, &joining);
    if (!is_good) {
        /* White space may stand inside a part: 64 K. */
        squeeze(text, &all);
        dal_text_cut_(&joined, 0);
        joining = (struct joining){.joined = &joined, .before_name = ""};
        is_good = strcmp(squeezed, text) != 0 && join(squeezed, &joining);
    }
    *backends = joining.backends;
    /* Only begun. */
    if (is_open(text[strlen(text) - 1]) && joining.backends == 0)
        return false;
    return is_good && strcmp(meant, text) != 0;
}
