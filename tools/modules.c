/* SPDX-License-Identifier: MIT */
/* Installed modules by name: the library tells of them as the directories have them. */
#define _GNU_SOURCE /* strdup */
#include "tools/tool.h"

#include <stdlib.h>
#include <string.h>

struct module {
    char *name;
    char *path;
};

struct modules {
    struct module *list;
    size_t count;
};

static int add_module(const char *name, const char *path, void *data)
{
    struct modules *modules = data;
    struct module *list = realloc(modules->list, (modules->count + 1) * sizeof *list);
    struct module *module;

    if (!list)
        return 1;
    modules->list = list;
    module = &list[modules->count++];
    module->name = strdup(name);
    module->path = strdup(path);
    return !module->name || !module->path;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct module *)left)->name, ((const struct module *)right)->name);
}

int tool_visit_modules(dal_module_visitor visit, void *data)
{
    struct modules modules = {NULL, 0};
    int result = 0;

    if (dal_module_visit(add_module, &modules))
        result = tool_complain("not enough memory");
    else if (modules.count > 0)
        qsort(modules.list, modules.count, sizeof *modules.list, by_name);
    for (size_t i = 0; i < modules.count && !result; i++)
        result = visit(modules.list[i].name, modules.list[i].path, data);
    for (size_t i = 0; i < modules.count; i++) {
        free(modules.list[i].name);
        free(modules.list[i].path);
    }
    free(modules.list);
    return result;
}
