/* SPDX-License-Identifier: MIT */
/* The report of `dispatchalloc fail-each` for people. See fail_each.h. */
#include "fail_each.h"

#include <inttypes.h>
#include <string.h>

/* Stacks that are told in full, and allocations that are told of each. */
enum { STACKS_TOLD = 20, NUMBERS_TOLD = 8 };

static void begin(const struct each_test *test)
{
    tool_print("%s: %" PRIu64 " allocation%s by %" PRIu64 " stack%s; %zu run%s, each with one "
               "failing\n",
               test->child ? test->child : *test->command, test->counted.calls,
               test->counted.calls == 1 ? "" : "s", test->counted.stacks,
               test->counted.stacks == 1 ? "" : "s", test->planned.count,
               test->planned.count == 1 ? "" : "s");
    if (test->output_varies)
        puts("what it writes differs from run to run where nothing fails, and is not compared");
    if (test->live_varies)
        puts("what it keeps differs from run to run where nothing fails; told is what is more than "
             "either of two runs kept");
}

/* As they come, in a line. */
static void print_result(const struct each_test *test, const struct each_result *result)
{
    char text[256];

    if (!each_is_finding(result->outcome))
        return;
    tool_print("allocation %" PRIu64 ", of %" PRIu64 " bytes: %s\n", result->number, result->size,
               each_describe(test, result, text, sizeof text));
}

/* ---- By stack -------------------------------------------------------------------------------- */

/* How many results there are with the outcome of the first. */
static size_t alike(struct each_result **results, size_t count)
{
    size_t same = 1;

    while (same < count && results[same]->outcome == (*results)->outcome)
        same++;
    return same;
}

/* "allocations 3, 17 and 4 more". */
static void print_numbers(struct each_result **results, size_t count)
{
    printf("\nallocation%s ", count == 1 ? "" : "s");
    for (size_t i = 0; i < count && i < NUMBERS_TOLD; i++)
        printf("%s%" PRIu64, i ? ", " : "", results[i]->number);
    if (count > NUMBERS_TOLD)
        printf(" and %zu more", count - NUMBERS_TOLD);
}

/* Line by line: what a line has in it is cleaned, and it may come from a file. */
static void print_stack(const char *stack)
{
    do {
        size_t length = strcspn(stack, "\n");

        tool_print("%.*s\n", (int)length, stack);
        stack += length + (stack[length] == '\n');
    } while (*stack);
}

/* Each outcome in which there is a finding, by the first of its results. */
static void print_group(const struct each_test *test, const struct each_group *group)
{
    char text[256];
    size_t count;

    for (size_t i = 0; i < group->count; i += count) {
        const struct each_result *result = group->results[i];

        count = alike(group->results + i, group->count - i);
        if (!each_is_finding(result->outcome))
            continue;
        print_numbers(group->results + i, count);
        tool_print(", of %" PRIu64 " bytes: %s\n", result->size,
                   each_describe(test, result, text, sizeof text));
        if (*result->said)
            tool_print("  it said: %s\n", result->said);
    }
    print_stack((*group->results)->stack);
}

static void visit(const struct each_test *test, const struct each_group *group, size_t number,
                  int is_last)
{
    (void)is_last;
    if (group->findings > 0 && number < STACKS_TOLD)
        print_group(test, group);
    if (group->findings > 0 && number == STACKS_TOLD)
        puts("\nThere are more stacks like these; --json has all of them.");
}

static int end(const struct each_test *test)
{
    int status = each_findings(test) ? each_visit_groups(test, visit) : 0;

    printf("%s%zu of %zu runs:\n", each_findings(test) ? "\n" : "", test->result_count,
           test->planned.count);
    for (int outcome = 0; outcome < EACH_OUTCOMES; outcome++) {
        if (test->outcomes[outcome])
            printf("%8zu %s\n", test->outcomes[outcome],
                   each_outcome_words((enum each_outcome)outcome));
    }
    return status;
}

const struct each_report each_text = {begin, print_result, end};
