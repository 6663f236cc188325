/* SPDX-License-Identifier: MIT */
/*
 * A fork in the middle of the first call. The argument says in the middle of what:
 *
 *   create   another thread is inside create() of the backend that the program chooses
 *   start    another thread is inside the start of the library itself, which is possible
 *            before its constructor has run only: all of it happens before any
 *   publish  another thread has sealed the choice and not yet published the table: it is
 *            stopped in the line that DISPATCHALLOC_VERBOSE writes, by our own write(2)
 *   options  another thread sets the options of an allocator that a process has one of, under the
 *            lock that modules have for that
 *   storm    anywhere: a thread makes the first call while this one forks, many times
 *
 * The child has to be able to allocate from the right allocator, and so has the parent after.
 * Exits 0 if so. A child that hangs is ended by its alarm.
 */
#include <string.h>

#include <dispatchalloc.h>

#include "../../backends/process_options.h"
#include "early.h"
#include "middle.h"

enum { STORM_PROCESSES = 300 };

/* The library is linked into this program, so this is the write(2) that it calls. */
ssize_t write(int file, const void *data, size_t bytes)
{
    if (file == STDERR_FILENO)
        stop_in_the_middle();
    return syscall(SYS_write, file, data, bytes);
}

/* ---- A backend that is slow to start ------------------------------------------------------- */

static atomic_int creates;
static atomic_int slow_calls;

static void *slow_alloc(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&slow_calls, 1);
    return dal_instance_alloc(dal_system(), size, align);
}

static void slow_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    dal_instance_dealloc(dal_system(), ptr, size, align);
}

static int slow_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    atomic_fetch_add(&creates, 1);
    stop_in_the_middle();
    allocator->alloc = slow_alloc;
    allocator->dealloc = slow_dealloc;
    return 0;
}

static const struct dal_backend slow = {
    DAL_BACKEND_HEADER, .name = "slow", .version = "1", .summary = "a test", .create = slow_create,
};

/* ---- Checks --------------------------------------------------------------------------------- */

/* One allocation that has to come from the named allocator. */
static void allocate(const char *name)
{
    int before = atomic_load(&slow_calls);
    int is_slow = strcmp(name, "slow") == 0;
    char *block = dal_alloc(64, 16);

    REQUIRE(block != NULL);
    if (block)
        memset(block, 1, 64);
    dal_dealloc(block, 64, 16);
    REQUIRE(atomic_load(&slow_calls) == before + is_slow);
    REQUIRE(strcmp(dal_global_name(), name) == 0);
}

static void fork_in_the_middle(void *(*function)(void *), void (*in_child)(void))
{
    pthread_t thread = go_to_the_middle(function);

    in_a_child(in_child);
    go_on(thread);
}

/* ---- create --------------------------------------------------------------------------------- */

static void *choose_slow(void *argument)
{
    (void)argument;
    REQUIRE(dal_global_set_spec("slow") == 0);
    return NULL;
}

static void choose_again_and_allocate(void)
{
    REQUIRE(dal_global_source() == DAL_SOURCE_DEFAULT);
    REQUIRE(dal_global_set_spec("slow") == 0);
    allocate("slow");
}

static void fork_in_create(void)
{
    REQUIRE(dal_backend_register(&slow) == 0);
    fork_in_the_middle(choose_slow, choose_again_and_allocate);
    allocate("slow");
    REQUIRE(atomic_load(&creates) == 1);
}

/* ---- start ---------------------------------------------------------------------------------- */

static void *register_slow(void *argument)
{
    (void)argument;
    REQUIRE(dal_backend_register(&slow) == 0);
    return NULL;
}

/* What the other thread was making is lost; this one starts over, create() included. */
static void start_again_and_allocate(void)
{
    REQUIRE(atomic_load(&creates) == 1);
    allocate("slow");
    REQUIRE(atomic_load(&creates) == 2);
    REQUIRE(dal_global_source() == DAL_SOURCE_ENVIRONMENT);
}

