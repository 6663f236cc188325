/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc: look at and verify what libdispatchalloc can make. The command line: an option
 * may stand before or after the name of its command.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/conformance.h"
#include "tools/options.h"
#include "tools/program.h"
#ifdef TOOL_CAN_SEARCH
# include "tools/search/search.h"
#endif
#include "tools/tool.h"
#include "tools/variables.h"

static const struct tool_command help;

const struct tool_command *const tool_commands[] = {
    &tool_list,      &tool_info,    &tool_explain, &tool_verify,    &tool_run,
    &tool_status_of, &tool_compare, &tool_doctor,  &tool_fail_each, &tool_profile,
    &tool_symbolize, &help,         NULL,
};

static int wants_help, wants_version;

const struct tool_option tool_own_options[] = {
    {.name = "help", .letter = 'h', .flag = &wants_help},
    {.name = "version", .flag = &wants_version},
    {.name = NULL},
};

/* ---- --help ------------------------------------------------------------------- */

static void print_help(FILE *to)
{
    fputs("Usage: " TOOL_NAME " COMMAND [OPTION]... [OPERAND]...\n"
          "Look at the allocators that libdispatchalloc can make, and verify them.\n"
          "\n"
          "Commands:\n",
          to);
    for (size_t i = 0; tool_commands[i]; i++)
        fprintf(to, "  %-9s %-18s %s\n", tool_commands[i]->name, tool_commands[i]->synopsis,
                tool_commands[i]->summary);
    fputs("\n"
          "Options:\n"
          "  -h, --help     print this help, or that of a COMMAND, and exit\n"
          "      --version  print the version and exit\n"
          "\n"
          "A SPEC is what DISPATCHALLOC_BACKEND takes, such as system or\n"
          "stats:print=off+arena:limit=1G: layers first, the backend last.\n"
          "\n"
          "Exit status: 0 if all is well, 2 for a usage error, a spec that is not good, or\n"
          "any other trouble; 1 and others as the help of a COMMAND says.\n"
          "\n"
          "The manual is in dispatchalloc(1) and dispatchalloc(7).\n",
          to);
}

static void print_command_help(const struct tool_command *command)
{
    printf("Usage: " TOOL_NAME " %s [OPTION]...%s%s\n%s", command->name,
           *command->synopsis ? " " : "", command->synopsis, command->help);
}

/* ---- The command line -------------------------------------------------------------------- */

/* What others call it. */
/* clang-format off */
static const char *const synonyms[][2] = {
    {"ls", "list"},
    {"show", "info"},
    {"describe", "info"},
    {"options", "info"},
    {"check", "verify"},
    {"test", "verify"},
    {"exec", "run"},
    {"start", "run"},
    {"launch", "run"},
    {"ps", "status"},
    {"top", "status"},
    {"watch", "status"},
    {"monitor", "status"},
    {"stats", "status"},
    {"bench", "compare"},
    {"time", "compare"},
    {"parse", "explain"},
    {"diagnose", "doctor"},
    {"version", "--version"},
    {"inject", "fail-each"},
    {"benchmark", "compare"},
    {"resolve", "symbolize"},
    {"symbolise", "symbolize"},
    {"prof", "profile"},
    {"heap", "profile"},
    {"pprof", "profile"},
    {"flamegraph", "profile"},
    {"heaptrack", "profile"},
    {"dhat", "profile"},
    {"massif", "profile"},
};
/* clang-format on */

/* A program that follows, or is the word, tells more than how the word is written. */
static int refuse_command(char **words)
{
    const char *name = words[0];
    struct dal_nearest_ nearest = {name, "", 0};
    char known[256] = "", line[256], meant[300] = "";
    enum meant is_run = program_meant(&tool_run, words, line, sizeof line);

    for (size_t i = 0; tool_commands[i]; i++) {
        size_t used = strlen(known);

        dal_nearest_try_(&nearest, tool_commands[i]->name);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", tool_commands[i]->name);
    }
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++) {
        if (strcmp(synonyms[i][0], name) == 0)
            dal_nearest_try_as_(&nearest, name, synonyms[i][1]);
    }
    if (is_run == MEANT_SURELY || (is_run && !*nearest.best))
        snprintf(meant, sizeof meant, " (did you mean '%s'?)", line);
    return tool_misused(NULL, "unknown command '%s'%s; known: %s", name,
                        *meant ? meant : tool_did_you_mean(&nearest), known);
}

