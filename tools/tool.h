/* SPDX-License-Identifier: MIT */
/*
 * What the commands of `dispatchalloc` share. Public headers of the library only, and what knows
 * nothing of it.
 *
 * Exit statuses: 0; 1 if a verification failed; 2 for trouble: a usage error, a spec that
 * is not good, output that cannot be written. Some commands have more.
 */
#ifndef TOOL_H
#define TOOL_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <dispatchalloc.h>

#include "lib/base/nearest.h"
#include "lib/shared/number.h"

#define TOOL_NAME "dispatchalloc"

/* Statuses are ints, since that of a program may be any. */
enum { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_TROUBLE = 2 };

/* An option of a command: a flag that becomes 1, or what takes its value. With both the value
 * stands behind a '=', or is left out, which is NULL. */
struct tool_option {
    const char *name;
    char letter; /* the short way to say it; 0: none */
    int *flag;
    int (*take)(const char *value); /* returns TOOL_OK, or TOOL_TROUBLE after a message */
};

struct tool_command {
    const char *name;
    const char *synopsis;              /* what follows the name in a usage line */
    const char *summary;               /* one line, for the list of commands */
    const char *help;                  /* the rest of its --help */
    const struct tool_option *options; /* up to one without a name; NULL: it has none */
    const char *operand;               /* what it needs one of at least; NULL if it takes none */
    const int *needs_none;             /* a flag with which it needs none; NULL: it has none such */
    /* Its operands are a program and its arguments, and its options end where those begin. */
    int takes_program;
    int is_absent; /* on this system: run() says so, whatever stands there */
    int (*run)(int operand_count, char **operands); /* returns the exit status */
};

extern const struct tool_command tool_list;
extern const struct tool_command tool_info;
extern const struct tool_command tool_explain;
extern const struct tool_command tool_verify;
extern const struct tool_command tool_run;
extern const struct tool_command tool_status_of;
extern const struct tool_command tool_compare;
extern const struct tool_command tool_doctor;
extern const struct tool_command tool_fail_each;
extern const struct tool_command tool_profile;
extern const struct tool_command tool_symbolize;

/* What stands behind the last '/' of a path. */
const char *tool_file_name(const char *path);

/* A line on standard error, after the tool's name, cleaned (lib/shared/control.h); returns
 * TOOL_TROUBLE. */
int tool_complain(const char *format, ...) DAL_ATTRIBUTE_PRINTF_(1, 2);

/* tool_complain(), and where the help is: for command, or for the tool if that is NULL. */
int tool_misused(const struct tool_command *command, const char *format, ...)
    DAL_ATTRIBUTE_PRINTF_(2, 3);

/* The line that says where the help of a command is; returns TOOL_TROUBLE. */
int tool_try_help(const struct tool_command *command);

/* " (did you mean 'WORD'?)", or "" if nothing is near; until it is called again. */
const char *tool_did_you_mean(const struct dal_nearest_ *nearest);

/* How sure it is what was meant. */
enum meant { MEANT_NOTHING, MEANT_MAYBE, MEANT_SURELY };

/* Whether a word is a spec whose first name is that of a backend or layer, or nearly: it is written
 * with that. */
enum meant tool_meant_spec(const char *word, char *spec, size_t bytes);

/* Whether it surely is. */
int tool_is_named(const char *word);

/* Whether a value is several, which are all known, with commas or the like between them: how an
 * option, as in "--case=", is given once for each. */
int tool_meant_each(const char *option, const char *values, int (*is_known)(const char *value),
                    char *text, size_t bytes);

/* What --version prints. */
void tool_print_version(void);

/* See whether a part of the library is of the tool's own version: its file, and its version in
 * up to that many bytes. Returns TOOL_OK, or TOOL_TROUBLE after a message that names both. */
int tool_check_version(const char *path, const char *version, size_t version_bytes);

/* The same of the library that the tool runs with, whose file is the same for versions that
 * differ. Returns 0, or the exit status of what cannot run after a message. First of all. */
int tool_check_library(void);

