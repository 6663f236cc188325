/* SPDX-License-Identifier: MIT */
/* The report of `dispatchalloc fail-each` as JSON. See fail_each.h. */
#include "fail_each.h"

#include <inttypes.h>
#include <string.h>

static void begin(const struct each_test *test)
{
    (void)test;
}

static void take(const struct each_test *test, const struct each_result *result)
{
    (void)test;
    (void)result;
}

static void print_text(const char *key, const char *text)
{
    printf("\"%s\": ", key);
    if (text && *text)
        tool_print_json(text);
    else
        printf("null");
}

static void print_result(const struct each_result *result)
{
    printf("{\"allocation\": %" PRIu64 ", \"outcome\": \"%s\", ", result->number,
           each_outcome_name(result->outcome));
    print_text("failure", result->failure);
    printf(", ");
    print_text("said", result->said);
    printf(", \"bytes\": %" PRIu64 ", \"kept_blocks\": %" PRIu64 ", \"kept_bytes\": %" PRIu64
           ", \"seconds\": %" PRIu64 ".%03u}",
           result->size, result->kept_blocks, result->kept_bytes, result->milliseconds / 1000,
           (unsigned)(result->milliseconds % 1000));
}

static void print_frames(const char *stack)
{
    char frame[1024];

    for (int i = 0; *stack; i++) {
        size_t length = strcspn(stack, "\n");

        snprintf(frame, sizeof frame, "%.*s", (int)length, stack);
        printf("%s", i ? ", " : "");
        tool_print_json(frame + strspn(frame, " "));
        stack += length + (stack[length] == '\n');
    }
}

static void print_group(const struct each_test *test, const struct each_group *group, size_t number,
                        int is_last)
{
    (void)test;
    (void)number;
    printf("    {\"outcome\": \"%s\",\n     \"frames\": [",
           each_outcome_name((*group->results)->outcome));
    print_frames((*group->results)->stack);
    printf("],\n     \"runs\": [");
    for (size_t i = 0; i < group->count; i++) {
        printf("%s", i ? ",\n       " : "\n       ");
        print_result(group->results[i]);
    }
    printf("]}%s\n", is_last ? "" : ",");
}

static void print_outcomes(const struct each_test *test)
{
    printf("  \"outcomes\": {");
    for (int outcome = 0; outcome < EACH_OUTCOMES; outcome++)
        printf("%s\"%s\": %zu", outcome ? ", " : "", each_outcome_name((enum each_outcome)outcome),
               test->outcomes[outcome]);
    puts("},");
}

static int end(const struct each_test *test)
{
    int status;

    printf("{\n  \"format\": 1,\n  \"command\": [");
    for (char **word = test->command; *word; word++) {
        printf("%s", word == test->command ? "" : ", ");
        tool_print_json(*word);
    }
    printf("],\n  ");
    print_text("backend", test->spec);
    printf(",\n  ");
    print_text("child", test->child);
    printf(",\n  \"allocations\": [%" PRIu64 ", %" PRIu64 "],\n  \"repeatable\": %s,\n"
           "  \"different_stacks\": %" PRIu64
           ",\n  \"output_compared\": %s,\n  \"live_varies\": %s,\n"
           "  \"planned\": %zu,\n  \"runs\": %zu,\n  \"interrupted\": %s,\n  \"findings\": %zu,\n",
           test->calls[0], test->calls[1], test->is_repeatable ? "true" : "false",
           test->counted.stacks, test->output_varies ? "false" : "true",
           test->live_varies ? "true" : "false", test->planned.count, test->result_count,
           test->interrupted ? "true" : "false", each_findings(test));
    print_outcomes(test);
    puts("  \"stacks\": [");
    status = each_visit_groups(test, print_group);
    puts("  ]\n}");
    return status;
}

const struct each_report each_json = {begin, take, end};
