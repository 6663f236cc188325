/* SPDX-License-Identifier: MIT */
/*
 * Suppressions, as LeakSanitizer has them: a file of lines leak:PATTERN, of comments behind '#',
 * and of empty ones. A pattern is looked for anywhere in the name of the file that a frame is in;
 * '*' stands for any characters, '^' at its start and '$' at its end for those of the name.
 */
#include <string.h>

#include <dispatchalloc/error.h>

#include "debug.h"

/* ---- The file -------------------------------------------------------------------------------- */

struct reading {
    char *texts; /* one behind the other; the last is empty */
    size_t used;
    unsigned line;
    enum { UNDERSTOOD, NO_PATTERN, TOO_LONG } problem;
};

static const char *without_blanks(const char *text, size_t *length)
{
    const char *blanks = " \t\r";

    text += strspn(text, blanks);
    *length = strlen(text);
    while (*length > 0 && strchr(blanks, text[*length - 1]))
        --*length;
    return text;
}

static int take_line(const char *text, void *data)
{
    static const char kind[] = "leak:";
    const size_t kind_length = sizeof kind - 1;
    struct reading *reading = data;
    size_t length;

    reading->line++;
    text = without_blanks(text, &length);
    if (length == 0 || text[0] == '#')
        return 0;
    if (length <= kind_length || strncmp(text, kind, kind_length) != 0)
        reading->problem = NO_PATTERN;
    else if (reading->used + length + 2 > DEBUG_SUPPRESSIONS_BYTES)
        reading->problem = TOO_LONG;
    if (reading->problem != UNDERSTOOD)
        return DAL_ERR_OPTION;
    length -= kind_length;
    memcpy(reading->texts + reading->used, text + kind_length, length);
    reading->used += length + 1;
    return 0;
}

int dal_debug_suppressions_read_(struct debug_instance *instance,
                                 const struct dal_backend_request *request, const char *path)
{
    struct reading reading = {.texts = request->services->pages_map(DEBUG_SUPPRESSIONS_BYTES)};
    const char *reason = "it cannot be read";
    int error;

    if (!reading.texts)
        return request->fail(request, DAL_ERR_MEMORY, "there is no memory for its suppressions");
    instance->suppressions = reading.texts;
    error = request->services->file_lines(path, take_line, &reading, &reason);
    if (error == 0)
        return 0;
    if (reading.problem == NO_PATTERN)
        return request->fail(request, DAL_ERR_OPTION,
                             "line %u of the suppressions \"%s\" is not understood; accepted are "
                             "leak:PATTERN, and comments behind #",
                             reading.line, path);
    if (reading.problem == TOO_LONG)
        return request->fail(request, DAL_ERR_OPTION, "the suppressions \"%s\" are too many", path);
    return request->fail(request, DAL_ERR_OPTION, "option \"suppressions\" cannot be \"%s\": %s",
                         path, reason);
}

/* ---- Patterns -------------------------------------------------------------------------------- */

/* Whether a name begins with what a pattern says up to its next '*' or end. */
static int has_part(const char *name, const char *part, size_t length)
{
    return strncmp(name, part, length) == 0;
}

/* Each part is taken where it comes first, which leaves most to the others. */
static int matches(const char *name, const char *pattern)
{
    int is_anchored = *pattern == '^';

    pattern += is_anchored;
    for (;;) {
        size_t length = strcspn(pattern, "*$");
        int is_end = pattern[length] == '$' && pattern[length + 1] == '\0';

        if (pattern[length] == '$' && !is_end)
            length += 1 + strcspn(pattern + length + 1, "*");
        while (!has_part(name, pattern, length) || (is_end && name[length] != '\0')) {
            if (is_anchored || *name++ == '\0')
                return 0;
        }
        name += length;
        pattern += length;
        if (*pattern != '*')
            return 1;
        pattern++;
        is_anchored = 0;
    }
}

static int is_in_texts(const char *name, const char *texts)
{
    for (; *texts; texts += strlen(texts) + 1) {
        if (matches(name, texts))
            return 1;
    }
    return 0;
}

/* Cut the name of the file out of a frame: "    #1 0x55d0 (/usr/bin/x+0x11d0) (BuildId: 1f..)". */
static char *file_of(char *frame)
{
    static const char before_build[] = " (BuildId";
    char *name = strchr(frame, '('), *end = strstr(frame, before_build);

    if (end)
        *end = '\0';
    end = name ? strrchr(name, '+') : NULL;
    if (!end)
        return NULL;
    *end = '\0';
    return name + 1;
}

int dal_debug_is_suppressed_(const struct debug_instance *instance, uint32_t stack)
{
    const void *const *places = NULL;
    size_t count = instance->services->stack_places(stack, &places);

    for (size_t i = 0; i < count; i++) {
        char frame[1024];
        const char *name;

        (void)instance->services->frame_text((unsigned)i, places[i], frame, sizeof frame);
        name = file_of(frame);
        if (name && is_in_texts(name, instance->suppressions))
            return 1;
    }
    return 0;
}
