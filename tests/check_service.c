/* SPDX-License-Identifier: MIT */
/* dispatchalloc/service.h: pages, the end of threads, memory for each thread, a line, a clock, a
 * seed. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dispatchalloc.h>

#include "conformance/sanitizer.h"
#include "suite.h"

static const struct dal_services *services;

static void setup(void)
{
    services = dal_services_get();
}

static void *join(pthread_t thread)
{
    void *result;

    ck_assert_int_eq(pthread_join(thread, &result), 0);
    return result;
}

static pthread_t start(void *(*function)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;

    /* A thousand of the usual stacks are more than 32 bits can address. */
    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, function, argument), 0);
    pthread_attr_destroy(&attributes);
    return thread;
}

static void *in_thread(void *(*function)(void *), void *argument)
{
    return join(start(function, argument));
}

/* ---- What a request has ---------------------------------------------------------------------- */

static const struct dal_services *requested;

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    requested = request->services;
    (void)allocator;
    return DAL_OK;
}

START_TEST(test_a_request_has_them_all)
{
    static const struct dal_backend asking = {
        DAL_BACKEND_HEADER,
        .name = "asking",
        .version = "1",
        .summary = "asks",
        .flags = DAL_BACKEND_LAYER,
        .create = create,
        .needs_services_bytes = DAL_NEEDS(struct dal_services, seed),
    };
    const struct dal_instance *instance;

    ck_assert_int_eq(dal_backend_register(&asking), 0);
    ck_assert_int_eq(dal_instance_create_spec("asking+system", &instance, NULL, 0), 0);
    ck_assert_ptr_eq(requested, services);
    ck_assert_uint_eq(services->size_bytes, sizeof *services);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Pages ----------------------------------------------------------------------------------- */

START_TEST(test_pages_are_zero_and_begin_a_page)
{
    size_t page = services->page_bytes();
    size_t bytes = 3 * page + 1;
    unsigned char *pages = services->pages_map(bytes);

    ck_assert_uint_eq(page & (page - 1), 0);
    ck_assert_ptr_nonnull(pages);
    ck_assert_uint_eq((uintptr_t)pages % page, 0);
    for (size_t i = 0; i < bytes; i++)
        ck_assert_uint_eq(pages[i], 0);
    memset(pages, 1, bytes);
    services->pages_wish(pages + 1, bytes - 2, DAL_PAGES_SMALL | DAL_PAGES_PRESENT);
    for (size_t i = 0; i < bytes; i++)
        ck_assert_uint_eq(pages[i], 1);
    services->pages_unmap(pages, bytes);
    services->pages_unmap(NULL, bytes);
    services->pages_wish(NULL, 0, DAL_PAGES_PRESENT);
}
END_TEST

START_TEST(test_what_cannot_be_mapped_is_null_and_errno_stays)
{
    errno = 4711;
    /* Of 32 bits' addresses half can be had. */
    ck_assert_ptr_null(services->pages_map(SIZE_MAX - 65535));
    ck_assert_int_eq(errno, 4711);
}
END_TEST

static volatile unsigned char *protected_page(uint32_t access)
{
    volatile unsigned char *page = services->pages_map(1);

    (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer has a handler, which exits */
    *page = 42;
    ck_assert_int_eq(services->pages_protect((void *)(uintptr_t)page, 1, access), 0);
    return page;
}

START_TEST(test_a_page_without_access_cannot_be_read)
{
    ck_assert_uint_eq(*protected_page(DAL_PAGES_NO_ACCESS), 42);
}
END_TEST

START_TEST(test_a_page_to_be_read_cannot_be_written)
{
    volatile unsigned char *page = protected_page(DAL_PAGES_READ);

    ck_assert_uint_eq(*page, 42);
    *page = 1;
}
END_TEST

START_TEST(test_a_page_can_be_opened_again)
{
    volatile unsigned char *page = protected_page(DAL_PAGES_NO_ACCESS);

    ck_assert_int_eq(services->pages_protect((void *)(uintptr_t)page, 1, 3), DAL_ERR_SYSTEM);
    ck_assert_int_eq(services->pages_protect((void *)(uintptr_t)page, 1, DAL_PAGES_READ_WRITE), 0);
    ck_assert_uint_eq(*page, 42);
    *page = 1;
}
END_TEST

/* ---- The end of threads ---------------------------------------------------------------------- */

static atomic_int ends[2];

static void ended_first(struct dal_thread_listener *listener)
{
    (void)listener;
    ends[0]++;
}

static void ended_second(struct dal_thread_listener *listener)
{
    (void)listener;
    ends[1]++;
}

static struct dal_thread_listener listeners[2] = {{.ended = ended_first}, {.ended = ended_second}};

static void *announce(void *times)
{
    for (int i = 0; i < *(int *)times; i++)
        services->thread_end_announce();
    return NULL;
}

START_TEST(test_every_listener_hears_of_who_announced_its_end_once)
{
    int times[] = {0, 1, 3};

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(services->thread_end_listen(&listeners[i]), 0);
    ck_assert_int_eq(services->thread_end_listen(&listeners[0]), 0);
    for (int i = 0; i < 3; i++)
        in_thread(announce, &times[i]);
    ck_assert_int_eq(ends[0], 2);
    ck_assert_int_eq(ends[1], 2);
}
END_TEST

START_TEST(test_there_is_no_end_to_listeners)
{
    static struct dal_thread_listener crowd[100];
    int once = 1;

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++) {
            crowd[i].ended = ended_first;
            ck_assert_int_eq(services->thread_end_listen(&crowd[i]), 0);
        }
    }
    in_thread(announce, &once);
    ck_assert_int_eq(ends[0], 100);
}
END_TEST

