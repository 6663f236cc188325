/* SPDX-License-Identifier: MIT */
/* dispatchalloc explain: a spec, item by item. */
#include "tools/program_environment.h"
#include "tools/tool.h"

#include <stdbool.h>
#include <string.h>

struct shown {
    int indent;
    bool is_default; /* of an option in whose parentheses it stands */
    const struct dal_backend *last;
};

static int print_item(const struct dal_spec_item *item, void *data);

static void print_spec(const char *spec, int indent, bool is_default)
{
    struct shown shown = {indent, is_default, NULL};

    (void)dal_spec_visit(spec, print_item, &shown, NULL, 0);
    if (shown.last && (shown.last->flags & DAL_BACKEND_LAYER))
        printf("%*s(around %s)\n", indent, "",
               indent ? "the system allocator"
                      : "what would serve without it: the program's choice, or system");
}

static void print_value(const struct dal_option_value *value, int width, const struct shown *shown)
{
    int is_spec = tool_is_spec(value);
    int indent = shown->indent + 2;
    bool is_default = shown->is_default || !value->given;

    tool_print("%*s%-*s  %-8s  %s\n", indent, "", width, value->key,
               is_spec       ? "("
               : value->text ? value->text
                             : "none",
               is_default ? "default" : "given");
    if (is_spec) {
        print_spec(value->text, indent + 2, is_default);
        printf("%*s)\n", indent, "");
    }
}

static int print_item(const struct dal_spec_item *item, void *data)
{
    struct shown *shown = data;
    size_t width = 0;

    shown->last = item->backend;
    tool_print("%*s%s %s (%s): %s\n", shown->indent, "", item->backend->name,
               item->backend->version, tool_kind(item->backend), item->backend->summary);
    for (size_t i = 0; i < item->value_count; i++) {
        size_t length = strlen(dal_spec_item_value(item, i)->key);

        width = length > width ? length : width;
    }
    for (size_t i = 0; i < item->value_count; i++)
        print_value(dal_spec_item_value(item, i), (int)width, shown);
    return 0;
}

static int run(int operand_count, char **operands)
{
    tool_make_room_for(operands, operand_count);
    for (int i = 0; i < operand_count; i++) {
        /* Checked as a whole before the first line is printed. */
        if (environment_try(operands[i]) != TOOL_OK)
            return TOOL_TROUBLE;
        if (i > 0)
            putchar('\n');
        print_spec(operands[i], 0, false);
    }
    return TOOL_OK;
}

const struct tool_command tool_explain = {
    .name = "explain",
    .synopsis = "SPEC...",
    .summary = "check a SPEC and print its stack, outermost first",
    .help = "Check a SPEC and print its stack, outermost first, each option with its value and\n"
            "whether that was given or is the default, and a spec in parentheses item by item.\n"
            "It is started and ended once, since what its options mean together is found out by\n"
            "that alone. Exit status 2 with a message if the SPEC is not good.\n"
            "\n"
            "      --help  print this help and exit\n",
    .operand = "SPEC",
    .run = run,
};
