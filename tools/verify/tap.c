/* SPDX-License-Identifier: MIT */
/* The report of `dispatchalloc verify` by the Test Anything Protocol, version 13, as prove(1) and
 * Automake's driver read it: a failure's details are a block of YAML, whose strings JSON's are. */
#include <stdio.h>

#include "tools/tool.h"
#include "tools/verify/report.h"

static unsigned number;

static void begin(size_t outcome_count)
{
    printf("TAP version 13\n1..%zu\n", outcome_count);
}

/* In one line, in which a number sign would begin a directive. */
static void print_words(const char *text)
{
    for (; *text; text++) {
        if (*text == '#' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < ' ' ? '?' : *text);
    }
}

static void print_subject(const struct conformance_subject *subject,
                          const struct conformance_profile *profile)
{
    if (!*profile->trial_end)
        return;
    printf("# ");
    print_words(subject->name);
    printf(": " VERIFY_TRIAL_ENDED "%s\n", profile->trial_end);
}

static void print_detail(const char *key, const char *text)
{
    if (!*text)
        return;
    printf("  %s: ", key);
    tool_print_json(text);
    putchar('\n');
}

static void print_outcome(const struct conformance_subject *subject,
                          const struct conformance_case *which,
                          const struct conformance_outcome *outcome, double milliseconds)
{
    int has_failed = outcome->verdict == CONFORMANCE_FAILED;

    printf("%s %u - ", has_failed ? "not ok" : "ok", ++number);
    print_words(subject->name);
    printf(": %s", which->name);
    if (outcome->verdict == CONFORMANCE_SKIPPED) {
        printf(" # SKIP ");
        print_words(outcome->reason);
    }
    printf("\n  ---\n");
    print_detail("promise", which->promise);
    print_detail("asked", outcome->asked);
    print_detail("expected", outcome->expected);
    print_detail("got", outcome->got);
    print_detail("likely", outcome->likely);
    printf("  duration_ms: %.3f\n  ...\n", milliseconds);
}

static void end_subject(void)
{
}

static void print_refusal(const struct conformance_subject *subject, const char *message)
{
    printf("Bail out! ");
    print_words(subject->name);
    printf(": ");
    print_words(message);
    putchar('\n');
}

static void end(const struct verify_tally *tally)
{
    (void)tally;
}

const struct verify_report verify_tap = {
    begin, print_subject, print_outcome, end_subject, print_refusal, end,
};
