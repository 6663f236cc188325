/* SPDX-License-Identifier: MIT */
/* The table and the JSON text of `dispatchalloc compare`. See compare.h. */
#include "compare.h"

#include <stdio.h>
#include <string.h>

#include "tools/tool.h"

enum { VERDICT_BYTES = 8192 };

/* ---- The table ---------------------------------------------------------------------------- */

/* A column: a metric in a unit that suits the numbers. */
struct column {
    const char *heading;
    double unit;
    int decimals;
};

static struct compare_summary summary_of(const struct compare_candidate *candidate,
                                         enum compare_metric metric)
{
    return compare_summarise(candidate->values[metric], candidate->done);
}

static double largest(const struct comparison *comparison, enum compare_metric metric)
{
    double found = 0;

    for (size_t i = 0; i < comparison->candidate_count; i++) {
        const struct compare_candidate *candidate = &comparison->candidates[i];

        if (compare_is_measured(candidate) && summary_of(candidate, metric).median > found)
            found = summary_of(candidate, metric).median;
    }
    return found;
}

static struct column column_of(const struct comparison *comparison, enum compare_metric metric)
{
    double most = largest(comparison, metric);

    switch (metric) {
    case COMPARE_TIME:
        return most < 1 ? (struct column){"time (ms)", 1e-3, 2} : (struct column){"time (s)", 1, 3};
    case COMPARE_CPU:
        return most < 1 ? (struct column){"CPU (ms)", 1e-3, 2} : (struct column){"CPU (s)", 1, 3};
    case COMPARE_MEMORY: return (struct column){"peak memory (MiB)", 1 << 20, 1};
    default: return (struct column){"page faults", 1, 0};
    }
}

static void print_ratio(const struct comparison *comparison, double value,
                        enum compare_metric metric)
{
    const struct compare_candidate *baseline = &comparison->candidates[comparison->baseline];
    double whole = compare_is_measured(baseline) ? summary_of(baseline, metric).median : 0;

    if (whole > 0)
        printf(" %5.2f", value / whole);
    else
        printf(" %5s", "-");
}

static void print_cells(const struct comparison *comparison,
                        const struct compare_candidate *candidate, const struct column *columns)
{
    for (int metric = 0; metric < COMPARE_METRICS; metric++) {
        const struct column *column = &columns[metric];
        struct compare_summary summary = summary_of(candidate, (enum compare_metric)metric);

        printf("  %8.*f %7.*f", column->decimals, summary.median / column->unit, column->decimals,
               summary.deviation / column->unit);
        print_ratio(comparison, summary.median, (enum compare_metric)metric);
    }
}

static void print_row(const struct comparison *comparison,
                      const struct compare_candidate *candidate, const struct column *columns,
                      int name_width)
{
    tool_print("%-*s", name_width, candidate->spec);
    if (compare_is_measured(candidate))
        print_cells(comparison, candidate, columns);
    else if (!*candidate->failure)
        printf("  not measured");
    else if (candidate->failed_round)
        printf("  failed in round %zu: %s", candidate->failed_round, candidate->failure);
    else
        printf("  failed: %s", candidate->failure);
    putchar('\n');
}

static int name_width(const struct comparison *comparison)
{
    size_t width = strlen("backend");

    for (size_t i = 0; i < comparison->candidate_count; i++) {
        size_t length = strlen(comparison->candidates[i].spec);

        if (length > width)
            width = length;
    }
    return width > 40 ? 40 : (int)width;
}

void compare_print_table(const struct comparison *comparison)
{
    static char verdict[VERDICT_BYTES];
    struct column columns[COMPARE_METRICS];
    int width = name_width(comparison);

    printf("%-*s", width, "");
    for (int metric = 0; metric < COMPARE_METRICS; metric++) {
        columns[metric] = column_of(comparison, (enum compare_metric)metric);
        printf("  %22s", columns[metric].heading);
    }
    printf("\n%-*s", width, "backend");
    for (int metric = 0; metric < COMPARE_METRICS; metric++)
        printf("  %8s %7s %5s", "median", "+-", "ratio");
    putchar('\n');
    for (size_t i = 0; i < comparison->candidate_count; i++)
        print_row(comparison, &comparison->candidates[i], columns, width);
    tool_print("verdict: %s\n", compare_verdict(comparison, verdict, sizeof verdict));
}

