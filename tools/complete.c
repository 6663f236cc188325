/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc --complete WORD...: what may stand in the place of the last WORD, one a line, for
 * the shells (tools/completion/). What they know themselves is left to them: "@program", "@file",
 * "@process".
 */
#include "tools/options.h"

#include <string.h>

#include "conformance/conformance.h"
#include "lib/shared/choice.h"

/* Of the word that is being typed the first bytes stay as they are. */
struct place {
    const char *word;
    size_t kept;
};

static void offer(const struct place *place, const char *word)
{
    const char *typed = place->word + place->kept;

    if (strncmp(word, typed, strlen(typed)) == 0)
        tool_print("%.*s%s\n", (int)place->kept, place->word, word);
}

/* ---- A spec -------------------------------------------------------------------------------- */

static int offer_backend(const struct dal_backend *backend, void *data)
{
    offer(data, backend->name);
    return 0;
}

static int offer_module(const char *name, const char *path, void *data)
{
    (void)path;
    offer(data, name);
    return 0;
}

/* A text may be one of a switch's words too: the default tells. */
static int is_switch(const struct dal_option *option)
{
    uint64_t is_on;

    return option->type == DAL_OPTION_SWITCH ||
           (option->type == DAL_OPTION_TEXT && option->default_text &&
            dal_switch_parse_(option->default_text, &is_on));
}

/* KEY=, with each of its values where those are words. */
static void offer_option(const struct place *place, const struct dal_option *option)
{
    const char *values = is_switch(option)                   ? "on|off"
                         : option->type == DAL_OPTION_CHOICE ? option->choices
                         : option->type == DAL_OPTION_SPEC   ? "("
                                                             : "";
    char pair[256];

    for (;; values++) {
        size_t length = strcspn(values, "|");

        snprintf(pair, sizeof pair, "%s=%.*s", option->name, (int)length, values);
        offer(place, pair);
        values += length;
        if (!*values)
            return;
    }
}

/* Behind the last of some characters, or all. */
static const char *behind(const char *text, const char *ends)
{
    const char *start = text;

    for (; *text; text++) {
        if (strchr(ends, *text))
            start = text + 1;
    }
    return start;
}

/* Whether an item has an option already, in front of what is being typed. */
static int is_given(const char *options, const char *typed, const char *name)
{
    size_t length = strlen(name);

    while (options < typed) {
        if (strncmp(options, name, length) == 0 && options[length] == '=')
            return 1;
        options += strcspn(options, ",") + 1;
    }
    return 0;
}

static void complete_spec(struct place place)
{
    const char *item = behind(place.word + place.kept, "+(");
    size_t length = strcspn(item, ":");
    char name[DAL_NAME_MAX + 1];
    char *spec = name;
    const struct dal_backend *backend;

    if (!item[length]) {
        place.kept = (size_t)(item - place.word);
        (void)dal_backend_visit(offer_backend, &place);
        (void)tool_visit_modules(offer_module, &place);
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)length, item);
    tool_make_room_for(&spec, 1);
    backend = length < sizeof name ? dal_backend_find(name) : NULL;
    place.kept = (size_t)(behind(item, ":,") - place.word);
    for (size_t i = 0; backend && i < backend->option_count; i++) {
        const struct dal_option *option = dal_backend_option(backend, i);

        if (!is_given(item + length + 1, place.word + place.kept, option->name))
            offer_option(&place, option);
    }
}

/* ---- The command line ------------------------------------------------------------------------ */

static void offer_options(const struct place *place, const struct tool_option *options)
{
    for (; options && options->name; options++) {
        char word[64];

        snprintf(word, sizeof word, "--%s%s", options->name,
                 options->take && !options->flag ? "=" : "");
        offer(place, word);
    }
}

static void offer_commands(const struct place *place)
{
    for (size_t i = 0; tool_commands[i]; i++)
        offer(place, tool_commands[i]->name);
}

/* The option of a command that a word ends with the name of, and takes a value; or NULL. */
static const struct tool_option *option_of(const struct tool_command *command, const char *word,
                                           size_t length)
{
    const struct tool_option *option = command ? command->options : NULL;

    for (; option && option->name; option++) {
        int is_long = length > 2 && strlen(option->name) == length - 2 &&
                      strncmp(option->name, word + 2, length - 2) == 0;

        if (option->take && (is_long || (length == 2 && word[1] == option->letter)))
            return option;
    }
    return NULL;
}

/* The same of a word whose value is the next one. */
static const struct tool_option *option_before(const struct tool_command *command, const char *word)
{
    const struct tool_option *option = option_of(command, word, strlen(word));

    return option && !option->flag ? option : NULL;
}

static void complete_value(const struct tool_option *option, const struct place *place)
{
    if (strcmp(option->name, "backend") == 0)
        complete_spec(*place);
    if (strcmp(option->name, "resume") == 0 || strcmp(option->name, "output") == 0 ||
        strcmp(option->name, "since") == 0)
        puts("@file");
    if (strcmp(option->name, "pid") == 0)
        puts("@process");
    if (strcmp(option->name, "case") != 0)
        return;
    for (const struct conformance_case *c = conformance_cases(); c->name; c++)
        offer(place, c->name);
}

static void complete_operand(const struct tool_command *command, const struct place *place)
{
    const char *operand = command->operand ? command->operand : "";

    if (strcmp(operand, "SPEC") == 0 || strcmp(operand, "NAME") == 0)
        complete_spec(*place);
    else if (strcmp(operand, "COMMAND") == 0)
        offer_commands(place);
    else if (command->takes_program)
        puts("@program");
    else if (strcmp(operand, "FILE") == 0)
        puts("@file");
    else if (strstr(operand, "PID"))
        puts("@process");
}

static void complete_word(const struct tool_command *command, const struct place *place)
{
    size_t length = strcspn(place->word, "=");
    const struct tool_option *option =
        place->word[length] ? option_of(command, place->word, length) : NULL;

    if (option) {
        complete_value(option, &(struct place){place->word, length + 1});
    } else if (*place->word == '-') {
        offer_options(place, tool_own_options);
        offer_options(place, command ? command->options : NULL);
    } else if (command) {
        complete_operand(command, place);
    } else {
        offer_commands(place);
    }
}

int options_complete(int count, char **words)
{
    const struct place place = {count > 0 ? words[count - 1] : "", 0};
    const struct tool_command *command = NULL;
    const struct tool_option *taking = NULL;

    for (int i = 0; i + 1 < count; i++) {
        if (taking)
            taking = NULL;
        else if (*words[i] == '-')
            taking = option_before(command, words[i]);
        else if (command && command->takes_program)
            return puts("@file") < 0 ? TOOL_TROUBLE : TOOL_OK;
        else if (!command && !(command = options_find_command(words[i])))
            return TOOL_OK;
    }
    if (taking)
        complete_value(taking, &place);
    else
        complete_word(command, &place);
    return TOOL_OK;
}
