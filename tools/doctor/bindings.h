/* SPDX-License-Identifier: MIT */
/*
 * Who serves which function of the malloc family in a process: the bindings that the dynamic
 * loader of glibc tells of (LD_DEBUG=bindings), read from its trace.
 */
#ifndef TOOL_BINDINGS_H
#define TOOL_BINDINGS_H

#include <stddef.h>
#include <stdio.h>

/* The functions of lib/shared/interposed_names.h in its order: the C ones, then the C++ operators.
 */
size_t binding_symbol_count(void);
const char *binding_symbol(size_t symbol);

/* A call from one file that another one serves. Files are numbers of their names. */
struct binding {
    size_t caller;
    size_t server;
    size_t symbol;
};

struct bindings {
    char **files; /* paths; a program by its argv[0] */
    size_t file_count;
    struct binding *entries; /* each once */
    size_t count;
    size_t since;    /* of the entries, those that the loader told of last */
    int has_started; /* the loader got as far as the program */
    char *program;   /* then its name as in files */
    int can_start;   /* a file has a function that starts programs */
    char *started;   /* that of one that it started, with an allocator in itself; NULL */
};

/* Read a trace; of the programs that one process was by exec, the last one's. Returns 0, or
 * TOOL_TROUBLE after a message. */
int bindings_read(struct bindings *bindings, FILE *trace);

void bindings_free(struct bindings *bindings);

/* The last part of a file's path. */
const char *bindings_name(const struct bindings *bindings, size_t file);

#endif /* TOOL_BINDINGS_H */
