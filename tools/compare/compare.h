/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc compare, in parts: compare.c has the command line, rounds.c the rounds, server.c
 * those of a server under a load, statistics.c what the numbers say, report.c how it is told.
 */
#ifndef TOOL_COMPARE_H
#define TOOL_COMPARE_H

#include <stddef.h>

enum { COMPARE_RUNS_MAX = 1000, COMPARE_CANDIDATES_MAX = 64 };

/* What is measured, in seconds, bytes or numbers; less is better for all. */
enum compare_metric { COMPARE_TIME, COMPARE_CPU, COMPARE_MEMORY, COMPARE_FAULTS, COMPARE_METRICS };

/* A spec and what was measured under it. */
struct compare_candidate {
    char *spec;
    char **environment;
    int is_bare;                     /* without the interposer: beside the others, not judged */
    size_t done;                     /* rounds that were measured: the first ones */
    double *values[COMPARE_METRICS]; /* by round */
    char failure[96];                /* "" if the program did not fail */
    size_t failed_round;             /* 0: the warm-up */
};

struct comparison {
    char **command;
    struct compare_candidate candidates[COMPARE_CANDIDATES_MAX];
    size_t candidate_count;
    size_t baseline; /* which of them is system */
    size_t runs;     /* as asked for */
    int interrupted; /* by a signal */

    /* Of a server, which is not to end by itself; NULL: it is none. Commands for the shell. */
    const char *load;
    const char *ready;      /* succeeds when the server can be asked */
    unsigned seconds_limit; /* of a run; 0: none is given */
};

/* ---- Running ------------------------------------------------------------------------------ */

/* Run the program in all rounds, or until a signal ends that. Returns 0, or an exit status
 * after a message if there is nothing to tell. */
int compare_run(struct comparison *comparison, const char *path, int shows_output);

/* ---- A server ------------------------------------------------------------------------------ */

struct child_command;
struct child_result;

/* Run it until it has had its load, whose time is result->seconds then. 0, or TOOL_TROUBLE after a
 * message. failure becomes what went wrong, or "". */
int compare_serve(const struct comparison *comparison, const struct child_command *server,
                  struct child_result *result, char *failure, size_t failure_bytes);

/* ---- Statistics --------------------------------------------------------------------------- */

struct compare_summary {
    double median;
    double deviation; /* the median of the absolute distances from the median */
    double minimum;
    double maximum;
};

/* What less than that many rounds show is taken for noise. */
enum { COMPARE_ROUNDS_MIN = 5 };

enum compare_order { COMPARE_LESS = -1, COMPARE_SAME = 0, COMPARE_MORE = 1 };

/* count is from 1 to COMPARE_RUNS_MAX. */
struct compare_summary compare_summarise(const double *values, size_t count);

/*
 * Whether a is less or more than b beyond noise, by the differences of each round, in which
 * both were measured one shortly after the other:
 *   - their signs agree, in all rounds if there are less than ten, else in nine of ten;
 *   - their median is larger than twice its median absolute deviation
 *   - and larger than one hundredth of b's median, and no smaller than least.
 */
enum compare_order compare_order_of(const double *a, const double *b, size_t count, double least);

/* Whether candidate a has less or more than candidate b, over the rounds that both have. */
enum compare_order compare_candidates(const struct compare_candidate *a,
                                      const struct compare_candidate *b,
                                      enum compare_metric metric);

/* Whether there are numbers that may be compared. */
int compare_is_measured(const struct compare_candidate *candidate);

/* The line that says it all, without a newline. Returns text. */
const char *compare_verdict(const struct comparison *comparison, char *text, size_t text_bytes);

/* ---- Printing ----------------------------------------------------------------------------- */

void compare_print_table(const struct comparison *comparison);

/* Bars as long as the medians are large. */
void compare_print_chart(const struct comparison *comparison);
void compare_print_json(const struct comparison *comparison);

#endif /* TOOL_COMPARE_H */
