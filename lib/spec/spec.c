/* SPDX-License-Identifier: MIT */
/*
 * Parsing a spec: see that every character may stand where it stands, split at '+', ':', ','
 * and '=', then unescape names and values in place. The text comes from the environment of
 * whoever starts the program: every length is checked before anything is written.
 *
 * A value in parentheses is kept as text first, and split once its item is complete, so that
 * the pairs of an item, and the items of a list, stand together.
 */
#include <config.h>

#include "spec/spec.h"

#include <string.h>

#include <dispatchalloc/error.h>

/* ---- Which character may stand where --------------------------------------------------- */

enum place { IN_NAME, IN_KEY, AT_VALUE, IN_VALUE, AFTER_NESTED };

static enum place next_place(enum place place, char c)
{
    if (c == '+')
        return IN_NAME;
    if (place == IN_NAME)
        return c == ':' ? IN_KEY : IN_NAME;
    if (c == ',')
        return IN_KEY;
    if (place == IN_KEY)
        return c == '=' ? AT_VALUE : IN_KEY;
    return IN_VALUE;
}

/* What a spec keeps for itself: signs, and white space, which messages call by its names. */
static const char signs[] = "()[]{};|'\"", spaces[] = " \t\n\r\v\f";

static bool is_reserved(char c)
{
    return strchr(signs, c) || strchr(spaces, c);
}

static int refuse_reserved(char c, size_t at, struct dal_text_ *why)
{
    static const char names[][16] = {"space",           "tab",          "newline",
                                     "carriage return", "vertical tab", "form feed"};
    const char *space = strchr(spaces, c);
    const char sign[] = {c, '\0'};
    const char *reason = "cannot stand in a spec";

    if (c == '(')
        reason = "can only begin a value";
    if (c == ')')
        reason = "closes nothing";
    return dal_fail_(why, DAL_ERR_SYNTAX,
                     "the %s%s at byte %zu %s; in a name or a value it is written %%%02X",
                     space ? "" : "character ", space ? names[space - spaces] : sign, at + 1,
                     reason, (unsigned)c);
}

/* Whether c may follow a closed parenthesis. */
static bool ends_nested(char c, size_t depth)
{
    return c == ',' || c == '+' || (c == ')' && depth > 0);
}

/* text begins at a place; its parentheses nest on top of outer ones. */
static int check_characters(const char *text, enum place place, size_t outer, struct dal_text_ *why)
{
    size_t opened[DAL_SPEC_DEPTH_MAX];
    size_t depth = 0;

    for (size_t i = 0; text[i]; i++) {
        if (place == AFTER_NESTED && !ends_nested(text[i], depth))
            return dal_fail_(why, DAL_ERR_SYNTAX,
                             "byte %zu follows a value in parentheses, which ends with its )",
                             i + 1);
        if (text[i] == '(' && place == AT_VALUE) {
            if (outer + depth == DAL_SPEC_DEPTH_MAX)
                return dal_fail_(why, DAL_ERR_SYNTAX, "more than %d parentheses within each other",
                                 DAL_SPEC_DEPTH_MAX);
            opened[depth++] = i;
            place = IN_NAME;
        } else if (text[i] == ')' && depth > 0) {
            depth--;
            place = AFTER_NESTED;
        } else if (is_reserved(text[i])) {
            return refuse_reserved(text[i], i, why);
        } else {
            place = next_place(place, text[i]);
        }
    }
    if (depth > 0)
        return dal_fail_(why, DAL_ERR_SYNTAX, "the ( at byte %zu is not closed",
                         opened[depth - 1] + 1);
    return DAL_OK;
}

bool dal_spec_is_nested_(const char *text)
{
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);
    size_t depth = 0;

    if (text[0] != '(' || strlen(text) > DAL_SPEC_BYTES_MAX ||
        check_characters(text, AT_VALUE, 0, &nowhere))
        return false;
    do {
        depth += *text == '(';
        depth -= *text == ')';
        text++;
    } while (depth > 0);
    return *text == '\0';
}

