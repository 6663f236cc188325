/* SPDX-License-Identifier: MIT */
/*
 * Running cases: each in a process of its own, whose end is turned into a verdict whatever
 * it was.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "sanitizer.h"
#include "system.h"

#if CONFORMANCE_SANITIZED
/* Asked by the sanitizers when they start. Weak, so that a program can have its own. */
# define OPTIONS(name)                                                    \
     __attribute__((weak, visibility("default"))) const char *name(void); \
     const char *name(void)                                               \
     {                                                                    \
         return "allocator_may_return_null=1";                            \
     }
OPTIONS(__asan_default_options)
OPTIONS(__tsan_default_options)
#endif

/* ---- The child ------------------------------------------------------------------------- */

void kit_limit_time(const struct kit *kit, unsigned seconds)
{
    kit->report->seconds = seconds;
    if (!kit->report->told)
        kit_limit_case(kit->report, seconds);
}

/* A fragmented instance may serve less than one that was filled in order, so no more than
 * a quarter of a small capacity has to be served in the cases. */
static size_t budget_of(const struct conformance_subject *subject,
                        const struct conformance_profile *profile)
{
    size_t most = CONFORMANCE_PROBE_BYTES / 3 * 2;
    size_t capacity = profile->capacity_bytes;

    if (!subject->capacity_bytes && capacity < CONFORMANCE_CAPACITY_MIN)
        capacity = CONFORMANCE_CAPACITY_MIN;
    return profile->limited && capacity / 4 < most ? capacity / 4 : most;
}

static struct kit make_kit(const struct conformance_subject *subject, struct kit_report *report)
{
    const struct conformance_profile *profile = &report->profile;

    return (struct kit){
        .subject = subject,
        .profile = profile,
        .report = report,
        .note = &report->notes[0],
        .budget_bytes = budget_of(subject, profile),
        .random = UINT64_C(0x2545f4914f6cdd1d),
    };
}

static _Noreturn void run_case(const struct conformance_subject *subject,
                               const struct conformance_case *which, struct kit_report *report)
{
    struct kit kit = make_kit(subject, report);

    if (!report->told)
        kit_limit_process(report->profile.timeout_seconds);
    kit_limit_time(&kit, report->profile.timeout_seconds);
    kit_fill_addresses();
    kit_renew(&kit);
    which->run(&kit);
    kit_phase(&kit, "of the last instance");
    kit_drop(&kit);
    kit_take(&kit);
    kit_end(&kit, CONFORMANCE_PASSED);
}

/* ---- The probe -------------------------------------------------------------------------- */

/* Serve blocks until NULL, large ones first. They and the instance end with the process. */
static void probe_capacity(struct kit *kit, struct conformance_profile *profile)
{
    const struct dal_instance *a = kit->instance;
    size_t served = 0;

    profile->native = a->native;
    snprintf(profile->name, sizeof profile->name, "%s", a->name);
    if (kit->subject->capacity_bytes)
        return;
    for (size_t size = 32768; size >= 16; size /= 2) {
        while (served < CONFORMANCE_PROBE_BYTES && a->alloc.call(size, 8, a->alloc.ctx))
            served += size;
    }
    profile->capacity_bytes = served;
    profile->limited = served < CONFORMANCE_PROBE_BYTES;
}

static void probe_alignment(struct kit *kit, struct conformance_profile *profile)
{
    for (size_t align = 2; align <= CONFORMANCE_ALIGN_PROBED; align *= 2) {
        const struct dal_instance *a;
        void *ptr;

        kit_renew(kit);
        a = kit->instance;
        ptr = a->alloc.call(align, align, a->alloc.ctx);
        if (!ptr)
            break;
        profile->align_max = align;
        a->dealloc.call(ptr, align, align, a->dealloc.ctx);
    }
}

/* What a report may ask for instead of a case, by the name that stands there. */
static const struct probe {
    const char *name;
    void (*run)(struct kit *kit, struct conformance_profile *profile);
} probe_of_capacity = {"the capacity", probe_capacity},
  probe_of_alignment = {"the alignment", probe_alignment};

static _Noreturn void run_probe(const struct conformance_subject *subject,
                                struct kit_report *report, const struct probe *probe)
{
    struct kit kit = make_kit(subject, report);

