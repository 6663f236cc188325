/* SPDX-License-Identifier: MIT */
/* What `dispatchalloc verify` prints, in one of several forms. */
#ifndef TOOL_VERIFY_REPORT_H
#define TOOL_VERIFY_REPORT_H

#include "conformance/conformance.h"

struct verify_tally {
    unsigned passed, failed, skipped;
};

/* A form: functions in the order in which they are called. */
struct verify_report {
    void (*begin)(size_t outcome_count); /* how many outcomes there are to be */
    void (*subject)(const struct conformance_subject *subject,
                    const struct conformance_profile *profile);
    void (*outcome)(const struct conformance_subject *subject, const struct conformance_case *which,
                    const struct conformance_outcome *outcome, double milliseconds);
    void (*subject_end)(void);
    /* In the place of a subject that cannot be made; nothing but the end comes after it. */
    void (*refusal)(const struct conformance_subject *subject, const char *message);
    void (*end)(const struct verify_tally *tally);
};

/* Before how the trial ended that was to tell what a subject can. */
#define VERIFY_TRIAL_ENDED "what it can is not known; how its trial ended: "

extern const struct verify_report verify_text, verify_tap, verify_json;

/* Of the text: --quiet, --verbose. */
extern int verify_is_quiet, verify_is_verbose;

#endif /* TOOL_VERIFY_REPORT_H */
