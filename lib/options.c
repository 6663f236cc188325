/* SPDX-License-Identifier: MIT */
/* Options: checked by the table of their backend, so that no backend parses text. */
#include <config.h>

#include "options.h"

#include <inttypes.h>
#include <string.h>

#include <dispatchalloc/error.h>

#include "nearest.h"

static uint64_t suffix_factor(char suffix)
{
    switch (suffix) {
    case 'k':
    case 'K':
        return UINT64_C(1) << 10;
    case 'm':
    case 'M':
        return UINT64_C(1) << 20;
    case 'g':
    case 'G':
        return UINT64_C(1) << 30;
    default:
        return 0;
    }
}

/* A number without sign or space; with_suffix lets K, M or G follow. Returns 0 if text is
 * not one, or too large for 64 bits. */
static int parse_number(const char *text, int with_suffix, uint64_t *number)
{
    uint64_t value = 0;
    uint64_t factor = 1;

    if (*text < '0' || *text > '9')
        return 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');

        if (value > (UINT64_MAX - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    if (with_suffix && *text) {
        factor = suffix_factor(*text);
        text++;
    }
    if (*text || factor == 0 || value > UINT64_MAX / factor)
        return 0;
    *number = value * factor;
    return 1;
}

int dal_option_parse_switch_(const char *text, uint64_t *number)
{
    static const char *const words[] = {"off", "on", "false", "true", "no", "yes", "0", "1"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *number = i % 2;
            return 1;
        }
    }
    return 0;
}

static int parse_choice(const char *choices, const char *text, uint64_t *number)
{
    size_t length = strlen(text);
    uint64_t index = 0;

    for (const char *word = choices; word; index++) {
        const char *bar = strchr(word, '|');
        size_t word_length = bar ? (size_t)(bar - word) : strlen(word);

        if (word_length == length && memcmp(word, text, length) == 0) {
            *number = index;
            return 1;
        }
        word = bar ? bar + 1 : NULL;
    }
    return 0;
}

int dal_option_check_(const struct dal_option *option, const char *text, uint64_t *number)
{
    int good;

    *number = 0;
    switch (option->type) {
    case DAL_OPTION_BYTES:
    case DAL_OPTION_COUNT:
        good = parse_number(text, option->type == DAL_OPTION_BYTES, number) &&
               *number >= option->minimum && *number <= option->maximum;
        break;
    case DAL_OPTION_SWITCH:
        good = dal_option_parse_switch_(text, number);
        break;
    case DAL_OPTION_CHOICE:
        good = parse_choice(option->choices, text, number);
        break;
    default:
        good = 1;
        break;
    }
    return good ? DAL_OK : DAL_ERR_OPTION;
}

/* A size as a person would write it in a spec. */
static void add_bytes(struct dal_text_ *text, uint64_t bytes)
{
    static const char suffixes[] = {0, 'K', 'M', 'G'};
    size_t i = 0;

    while (bytes > 0 && bytes % 1024 == 0 && i + 1 < sizeof suffixes) {
        bytes /= 1024;
        i++;
    }
    dal_text_add_(text, "%" PRIu64 "%.1s", bytes, &suffixes[i]);
}

static void add_accepted(struct dal_text_ *why, const struct dal_option *option)
{
    switch (option->type) {
    case DAL_OPTION_BYTES:
        dal_text_add_(why, "a number of bytes from ");
        add_bytes(why, option->minimum);
        dal_text_add_(why, " to ");
        add_bytes(why, option->maximum);
        break;
    case DAL_OPTION_COUNT:
        dal_text_add_(why, "a number from %" PRIu64 " to %" PRIu64, option->minimum,
                      option->maximum);
        break;
    case DAL_OPTION_SWITCH:
        dal_text_add_(why, "on or off");
        break;
    default:
        dal_text_add_(why, "one of %s", option->choices ? option->choices : "nothing");
        break;
    }
}

static int check_pair(const struct dal_backend *backend, const struct dal_option *option,
                      const struct dal_spec_pair_ *pair, struct dal_option_value *value,
                      struct dal_text_ *why)
{
    value->text = pair->value;
    value->given = 1;
    if (dal_option_check_(option, pair->value, &value->number) == DAL_OK)
        return DAL_OK;
    dal_text_add_(why, "option \"%s\" of \"%s\" cannot be \"" DAL_VALUE_FORMAT "\"; accepted is ",
                  option->name, backend->name, DAL_VALUE(pair->value));
    add_accepted(why, option);
    return DAL_ERR_OPTION;
}

static int refuse_unknown(const struct dal_backend *backend, const char *key,
                          struct dal_text_ *why)
{
    struct dal_nearest_ nearest = {key, "", 0};

    dal_text_add_(why, "\"%s\" has no option \"" DAL_VALUE_FORMAT "\"", backend->name,
                  DAL_VALUE(key));
    for (size_t i = 0; i < backend->option_count; i++)
        dal_nearest_try_(&nearest, backend->options[i].name);
    if (nearest.best[0])
        dal_text_add_(why, " (did you mean \"%s\"?)", nearest.best);
    dal_text_add_(why, backend->option_count ? "; known:" : "; it takes none");
    for (size_t i = 0; i < backend->option_count; i++)
        dal_text_add_(why, "%s %s", i ? "," : "", backend->options[i].name);
    return DAL_ERR_OPTION;
}

static struct dal_option_value *value_of(struct dal_option_value *values, size_t count,
                                         const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(values[i].key, key) == 0)
            return &values[i];
    }
    return NULL;
}

int dal_options_resolve_(const struct dal_backend *backend, const struct dal_spec_item_ *item,
                         struct dal_option_value *values, size_t *count, struct dal_text_ *why)
{
    size_t table_count = backend->option_count;

    for (size_t i = 0; i < table_count; i++) {
        const struct dal_option *option = &backend->options[i];

        values[i] = (struct dal_option_value){option, option->name, option->default_text, 0, 0};
        if (option->default_text)
            (void)dal_option_check_(option, option->default_text, &values[i].number);
    }
    *count = table_count;
    for (size_t i = 0; i < item->pair_count; i++) {
        const struct dal_spec_pair_ *pair = &item->pairs[i];
        struct dal_option_value *value = value_of(values, table_count, pair->key);
        int error = DAL_OK;

        if (value)
            error = check_pair(backend, value->option, pair, value, why);
        else if (backend->flags & DAL_BACKEND_CHECKS_OPTIONS)
            values[(*count)++] = (struct dal_option_value){NULL, pair->key, pair->value, 0, 1};
        else
            error = refuse_unknown(backend, pair->key, why);
        if (error)
            return error;
    }
    return DAL_OK;
}
