/* SPDX-License-Identifier: MIT */
/* The layer `stats` counting in a file: what stands there while the process runs, and who may make
 * one where. */
#define _GNU_SOURCE
#include <check.h>
#include <dispatchalloc.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../layers/stats/stats.h"
#include "shared/choice.h"
#include "stats_files.h"
#include "stats_reading.h"
#include "suite.h"

/* ---- Reading --------------------------------------------------------------------------------- */

static void assert_text(const char *path, const char *key, const char *part)
{
    char text[4096];
    size_t bytes;
    void *data = read_file(path, &bytes);

    ck_assert_msg(data != NULL, "%s is not there", path);
    ck_assert_int_eq(dal_stats_file_text(data, bytes, key, text, sizeof text), 0);
    ck_assert_msg(strstr(text, part) != NULL, "%s is \"%s\"", key, text);
    free(data);
}

/* ---- What stands in it -------------------------------------------------------------------------
 */

START_TEST(test_file_holds_each_call_at_once)
{
    const char *path = path_of("counts");
    const struct dal_instance *instance = make("label=mine,file=", path);
    void *block = dal_instance_alloc(instance, 100, 8);
    struct stat status;

    ck_assert_uint_eq(count_in(path, "live_bytes"), 100);
    allocate(instance, 5000, 3);
    dal_instance_dealloc(instance, block, 100, 8);
    ck_assert_uint_eq(count_in(path, "live_bytes"), 15000);
    ck_assert_uint_eq(count_in(path, "alloc.calls"), 4);
    ck_assert_uint_eq(count_in(path, "dealloc.calls"), 1);
    ck_assert_uint_eq(count_in(path, "peak_bytes"), 15100);
    ck_assert_uint_eq(count_in(path, "size.4096-8191.live"), 3);
    assert_text(path, "head", "dispatchalloc file, open:   process ");
    assert_text(path, "head", "check_stats_file");
    assert_text(path, "name", "stats+fixed-arena");
    assert_text(path, "label", "mine");
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_uint_ge((uint64_t)status.st_blocks * 512, (uint64_t)status.st_size);
    dal_instance_destroy(instance);
    assert_text(path, "head", "dispatchalloc file, closed: process ");
    ck_assert_uint_eq(count_in(path, "live_bytes"), 15000);
}
END_TEST

START_TEST(test_no_descriptor_stays_open)
{
    int before = dup(STDIN_FILENO);
    const struct dal_instance *instance = make("file=", path_of("counts"));
    int after = dup(STDIN_FILENO);

    ck_assert_int_eq(after, before + 1);
    close(before);
    close(after);
    dal_instance_destroy(instance);
}
END_TEST

/* The layer, which knows public headers alone, has the words of a switch by itself. */
START_TEST(test_share_takes_the_words_of_a_switch)
{
    static char words[] = DAL_SWITCH_WORDS_;
    char file[64];

    ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", directory, 1), 0);
    snprintf(file, sizeof file, "dispatchalloc/%ld", (long)getpid());
    for (const char *word = strtok(words, "|"); word; word = strtok(NULL, "|")) {
        const struct dal_instance *instance = make("share=", word);
        uint64_t is_on;

        ck_assert(dal_switch_parse_(word, &is_on));
        allocate(instance, 100, 1);
        ck_assert_msg((access(path_of(file), F_OK) == 0) == is_on, "share=%s", word);
        dal_instance_destroy(instance);
        ck_assert(!is_on || unlink(path_of(file)) == 0);
    }
}
END_TEST

START_TEST(test_directory_has_a_file_by_number)
{
    char name[64];
    const struct dal_instance *instance = make("share=", path_of("made"));

    snprintf(name, sizeof name, "made/%ld", (long)getpid());
    allocate(instance, 10, 1);
    ck_assert_uint_eq(count_in(path_of(name), "live_blocks"), 1);
    dal_instance_destroy(instance);
}
END_TEST

/* Each waits until all have counted, so that they need a part each. */
static pthread_barrier_t all_have_counted;

static void *allocate_and_wait(void *instance)
{
    allocate(instance, 10, 1);
    pthread_barrier_wait(&all_have_counted);
    return NULL;
}

