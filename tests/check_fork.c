/* SPDX-License-Identifier: MIT */
/* The fork functions of instances: each called once, in the right order, around fork(2). */
#include <config.h>

#include <check.h>
#include <dispatchalloc.h>
#include <pthread.h>
#include <sched.h>
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

static struct dal_allocator allocator_called(const char *name)
{
    return (struct dal_allocator){
        DAL_ALLOCATOR_HEADER((void *)(uintptr_t)name),
        .alloc = plain_alloc,
        .dealloc = plain_dealloc,
        .fork_prepare = prepare,
        .fork_parent = parent,
        .fork_child = child,
    };
}

static const struct dal_instance *instance_of(struct dal_allocator allocator)
{
    const struct dal_instance *instance = NULL;

    ck_assert_int_eq(dal_instance_create(&allocator, "for a test", &instance), 0);
    return instance;
}

static const struct dal_instance *instance_called(const char *name)
{
    return instance_of(allocator_called(name));
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

/* As while the environment's layer is made anew over a choice: one of the two is not in use. */
START_TEST(test_an_instance_that_is_wrapped_twice_is_called_once)
{
    const struct dal_instance *base = instance_called("a");
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);
    struct dal_stack_ *stacks[2];

    ck_assert_int_eq(dal_backend_register(&passing), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(
            dal_stack_create_("passing", base, DAL_STACK_OF_LIBRARY, &stacks[i], &nowhere), 0);
    expect_calls("-a+a", "-a*a");
    dal_stack_destroy_(stacks[0], 0);
    expect_calls("-a+a", "-a*a");
}
END_TEST

/* ---- The one that serves the process --------------------------------------------------- */

static const struct dal_allocator *forking(const char *name)
{
    static struct dal_allocator allocators[4];
    static size_t count;

    allocators[count] = allocator_called(name);
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
    struct dal_allocator maker = allocator_called("a");
    const struct dal_instance *instance;

    maker.fork_prepare = prepare_and_create;
    instance = instance_of(maker);
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

/* ---- One goes and another comes in the middle ---------------------------------------------- */

/* What is replaced in the middle of a fork, while it lasts, and what comes for it. */
static const struct dal_instance *leaving;
static atomic_int may_replace, is_waiting, is_replaced;

static void replace(void)
{
    dal_instance_destroy(leaving);
    (void)instance_called("y");
    atomic_store(&is_replaced, 1);
}

static void *replace_in_a_thread(void *unused)
{
    while (!atomic_load(&may_replace))
        sched_yield();
    replace();
    return unused;
}

/* Who destroys waits by this call, and for nothing else: check_fork is linked so. */
int __real_sched_yield(void);
int __wrap_sched_yield(void);
int __wrap_sched_yield(void)
{
    atomic_store(&is_waiting, atomic_load(&may_replace));
    return __real_sched_yield();
}

static void prepare_and_let_replace(void *ctx)
{
    note("-", ctx);
    atomic_store(&may_replace, 1);
    while (!atomic_load(&is_waiting) && !atomic_load(&is_replaced))
        (void)__real_sched_yield();
}

/* x is prepared before k is. */
START_TEST(test_a_place_is_not_taken_over_by_another_thread_in_the_middle)
{
    struct dal_allocator slow = allocator_called("k");
    pthread_t thread;

    slow.fork_prepare = prepare_and_let_replace;
    (void)instance_of(slow);
    leaving = instance_called("x");
    ck_assert_int_eq(pthread_create(&thread, NULL, replace_in_a_thread, NULL), 0);
    expect_calls("-x-k+k+x", "-x-k*k*x");
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    expect_calls("-y-k+k+y", "-y-k*k*y");
}
END_TEST

static void replace_once(void)
{
    if (!atomic_load(&is_replaced))
        replace();
}

static void prepare_and_replace(void *ctx)
{
    note("-", ctx);
    replace_once();
}

static void parent_and_replace(void *ctx)
{
    note("+", ctx);
    replace_once();
}

static void child_and_replace(void *ctx)
{
    note("*", ctx);
    replace_once();
}

/* The functions of k, the first of which replaces x. What comes takes the place that is left when
 * the fork has ended. */
static void expect_replaced(struct dal_allocator k)
{
    (void)instance_of(k);
    leaving = instance_called("x");
    expect_calls("-x-k+k", "-x-k*k");
    (void)instance_called("z");
    expect_calls("-y-z-k+k+z+y", "-y-z-k*k*z*y");
}

START_TEST(test_a_place_is_not_taken_over_inside_a_prepare_function)
{
    struct dal_allocator k = allocator_called("k");

    k.fork_prepare = prepare_and_replace;
    expect_replaced(k);
}
END_TEST

START_TEST(test_a_place_is_not_taken_over_inside_the_functions_after_a_fork)
{
    struct dal_allocator k = allocator_called("k");

    k.fork_parent = parent_and_replace;
    k.fork_child = child_and_replace;
    expect_replaced(k);
}
END_TEST

/* ---- Two forks at once --------------------------------------------------------------------- */

/* musl has a lock for its handlers, and holds it while they run: there one fork waits for another.
 */
#if defined __linux__ && !defined __GLIBC__
# define HAS_FORKS_AT_ONCE 0
#else
# define HAS_FORKS_AT_ONCE 1
#endif

#if HAS_FORKS_AT_ONCE
static _Thread_local int is_second;
static atomic_int second_is_in, first_is_done;

/* The second fork stays in here until the first is done, which replaces x meanwhile. */
static void prepare_in_two_forks(void *ctx)
{
    (void)ctx;
    if (!is_second) {
        replace_once();
        return;
    }
    atomic_store(&second_is_in, 1);
    while (!atomic_load(&first_is_done))
        (void)__real_sched_yield();
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static int fork_and_wait(void)
{
    int status = -1;
    pid_t process = fork();

    if (process == 0)
        _exit(calls[0] != '\0');
    return waitpid(process, &status, 0) == process ? status : -1;
}

static void *fork_second(void *unused)
{
    is_second = 1;
    return fork_and_wait() == 0 ? unused : &is_replaced;
}

/* What comes is not called by the fork that has called what went, either. */
START_TEST(test_a_place_is_not_taken_over_before_all_forks_are_done)
{
    struct dal_allocator k = allocator_called("k"), x = allocator_called("x");
    pthread_t thread;
    void *failed;

    k.fork_prepare = prepare_in_two_forks;
    k.fork_parent = k.fork_child = x.fork_prepare = x.fork_parent = x.fork_child = nothing;
    (void)instance_of(k);
    leaving = instance_of(x);
    ck_assert_int_eq(pthread_create(&thread, NULL, fork_second, NULL), 0);
    while (!atomic_load(&second_is_in))
        (void)__real_sched_yield();
    ck_assert_int_eq(fork_and_wait(), 0);
    (void)instance_called("z");
    atomic_store(&first_is_done, 1);
    ck_assert_int_eq(pthread_join(thread, &failed), 0);
    ck_assert_ptr_null(failed);
    ck_assert_str_eq(calls, "");
}
END_TEST
#endif

/* ---- The first ones at once ----------------------------------------------------------------- */

static atomic_int stops_first, registrations, may_register;

/* The first registration stops before it is one, in the test that is for. */
int __real_pthread_atfork(void (*)(void), void (*)(void), void (*)(void));
int __wrap_pthread_atfork(void (*)(void), void (*)(void), void (*)(void));
int __wrap_pthread_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    if (atomic_fetch_add(&registrations, 1) == 0 && atomic_load(&stops_first)) {
        while (!atomic_load(&may_register))
            (void)__real_sched_yield();
    }
    return __real_pthread_atfork(before, in_parent, in_child);
}

static void *make_first(void *unused)
{
    (void)instance_called("a");
    return unused;
}

/* Who comes second has its handlers nevertheless, and does not wait, which in the child would be
 * for ever. Handlers that are there twice call nothing twice. */
START_TEST(test_handlers_are_in_place_when_an_instance_is)
{
    pthread_t thread;
    int status;
    pid_t process;

    atomic_store(&stops_first, 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, make_first, NULL), 0);
    while (atomic_load(&registrations) == 0)
        (void)__real_sched_yield();
    process = fork();
    if (process == 0) {
        (void)instance_called("c");
        expect_calls("-c+c", "-c*c");
        _exit(0);
    }
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert_int_eq(status, 0);
    (void)instance_called("b");
    expect_calls("-b+b", "-b*b");
    atomic_store(&may_register, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(atomic_load(&registrations), 2);
    expect_calls("-a-b+b+a", "-a-b*b*a");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fork");
    TCase *cases = tcase_create("fork functions");
    TCase *races = tcase_create("races");

    tcase_add_test(cases, test_the_latest_is_quiet_first_and_back_last);
    tcase_add_test(cases, test_a_destroyed_instance_is_not_called);
    tcase_add_test(cases, test_an_instance_that_is_wrapped_is_called_once);
    tcase_add_test(cases, test_an_instance_that_is_wrapped_twice_is_called_once);
    tcase_add_test(cases, test_the_global_allocator_is_called_sealed_or_not);
    tcase_add_test(cases, test_a_choice_that_was_replaced_is_not_called);
    tcase_add_test(cases, test_the_forwarding_handle_does_nothing_at_a_fork);
    tcase_add_test(cases, test_an_instance_made_after_prepare_is_called_from_the_next_fork_on);
    tcase_add_test(races, test_an_instance_destroyed_during_a_fork_outlives_it);
    tcase_add_test(races, test_a_place_is_not_taken_over_by_another_thread_in_the_middle);
    tcase_add_test(races, test_a_place_is_not_taken_over_inside_a_prepare_function);
    tcase_add_test(races, test_a_place_is_not_taken_over_inside_the_functions_after_a_fork);
#if HAS_FORKS_AT_ONCE
    tcase_add_test(races, test_a_place_is_not_taken_over_before_all_forks_are_done);
#endif
    tcase_add_test(races, test_handlers_are_in_place_when_an_instance_is);
    suite_add_tcase(suite, cases);
    suite_add_tcase(suite, races);
    return suite_run(suite);
}
