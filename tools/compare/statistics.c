/* SPDX-License-Identifier: MIT */
/* What the numbers of `dispatchalloc compare` say. See compare.h. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Numbers ------------------------------------------------------------------------------ */

static double distance(double a, double b)
{
    return a < b ? b - a : a - b;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

/* Sorts values. */
static double median_of(double *values, size_t count)
{
    qsort(values, count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

struct compare_summary compare_summarise(const double *values, size_t count)
{
    double sorted[COMPARE_RUNS_MAX];
    struct compare_summary summary;

    memcpy(sorted, values, count * sizeof *sorted);
    summary.median = median_of(sorted, count);
    summary.minimum = sorted[0];
    summary.maximum = sorted[count - 1];
    for (size_t i = 0; i < count; i++)
        sorted[i] = distance(values[i], summary.median);
    summary.deviation = median_of(sorted, count);
    return summary;
}

/* ---- Order -------------------------------------------------------------------------------- */

enum compare_order compare_order_of(const double *a, const double *b, size_t count, double least)
{
    double differences[COMPARE_RUNS_MAX];
    struct compare_summary summary;
    size_t less = 0;
    size_t more = 0;

    if (count < COMPARE_ROUNDS_MIN)
        return COMPARE_SAME;
    for (size_t i = 0; i < count; i++) {
        differences[i] = a[i] - b[i];
        less += a[i] < b[i];
        more += a[i] > b[i];
    }
    summary = compare_summarise(differences, count);
    if (distance(summary.median, 0) <= 2 * summary.deviation ||
        distance(summary.median, 0) <= compare_summarise(b, count).median / 100 ||
        distance(summary.median, 0) < least)
        return COMPARE_SAME;
    if ((count - less) * 10 <= count)
        return COMPARE_LESS;
    return (count - more) * 10 <= count ? COMPARE_MORE : COMPARE_SAME;
}

int compare_is_measured(const struct compare_candidate *candidate)
{
    return !*candidate->failure && candidate->done > 0;
}

static size_t rounds_of_both(const struct compare_candidate *a, const struct compare_candidate *b)
{
    return a->done < b->done ? a->done : b->done;
}

enum compare_order compare_candidates(const struct compare_candidate *a,
                                      const struct compare_candidate *b, enum compare_metric metric)
{
    /* The kernel counts resident pages on each processor, and adds them up 32 at a time or more. */
    const double least = metric == COMPARE_MEMORY ? 256 * 1024 : 0;

    return compare_order_of(a->values[metric], b->values[metric], rounds_of_both(a, b), least);
}

/* ---- The verdict -------------------------------------------------------------------------- */

static double median(const struct compare_candidate *candidate, enum compare_metric metric)
{
    return compare_summarise(candidate->values[metric], candidate->done).median;
}

/* A candidate and its part of the baseline's, such as "jemalloc (0.87 of system's)". */
static void add_ratio(FILE *out, const struct comparison *comparison, size_t at,
                      enum compare_metric metric)
{
    const struct compare_candidate *baseline = &comparison->candidates[comparison->baseline];
    const struct compare_candidate *candidate = &comparison->candidates[at];

    fprintf(out, "%s (%.2f of system's)", candidate->spec,
            median(candidate, metric) / median(baseline, metric));
}

/* How the candidates stand to system. */
struct standing {
    enum compare_order orders[COMPARE_CANDIDATES_MAX];
    size_t compared;
    size_t less;
    size_t more;
    size_t best; /* valid if less is not 0 */
};

static void find_standing(const struct comparison *comparison, enum compare_metric metric,
                          struct standing *standing)
{
    const struct compare_candidate *candidates = comparison->candidates;

    memset(standing, 0, sizeof *standing);
    for (size_t i = 0; i < comparison->candidate_count; i++) {
        if (i == comparison->baseline || candidates[i].is_bare ||
            !compare_is_measured(&candidates[i]))
            continue;
        standing->orders[i] =
            compare_candidates(&candidates[i], &candidates[comparison->baseline], metric);
        standing->compared++;
        standing->more += standing->orders[i] == COMPARE_MORE;
        if (standing->orders[i] != COMPARE_LESS)
            continue;
        if (standing->less == 0 ||
            median(&candidates[i], metric) < median(&candidates[standing->best], metric))
            standing->best = i;
        standing->less++;
    }
}

static void add_best(FILE *out, const struct comparison *comparison, enum compare_metric metric,
                     const struct standing *standing)
{
    const struct compare_candidate *candidates = comparison->candidates;
    const char *before = "; within noise of it: ";

    add_ratio(out, comparison, standing->best, metric);
    fprintf(out, " is best");
    for (size_t i = 0; i < comparison->candidate_count; i++) {
        if (standing->orders[i] != COMPARE_LESS || i == standing->best ||
            compare_candidates(&candidates[standing->best], &candidates[i], metric))
            continue;
        fprintf(out, "%s%s", before, candidates[i].spec);
        before = ", ";
    }
}

static void add_judgement(FILE *out, const struct comparison *comparison,
                          enum compare_metric metric)
{
    struct standing standing;
    const char *before = " but for ";

    find_standing(comparison, metric, &standing);
    if (standing.less) {
        add_best(out, comparison, metric, &standing);
        return;
    }
    if (standing.more == standing.compared) {
        fprintf(out, "system is best");
        return;
    }
    fprintf(out, "no difference beyond noise");
    for (size_t i = 0; i < comparison->candidate_count; i++) {
        if (standing.orders[i] != COMPARE_MORE)
            continue;
        fprintf(out, "%s", before);
        add_ratio(out, comparison, i, metric);
        before = ", ";
    }
}

/* The rounds that every candidate has which was measured; 0 if there is but one of those. */
static size_t common_rounds(const struct comparison *comparison)
{
    size_t rounds = COMPARE_RUNS_MAX;
    size_t others = 0;

    for (size_t i = 0; i < comparison->candidate_count; i++) {
        const struct compare_candidate *candidate = &comparison->candidates[i];

        if (*candidate->failure || candidate->done == 0 || candidate->is_bare)
            continue;
        others += i != comparison->baseline;
        if (candidate->done < rounds)
            rounds = candidate->done;
    }
    return others ? rounds : 0;
}

const char *compare_verdict(const struct comparison *comparison, char *text, size_t text_bytes)
{
    FILE *out = fmemopen(text, text_bytes, "w");
    const struct compare_candidate *baseline = &comparison->candidates[comparison->baseline];
    size_t rounds = common_rounds(comparison);

    *text = '\0';
    if (!out)
        return text;
    if (*baseline->failure) {
        fprintf(out, "none, as the program fails under system");
    } else if (rounds == 0 || baseline->done == 0) {
        fprintf(out, "none, as there is nothing to compare");
    } else if (rounds < COMPARE_ROUNDS_MIN) {
        fprintf(out, "none, as %zu %s too few to tell a difference from noise (%d are needed)",
                rounds, rounds == 1 ? "round is" : "rounds are", (int)COMPARE_ROUNDS_MIN);
    } else {
        fprintf(out, "time: ");
        add_judgement(out, comparison, COMPARE_TIME);
        fprintf(out, "; CPU time: ");
        add_judgement(out, comparison, COMPARE_CPU);
        fprintf(out, "; peak memory: ");
        add_judgement(out, comparison, COMPARE_MEMORY);
    }
    (void)fclose(out);
    text[text_bytes - 1] = '\0'; /* of one that is cut */
    return text;
}
