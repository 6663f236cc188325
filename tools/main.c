/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc: look at and verify what libdispatchalloc can make. The command line: one
 * table of options for all commands, so that an option may stand before or after the name
 * of its command; a command says which it takes. Commands that start a program read their own
 * options, which stand between the two.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/conformance.h"
#include "tools/tool.h"

static const struct tool_command *const commands[] = {
    &tool_list,
    &tool_info,
    &tool_explain,
    &tool_verify,
    &tool_run,
    &tool_status_of,
    &tool_compare,
    &tool_doctor,
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

/* Values of long options that are no enum tool_option. */
enum { HELP = 1 << 20, VERSION = 1 << 21, UNKNOWN = '?' };

static const struct option long_options[] = {
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {"names", no_argument, NULL, TOOL_NAMES},
    {"list-cases", no_argument, NULL, TOOL_LIST_CASES},
    {"case", required_argument, NULL, TOOL_CASE},
    {"quiet", no_argument, NULL, TOOL_QUIET},
    {"verbose", no_argument, NULL, TOOL_VERBOSE},
    {"capacity", required_argument, NULL, TOOL_CAPACITY},
    {"timeout", required_argument, NULL, TOOL_TIMEOUT},
    {NULL, 0, NULL, 0},
};

static const char *option_name(unsigned bit)
{
    for (const struct option *option = long_options; option->name; option++) {
        if ((unsigned)option->val == bit)
            return option->name;
    }
    return "";
}

/* ---- --help ------------------------------------------------------------------- */

static void print_help(void)
{
    puts("Usage: " TOOL_NAME " COMMAND [OPTION]... [OPERAND]...\n"
         "Look at the allocators that libdispatchalloc can make, and verify them.\n"
         "\n"
         "Commands:");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-7s %-20s %s\n", commands[i]->name, commands[i]->synopsis,
               commands[i]->summary);
    puts("\n"
         "Options:\n"
         "      --help     print this help, or that of a COMMAND, and exit\n"
         "      --version  print the version and exit\n"
         "Those of run, compare and doctor stand between the COMMAND and the PROGRAM.\n"
         "\n"
         "A SPEC is what DISPATCHALLOC_BACKEND takes, such as system or\n"
         "stats:print=off+arena:limit=1G: layers first, the backend last.\n"
         "\n"
         "Exit status: 0 if all is well, 1 if a verification failed, 2 for a usage error,\n"
         "a spec that is not good, or any other trouble.\n"
         "\n"
         "The manual is in dispatchalloc(1) and dispatchalloc(7).");
}

void tool_print_command_help(const struct tool_command *command)
{
    printf("Usage: " TOOL_NAME " %s [OPTION]...%s%s\n%s", command->name,
           *command->synopsis ? " " : "", command->synopsis, command->help);
}

/* ---- The command line -------------------------------------------------------------------- */

static enum tool_status take_capacity(struct tool_arguments *arguments, const char *text)
{
    uint64_t bytes;

    if (!tool_parse_bytes(text, &bytes) || bytes == 0 || bytes > SIZE_MAX / 2)
        return tool_misused(&tool_verify, "invalid capacity '%s': a number of bytes is expected",
                            text);
    arguments->capacity_bytes = (size_t)bytes;
    return TOOL_OK;
}

static enum tool_status take_timeout(struct tool_arguments *arguments, const char *text)
{
    uint64_t seconds;

    if (!tool_parse_bytes(text, &seconds) || seconds == 0 || seconds > 86400)
        return tool_misused(&tool_verify,
                            "invalid timeout '%s': a number of seconds from 1 to 86400 is expected",
                            text);
    arguments->timeout_seconds = (unsigned)seconds;
    return TOOL_OK;
}

static enum tool_status take_case(struct tool_arguments *arguments, const char *name)
{
    if (arguments->case_count == TOOL_CASES_MAX)
        return tool_misused(&tool_verify, "more than %d cases", TOOL_CASES_MAX);
    arguments->cases[arguments->case_count++] = name;
    return TOOL_OK;
}

