/* SPDX-License-Identifier: MIT */
/* dispatchalloc verify: the conformance kit over what specs name. */
#include "tools/tool.h"

#include <time.h>

#include "conformance/conformance.h"

struct tally {
    unsigned passed, failed, skipped;
};

static void list_cases(void)
{
    for (const struct conformance_case *c = conformance_cases(); c->name; c++)
        printf("%-38s  %s\n", c->name, c->promise);
}

static enum tool_status check_cases(const struct tool_arguments *arguments)
{
    for (size_t i = 0; i < arguments->case_count; i++) {
        if (!conformance_case_find(arguments->cases[i]))
            return tool_misused(&tool_verify, "no case is called '%s'; --list-cases lists them",
                                arguments->cases[i]);
    }
    return TOOL_OK;
}

static enum tool_status check_specs(const struct tool_arguments *arguments)
{
    for (int i = 0; i < arguments->operand_count; i++) {
        char message[1024];

        if (dal_spec_visit(arguments->operands[i], NULL, NULL, message, sizeof message) != 0)
            return tool_bad_spec(arguments->operands[i], message);
    }
    return TOOL_OK;
}

/* ---- Printing ----------------------------------------------------------------------- */

static void print_subject(const struct conformance_subject *subject,
                          const struct conformance_profile *profile)
{
    char align[32], capacity[32];

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
}

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void print_outcome(const struct tool_arguments *arguments,
                          const struct conformance_subject *subject,
                          const struct conformance_case *which,
                          const struct conformance_outcome *outcome, double ms)
{
    int verbose = (arguments->given & TOOL_VERBOSE) != 0;

    if (outcome->verdict == CONFORMANCE_FAILED)
        print_failure(subject, which, outcome);
    else if (arguments->given & TOOL_QUIET)
        return;
    else if (outcome->verdict == CONFORMANCE_SKIPPED)
        printf("  skip  %s: %s\n", which->name, outcome->reason);
    else if (verbose)
        printf("  pass  %s: %s (%.0f ms)\n", which->name, which->promise, ms);
    else
        printf("  pass  %s\n", which->name);
    fflush(stdout);
}

/* ---- Running ------------------------------------------------------------------------ */

static void count(struct tally *tally, enum conformance_verdict verdict)
{
    switch (verdict) {
    case CONFORMANCE_PASSED: tally->passed++; return;
    case CONFORMANCE_SKIPPED: tally->skipped++; return;
    case CONFORMANCE_FAILED: break;
    }
    tally->failed++;
}

static int is_wanted(const struct tool_arguments *arguments, const struct conformance_case *which)
{
    for (size_t i = 0; i < arguments->case_count; i++) {
        if (conformance_case_find(arguments->cases[i]) == which)
            return 1;
    }
    return arguments->case_count == 0;
}

static enum tool_status verify(const struct tool_arguments *arguments, const char *spec,
                               struct tally *tally)
{
    struct conformance_subject subject = conformance_subject_by_spec(spec);
    struct conformance_profile profile;
    char message[1024] = "";
    int error;

    subject.capacity_bytes = arguments->capacity_bytes;
    error = conformance_probe(&subject, arguments->timeout_seconds, &profile, message,
                              sizeof message);
    if (error)
        return tool_bad_spec(spec, *message ? message : dal_strerror(error));
    if (!(arguments->given & TOOL_QUIET))
        print_subject(&subject, &profile);
    for (const struct conformance_case *c = conformance_cases(); c->name; c++) {
        struct conformance_outcome outcome;
        double start = now_ms();

        if (!is_wanted(arguments, c))
            continue;
        conformance_run(&subject, &profile, c, &outcome);
        count(tally, outcome.verdict);
        print_outcome(arguments, &subject, c, &outcome, now_ms() - start);
    }
    return TOOL_OK;
}

static enum tool_status run(const struct tool_arguments *arguments)
{
    struct tally tally = {0, 0, 0};
    enum tool_status status = check_cases(arguments);

    if (status == TOOL_OK)
        status = check_specs(arguments);
    if (status == TOOL_OK && (arguments->given & TOOL_LIST_CASES))
        list_cases();
    else
        for (int i = 0; i < arguments->operand_count && status == TOOL_OK; i++)
            status = verify(arguments, arguments->operands[i], &tally);
    if (status != TOOL_OK || (arguments->given & TOOL_LIST_CASES))
        return status;
    if (!(arguments->given & TOOL_QUIET))
        printf("%u passed, %u failed, %u skipped\n", tally.passed, tally.failed, tally.skipped);
    return tally.failed ? TOOL_FAILED : TOOL_OK;
}

const struct tool_command tool_verify = {
    .name = "verify",
    .synopsis = "SPEC...",
    .summary = "check that an allocator keeps the contract",
    .help = "Check that the allocator that a SPEC makes keeps the contract of libdispatchalloc.\n"
            "Each case runs in a process of its own, so that a crash or a hang fails the case\n"
            "and nothing else; at most 64 MiB are asked for at a time. Exit status 1 if a case\n"
            "failed. For an author: verify \"$PWD/mypool.so\" takes a module where it was built.\n"
            "\n"
            "      --capacity=BYTES   a fresh instance serves that much at least, instead of\n"
            "                         what is measured; for capacities below 4096\n"
            "      --case=NAME        run this case only; may be given more than once\n"
            "      --list-cases       list the cases with what they promise, and exit\n"
            "  -q, --quiet            print failures only\n"
            "      --timeout=SECONDS  for each case (60)\n"
            "  -v, --verbose          print what each case promises and how long it took\n"
            "      --help             print this help and exit\n",
    .options = TOOL_LIST_CASES | TOOL_CASE | TOOL_QUIET | TOOL_VERBOSE | TOOL_CAPACITY |
               TOOL_TIMEOUT,
    .operand = "SPEC",
    .run = run,
};
