/* SPDX-License-Identifier: MIT */
/* dispatchalloc verify: the conformance kit over what specs name. */
#include "tools/program_environment.h"
#include "tools/tool.h"

#include <time.h>
#include <unistd.h>

#include "conformance/conformance.h"
#include "lib/base/nearest.h"
#include "tools/verify/report.h"

/* ---- Options ---------------------------------------------------------------------------- */

enum { CASES_MAX = 64 };

static int lists_cases, wants_json, wants_tap, stays_here;
static const struct conformance_case *cases[CASES_MAX]; /* those that were asked for */
static size_t case_count;
static size_t capacity_bytes;
static unsigned timeout_seconds;

static int is_case(const char *name)
{
    return conformance_case_find(name) != NULL;
}

static int miss_case(const char *name)
{
    struct dal_nearest_ nearest = {name, "", 0};
    char each[256];

    if (tool_meant_each("--case=", name, is_case, each, sizeof each))
        return tool_misused(&tool_verify,
                            "--case takes one case, not '%s'; it is given once for each (did you "
                            "mean '%s'?)",
                            name, each);
    for (const struct conformance_case *c = conformance_cases(); c->name; c++)
        dal_nearest_try_(&nearest, c->name);
    return tool_misused(&tool_verify, "no case is called '%s'%s; --list-cases lists them", name,
                        tool_did_you_mean(&nearest));
}

static int take_case(const char *name)
{
    const struct conformance_case *found = conformance_case_find(name);

    if (!found)
        return miss_case(name);
    if (case_count == CASES_MAX)
        return tool_misused(&tool_verify, "more than %d cases", CASES_MAX);
    cases[case_count++] = found;
    return TOOL_OK;
}

static int take_capacity(const char *text)
{
    uint64_t bytes;
    char number[32], meant[64] = "";

    if (!dal_number_parse_(text, 1, &bytes) || bytes == 0 || bytes > SIZE_MAX / 2) {
        if (dal_number_guess_(text, &bytes) && bytes <= SIZE_MAX / 2)
            snprintf(meant, sizeof meant, " (did you mean '%s'?)",
                     tool_bytes(bytes, number, sizeof number));
        return tool_misused(&tool_verify, "invalid capacity '%s'%s: a number of bytes is expected",
                            text, meant);
    }
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
    {.name = "json", .flag = &wants_json},
    {.name = "list-cases", .flag = &lists_cases},
    {.name = "no-fork", .flag = &stays_here},
    {.name = "quiet", .letter = 'q', .flag = &verify_is_quiet},
    {.name = "tap", .flag = &wants_tap},
    {.name = "timeout", .take = take_timeout},
    {.name = "verbose", .letter = 'v', .flag = &verify_is_verbose},
    {.name = NULL},
};

static void list_cases(void)
{
    for (const struct conformance_case *c = conformance_cases(); c->name; c++)
        printf("%-38s  %s\n", c->name, c->promise);
}

/* ---- Running ---------------------------------------------------------------------------- */

static const struct verify_report *report = &verify_text;
static struct verify_tally tally;

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int is_wanted(const struct conformance_case *which)
{
    for (size_t i = 0; i < case_count; i++) {
        if (cases[i] == which)
            return 1;
    }
    return case_count == 0;
}

static void tell_outcome(const struct conformance_subject *subject,
                         const struct conformance_case *which,
                         const struct conformance_outcome *outcome, double milliseconds)
{
    switch (outcome->verdict) {
    case CONFORMANCE_PASSED: tally.passed++; break;
    case CONFORMANCE_SKIPPED: tally.skipped++; break;
    case CONFORMANCE_FAILED: tally.failed++; break;
    }
    report->outcome(subject, which, outcome, milliseconds);
    fflush(stdout);
}

static int refuse(const struct conformance_subject *subject, const char *message)
{
    int status = tool_bad_spec(subject->spec, message);

    report->refusal(subject, message);
    return status;
}

static void tell_not_run(const char *spec)
{
    const struct conformance_subject subject = conformance_subject_by_spec(spec);

    report->refusal(&subject, "not run, since another SPEC is bad");
}

/* Nothing is run if one of them is bad. Who reads JSON is told in it. */
static int check_specs(int count, char **specs)
{
    for (int i = 0; i < count; i++) {
        const struct conformance_subject subject = conformance_subject_by_spec(specs[i]);
        char message[1024];
        int status, ends;

        ends = !stays_here && environment_look(specs[i], message, sizeof message) != 0;
        if (!ends && tool_check_spec(specs[i], message, sizeof message) == 0)
            continue;
        if (!wants_json || lists_cases || stays_here)
            return ends ? tool_complain("\"%s\": %s", specs[i], message)
                        : tool_bad_spec(specs[i], message);
        report->begin(0);
        for (int j = 0; j < i; j++)
            tell_not_run(specs[j]);
        status = refuse(&subject, message);
        for (int j = i + 1; j < count; j++)
            tell_not_run(specs[j]);
        report->end(&tally);
        return status;
    }
    return TOOL_OK;
}

