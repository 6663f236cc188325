/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc doctor, in parts: doctor.c has the command line, trace.c runs the
 * program under the loader's trace, origin.c knows where blocks are from,
 * judge.c tells who serves what and whether that goes together, advise.c what is
 * to be done.
 */
#ifndef TOOL_DOCTOR_H
#define TOOL_DOCTOR_H

#include "bindings.h"
#include "tools/child.h"

/* ---- Tracing ------------------------------------------------------------------------------ */

/*
 * Run a program, with the environment of child added to by what has the loader trace it, and
 * read that trace. Returns 0, or an exit status after a message.
 */
int doctor_trace(const struct child_command *child, struct child_result *result,
                 struct bindings *bindings);

/* ---- Origins ------------------------------------------------------------------------------ */

enum doctor_kind {
    DOCTOR_BLOCK, /* makes, takes or looks at blocks */
    DOCTOR_PASS,  /* libc's own calls the others, or does no harm */
    DOCTOR_NEW,
    DOCTOR_DELETE,
    DOCTOR_ALIGNED_NEW,
    DOCTOR_ALIGNED_DELETE
};

enum doctor_kind doctor_kind_of(size_t symbol);

struct doctor_view {
    const struct bindings *bindings;
    size_t *next;    /* by file: whom it passes calls on to, or itself */
    size_t *origins; /* by entry: the file whose blocks they are */
    size_t owner;    /* the origin of free; file_count: nobody asks for it */
};

/* To be closed if it returns 0; else TOOL_TROUBLE after a message. Lookups that are no calls
 * are removed from the bindings. */
int doctor_view_open(struct doctor_view *view, struct bindings *bindings);
void doctor_view_close(struct doctor_view *view);

/* Whether the program has an allocator in itself. Likewise, lookups are removed. */
int doctor_has_own(struct bindings *bindings);

int doctor_is_libc(const struct bindings *bindings, size_t file);

/* ---- Judging ------------------------------------------------------------------------------ */

enum { DOCTOR_PAST_MAX = 4 };

struct doctor_findings {
    int has_failed;   /* the program has, by itself */
    int is_refused;   /* by a program that it starts, whose loader cannot load the interposer */
    int can_start;    /* it may start programs */
    size_t served;    /* C functions, as often as a file asks for them */
    size_t elsewhere; /* of those, the ones that are not the owner's */
    size_t conflicts;
    const char *other; /* name of one that is not the owner and serves something, or NULL */
    /* Names of libraries, or NULL. Not the C library. */
    const char *own;      /* has functions of the family, and serves some */
    const char *symbolic; /* the same, and calls its own whatever is preloaded */
    const char *self;     /* calls its own, and not the owner's */
    const char *started;  /* a program that this one starts, with an allocator in itself */
    /* Those who call another one than the owner, such as a plug-in; the last few, latest
     * first. */
    const char *past[DOCTOR_PAST_MAX];
    size_t past_count;
    int past_is_cut; /* there are more */
};

/*
 * Print who serves what to whom, and every conflict. owner is the path of the file that ought
 * to serve all; NULL: whoever serves free. The names live as long as the bindings. Returns 0,
 * or TOOL_TROUBLE after a message.
 */
int doctor_judge(struct bindings *bindings, const char *owner, struct doctor_findings *findings);

/* ---- Advice ------------------------------------------------------------------------------- */

/* Print the diagnosis and what is to be done, by what was found of the program, which may be what
 * the given one became, as it is and under the interposer. Returns whether all is well. */
int doctor_advise(const struct doctor_findings *plain, const struct doctor_findings *interposed,
                  const char *program);

#endif /* TOOL_DOCTOR_H */
