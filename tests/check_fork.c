/* SPDX-License-Identifier: MIT */
/* The fork functions of instances: each called once, in the right order, around fork(2). */
#include <config.h>

#include <check.h>
#include <dispatchalloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain/stack.h"
#include "suite.h"

static char calls[64];

static void note(const char *call, void *ctx)
{
    strcat(calls, call);
    strcat(calls, ctx);
}

static void prepare(void *ctx)
{
    note("-", ctx);
}

static void parent(void *ctx)
{
    note("+", ctx);
}

static void child(void *ctx)
{
    note("*", ctx);
}

static void *plain_alloc(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return dal_instance_alloc(dal_system(), size, align);
}

static void plain_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    dal_instance_dealloc(dal_system(), ptr, size, align);
}

static const struct dal_instance *instance_called(const char *name)
{
    const struct dal_allocator allocator = {
        DAL_ALLOCATOR_HEADER((void *)(uintptr_t)name),
        .alloc = plain_alloc,
        .dealloc = plain_dealloc,
        .fork_prepare = prepare,
        .fork_parent = parent,
        .fork_child = child,
    };
    const struct dal_instance *instance = NULL;

    ck_assert_int_eq(dal_instance_create(&allocator, name, &instance), 0);
    return instance;
}

/* Fork, and check what was called in the parent and in the child. */
static void expect_calls(const char *in_parent, const char *in_child)
{
    int status;
    pid_t process;

    calls[0] = '\0';
    process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0)
        _exit(strcmp(calls, in_child) == 0 ? 0 : 1);
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert_str_eq(calls, in_parent);
    ck_assert_msg(status == 0, "the child was called otherwise");
}

START_TEST(test_the_latest_is_quiet_first_and_back_last)
{
    (void)instance_called("a");
    (void)instance_called("b");
    expect_calls("-b-a+a+b", "-b-a*a*b");
}
END_TEST

START_TEST(test_a_destroyed_instance_is_not_called)
{
    (void)instance_called("a");
    dal_instance_destroy(instance_called("b"));
    expect_calls("-a+a", "-a*a");
}
END_TEST

static int create_nothing(const struct dal_backend_request *request,
                          struct dal_allocator *allocator)
{
    (void)request;
    (void)allocator;
    return 0;
}

static const struct dal_backend passing = {
    DAL_BACKEND_HEADER,      .name = "passing",          .version = "1",
    .summary = "for a test", .flags = DAL_BACKEND_LAYER, .create = create_nothing,
};

/* As when the operator's layer wraps the program's allocator: both are watched. */
START_TEST(test_an_instance_that_is_wrapped_is_called_once)
{
    const struct dal_instance *base = instance_called("a");
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);
    struct dal_stack_ *stack;

    ck_assert_int_eq(dal_backend_register(&passing), 0);
    ck_assert_int_eq(dal_stack_create_("passing", base, DAL_STACK_OF_LIBRARY, &stack, &nowhere), 0);
    expect_calls("-a+a", "-a*a");
    dal_stack_destroy_(stack, 0);
    expect_calls("-a+a", "-a*a");
}
END_TEST

/* ---- The one that serves the process --------------------------------------------------- */

static const struct dal_allocator *forking(const char *name)
{
    static struct dal_allocator allocators[4];
    static size_t count;
    const struct dal_allocator allocator = {
        DAL_ALLOCATOR_HEADER((void *)(uintptr_t)name),
        .alloc = plain_alloc,
        .dealloc = plain_dealloc,
        .fork_prepare = prepare,
        .fork_parent = parent,
        .fork_child = child,
    };

    memcpy(&allocators[count], &allocator, sizeof allocator);
    return &allocators[count++];
}

/* Also before the first allocation: it may have a thread that the child has to start again. */
START_TEST(test_the_global_allocator_is_called_sealed_or_not)
{
    ck_assert_int_eq(dal_global_set(forking("g")), 0);
    (void)instance_called("a");
    expect_calls("-a-g+g+a", "-a-g*g*a");
    dal_dealloc(dal_alloc(8, 8), 8, 8);
    expect_calls("-a-g+g+a", "-a-g*g*a");
}
END_TEST

