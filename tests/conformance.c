/* SPDX-License-Identifier: MIT */
/*
 * The conformance kit over every allocator there is: each backend, each layer on each
 * backend, some of them with options that bring out another side, the handles of the
 * library itself, and an allocator of two functions whose rest is derived. One libcheck
 * case a subject, and in the log one line for each promise.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc/allocator/arena.h>
#include <dispatchalloc/allocator/system.h>

#include "conformance/conformance.h"
#include "conformance/sanitizer.h"
#include "examples/pool.h"
#include "suite.h"

enum { SUBJECTS_MAX = 128, TIMEOUT_SECONDS = 60 };

static struct conformance_subject subjects[SUBJECTS_MAX];
static struct conformance_profile profiles[SUBJECTS_MAX];
static char specs[SUBJECTS_MAX][128];
static size_t subject_count;

/* Sides of a backend that its defaults do not show. Left out where there is no such backend;
 * anything else that is wrong with them is a failure. */
static const char *const more_specs[] = {
    "fixed-arena:capacity=8M",
    "fixed-arena:capacity=20000",
    "arena:limit=1M",
    "arena:chunk=4K,limit=8M",
    "stats+arena:limit=1M",
    "stats+stats+system",
    /* Which come to the bound, and over it. */
    "limit:bytes=1M+system",
    "limit:bytes=1M+arena",
    "limit:bytes=4M,soft=100K+system",
    "stats:print=off+limit:bytes=1M+system",
    "limit:bytes=1M+stats:print=off+system",
    "stats:print=off+limit:bytes=1G+arena",
    "limit:bytes=1G+stats:print=off+arena",
    "limit:bytes=1M+limit:bytes=2M+system",
    "stats+fail+system",
    "fail+stats+system",
    "fail+fail+system",
    "fail:nth=4611686018427387904,every=4611686018427387904,rate=0+arena:limit=1M",
    "stats+debug+system",
    "debug+stats+arena:limit=64M",
    "debug:fill=on,zones=16,quarantine=1M,sweep=3+system",
    "debug:fill=on,zones=16,quarantine=1M+arena:limit=64M",
    "debug:stacks=0,zones=4K+stats+system",
    /* All that fit are guarded, while there are slots. */
    "guard:every=1,per_second=1000000+system",
    "guard:every=1,per_second=1000000,slots=3+arena:limit=64M",
    "guard:every=2,per_second=1000000+stats:print=off+system",
    "stats:print=off+guard:every=2,per_second=1000000,slots=16384+system",
    "guard:every=2,per_second=1000000+debug+system",
    "limit:bytes=1G+guard:every=2,per_second=1000000+stats:print=off+debug:zones=16+system",
    "profile:every=1+system",
    "profile:every=200+arena:limit=64M",
    "stats:print=off+profile:every=1,sites=4,blocks=64+debug+system",
};

/* What a layer cannot do without. */
static const char *spec_of_layer(const char *name)
{
    return strcmp(name, "limit") == 0 ? "limit:bytes=1G" : name;
}

/* ---- Subjects of our own ------------------------------------------------------------------- */

/* The least that an allocator can be: whatever else is called, the library has derived. */
static void *least_alloc(size_t size, size_t align, void *ctx)
{
    const struct dal_instance *child = ctx;

    return child->alloc.call(size, align, child->alloc.ctx);
}

static void least_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    const struct dal_instance *child = ctx;

    child->dealloc.call(ptr, size, align, child->dealloc.ctx);
}

static struct dal_allocator least = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = least_alloc,
    .dealloc = least_dealloc,
};

static int lend_handle(const struct conformance_subject *subject,
                       const struct dal_instance **instance, char *message, size_t message_bytes)
{
    (void)message;
    (void)message_bytes;
    *instance = subject->data;
    return 0;
}

static struct conformance_subject subject_of_handle(const struct dal_instance *handle,
                                                    const char *name)
{
    return (struct conformance_subject){.name = name, .create = lend_handle, .data = handle};
}

/* ---- Which -------------------------------------------------------------------------- */

static void add(struct conformance_subject subject)
{
    if (subject_count == SUBJECTS_MAX) {
        fprintf(stderr, "conformance: more than %d subjects\n", SUBJECTS_MAX);
        exit(2);
    }
    subjects[subject_count++] = subject;
}

static void add_spec(const char *layer, const char *backend)
{
    char *spec = specs[subject_count];

    snprintf(spec, sizeof specs[0], "%s%s%s", layer, *layer ? "+" : "", backend);
    add(conformance_subject_by_spec(spec));
}

static int is_layer(const struct dal_backend *backend)
{
    return (backend->flags & DAL_BACKEND_LAYER) != 0;
}

static int add_below(const struct dal_backend *backend, void *data)
{
    if (!is_layer(backend))
        add_spec(data, backend->name);
    return 0;
}