/* ---- Splitting ------------------------------------------------------------------------- */

/* Cut text at the first end that stands in no parentheses. Returns what stood there, '\0' at
 * the end of the text, and moves *rest behind it. */
static char cut(char *text, char end, char **rest)
{
    size_t depth = 0;
    char found;

    while (*text && (*text != end || depth > 0)) {
        depth += *text == '(';
        depth -= *text == ')';
        text++;
    }
    found = *text;
    *text = '\0';
    *rest = text + (found != '\0');
    return found;
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

/* Replace each %XX by its byte. Returns 0 if one is %00, which no text can hold. */
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

bool dal_spec_has_key_(const struct dal_spec_item_ *item, const char *key)
{
    for (size_t i = 0; i < item->pair_count; i++) {
        if (strcmp(item->pairs[i].key, key) == 0)
            return true;
    }
    return false;
}

bool dal_spec_is_last_(const struct dal_spec_ *spec, size_t item)
{
    const struct dal_spec_list_ *list = &spec->lists[spec->items[item].list];

    return item + 1 == list->first + list->count;
}

void dal_spec_add_place_(const struct dal_spec_ *spec, size_t list, struct dal_text_ *why)
{
    if (list > 0)
        dal_text_add_(why, "option \"%s\" of \"%s\": ", spec->lists[list].key,
                      spec->items[spec->lists[list].owner].name);
}

static int parse_pair(struct dal_spec_ *spec, struct dal_spec_item_ *item, char *text,
                      struct dal_text_ *why)
{
    bool is_nested;
    char *value;
    char end;

    if (spec->pair_count == DAL_SPEC_PAIRS_MAX)
        return dal_fail_(why, DAL_ERR_SYNTAX, "more than %d options", DAL_SPEC_PAIRS_MAX);
    end = cut(text, '=', &value);
    if (end != '=' || !*text)
        return dal_fail_(why, DAL_ERR_SYNTAX,
                         "\"%s\" takes options as key=value, separated by commas, not \"%s%s%s\"",
                         item->name, text, end ? "=" : "", end ? value : "");
    if (dal_spec_has_key_(item, text))
        return dal_fail_(why, DAL_ERR_SYNTAX, "\"%s\" has the option \"%s\" twice", item->name,
                         text);
    is_nested = *value == '(';
    if (is_nested) {
        value++;
        value[strlen(value) - 1] = '\0';
    } else if (!unescape(value)) {
        return dal_fail_(why, DAL_ERR_SYNTAX,
                         "%%00 cannot be part of a value (option \"%s\" of \"%s\")", text,
                         item->name);
    }
    spec->pairs[spec->pair_count++] = (struct dal_spec_pair_){text, value, is_nested};
    item->pair_count++;
    return DAL_OK;
}

static int parse_item(struct dal_spec_ *spec, size_t list, char *text, struct dal_text_ *why)
{
    struct dal_spec_item_ *item = &spec->items[spec->item_count];
    char *rest;
    char end;

    if (spec->item_count == DAL_SPEC_ITEMS_MAX)
        return dal_fail_(why, DAL_ERR_SYNTAX, "more than %d items", DAL_SPEC_ITEMS_MAX);
    end = cut(text, ':', &rest);
    if (!*text)
        return dal_fail_(why, DAL_ERR_SYNTAX, "item %zu has no name", spec->lists[list].count + 1);
    if (!unescape(text))
        return dal_fail_(why, DAL_ERR_SYNTAX, "%%00 cannot be part of a name (item %zu)",
                         spec->lists[list].count + 1);
    *item = (struct dal_spec_item_){text, &spec->pairs[spec->pair_count], 0, list, NULL};
    spec->item_count++;
    spec->lists[list].count++;
    while (end == ':' || end == ',') {
        char *pair = rest;
        int error;

        end = cut(pair, ',', &rest);
        error = parse_pair(spec, item, pair, why);
        if (error)
            return error;
    }
    return DAL_OK;
}

/* ---- Lists ----------------------------------------------------------------------------- */

/* A copy of a text in the spec, or NULL if there is no more room: only defaults can be so
 * long, since each depth has room for a whole spec. */
static char *keep_text(struct dal_spec_ *spec, const char *text, size_t length)
{
    char *kept = spec->text + spec->text_bytes;

    if (length >= sizeof spec->text - spec->text_bytes)
        return NULL;
    memcpy(kept, text, length);
    kept[length] = '\0';
    spec->text_bytes += length + 1;
    return kept;
}

/* What is written into *list is complete but for its items. */
static int parse_list(struct dal_spec_ *spec, const struct dal_spec_list_ *list,
                      struct dal_text_ *why)
{
    size_t index = spec->list_count;
    char *rest;
    char end;

    if (index == DAL_SPEC_ITEMS_MAX)
        return dal_fail_(why, DAL_ERR_SYNTAX, "more than %d items", DAL_SPEC_ITEMS_MAX);
    spec->lists[index] = *list;
    spec->lists[index].first = spec->item_count;
    spec->list_count++;
    dal_spec_add_place_(spec, index, why);
    rest = keep_text(spec, list->text, strlen(list->text));
    if (!rest)
        return dal_fail_(why, DAL_ERR_SYNTAX, "the defaults that this comes to are too long");
    do {
        char *item = rest;
        int error;

        end = cut(item, '+', &rest);
        error = parse_item(spec, index, item, why);
        if (error)
            return error;
    } while (end == '+');
    return DAL_OK;
}

static int nest(struct dal_spec_ *spec, size_t owner, const char *key, const char *text,
                struct dal_text_ *why)
{
    size_t depth = spec->lists[spec->items[owner].list].depth + 1;
    struct dal_spec_list_ list = {.depth = depth, .owner = owner, .key = key, .text = text};
    size_t length = why->length;
    int error = parse_list(spec, &list, why);

    if (!error)
        dal_text_cut_(why, length);
    return error;
}

/* The items that this adds have their turn too. */
static int nest_all(struct dal_spec_ *spec, struct dal_text_ *why)
{
    for (; spec->nested_count < spec->item_count; spec->nested_count++) {
        const struct dal_spec_item_ *item = &spec->items[spec->nested_count];

        for (size_t i = 0; i < item->pair_count; i++) {
            const struct dal_spec_pair_ *pair = &item->pairs[i];
            int error = pair->is_nested
                            ? nest(spec, spec->nested_count, pair->key, pair->value, why)
                            : DAL_OK;

            if (error)
                return error;
        }
    }
    return DAL_OK;
}

int dal_spec_nest_(struct dal_spec_ *spec, size_t owner, const char *key, const char *text,
                   struct dal_text_ *why)
{
    size_t depth = spec->lists[spec->items[owner].list].depth;
    int error = check_characters(text, AT_VALUE, depth, why);
    const char *inner;

    if (error)
        return error;
    inner = keep_text(spec, text + 1, strlen(text) - 2);
    if (!inner)
        return dal_fail_(why, DAL_ERR_SYNTAX, "the defaults that this comes to are too long");
    error = nest(spec, owner, key, inner, why);
    return error ? error : nest_all(spec, why);
}

int dal_spec_parse_(struct dal_spec_ *spec, const char *text, struct dal_text_ *why)
{
    size_t length = strlen(text);
    struct dal_spec_list_ whole = {.text = text};
    int error;

    spec->item_count = 0;
    spec->pair_count = 0;
    spec->list_count = 0;
    spec->nested_count = 0;
    spec->text_bytes = 0;
    if (length == 0 || length > DAL_SPEC_BYTES_MAX)
        return dal_fail_(why, DAL_ERR_SYNTAX,
                         length == 0 ? "it is empty" : "it is longer than %d bytes",
                         DAL_SPEC_BYTES_MAX);
    error = check_characters(text, IN_NAME, 0, why);
    if (!error)
        error = parse_list(spec, &whole, why);
    return error ? error : nest_all(spec, why);
}
