/* SPDX-License-Identifier: MIT */
/*
 * The insides of `dispatchalloc symbolize`; the command `profile` resolves its frames by them too.
 *
 *   symbolize.c   the command: lines in, lines out
 *   frame.c       what a line says of a place in code
 *   modules.c     the files that lines name, each opened once
 *   dwarf.c       what libdw says of a place, where there is libdw
 *   symbols.c     what symbol tables alone say
 *   perf_map.c    code made at run time, by what its maker has written down
 *   demangle.c    names of C++
 *
 * Lines and files come from anywhere. A line is read up to a length, a file as far as it makes
 * sense, and what is printed from either is cleaned.
 */
#ifndef TOOL_SYMBOLIZE_H
#define TOOL_SYMBOLIZE_H

#include <limits.h>

#include "tools/tool.h"

enum { LINE_BYTES_MAX = 16384, BUILD_ID_BYTES_MAX = 2 * 64 + 1, SYMBOL_BYTES_MAX = 4096 };

/* ---- frame.c ---- */

/* "BEFORE#NUMBER 0xADDRESS in FUNCTION (MODULE+0xOFFSET) (BuildId: DIGITS)"; fail-each leaves the
 * address off. */
struct frame {
    size_t before;        /* bytes of the line in front of '#' */
    size_t behind_number; /* where the line goes on behind the number */
    unsigned number;
    int has_address;
    uint64_t address;
    size_t behind_address;
    int is_resolved;                   /* it says a line of the source already */
    char module[PATH_MAX];             /* ""; or an absolute path */
    uint64_t offset;                   /* the address as the module was linked */
    char build_id[BUILD_ID_BYTES_MAX]; /* "", or lower case digits */
};

/* Read a line without its end. Returns 0 if it is no frame. */
int frame_read(const char *line, struct frame *frame);

/* The number of the process in the head of a report, "dispatchalloc: debug[4711]: ..."; 0. */
long frame_process(const char *line);

/* ---- What a place is ---- */

/* The innermost function that was inlined there comes first, the one that holds them all last. */
struct place {
    const char *function;  /* as the linker knows it; NULL: not known */
    const char *directory; /* what file is relative to; NULL: nothing */
    const char *file;      /* of the source; NULL: not known */
    unsigned line, column; /* 0: not known */
};
typedef void (*place_visitor)(const struct place *place, void *data);

/* Who reads names from files. */
struct reader {
    /* An open file of the path and build id, which is closed by it; -1: to be found by the build
     * id. NULL if that cannot be. */
    void *(*open)(int file, const char *path, const char *build_id);
    void (*visit)(void *opened, uint64_t offset, place_visitor visit, void *data);
    void (*close)(void *opened);
};
extern const struct reader symbols_reader;
#ifdef TOOL_HAS_LIBDW
extern const struct reader dwarf_reader;

/* Whether libdw can be used, which is opened now; if it cannot, a line says so once. */
int dwarf_is_there(void);
#endif

/* ---- modules.c ---- */

/* Directories of debug files to look in first, separated by colons; NULL: the usual ones. */
extern const char *modules_directories;

/* Take them from a command line. TOOL_OK, or TOOL_TROUBLE after a message. */
int modules_take_directories(const char *text);

/* Use symbol tables alone; say nothing of files that are not used. */
extern int modules_by_symbols, modules_are_quiet;

/* Open the debug file of a build id; -1. */
int modules_open_debug_file(const char *build_id);

/* What is known of the place of a frame with a module. The visitor may not come back where the
 * file becomes shorter meanwhile. */
void modules_visit(const struct frame *frame, place_visitor visit, void *data);
void modules_close(void);

/* The part of a file that is loaded as one, by the addresses that it was linked for. */
struct module_code {
    uint64_t start, end;
    uint64_t offset; /* in the file, of what is at start */
};

/* That which has the place of a frame, by the file itself. Returns 0 if it is not known. */
int modules_find_code(const struct frame *frame, struct module_code *code);

/* ---- perf_map.c, demangle.c ---- */

/* The name of code that a process made at run time, in SYMBOL_BYTES_MAX bytes. Returns 0 if it is
 * not known. */
int perf_map_find(long process, uint64_t address, char *name);
void perf_map_close(void);

/* A name as its source has it, valid until the next call; the name itself where that cannot be
 * said. */
const char *demangle(const char *name);

#endif /* TOOL_SYMBOLIZE_H */
