/* SPDX-License-Identifier: MIT */
/* What was meant by words that stand where something else belongs. No module is opened for it: its
 * name is that of its file. */
#include "tools/tool.h"

#include <string.h>

#include "tools/program.h"

/* ---- Specs ---------------------------------------------------------------------------------- */

static int try_backend(const struct dal_backend *backend, void *nearest)
{
    dal_nearest_try_(nearest, backend->name);
    return 0;
}

static int try_module(const char *name, const char *path, void *nearest)
{
    (void)path;
    dal_nearest_try_(nearest, name);
    return 0;
}

enum meant tool_meant_spec(const char *word, char *spec, size_t bytes)
{
    size_t length = strcspn(word, "+:");
    char name[DAL_NAME_MAX + 1];
    struct dal_nearest_ nearest = {name, "", 0};

    if (length >= sizeof name)
        return MEANT_NOTHING;
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    (void)dal_backend_visit(try_backend, &nearest);
    (void)dal_module_visit(try_module, &nearest);
    if (!*nearest.best)
        return MEANT_NOTHING;
    snprintf(spec, bytes, "%s%s", nearest.best, word + length);
    return strcmp(nearest.best, name) == 0 ? MEANT_SURELY : MEANT_MAYBE;
}

int tool_is_named(const char *word)
{
    char spec[DAL_NAME_MAX + 1];

    return tool_meant_spec(word, spec, sizeof spec) == MEANT_SURELY;
}

int tool_meant_each(const char *option, const char *values, int (*is_known)(const char *value),
                    char *text, size_t bytes)
{
    size_t used = 0;
    int count = 0;

    for (; *values; count++) {
        size_t length = strcspn(values, ",; ");
        char value[64];

        snprintf(value, sizeof value, "%.*s", (int)length, values);
        if (length >= sizeof value || !is_known(value) || used >= bytes)
            return 0;
        used +=
            (size_t)snprintf(text + used, bytes - used, "%s%s%s", count ? " " : "", option, value);
        values += length + strspn(values + length, ",; ");
    }
    return count > 1 && used < bytes;
}

/* ---- Programs ------------------------------------------------------------------------------- */

/* A module may be executable as well. */
static int is_program(const char *name)
{
    const char *suffix = name ? strrchr(name, '.') : NULL;
    char path[PATH_MAX];

    return name && !(suffix && strcmp(suffix, ".so") == 0) && program_locate(name, path) == 0;
}

static int begins_with_program(const char *words)
{
    char first[PATH_MAX];

    snprintf(first, sizeof first, "%.*s", (int)strcspn(words, " \t"), words);
    return is_program(first);
}

static int is_here(const char *name)
{
    char path[PATH_MAX];

    return !strchr(name, '/') && (size_t)snprintf(path, sizeof path, "./%s", name) < sizeof path &&
           is_program(path);
}

/* NAME=VALUE, as env(1) and shells take it. */
static int is_assignment(const char *word)
{
    size_t length = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

    return length > 0 && word[length] == '=';
}

/* takes_value: or is a flag. */
static int has_option(const struct tool_command *command, const char *name, int takes_value)
{
    const struct tool_option *option = command->options;

    while (option->name && strcmp(option->name, name) != 0)
        option++;
    return option->name && !takes_value == !option->take;
}

/* The words as they would be typed; as many as there is room for. */
static void write_words(const char *command, const char *before, char **words, char *text,
                        size_t bytes)
{
    size_t used = (size_t)snprintf(text, bytes, "%s %s", command, before);

    for (size_t i = 0; words[i] && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", i ? " " : "", words[i]);
    if (!words[0] && used < bytes)
        snprintf(text + used, bytes - used, "PROGRAM");
}

/* Specs in front of a program: -b is given once for each, or once for all. */
static enum meant find_specs(const struct tool_command *command, char **words, char *text,
                             size_t bytes)
{
    const char *between = command == &tool_run ? "+" : " -b ";
    char spec[256], before[512] = "";
    enum meant meant = tool_meant_spec(words[0], spec, sizeof spec);
    size_t count = 0, used = 0;

    if (!meant || (meant == MEANT_MAYBE && !is_program(words[1])))
        return MEANT_NOTHING;
    do {
        used += (size_t)snprintf(before + used, sizeof before - used, "%s%s",
                                 count++ ? between : "-b ", spec);
    } while (words[count] && used < sizeof before && !is_program(words[count]) &&
             tool_meant_spec(words[count], spec, sizeof spec) == MEANT_SURELY);
    if (used + 1 < sizeof before)
        strcpy(before + used, " ");
    write_words(command->name, has_option(command, "backend", 1) ? before : "", words + count, text,
                bytes);
    return is_program(words[count]) ? meant : MEANT_MAYBE;
}

enum meant program_meant(const struct tool_command *command, char **words, char *text, size_t bytes)
{
    const char *before = NULL;
    enum meant meant = MEANT_SURELY;
    char option[64];

    if (is_here(words[0])) {
        before = "./";
    } else if (begins_with_program(words[0])) {
        before = "";
        meant = strchr(words[0], '/') ? MEANT_SURELY : MEANT_MAYBE;
    } else if (is_assignment(words[0])) {
        before = "env ";
    } else if (has_option(command, words[0], 0) && is_program(words[1])) {
        snprintf(option, sizeof option, "--%s ", words[0]);
        before = option;
        words++;
    }
    if (!before)
        return find_specs(command, words, text, bytes);
    write_words(command->name, before, words, text, bytes);
    return meant;
}
