/* SPDX-License-Identifier: MIT */
/*
 * The kit is worth what it finds: each allocator with a known fault fails at the case that is
 * about it, with a report that names the call, and each case has a fault that it finds.
 * Allocators without a fault pass them all.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conformance/sanitizer.h"
#include "suite.h"
#include "tests/faulty/faulty.h"

#if CONFORMANCE_SANITIZED
/* What the sanitizers say of the faults is not wanted, and takes them long. */
# define OPTIONS(name)                                              \
     __attribute__((visibility("default"))) const char *name(void); \
     const char *name(void)                                         \
     {                                                              \
         return "allocator_may_return_null=1:symbolize=0";          \
     }
OPTIONS(__asan_default_options)
OPTIONS(__tsan_default_options)
#endif

/* A case that is to hang is waited for as long, which is to be enough for what comes before; no
 * other one is to be short of time. */
enum { HANG_SECONDS = CONFORMANCE_SANITIZED ? 20 : 6, TIMEOUT_SECONDS = 60 };

static const struct faulty *const lists[] = {
    faulty_wrappers, faulty_heaps, faulty_threads, faulty_middles, faulty_processes, faulty_slabs,
};

enum { LIST_COUNT = sizeof lists / sizeof *lists };

static int faulty_count(void)
{
    int count = 0;

    for (size_t i = 0; i < LIST_COUNT; i++) {
        for (const struct faulty *f = lists[i]; f->name; f++)
            count++;
    }
    return count;
}

static const struct faulty *faulty_at(int index)
{
    for (size_t i = 0; i < LIST_COUNT; i++) {
        for (const struct faulty *f = lists[i]; f->name; f++) {
            if (index-- == 0)
                return f;
        }
    }
    return NULL;
}

static struct conformance_subject subject_of(const struct faulty *faulty)
{
    if (faulty->spec)
        return conformance_subject_by_spec(faulty->spec);
    if (faulty->allocator)
        return conformance_subject_by_allocator(faulty->allocator, faulty->name);
    return faulty_heap_subject(faulty);
}

static void run(const struct conformance_subject *subject, const char *name, unsigned seconds,
                struct conformance_outcome *outcome)
{
    const struct conformance_case *which = conformance_case_find(name);
    struct conformance_profile profile;
    char message[256];

    ck_assert_msg(which != NULL, "there is no case \"%s\"", name);
    ck_assert_int_eq(conformance_probe(subject, seconds, &profile, message, sizeof message), 0);
    conformance_run(subject, &profile, which, outcome);
}

/* A sanitizer sees some of the faults first and ends the process in its own words. */
static int was_sanitized(const struct conformance_outcome *outcome)
{
    return CONFORMANCE_SANITIZED && strstr(outcome->got, "the process ended with status");
}

/* Whether a text of the report is what is to be in it. */
static int is_so(const char *text, const char *expected)
{
    return !expected || (*expected ? strstr(text, expected) != NULL : !*text);
}

START_TEST(test_fault_is_found_by_its_case)
{
    const struct faulty *faulty = faulty_at(_i);
    struct conformance_subject subject = subject_of(faulty);
    int hangs = faulty->got && strcmp(faulty->got, "it hangs") == 0;
    struct conformance_outcome outcome;

    run(&subject, faulty->found_by, hangs ? HANG_SECONDS : TIMEOUT_SECONDS, &outcome);
    /* musl does not tell. */
    if (outcome.verdict == CONFORMANCE_SKIPPED &&
        (CONFORMANCE_SANITIZED || strstr(outcome.reason, "the C library does not tell here")))
        return;
    ck_assert_msg(outcome.verdict == CONFORMANCE_FAILED, "\"%s\" was not found by %s (%s)",
                  faulty->name, faulty->found_by, outcome.reason);
    if (was_sanitized(&outcome))
        return;
    ck_assert_msg(is_so(outcome.asked, faulty->asked), "\"%s\": asked \"%s\", to be: \"%s\"",
                  faulty->name, outcome.asked, faulty->asked);
    ck_assert_msg(is_so(outcome.got, faulty->got), "\"%s\": got \"%s\", to be: \"%s\"",
                  faulty->name, outcome.got, faulty->got);
    ck_assert_msg(is_so(outcome.likely, faulty->likely), "\"%s\": likely \"%s\", to be: \"%s\"",
                  faulty->name, outcome.likely, faulty->likely);
    ck_assert_msg(!strstr(outcome.got, "; ;"), "\"%s\": got \"%s\"", faulty->name, outcome.got);
    ck_assert_msg(outcome.expected[0], "\"%s\": nothing expected", faulty->name);
}
END_TEST

START_TEST(test_every_case_finds_a_fault)
{
    const struct conformance_case *which = &conformance_cases()[_i];
    int count = faulty_count();

    for (int i = 0; i < count; i++) {
        if (strcmp(faulty_at(i)->found_by, which->name) == 0)
            return;
    }
    ck_abort_msg("no allocator shows that %s can fail", which->name);
}
END_TEST

/* ---- No fault ------------------------------------------------------------------------------- */

static void expect_pass(const struct conformance_subject *subject, int index)
{
    const struct conformance_case *which = &conformance_cases()[index];
    struct conformance_outcome outcome;

    run(subject, which->name, TIMEOUT_SECONDS, &outcome);
    ck_assert_msg(outcome.verdict != CONFORMANCE_FAILED, "%s: asked %s; expected %s; got %s",
                  which->name, outcome.asked, outcome.expected, outcome.got);
}

