/* SPDX-License-Identifier: MIT */
/* Options in the words of getopt_long(3), whose messages are ours: an argument may have anything in
 * it, and a mistake is answered with what was meant. See options.h. */
#include "tools/options.h"

#include <getopt.h>
#include <string.h>

enum { OPTIONS_MAX = 64, FIRST_OPTION = 256, LIST_BYTES = 1024, UNKNOWN = '?', INCOMPLETE = ':' };

struct reader {
    const struct tool_command *command; /* whose options there are besides the tool's; or NULL */
    const struct tool_option *options[OPTIONS_MAX];
    int count;
    struct option names[OPTIONS_MAX + 1];
    char letters[3 * OPTIONS_MAX + 3];
};

/* ---- What there is --------------------------------------------------------------------------- */

static int has_name(const struct reader *reader, const char *name)
{
    for (int i = 0; i < reader->count; i++) {
        if (strcmp(reader->options[i]->name, name) == 0)
            return 1;
    }
    return 0;
}

/* By what getopt_long(3) has for it, or NULL. */
static const struct tool_option *option_of(const struct reader *reader, int value)
{
    for (int i = 0; i < reader->count; i++) {
        if (reader->names[i].val == value)
            return reader->options[i];
    }
    return NULL;
}

/* Each name once. In front of a command it is not known yet whose it is: those that take a value in
 * one command alone (--every, --output) are flags there. */
static void add_options(struct reader *reader, const struct tool_option *option)
{
    char *letter = reader->letters + strlen(reader->letters);

    for (; option && option->name && reader->count < OPTIONS_MAX; option++) {
        if (has_name(reader, option->name))
            continue;
        reader->names[reader->count] =
            (struct option){option->name,
                            option->take && option->flag ? optional_argument
                            : option->take               ? required_argument
                                                         : no_argument,
                            NULL, option->letter ? option->letter : FIRST_OPTION + reader->count};
        reader->options[reader->count++] = option;
        if (option->letter)
            *letter++ = option->letter;
        if (option->letter && option->take)
            *letter++ = ':';
        if (option->letter && option->take && option->flag)
            *letter++ = ':';
    }
}

static void start(struct reader *reader, const struct tool_command *command, const char *mode)
{
    *reader = (struct reader){.command = command};
    strcpy(reader->letters, mode);
    add_options(reader, tool_own_options);
    if (command)
        add_options(reader, command->options);
    opterr = 0;
    optind = 0; /* from the beginning */
}

static int next(const struct reader *reader, int argc, char **argv)
{
    return getopt_long(argc, argv, reader->letters, reader->names, NULL);
}

const struct tool_command *options_find_command(const char *name)
{
    for (size_t i = 0; tool_commands[i]; i++) {
        if (strcmp(tool_commands[i]->name, name) == 0)
            return tool_commands[i];
    }
    return NULL;
}

int options_find_operand(int argc, char **argv)
{
    static struct reader reader;

    start(&reader, NULL, "+:");
    for (size_t i = 0; tool_commands[i]; i++)
        add_options(&reader, tool_commands[i]->options);
    while (next(&reader, argc, argv) != -1)
        ;
    return optind;
}

/* ---- What is wrong --------------------------------------------------------------------------- */

/* Text grows by a word. */
static void add(char *text, const char *before, const char *word)
{
    size_t used = strlen(text);

    snprintf(text + used, LIST_BYTES - used, "%s%s", before, word);
}

/* Those that begin with a name, or all: "--help (-h), --json". Returns how many. */
static int list(const struct reader *reader, const char *name, char *text)
{
    int count = 0;

    *text = '\0';
    for (int i = 0; i < reader->count; i++) {
        const struct tool_option *option = reader->options[i];
        const char letter[] = {option->letter, '\0'};

        if (strncmp(option->name, name, strlen(name)) != 0)
            continue;
        add(text, count++ ? ", --" : "--", option->name);
        add(text, *letter ? " (-" : "", letter);
        add(text, *letter ? ")" : "", "");
    }
    return count;
}

