/* SPDX-License-Identifier: MIT */
/* What a run of `dispatchalloc fail-each` comes to. See fail_each.h. */
#include "fail_each.h"

#include <inttypes.h>
#include <sys/wait.h>

/* A program that ends at once gives nothing back, and needs not. So of one that ends with another
 * status it counts only if it has given back half at least of what it had at that moment: then it
 * meant to. */
static int has_kept(const struct each_test *test, const struct each_run *run)
{
    uint64_t usual = test->counted.live_blocks;
    uint64_t kept = run->live_blocks > usual ? run->live_blocks - usual : 0;
    uint64_t had = run->failing_blocks > usual ? run->failing_blocks - usual : 0;

    if (run->ended.status == test->counted.ended.status)
        return kept > 0;
    return kept > 0 && kept <= had / 2;
}

/* Nobody here is the parent of a child of the program's: of one that runs its exit handlers
 * otherwise it is told by that. */
static int has_crashed(const struct each_test *test, const struct each_run *run)
{
    if (WIFSIGNALED(run->ended.status))
        return 1;
    return test->child && test->counted.orderly == test->counted.processes &&
           run->orderly < run->processes;
}

static int has_other_output(const struct each_test *test, const struct each_run *run)
{
    return !test->output_varies &&
           (run->output != test->counted.output || run->output_bytes != test->counted.output_bytes);
}

enum each_outcome each_judge(const struct each_test *test, const struct each_run *run)
{
    int is_as_usual = run->ended.status == test->counted.ended.status;

    if (run->ended.timed_out)
        return EACH_HUNG;
    if (run->ended.flooded)
        return EACH_FLOODED;
    if (has_crashed(test, run))
        return EACH_CRASHED;
    if (!run->nth)
        return EACH_NOT_REACHED;
    if (is_as_usual ? has_other_output(test, run) : WEXITSTATUS(run->ended.status) == 0)
        return EACH_DIFFERED;
    if (has_kept(test, run))
        return EACH_KEPT;
    return is_as_usual ? EACH_SAME : EACH_GAVE_UP;
}

/* ---- In words -------------------------------------------------------------------------------- */

static const struct {
    const char *name, *words;
} outcomes[EACH_OUTCOMES] = {
    [EACH_CRASHED] = {"crashed", "crashed"},
    [EACH_HUNG] = {"hung", "hung"},
    [EACH_FLOODED] = {"flooded", "wrote without end"},
    [EACH_DIFFERED] = {"differed", "ended as if all were well, with another result"},
    [EACH_KEPT] = {"kept", "kept blocks"},
    [EACH_GAVE_UP] = {"gave_up", "gave up with another exit status"},
    [EACH_SAME] = {"same", "went on and ended the same"},
    [EACH_NOT_REACHED] = {"not_reached", "did not get that far"},
};

const char *each_outcome_name(enum each_outcome outcome)
{
    return outcomes[outcome].name;
}

const char *each_outcome_words(enum each_outcome outcome)
{
    return outcomes[outcome].words;
}

/* They may be more blocks, and less in bytes: who gives up makes no buffer for what it would print.
 */
static void describe_kept(const struct each_result *result, char *text, size_t bytes)
{
    char size[48] = "";

    if (result->kept_bytes > 0)
        (void)snprintf(size, sizeof size, ", of %" PRIu64 " bytes,", result->kept_bytes);
    (void)snprintf(text, bytes, "kept %" PRIu64 " block%s%s more than when nothing fails%s%s",
                   result->kept_blocks, result->kept_blocks == 1 ? "" : "s", size,
                   *result->failure ? ": " : "", result->failure);
}

const char *each_describe(const struct each_test *test, const struct each_result *result,
                          char *text, size_t bytes)
{
    const char *words = each_outcome_words(result->outcome);

    if (result->outcome == EACH_HUNG)
        (void)snprintf(text, bytes, "%s: it was ended after %u seconds", words,
                       test->seconds_limit);
    else if (result->outcome == EACH_FLOODED)
        (void)snprintf(text, bytes, "%s: it was ended after %" PRIu64 " MiB", words,
                       test->bytes_limit >> 20);
    else if (result->outcome == EACH_KEPT)
        describe_kept(result, text, bytes);
    else if (result->outcome == EACH_CRASHED && !WIFSIGNALED(result->status))
        (void)snprintf(text, bytes, "%s: exit handlers of '%s' were not run", words, test->child);
    else
        (void)snprintf(text, bytes, "%s%s%s", words, *result->failure ? ": " : "", result->failure);
    return text;
}

size_t each_findings(const struct each_test *test)
{
    size_t count = 0;

    for (int outcome = 0; outcome <= EACH_KEPT; outcome++)
        count += test->outcomes[outcome];
    return count;
}