START_TEST(test_threads_beyond_the_file_count_all_the_same)
{
    enum { THREADS = STATS_FILE_PARTS + 40 };
    const char *path = path_of("counts");
    const struct dal_instance *instance = make("file=", path);
    pthread_t threads[THREADS];
    uint64_t calls;

    ck_assert_int_eq(pthread_barrier_init(&all_have_counted, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, allocate_and_wait, (void *)(uintptr_t)instance), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(count_in(path, "alloc.calls"), THREADS);
    ck_assert_uint_eq(count_in(path, "live_bytes"), THREADS * 10);
    ck_assert_uint_eq(count_in(path, "size.8-15.live"), THREADS);
    ck_assert_int_eq(dal_stats_get(instance, "alloc.calls", &calls), 0);
    ck_assert_uint_eq(calls, THREADS);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_instance_after_one_with_a_file_counts_elsewhere)
{
    const char *path = path_of("counts");
    const struct dal_instance *instance = make("file=", path);

    allocate(instance, 10, 1);
    dal_instance_destroy(instance);
    instance = make("label=", "none");
    allocate(instance, 10, 5);
    ck_assert_uint_eq(count_in(path, "alloc.calls"), 1);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Whose it is -------------------------------------------------------------------------- */

START_TEST(test_name_in_use_gets_a_number)
{
    const char *path = path_of("counts");
    char second[64];
    const struct dal_instance *one = make("file=", path);
    const struct dal_instance *other = make("file=", path);

    snprintf(second, sizeof second, "counts.%ld", (long)getpid());
    allocate(one, 10, 1);
    allocate(other, 10, 2);
    ck_assert_uint_eq(count_in(path, "alloc.calls"), 1);
    ck_assert_uint_eq(count_in(path_of(second), "alloc.calls"), 2);
    dal_instance_destroy(one);
    /* Given up, it is free. */
    one = make("file=", path);
    ck_assert_uint_eq(count_in(path, "alloc.calls"), 1); /* of the old one, until it is used */
    allocate(one, 10, 3);
    ck_assert_uint_eq(count_in(path, "alloc.calls"), 3);
    dal_instance_destroy(one);
    dal_instance_destroy(other);
}
END_TEST

static void wait_for(pid_t child)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

START_TEST(test_child_counts_in_a_file_of_its_own)
{
    const char *path = path_of("counts");
    const struct dal_instance *instance = make("file=", path);
    char name[64];
    pid_t child;

    allocate(instance, 10, 3);
    child = fork();
    if (child == 0) {
        if (chdir("/") != 0)
            _exit(1);
        allocate(instance, 10, 4);
        _exit(0);
    }
    wait_for(child);
    snprintf(name, sizeof name, "counts.%ld", (long)child);
    ck_assert_uint_eq(count_in(path, "alloc.calls"), 3);
    ck_assert_uint_eq(count_in(path_of(name), "alloc.calls"), 7);
    allocate(instance, 10, 1);
    ck_assert_uint_eq(count_in(path, "alloc.calls"), 4);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_child_without_a_file_counts_on_and_leaves_its_parents_alone)
{
    const char *path = path_of("gone/counts");
    const struct dal_instance *instance;
    uint64_t calls = 0;
    pid_t child;

    ck_assert_int_eq(mkdir(path_of("gone"), 0700), 0);
    instance = make("file=", path);
    allocate(instance, 10, 3);
    ck_assert_int_eq(rename(path_of("gone"), path_of("away")), 0);
    child = fork();
    if (child == 0) {
        allocate(instance, 10, 4);
        _exit(dal_stats_get(instance, "alloc.calls", &calls) != 0 || calls != 7);
    }
    wait_for(child);
    ck_assert_uint_eq(count_in(path_of("away/counts"), "alloc.calls"), 3);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_child_that_allocates_nothing_has_none)
{
    const char *path = path_of("counts");
    const struct dal_instance *instance = make("file=", path);
    char name[64];
    struct stat status;
    pid_t child;

    allocate(instance, 10, 3);
    child = fork();
    if (child == 0)
        _exit(0);
    wait_for(child);
    snprintf(name, sizeof name, "counts.%ld", (long)child);
    ck_assert_int_eq(lstat(path_of(name), &status), -1);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_instance_that_is_never_used_leaves_the_old_file)
{
    const char *path = path_of("old");
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    struct stat status;

    ck_assert_int_eq(write(file, "old", 3), 3);
    close(file);
    dal_instance_destroy(make("file=", path));
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_size, 3);
}
END_TEST

/* A child each, at the same time as other threads. */
enum { FORKING_THREADS = 4, FORKS_OF_EACH = 25 };

static void *fork_often(void *instance)
{
    uintptr_t wrong = 0;

    for (int i = 0; i < FORKS_OF_EACH; i++) {
        pid_t child;
        int status;

        wrong += !take(instance, 5);
        child = fork();
        if (child == 0) {
            uint64_t calls = 0;

            _exit(!take(instance, 2) || dal_stats_get(instance, "alloc.calls", &calls) != 0 ||
                  calls < 7);
        }
        wrong += child < 0 || waitpid(child, &status, 0) != child || status != 0;
    }
    return (void *)wrong;
}

START_TEST(test_threads_that_fork_at_once_lose_no_child)
{
    const char *path = path_of("counts");
    const struct dal_instance *instance = make("file=", path);
    pthread_t threads[FORKING_THREADS];
    void *wrong;

    for (size_t i = 0; i < FORKING_THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, fork_often, (void *)(uintptr_t)instance),
                         0);
    for (size_t i = 0; i < FORKING_THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
    ck_assert_uint_eq(count_in(path, "alloc.calls"), FORKING_THREADS * FORKS_OF_EACH * 5);
    ck_assert_uint_eq(files_in_directory("counts"), 1 + FORKING_THREADS * FORKS_OF_EACH);
    ck_assert_uint_eq(files_in_directory(".dispatchalloc"), 0);
    dal_instance_destroy(instance);
}
END_TEST

/* Instances of threads that begin at one moment, all by one path. */
static void *make_and_use(void *path)
{
    const struct dal_instance *instance = make("file=", path);

    pthread_barrier_wait(&all_have_counted);
    allocate(instance, 10, 1);
    return (void *)(uintptr_t)instance;
}

START_TEST(test_files_of_one_path_at_one_time_are_all_there)
{
    enum { THREADS = 16 };
    char *path = strdup(path_of("counts"));
    pthread_t threads[THREADS];
    void *instances[THREADS];

    ck_assert_int_eq(pthread_barrier_init(&all_have_counted, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, make_and_use, path), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], &instances[i]), 0);
    ck_assert_uint_eq(files_in_directory("counts"), THREADS);
    for (size_t i = 0; i < THREADS; i++)
        dal_instance_destroy(instances[i]);
    free(path);
}
END_TEST

