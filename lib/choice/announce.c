/* SPDX-License-Identifier: MIT */
/* What is active, who chose it, and what went wrong, in words. */
#include <config.h>

#include "choice/announce.h"

#include "base/product.h"
#include "choice/link_choice.h"
#include "shared/status.h"
#include "spec/variables.h"

/* "stats 0.1.0 + arena 0.1.0": the items of a list, each with its version and what its options
 * hold in parentheses, an allocator of the program's by its name. */
static void add_list(struct dal_text_ *text, const struct dal_stack_ *stack, size_t list)
{
    const struct dal_spec_ *spec = &stack->spec;
    const struct dal_backend *backend = NULL;

    for (size_t i = spec->lists[list].first, end = i + spec->lists[list].count; i < end; i++) {
        backend = spec->items[i].backend;
        dal_text_add_(text, "%s%s", i > spec->lists[list].first ? " + " : "",
                      backend ? backend->name : dal_stack_top_(stack)->name);
        if (backend)
            dal_text_add_(text, " %s", backend->version);
        for (size_t nested = 1; nested < spec->list_count; nested++) {
            if (spec->lists[nested].owner != i)
                continue;
            dal_text_add_(text, " %s=(", spec->lists[nested].key);
            add_list(text, stack, nested);
            dal_text_add_(text, ")");
        }
    }
    /* One in parentheses without a backend is over the system allocator. */
    if (list > 0 && backend && backend->flags & DAL_BACKEND_LAYER)
        dal_text_add_(text, " + system " PACKAGE_VERSION);
}

/* A stack, and what it wraps. */
static void add_stack(struct dal_text_ *text, const struct dal_decision_ *decision, int source)
{
    const struct dal_stack_ *stack = decision->candidates[source].stack;

    if (!stack) {
        dal_text_add_(text, "system " PACKAGE_VERSION);
        return;
    }
    add_list(text, stack, 0);
    if (dal_stack_wraps_base_(stack)) {
        dal_text_add_(text, " + ");
        add_stack(text, decision, (int)dal_source_below_(decision, source));
    }
}

static int wraps_base(const struct dal_candidate_ *candidate)
{
    return candidate->stack && dal_stack_wraps_base_(candidate->stack);
}

/* What became of the choice of a source. What the winner wraps serves too, and so does what that
 * wraps. */
enum fate { NOT_MADE, SERVES, WRAPPED, OUTRANKED, REJECTED };

static enum fate fate_of(const struct dal_decision_ *decision, int source)
{
    const struct dal_candidate_ *candidate = &decision->candidates[source];
    int serving = (int)dal_decision_source_(decision);

    if (!candidate->label)
        return NOT_MADE;
    if (!candidate->instance && candidate->reason)
        return REJECTED;
    if (source == serving)
        return SERVES;
    while (serving > source && wraps_base(&decision->candidates[serving]))
        serving = (int)dal_source_below_(decision, serving);
    return serving > source ? OUTRANKED : WRAPPED;
}

static const char *chooser(const struct dal_decision_ *decision)
{
    if (dal_decision_source_(decision) != DAL_SOURCE_DEFAULT)
        return decision->candidates[dal_decision_source_(decision)].label;
    return dal_choice_environment_()->off ? "nobody may choose, since " DAL_ENV_OFF " is on"
                                          : "nobody chose";
}

/* Written once, by the first allocation. Volatile, since it is read from outside. */
static volatile struct dal_status_ status = {DAL_STATUS_MARK_START DAL_STATUS_MARK_END, ""};

static const char *remark;

void dal_announce_remark_(const char *text)
{
    remark = text;
}

static void keep_status(const char *line)
{
    for (size_t i = 0; i < sizeof status.text - 1 && line[i]; i++)
        status.text[i] = line[i];
}

/* A rejection has a line of its own, but this one is what `dispatchalloc status` shows. */
static void tell_who_serves(const struct dal_decision_ *decision)
{
    char line[DAL_MESSAGE_BYTES];
    struct dal_text_ text = dal_text_over_(line, sizeof line);
    int somebody_tried = 0;

    for (int source = DAL_SOURCE_COUNT - 1; source > 0; source--)
        somebody_tried |= fate_of(decision, source) == REJECTED;
    add_stack(&text, decision, (int)dal_decision_source_(decision));
    dal_text_add_(&text, " serves (%s",
                  dal_decision_source_(decision) == DAL_SOURCE_DEFAULT && somebody_tried
                      ? "by default"
                      : chooser(decision));
    for (int source = DAL_SOURCE_COUNT - 1; source > 0; source--) {
        static const char *const words[] = {
            [WRAPPED] = "around", [OUTRANKED] = "overrides", [REJECTED] = "rejected:"};
        enum fate fate = fate_of(decision, source);

        if (words[fate])
            dal_text_add_(&text, "; %s %s", words[fate], decision->candidates[source].label);
    }
    dal_text_add_(&text, ")%s%s", remark ? ", but " : "", remark ? remark : "");
    keep_status(line);
    if (dal_choice_environment_()->verbose)
        dal_log_("%s", line);
}

