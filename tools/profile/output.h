/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a profile (model.h): files, each of which says its form by its name, and texts.
 *
 *   output.c   forms, by the name of a file
 *   folded.c   folded stacks, a line each
 *   pprof.c    pprof's profile.proto; wire.c writes protocol buffers, gzip.c packs
 *   dhat.c     valgrind's DHAT
 *   svg.c      a flame graph as a picture
 *   html.c     a page: page.html with page.js
 *   tree.c     stacks from their outermost frame on, for these two
 *   places.c   sites by function and line, for what is printed
 *   table.c    the summary
 *   diff.c     two profiles
 */
#ifndef TOOL_PROFILE_OUTPUT_H
#define TOOL_PROFILE_OUTPUT_H

#include <stdio.h>

#include "tools/profile/model.h"
#include "tools/tool.h"

/* ---- output.c ---- */

/* Write a file whose form is said by its name: .pb.gz, .pb, .folded, .json, .svg, .html, .raw.
 * TOOL_OK, or TOOL_TROUBLE after a message. */
int profile_write(const struct profile *profile, const char *path);

/* See whether that could be, before there is a profile: also whether the file could be made. The
 * same statuses. */
int profile_check_name(const char *path);

/* ---- The forms: 0, or -1 if there was not enough memory. Who calls sees whether it was written.
 */

int profile_write_folded(const struct profile *profile, FILE *to);
int profile_write_pprof(const struct profile *profile, FILE *to);
int profile_write_pprof_packed(const struct profile *profile, FILE *to);
int profile_write_dhat(const struct profile *profile, FILE *to);
int profile_write_svg(const struct profile *profile, FILE *to);
int profile_write_html(const struct profile *profile, FILE *to);

/* ---- wire.c: messages of protocol buffers ---- */

struct wire {
    unsigned char *bytes;
    size_t count, room;
    int has_failed; /* there was not enough memory, once or more */
};

void wire_put_number(struct wire *wire, unsigned field, uint64_t number);
void wire_put_bytes(struct wire *wire, unsigned field, const void *bytes, size_t count);
void wire_put_numbers(struct wire *wire, unsigned field, const uint64_t *numbers, size_t count);

/* A message in another, which it leaves empty for the next. */
void wire_put_message(struct wire *wire, unsigned field, struct wire *message);
void wire_free(struct wire *wire);

/* ---- gzip.c ---- */

/* Whether zlib can be used, which is opened now. */
int gzip_is_there(void);
int gzip_write(const unsigned char *bytes, size_t count, FILE *to);

/* ---- tree.c ---- */

/* A node stands before its children, and these by their names. The first is the root, which has no
 * frame. */
struct profile_node {
    uint32_t parent;
    uint32_t frame;
    uint32_t depth;  /* of the root: 0 */
    uint32_t ending; /* the stacks that end here; PROFILE_NO_ENDING */
};
#define PROFILE_NO_ENDING UINT32_MAX

/* Stacks that look alike. */
struct profile_ending {
    const struct profile_site *site; /* one of them */
    struct profile_values values;    /* of all */
};

struct profile_tree {
    struct profile_node *nodes;
    size_t count;
    struct profile_ending *endings;
    size_t ending_count;
};

/* 0, or -1 if there was not enough memory. */
int profile_tree_make(const struct profile *profile, struct profile_tree *tree);
void profile_tree_free(struct profile_tree *tree);

/* ---- places.c ---- */

/* What sites have for their place (profile_place_of()). */
struct profile_place {
    const struct profile_frame *frame; /* NULL: not known */
    struct profile_values values;
};

struct profile_places {
    const struct profile *profile;
    int has_lines; /* lines of a function are places of their own */
    struct profile_place *all;
    size_t count;
};

/* In the order of profile_place_compare(). 0, or -1 if there was not enough memory. */
int profile_places_make(const struct profile *profile, int has_lines,
                        struct profile_places *places);
void profile_places_free(struct profile_places *places);

/* By function, file and, if has_lines, line; places may be of different profiles. */
int profile_place_compare(const struct profile_places *ones, const struct profile_place *one,
                          const struct profile_places *others, const struct profile_place *other);

/* "FUNCTION FILE:LINE", with a line end, to standard output. */
void profile_place_print(const struct profile_places *places, const struct profile_place *place);

/* "1.5 MiB" */
const char *profile_bytes(uint64_t bytes, char *text, size_t text_bytes);
enum { PROFILE_BYTES_TEXT = 16 };

/* ---- table.c, diff.c: to standard output; TOOL_OK, or TOOL_TROUBLE after a message ---- */

int profile_print_table(const struct profile *profile);
int profile_print_diff(const struct profile *before, const struct profile *after);

#endif /* TOOL_PROFILE_OUTPUT_H */
