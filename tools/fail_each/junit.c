/* SPDX-License-Identifier: MIT */
/*
 * The report of `dispatchalloc fail-each` as JUnit has it, the XML that continuous integration
 * reads: a case for each run, one for that the runs can be compared, and one if not all were made.
 * See fail_each.h.
 */
#include "fail_each.h"

#include <inttypes.h>

static void begin(const struct each_test *test)
{
    (void)test;
}

static void take(const struct each_test *test, const struct each_result *result)
{
    (void)test;
    (void)result;
}

/* ' name="..."' */
static void print_attribute(const char *name, const char *text)
{
    printf(" %s=\"", name);
    tool_write_xml(stdout, text);
    putchar('"');
}

static void begin_case(const struct each_test *test, const char *name, uint64_t milliseconds)
{
    printf("    <testcase");
    print_attribute("classname", tool_file_name(*test->command));
    print_attribute("name", name);
    printf(" time=\"%" PRIu64 ".%03u\"", milliseconds / 1000, (unsigned)(milliseconds % 1000));
}

static void print_failure(const char *type, const char *message, const char *stack,
                          const char *said)
{
    printf(">\n      <failure");
    print_attribute("type", type);
    print_attribute("message", message);
    putchar('>');
    tool_write_xml(stdout, stack);
    printf("</failure>\n");
    if (*said) {
        printf("      <system-err>");
        tool_write_xml(stdout, said);
        printf("</system-err>\n");
    }
    printf("    </testcase>\n");
}

static void print_result(const struct each_test *test, const struct each_result *result)
{
    char name[48], message[256];

    snprintf(name, sizeof name, "allocation %" PRIu64, result->number);
    begin_case(test, name, result->milliseconds);
    if (each_is_finding(result->outcome))
        print_failure(each_outcome_name(result->outcome),
                      each_describe(test, result, message, sizeof message), result->stack,
                      result->said);
    else if (result->outcome == EACH_NOT_REACHED)
        printf("><skipped message=\"there was no allocation of that number\"/></testcase>\n");
    else
        puts("/>");
}

static void print_group(const struct each_test *test, const struct each_group *group, size_t number,
                        int is_last)
{
    (void)number;
    (void)is_last;
    for (size_t i = 0; i < group->count; i++)
        print_result(test, group->results[i]);
}

static void print_repeatable(const struct each_test *test)
{
    char message[128];

    if (test->statuses[0] != test->statuses[1])
        snprintf(message, sizeof message, "with nothing failing, exit status %d, and then %d",
                 test->statuses[0], test->statuses[1]);
    else
        snprintf(message, sizeof message,
                 "with nothing failing, %" PRIu64 " allocations, and then %" PRIu64, test->calls[0],
                 test->calls[1]);
    begin_case(test, "undisturbed, twice", (uint64_t)(test->counted.ended.seconds * 1000));
    if (each_is_comparable(test))
        puts("/>");
    else
        print_failure("not_repeatable", message, "", "");
}

/* Who reads this may not look at the exit status. */
static void print_missing(const struct each_test *test)
{
    begin_case(test, "all runs", 0);
    printf(">\n      <error type=\"incomplete\" message=\"%zu of %zu runs were made\"/>\n"
           "    </testcase>\n",
           test->result_count, test->planned.count);
}

static int end(const struct each_test *test)
{
    size_t failures = each_findings(test) + (size_t)!each_is_comparable(test);
    unsigned errors = test->result_count < test->planned.count;
    int status;

    printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite"
           " name=\"" TOOL_NAME " fail-each\" tests=\"%zu\" failures=\"%zu\" errors=\"%u\""
           " skipped=\"%zu\">\n",
           test->result_count + 1 + errors, failures, errors, test->outcomes[EACH_NOT_REACHED]);
    print_repeatable(test);
    status = each_visit_groups(test, print_group);
    if (errors)
        print_missing(test);
    puts("  </testsuite>\n</testsuites>");
    return status;
}

const struct each_report each_junit = {begin, take, end};
