/* SPDX-License-Identifier: MIT */
/* Options: checked by the table of their backend, so that no backend parses text. */
#include <config.h>

#include "spec/options.h"

#include <inttypes.h>
#include <string.h>

#include <dispatchalloc/error.h>

#include "base/nearest.h"
#include "shared/choice.h"
#include "shared/number.h"

int dal_option_check_(const struct dal_option *option, const char *text, uint64_t *number)
{
    int good;

    *number = 0;
    switch (option->type) {
    case DAL_OPTION_BYTES:
    case DAL_OPTION_COUNT:
        good = dal_number_parse_(text, option->type == DAL_OPTION_BYTES, number) &&
               *number >= option->minimum && *number <= option->maximum;
        break;
    case DAL_OPTION_SWITCH: good = dal_switch_parse_(text, number); break;
    case DAL_OPTION_CHOICE: good = dal_choice_parse_(option->choices, text, number); break;
    case DAL_OPTION_SPEC: good = dal_spec_is_nested_(text); break;
    case DAL_OPTION_TEXT:
        good = strlen(text) >= option->minimum &&
               (option->maximum == 0 || strlen(text) <= option->maximum);
        break;
    default: good = 1; break;
    }
    return good ? DAL_OK : DAL_ERR_OPTION;
}

/* A size as a person would write it in a spec. */
static void add_bytes(struct dal_text_ *text, uint64_t bytes)
{
    const char *unit;

    bytes = dal_number_in_units_(bytes, &unit);
    dal_text_add_(text, "%" PRIu64 "%s", bytes, unit);
}

static void add_accepted(struct dal_text_ *why, const struct dal_option *option)
{
    switch (option->type) {
    case DAL_OPTION_BYTES:
        dal_text_add_(why, "a number of bytes from ");
        add_bytes(why, option->minimum);
        dal_text_add_(why, option->maximum < DAL_NUMBER_ENDLESS_ ? " to " : " on");
        if (option->maximum < DAL_NUMBER_ENDLESS_)
            add_bytes(why, option->maximum);
        break;
    case DAL_OPTION_COUNT:
        dal_text_add_(why, "a number from %" PRIu64 " to %" PRIu64, option->minimum,
                      option->maximum);
        break;
    case DAL_OPTION_SWITCH: dal_text_add_(why, DAL_SWITCH_ACCEPTED_); break;
    case DAL_OPTION_TEXT:
        dal_text_add_(why, "text of %" PRIu64, option->minimum);
        if (option->maximum)
            dal_text_add_(why, " to %" PRIu64, option->maximum);
        dal_text_add_(why, option->maximum ? " bytes" : " bytes or more");
        break;
    default: dal_text_add_(why, "one of %s", option->choices ? option->choices : "nothing"); break;
    }
}

static void suggest_choice(const char *choices, const char *value, struct dal_text_ *why)
{
    struct dal_nearest_ nearest = {value, "", 0};

    while (choices && *choices) {
        size_t length = strcspn(choices, "|");
        char word[DAL_NEAREST_WORD_MAX + 1];

        if (length < sizeof word) {
            memcpy(word, choices, length);
            word[length] = '\0';
            dal_nearest_try_(&nearest, word);
        }
        choices += length + (choices[length] == '|');
    }
    if (nearest.best[0])
        dal_text_add_(why, " (did you mean \"%s\"?)", nearest.best);
}

void dal_option_suggest_switch_(const char *value, struct dal_text_ *why)
{
    suggest_choice(DAL_SWITCH_WORDS_, value, why);
}

static void suggest_value(const struct dal_option *option, const char *value, struct dal_text_ *why)
{
    uint64_t bytes;

    if (option->type == DAL_OPTION_SWITCH)
        dal_option_suggest_switch_(value, why);
    else if (option->type == DAL_OPTION_CHOICE)
        suggest_choice(option->choices, value, why);
    if (option->type != DAL_OPTION_BYTES || !dal_number_guess_(value, &bytes) ||
        bytes < option->minimum || bytes > option->maximum)
        return;
    dal_text_add_(why, " (did you mean \"");
    add_bytes(why, bytes);
    dal_text_add_(why, "\"?)");
}

/* option is NULL for a key that the backend checks itself. */
static int refuse_value(const struct dal_backend *backend, const struct dal_option *option,
                        const struct dal_spec_pair_ *pair, struct dal_text_ *why)
{
    dal_text_add_(why, "option \"%s\" of \"%s\" cannot be \"%s" DAL_VALUE_FORMAT "%s\"", pair->key,
                  backend->name, pair->is_nested ? "(" : "", DAL_VALUE(pair->value),
                  pair->is_nested ? ")" : "");
    if (option && !pair->is_nested)
        suggest_value(option, pair->value, why);
    dal_text_add_(why, "; accepted is ");
    if (!option || (option->type == DAL_OPTION_TEXT && pair->is_nested))
        dal_text_add_(why, "text, in which ( is written %%28 and ) %%29");
    else if (option->type == DAL_OPTION_SPEC && pair->value[0] == '(')
        dal_text_add_(why, "a spec in parentheses that are not escaped");
    else if (option->type == DAL_OPTION_SPEC)
        dal_text_add_(
            why, "a spec in parentheses, as in %s=(" DAL_VALUE_FORMAT ")", pair->key,
            DAL_VALUE(*pair->value && !strpbrk(pair->value, "()") ? pair->value : "system"));
    else
        add_accepted(why, option);
    return DAL_ERR_OPTION;
}