    kit_limit_process(report->profile.timeout_seconds);
    kit_asks(&kit, KIT_CREATE, 0, 0, 0, 0);
    report->create_error =
        subject->create(subject, &kit.instance, report->message, sizeof report->message);
    kit_asks(&kit, KIT_NOTHING, 0, 0, 0, 0);
    if (!report->create_error)
        probe->run(&kit, &report->profile);
    report->is_probed = 1;
    _exit(0);
}

static void work(const struct conformance_subject *subject, struct kit_report *report)
{
    const struct conformance_case *which = conformance_case_find(report->asked);

    if (which)
        run_case(subject, which, report);
    run_probe(subject, report,
              strcmp(report->asked, probe_of_capacity.name) == 0 ? &probe_of_capacity
                                                                 : &probe_of_alignment);
}

/* Run what is asked for by its name. */
static bool run_apart(const struct conformance_subject *subject, struct kit_report *report,
                      const char *asked, int *status)
{
    snprintf(report->asked, sizeof report->asked, "%s", asked);
    report->seconds = report->profile.timeout_seconds;
    return kit_run_apart(subject, report, work, status);
}

/* ---- The parent -------------------------------------------------------------------------- */

static const char *likely_in_create(int status)
{
    if (kit_has_hung(status))
        return "create() waits for a lock that it holds itself, or in a loop that does not end";
    if (kit_has_exited(status))
        return "create() ends the process, as by exit(): it is to return request->fail()";
    if (!kit_has_crashed(status))
        return "create() is ended from outside, as where it takes more memory or time than there is";
    return kit_has_aborted(status)
               ? "create() calls abort(), or an assertion of its own fails: it is to return "
                 "request->fail(); or it frees what is not malloc()'s"
               : "create() uses a pointer that is NULL, such as of an option that find() does not "
                 "know, or of memory, or overwrites what it has";
}

/* Over a child of the kit's, which tells by itself of what it sees. */
static const char *likely_over_child(const struct kit_report *report, int status)
{
    bool has_refused = report->notes[0].has_refused;

    if (report->likely && !kit_has_aborted(status))
        return report->likely;
    /* A hang is suspected from the first refusal on. */
    if (!kit_has_aborted(status))
        return report->likely_hang && !has_refused ? kit_likely_state : NULL;
    return has_refused
               ? "it calls abort(), or an assertion of its own fails, when the child has no "
                 "memory; or free() or realloc() is given a block that is the child's"
               : "free() or realloc() is given a block that is the child's, or an assertion of "
                 "its own fails";
}

/* What a process that another one had to describe was likely to have done. */
static const char *likely_end(const struct kit_report *report, const struct kit_note *note,
                              int status)
{
    if (note->call == KIT_CREATE && !*report->item)
        return likely_in_create(status);
    if (kit_has_hung(status))
        return report->likely_hang;
    if (!kit_has_crashed(status))
        return NULL;
    if (*report->item)
        return likely_over_child(report, status);
    return report->likely || !kit_has_aborted(status)
               ? report->likely
               : "a block is given back twice, or was written past its end, which the C library "
                 "sees, and child_memory_comes_back where; or an assertion of its own fails";
}

static void conclude_badly(struct kit_report *report, int status,
                           struct conformance_outcome *outcome)
{
    unsigned threads = atomic_load_explicit(&report->thread_count, memory_order_relaxed);
    const struct kit_note *note = &report->notes[threads ? 1 : 0];
    char asked[sizeof outcome->asked - 64];

    kit_note_describe(note, asked, sizeof asked);
    outcome->verdict = CONFORMANCE_FAILED;
    if (threads > 1)
        snprintf(outcome->asked, sizeof outcome->asked, "%u threads at work, among them %s",
                 threads, asked);
    else
        snprintf(outcome->asked, sizeof outcome->asked, "%s", asked);
    if (kit_has_hung(status))
        snprintf(outcome->expected, sizeof outcome->expected, "an answer within %u s",
                 report->seconds);
    else
        snprintf(outcome->expected, sizeof outcome->expected, "an answer");
    kit_describe_end(status, outcome->got, sizeof outcome->got);
    report->likely = likely_end(report, note, status);
}

