/* SPDX-License-Identifier: MIT */
/* dispatchalloc list: the backends and layers that a spec can name. */
#include "tools/tool.h"

#include <stdint.h>
#include <string.h>

/* Names are at most this long, and few are. */
enum { COLUMN_MAX = DAL_NAME_MAX };

struct listing {
    int name_width;
    int version_width;
};

static int names_only;

static void print_row(const struct listing *listing, const char *name, const char *kind,
                      const char *version, const char *summary)
{
    if (names_only)
        puts(name);
    else
        tool_print("%-*s  %-7s  %-*s  %s\n", listing->name_width, name, kind,
                   listing->version_width, version, summary);
}

static void widen(int *width, const char *text)
{
    size_t length = strlen(text);

    if (length > COLUMN_MAX)
        length = COLUMN_MAX;
    if (*width < (int)length)
        *width = (int)length;
}

/* A module is opened for all but its name, which is that of its file. */
static int measure_module(const char *name, const char *path, void *data)
{
    struct listing *listing = data;
    const struct dal_backend *backend = NULL;
    char *spec = (char *)(uintptr_t)name;

    (void)path;
    widen(&listing->name_width, name);
    if (!names_only) {
        tool_make_room_for(&spec, 1);
        backend = dal_backend_find(name);
    }
    if (backend)
        widen(&listing->version_width, backend->version);
    return 0;
}

static int print_module(const char *name, const char *path, void *data)
{
    const struct listing *listing = data;
    const struct dal_backend *backend = names_only ? NULL : dal_backend_find(name);
    char reason[512] = "";

    (void)path;
    if (!backend && !names_only)
        (void)dal_spec_visit(name, NULL, NULL, reason, sizeof reason);
    if (backend)
        print_row(listing, name, tool_kind(backend), backend->version, backend->summary);
    else
        print_row(listing, name, "?", "?", reason);
    return 0;
}

static int measure_backend(const struct dal_backend *backend, void *data)
{
    struct listing *listing = data;

    widen(&listing->name_width, backend->name);
    widen(&listing->version_width, backend->version);
    return 0;
}

static int print_backend(const struct dal_backend *backend, void *data)
{
    print_row(data, backend->name, tool_kind(backend), backend->version, backend->summary);
    return 0;
}

static int run(int operand_count, char **operands)
{
    struct listing listing = {4, 7};

    (void)operand_count;
    (void)operands;
    (void)dal_backend_visit(measure_backend, &listing);
    if (tool_visit_modules(measure_module, &listing))
        return TOOL_TROUBLE;
    if (!names_only)
        print_row(&listing, "NAME", "KIND", "VERSION", "SUMMARY");
    (void)dal_backend_visit(print_backend, &listing);
    return tool_visit_modules(print_module, &listing) ? TOOL_TROUBLE : TOOL_OK;
}

static const struct tool_option options[] = {
    {.name = "names", .flag = &names_only},
    {.name = NULL},
};

const struct tool_command tool_list = {
    .name = "list",
    .synopsis = "",
    .summary = "list the backends and layers that a SPEC can name",
    .help = "List the backends and layers that a SPEC can name, those of installed modules\n"
            "(DISPATCHALLOC_MODULE_PATH) last and by name. A module that cannot be used is\n"
            "listed with the reason.\n"
            "\n"
            "      --names  print the names only, one a line, and open no module\n"
            "      --help   print this help and exit\n",
    .options = options,
    .run = run,
};