static int add_layer(const struct dal_backend *layer, void *data)
{
    (void)data;
    return is_layer(layer)
               ? dal_backend_visit(add_below, (void *)(uintptr_t)spec_of_layer(layer->name))
               : 0;
}

static void add_all(void)
{
    (void)dal_backend_visit(add_below, (void *)(uintptr_t) "");
    (void)dal_backend_visit(add_layer, NULL);
    for (size_t i = 0; i < sizeof more_specs / sizeof *more_specs; i++) {
        if (dal_spec_visit(more_specs[i], NULL, NULL, NULL, 0) != DAL_ERR_UNKNOWN)
            add_spec("", more_specs[i]);
    }
    least.ctx = (void *)(uintptr_t)dal_system();
    add(conformance_subject_by_allocator(&least, "least"));
    add(conformance_subject_by_allocator(&pool, "examples/pool"));
    add(conformance_subject_by_allocator(&dal_system_allocator, "dal_system_allocator"));
    add(conformance_subject_by_allocator(&dal_arena_allocator, "dal_arena_allocator"));
    add(subject_of_handle(dal_system(), "dal_system()"));
    add(subject_of_handle(dal_global(), "dal_global()"));
}

/* ---- Running ------------------------------------------------------------------------ */

static size_t case_count(void)
{
    size_t count = 0;

    while (conformance_cases()[count].name)
        count++;
    return count;
}

/* One in so many is run, but for a case that the platform is known not to pass, by its name. */
static int every;
static const char *left_out;

/* The cases of the first subject are counted, then those of the second, ... */
START_TEST(test_subject_keeps_promise)
{
    size_t number = (size_t)_i * (size_t)every;
    const struct conformance_subject *subject = &subjects[number / case_count()];
    const struct conformance_profile *profile = &profiles[number / case_count()];
    const struct conformance_case *which = &conformance_cases()[number % case_count()];
    struct conformance_outcome outcome;

    if (left_out && strcmp(left_out, which->name) == 0) {
        printf("skip  %s: %s (CONFORMANCE_WITHOUT)\n", subject->name, which->name);
        return;
    }
    conformance_run(subject, profile, which, &outcome);
    if (outcome.verdict == CONFORMANCE_SKIPPED)
        printf("skip  %s: %s (%s)\n", subject->name, which->name, outcome.reason);
    else if (outcome.verdict == CONFORMANCE_PASSED)
        printf("pass  %s: %s\n", subject->name, which->name);
    else
        printf("FAIL  %s: %s\n", subject->name, which->name);
    fflush(stdout);
    ck_assert_msg(outcome.verdict != CONFORMANCE_FAILED, "%s: %s: asked %s; expected %s; got %s",
                  subject->name, which->name, outcome.asked, outcome.expected, outcome.got);
}
END_TEST

/* A subject that cannot be made has no cases; that is a failure of its own. */
static char probe_errors[SUBJECTS_MAX][1100];

START_TEST(test_subject_can_be_made)
{
    ck_assert_msg(!probe_errors[_i][0], "%s", probe_errors[_i]);
}
END_TEST

static void probe(size_t index)
{
    char message[1024] = "";
    int error = conformance_probe(&subjects[index], TIMEOUT_SECONDS, &profiles[index], message,
                                  sizeof message);

    if (error)
        snprintf(probe_errors[index], sizeof probe_errors[index], "%s: %s", dal_strerror(error),
                 message);
}

#if CONFORMANCE_SANITIZED
/* A case runs in a process of its own that ends by _exit(). To look for leaks at the end of each of
 * the thousand that wait for one takes ten minutes and finds nothing. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}
#endif

static int has_common_divisor(int a, int b)
{
    while (b > 0) {
        int rest = a % b;

        a = b;
        b = rest;
    }
    return a > 1;
}

static Suite *make_suite(void)
{
    Suite *suite = suite_create("conformance");
    int cases = (int)case_count();

    left_out = getenv("CONFORMANCE_WITHOUT");
    every = suite_every("CONFORMANCE_EVERY");
    /* Or every subject would meet the same cases, and others none. */
    while (every > 1 && has_common_divisor(cases, every))
        every++;
    for (size_t i = 0; i < subject_count; i++) {
        TCase *tcase = tcase_create(subjects[i].name);
        int index = (int)i;

        probe(i);
        /* For who does not see to it itself: a case may have several limits, one behind the other.
         */
        tcase_set_timeout(tcase, 20 * TIMEOUT_SECONDS);
        tcase_add_loop_test(tcase, test_subject_can_be_made, index, index + 1);
        if (!probe_errors[i][0])
            tcase_add_loop_test(tcase, test_subject_keeps_promise,
                                suite_share(index * cases, every),
                                suite_share((index + 1) * cases, every));
        suite_add_tcase(suite, tcase);
    }
    return suite;
}

int main(void)
{
    int status = conformance_process_main();

    if (status >= 0)
        return status;
    add_all();
    return suite_run(make_suite());
}