static pthread_key_t late_key;

static void announce_again(void *unused)
{
    (void)unused;
    services->thread_end_announce();
}

static void *announce_now_and_late(void *unused)
{
    services->thread_end_announce();
    (void)pthread_setspecific(late_key, &late_key);
    return unused;
}

/* Destructors run in the order of their keys, so this one's is after the library's. */
START_TEST(test_who_goes_on_after_its_end_may_announce_it_again)
{
    ck_assert_int_eq(services->thread_end_listen(&listeners[0]), 0);
    ck_assert_int_eq(pthread_key_create(&late_key, announce_again), 0);
    in_thread(announce_now_and_late, NULL);
    ck_assert_int_eq(ends[0], 2);
}
END_TEST

/* ---- Thread records -------------------------------------------------------------------------- */

/* A part as a counter. */
static size_t add_one(struct dal_thread_record *record)
{
    size_t *part = services->thread_record_enter(record);
    size_t count;

    ck_assert_ptr_nonnull(part);
    ck_assert_uint_eq((uintptr_t)part % 64, 0);
    count = ++*part;
    services->thread_record_leave(record, part);
    return count;
}

struct sum {
    size_t parts;
    size_t count;
};

static int add_part(void *part, void *data)
{
    struct sum *sum = data;

    sum->parts++;
    sum->count += *(size_t *)part;
    return 0;
}

static struct sum sum_of(const struct dal_thread_record *record)
{
    struct sum sum = {0, 0};

    ck_assert_int_eq(services->thread_record_visit(record, add_part, &sum), 0);
    return sum;
}

static void open_record(struct dal_thread_record *record)
{
    ck_assert_int_eq(services->thread_record_open(record, sizeof(size_t), NULL), 0);
}

START_TEST(test_what_sizes_a_part_can_have)
{
    struct dal_thread_record record;

    ck_assert_int_eq(services->thread_record_open(&record, 0, NULL), DAL_ERR_INVALID);
    ck_assert_int_eq(services->thread_record_open(&record, DAL_THREAD_PART_BYTES_MAX + 1, NULL),
                     DAL_ERR_INVALID);
    for (size_t bytes = 1; bytes <= DAL_THREAD_PART_BYTES_MAX; bytes *= 2) {
        char *part;

        ck_assert_int_eq(services->thread_record_open(&record, bytes, NULL), 0);
        part = services->thread_record_enter(&record);
        ck_assert_ptr_nonnull(part);
        ck_assert(part[0] == 0 && memcmp(part, part + 1, bytes - 1) == 0);
        memset(part, 1, bytes); /* who opens the next one must not find it */
        services->thread_record_leave(&record, part);
        services->thread_record_close(&record);
    }
}
END_TEST

