/* SPDX-License-Identifier: MIT */
/* Notes and verdicts: see report.h. */
#include "report.h"
#include "child.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- What is asked ------------------------------------------------------------------ */

void kit_asks(const struct kit *kit, enum kit_call call, size_t size, size_t align, size_t new_size,
              size_t new_align)
{
    if (kit->child)
        kit_child_is_asked(kit->child, call);
    kit->note->has_refused = false;
    kit->note->call = call;
    kit->note->size = size;
    kit->note->align = align;
    kit->note->new_size = new_size;
    kit->note->new_align = new_align;
}

void kit_phase(const struct kit *kit, const char *phase)
{
    kit->note->phase = phase;
}

void kit_suspect(const struct kit *kit, const char *likely)
{
    kit->report->likely = likely;
}

void kit_suspect_first(const struct kit *kit, const char *likely)
{
    if (!kit->report->likely)
        kit_suspect(kit, likely);
}

void kit_suspect_hang(const struct kit *kit, const char *likely)
{
    kit->report->likely_hang = likely;
}

static void describe_call(const struct kit_note *n, char *text, size_t bytes)
{
    switch (n->call) {
    case KIT_ALLOC: snprintf(text, bytes, "alloc(size %zu, align %zu)", n->size, n->align); return;
    case KIT_ALLOC_NATURAL:
        snprintf(text, bytes, "alloc_natural(size %zu, align %zu)", n->size, n->align);
        return;
    case KIT_ALLOC_ZEROED:
        snprintf(text, bytes, "alloc_zeroed(size %zu, align %zu)", n->size, n->align);
        return;
    case KIT_DEALLOC:
        snprintf(text, bytes, "dealloc(size %zu, align %zu)", n->size, n->align);
        return;
    case KIT_DEALLOC_NULL:
        snprintf(text, bytes, "dealloc(NULL, size %zu, align %zu)", n->size, n->align);
        return;
    case KIT_DEALLOC_UNSIZED:
        snprintf(text, bytes, "dealloc_unsized(of size %zu, align %zu)", n->size, n->align);
        return;
    case KIT_REALLOC:
        snprintf(text, bytes, "realloc(size %zu, align %zu, to size %zu)", n->size, n->align,
                 n->new_size);
        return;
    case KIT_REALLOC_NULL:
        snprintf(text, bytes, "realloc(NULL, 0, align %zu, to size %zu)", n->align, n->new_size);
        return;
    case KIT_GROW:
    case KIT_GROW_ZEROED:
    case KIT_SHRINK:
        snprintf(text, bytes, "%s(size %zu, align %zu, to size %zu, align %zu)",
                 n->call == KIT_GROW     ? "grow"
                 : n->call == KIT_SHRINK ? "shrink"
                                         : "grow_zeroed",
                 n->size, n->align, n->new_size, n->new_align);
        return;
    case KIT_RESIZE_IN_PLACE:
        snprintf(text, bytes, "resize_in_place(size %zu, align %zu, to size %zu)", n->size,
                 n->align, n->new_size);
        return;
    case KIT_USABLE_SIZE:
        snprintf(text, bytes, "usable_size(size %zu, align %zu)", n->size, n->align);
        return;
    case KIT_OWNS: snprintf(text, bytes, "owns(of size %zu, align %zu)", n->size, n->align); return;
    case KIT_HOLD:
        snprintf(text, bytes, "a live block (size %zu, align %zu)", n->size, n->align);
        return;
    case KIT_CREATE: snprintf(text, bytes, "a fresh instance"); return;
    case KIT_DESTROY: snprintf(text, bytes, "destroy"); return;
    case KIT_NOTHING: break;
    }
    snprintf(text, bytes, "nothing yet");
}

void kit_note_describe(const struct kit_note *note, char *text, size_t text_bytes)
{
    char call[160];

    describe_call(note, call, sizeof call);
    snprintf(text, text_bytes, "%s%s%s", call, note->phase ? " " : "",
             note->phase ? note->phase : "");
}

/* ---- The end of a case --------------------------------------------------------------- */

void kit_take(const struct kit *kit)
{
    if (atomic_exchange_explicit(&kit->report->taken, 1, memory_order_acq_rel) == 0)
        return;
    for (;;)
        (void)sleep(60);
}

void kit_conclude(const struct kit_report *report, struct conformance_outcome *outcome)
{
    size_t used = strlen(outcome->asked);

    if (outcome->verdict != CONFORMANCE_FAILED)
        return;
    if (*report->item)
        snprintf(outcome->asked + used, sizeof outcome->asked - used,
                 ", of \"%s\" over a child of the kit's", report->item);
    snprintf(outcome->likely, sizeof outcome->likely, "%s", report->likely ? report->likely : "");
}

/* The verdict is stored after all that it stands for; partner: the parent's load, which
 * comes after it has seen the process end. */
void kit_end(const struct kit *kit, enum conformance_verdict verdict)
{
    struct kit_report *report = kit->report;

    if (report->told) {
        report->outcome.verdict = verdict;
        kit_conclude(report, &report->outcome);
        report->told(&report->outcome);
    }
    atomic_store_explicit(&report->verdict, (int)verdict, memory_order_release);
    _exit(0);
}

static void fail_text(const struct kit *kit, const char *asked, const char *expected,
                      const char *got_format, va_list arguments)
{
    struct conformance_outcome *outcome = &kit->report->outcome;

    snprintf(outcome->asked, sizeof outcome->asked, "%s", asked);
    snprintf(outcome->expected, sizeof outcome->expected, "%s", expected);
    vsnprintf(outcome->got, sizeof outcome->got, got_format, arguments);
}

void kit_fail(const struct kit *kit, const char *expected, const char *got_format, ...)
{
    char asked[sizeof kit->report->outcome.asked];
    va_list arguments;

    kit_take(kit);
    kit_note_describe(kit->note, asked, sizeof asked);
    va_start(arguments, got_format);
    fail_text(kit, asked, expected, got_format, arguments);
    va_end(arguments);
    kit_end(kit, CONFORMANCE_FAILED);
}

void kit_fail_asked(const struct kit *kit, const char *asked, const char *expected,
                    const char *got_format, ...)
{
    va_list arguments;

    kit_take(kit);
    va_start(arguments, got_format);
    fail_text(kit, asked, expected, got_format, arguments);
    va_end(arguments);
    kit_end(kit, CONFORMANCE_FAILED);
}

void kit_skip(const struct kit *kit, const char *reason_format, ...)
{
    struct conformance_outcome *outcome = &kit->report->outcome;
    va_list arguments;

    kit_take(kit);
    va_start(arguments, reason_format);
    vsnprintf(outcome->reason, sizeof outcome->reason, reason_format, arguments);
    va_end(arguments);
    kit_end(kit, CONFORMANCE_SKIPPED);
}