static void fork_in_start(void)
{
    fork_in_the_middle(register_slow, start_again_and_allocate);
    allocate("slow");
    REQUIRE(atomic_load(&creates) == 1);
}

static void before_constructors(const char *mode)
{
    if (strcmp(mode, "start") == 0)
        fork_in_start();
}

RUN_EARLY(before_constructors);

/* ---- publish -------------------------------------------------------------------------------- */

static void *allocate_slow(void *argument)
{
    (void)argument;
    allocate("slow");
    return NULL;
}

/* The choice is sealed: the child has the same one, and does not report it again. */
static void find_it_sealed_and_allocate(void)
{
    REQUIRE(dal_global_is_sealed());
    allocate("slow");
    REQUIRE(dal_global_active() != NULL && strcmp(dal_global_active()->name, "slow") == 0);
}

static void fork_before_publication(void)
{
    REQUIRE(dal_backend_register(&slow) == 0);
    REQUIRE(dal_global_set_spec("slow") == 0);
    fork_in_the_middle(allocate_slow, find_it_sealed_and_allocate);
    allocate("slow");
}

/* ---- options -------------------------------------------------------------------------------- */

struct dal_early_module_ dal_early_self_;

static int set_slowly(const struct dal_backend_request *request, size_t index,
                      const struct dal_option_value *given)
{
    (void)request;
    (void)index;
    (void)given;
    stop_in_the_middle();
    return 0;
}

static int single_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    static struct dal_process_options_ process;
    int error = dal_process_options_set_(request, "allocator", set_slowly, &process);

    allocator->alloc = slow_alloc;
    allocator->dealloc = slow_dealloc;
    return error;
}

static const struct dal_option single_options[] = {COUNT("level", 0, 9, "a test")};

static const struct dal_backend single = {
    DAL_BACKEND_HEADER,      .name = "single",          .version = "1",    .summary = "a test",
    .create = single_create, .options = single_options, .option_count = 1,
};

static void make_single(void)
{
    const struct dal_instance *instance = NULL;

    REQUIRE(dal_instance_create_spec("single:level=1", &instance, NULL, 0) == 0);
    dal_instance_destroy(instance);
}

static void *make_single_in_a_thread(void *unused)
{
    make_single();
    return unused;
}

static void fork_under_lock(void)
{
    REQUIRE(dal_backend_register(&single) == 0);
    fork_in_the_middle(make_single_in_a_thread, make_single);
    make_single();
}

/* ---- storm ---------------------------------------------------------------------------------- */

static atomic_int storm_begins;

static void *allocate_in_the_storm(void *argument)
{
    (void)argument;
    while (!atomic_load(&storm_begins))
        ;
    allocate("slow");
    return NULL;
}

static void just_allocate(void)
{
    allocate("slow");
}

static void fork_while_it_starts(void)
{
    pthread_t thread;

    REQUIRE(pthread_create(&thread, NULL, allocate_in_the_storm, NULL) == 0);
    atomic_store(&storm_begins, 1);
    in_a_child(just_allocate);
    REQUIRE(pthread_join(thread, NULL) == 0);
    allocate("slow");
}

/* Every process of the storm is forked from this one, in which nothing is sealed. */
static void storm(void)
{
    REQUIRE(dal_backend_register(&slow) == 0);
    REQUIRE(dal_global_set_spec("slow") == 0);
    for (int i = 0; i < STORM_PROCESSES && !failures; i++)
        in_a_child(fork_while_it_starts);
    REQUIRE(!dal_global_is_sealed());
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    be_patient();
    if (strcmp(mode, "create") == 0)
        fork_in_create();
    else if (strcmp(mode, "publish") == 0)
        fork_before_publication();
    else if (strcmp(mode, "options") == 0)
        fork_under_lock();
    else if (strcmp(mode, "storm") == 0)
        storm();
    else if (strcmp(mode, "start") == 0)
        allocate("slow");
    else
        return 99;
    return failures != 0;
}