static enum tool_status take_option(struct tool_arguments *arguments, int option)
{
    arguments->given |= (unsigned)option;
    switch (option) {
    case TOOL_CAPACITY: return take_capacity(arguments, optarg);
    case TOOL_TIMEOUT: return take_timeout(arguments, optarg);
    case TOOL_CASE: return take_case(arguments, optarg);
    default: return TOOL_OK;
    }
}

/* -q and -v are the short ways to say --quiet and --verbose. */
static int next_option(int argc, char **argv)
{
    int option = getopt_long(argc, argv, "qv", long_options, NULL);

    if (option == 'q')
        return TOOL_QUIET;
    return option == 'v' ? TOOL_VERBOSE : option;
}

static const struct tool_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static enum tool_status tell_place(const struct tool_command *command)
{
    return tool_misused(command, "the options of '%s' stand between it and the PROGRAM",
                        command->name);
}

static enum tool_status run_command(const struct tool_command *command,
                                    const struct tool_arguments *arguments)
{
    unsigned foreign = arguments->given & ~command->options;

    if (command->run_program)
        return tell_place(command);
    if (foreign)
        return tool_misused(command, "'%s' has no option '--%s'", command->name,
                            option_name(foreign & (0 - foreign)));
    if (command->operand && arguments->operand_count == 0 && !(arguments->given & TOOL_LIST_CASES))
        return tool_misused(command, "'%s' needs a %s", command->name, command->operand);
    if (!command->operand && arguments->operand_count > 0)
        return tool_misused(command, "extra operand '%s'", arguments->operands[0]);
    if (command != &tool_status_of)
        tool_make_room_for(arguments->operands, arguments->operand_count);
    return command->run(arguments);
}

/* The command if it takes a program, whose options are not ours to read. */
static const struct tool_command *find_program_command(int argc, char **argv)
{
    const struct tool_command *command = argc > 1 ? find_command(argv[1]) : NULL;

    return command && command->run_program ? command : NULL;
}

/* After getopt's message: an option of a command that reads its own may stand too early. */
static enum tool_status meet_unknown(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const struct tool_command *command = find_command(argv[i]);

        if (command && command->run_program)
            return tell_place(command);
    }
    return tool_try_help(NULL);
}

static enum tool_status run(int argc, char **argv)
{
    static char name[] = TOOL_NAME;
    struct tool_arguments arguments = {.given = 0};
    const struct tool_command *command = NULL;
    int wants_help = 0;
    int option;

    /* getopt's messages begin with it; a path would hide what is wrong. */
    if (argc > 0)
        argv[0] = name;
    while ((option = next_option(argc, argv)) != -1) {
        enum tool_status status;

        if (option == UNKNOWN)
            return meet_unknown(argc, argv);
        if (option == VERSION) {
            tool_print_version();
            return TOOL_OK;
        }
        if (option == HELP) {
            wants_help = 1;
            continue;
        }
        status = take_option(&arguments, option);
        if (status != TOOL_OK)
            return status;
    }
    if (optind < argc) {
        command = find_command(argv[optind]);
        if (!command)
            return tool_misused(NULL, "unknown command '%s'", argv[optind]);
        optind++;
    }
    if (wants_help) {
        if (command)
            tool_print_command_help(command);
        else
            print_help();
        return TOOL_OK;
    }
    if (!command)
        return tool_misused(NULL, "missing command");
    arguments.operands = argv + optind;
    arguments.operand_count = argc - optind;
    return run_command(command, &arguments);
}

/* What could not be written has to be known, also what only the last flush finds. */
static enum tool_status close_output(enum tool_status status)
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
    int status = tool_check_library();
    const struct tool_command *command;

    if (status)
        return status;
    status = conformance_process_main();
    if (status >= 0)
        return status;
    tool_room_set_up(argc, argv);
    command = find_program_command(argc, argv);
    if (command) {
        status = command->run_program(argc - 1, argv + 1);
        /* Of trouble there is a message already, and 126 and more have a meaning. */
        return status > TOOL_FAILED ? status : (int)close_output((enum tool_status)status);
    }
    return (int)close_output(run(argc, argv));
}