START_TEST(test_faultless_wrapper_passes)
{
    struct conformance_subject subject =
        conformance_subject_by_allocator(&faultless_wrapper, "faultless");

    expect_pass(&subject, _i);
}
END_TEST

START_TEST(test_faultless_heap_passes)
{
    const struct faulty heap = {
        .name = "faultless heap",
        .heap_fault = HEAP_FAULTLESS,
        .heap_bytes = (size_t)8 << 20,
    };
    struct conformance_subject subject = faulty_heap_subject(&heap);

    expect_pass(&subject, _i);
}
END_TEST

START_TEST(test_faultless_slab_passes)
{
    struct conformance_subject subject = conformance_subject_by_spec("slab");

    expect_pass(&subject, _i);
}
END_TEST

/* Nothing is asked of an allocator that it has not said it can serve. */
START_TEST(test_faultless_tiny_heap_passes)
{
    const struct faulty heap = {
        .name = "faultless tiny heap",
        .heap_fault = HEAP_FAULTLESS,
        .heap_bytes = 1000,
    };
    struct conformance_subject subject = faulty_heap_subject(&heap);

    subject.capacity_bytes = 1000;
    expect_pass(&subject, _i);
}
END_TEST

START_TEST(test_tiny_heap_that_does_not_say_so_fails)
{
    const struct faulty heap = {
        .name = "tiny heap",
        .heap_fault = HEAP_FAULTLESS,
        .heap_bytes = 1000,
    };
    struct conformance_subject subject = faulty_heap_subject(&heap);
    struct conformance_outcome outcome;

    run(&subject, "serves_requests", TIMEOUT_SECONDS, &outcome);
    ck_assert_int_eq(outcome.verdict, CONFORMANCE_FAILED);
    ck_assert_str_eq(outcome.expected, "4096 bytes in all, where no smaller capacity is declared");
}
END_TEST

/* ---- No instance ------------------------------------------------------------------------------
 */

static void no_way_back(void)
{
    for (;;)
        pause();
}

static void leave(void)
{
    _exit(3);
}

static const struct {
    void (*end)(void);
    const char *got, *likely;
} ends_in_create[] = {
    {abort, "SIGABRT", "create() calls abort()"},
    {leave, "the process ended with status 3", "create() ends the process"},
    {no_way_back, "it hangs", "create() waits for a lock that it holds"},
};

enum { END_COUNT = sizeof ends_in_create / sizeof *ends_in_create };

static int end_in_create(const struct conformance_subject *subject,
                         const struct dal_instance **instance, char *message, size_t message_bytes)
{
    (void)instance;
    (void)message;
    (void)message_bytes;
    ends_in_create[(uintptr_t)subject->data].end();
    return DAL_ERR_SYSTEM;
}

/* It is waited for once: every case, a hang too, is over at once. */
START_TEST(test_create_that_does_not_return_is_found_once)
{
    const struct conformance_subject subject = {
        .name = "ends in create()",
        .create = end_in_create,
        .data = (const void *)(uintptr_t)_i,
    };
    time_t end = time(NULL) + 2 * HANG_SECONDS; /* two would not be over */
    struct conformance_profile profile;
    char message[256];

    ck_assert_int_eq(conformance_probe(&subject, HANG_SECONDS, &profile, message, sizeof message),
                     0);
    for (const struct conformance_case *c = conformance_cases(); c->name; c++) {
        struct conformance_outcome outcome;

        conformance_run(&subject, &profile, c, &outcome);
        ck_assert_int_eq(outcome.verdict, CONFORMANCE_FAILED);
        ck_assert_str_eq(outcome.asked, "a fresh instance");
        if (!CONFORMANCE_SANITIZED)
            ck_assert_msg(is_so(outcome.got, ends_in_create[_i].got) &&
                              is_so(outcome.likely, ends_in_create[_i].likely),
                          "got \"%s\", likely \"%s\"", outcome.got, outcome.likely);
    }
    ck_assert_msg(time(NULL) < end, "it was waited for more than once");
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("conformance_finds");
    TCase *faults = tcase_create("faults");
    TCase *none = tcase_create("no fault");
    int cases = 0;

    while (conformance_cases()[cases].name)
        cases++;
    tcase_set_timeout(faults, 2 * TIMEOUT_SECONDS);
    tcase_add_loop_test(faults, test_fault_is_found_by_its_case, 0, faulty_count());
    tcase_add_loop_test(faults, test_every_case_finds_a_fault, 0, cases);
    tcase_add_loop_test(faults, test_create_that_does_not_return_is_found_once, 0, END_COUNT);
    suite_add_tcase(suite, faults);
    tcase_set_timeout(none, 2 * TIMEOUT_SECONDS);
    tcase_add_loop_test(none, test_faultless_wrapper_passes, 0, cases);
    tcase_add_loop_test(none, test_faultless_heap_passes, 0, cases);
    tcase_add_loop_test(none, test_faultless_slab_passes, 0, cases);
    tcase_add_loop_test(none, test_faultless_tiny_heap_passes, 0, cases);
    tcase_add_test(none, test_tiny_heap_that_does_not_say_so_fails);
    suite_add_tcase(suite, none);
    return suite;
}

int main(void)
{
    int status = conformance_process_main();

    if (status >= 0)
        return status;
    return suite_run(make_suite());
}
