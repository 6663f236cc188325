/* SPDX-License-Identifier: MIT */
/*
 * Parsing a spec: split at '+', ':', ',' and '=', then unescape the values in place. The
 * text comes from the environment of whoever starts the program: every length is checked
 * before anything is written.
 */
#include <config.h>

#include "spec.h"

#include <string.h>

#include <dispatchalloc/error.h>

/* Cut text at the first of the characters in ends. Returns what stood there, '\0' at the
 * end of the text, and moves *rest behind it. */
static char cut(char *text, const char *ends, char **rest)
{
    size_t length = strcspn(text, ends);
    char end = text[length];

    text[length] = '\0';
    *rest = text + length + (end != '\0');
    return end;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Replace each %XX by its byte. Returns 0 if one is %00, which no value can hold. */
static int unescape(char *value)
{
    char *to = value;

    for (const char *from = value; *from; from++) {
        int high = from[0] == '%' ? hex_digit(from[1]) : -1;
        int low = high >= 0 ? hex_digit(from[2]) : -1;

        if (low < 0) {
            *to++ = *from;
            continue;
        }
        if (high == 0 && low == 0)
            return 0;
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    return 1;
}

static int has_key(const struct dal_spec_item_ *item, const char *key)
{
    for (size_t i = 0; i < item->pair_count; i++) {
        if (strcmp(item->pairs[i].key, key) == 0)
            return 1;
    }
    return 0;
}

static int parse_pair(struct dal_spec_ *spec, struct dal_spec_item_ *item, char *text,
                      struct dal_text_ *why)
{
    char *value;
    char end;

    if (spec->pair_count == DAL_SPEC_PAIRS_MAX) {
        dal_text_add_(why, "more than %d options", DAL_SPEC_PAIRS_MAX);
        return DAL_ERR_SYNTAX;
    }
    end = cut(text, "=", &value);
    if (end != '=' || !*text) {
        dal_text_add_(why, "\"%s\" takes options as key=value, separated by commas, not \"%s%s%s\"",
                      item->name, text, end ? "=" : "", end ? value : "");
        return DAL_ERR_SYNTAX;
    }
    if (has_key(item, text)) {
        dal_text_add_(why, "\"%s\" has the option \"%s\" twice", item->name, text);
        return DAL_ERR_SYNTAX;
    }
    if (!unescape(value)) {
        dal_text_add_(why, "%%00 cannot be part of a value (option \"%s\" of \"%s\")", text,
                      item->name);
        return DAL_ERR_SYNTAX;
    }
    spec->pairs[spec->pair_count++] = (struct dal_spec_pair_){text, value};
    item->pair_count++;
    return DAL_OK;
}

static int parse_item(struct dal_spec_ *spec, char *text, struct dal_text_ *why)
{
    struct dal_spec_item_ *item = &spec->items[spec->item_count];
    char *rest;
    char end;

    if (spec->item_count == DAL_SPEC_ITEMS_MAX) {
        dal_text_add_(why, "more than %d items", DAL_SPEC_ITEMS_MAX);
        return DAL_ERR_SYNTAX;
    }
    end = cut(text, ":", &rest);
    if (!*text) {
        dal_text_add_(why, "item %zu has no name", spec->item_count + 1);
        return DAL_ERR_SYNTAX;
    }
    *item = (struct dal_spec_item_){text, &spec->pairs[spec->pair_count], 0, NULL};
    spec->item_count++;
    while (end == ':' || end == ',') {
        char *pair = rest;
        int error;

        end = cut(pair, ",", &rest);
        error = parse_pair(spec, item, pair, why);
        if (error)
            return error;
    }
    return DAL_OK;
}

int dal_spec_parse_(struct dal_spec_ *spec, const char *text, struct dal_text_ *why)
{
    size_t length = strlen(text);
    char *rest = spec->text;
    char end;

    spec->item_count = 0;
    spec->pair_count = 0;
    if (length == 0 || length > DAL_SPEC_BYTES_MAX) {
        dal_text_add_(why, length == 0 ? "it is empty" : "it is longer than %d bytes",
                      DAL_SPEC_BYTES_MAX);
        return DAL_ERR_SYNTAX;
    }
    memcpy(spec->text, text, length + 1);
    do {
        char *item = rest;
        int error;

        end = cut(item, "+", &rest);
        error = parse_item(spec, item, why);
        if (error)
            return error;
    } while (end == '+');
    return DAL_OK;
}
