/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc: look at and verify what libdispatchalloc can make. The command line: an option
 * may stand before or after the name of its command, so those of all commands are read at once;
 * but those of a command that starts a program stand between the two.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/conformance.h"
#include "tools/tool.h"

static const struct tool_command *const commands[] = {
    &tool_list, &tool_info,      &tool_explain, &tool_verify,
    &tool_run,  &tool_status_of, &tool_compare, &tool_doctor,
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static int wants_help, wants_version;

static const struct tool_option own_options[] = {
    {.name = "help", .flag = &wants_help},
    {.name = "version", .flag = &wants_version},
    {.name = NULL},
};

/* ---- --help ------------------------------------------------------------------- */

static void print_help(void)
{
    puts("Usage: " TOOL_NAME " COMMAND [OPTION]... [OPERAND]...\n"
         "Look at the allocators that libdispatchalloc can make, and verify them.\n"
         "\n"
         "Commands:");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-7s %-20s %s\n", commands[i]->name, commands[i]->synopsis, commands[i]->summary);
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

static void print_command_help(const struct tool_command *command)
{
    printf("Usage: " TOOL_NAME " %s [OPTION]...%s%s\n%s", command->name,
           *command->synopsis ? " " : "", command->synopsis, command->help);
}

/* ---- The command line -------------------------------------------------------------------- */

enum { OPTIONS_MAX = 32, FIRST_OPTION = 256, UNKNOWN = '?' };

/* Options that are read together, and in the words of getopt_long(3). */
struct reader {
    const struct tool_option *options[OPTIONS_MAX];
    int count;
    uint32_t given; /* a bit each */
    struct option names[OPTIONS_MAX + 1];
    char letters[2 * OPTIONS_MAX + 2];
};

static void add_options(struct reader *reader, const struct tool_option *option)
{
    char *letter = reader->letters + strlen(reader->letters);

    for (; option && option->name && reader->count < OPTIONS_MAX; option++) {
        reader->names[reader->count] =
            (struct option){option->name, option->take ? required_argument : no_argument, NULL,
                            option->letter ? option->letter : FIRST_OPTION + reader->count};
        reader->options[reader->count++] = option;
        if (option->letter)
            *letter++ = option->letter;
        if (option->letter && option->take)
            *letter++ = ':';
    }
}

static int take_option(struct reader *reader, int value)
{
    const struct tool_option *option;
    int i = 0;

    while (reader->names[i].val != value)
        i++;
    reader->given |= UINT32_C(1) << i;
    option = reader->options[i];
    if (option->take)
        return option->take(optarg);
    *option->flag = 1;
    return TOOL_OK;
}

static int has_option(const struct tool_option *options, const struct tool_option *wanted)
{
    while (options && options->name && options != wanted)
        options++;
    return options == wanted;
}

static const struct tool_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int tell_place(const struct tool_command *command)
{
    return tool_misused(command, "the options of '%s' stand between it and the PROGRAM",
                        command->name);
}

static int run_command(const struct reader *reader, const struct tool_command *command,
                       int operand_count, char **operands)
{
    int needs_one = command->operand && !(command->needs_none && *command->needs_none);

    for (int i = 0; i < reader->count; i++) {
        if (reader->given >> i & 1 && !has_option(command->options, reader->options[i]))
            return tool_misused(command, "'%s' has no option '--%s'", command->name,
                                reader->options[i]->name);
    }
    if (needs_one && operand_count == 0)
        return tool_misused(command, "'%s' needs a %s", command->name, command->operand);
    if (!command->operand && operand_count > 0)
        return tool_misused(command, "extra operand '%s'", operands[0]);
    return command->run(operand_count, operands);
}

/* After getopt's message: an option of a command that takes a program may stand too early. */
static int meet_unknown(const struct tool_command *command, int argc, char **argv)
{
    for (int i = 1; i < argc && !command; i++) {
        const struct tool_command *later = find_command(argv[i]);

        if (later && later->takes_program)
            return tell_place(later);
    }
    return tool_try_help(command);
}

/* command: one that takes a program, and argv begins with its name; or NULL. */
static int read_options(struct reader *reader, const struct tool_command *command, int argc,
                        char **argv)
{
    static char name[] = TOOL_NAME; /* getopt's messages begin with it */
    int value;
    int status = TOOL_OK;

    strcpy(reader->letters, command ? "+" : "");
    add_options(reader, own_options);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (command ? commands[i] == command : !commands[i]->takes_program)
            add_options(reader, commands[i]->options);
    }
    if (argc > 0)
        argv[0] = name;
    while (!status && (value = getopt_long(argc, argv, reader->letters, reader->names, NULL)) != -1)
        status = value == UNKNOWN ? meet_unknown(command, argc, argv) : take_option(reader, value);
    return status;
}

static int run(int argc, char **argv)
{
    static struct reader reader;
    const struct tool_command *command = argc > 1 ? find_command(argv[1]) : NULL;
    int is_read = command && command->takes_program;
    int status;

    if (!is_read)
        command = NULL;
    argc -= is_read;
    argv += is_read;
    status = read_options(&reader, command, argc, argv);
    if (status)
        return status;
    if (wants_version) {
        tool_print_version();
        return TOOL_OK;
    }
    if (!command && optind < argc) {
        command = find_command(argv[optind]);
        if (!command)
            return tool_misused(NULL, "unknown command '%s'", argv[optind]);
        optind++;
    }
    if (wants_help) {
        if (command)
            print_command_help(command);
        else
            print_help();
        return TOOL_OK;
    }
    if (!command)
        return tool_misused(NULL, "missing command");
    if (command->takes_program && !is_read)
        return tell_place(command);
    return run_command(&reader, command, argc - optind, argv + optind);
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
    int status = tool_check_library();

    if (status)
        return status;
    status = conformance_process_main();
    if (status >= 0)
        return status;
    tool_room_set_up(argc, argv);
    status = run(argc, argv);
    /* Of trouble there is a message already, and 126 and more have a meaning. */
    return status > TOOL_FAILED ? status : close_output(status);
}
