/* SPDX-License-Identifier: MIT */
/*
 * One thread makes something, another one uses it, and what makes that right is the library's own
 * memory orders alone: these threads tell each other only relaxed that they may go on.
 * ThreadSanitizer follows the orders by the rules of C11, not by what this processor does, so that
 * it finds one which is too weak for any machine (tests/orders.sh). The argument is what is made.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

/* ---- Turns that order nothing ---------------------------------------------------------------- */

static atomic_int turn;

static void begin_turn(int number)
{
    atomic_store_explicit(&turn, number, memory_order_relaxed);
}

static void wait_for_turn(int number)
{
    while (atomic_load_explicit(&turn, memory_order_relaxed) < number)
        sched_yield();
}

/* ---- A table that serves --------------------------------------------------------------------- */

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

static void choose(void)
{
    static const struct dal_allocator plain = {
        DAL_ALLOCATOR_HEADER(NULL),
        .alloc = plain_alloc,
        .dealloc = plain_dealloc,
    };

    REQUIRE(dal_global_set(&plain) == 0);
}

static void allocate(void)
{
    void *block = dal_alloc(64, 16);

    REQUIRE(block != NULL);
    dal_dealloc(block, 64, 16);
}

/* The other thread's first call finds the hook set. */
static void choose_and_allocate(void)
{
    choose();
    allocate();
}

static void *no_memalign(size_t align, size_t size)
{
    (void)align;
    (void)size;
    return NULL;
}

static size_t no_size(void *ptr)
{
    (void)ptr;
    return 0;
}

static void allocate_unsized(void)
{
    void *block = dal_unsized_malloc(64);

    REQUIRE(block != NULL);
    dal_unsized_free(block);
}

static void choose_and_allocate_unsized(void)
{
    static const struct dal_malloc_family family = {
        DAL_ALLOCATOR_ABI, sizeof family, malloc, free, calloc, realloc, no_memalign, no_size,
    };
    const struct dal_allocator plain = {
        DAL_ALLOCATOR_HEADER(NULL),
        .alloc = plain_alloc,
        .dealloc = plain_dealloc,
        .malloc_family = &family,
    };

    REQUIRE(dal_global_set(&plain) == 0);
    allocate_unsized();
}

/* ---- A backend with a name ------------------------------------------------------------------- */

static int create_plain(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    allocator->alloc = plain_alloc;
    allocator->dealloc = plain_dealloc;
    return 0;
}

static struct dal_backend backend;

static void register_backend(void)
{
    const struct dal_backend made = {
        DAL_BACKEND_HEADER,      .name = "made",         .version = "1",
        .summary = "for a test", .create = create_plain,
    };

    memcpy(&backend, &made, sizeof backend);
    REQUIRE(dal_backend_register(&backend) == 0);
}

static void find_backend(void)
{
    REQUIRE(dal_backend_find("made") == &backend);
}

/* ---- A state of an arena --------------------------------------------------------------------- */

static const struct dal_instance *arena;

static void make_arena(void)
{
    REQUIRE(dal_instance_create_spec("arena:limit=8M", &arena, NULL, 0) == 0);
}

static void *allocate_and_end(void *unused)
{
    REQUIRE(dal_instance_alloc(arena, 64, 16) != NULL);
    return unused;
}

/* Its thread ends, and leaves it idle. */
static void leave_state(void)
{
    pthread_t thread;

    REQUIRE(pthread_create(&thread, NULL, allocate_and_end, NULL) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
}

static void take_on_state(void)
{
    REQUIRE(dal_instance_alloc(arena, 64, 16) != NULL);
}

/* ---- A large block that another thread gives back -------------------------------------------- */

enum { LARGE = 1 << 20 };

static _Atomic(void *) large;

/* The way there is in order, as a program has it; the way back is the arena's. */
static void free_large(void)
{
    void *block;

    while (!(block = atomic_load_explicit(&large, memory_order_acquire)))
        sched_yield();
    dal_instance_dealloc(arena, block, LARGE, 16);
}

static void allocate_large(void)
{
    atomic_store_explicit(&large, dal_instance_alloc(arena, LARGE, 16), memory_order_release);
    wait_for_turn(1);
    for (int i = 0; i < 4; i++) {
        void *block = dal_instance_alloc(arena, LARGE, 16);

        REQUIRE(block != NULL);
        dal_instance_dealloc(arena, block, LARGE, 16);
    }
}

/* ---- A part of a thread ---------------------------------------------------------------------- */

static struct dal_thread_record record;

static void fill_part(void *part)
{
    memset(part, 7, sizeof(long));
}

static void open_record(void)
{
    REQUIRE(dal_services_get()->thread_record_open(&record, sizeof(long), fill_part) == 0);
}

static void enter_record(void)
{
    REQUIRE(dal_services_get()->thread_record_enter(&record) != NULL);
}

static int look_at_part(void *part, void *data)
{
    long there;

    memcpy(&there, part, sizeof there);
    *(int *)data += there != 0;
    return 0;
}

static void visit_parts(void)
{
    int count = 0;

    REQUIRE(dal_services_get()->thread_record_visit(&record, look_at_part, &count) == 0);
    REQUIRE(count == 1);
}

/* The thread goes, and its seat with the part is the other's. */
static void *write_part(void *unused)
{
    long *part = dal_services_get()->thread_record_enter(&record);

    REQUIRE(part != NULL);
    ++*part;
    return unused;
}

static void leave_seat(void)
{
    pthread_t thread;

    REQUIRE(pthread_create(&thread, NULL, write_part, NULL) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
}

static void take_seat(void)
{
    (void)write_part(NULL);
}

/* ---- All of it ------------------------------------------------------------------------------- */

static const struct scenario {
    const char *name;
    void (*before)(void); /* there are two threads */
    void (*make)(void);
    void (*use)(void);
    int use_waits; /* by itself */
} scenarios[] = {
    {"state", NULL, choose, allocate, 0},
    {"hook", NULL, choose_and_allocate, allocate, 0},
    {"family", NULL, choose_and_allocate_unsized, allocate_unsized, 0},
    {"backend", NULL, register_backend, find_backend, 0},
    {"idle", make_arena, leave_state, take_on_state, 0},
    {"returned", make_arena, free_large, allocate_large, 1},
    {"part", open_record, enter_record, visit_parts, 0},
    {"seat", open_record, leave_seat, take_seat, 0},
};

static void *use(void *scenario)
{
    if (!((const struct scenario *)scenario)->use_waits)
        wait_for_turn(1);
    ((const struct scenario *)scenario)->use();
    return NULL;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof scenarios / sizeof scenarios[0]; i++) {
        const struct scenario *scenario = &scenarios[i];
        pthread_t user;

        if (strcmp(scenario->name, argv[1]) != 0)
            continue;
        if (scenario->before)
            scenario->before();
        REQUIRE(pthread_create(&user, NULL, use, (void *)(uintptr_t)scenario) == 0);
        scenario->make();
        begin_turn(1);
        REQUIRE(pthread_join(user, NULL) == 0);
        return 0;
    }
    return 99;
}
