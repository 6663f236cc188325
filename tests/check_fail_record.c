/* SPDX-License-Identifier: MIT */
/* The layer `fail`: in which process calls fail, and what a record tells of them. */
#define _GNU_SOURCE /* mkdtemp, program_invocation_short_name */
#include <check.h>
#include <dispatchalloc.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define TEST(name)      tcase_add_test(tcase, name)
#define CHILD           "fixed-arena:capacity=8M"

static char directory[200];
static char path[sizeof directory + 16];

static void set_up(void)
{
    const char *parent = getenv("TMPDIR");

    snprintf(directory, sizeof directory, "%.150s/fail_record.XXXXXX", parent ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/record", directory);
}

static void tear_down(void)
{
    (void)unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
}

/* ---- Instances and records ------------------------------------------------------------------- */

/* "%s" in options is the path. */
static const struct dal_instance *make(const char *options, const char *below)
{
    const struct dal_instance *instance = NULL;
    char spec[512], message[512], given[256];

    snprintf(given, sizeof given, options, path);
    snprintf(spec, sizeof spec, "fail:%s+%s", given, below);
    ck_assert_msg(dal_instance_create_spec(spec, &instance, message, sizeof message) == 0, "%s",
                  message);
    return instance;
}

/* So that calls with different sizes do not become different code. */
static size_t of(size_t size)
{
    __asm__ volatile("" : "+r"(size));
    return size;
}

/* Whether an allocation fails. */
__attribute__((noinline)) static int fails(const struct dal_instance *instance, size_t size)
{
    void *block = dal_instance_alloc(instance, size, 1);

    dal_instance_dealloc(instance, block, size, 1);
    return !block;
}

__attribute__((noinline)) static int fails_elsewhere(const struct dal_instance *instance)
{
    int failed = fails(instance, of(33));

    __asm__ volatile("");
    return failed;
}

struct record {
    void *bytes;
    size_t size;
};

static int is_there(void)
{
    return access(path, F_OK) == 0;
}

static struct record open_record(void)
{
    struct record record;
    struct stat status;
    int file = open(path, O_RDONLY);

    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(fstat(file, &status), 0);
    record.size = (size_t)status.st_size;
    record.bytes = mmap(NULL, record.size, PROT_READ, MAP_PRIVATE, file, 0);
    ck_assert_ptr_ne(record.bytes, MAP_FAILED);
    close(file);
    return record;
}

static void close_record(const struct record *record)
{
    munmap(record->bytes, record->size);
}

static uint64_t get(const struct record *record, const char *key)
{
    uint64_t value = UINT64_MAX;

    ck_assert_int_eq(dal_fail_file_get(record->bytes, record->size, key, &value), 0);
    return value;
}

static const char *text_of(const struct record *record, const char *key)
{
    static char text[20000];

    ck_assert_int_eq(dal_fail_file_text(record->bytes, record->size, key, text, sizeof text), 0);
    return text;
}

struct stacks {
    struct dal_fail_stack all[8];
    size_t count;
};

static int add_stack(const struct dal_fail_stack *stack, void *data)
{
    struct stacks *stacks = data;

    ck_assert_uint_eq(stack->size_bytes, sizeof *stack);
    ck_assert_uint_lt(stacks->count, COUNT_OF(stacks->all));
    stacks->all[stacks->count++] = *stack;
    return 0;
}

/* In the order of their first calls. */
static int compare_stacks(const void *one, const void *other)
{
    const struct dal_fail_stack *a = one, *b = other;

    return (a->first > b->first) - (a->first < b->first);
}

static struct stacks stacks_of(const struct record *record)
{
    struct stacks stacks = {.count = 0};

    ck_assert_int_eq(dal_fail_file_visit(record->bytes, record->size, add_stack, &stacks), 0);
    qsort(stacks.all, stacks.count, sizeof *stacks.all, compare_stacks);
    ck_assert_uint_eq(stacks.count, get(record, "stacks"));
    return stacks;
}

static void ck_stack(const struct dal_fail_stack *stack, uint64_t first, uint64_t last,
                     uint64_t calls)
{
    ck_assert_uint_eq(stack->first, first);
    ck_assert_uint_eq(stack->last, last);
    ck_assert_uint_eq(stack->calls, calls);
}

/* ---- What is recorded ------------------------------------------------------------------------ */

START_TEST(test_all_calls_are_recorded_by_their_stacks_where_none_fails)
{
    const struct dal_instance *instance = make("record=%s", CHILD);
    struct record record;
    struct stacks stacks;

    ck_assert(!is_there());
    for (volatile int i = 0; i < 3; i++)
        ck_assert(!fails(instance, of(10)));
    for (volatile int i = 0; i < 4; i++)
        ck_assert(!fails(instance, of(20)));
    ck_assert(!fails_elsewhere(instance));
    record = open_record();
    ck_assert_uint_eq(get(&record, "calls"), 8);
    ck_assert_uint_eq(get(&record, "nth"), 0);
    ck_assert_uint_eq(get(&record, "size"), 0);
    ck_assert_uint_eq(get(&record, "lost"), 0);
    ck_assert_uint_eq(get(&record, "ended"), 0);
    ck_assert_str_eq(text_of(&record, "stack"), "");
    ck_assert_uint_eq(strtoull(text_of(&record, "process"), NULL, 10), (uint64_t)getpid());
    ck_assert_ptr_nonnull(strstr(text_of(&record, "head"), "\nprogram: "));
    stacks = stacks_of(&record);
    if (dal_services_get()->stacks_prepare() == 0) {
        ck_assert_uint_eq(stacks.count, 3);
        ck_stack(&stacks.all[0], 1, 3, 3);
        ck_stack(&stacks.all[1], 4, 7, 4);
        ck_stack(&stacks.all[2], 8, 8, 1);
    } else {
        ck_assert_uint_eq(stacks.count, 1);
        ck_stack(&stacks.all[0], 1, 8, 8);
    }
    close_record(&record);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_fewer_frames_make_fewer_stacks)
{
    const struct dal_instance *instance = make("record=%s,stacks=1", CHILD);
    struct record record;
    struct stacks stacks;

    ck_assert(!fails(instance, of(10)));
    ck_assert(!fails_elsewhere(instance));
    record = open_record();
    stacks = stacks_of(&record);
    ck_assert_uint_eq(stacks.count, 1);
    ck_stack(&stacks.all[0], 1, 2, 2);
    close_record(&record);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_a_call_that_fails_is_recorded_alone_with_stack_and_size)
{
    const struct dal_instance *instance = make("record=%s,nth=3", CHILD);
    struct record record;
    struct stacks stacks;

    ck_assert(!fails(instance, of(10)));
    ck_assert(!fails(instance, of(10)));
    record = open_record();
    ck_assert_uint_eq(get(&record, "nth"), 0);
    ck_assert_uint_eq(get(&record, "calls"), 0);
    close_record(&record);
    ck_assert(fails_elsewhere(instance));
    ck_assert(!fails(instance, of(10)));
    record = open_record();
    ck_assert_uint_eq(get(&record, "nth"), 3);
    ck_assert_uint_eq(get(&record, "size"), 33);
    ck_assert_uint_eq(get(&record, "calls"), 3);
    ck_assert_uint_eq(get(&record, "live_blocks"), 0);
    ck_assert_ptr_nonnull(strstr(text_of(&record, "stack"), "    #0 0x"));
    stacks = stacks_of(&record);
    ck_assert_uint_eq(stacks.count, 1);
    ck_stack(&stacks.all[0], 3, 3, 1);
    close_record(&record);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_what_was_live_is_recorded_over_stats)
{
    const struct dal_instance *instance = make("record=%s,nth=3", "stats:print=off+" CHILD);
    void *one = dal_instance_alloc(instance, 40, 8), *two = dal_instance_alloc(instance, 50, 8);
    struct record record;

    ck_assert(fails(instance, of(60)));
    record = open_record();
    ck_assert_uint_eq(get(&record, "live_blocks"), 2);
    ck_assert_uint_eq(get(&record, "live_bytes"), 90);
    close_record(&record);
    dal_instance_dealloc(instance, two, 50, 8);
    dal_instance_dealloc(instance, one, 40, 8);
    dal_instance_destroy(instance);
}
END_TEST

enum { THREADS = 4, CALLS = 2000 };

static void *allocate(void *instance)
{
    for (int i = 0; i < CALLS; i++)
        ck_assert(!fails(instance, of(10)));
    return NULL;
}

START_TEST(test_no_call_of_many_threads_is_missed)
{
    const struct dal_instance *instance = make("record=%s", CHILD);
    pthread_t threads[THREADS];
    struct record record;
    struct stacks stacks;
    uint64_t calls = 0;

    ck_assert(!fails(instance, of(10)));
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, allocate, (void *)(uintptr_t)instance),
                         0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    record = open_record();
    stacks = stacks_of(&record);
    for (size_t i = 0; i < stacks.count; i++)
        calls += stacks.all[i].calls;
    ck_assert_uint_eq(calls, 1 + THREADS * CALLS);
    ck_assert_uint_eq(get(&record, "calls"), 1 + THREADS * CALLS);
    ck_assert_uint_eq(stacks.all[stacks.count - 1].last, 1 + THREADS * CALLS);
    close_record(&record);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- In which process ------------------------------------------------------------------------ */

START_TEST(test_nothing_fails_in_another_process_or_program)
{
    char options[64];
    const struct dal_instance *instance = make("record=%s,program=other,nth=1", CHILD);

    ck_assert(!fails(instance, of(10)));
    dal_instance_destroy(instance);
    snprintf(options, sizeof options, "record=%%s,process=%ld,nth=1", (long)getppid());
    instance = make(options, CHILD);
    ck_assert(!fails(instance, of(10)));
    dal_instance_destroy(instance);
    ck_assert(!is_there());
}
END_TEST

START_TEST(test_it_fails_in_the_process_and_program_that_is_named)
{
    char options[64], name[128];
    const struct dal_instance *instance;

    snprintf(options, sizeof options, "process=%010ld,nth=1", (long)getpid());
    instance = make(options, CHILD);
    ck_assert(fails(instance, of(10)));
    dal_instance_destroy(instance);
    (void)dal_services_get()->process_name(name, sizeof name);
    ck_assert_ptr_nonnull(strchr(name, '('));
    name[strlen(name) - 1] = '\0';
    snprintf(options, sizeof options, "program=%s,nth=1", strchr(name, '(') + 1);
    instance = make(options, CHILD);
    ck_assert(fails(instance, of(10)));
    dal_instance_destroy(instance);
}
END_TEST

static int run_child(const struct dal_instance *instance)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        _exit(fails(instance, of(10)) ? 1 : 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(test_the_child_of_a_fork_neither_fails_nor_records)
{
    const struct dal_instance *instance = make("record=%s,after=1", CHILD);
    const struct dal_instance *counting;
    struct record record;

    ck_assert(!fails(instance, of(10)));
    ck_assert_int_eq(run_child(instance), 0);
    record = open_record();
    ck_assert_uint_eq(get(&record, "nth"), 0);
    close_record(&record);
    ck_assert(fails(instance, of(10)));
    dal_instance_destroy(instance);
    counting = make("record=%s", CHILD);
    ck_assert(!fails(counting, of(10)));
    ck_assert_int_eq(run_child(counting), 0);
    record = open_record();
    ck_assert_uint_eq(get(&record, "calls"), 1);
    close_record(&record);
    dal_instance_destroy(counting);
}
END_TEST

/* Without a descriptor, and with another working directory and name, as of a call behind it. */
START_TEST(test_the_first_call_of_all_says_where_it_is)
{
    static char name[] = "another name";
    char *name_before = program_invocation_short_name;
    const struct dal_instance *instance;
    struct rlimit before, none;
    struct record record;
    char spec[300], own[128];
    int start = open(".", O_RDONLY);

    (void)dal_services_get()->process_name(own, sizeof own);
    own[strlen(own) - 1] = '\0';
    ck_assert_int_eq(chdir(directory), 0);
    snprintf(spec, sizeof spec, "record=record,program=%s,nth=3", strchr(own, '(') + 1);
    instance = make(spec, CHILD);
    ck_assert(!fails(instance, of(10)));
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    ck_assert_int_eq(fchdir(start), 0);
    close(start);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    program_invocation_short_name = name;
    ck_assert(!fails(instance, of(10)));
    ck_assert(fails(instance, of(10)));
    program_invocation_short_name = name_before;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    record = open_record();
    ck_assert_uint_eq(get(&record, "nth"), 3);
    close_record(&record);
    dal_instance_destroy(instance);
}
END_TEST

/* By exit(), which _exit() is not. */
START_TEST(test_that_exit_handlers_were_run_is_recorded)
{
    for (int is_orderly = 0; is_orderly < 2; is_orderly++) {
        struct record record;
        int status;
        pid_t child = fork();

        if (child == 0) {
            (void)fails(make("record=%s", CHILD), 10);
            if (is_orderly)
                exit(0);
            _exit(0);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        record = open_record();
        ck_assert_uint_eq(get(&record, "calls"), 1);
        ck_assert_uint_eq(get(&record, "ended"), (uint64_t)is_orderly);
        close_record(&record);
    }
}
END_TEST

START_TEST(test_without_a_file_it_fails_all_the_same)
{
    const struct dal_instance *instance;
    char *end = strrchr(path, '/');

    strcpy(end, "/no/x");
    instance = make("record=%s,nth=2", CHILD);
    ck_assert(!fails(instance, of(10)));
    errno = 0;
    ck_assert(fails(instance, of(10)));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert(!fails(instance, of(10)));
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Mistakes -------------------------------------------------------------------------------- */

START_TEST(test_what_is_no_record_is_refused)
{
    static _Alignas(64) char zeroes[64 * 1024];
    struct stacks stacks = {.count = 0};
    uint64_t value = 7;
    char text[8];

    ck_assert_int_eq(dal_fail_file_get(NULL, 0, "calls", &value), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_fail_file_get(zeroes, 100, "calls", &value), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_fail_file_get(zeroes + 1, sizeof zeroes - 1, "calls", &value),
                     DAL_ERR_INVALID);
    ck_assert_int_eq(dal_fail_file_get(zeroes, sizeof zeroes, "calls", &value), DAL_ERR_ABI);
    ck_assert_int_eq(dal_fail_file_text(zeroes, sizeof zeroes, "stack", text, sizeof text),
                     DAL_ERR_ABI);
    ck_assert_int_eq(dal_fail_file_visit(zeroes, sizeof zeroes, add_stack, &stacks), DAL_ERR_ABI);
    ck_assert_int_eq(dal_fail_file_visit(zeroes, sizeof zeroes, NULL, NULL), DAL_ERR_INVALID);
    ck_assert_uint_eq(value, 7);
    ck_assert_uint_eq(stacks.count, 0);
}
END_TEST

START_TEST(test_a_record_that_was_cut_is_refused_and_unknown_keys_are)
{
    const struct dal_instance *instance = make("record=%s", CHILD);
    struct record record;
    uint64_t value;
    char text[8];

    ck_assert(!fails(instance, of(10)));
    record = open_record();
    ck_assert_int_eq(dal_fail_file_get(record.bytes, record.size / 2, "calls", &value),
                     DAL_ERR_ABI);
    ck_assert_int_eq(dal_fail_file_get(record.bytes, record.size, "xyzzy", &value),
                     DAL_ERR_UNKNOWN);
    ck_assert_int_eq(dal_fail_file_get(record.bytes, record.size, NULL, &value), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_fail_file_text(record.bytes, record.size, "xyzzy", text, sizeof text),
                     DAL_ERR_UNKNOWN);
    ck_assert_int_eq(dal_fail_file_text(record.bytes, record.size, "head", text, sizeof text), 0);
    ck_assert_str_eq(text, "dispatc");
    close_record(&record);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_stacks_without_a_record_are_refused)
{
    const struct dal_instance *instance;
    char message[256];

    ck_assert_int_eq(
        dal_instance_create_spec("fail:stacks=3+system", &instance, message, sizeof message),
        DAL_ERR_OPTION);
    ck_assert_ptr_nonnull(strstr(message, "option \"stacks\" is for \"record\""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fail_record");
    TCase *tcase = tcase_create("fail_record");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    TEST(test_all_calls_are_recorded_by_their_stacks_where_none_fails);
    TEST(test_fewer_frames_make_fewer_stacks);
    TEST(test_a_call_that_fails_is_recorded_alone_with_stack_and_size);
    TEST(test_what_was_live_is_recorded_over_stats);
    TEST(test_no_call_of_many_threads_is_missed);
    TEST(test_nothing_fails_in_another_process_or_program);
    TEST(test_it_fails_in_the_process_and_program_that_is_named);
    TEST(test_the_child_of_a_fork_neither_fails_nor_records);
    TEST(test_the_first_call_of_all_says_where_it_is);
    TEST(test_that_exit_handlers_were_run_is_recorded);
    TEST(test_without_a_file_it_fails_all_the_same);
    TEST(test_what_is_no_record_is_refused);
    TEST(test_a_record_that_was_cut_is_refused_and_unknown_keys_are);
    TEST(test_stacks_without_a_record_are_refused);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