START_TEST(test_a_choice_that_was_replaced_is_not_called)
{
    ck_assert_int_eq(dal_global_set(forking("g")), 0);
    ck_assert_int_eq(dal_global_set(forking("h")), 0);
    expect_calls("-h+h", "-h*h");
}
END_TEST

/* The handle that forwards has no fork functions of its own: they would be called twice. */
START_TEST(test_the_forwarding_handle_does_nothing_at_a_fork)
{
    ck_assert_int_eq(dal_global_set(forking("g")), 0);
    calls[0] = '\0';
    dal_instance_fork_prepare(NULL);
    dal_instance_fork_parent(NULL);
    dal_instance_fork_child(dal_global());
    ck_assert_str_eq(calls, "");
}
END_TEST

/* ---- An instance that comes in the middle ------------------------------------------------ */

static void prepare_and_create(void *ctx)
{
    note("-", ctx);
    (void)instance_called("b");
}

/* As another thread may do: b would release what it never took. */
START_TEST(test_an_instance_made_after_prepare_is_called_from_the_next_fork_on)
{
    struct dal_allocator maker = *forking("a");
    const struct dal_instance *instance = NULL;

    maker.fork_prepare = prepare_and_create;
    ck_assert_int_eq(dal_instance_create(&maker, "a", &instance), 0);
    expect_calls("-a+a", "-a*a");
    dal_instance_destroy(instance);
    expect_calls("-b+b", "-b*b");
}
END_TEST

/* ---- An instance that goes in the middle -------------------------------------------------- */

static atomic_int churning, unprepared;

static void set_prepared(void *ctx)
{
    atomic_store((atomic_int *)ctx, 1);
}

static void take_prepared(void *ctx)
{
    if (atomic_exchange((atomic_int *)ctx, 0) == 0)
        atomic_fetch_add(&unprepared, 1);
}

static void *create_and_destroy(void *unused)
{
    while (atomic_load(&churning)) {
        atomic_int state = 0;
        const struct dal_allocator allocator = {
            DAL_ALLOCATOR_HEADER(&state), .alloc = plain_alloc,         .dealloc = plain_dealloc,
            .fork_prepare = set_prepared, .fork_parent = take_prepared, .fork_child = take_prepared,
        };
        const struct dal_instance *instance;

        if (dal_instance_create(&allocator, "x", &instance) == 0)
            dal_instance_destroy(instance);
    }
    return unused;
}

/* Its functions are not called once it is gone, and its last one only if its first was. */
START_TEST(test_an_instance_destroyed_during_a_fork_outlives_it)
{
    pthread_t threads[2];
    int status, runs = suite_race_runs(300);

    atomic_store(&churning, 1);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, create_and_destroy, NULL), 0);
    for (int i = 0; i < runs; i++) {
        pid_t process = fork();

        if (process == 0)
            _exit(atomic_load(&unprepared) != 0);
        ck_assert_int_eq(waitpid(process, &status, 0), process);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store(&churning, 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(atomic_load(&unprepared), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fork");
    TCase *cases = tcase_create("fork functions");

    tcase_add_test(cases, test_the_latest_is_quiet_first_and_back_last);
    tcase_add_test(cases, test_a_destroyed_instance_is_not_called);
    tcase_add_test(cases, test_an_instance_that_is_wrapped_is_called_once);
    tcase_add_test(cases, test_the_global_allocator_is_called_sealed_or_not);
    tcase_add_test(cases, test_a_choice_that_was_replaced_is_not_called);
    tcase_add_test(cases, test_the_forwarding_handle_does_nothing_at_a_fork);
    tcase_add_test(cases, test_an_instance_made_after_prepare_is_called_from_the_next_fork_on);
    tcase_add_test(cases, test_an_instance_destroyed_during_a_fork_outlives_it);
    suite_add_tcase(suite, cases);
    return suite_run(suite);
}
