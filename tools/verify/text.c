/* SPDX-License-Identifier: MIT */
/* The report of `dispatchalloc verify` for people. */
#include <stdio.h>

#include "tools/tool.h"
#include "tools/verify/report.h"

int verify_is_quiet, verify_is_verbose;

static void begin(size_t outcome_count)
{
    (void)outcome_count;
}

static void print_subject(const struct conformance_subject *subject,
                          const struct conformance_profile *profile)
{
    char align[32], capacity[32];

    if (verify_is_quiet)
        return;
    if (*profile->trial_end) {
        printf("%s: " VERIFY_TRIAL_ENDED "%s\n", subject->name, profile->trial_end);
        return;
    }
    printf("%s: capacity ", subject->name);
    if (profile->limited)
        printf("%s%s", tool_bytes(profile->capacity_bytes, capacity, sizeof capacity),
               subject->capacity_bytes ? " as declared" : "");
    else
        printf("without end within %s",
               tool_bytes(CONFORMANCE_PROBE_BYTES, capacity, sizeof capacity));
    printf(", alignment up to %s%s\n", tool_bytes(profile->align_max, align, sizeof align),
           profile->align_max >= CONFORMANCE_ALIGN_PROBED ? " and more" : "");
}

static void print_failure(const struct conformance_subject *subject,
                          const struct conformance_case *which,
                          const struct conformance_outcome *outcome)
{
    printf("  FAIL  %s (%s): %s\n", which->name, subject->name, which->promise);
    printf("        asked     %s\n", outcome->asked);
    printf("        expected  %s\n", outcome->expected);
    printf("        got       %s\n", outcome->got);
    if (*outcome->likely)
        printf("        likely    %s\n", outcome->likely);
}

static void print_outcome(const struct conformance_subject *subject,
                          const struct conformance_case *which,
                          const struct conformance_outcome *outcome, double milliseconds)
{
    if (outcome->verdict == CONFORMANCE_FAILED)
        print_failure(subject, which, outcome);
    else if (verify_is_quiet)
        return;
    else if (outcome->verdict == CONFORMANCE_SKIPPED)
        printf("  skip  %s: %s\n", which->name, outcome->reason);
    else if (verify_is_verbose)
        printf("  pass  %s: %s (%.0f ms)\n", which->name, which->promise, milliseconds);
    else
        printf("  pass  %s\n", which->name);
}

static void end_subject(void)
{
}

/* Standard error says it. */
static void print_refusal(const struct conformance_subject *subject, const char *message)
{
    (void)subject;
    (void)message;
}

static void print_tally(const struct verify_tally *tally)
{
    if (!verify_is_quiet)
        printf("%u passed, %u failed, %u skipped\n", tally->passed, tally->failed, tally->skipped);
}

const struct verify_report verify_text = {
    begin, print_subject, print_outcome, end_subject, print_refusal, print_tally,
};