static void no_process(struct conformance_outcome *outcome)
{
    outcome->verdict = CONFORMANCE_FAILED;
    snprintf(outcome->asked, sizeof outcome->asked, "a process to run the case in");
    snprintf(outcome->expected, sizeof outcome->expected, "one");
    snprintf(outcome->got, sizeof outcome->got, "%s", kit_no_process_reason());
}

/* What the probe has found; the same process would be made for each case. */
static void no_instance(const struct conformance_profile *profile,
                        struct conformance_outcome *outcome)
{
    static const struct kit_note asked = {.call = KIT_CREATE};

    outcome->verdict = CONFORMANCE_FAILED;
    kit_note_describe(&asked, outcome->asked, sizeof outcome->asked);
    snprintf(outcome->expected, sizeof outcome->expected, "an answer within %u s",
             profile->timeout_seconds);
    snprintf(outcome->got, sizeof outcome->got, "%s", profile->trial_end);
    snprintf(outcome->likely, sizeof outcome->likely, "%s", profile->create_likely);
}

void conformance_run(const struct conformance_subject *subject,
                     const struct conformance_profile *profile,
                     const struct conformance_case *which, struct conformance_outcome *outcome)
{
    struct kit_report *report;
    int status;

    memset(outcome, 0, sizeof *outcome);
    if (profile->create_likely) {
        no_instance(profile, outcome);
        return;
    }
    report = kit_report_map();
    if (!report) {
        no_process(outcome);
        return;
    }
    report->profile = *profile;
    if (!run_apart(subject, report, which->name, &status)) {
        no_process(outcome);
    } else {
        *outcome = report->outcome;
        /* Partner: the store in kit_end(). */
        outcome->verdict =
            (enum conformance_verdict)atomic_load_explicit(&report->verdict, memory_order_acquire);
        if (outcome->verdict == 0 || status != 0)
            conclude_badly(report, status, outcome);
        kit_conclude(report, outcome);
    }
    kit_report_unmap(report);
}

int conformance_run_here(const struct conformance_subject *subject,
                         const struct conformance_profile *profile,
                         const struct conformance_case *which,
                         void (*told)(const struct conformance_outcome *outcome))
{
    struct kit_report *report = kit_report_map();

    if (!report)
        return DAL_ERR_MEMORY;
    report->profile = *profile;
    report->told = told;
    run_case(subject, which, report);
}

/* Each in a process of its own, so that one tells what it can where the other crashes. */
static int probe_apart(const struct conformance_subject *subject, struct kit_report *report,
                       const struct probe *probe)
{
    char *end = report->profile.trial_end;
    int status;

    report->is_probed = 0;
    if (!run_apart(subject, report, probe->name, &status)) {
        snprintf(report->message, sizeof report->message, "cannot start a process to try it in: %s",
                 kit_no_process_reason());
        return DAL_ERR_SYSTEM;
    }
    if (report->is_probed)
        return report->create_error;
    if (!*end)
        kit_describe_end(status, end, sizeof report->profile.trial_end);
    if (probe == &probe_of_capacity && report->notes[0].call == KIT_CREATE)
        report->profile.create_likely = likely_in_create(status);
    return report->create_error;
}

int conformance_probe(const struct conformance_subject *subject, unsigned timeout_seconds,
                      struct conformance_profile *profile, char *message, size_t message_bytes)
{
    struct kit_report *report = kit_report_asked(subject);
    int error;

    if (report)
        work(subject, report);
    report = kit_report_map();
    if (!report)
        return DAL_ERR_MEMORY;
    report->profile = (struct conformance_profile){
        .capacity_bytes = subject->capacity_bytes,
        .limited = 1,
        .align_max = 1,
        .timeout_seconds = timeout_seconds ? timeout_seconds : CONFORMANCE_TIMEOUT_SECONDS,
    };
    error = probe_apart(subject, report, &probe_of_capacity);
    if (!error && !report->profile.create_likely)
        error = probe_apart(subject, report, &probe_of_alignment);
    if (error && message_bytes > 0)
        snprintf(message, message_bytes, "%s", report->message);
    *profile = report->profile;
    kit_report_unmap(report);
    return error;
}
