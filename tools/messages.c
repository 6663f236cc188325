/* SPDX-License-Identifier: MIT */
/* Messages and numbers. */
#include "tools/tool.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shared/control.h"

/* Cleaned, with something around it. */
static void print_cleaned(FILE *to, const char *before, const char *format, va_list arguments,
                          const char *after)
{
    char start[1024]; /* where there is no memory for the whole */
    va_list again;
    char *whole, *text;
    int length;

    va_copy(again, arguments);
    length = vsnprintf(start, sizeof start, format, arguments);
    whole = length < (int)sizeof start ? NULL : malloc((size_t)length + 1);
    text = whole ? whole : start;
    if (whole)
        (void)vsnprintf(whole, (size_t)length + 1, format, again);
    va_end(again);
    length = (int)strlen(text);
    if (*after && length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
    dal_clean_(text, (size_t)length);
    fprintf(to, "%s%s%s", before, text, after);
    free(whole);
}

void tool_print(const char *format, ...)
{
    const char *newline = *format && format[strlen(format) - 1] == '\n' ? "\n" : "";
    va_list arguments;

    va_start(arguments, format);
    print_cleaned(stdout, "", format, arguments, newline);
    va_end(arguments);
}

static void complain(const char *format, va_list arguments)
{
    fflush(stdout);
    print_cleaned(stderr, TOOL_NAME ": ", format, arguments, "\n");
}

const char *tool_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

int tool_complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(format, arguments);
    va_end(arguments);
    return TOOL_TROUBLE;
}

int tool_try_help(const struct tool_command *command)
{
    fprintf(stderr, "Try '" TOOL_NAME "%s%s --help' for more information.\n", command ? " " : "",
            command ? command->name : "");
    return TOOL_TROUBLE;
}

int tool_misused(const struct tool_command *command, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(format, arguments);
    va_end(arguments);
    return tool_try_help(command);
}

const char *tool_did_you_mean(const struct dal_nearest_ *nearest)
{
    static char text[DAL_NEAREST_WORD_MAX + 24];

    snprintf(text, sizeof text, *nearest->best ? " (did you mean '%s'?)" : "%s", nearest->best);
    return text;
}

/* The first item that has a path from the working directory, as it would be whole; NULL if there is
 * none, or that is no file. What a spec keeps for itself is not written in other words here. */
static const char *whole_path(const char *spec)
{
    static const char ends[] = "+:,()";
    static char whole[PATH_MAX];
    char path[PATH_MAX];

    for (; *spec; spec += strspn(spec, ends)) {
        size_t length = strcspn(spec, ends);

        snprintf(path, sizeof path, "%.*s", (int)length, spec);
        if (*path != '/' && strchr(path, '/') && length < sizeof path &&
            tool_whole_path(path, whole) && whole[strcspn(whole, "+:,;|()[]{}'\"%\\ \t\n")] == '\0')
            return whole;
        spec += length;
    }
    return NULL;
}

int tool_bad_spec(const char *spec, const char *message)
{
    static const char is_relative[] = "the path of a module has to be absolute";
    const char *path = strstr(message, is_relative) ? whole_path(spec) : NULL;

    return tool_complain("spec \"%s\": %s%s%s%s", spec, message, path ? " (did you mean \"" : "",
                         path ? path : "", path ? "\"?)" : "");
}

int tool_try_spec(const char *spec)
{
    const struct dal_instance *instance;
    char message[1024];
    int error;

    tool_look_at(spec);
    error = dal_instance_create_spec(spec, &instance, message, sizeof message);
    if (!error)
        dal_instance_destroy(instance);
    tool_look_at(NULL);
    return error ? tool_bad_spec(spec, message) : TOOL_OK;
}

const char *tool_bytes(uint64_t bytes, char *text, size_t text_bytes)
{
    const char *unit;

    bytes = dal_number_in_units_(bytes, &unit);
    snprintf(text, text_bytes, "%" PRIu64 "%s", bytes, unit);
    return text;
}

int tool_take_timeout(const struct tool_command *command, const char *text, unsigned *seconds)
{
    uint64_t number;

    if (!dal_number_parse_(text, 1, &number) || number == 0 || number > 86400)
        return tool_misused(
            command, "invalid timeout '%s': a number of seconds from 1 to 86400 is expected", text);
    *seconds = (unsigned)number;
    return TOOL_OK;
}

const char *tool_kind(const struct dal_backend *backend)
{
    return backend->flags & DAL_BACKEND_LAYER ? "layer" : "backend";
}