/* ---- The chart ---------------------------------------------------------------------------- */

enum { BAR_WIDTH = 50 };

static void print_bar(const struct compare_candidate *candidate, enum compare_metric metric,
                      const struct column *column, double most, int width)
{
    double median = summary_of(candidate, metric).median;
    int length = most > 0 ? (int)(median / most * BAR_WIDTH + 0.5) : 0;

    tool_print("  %-*s |", width, candidate->spec);
    for (int i = 0; i < length; i++)
        putchar('#');
    printf(" %.*f\n", column->decimals, median / column->unit);
}

void compare_print_chart(const struct comparison *comparison)
{
    int width = name_width(comparison);

    for (int metric = 0; metric < COMPARE_METRICS; metric++) {
        struct column column = column_of(comparison, (enum compare_metric)metric);

        printf("\n%s\n", column.heading);
        for (size_t i = 0; i < comparison->candidate_count; i++) {
            if (compare_is_measured(&comparison->candidates[i]))
                print_bar(&comparison->candidates[i], (enum compare_metric)metric, &column,
                          largest(comparison, (enum compare_metric)metric), width);
        }
    }
}

/* ---- JSON --------------------------------------------------------------------------------- */

static void print_metric(const struct comparison *comparison,
                         const struct compare_candidate *candidate, enum compare_metric metric)
{
    static const char *const names[] = {"wall_seconds", "cpu_seconds", "peak_resident_bytes",
                                        "page_faults"};
    static const char *const orders[] = {"less", "none", "more"};
    const struct compare_candidate *baseline = &comparison->candidates[comparison->baseline];
    struct compare_summary summary = summary_of(candidate, metric);
    int decimals = metric == COMPARE_TIME ? 9 : metric == COMPARE_CPU ? 6 : 0;

    printf(",\n     \"%s\": {\"median\": %.*f, \"deviation\": %.*f, \"minimum\": %.*f, "
           "\"maximum\": %.*f",
           names[metric], decimals, summary.median, decimals, summary.deviation, decimals,
           summary.minimum, decimals, summary.maximum);
    if (compare_is_measured(baseline) && summary_of(baseline, metric).median > 0) {
        printf(", \"ratio\": %.4f", summary.median / summary_of(baseline, metric).median);
        printf(", \"difference\": \"%s\"",
               orders[compare_candidates(candidate, baseline, metric) + 1]);
    }
    printf(", \"values\": [");
    for (size_t i = 0; i < candidate->done; i++)
        printf("%s%.*f", i ? ", " : "", decimals, candidate->values[metric][i]);
    printf("]}");
}

static void print_candidate(const struct comparison *comparison,
                            const struct compare_candidate *candidate)
{
    printf("    {\"spec\": ");
    tool_print_json(candidate->spec);
    printf(", \"failure\": ");
    if (*candidate->failure)
        tool_print_json(candidate->failure);
    else
        printf("null");
    printf(", \"rounds\": %zu", candidate->done);
    for (int metric = 0; compare_is_measured(candidate) && metric < COMPARE_METRICS; metric++)
        print_metric(comparison, candidate, (enum compare_metric)metric);
    putchar('}');
}

void compare_print_json(const struct comparison *comparison)
{
    static char verdict[VERDICT_BYTES];

    printf("{\n  \"format\": 1,\n  \"command\": [");
    for (char **word = comparison->command; *word; word++) {
        if (word != comparison->command)
            printf(", ");
        tool_print_json(*word);
    }
    printf("],\n  \"rounds\": %zu,\n  \"interrupted\": %s,\n  \"baseline\": \"system\",\n"
           "  \"backends\": [\n",
           comparison->runs, comparison->interrupted ? "true" : "false");
    for (size_t i = 0; i < comparison->candidate_count; i++) {
        print_candidate(comparison, &comparison->candidates[i]);
        puts(i + 1 < comparison->candidate_count ? "," : "");
    }
    printf("  ],\n  \"verdict\": ");
    tool_print_json(compare_verdict(comparison, verdict, sizeof verdict));
    puts("\n}");
}
