/* SPDX-License-Identifier: MIT */
/* dispatchalloc list: the backends and layers that a spec can name. */
#include "tools/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/program_environment.h"

/* Names are at most this long, and few are. */
enum { COLUMN_MAX = DAL_NAME_MAX };

struct module_row {
    char name[256];
    const struct dal_backend *backend; /* NULL: it cannot be used, for a reason */
    char reason[512];
};

struct listing {
    int name_width;
    int version_width;
    struct module_row *modules;
    size_t module_count;
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

/* A module is opened for all but its name, which is that of its file. Whether that can be done is
 * found out elsewhere first: one that ends who opens it is not to take the others' rows along. */
static void look_at_module(struct module_row *row)
{
    if (environment_look(row->name, row->reason, sizeof row->reason))
        return;
    tool_look_at(row->name);
    row->backend = dal_backend_find(row->name);
    if (!row->backend)
        (void)dal_spec_visit(row->name, NULL, NULL, row->reason, sizeof row->reason);
    tool_look_at(NULL);
}

static int add_module(const char *name, const char *path, void *data)
{
    struct listing *listing = data;
    struct module_row *rows = realloc(listing->modules, (listing->module_count + 1) * sizeof *rows);
    struct module_row *row;

    (void)path;
    if (!rows)
        return tool_complain("not enough memory");
    listing->modules = rows;
    row = &rows[listing->module_count++];
    *row = (struct module_row){.backend = NULL};
    (void)snprintf(row->name, sizeof row->name, "%s", name);
    widen(&listing->name_width, name);
    if (!names_only)
        look_at_module(row);
    if (row->backend)
        widen(&listing->version_width, row->backend->version);
    return 0;
}

static void print_module(const struct listing *listing, const struct module_row *row)
{
    if (row->backend)
        print_row(listing, row->name, tool_kind(row->backend), row->backend->version,
                  row->backend->summary);
    else
        print_row(listing, row->name, "?", "?", row->reason);
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
    struct listing listing = {.name_width = 4, .version_width = 7};
    int result;

    (void)operand_count;
    (void)operands;
    (void)dal_backend_visit(measure_backend, &listing);
    result = tool_visit_modules(add_module, &listing);
    if (!result && !names_only)
        print_row(&listing, "NAME", "KIND", "VERSION", "SUMMARY");
    if (!result)
        (void)dal_backend_visit(print_backend, &listing);
    for (size_t i = 0; i < listing.module_count && !result; i++)
        print_module(&listing, &listing.modules[i]);
    free(listing.modules);
    return result;
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
