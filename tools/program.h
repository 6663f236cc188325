/* SPDX-License-Identifier: MIT */
/* A program that is to be started under the interposer: found, looked at, prepared. */
#ifndef TOOL_PROGRAM_H
#define TOOL_PROGRAM_H

#include <limits.h>

#include "tools/tool.h"

/* Exit statuses of env(1) and the shell for a program that was not started. */
enum { PROGRAM_CANNOT_RUN = 126, PROGRAM_NOT_FOUND = 127 };

/*
 * Find the first of a command's operands as execvp(3) does. Returns 0 with its path, or one of the
 * above after a message.
 */
int program_find(const struct tool_command *command, char **program, char path[PATH_MAX]);

/* The same without a message: 0, or the number of an error. */
int program_locate(const char *name, char path[PATH_MAX]);

/* What was meant by words that begin with no program: "run -b jemalloc ./p" by jemalloc ./p. */
enum meant program_meant(const struct tool_command *command, char **words, char *text,
                         size_t bytes);

/*
 * See whether the interposer can work in a program: not in a static one, not in one that
 * gains privileges, not beside a sanitizer, not in one with a malloc of its own. For a script
 * its interpreter is looked at, and what a loader that is started by name is to load. words: the
 * program's argv. Returns 0, or 2 after a message that says why not.
 */
int program_check(const char *path, char **words);

/* The same but for a malloc of its own: see whether it can be loaded at all. PROGRAM_UNSUITED if
 * one that is built for other programs is what is missing. */
enum { PROGRAM_UNSUITED = 3 };
int program_check_loading(const char *path);

/*
 * The interpreter, of a script or of an ELF file, for which a program that is there cannot be
 * executed: it is missing or may not be executed itself. Returns 0 if there is none such.
 */
int program_find_obstacle(const char *path, char interpreter[PATH_MAX]);

/*
 * After program_check_interposer(): set the environment for a program: the interposer and the
 * modules of spec in LD_PRELOAD, before what is there; spec (NULL: none) in DISPATCHALLOC_MALLOC;
 * DISPATCHALLOC_VERBOSE on, or left alone. Returns 0, or 2 after a message,
 * also if a module of spec is not for the word size of the program at path.
 */
int program_prepare(const char *path, const char *spec, int verbose);

/* Whether an object that is preloaded already is of another `run` that this one is in: the
 * interposer and what lies beside it, or a module. Those of this one come in their place. */
int program_is_of_run(const char *path);

/* Say which objects that are preloaded have a malloc, and are gone past: LD_PRELOAD has them, or
 * /etc/ld.so.preload. */
void program_tell_passed(void);

/* What the loader says that it maps. */
struct program_probe {
    int is_listed;
    int has_interposer;
    int has_jemalloc; /* the system's library, which has calls of its own */
    char lib[64];     /* of a loader alone: what $LIB stands for, or "" */
};

/* After program_prepare(): ask the loader, under the limits of this process. Returns 0, or 2 after
 * a message if the interposer would not be there. */
int program_probe(const char *path, struct program_probe *found);

/* Ask a loader about itself. glibc before 2.33 does not answer. */
void program_probe_loader(const char *loader, struct program_probe *found);

/* After program_prepare(): see whether the interposer gets into the program, and where that has the
 * system's libjemalloc preload what serves its own calls too, unless it is libjemalloc itself that
 * serves. Returns 0, or 2 after a message with the program's name. */
int program_fit(const char *path, const char *name, int verbose);

/* After all that is preloaded: where the program is chroot(8), see whether that is there for the
 * one which it starts, with what it needs. Returns 0, or 2 after a message. */
int program_check_root(char **program);

/* Preload what opens without RTLD_DEEPBIND whatever a program opens. Returns 0, or 2 after a
 * message. */
int program_prepare_deepbind(void);

/* After program_prepare(): preload what names each object that a program opens with RTLD_DEEPBIND,
 * where it is installed, the program calls dlopen() itself and going past the interposer is going
 * past an allocator. Returns 0, or 2 after a message. */
int program_prepare_deepbind_warning(const char *path);

/* Whether the file of a program, or of what interprets it, calls dlopen(). */
int program_opens(const char *path);

/* Whether the interposer is installed for a machine of the other word size than its own, EM_386
 * beside EM_X86_64, as well. */
int program_has_interposer_for(unsigned machine);

/* The interposer's file as the loader of a program finds it: that one, where it is for the
 * program's word size. */
const char *program_interposer_in(const char *program);

/* See whether a module is there for the word size of a program, its own or beside it by $LIB.
 * Returns 0, or 2 after a message. */
int program_check_module(const char *program, const char *module);

/* What to preload for a file: by_lib, with $LIB in it, by which the loaders of both word sizes find
 * their own, where it and the interposer are installed for both; else the path itself. */
const char *program_preload_of(const char *path, char by_lib[PATH_MAX]);

/* Become the program. Returns only on failure, with 126 or 127 after a message. */
int program_become(const char *path, char **arguments);

/* What DISPATCHALLOC_OFF says if it is on, under which no allocator is to be put in; else NULL. */
const char *program_switched_off(void);

/* The interposer's file: what DISPATCHALLOC_INTERPOSER says, or the one beside the library that the
 * tool runs with, or where it was installed. */
const char *program_interposer(void);

/* See whether that file can be had, is the interposer, and is of the tool's own version. It is
 * not loaded. Returns 0, or 2 after a message. */
int program_check_interposer(void);

#endif /* TOOL_PROGRAM_H */