/* The file of that library; its name alone if the tool has it in itself. */
const char *tool_library(void);

/*
 * A module is opened in this process, and what it does there may end it: by a crash, or by exit(),
 * which would look like success. While something is looked at that is a line with its name and
 * TOOL_TROUBLE. Children end as they do. Before main() it is what DISPATCHALLOC_BACKEND says, and
 * that it takes too long is such a line too.
 */
void tool_guard_set_up(void);

/* What a module may take for its start; the limit of verify by default. */
enum { TOOL_START_SECONDS = 60 };
#define TOOL_START_LIMIT "the time limit of 60 s"

/* A handler that does nothing, where a call is to fail instead: SIG_IGN would be inherited by
 * programs that are started. POSIX only. */
void tool_go_on(int number);

/* What is looked at from here on; NULL: nothing is. The text has to stay. */
void tool_look_at(const char *what);

/* The same while a function looks at it, where one that crashes does not end this process: what it
 * was about is left as it is. Returns the signal's name, or NULL if there was none. POSIX only. */
const char *tool_survive(const char *what, void (*look)(void *data), void *data);

/* tool_complain() about a spec that the library refuses, in its words. */
int tool_bad_spec(const char *spec, const char *message);

/* Make what a spec stands for and destroy it again: what the options of a backend mean together
 * is found out by its start alone. TOOL_OK, or what tool_bad_spec() returns. */
int tool_try_spec(const char *spec);

/*
 * A library with much thread-local storage, such as Debian's libjemalloc, can be opened only if
 * the loader was told at the start of this process to keep room for it, by a variable. When a
 * module turns out to be over such a one the tool starts over, once, with that said. (A program
 * that it starts inherits the variable. It has the library from its own start, so that the
 * room is not needed, and does no harm.)
 */

/* Note the command line, to start over with. First of all. */
void tool_room_set_up(int argc, char **argv);

/* Whether message, of the library about a spec, says that room is missing which can be made. */
int tool_room_is_missing(const char *message);

/* Start over if it is: does not return then. To be called before anything was printed; does
 * nothing in a child, which has to tell its parent. */
void tool_make_room(const char *message);

/* dal_spec_visit() of what may need room, or end the process. */
int tool_check_spec(const char *spec, char *message, size_t bytes);

/* Have room for whatever specs need. */
void tool_make_room_for(char *const *specs, int count);

/* dal_module_visit(), in the order of the names. TOOL_TROUBLE after a message if there is not
 * enough memory, else what the visitor returned. */
int tool_visit_modules(dal_module_visitor visit, void *data);

/* printf(3) of what has text from outside in it, which is cleaned (lib/shared/control.h): of
 * newlines that which ends the format stays. */
void tool_print(const char *format, ...) DAL_ATTRIBUTE_PRINTF_(1, 2);

/* Print a text to standard output as a string of JSON; what is not UTF-8 becomes U+FFFD, a byte
 * each. */
void tool_print_json(const char *text);

/* The same to a file, fit to stand in a script of HTML as well. */
void tool_write_json(FILE *to, const char *text);

/* Write a text for XML, also as the value of an attribute; what XML cannot have becomes U+FFFD. */
void tool_write_xml(FILE *to, const char *text);

/* Bytes as a spec would say them: 64K, 1G, 100. Returns text. */
const char *tool_bytes(uint64_t bytes, char *text, size_t text_bytes);

/* The value of a command's --timeout. TOOL_OK, or TOOL_TROUBLE after a message. */
int tool_take_timeout(const struct tool_command *command, const char *text, unsigned *seconds);

/* Whether the value of an option is a spec, for dal_spec_visit() once more. */
static inline int tool_is_spec(const struct dal_option_value *value)
{
    return value->option && value->option->type == DAL_OPTION_SPEC && value->text;
}

/* "backend" or "layer". */
const char *tool_kind(const struct dal_backend *backend);

/* realpath(3), where there is such. */
char *tool_whole_path(const char *path, char whole[PATH_MAX]);

#endif /* TOOL_H */
