/* SPDX-License-Identifier: MIT */
/*
 * The insides of the command `dispatchalloc profile`.
 *
 *   profile.c   the command line
 *   command.c   a program that is run under the layer
 *   attach.c    a process that runs under it already
 *   read.c      what a file of the layer says, as a profile
 *   output.h    what becomes of that
 */
#ifndef TOOL_PROFILE_H
#define TOOL_PROFILE_H

#include "tools/profile/model.h"
#include "tools/tool.h"

enum { PROFILE_OUTPUTS_MAX = 16 };

struct profile_options {
    const char *spec;       /* NULL: what `run` would take */
    const char *child;      /* the name of whom it is about; NULL: the program itself */
    uint64_t every, frames; /* of a program that is run never 0 */
    uint64_t sites, blocks; /* 0: as the layer has it */
    const char *outputs[PROFILE_OUTPUTS_MAX];
    size_t output_count;
    long process; /* 0: none was given */
    int is_on, is_off;
};

/* ---- profile.c ---- */

/* Write what was asked for. TOOL_OK, or TOOL_TROUBLE after messages. */
int profile_write_outputs(const struct profile_options *options, const struct profile *profile);

/* ---- read.c ---- */

/* The bytes of a file of the layer, aligned to 64: make a profile of them, to be freed in any case.
 * It refers to them. name: what messages call it. TOOL_OK, or TOOL_TROUBLE after a message. */
int profile_read(const void *bytes, size_t count, const char *name, struct profile *profile);

/* The process went on to a time, in nanoseconds since 1970, or does so: which is known of who is
 * run or looked at, and not of a file. */
void profile_end_at(struct profile *profile, uint64_t time_ns);

/* The time now. */
uint64_t profile_now(void);

/* Whether they are such a file. */
int profile_is_raw(const void *bytes, size_t count);

/* Their number of a key, 0 if there is none. */
uint64_t profile_raw_number(const void *bytes, size_t count, const char *key);

/* The number of the process that made them, and its name, "" if it is not known. */
enum { PROFILE_NAME_BYTES = 80 };
long profile_raw_process(const void *bytes, size_t count, char name[PROFILE_NAME_BYTES]);

/* ---- attach.c ---- */

/* A whole file in memory: its bytes, to be freed. TOOL_OK; TOOL_FAILED if it is none of the
 * layer's; TOOL_TROUBLE with errno. */
int profile_load(const char *path, void **bytes, size_t *count);

/* Switch a process, or tell what its files say: the exit status. */
int profile_attach(const struct profile_options *options);

/* ---- command.c ---- */

/* Run a program, and tell what it has left: the exit status. */
int profile_run(const struct tool_command *command, const struct profile_options *options,
                char **program);

#endif /* TOOL_PROFILE_H */
