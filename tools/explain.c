/* SPDX-License-Identifier: MIT */
/* dispatchalloc explain: a spec, item by item. */
#include "tools/tool.h"

#include <string.h>

static int print_item(const struct dal_spec_item *item, void *data)
{
    const struct dal_backend **last = data;
    size_t width = 0;

    *last = item->backend;
    printf("%s %s (%s): %s\n", item->backend->name, item->backend->version,
           tool_kind(item->backend), item->backend->summary);
    for (size_t i = 0; i < item->option_count; i++) {
        size_t length = strlen(dal_spec_item_value(item, i)->key);

        width = length > width ? length : width;
    }
    for (size_t i = 0; i < item->option_count; i++) {
        const struct dal_option_value *value = dal_spec_item_value(item, i);

        printf("  %-*s  %-8s  %s\n", (int)width, value->key, value->text ? value->text : "none",
               value->given ? "given" : "default");
    }
    return 0;
}

static enum tool_status run(const struct tool_arguments *arguments)
{
    for (int i = 0; i < arguments->operand_count; i++) {
        const struct dal_backend *last = NULL;

        /* Checked as a whole before the first line is printed. */
        if (tool_try_spec(arguments->operands[i]) != TOOL_OK)
            return TOOL_TROUBLE;
        if (i > 0)
            putchar('\n');
        (void)dal_spec_visit(arguments->operands[i], print_item, &last, NULL, 0);
        if (last->flags & DAL_BACKEND_LAYER)
            puts("(around what would serve without it: the program's choice, or system)");
    }
    return TOOL_OK;
}

const struct tool_command tool_explain = {
    .name = "explain",
    .synopsis = "SPEC...",
    .summary = "check a SPEC and print its stack, outermost first",
    .help = "Check a SPEC and print its stack, outermost first, each option with its value and\n"
            "whether that was given or is the default. It is started and ended once, since what\n"
            "its options mean together is found out by that alone. Exit status 2 with a\n"
            "message if the SPEC is not good.\n"
            "\n"
            "      --help  print this help and exit\n",
    .operand = "SPEC",
    .run = run,
};