/* What is wrong with create() is told once. */
static void run_case(const struct conformance_subject *subject,
                     const struct conformance_profile *profile,
                     const struct conformance_case *which, int is_first)
{
    struct conformance_outcome outcome = {
        .verdict = CONFORMANCE_SKIPPED,
        .reason = "not run: create() does not come back",
    };
    double start = now_ms();

    if (is_first || !profile->create_likely)
        conformance_run(subject, profile, which, &outcome);
    tell_outcome(subject, which, &outcome, now_ms() - start);
}

static int verify(const char *spec)
{
    struct conformance_subject subject = conformance_subject_by_spec(spec);
    struct conformance_profile profile;
    char message[1024] = "";
    int is_first = 1;
    int error;

    subject.capacity_bytes = capacity_bytes;
    error = conformance_probe(&subject, timeout_seconds, &profile, message, sizeof message);
    if (error)
        return refuse(&subject, *message ? message : dal_strerror(error));
    report->subject(&subject, &profile);
    for (const struct conformance_case *c = conformance_cases(); c->name; c++) {
        if (!is_wanted(c))
            continue;
        run_case(&subject, &profile, c, is_first);
        is_first = 0;
    }
    report->subject_end();
    return TOOL_OK;
}

/* ---- Running in this process ------------------------------------------------------------ */

static struct conformance_subject here;

static void end_here(const struct conformance_outcome *outcome)
{
    tell_outcome(&here, cases[0], outcome, 0);
    fflush(stdout);
    _exit(outcome->verdict == CONFORMANCE_FAILED ? TOOL_FAILED : TOOL_OK);
}

/* For a debugger the process that is looked at has to be the one in which it happens. */
static int verify_here(int operand_count, char **operands)
{
    struct conformance_profile profile;
    char message[1024] = "";
    int error;

    if (operand_count != 1 || case_count != 1)
        return tool_misused(&tool_verify, "--no-fork takes one --case and one SPEC");
    if (wants_json || wants_tap)
        return tool_misused(&tool_verify, "--no-fork prints neither --json nor --tap");
    here = conformance_subject_by_spec(operands[0]);
    here.capacity_bytes = capacity_bytes;
    error = conformance_probe(&here, timeout_seconds, &profile, message, sizeof message);
    if (error)
        return refuse(&here, *message ? message : dal_strerror(error));
    error = conformance_run_here(&here, &profile, cases[0], end_here);
    return tool_complain("%s", dal_strerror(error));
}

static size_t wanted_count(void)
{
    size_t count = 0;

    for (const struct conformance_case *c = conformance_cases(); c->name; c++)
        count += (size_t)is_wanted(c);
    return count;
}

static int run(int operand_count, char **operands)
{
    int status;

    if (wants_json && wants_tap)
        return tool_misused(&tool_verify, "--json and --tap exclude each other");
    report = wants_json ? &verify_json : wants_tap ? &verify_tap : &verify_text;
    status = check_specs(operand_count, operands);
    if (!status && lists_cases) {
        list_cases();
        return TOOL_OK;
    }
    if (status || stays_here)
        return status ? status : verify_here(operand_count, operands);
    report->begin((size_t)operand_count * wanted_count());
    for (int i = 0; i < operand_count && !status; i++)
        status = verify(operands[i]);
    if (!status || wants_json)
        report->end(&tally);
    return status ? status : tally.failed ? TOOL_FAILED : TOOL_OK;
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
            "      --json             print JSON\n"
            "      --list-cases       list the cases with what they promise, and exit\n"
            "      --no-fork          run one case in this process, without a time limit\n"
            "  -q, --quiet            print failures only\n"
            "      --tap              print TAP version 13, as prove(1) reads it\n"
            "      --timeout=SECONDS  for each step of a case (60)\n"
            "  -v, --verbose          print what each case promises and how long it took\n"
            "      --help             print this help and exit\n"
            "\n"
            "To look at one case, with ONE standing for --no-fork --case=NAME \"$PWD/mypool.so\":\n"
            "  gdb -args " TOOL_NAME " verify ONE\n"
            "  valgrind " TOOL_NAME " verify ONE\n"
            "  cc -g -fsanitize=address -shared -fPIC mypool.c -o mypool.so\n"
            "  ASAN_OPTIONS=detect_leaks=0 \\\n"
            "  LD_PRELOAD=$(cc -print-file-name=libasan.so) " TOOL_NAME " verify ONE\n",
    .options = options,
    .operand = "SPEC",
    .needs_none = &lists_cases,
    .run = run,
};
