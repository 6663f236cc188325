/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc fail-each, in parts: fail_each.c has the command line and the order of things,
 * run.c one run of the program and what its processes have recorded, count.c those in which nothing
 * fails and what is to fail, judge.c what a run comes to, jobs.c all the others, several at a time,
 * result.c results as lines and what was done before, stacks.c results by their stacks; text.c,
 * json.c and junit.c how it is told.
 */
#ifndef TOOL_FAIL_EACH_H
#define TOOL_FAIL_EACH_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/child.h"
#include "tools/tool.h"

enum {
    EACH_JOBS_MAX = 64,
    EACH_STACK_BYTES = 16384,
    EACH_LINE_BYTES = EACH_STACK_BYTES + 2048,
    EACH_FRAMES = 16 /* as the layer has it */
};

/* Two runs in which nothing fails are not alike. */
enum { EACH_NOT_REPEATABLE = 3 };

/* What a run comes to, worst first. Those up to EACH_KEPT are findings. */
enum each_outcome {
    EACH_CRASHED,
    EACH_HUNG,
    EACH_FLOODED,  /* it wrote without end */
    EACH_DIFFERED, /* it ended as if nothing had failed, and did something else */
    EACH_KEPT,     /* blocks that it gives back when nothing fails */
    EACH_GAVE_UP,  /* with another exit status */
    EACH_SAME,
    EACH_NOT_REACHED, /* there was no allocation of that number */
    EACH_OUTCOMES
};

/* What a run was seen to do. */
struct each_run {
    struct child_result ended;
    uint64_t output;       /* a hash of it */
    uint64_t output_bytes; /* its length */
    uint64_t errors_bytes; /* that of standard error */
    char said[256];        /* the last line of standard error */
    /* Of all processes that were looked at. */
    size_t processes, orderly; /* how many, and of those how many have run their exit handlers */
    uint64_t live_blocks, live_bytes;
    uint64_t calls, stacks, lost;       /* where nothing fails */
    uint64_t most_calls;                /* of one process */
    uint64_t nth, size, failing_blocks; /* where something does; how many were live then */
    int is_nth_orderly;                 /* whether that process has run its exit handlers */
    char name[80], program[PATH_MAX];   /* of one of them */
    char stack[EACH_STACK_BYTES];
};

/* What one run has shown, as it is told. Texts are in a block of its own. */
struct each_result {
    uint64_t number; /* of the allocation that failed */
    enum each_outcome outcome;
    int status; /* as wait(2) has it */
    uint64_t size;
    uint64_t kept_blocks, kept_bytes; /* live at the end, and not where nothing fails */
    uint64_t milliseconds;
    const char *failure; /* how it ended, or "" if with status 0 */
    const char *said;
    char *stack; /* lines, without addresses, which differ from run to run */
    char *text;
};

/* Numbers, which grow. */
struct each_numbers {
    uint64_t *all;
    size_t count, room;
};

struct each_report;

struct each_test {
    const char *path; /* of the program */
    char **command;
    const char *spec;  /* what is below the layers */
    const char *child; /* the name of whom it is about; NULL: the program itself */
    const char *state; /* a file, or NULL */
    unsigned frames, jobs, seconds_limit;
    uint64_t bytes_limit; /* of what a run may write; 0: while nothing fails */
    int is_every;
    uint64_t sample; /* 0: all */
    const struct each_report *report;

    char **environment;
    char name[80];           /* what the program has become by exec, or "" */
    struct each_run counted; /* with nothing failing; live is the most of two runs */
    uint64_t calls[2];       /* in two runs */
    int statuses[2];         /* of these, as exit(3) has it */
    int output_varies, live_varies;
    struct each_numbers planned; /* all, and of those what is still to be run */
    struct each_numbers left;

    struct each_result *results; /* in the order in which they came */
    size_t result_count;
    size_t outcomes[EACH_OUTCOMES];
    int state_file; /* -1: none */
    int is_repeatable;
    int interrupted; /* by a signal */
};

