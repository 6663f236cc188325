/* SPDX-License-Identifier: MIT */
/* dispatchalloc verify: the conformance kit over what specs name. */
#include "tools/tool.h"

#include <time.h>

#include "conformance/conformance.h"

struct tally {
    unsigned passed, failed, skipped;
};

/* ---- Options ------------------------------------------------------------------------ */

enum { CASES_MAX = 64 };

static int lists_cases, is_quiet, is_verbose;
static const struct conformance_case *cases[CASES_MAX]; /* those that were asked for */
static size_t case_count;
static size_t capacity_bytes;
static unsigned timeout_seconds;

static int take_case(const char *name)
{
    if (case_count == CASES_MAX)
        return tool_misused(&tool_verify, "more than %d cases", CASES_MAX);
    cases[case_count] = conformance_case_find(name);
    if (!cases[case_count++])
        return tool_misused(&tool_verify, "no case is called '%s'; --list-cases lists them", name);
    return TOOL_OK;
}

static int take_capacity(const char *text)
{
    uint64_t bytes;

    if (!dal_number_parse_(text, 1, &bytes) || bytes == 0 || bytes > SIZE_MAX / 2)
        return tool_misused(&tool_verify, "invalid capacity '%s': a number of bytes is expected",
                            text);
    capacity_bytes = (size_t)bytes;
    return TOOL_OK;
}

static int take_timeout(const char *text)
{
    return tool_take_timeout(&tool_verify, text, &timeout_seconds);
}

static const struct tool_option options[] = {
    {.name = "capacity", .take = take_capacity},
    {.name = "case", .take = take_case},
    {.name = "list-cases", .flag = &lists_cases},
    {.name = "quiet", .letter = 'q', .flag = &is_quiet},
    {.name = "timeout", .take = take_timeout},
    {.name = "verbose", .letter = 'v', .flag = &is_verbose},
    {.name = NULL},
};

/* ---- Looking at what is asked for ---------------------------------------------------------- */

static void list_cases(void)
{
    for (const struct conformance_case *c = conformance_cases(); c->name; c++)
        printf("%-38s  %s\n", c->name, c->promise);
}

static int check_specs(int count, char **specs)
{
    for (int i = 0; i < count; i++) {
        char message[1024];

        if (dal_spec_visit(specs[i], NULL, NULL, message, sizeof message) != 0)
            return tool_bad_spec(specs[i], message);
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
    if (*outcome->likely)
        printf("        likely    %s\n", outcome->likely);
}

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void print_outcome(const struct conformance_subject *subject,
                          const struct conformance_case *which,
                          const struct conformance_outcome *outcome, double ms)
{
    if (outcome->verdict == CONFORMANCE_FAILED)
        print_failure(subject, which, outcome);
    else if (is_quiet)
        return;
    else if (outcome->verdict == CONFORMANCE_SKIPPED)
        printf("  skip  %s: %s\n", which->name, outcome->reason);
    else if (is_verbose)
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

static int is_wanted(const struct conformance_case *which)
{
    for (size_t i = 0; i < case_count; i++) {
        if (cases[i] == which)
            return 1;
    }
    return case_count == 0;
}

static int verify(const char *spec, struct tally *tally)
{
    struct conformance_subject subject = conformance_subject_by_spec(spec);
    struct conformance_profile profile;
    char message[1024] = "";
    int error;

    subject.capacity_bytes = capacity_bytes;
    error = conformance_probe(&subject, timeout_seconds, &profile, message, sizeof message);
    if (error)
        return tool_bad_spec(spec, *message ? message : dal_strerror(error));
    if (!is_quiet)
        print_subject(&subject, &profile);
    for (const struct conformance_case *c = conformance_cases(); c->name; c++) {
        struct conformance_outcome outcome;
        double start = now_ms();

        if (!is_wanted(c))
            continue;
        conformance_run(&subject, &profile, c, &outcome);
        count(tally, outcome.verdict);
        print_outcome(&subject, c, &outcome, now_ms() - start);
    }
    return TOOL_OK;
}

static int run(int operand_count, char **operands)
{
    struct tally tally = {0, 0, 0};
    int status;

    tool_make_room_for(operands, operand_count);
    status = check_specs(operand_count, operands);
    if (!status && lists_cases) {
        list_cases();
        return TOOL_OK;
    }
    for (int i = 0; i < operand_count && !status; i++)
        status = verify(operands[i], &tally);
    if (status)
        return status;
    if (!is_quiet)
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
    .options = options,
    .operand = "SPEC",
    .needs_none = &lists_cases,
    .run = run,
};