void dal_announce_report_(const struct dal_decision_ *decision)
{
    const char *vetoed = dal_choice_vetoed_();
    int is_strict = dal_choice_is_strict_();
    int is_bad = 0;

    for (int source = 0; source < DAL_SOURCE_COUNT; source++) {
        const struct dal_candidate_ *candidate = &decision->candidates[source];

        if (fate_of(decision, source) != REJECTED)
            continue;
        is_bad = 1;
        if (is_strict)
            dal_log_("%s: %s", candidate->label, candidate->reason);
        else
            dal_log_("%s: %s; \"%s\" serves", candidate->label, candidate->reason,
                     dal_decision_winner_(decision)->name);
    }
    if (vetoed)
        dal_log_("%s=%s is ignored: the program forbids it (%s); \"%s\" serves",
                 dal_product_.backend_variable, vetoed, dal_environment_veto_(),
                 dal_decision_winner_(decision)->name);
    if (is_bad)
        dal_choice_end_if_strict_();
    tell_who_serves(decision);
}

void dal_announce_refusal_(const char *what, const char *reason)
{
    char line[DAL_LINE_BYTES];
    struct dal_text_ text = dal_text_over_(line, sizeof line);

    dal_text_add_(&text, "%s: %s", what, reason);
    dal_log_("%s", line);
    dal_choice_end_if_strict_();
    dal_choice_keep_refusal_(line);
}

static void add_first_call(struct dal_text_ *text)
{
    struct dal_first_call_ call;
    char place[512];

    if (!dal_choice_first_call_(&call)) {
        dal_text_add_(text, "an allocation");
        return;
    }
    dal_text_add_(text, "an allocation of %zu bytes at alignment %zu", call.size, call.align);
    if (!call.call_site)
        return;
    dal_os_locate_(call.call_site, place, sizeof place);
    dal_text_add_(text, " from %s", place);
}

void dal_announce_late_(const char *what)
{
    const struct dal_decision_ *decision = dal_choice_current_(NULL);
    char line[DAL_MESSAGE_BYTES];
    struct dal_text_ text = dal_text_over_(line, sizeof line);

    if (decision && decision->is_fixed) {
        dal_text_add_(&text, "%s is refused: \"%s\" serves, fixed by %s", what,
                      dal_decision_winner_(decision)->name, chooser(decision));
    } else {
        dal_text_add_(&text, "%s comes too late: \"%s\" serves since ", what,
                      decision ? dal_decision_winner_(decision)->name : "unknown");
        add_first_call(&text);
    }
    dal_log_("%s", line);
}

/* ---- dal_global_explain() ------------------------------------------------------------ */

/* Whatever a line is made from, it stays one line. */
static void end_line(struct dal_text_ *text, size_t start)
{
    dal_text_clean_(text, start);
    dal_text_add_(text, "\n");
}

static void explain_candidates(struct dal_text_ *text, const struct dal_decision_ *decision)
{
    static const char *const words[] = {
        [WRAPPED] = "wrapped", [OUTRANKED] = "outranked", [REJECTED] = "rejected"};

    for (int source = DAL_SOURCE_COUNT - 1; source > 0; source--) {
        const struct dal_candidate_ *candidate = &decision->candidates[source];
        enum fate fate = fate_of(decision, source);
        size_t start = text->length;

        if (!words[fate])
            continue;
        dal_text_add_(text, "%s: %s", words[fate], candidate->label);
        if (fate == REJECTED)
            dal_text_add_(text, ": %s", candidate->reason);
        end_line(text, start);
    }
}

static void explain_line(struct dal_text_ *text, const char *title, const char *value)
{
    size_t start = text->length;

    dal_text_add_(text, "%s: %s", title, value);
    end_line(text, start);
}

static void explain_veto(struct dal_text_ *text)
{
    size_t start = text->length;

    if (!dal_choice_vetoed_())
        return;
    dal_text_add_(text, "vetoed: %s=%s, forbidden by the program (%s)",
                  dal_product_.backend_variable, dal_choice_vetoed_(), dal_environment_veto_());
    end_line(text, start);
}

size_t dal_global_explain(char *buffer, size_t bytes)
{
    struct dal_text_ text = dal_text_over_(buffer, bytes);
    const struct dal_decision_ *decision;
    size_t start;
    int sealed;

    decision = dal_choice_current_(&sealed);
    if (!decision) {
        dal_text_add_(&text, "the library is starting\n");
        return text.length;
    }
    dal_text_add_(&text, "serves: ");
    add_stack(&text, decision, (int)dal_decision_source_(decision));
    end_line(&text, 0);
    explain_line(&text, "chosen by", chooser(decision));
    explain_candidates(&text, decision);
    if (decision->refused)
        explain_line(&text, "refused", decision->refused);
    explain_veto(&text);
    if (dal_os_is_secure_())
        explain_line(&text, "ignored", "the environment, since the process has raised privileges");
    start = text.length;
    dal_text_add_(&text, "sealed by: ");
    if (decision->is_fixed)
        dal_text_add_(&text, "the build");
    else if (sealed)
        add_first_call(&text);
    else
        dal_text_add_(&text, "nothing yet");
    end_line(&text, start);
    return text.length;
}
