/* SPDX-License-Identifier: MIT */
/* The command line's options: reading them, and what is said of one that is wrong. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "tools/tool.h"

/* Every command; NULL ends it. */
extern const struct tool_command *const tool_commands[];

/* The tool's own options, for all commands. */
extern const struct tool_option tool_own_options[];

/* By its name, or NULL. */
const struct tool_command *options_find_command(const char *name);

/* Print what may stand in the place of the last of some words of a command line: --complete. Of a
 * value it knows those of --backend, --case, --output, --pid and --resume. */
int options_complete(int count, char **words);

/* The place of the name of the command in argv, or argc. In front of it may stand options of any
 * command, with their values. */
int options_find_operand(int argc, char **argv);

/* Read the options of a command, or the tool's own alone where it is NULL; argv[0] is passed over.
 * Those of a command that takes a program end where that begins; else operands are moved to the
 * end. Returns TOOL_OK with the first operand at argv[optind], or TOOL_TROUBLE after a message. */
int options_read(const struct tool_command *command, int argc, char **argv);

#endif /* OPTIONS_H */