START_TEST(test_file_says_nothing_that_guards_the_process)
{
    const char *path = path_of("counts");
    const struct dal_instance *instance = make("file=", path);
    const unsigned char *random = (const void *)getauxval(AT_RANDOM);
    size_t bytes, i;
    unsigned char *data;

    allocate(instance, 10, 1);
    data = read_file(path, &bytes);
    for (size_t word = 0; word < 16; word += 8) {
        char text[20];
        uint64_t number;

        memcpy(&number, random + word, sizeof number);
        snprintf(text, sizeof text, "%016" PRIx64, number);
        /* But for its lowest byte, which the C library takes off. */
        text[14] = '\0';
        ck_assert_ptr_null(strstr((char *)data, text));
        for (i = 0; i + 7 < bytes && memcmp(data + i, random + word + 1, 7) != 0; i++)
            ;
        ck_assert_uint_eq(i + 7, bytes);
    }
    free(data);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Who may make one where --------------------------------------------------------------- */

/* The file cannot be made, and the instance counts all the same. */
static void assert_none(const char *options, const char *path)
{
    const struct dal_instance *instance = make(options, path);
    uint64_t calls;

    allocate(instance, 10, 2);
    ck_assert_int_eq(dal_stats_get(instance, "alloc.calls", &calls), 0);
    ck_assert_uint_eq(calls, 2);
    dal_instance_destroy(instance);
}

START_TEST(test_link_is_not_followed)
{
    struct stat status;

    ck_assert_int_eq(symlink(path_of("victim"), path_of("link")), 0);
    assert_none("file=", path_of("link"));
    ck_assert_int_eq(lstat(path_of("victim"), &status), -1);
    ck_assert_int_eq(lstat(path_of("link"), &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
}
END_TEST

START_TEST(test_old_file_stays_where_the_new_one_cannot_be_made)
{
    const char *path = path_of("old");
    const struct rlimit few = {4096, 4096};
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    struct stat status;

    ck_assert_int_eq(write(file, "old", 3), 3);
    close(file);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
    assert_none("file=", path);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_size, 3);
    ck_assert_uint_eq(files_in_directory(".dispatchalloc"), 0);
}
END_TEST

START_TEST(test_pipe_is_not_waited_for)
{
    struct stat status;

    ck_assert_int_eq(mkfifo(path_of("pipe"), 0600), 0);
    assert_none("file=", path_of("pipe"));
    ck_assert_int_eq(lstat(path_of("pipe"), &status), 0);
    ck_assert(S_ISFIFO(status.st_mode));
}
END_TEST

START_TEST(test_file_of_another_user_stays)
{
    const char *path = path_of("theirs");
    struct stat status;
    int file;

    if (geteuid() != 0)
        return;
    file = open(path, O_WRONLY | O_CREAT, 0666);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(fchown(file, 12345, 12345), 0);
    close(file);
    assert_none("file=", path);
    ck_assert_int_eq(lstat(path, &status), 0);
    ck_assert_uint_eq(status.st_uid, 12345);
    ck_assert_int_eq(status.st_size, 0);
}
END_TEST

START_TEST(test_directory_that_others_write_to_is_refused)
{
    static const mode_t modes[] = {0777, 01777, 0707};

    ck_assert_int_eq(mkdir(path_of("own"), 0700), 0);
    ck_assert_int_eq(symlink(path_of("own"), path_of("link")), 0);
    assert_none("share=", path_of("link"));
    assert_none("share=", path_of("link/"));

    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        ck_assert_int_eq(mkdir(path_of("open"), 0700), 0);
        ck_assert_int_eq(chmod(path_of("open"), modes[i]), 0);
        assert_none("share=", path_of("open"));
        /* Empty still. */
        ck_assert_int_eq(rmdir(path_of("open")), 0);
    }
}
END_TEST

/* ---- Bytes that may be anything ----------------------------------------------------------- */

START_TEST(test_any_bytes_can_be_read)
{
    static const char *const keys[] = {"head", "name", "label", "explanation", "none"};
    const char *path = path_of("counts");
    const struct dal_instance *instance = make("file=", path);
    struct wanted wanted = {.key = "live_bytes"};
    uint32_t random = suite_fuzz_seed();
    size_t bytes;
    unsigned char *data;
    char text[300];

    allocate(instance, 10, 1);
    data = read_file(path, &bytes);
    for (int round = suite_fuzz_rounds(3000); round > 0; round--) {
        if (round % 3000 == 1) {
            free(data);
            data = read_file(path, &bytes);
        }
        for (unsigned i = 0; i < 8; i++) {
            random = random * 1664525 + 1013904223;
            data[random % 12000 % bytes] = (unsigned char)(random >> 24);
        }
        for (size_t i = 0; i < COUNT_OF(keys); i++)
            (void)dal_stats_file_text(data, bytes, keys[i], text, sizeof text);
        (void)dal_stats_file_visit(data, bytes, find_key, &wanted);
    }
    ck_assert_int_eq(dal_stats_file_visit(data, sizeof(struct stats_file) - 64, find_key, &wanted),
                     DAL_ERR_INVALID);
    ck_assert_int_eq(dal_stats_file_visit(data + 8, bytes, find_key, &wanted), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_stats_file_visit(NULL, bytes, find_key, &wanted), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_stats_file_visit(data, bytes, NULL, NULL), DAL_ERR_INVALID);
    memset(data, 0, bytes);
    ck_assert_int_eq(dal_stats_file_visit(data, bytes, find_key, &wanted), DAL_ERR_ABI);
    ck_assert_int_eq(dal_stats_file_text(data, bytes, "head", text, sizeof text), DAL_ERR_ABI);
    free(data);
    dal_instance_destroy(instance);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stats_file");
    TCase *tcase = tcase_create("file");

    tcase_set_timeout(tcase, 60); /* a hundred files, on a busy machine */
    tcase_add_checked_fixture(tcase, make_directory, remove_directory);
    tcase_add_test(tcase, test_file_holds_each_call_at_once);
    tcase_add_test(tcase, test_no_descriptor_stays_open);
    tcase_add_test(tcase, test_share_takes_the_words_of_a_switch);
    tcase_add_test(tcase, test_directory_has_a_file_by_number);
    tcase_add_test(tcase, test_threads_beyond_the_file_count_all_the_same);
    tcase_add_test(tcase, test_instance_after_one_with_a_file_counts_elsewhere);
    tcase_add_test(tcase, test_name_in_use_gets_a_number);
    tcase_add_test(tcase, test_child_counts_in_a_file_of_its_own);
    tcase_add_test(tcase, test_child_without_a_file_counts_on_and_leaves_its_parents_alone);
    tcase_add_test(tcase, test_child_that_allocates_nothing_has_none);
    tcase_add_test(tcase, test_instance_that_is_never_used_leaves_the_old_file);
    tcase_add_test(tcase, test_threads_that_fork_at_once_lose_no_child);
    tcase_add_test(tcase, test_files_of_one_path_at_one_time_are_all_there);
    tcase_add_test(tcase, test_file_says_nothing_that_guards_the_process);
    tcase_add_test(tcase, test_old_file_stays_where_the_new_one_cannot_be_made);
    tcase_add_test(tcase, test_link_is_not_followed);
    tcase_add_test(tcase, test_pipe_is_not_waited_for);
    tcase_add_test(tcase, test_file_of_another_user_stays);
    tcase_add_test(tcase, test_directory_that_others_write_to_is_refused);
    tcase_add_test(tcase, test_any_bytes_can_be_read);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