static int refuse_unknown(const struct dal_backend *backend, const char *key, struct dal_text_ *why)
{
    struct dal_nearest_ nearest = {key, "", 0};

    dal_text_add_(why, "\"%s\" has no option \"" DAL_VALUE_FORMAT "\"", backend->name,
                  DAL_VALUE(key));
    for (size_t i = 0; i < backend->option_count; i++)
        dal_nearest_try_(&nearest, dal_backend_option(backend, i)->name);
    if (nearest.best[0])
        dal_text_add_(why, " (did you mean \"%s\"?)", nearest.best);
    dal_text_add_(why, backend->option_count ? "; known:" : "; it takes none");
    for (size_t i = 0; i < backend->option_count; i++)
        dal_text_add_(why, "%s %s", i ? "," : "", dal_backend_option(backend, i)->name);
    return DAL_ERR_OPTION;
}

/* option is NULL if the backend's table has none of that name. */
static int check_pair(const struct dal_backend *backend, const struct dal_option *option,
                      const struct dal_spec_pair_ *pair, uint64_t *number, struct dal_text_ *why)
{
    *number = 0;
    if (!option && !(backend->flags & DAL_BACKEND_CHECKS_OPTIONS))
        return refuse_unknown(backend, pair->key, why);
    if (pair->is_nested != (option && option->type == DAL_OPTION_SPEC))
        return refuse_value(backend, option, pair, why);
    if (pair->is_nested || !option || dal_option_check_(option, pair->value, number) == DAL_OK)
        return DAL_OK;
    return refuse_value(backend, option, pair, why);
}

static const struct dal_option *option_of(const struct dal_backend *backend, const char *key)
{
    for (size_t i = 0; i < backend->option_count; i++) {
        if (strcmp(dal_backend_option(backend, i)->name, key) == 0)
            return dal_backend_option(backend, i);
    }
    return NULL;
}

int dal_options_nest_(struct dal_spec_ *spec, size_t item, struct dal_text_ *why)
{
    const struct dal_spec_item_ *given = &spec->items[item];
    const struct dal_backend *backend = given->backend;
    uint64_t number;
    int error = DAL_OK;

    for (size_t i = 0; i < given->pair_count && !error; i++) {
        const struct dal_spec_pair_ *pair = &given->pairs[i];

        if (pair->is_nested)
            error = check_pair(backend, option_of(backend, pair->key), pair, &number, why);
    }
    for (size_t i = 0; i < backend->option_count && !error; i++) {
        const struct dal_option *option = dal_backend_option(backend, i);

        if (option->type == DAL_OPTION_SPEC && option->default_text &&
            !dal_spec_has_key_(given, option->name))
            error = dal_spec_nest_(spec, item, option->name, option->default_text, why);
    }
    return error;
}

struct dal_option_value *dal_option_value_of_(struct dal_option_value *values, size_t count,
                                              const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(values[i].key, key) == 0)
            return &values[i];
    }
    return NULL;
}

/* Every option of the table as if the spec named none. */
static void set_defaults(const struct dal_spec_ *spec, size_t item, struct dal_option_value *values)
{
    const struct dal_backend *backend = spec->items[item].backend;

    for (size_t i = 0; i < backend->option_count; i++) {
        const struct dal_option *option = dal_backend_option(backend, i);

        values[i] = (struct dal_option_value){
            .option = option,
            .key = option->name,
            .text = option->default_text,
        };
        if (option->default_text)
            (void)dal_option_check_(option, option->default_text, &values[i].number);
    }
    for (size_t i = 1; i < spec->list_count; i++) {
        const struct dal_spec_list_ *list = &spec->lists[i];
        struct dal_option_value *value =
            list->owner == item ? dal_option_value_of_(values, backend->option_count, list->key)
                                : NULL;

        if (value)
            value->text = list->text;
    }
}

int dal_options_resolve_(const struct dal_spec_ *spec, size_t item, struct dal_option_value *values,
                         size_t *count, struct dal_text_ *why)
{
    const struct dal_spec_item_ *given = &spec->items[item];
    size_t table_count = given->backend->option_count;

    set_defaults(spec, item, values);
    *count = table_count;
    for (size_t i = 0; i < given->pair_count; i++) {
        const struct dal_spec_pair_ *pair = &given->pairs[i];
        struct dal_option_value *value = dal_option_value_of_(values, table_count, pair->key);
        uint64_t number;
        int error = check_pair(given->backend, value ? value->option : NULL, pair, &number, why);

        if (error)
            return error;
        if (!value) {
            value = &values[(*count)++];
            *value = (struct dal_option_value){.key = pair->key};
        }
        value->text = pair->value;
        value->number = number;
        value->given = true;
    }
    return DAL_OK;
}
