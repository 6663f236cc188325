/* SPDX-License-Identifier: MIT */
/* The report of `dispatchalloc verify` as JSON. */
#include <stdio.h>

#include "tools/tool.h"
#include "tools/verify/report.h"

static int has_subject, has_outcome;

static void begin(size_t outcome_count)
{
    (void)outcome_count;
    printf("{\n  \"format\": 1,\n  \"specs\": [");
}

static void print_name(const struct conformance_subject *subject)
{
    printf("%s\n    {\"spec\": ", has_subject ? "," : "");
    tool_print_json(subject->name);
    has_subject = 1;
    has_outcome = 0;
}

/* A text, or null where it has none. */
static void print_text(const char *key, const char *text)
{
    printf(", \"%s\": ", key);
    if (*text)
        tool_print_json(text);
    else
        printf("null");
}

static void print_subject(const struct conformance_subject *subject,
                          const struct conformance_profile *profile)
{
    print_name(subject);
    printf(", \"error\": null");
    print_text("trial_end", profile->trial_end);
    printf(", \"capacity_bytes\": ");
    if (profile->limited)
        printf("%zu", profile->capacity_bytes);
    else
        printf("null");
    printf(", \"align_max\": %zu, \"cases\": [", profile->align_max);
}

static void print_outcome(const struct conformance_subject *subject,
                          const struct conformance_case *which,
                          const struct conformance_outcome *outcome, double milliseconds)
{
    static const char *const verdicts[] = {
        [CONFORMANCE_PASSED] = "passed",
        [CONFORMANCE_FAILED] = "failed",
        [CONFORMANCE_SKIPPED] = "skipped",
    };

    (void)subject;
    printf("%s\n      {\"name\": \"%s\", \"promise\": ", has_outcome ? "," : "", which->name);
    tool_print_json(which->promise);
    printf(", \"verdict\": \"%s\", \"seconds\": %.6f", verdicts[outcome->verdict],
           milliseconds / 1000);
    print_text("asked", outcome->asked);
    print_text("expected", outcome->expected);
    print_text("got", outcome->got);
    print_text("likely", outcome->likely);
    print_text("reason", outcome->reason);
    putchar('}');
    has_outcome = 1;
}

static void end_subject(void)
{
    printf("]}");
}

static void print_refusal(const struct conformance_subject *subject, const char *message)
{
    print_name(subject);
    printf(", \"error\": ");
    tool_print_json(message);
    printf(", \"cases\": []}");
}

static void end(const struct verify_tally *tally)
{
    printf("\n  ],\n  \"passed\": %u, \"failed\": %u, \"skipped\": %u\n}\n", tally->passed,
           tally->failed, tally->skipped);
}

const struct verify_report verify_json = {
    begin, print_subject, print_outcome, end_subject, print_refusal, end,
};