enum { LAYERS = 8, THREADS = 1000 };

static struct dal_thread_record layers[LAYERS];
static pthread_barrier_t all_there;

static void *use_all_layers(void *unused)
{
    void *parts[LAYERS];

    for (int i = 0; i < LAYERS; i++)
        parts[i] = services->thread_record_enter(&layers[i]);
    pthread_barrier_wait(&all_there);
    for (int i = 0; i < LAYERS; i++) {
        ck_assert_ptr_nonnull(parts[i]);
        ck_assert_ptr_eq(parts[i], services->thread_record_enter(&layers[i]));
        ck_assert_ptr_eq(parts[i], dal_thread_record_part(&layers[i]));
        ++*(size_t *)parts[i];
        services->thread_record_leave(&layers[i], parts[i]);
    }
    return unused;
}

static void start_all(void)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        threads[i] = start(use_all_layers, NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
}

START_TEST(test_eight_layers_and_a_thousand_threads)
{
    for (int i = 0; i < LAYERS; i++)
        open_record(&layers[i]);
    pthread_barrier_init(&all_there, NULL, THREADS);
    for (size_t round = 1; round <= 2; round++) {
        start_all();
        /* Whoever comes later goes on with what the first ones left. */
        for (int i = 0; i < LAYERS; i++) {
            ck_assert_uint_eq(sum_of(&layers[i]).parts, THREADS);
            ck_assert_uint_eq(sum_of(&layers[i]).count, round * THREADS);
        }
    }
    for (int i = 0; i < LAYERS; i++)
        services->thread_record_close(&layers[i]);
    pthread_barrier_destroy(&all_there);
}
END_TEST

static void *count_once(void *record)
{
    add_one(record);
    return NULL;
}

START_TEST(test_a_part_goes_from_thread_to_thread)
{
    struct dal_thread_record record;

    open_record(&record);
    for (int i = 0; i < 1000; i++)
        in_thread(count_once, &record);
    ck_assert_uint_eq(sum_of(&record).parts, 1);
    ck_assert_uint_eq(sum_of(&record).count, 1000);
    services->thread_record_close(&record);
}
END_TEST

static void fill_with_seven(void *part)
{
    ck_assert_uint_eq(*(size_t *)part, 0);
    *(size_t *)part = 7;
}

START_TEST(test_parts_are_filled_also_those_used_again)
{
    struct dal_thread_record record;

    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(services->thread_record_open(&record, sizeof(size_t), fill_with_seven), 0);
        ck_assert_uint_eq(add_one(&record), 8);
        ck_assert_uint_eq(add_one(&record), 9);
        services->thread_record_close(&record);
    }
}
END_TEST

static void *inline_part_is_none(void *record)
{
    const unsigned char *part = dal_thread_record_part(record);

    for (size_t i = 0; i < DAL_THREAD_PART_INLINE_BYTES; i++)
        ck_assert_uint_eq(part[i], 0xff);
    return NULL;
}

START_TEST(test_what_stands_for_a_part_where_there_is_none)
{
    struct dal_thread_record used, unused;

    open_record(&used);
    open_record(&unused);
    in_thread(inline_part_is_none, &used);
    add_one(&used);
    inline_part_is_none(&unused);
    ck_assert_uint_eq(*(size_t *)dal_thread_record_part(&used), 1);
    services->thread_record_close(&used);
    inline_part_is_none(&used);
    services->thread_record_close(&unused);
}
END_TEST

enum { MANY = 500 };

static struct dal_thread_record many[MANY];

static void *use_many(void *unused)
{
    for (int i = 0; i < MANY; i++)
        for (int times = 0; times < i % 3; times++)
            add_one(&many[i]);
    return unused;
}

