/* SPDX-License-Identifier: MIT */
/*
 * dal_fail_each(): a function run with each of its allocations failing in turn.
 *
 * Each run has an instance of its own, the layer `stats` over `fail`: so stats sees what the
 * function sees, how many calls there were and what is live, and nothing is counted here.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/spec.h>
#include <dispatchalloc/stats.h>

#include "fail.h"

/* As long as the report was in the first version. */
#define FIRST_BYTES DAL_NEEDS(struct dal_fail_report, message)

/* A test that is being made; the report is whole here, and as long as it is there at the caller. */
struct test {
    const char *spec;
    dal_fail_function function;
    void *ctx;
    struct dal_fail_report *out;
    size_t out_bytes;
    struct dal_fail_report report;
};

/* What a run comes to. */
struct run {
    int result;
    uint64_t call_count;
    struct dal_stats live;
    uint64_t excess_bytes; /* by which more was given back than was made */
};

static void show(struct test *test)
{
    if (test->out)
        memcpy(test->out, &test->report, test->out_bytes);
}

DAL_ATTRIBUTE_PRINTF_(3, 4)
static int find(struct test *test, int finding, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(test->report.message, sizeof test->report.message, format, arguments);
    va_end(arguments);
    return finding;
}

/* ---- One run ------------------------------------------------------------------------------- */

/* The calls that `fail` counts: what makes or resizes a block. */
static uint64_t calls_of(const struct dal_instance *instance)
{
    static const char *const keys[] = {"alloc.calls", "alloc_zeroed.calls", "realloc.calls",
                                       "grow.calls",  "grow_zeroed.calls",  "shrink.calls"};
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        uint64_t value = 0;

        (void)dal_stats_get(instance, keys[i], &value);
        sum += value;
    }
    return sum;
}

/* In the message the items that were put around the caller's spec are told as well. */
static int make(struct test *test, const struct dal_instance **instance)
{
    char spec[DAL_SPEC_BYTES_MAX + 64];
    char nth[32] = "";

    if (test->report.nth)
        (void)snprintf(nth, sizeof nth, ":nth=%" PRIu64, test->report.nth);
    (void)snprintf(spec, sizeof spec, "stats:print=off+fail%s+%s", nth, test->spec);
    return dal_instance_create_spec(spec, instance, test->report.message,
                                    sizeof test->report.message);
}

/* What is live is never told as less than 0: a block more shows by how much it would be. */
static uint64_t excess_of(const struct dal_instance *instance)
{
    enum { BLOCK_BYTES = 64 << 10 };
    struct dal_stats live = DAL_STATS_INIT;
    void *block = dal_instance_alloc(instance, BLOCK_BYTES, 1);

    if (!block)
        return 0;
    (void)dal_stats_read(instance, &live);
    dal_instance_dealloc(instance, block, BLOCK_BYTES, 1);
    return live.live_bytes < BLOCK_BYTES ? BLOCK_BYTES - live.live_bytes : 0;
}

/* Run the function with the nth allocation failing; none where that is 0. */
static int run(struct test *test, uint64_t nth, struct run *run)
{
    const struct dal_instance *instance = NULL;
    int error;

    test->report.nth = nth;
    error = make(test, &instance);
    if (error)
        return error;
    test->report.run_count++;
    show(test);
    run->result = test->function(instance, test->ctx);
    run->call_count = calls_of(instance);
    run->live = (struct dal_stats)DAL_STATS_INIT;
    error = dal_stats_read(instance, &run->live);
    run->excess_bytes = excess_of(instance);
    dal_instance_destroy(instance);
    test->report.result = run->result;
    return error;
}

/* ---- What is found in one ------------------------------------------------------------------ */

/* "with allocation 3 of 7 failing", or without one. */
static const char *when(const struct test *test, char *text, size_t bytes)
{
    if (!test->report.nth)
        return "with no allocation failing";
    (void)snprintf(text, bytes, "with allocation %" PRIu64 " of %" PRIu64 " failing",
                   test->report.nth, test->report.call_count);
    return text;
}