/* A command that has an option of a name, or NULL. */
static const char *owner_of(const char *name)
{
    for (size_t i = 0; tool_commands[i]; i++) {
        struct reader reader = {.count = 0};

        add_options(&reader, tool_commands[i]->options);
        if (has_name(&reader, name))
            return tool_commands[i]->name;
    }
    return NULL;
}

/* Without a command it may be that that was meant: --list. */
static void find_nearest(const struct reader *reader, struct dal_nearest_ *nearest)
{
    for (int i = 0; i < reader->count; i++) {
        char option[DAL_NEAREST_WORD_MAX];

        snprintf(option, sizeof option, "--%s", reader->options[i]->name);
        dal_nearest_try_as_(nearest, reader->options[i]->name, option);
    }
    for (size_t i = 0; !reader->command && tool_commands[i]; i++)
        dal_nearest_try_(nearest, tool_commands[i]->name);
}

/* word and name: as it was given, and without dashes and value. */
static int refuse_unknown(const struct reader *reader, const char *word, const char *name)
{
    const struct tool_command *command = reader->command;
    struct dal_nearest_ nearest = {name, "", 0};
    const char *owner = has_name(reader, name) ? NULL : owner_of(name);
    char known[LIST_BYTES], hint[128];

    find_nearest(reader, &nearest);
    snprintf(hint, sizeof hint, owner ? "; '%s' has it" : "%s",
             owner ? owner : tool_did_you_mean(&nearest));
    (void)list(reader, "", known);
    return tool_misused(command, "%s%s%s no option '%s'%s; known: %s", command ? "'" : "",
                        command ? command->name : "there is", command ? "' has" : "", word, hint,
                        known);
}

/* One or more letters behind a dash, where the last that was read is unknown. */
static const char *find_letters(int argc, char **argv)
{
    for (int i = optind; i >= optind - 1; i--) {
        if (i > 0 && i < argc && argv[i][0] == '-' && argv[i][1] != '-' && strchr(argv[i], optopt))
            return argv[i];
    }
    return NULL;
}

/* What getopt_long(3) did not take: a letter, or a word that it has just gone past. */
static int refuse(const struct reader *reader, int argc, char **argv)
{
    const struct tool_option *option = option_of(reader, optopt);
    const char *word = optopt ? find_letters(argc, argv) : argv[optind - 1];
    const char letter[] = {'-', (char)optopt, '\0'};
    char known[LIST_BYTES], name[LIST_BYTES];
    const char *bare;

    if (option)
        return tool_misused(reader->command, "option '--%s' takes no value", option->name);
    word = word ? word : letter;
    bare = word + strspn(word, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(bare, "="), bare);
    if (!optopt && list(reader, name, known) > 1)
        return tool_misused(reader->command, "option '%s' may be one of %s", word, known);
    return refuse_unknown(reader, word, name);
}

/* -backend=SPEC is -b with the value ackend=SPEC. */
static int is_one_dash_short(const struct tool_option *option, const char *value, const char *word)
{
    size_t rest = strlen(option->name) - 1;

    return value == word + 2 && word[1] == option->name[0] &&
           strncmp(value, option->name + 1, rest) == 0 && (value[rest] == '=' || !value[rest]);
}

static int take(const struct reader *reader, int value, char **argv)
{
    const struct tool_option *option = option_of(reader, value);

    if (!option->take) {
        *option->flag = 1;
        return TOOL_OK;
    }
    if (optarg && is_one_dash_short(option, optarg, argv[optind - 1]))
        return tool_misused(reader->command, "'%s' has one dash (did you mean '-%s'?)",
                            argv[optind - 1], argv[optind - 1]);
    return option->take(optarg);
}

int options_read(const struct tool_command *command, int argc, char **argv)
{
    static struct reader reader;
    int status = TOOL_OK;
    int value;

    if (command && command->is_absent) {
        optind = 1;
        return TOOL_OK;
    }
    start(&reader, command, command && command->takes_program ? "+:" : ":");
    while (!status && (value = next(&reader, argc, argv)) != -1) {
        if (value == INCOMPLETE)
            status = tool_misused(command, "option '--%s' needs a value",
                                  option_of(&reader, optopt)->name);
        else
            status = value == UNKNOWN ? refuse(&reader, argc, argv) : take(&reader, value, argv);
    }
    return status;
}
