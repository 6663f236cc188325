/* SPDX-License-Identifier: MIT */
/* Environment variables that have no say. See variables.h. */
#define _GNU_SOURCE /* environ */
#include "tools/variables.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/shared/choice.h"
#include "lib/shared/variable_names.h"
#include "tools/tool.h"

#define OURS DAL_VARIABLE_PREFIX

void variables_forget_told(void)
{
    static const char *const switches[] = {OURS "STRICT", OURS "VERBOSE"};

    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        const char *value = getenv(switches[i]);
        uint64_t number;

        if (value && *value && !dal_switch_parse_(value, &number))
            (void)unsetenv(switches[i]);
    }
}

/* A name of ours with up to three mistakes, and not one that is a part of it: PATH. */
static void look_at(const char *name)
{
    static const char *const known[] = {DAL_VARIABLE_NAMES_};
    enum { MISTAKES = 3, FARTHEST = 2 * MISTAKES };
    struct dal_nearest_ nearest = {name, "", 0};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char full[DAL_NEAREST_WORD_MAX + 1];

        snprintf(full, sizeof full, OURS "%s", known[i]);
        dal_nearest_try_(&nearest, full);
    }
    if (*nearest.best && nearest.distance <= FARTHEST &&
        strlen(name) + MISTAKES >= strlen(nearest.best))
        (void)tool_complain("%s is a variable that nobody reads%s", name,
                            tool_did_you_mean(&nearest));
}

void variables_tell_near(void)
{
    for (char **entry = environ; *entry; entry++) {
        char name[DAL_NEAREST_WORD_MAX + 1];
        size_t length = strcspn(*entry, "=");

        snprintf(name, sizeof name, "%.*s", (int)length, *entry);
        /* Of those that begin so the library tells. */
        if (length < sizeof name && strncmp(name, OURS, sizeof OURS - 1) != 0)
            look_at(name);
    }
}

static void tell_relative(const char *directory)
{
    char path[PATH_MAX];
    int is_there = tool_whole_path(directory, path) != NULL;

    (void)tool_complain(OURS "MODULE_PATH: '%s' is not looked in, since it does not begin with "
                             "'/'%s%s%s",
                        directory, is_there ? " (did you mean '" : "", is_there ? path : "",
                        is_there ? "'?)" : "");
}

void variables_tell_relative(void)
{
    static int is_told;
    const char *list = is_told ? NULL : getenv(OURS "MODULE_PATH");

    is_told = 1;
    while (list && *list) {
        size_t length = strcspn(list, ":");
        char directory[PATH_MAX];

        snprintf(directory, sizeof directory, "%.*s", (int)length, list);
        if (length > 0 && *list != '/')
            tell_relative(directory);
        list += length + (list[length] == ':');
    }
}

char *tool_whole_path(const char *path, char whole[PATH_MAX])
{
    return realpath(path, whole);
}