/* How it is told. */
struct each_report {
    void (*begin)(const struct each_test *test);
    void (*result)(const struct each_test *test, const struct each_result *result);
    int (*end)(const struct each_test *test); /* 0, or TOOL_TROUBLE after a message */
};

extern const struct each_report each_text, each_json, each_junit;

/* ---- run.c ---- */

/* What it takes to run the program, for one that runs at a time. */
struct each_runner {
    struct child_command child;
    off_t input_start;
    FILE *output, *errors;
    char directory[PATH_MAX];
    char records[PATH_MAX + 16], counts[PATH_MAX + 16];
};

/* 0, or TOOL_TROUBLE after a message; to be closed in any case. */
int each_runner_open(struct each_runner *runner, const struct each_test *test);
void each_runner_close(struct each_runner *runner);

/* Run the program, with the nth allocation failing; none where that is 0: then the numbers that are
 * to fail are added to numbers. 0, or an exit status after a message. */
int each_run(struct each_runner *runner, const struct each_test *test, uint64_t nth,
             struct each_run *run, struct each_numbers *numbers);

/* Whether the program has said that what it allocates cannot be recorded: TOOL_TROUBLE after a
 * message, else 0. */
int each_check_record(const struct each_runner *runner, const struct each_test *test);

/* ---- count.c ---- */

/* Count twice, and plan what is to fail. 0, or an exit status after a message. */
int each_count(struct each_runner *runner, struct each_test *test);

/* Whether the two runs are alike enough to go by, with what --sample pardons. */
static inline int each_is_comparable(const struct each_test *test)
{
    return test->is_repeatable || (test->sample && test->statuses[0] == test->statuses[1]);
}

/* 0, or TOOL_TROUBLE after a message. */
int each_numbers_add(struct each_numbers *numbers, uint64_t number);

/* In order, each once. */
void each_numbers_sort(struct each_numbers *numbers);

/* ---- judge.c ---- */

enum each_outcome each_judge(const struct each_test *test, const struct each_run *run);

/* How it is called in results, and in sentences. */
const char *each_outcome_name(enum each_outcome outcome);
const char *each_outcome_words(enum each_outcome outcome);

/* What a run has come to, in a line. Returns text. */
const char *each_describe(const struct each_test *test, const struct each_result *result,
                          char *text, size_t bytes);

static inline int each_is_finding(enum each_outcome outcome)
{
    return outcome <= EACH_KEPT;
}

size_t each_findings(const struct each_test *test);

/* ---- result.c ---- */

/* A run as a line, with its end. Returns its length. */
size_t each_line(const struct each_test *test, uint64_t number, const struct each_run *run,
                 char line[EACH_LINE_BYTES]);

/* Take a line as the next result, and tell it. 0, or TOOL_TROUBLE after a message: also if it is
 * none. */
int each_take_line(struct each_test *test, const char *line, size_t bytes);

void each_free_results(struct each_test *test);

/* Open the file of what was done, if there is to be one, and take what is in it; leave what is to
 * be run. 0, or TOOL_TROUBLE after a message. */
int each_state_open(struct each_test *test);

/* ---- jobs.c ---- */

/* Run all that is left, or until a signal ends that. 0, or an exit status after a message. */
int each_run_jobs(struct each_runner *runners, struct each_test *test);

/* ---- stacks.c ---- */

/* Results by one stack. */
struct each_group {
    struct each_result **results; /* worst first */
    size_t count, findings;
};

/* Visit them, worst stacks first; is_last says that none follows. 0, or TOOL_TROUBLE after a
 * message.
 */
typedef void (*each_group_visitor)(const struct each_test *test, const struct each_group *group,
                                   size_t number, int is_last);
int each_visit_groups(const struct each_test *test, each_group_visitor visit);

#endif /* TOOL_FAIL_EACH_H */
