/* SPDX-License-Identifier: MIT */
/*
 * The environment of a program under a spec, made before the program is started: what
 * program_prepare() costs, and the modules that it opens, are not in what is measured.
 */
#ifndef TOOL_PROGRAM_ENVIRONMENT_H
#define TOOL_PROGRAM_ENVIRONMENT_H

#include <stddef.h>
#include <stdio.h>

enum environment_kind {
    ENVIRONMENT_ASKED_FOR, /* a spec that somebody wrote */
    ENVIRONMENT_FOUND      /* a name that was found: no layers, and a note if it is not good */
};

/*
 * The environment for spec and a program, by its name, in a block to be freed. Returns 0; -1 if a
 * name that was found is none to run a program with; TOOL_TROUBLE after a message. The interposer
 * is told to abort rather than to let another allocator serve.
 */
int environment_make(const char *spec, enum environment_kind kind, const char *program,
                     char ***environment);

/* Whether an allocator can be made of a spec: tried in a process of its own, or in this one where
 * there can be no other. 0, or TOOL_TROUBLE after a message. Starts over if that makes room that is
 * missing. */
int environment_try(const char *spec);

/* Whether a process that opens what a spec names, and starts none of it, comes to its end: 0, or -1
 * with the reason. Starts over too. */
int environment_look(const char *spec, char *reason, size_t bytes);

/*
 * An environment with other values of some variables: assignments is "NAME=value" as often as
 * count says. A block to be freed that refers to both, or NULL after a message.
 */
char **environment_with(char **environment, const char *const *assignments, size_t count);

/* Write a text as a value of a spec; where it is a path, with each '%' so that it stays one. */
void environment_add_value(FILE *spec, const char *text, int is_path);

/* Look at a spec over which a command is to put layers of its own, so that what is wrong is said of
 * what was asked for: 0, or TOOL_TROUBLE after a message. */
int environment_check(const char *spec);

#endif /* TOOL_PROGRAM_ENVIRONMENT_H */