START_TEST(test_there_is_no_end_to_records)
{
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++)
            open_record(&many[i]);
        use_many(NULL);
        in_thread(use_many, NULL);
        for (int i = 0; i < MANY; i++) {
            ck_assert_uint_eq(sum_of(&many[i]).count, 2 * (size_t)(i % 3));
            ck_assert_uint_eq(sum_of(&many[i]).parts, i % 3 ? 2 : 0);
        }
        inline_part_is_none(&many[MANY - 1]);
        ck_assert_uint_eq(*(size_t *)dal_thread_record_part(&many[1]), 1);
        for (int i = 0; i < MANY; i++)
            services->thread_record_close(&many[i]);
    }
    /* The lowest are taken again. */
    open_record(&many[0]);
    add_one(&many[0]);
    ck_assert_uint_eq(*(size_t *)dal_thread_record_part(&many[0]), 1);
    services->thread_record_close(&many[0]);
}
END_TEST

/* Uses the record in every round of destructors, most of them past the end of its thread. It checks
 * nothing there: libcheck's checks are calls that sanitizers follow, which are past their end too.
 */
static atomic_int late_calls, late_parts;

#ifdef __SANITIZE_THREAD__ /* whose own end is in the last round */
enum { ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS - 1 };
#else
enum { ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS };
#endif

static void count_late(void *record)
{
    size_t *part = services->thread_record_enter(record);

    ++*part;
    services->thread_record_leave(record, part);
    if (++late_calls < ROUNDS)
        (void)pthread_setspecific(late_key, record);
    else
        late_parts += *(size_t *)dal_thread_record_part(record) != SIZE_MAX;
}

static void *count_now_and_late(void *record)
{
    add_one(record);
    (void)pthread_setspecific(late_key, record);
    return NULL;
}

START_TEST(test_who_is_past_its_end_leaves_nothing_behind)
{
    struct dal_thread_record record;

    ck_assert_int_eq(pthread_key_create(&late_key, count_late), 0);
    open_record(&record);
    for (size_t i = 1; i <= 3; i++) {
        late_calls = 0;
        in_thread(count_now_and_late, &record);
        ck_assert_int_eq(late_parts, 0);
        ck_assert_uint_eq(sum_of(&record).parts, 1);
        ck_assert_uint_eq(sum_of(&record).count, i * (1 + ROUNDS));
    }
    services->thread_record_close(&record);
}
END_TEST

static struct dal_thread_record *ended_record;

static void use_at_end(struct dal_thread_listener *listener)
{
    (void)listener;
    add_one(ended_record);
}

START_TEST(test_a_listener_finds_the_part_of_the_thread_that_ends)
{
    static struct dal_thread_listener listener = {.ended = use_at_end};
    struct dal_thread_record record;

    open_record(&record);
    ended_record = &record;
    ck_assert_int_eq(services->thread_end_listen(&listener), 0);
    in_thread(count_once, &record);
    ck_assert_uint_eq(sum_of(&record).parts, 1);
    ck_assert_uint_eq(sum_of(&record).count, 2);
}
END_TEST

static void *open_and_close(void *failed)
{
    for (int i = 0; i < 2000; i++) {
        struct dal_thread_record record;

        open_record(&record);
        if (add_one(&record) != 1 || sum_of(&record).parts != 1)
            atomic_store((atomic_int *)failed, 1);
        services->thread_record_close(&record);
    }
    return NULL;
}

START_TEST(test_threads_that_open_and_close_do_not_meet)
{
    atomic_int failed = 0;
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        threads[i] = start(open_and_close, &failed);
    for (int i = 0; i < 4; i++)
        join(threads[i]);
    ck_assert_int_eq(failed, 0);
}
END_TEST

static int stop_at_once(void *part, void *data)
{
    (void)part;
    ++*(int *)data;
    return -5;
}

START_TEST(test_a_visit_can_be_stopped)
{
    struct dal_thread_record record;
    int visits = 0;

    open_record(&record);
    ck_assert_int_eq(services->thread_record_visit(&record, stop_at_once, &visits), 0);
    add_one(&record);
    in_thread(count_once, &record);
    ck_assert_int_eq(services->thread_record_visit(&record, stop_at_once, &visits), -5);
    ck_assert_int_eq(visits, 1);
    services->thread_record_close(&record);
}
END_TEST