static int find_leak(struct test *test, const struct run *run)
{
    char text[80];

    if (!run->live.live_blocks && !run->live.live_bytes && !run->excess_bytes)
        return DAL_FAIL_NONE;
    test->report.live_blocks = run->live.live_blocks;
    test->report.live_bytes = run->live.live_bytes;
    if (!run->live.live_blocks)
        return find(test, DAL_FAIL_LEAKED,
                    "%s, a block was given back with a size that it did not have: %" PRIu64
                    " bytes %s",
                    when(test, text, sizeof text),
                    run->excess_bytes ? run->excess_bytes : run->live.live_bytes,
                    run->excess_bytes ? "too many" : "are left");
    return find(test, DAL_FAIL_LEAKED,
                "%s, blocks were not given back: %" PRIu64 ", of %" PRIu64 " bytes",
                when(test, text, sizeof text), run->live.live_blocks, run->live.live_bytes);
}

static int find_other_count(struct test *test, uint64_t call_count)
{
    char text[80];

    return find(test, DAL_FAIL_NOT_REPEATABLE,
                "%s, there were %" PRIu64 " allocations, and %" PRIu64 " before",
                when(test, text, sizeof text), call_count, test->report.call_count);
}

/* Twice, so that what the first run leaves prepared is seen. */
static int run_undisturbed(struct test *test)
{
    for (int i = 0; i < 2; i++) {
        struct run done;
        int error = run(test, 0, &done);

        if (error)
            return error;
        if (done.result)
            return find(test, DAL_FAIL_UNDISTURBED,
                        "the function returned %d, though no allocation was made to fail",
                        done.result);
        if (find_leak(test, &done))
            return DAL_FAIL_LEAKED;
        if (i == 0)
            test->report.call_count = done.call_count;
        else if (done.call_count != test->report.call_count)
            return find_other_count(test, done.call_count);
    }
    return DAL_OK;
}

/* Swallowing is noted: *first is the first allocation whose failure was. */
static int run_failing(struct test *test, uint64_t nth, uint64_t *first)
{
    struct run done;
    int error = run(test, nth, &done);

    if (error)
        return error;
    if (done.call_count < nth)
        return find_other_count(test, done.call_count);
    if (find_leak(test, &done))
        return DAL_FAIL_LEAKED;
    if (done.result == 0 && test->report.swallowed_count++ == 0)
        *first = nth;
    return DAL_OK;
}

static int run_all(struct test *test)
{
    uint64_t first_swallowed = 0;
    int error = run_undisturbed(test);

    for (uint64_t nth = 1; !error && nth <= test->report.call_count; nth++)
        error = run_failing(test, nth, &first_swallowed);
    if (error)
        return error;
    test->report.nth = first_swallowed;
    test->report.result = 0;
    if (!first_swallowed)
        return DAL_FAIL_NONE;
    return find(test, DAL_FAIL_SWALLOWED,
                "with allocation %" PRIu64 " of %" PRIu64
                " failing, the function returned 0, as if it had not; so it did in %" PRIu64
                " of the runs",
                first_swallowed, test->report.call_count, test->report.swallowed_count);
}

/* ---- The public calls ------------------------------------------------------------------------ */

int dal_fail_each_spec(const char *spec, dal_fail_function function, void *ctx,
                       struct dal_fail_report *report)
{
    struct test test = {.spec = spec, .function = function, .ctx = ctx, .out = report};
    int finding;

    if (report) {
        if (report->abi != DAL_FAIL_REPORT_ABI || report->size_bytes < FIRST_BYTES)
            return DAL_ERR_ABI;
        test.out_bytes = report->size_bytes;
        if (test.out_bytes > sizeof test.report) {
            memset((char *)report + sizeof test.report, 0, test.out_bytes - sizeof test.report);
            test.out_bytes = sizeof test.report;
        }
    }
    test.report.abi = DAL_FAIL_REPORT_ABI;
    test.report.size_bytes = (uint32_t)test.out_bytes;
    finding = spec && function ? run_all(&test) : DAL_ERR_INVALID;
    test.report.finding = finding;
    show(&test);
    return finding;
}

int dal_fail_each(dal_fail_function function, void *ctx, struct dal_fail_report *report)
{
    return dal_fail_each_spec("system", function, ctx, report);
}