static int run_help(int operand_count, char **operands)
{
    if (operand_count == 0)
        print_help(stdout);
    for (int i = 0; i < operand_count; i++) {
        const struct tool_command *command = options_find_command(operands[i]);

        if (!command)
            return refuse_command(operands + i);
        if (i > 0)
            putchar('\n');
        print_command_help(command);
    }
    return TOOL_OK;
}

static const int is_optional = 1;

static const struct tool_command help = {
    .name = "help",
    .synopsis = "[COMMAND]...",
    .summary = "print this help, or that of a COMMAND",
    .help = "Print the help of the tool, or of each COMMAND.\n"
            "\n"
            "      --help  print this help and exit\n",
    .operand = "COMMAND",
    .needs_none = &is_optional,
    .run = run_help,
};

/* ", or --all" where that stands for an operand. */
static const char *instead_of_operand(const struct tool_command *command, char text[64])
{
    *text = '\0';
    for (const struct tool_option *option = command->options; option && option->name; option++) {
        if (option->flag && option->flag == command->needs_none)
            snprintf(text, 64, ", or --%s", option->name);
    }
    return text;
}

static int refuse_operand(const struct tool_command *command, const char *operand)
{
    char spec[128], meant[160] = "";

    if (tool_meant_spec(operand, spec, sizeof spec))
        snprintf(meant, sizeof meant, " (did you mean 'info %s'?)", spec);
    return tool_misused(command, "extra operand '%s'%s", operand, meant);
}

static int run_command(const struct tool_command *command, int operand_count, char **operands)
{
    int needs_one = command->operand && !(command->needs_none && *command->needs_none);
    char instead[64];
    int status;

    if (needs_one && operand_count == 0)
        return tool_misused(command, "'%s' needs a %s%s", command->name, command->operand,
                            instead_of_operand(command, instead));
    if (!command->operand && operand_count > 0)
        return refuse_operand(command, operands[0]);
    status = command->run(operand_count, operands);
    variables_tell_relative();
    return status;
}

/* COMMAND help, but where there is a program of that name. */
static int asks_for_help(const struct tool_command *command, int operand_count, char **operands)
{
    char path[PATH_MAX];

    return wants_help || (operand_count == 1 && strcmp(operands[0], help.name) == 0 &&
                          !(command->takes_program && program_locate(help.name, path) == 0));
}

static int miss_command(void)
{
    (void)tool_complain("missing command");
    print_help(stderr);
    return TOOL_TROUBLE;
}

/* After the options: what there is to do for them, or the command. */
static int serve(const struct tool_command *command, int operand_count, char **operands)
{
    if (wants_version)
        tool_print_version();
    else if (command && asks_for_help(command, operand_count, operands))
        print_command_help(command);
    else if (command)
        return run_command(command, operand_count, operands);
    else if (wants_help)
        print_help(stdout);
    else
        return miss_command();
    return TOOL_OK;
}

static int run(int argc, char **argv)
{
    const struct tool_command *command = NULL;
    int at, status;

    if (argc > 1 && strcmp(argv[1], "--complete") == 0)
        return options_complete(argc - 2, argv + 2);
#ifdef TOOL_CAN_SEARCH
    if (argc > 1 && strcmp(argv[1], DAL_SEARCH_OPTION_) == 0)
        return search_run(argc - 2, argv + 2);
#endif
    at = options_find_operand(argc, argv);
    if (at < argc) {
        command = options_find_command(argv[at]);
        if (!command)
            return refuse_command(argv + at);
    }
    status = options_read(command, at, argv);
    if (!status && command)
        status = options_read(command, argc - at, argv + at);
    return status ? status : serve(command, argc - at - optind, argv + at + optind);
}

/* What could not be written has to be known, also what only the last flush finds. */
static int close_output(int status)
{
    int failed_before = ferror(stdout);

    errno = 0;
    if (fclose(stdout) != 0 || failed_before) {
        if (errno)
            return tool_complain("write error: %s", strerror(errno));
        return tool_complain("write error");
    }
    return status;
}

int main(int argc, char **argv)
{
    int status;

    tool_look_at(NULL);
    status = tool_check_library();
    if (status)
        return status;
    status = conformance_process_main();
    if (status >= 0)
        return status;
    variables_forget_told();
    tool_room_set_up(argc, argv);
    tool_guard_set_up();
    status = run(argc, argv);
    /* Of trouble there is a message already, and 126 and more have a meaning. */
    return status > TOOL_FAILED ? status : close_output(status);
}