/* ---- fork ------------------------------------------------------------------------------------ */

static pthread_barrier_t meeting;

static void *hold_a_part(void *record)
{
    add_one(record);
    pthread_barrier_wait(&meeting);
    pthread_barrier_wait(&meeting);
    return NULL;
}

static int child_is_right(struct dal_thread_record *record)
{
    struct sum sum;

    if (*(size_t *)dal_thread_record_part(record) != 1)
        return 0;
    add_one(record);
#ifdef __SANITIZE_THREAD__ /* which refuses a new thread here */
    return sum_of(record).count == 3;
#endif
    in_thread(count_once, record);
    sum = sum_of(record);
    /* The part of the thread that is not here is nobody's: the new one has a third. */
    return sum.parts == 3 && sum.count == 4;
}

START_TEST(test_a_child_goes_on)
{
    struct dal_thread_record record;
    pthread_t thread;
    int status;
    pid_t child;

    open_record(&record);
    add_one(&record);
    pthread_barrier_init(&meeting, NULL, 2);
    thread = start(hold_a_part, &record);
    pthread_barrier_wait(&meeting);
    child = fork();
    if (child == 0)
        _exit(child_is_right(&record) ? 0 : 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    pthread_barrier_wait(&meeting);
    join(thread);
    ck_assert_uint_eq(sum_of(&record).count, 2);
}
END_TEST

/* ---- A line, a clock, a seed ----------------------------------------------------------------- */

static void expect_line(const char *expected, size_t length)
{
    char text[2048];
    int ends_of_pipe[2];
    int errors = dup(STDERR_FILENO);
    ssize_t got;

    ck_assert_int_eq(pipe(ends_of_pipe), 0);
    ck_assert_int_eq(dup2(ends_of_pipe[1], STDERR_FILENO), STDERR_FILENO);
    errno = 4711;
    if (expected)
        services->line("%s has %d of %zu", "thing\n", -1, (size_t)7);
    else
        services->line("%02000d", 1);
    ck_assert_int_eq(errno, 4711);
    ck_assert_int_eq(dup2(errors, STDERR_FILENO), STDERR_FILENO);
    close(ends_of_pipe[1]);
    got = read(ends_of_pipe[0], text, sizeof text);
    close(ends_of_pipe[0]);
    close(errors);
    ck_assert_int_eq(got, (ssize_t)length);
    if (expected)
        ck_assert_mem_eq(text, expected, length);
    ck_assert_int_eq(text[length - 1], '\n');
}

START_TEST(test_a_line_is_one_line)
{
    static const char expected[] = "dispatchalloc: thing? has -1 of 7\n";

    expect_line(expected, sizeof expected - 1);
    expect_line(NULL, 1023);
}
END_TEST

#if !CONFORMANCE_SANITIZED /* whose frames are larger */
/* How much of a stack of its own a handler uses. */
enum { HANDLER_STACK = 256 * 1024 };
static unsigned char *handler_stack;
static const char *line_in_handler;

static void write_line(int signal)
{
    (void)signal;
    if (line_in_handler)
        services->line("%s: %zu of %d", line_in_handler, (size_t)1, -1);
}

static size_t stack_of_handler(const char *line)
{
    size_t unused = 0;

    memset(handler_stack, 0xa5, HANDLER_STACK);
    line_in_handler = line;
    ck_assert_int_eq(raise(SIGUSR1), 0);
    while (unused < HANDLER_STACK && handler_stack[unused] == 0xa5)
        unused++;
    return HANDLER_STACK - unused;
}

START_TEST(test_a_line_needs_little_stack)
{
    struct sigaction action = {.sa_handler = write_line, .sa_flags = SA_ONSTACK};
    stack_t stack = {.ss_size = HANDLER_STACK};

    /* valgrind has no eyes for what a stack held. */
    if (conformance_is_under_valgrind())
        return;
    stack.ss_sp = handler_stack = malloc(HANDLER_STACK);
    ck_assert_ptr_nonnull(handler_stack);
    ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    /* What is bound at the first call is. */
    (void)stack_of_handler("bound");
    ck_assert_uint_le(stack_of_handler("written"), stack_of_handler(NULL) + 2048);
    stack = (stack_t){.ss_flags = SS_DISABLE};
    ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
    free(handler_stack);
}
END_TEST
#endif

/* ---- Lines of a file ------------------------------------------------------------------------ */

struct lines_seen {
    int count, end_at;
    char last[2048];
};

static int see_line(const char *text, void *data)
{
    struct lines_seen *seen = data;

    snprintf(seen->last, sizeof seen->last, "%s", text);
    return ++seen->count == seen->end_at ? 42 : 0;
}

START_TEST(test_lines_of_a_file)
{
    char path[] = "/tmp/lines.XXXXXX", text[4000];
    struct lines_seen seen = {0}, stopped = {.end_at = 2};
    const char *reason = NULL;
    int file = mkstemp(path);

    memset(text, 'x', sizeof text);
    memcpy(text, "one\n\n", 5);
    ck_assert_int_eq((int)write(file, text, sizeof text), (int)sizeof text);
    close(file);
    errno = 77;
    ck_assert_int_eq(services->file_lines(path, see_line, &seen, &reason), 0);
    ck_assert_int_eq(seen.count, 3);
    ck_assert_uint_eq(strlen(seen.last), 1023);
    ck_assert_int_eq(services->file_lines(path, see_line, &stopped, &reason), 42);
    ck_assert_str_eq(stopped.last, "");
    unlink(path);
    ck_assert_int_eq(services->file_lines(path, see_line, &seen, &reason), DAL_ERR_SYSTEM);
    ck_assert_str_eq(reason, "there is no such file");
    ck_assert_int_eq(errno, 77);
}
END_TEST

/* ---- What the command does ------------------------------------------------------------------- */

static int make_no_lists(struct dal_leak_lists *lists)
{
    (void)lists;
    abort();
}

/* A process that has not got ready for it does without. */
START_TEST(test_a_report_is_written_and_leaks_are_not_found_without_the_command)
{
    static const char report[] = "dispatchalloc: debug[1]: x\n    #0 0x1 (/no/such+0x1)\n";
    struct dal_leak_lists lists = {.make = make_no_lists};
    const char *reason = NULL;
    char text[256];
    int ends_of_pipe[2], errors = dup(STDERR_FILENO);
    ssize_t got;

    for (uint32_t resolve = DAL_RESOLVE_NEVER; resolve <= DAL_RESOLVE_ALWAYS; resolve++) {
        ck_assert_int_eq(pipe(ends_of_pipe), 0);
        ck_assert_int_eq(dup2(ends_of_pipe[1], STDERR_FILENO), STDERR_FILENO);
        errno = 4711;
        services->report(report, sizeof report - 1, resolve);
        ck_assert_int_eq(errno, 4711);
        ck_assert_int_eq(dup2(errors, STDERR_FILENO), STDERR_FILENO);
        close(ends_of_pipe[1]);
        got = read(ends_of_pipe[0], text, sizeof text);
        close(ends_of_pipe[0]);
        ck_assert_int_eq(got, (ssize_t)sizeof report - 1);
        ck_assert_mem_eq(text, report, sizeof report - 1);
    }
    close(errors);
    ck_assert_int_eq(services->leaks_find(&lists, __builtin_frame_address(0), &reason),
                     DAL_ERR_UNSUPPORTED);
    ck_assert_str_eq(reason, "the command dispatchalloc is not installed with the library");
    ck_assert_int_eq(errno, 4711);
}
END_TEST

/* ---- Cancellation ---------------------------------------------------------------------------- */

/* A cancellation that is due comes at the next such point: here that is the last call. (The checks
 * of libcheck are such points as well.) */
static void *use_all_while_cancelled(void *record)
{
    char name[64], path[64];
    const char *reason;
    size_t *part;

    pthread_cancel(pthread_self());
    (void)services->huge_page_bytes();
    services->pages_unmap(services->pages_map(1), 1);
    services->line("%s", "nobody is cancelled here");
    services->thread_end_announce();
    (void)services->clock();
    (void)services->seed();
    services->text("nor here\n", 9);
    (void)services->process_name(name, sizeof name);
    snprintf(path, sizeof path, "/tmp/check_service.%ld", (long)getpid());
    services->file_unmap(services->file_map(path, services->page_bytes(), &reason),
                         services->page_bytes());
    (void)unlink(path);
    (void)services->file_path("%p", path, sizeof path);
    (void)services->file_lines("/dev/null", see_line, NULL, &reason);
    part = services->thread_record_enter(record);
    ++*part;
    services->thread_record_leave(record, part);
    pthread_testcancel();
    return NULL;
}

START_TEST(test_no_service_is_a_cancellation_point)
{
    struct dal_thread_record record;

    open_record(&record);
    ck_assert_ptr_eq(in_thread(use_all_while_cancelled, &record), PTHREAD_CANCELED);
    ck_assert_uint_eq(sum_of(&record).count, 1);
    services->thread_record_close(&record);
}
END_TEST

/* The same of what programs call, where it may write, or read a file. */
static void *call_all_while_cancelled(void *done)
{
    static char text[2048]; /* AddressSanitizer does not clean the stack of who is cancelled */
    const struct dal_instance *instance = NULL;
    void *block;

    pthread_cancel(pthread_self());
    snprintf(text, sizeof text, "stats:file=/tmp/check_service.%ld+arena:limit=1M", (long)getpid());
    if (dal_instance_create_spec(text, &instance, text, sizeof text) == 0) {
        block = dal_instance_alloc(instance, 100, 8);
        dal_instance_dealloc(instance, block, 100, 8);
        dal_instance_destroy(instance);
    }
    (void)dal_instance_create_spec("nobody+", &instance, text, sizeof text);
    block = dal_alloc(100, 8);
    dal_dealloc(block, 100, 8);
    (void)dal_global_set_spec("arena");
    (void)dal_global_explain(text, sizeof text);
    (void)dal_backend_find("nobody");
    snprintf(text, sizeof text, "/tmp/check_service.%ld", (long)getpid());
    (void)unlink(text);
    *(int *)done = 1;
    pthread_testcancel();
    return NULL;
}

START_TEST(test_no_call_is_a_cancellation_point)
{
    int done = 0;

    ck_assert_ptr_eq(in_thread(call_all_while_cancelled, &done), PTHREAD_CANCELED);
    ck_assert_int_eq(done, 1);
}
END_TEST

static size_t format(char *text, size_t bytes, const char *how, ...)
{
    va_list arguments;
    size_t length;

    va_start(arguments, how);
    length = services->format(text, bytes, how, arguments);
    va_end(arguments);
    return length;
}

START_TEST(test_a_text_is_formatted)
{
    char text[32];

    ck_assert_uint_eq(
        format(text, sizeof text, "%s %.2s %zu%% %d %x", "a", "bcd", (size_t)5, -6, 7u), 12);
    ck_assert_str_eq(text, "a bc 5% -6 7");
    ck_assert_uint_eq(format(text, 4, "%5.1f|", 2.5), 6);
    ck_assert_str_eq(text, "  2");
    ck_assert_uint_eq(services->process(), (uint64_t)getpid());
}
END_TEST

START_TEST(test_the_clock_goes_on)
{
    uint64_t before = services->clock();
    uint64_t after;

    for (int i = 0; i < 1000; i++) {
        after = services->clock();
        ck_assert_uint_ge(after, before);
        before = after;
    }
    while (services->clock() == before)
        ;
}
END_TEST

static int compare_seeds(const void *first, const void *second)
{
    uint64_t one = *(const uint64_t *)first, other = *(const uint64_t *)second;

    return one < other ? -1 : one > other;
}

/* A half in a forked child: in all they differ, and each bit is set in about half of them. */
START_TEST(test_seeds_differ)
{
    enum { SEEDS = 4096 };
    uint64_t *seeds = malloc(SEEDS * sizeof *seeds);
    int ends_of_pipe[2], status;
    size_t got = 0;
    pid_t child;

    ck_assert_int_eq(pipe(ends_of_pipe), 0);
    child = fork();
    for (int i = 0; i < SEEDS / 2; i++)
        seeds[i] = services->seed();
    if (child == 0)
        _exit(write(ends_of_pipe[1], seeds, SEEDS / 2 * sizeof *seeds) !=
              (ssize_t)(SEEDS / 2 * sizeof *seeds));
    while (got < SEEDS / 2 * sizeof *seeds) {
        ssize_t more = read(ends_of_pipe[0], (char *)(seeds + SEEDS / 2) + got,
                            SEEDS / 2 * sizeof *seeds - got);

        ck_assert_int_gt(more, 0);
        got += (size_t)more;
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    for (int bit = 0; bit < 64; bit++) {
        int set = 0;

        for (int i = 0; i < SEEDS; i++)
            set += (int)(seeds[i] >> bit & 1);
        ck_assert_int_gt(set, SEEDS / 2 - 300); /* nine standard deviations */
        ck_assert_int_lt(set, SEEDS / 2 + 300);
    }
    qsort(seeds, SEEDS, sizeof *seeds, compare_seeds);
    for (int i = 1; i < SEEDS; i++)
        ck_assert(seeds[i] != seeds[i - 1]);
    free(seeds);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, setup, NULL);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("service");
    TCase *tcase = add_case(suite, "pages");

    tcase_add_test(tcase, test_a_request_has_them_all);
    tcase_add_test(tcase, test_pages_are_zero_and_begin_a_page);
    tcase_add_test(tcase, test_what_cannot_be_mapped_is_null_and_errno_stays);
    tcase_add_test_raise_signal(tcase, test_a_page_without_access_cannot_be_read, SIGSEGV);
    tcase_add_test_raise_signal(tcase, test_a_page_to_be_read_cannot_be_written, SIGSEGV);
    tcase_add_test(tcase, test_a_page_can_be_opened_again);

    tcase = add_case(suite, "the end of threads");
    tcase_add_test(tcase, test_every_listener_hears_of_who_announced_its_end_once);
    tcase_add_test(tcase, test_there_is_no_end_to_listeners);
    tcase_add_test(tcase, test_who_goes_on_after_its_end_may_announce_it_again);

    tcase = add_case(suite, "thread records");
    tcase_add_test(tcase, test_what_sizes_a_part_can_have);
    tcase_add_test(tcase, test_eight_layers_and_a_thousand_threads);
    tcase_add_test(tcase, test_a_part_goes_from_thread_to_thread);
    tcase_add_test(tcase, test_parts_are_filled_also_those_used_again);
    tcase_add_test(tcase, test_what_stands_for_a_part_where_there_is_none);
    tcase_add_test(tcase, test_there_is_no_end_to_records);
    tcase_add_test(tcase, test_who_is_past_its_end_leaves_nothing_behind);
    tcase_add_test(tcase, test_a_listener_finds_the_part_of_the_thread_that_ends);
    tcase_add_test(tcase, test_threads_that_open_and_close_do_not_meet);
    tcase_add_test(tcase, test_a_visit_can_be_stopped);
    tcase_add_test(tcase, test_a_child_goes_on);

    tcase = add_case(suite, "the rest");
    tcase_add_test(tcase, test_a_line_is_one_line);
#if !CONFORMANCE_SANITIZED
    tcase_add_test(tcase, test_a_line_needs_little_stack);
#endif
    tcase_add_test(tcase, test_no_service_is_a_cancellation_point);
    tcase_add_test(tcase, test_no_call_is_a_cancellation_point);
    tcase_add_test(tcase, test_lines_of_a_file);
    tcase_add_test(tcase, test_a_report_is_written_and_leaks_are_not_found_without_the_command);
    tcase_add_test(tcase, test_a_text_is_formatted);
    tcase_add_test(tcase, test_the_clock_goes_on);
    tcase_add_test(tcase, test_seeds_differ);
    return suite_run(suite);
}
