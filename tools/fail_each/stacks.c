/* SPDX-License-Identifier: MIT */
/* Results of `dispatchalloc fail-each` by the stacks at which allocations failed. See fail_each.h.
 */
#include "fail_each.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Who calls abort() has at least seen that something is wrong. */
static int severity(const struct each_result *result)
{
    int is_abort = WIFSIGNALED(result->status) && WTERMSIG(result->status) == SIGABRT;

    return 2 * (int)result->outcome + is_abort;
}

static int compare_numbers(const struct each_result *one, const struct each_result *other)
{
    return (one->number > other->number) - (one->number < other->number);
}

static int compare_results(const void *one, const void *other)
{
    const struct each_result *a = *(struct each_result *const *)one;
    const struct each_result *b = *(struct each_result *const *)other;
    int order = strcmp(a->stack, b->stack);

    if (order == 0)
        order = severity(a) - severity(b);
    return order ? order : compare_numbers(a, b);
}

static int compare_groups(const void *one, const void *other)
{
    const struct each_group *a = one, *b = other;
    int order = severity(*a->results) - severity(*b->results);

    if (order == 0 && a->findings != b->findings)
        order = a->findings < b->findings ? 1 : -1;
    return order ? order : compare_numbers(*a->results, *b->results);
}

static struct each_result **sorted(const struct each_test *test)
{
    struct each_result **results = malloc((test->result_count + 1) * sizeof *results);

    for (size_t i = 0; results && i < test->result_count; i++)
        results[i] = &test->results[i];
    if (results && test->result_count > 0)
        qsort(results, test->result_count, sizeof *results, compare_results);
    return results;
}

/* How many there are. */
static size_t group(struct each_result **results, size_t result_count, struct each_group *groups)
{
    size_t count = 0;

    for (size_t i = 0; i < result_count; i++) {
        if (i == 0 || strcmp(results[i - 1]->stack, results[i]->stack) != 0)
            groups[count++].results = results + i;
        groups[count - 1].count++;
        groups[count - 1].findings += (size_t)each_is_finding(results[i]->outcome);
    }
    if (count > 0)
        qsort(groups, count, sizeof *groups, compare_groups);
    return count;
}

int each_visit_groups(const struct each_test *test, each_group_visitor visit)
{
    struct each_result **results = sorted(test);
    struct each_group *groups = calloc(test->result_count + 1, sizeof *groups);
    int status = results && groups ? 0 : tool_complain("not enough memory");
    size_t count = status ? 0 : group(results, test->result_count, groups);

    for (size_t i = 0; i < count; i++)
        visit(test, &groups[i], i, i + 1 == count);
    free(groups);
    free(results);
    return status;
}
