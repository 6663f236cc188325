/* SPDX-License-Identifier: MIT */
/*
 * The layer `stats` counting in a file, where what it asks of the system fails, or comes late: the
 * calls of the library are seen here first.
 */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <dispatchalloc.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/file_head.h"
#include "stats_files.h"
#include "stats_reading.h"
#include "suite.h"

/* ---- Threads that are held up ------------------------------------------------------------------
 */

/* A call that a thread makes: it stays there until it may go. Only the first that comes. */
struct stop {
    _Atomic(int) is_set, is_there, may_go;
};

static void stop_here(struct stop *stop)
{
    if (!atomic_exchange(&stop->is_set, 0))
        return;
    atomic_store(&stop->is_there, 1);
    while (!atomic_load(&stop->may_go))
        usleep(1000);
}

static void wait_until(_Atomic(int) *value, int least)
{
    while (atomic_load(value) < least)
        usleep(1000);
}

static _Atomic(int) may_end;

static void *take_one(void *instance)
{
    void *wrong = take(instance, 1) ? NULL : instance;

    wait_until(&may_end, 1);
    return wrong;
}

/* A thread that makes the file of an instance, when it has come to a stop. */
static pthread_t start_maker(const struct dal_instance *instance, struct stop *stop)
{
    pthread_t thread;

    atomic_store(&stop->is_set, 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, take_one, (void *)(uintptr_t)instance), 0);
    wait_until(&stop->is_there, 1);
    return thread;
}

static void let_go(pthread_t thread, struct stop *stop)
{
    void *wrong;

    atomic_store(&stop->may_go, 1);
    atomic_store(&may_end, 1);
    ck_assert_int_eq(pthread_join(thread, &wrong), 0);
    ck_assert_ptr_null(wrong);
}

static void wait_for(pid_t child)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

static uint64_t calls_of_all(const struct dal_instance *instance)
{
    uint64_t calls = 0;

    (void)dal_stats_get(instance, "alloc.calls", &calls);
    return calls;
}

static void wait_until_counted(const struct dal_instance *instance, uint64_t calls)
{
    while (calls_of_all(instance) < calls)
        usleep(1000);
}

/* ---- Calls of the system -----------------------------------------------------------------------
 */

/* What the last file was called before it had its name; and how often one was removed. */
static char new_name[300];
static _Atomic(int) removed;

static struct stop before_blocks;

int posix_fallocate(int file, off_t offset, off_t length)
{
    char link[64];
    ssize_t bytes;

    stop_here(&before_blocks);
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    bytes = readlink(link, new_name, sizeof new_name - 1);
    new_name[bytes > 0 ? bytes : 0] = '\0';
    return ftruncate(file, offset + length) == 0 ? 0 : errno;
}

int unlinkat(int base, const char *path, int flags)
{
    atomic_fetch_add(&removed, 1);
    return (int)syscall(SYS_unlinkat, base, path, flags);
}

static struct stop after_move;
static _Atomic(int) moves;

void *mremap(void *from, size_t bytes, size_t new_bytes, int flags, ...)
{
    va_list list;
    void *to, *moved;

    va_start(list, flags);
    to = va_arg(list, void *);
    va_end(list);
    moved = (void *)syscall(SYS_mremap, from, bytes, new_bytes, flags, to);
    atomic_fetch_add(&moves, 1);
    stop_here(&after_move);
    return moved;
}

/* While it runs, each look at a clock is a second later. */
static _Atomic(int) clock_runs, seconds;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int later = atomic_load(&clock_runs) ? atomic_fetch_add(&seconds, 1) + 1 : 0;

    (void)clock;
    if (timespec_get(now, TIME_UTC) != TIME_UTC)
        return -1;
    now->tv_sec += later;
    return 0;
}

/* A process that is there, but has no directory in /proc. */
static pid_t hidden;

int kill(pid_t process, int number)
{
    return process == hidden ? 0 : (int)syscall(SYS_kill, process, number);
}

/* Locks as NFS has them, of files that may be written; or none. */
static int nfs, no_locks, locked;

int flock(int file, int operation)
{
    if (no_locks || (nfs && (fcntl(file, F_GETFL) & O_ACCMODE) == O_RDONLY)) {
        errno = no_locks ? ENOLCK : EBADF;
        return -1;
    }
    locked++;
    return (int)syscall(SYS_flock, file, operation);
}

/* ---- Names -------------------------------------------------------------------------------------
 */

/* A file that a process is still writing to. */
static void write_head(const char *path, struct dal_process_ maker)
{
    const struct dal_file_origin_ origin = {.maker = maker};
    char text[DAL_FILE_HEAD_BYTES] = "";
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    (void)dal_file_head_write_(text, sizeof text, &origin);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* What the library says while an instance counts. */
static void allocate_and_read(const struct dal_instance *instance, char *text, size_t bytes)
{
    int errors = dup(STDERR_FILENO), ends[2];
    ssize_t length;

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    allocate(instance, 10, 2);
    ck_assert_int_eq(dup2(errors, STDERR_FILENO), STDERR_FILENO);
    close(errors);
    close(ends[1]);
    length = read(ends[0], text, bytes - 1);
    text[length > 0 ? length : 0] = '\0';
    close(ends[0]);
}

START_TEST(test_that_all_names_are_in_use_is_said)
{
    const struct dal_process_ elsewhere = {.number = 1, .started = 5, .name_space = 999};
    const struct dal_instance *instance = make("file=", path_of("counts"));
    char name[64], text[512];

    write_head(path_of("counts"), elsewhere);
    for (int i = 1; i < 1000; i++) {
        snprintf(name, sizeof name, i > 1 ? "counts.%ld.%d" : "counts.%ld", (long)getpid(), i);
        write_head(path_of(name), elsewhere);
    }
    allocate_and_read(instance, text, sizeof text);
    ck_assert_msg(strstr(text, "/counts: all its names are in use\n") != NULL, "it said \"%s\"",
                  text);
    ck_assert_uint_eq(files_in_directory("counts"), 1000);
    ck_assert_uint_eq(files_in_directory(".dispatchalloc"), 0);
    dal_instance_destroy(instance);
}
END_TEST

static void make_file(const char *path, mode_t mode)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);

    ck_assert_int_ge(file, 0);
    close(file);
}

/* Make the next files that are to have a name of this form. */
static void leave_behind(const char *name, unsigned count)
{
    const char *end = strrchr(name, '.');
    char path[400];

    ck_assert_ptr_nonnull(end);
    for (unsigned i = 1; i <= count; i++) {
        snprintf(path, sizeof path, "%.*s.%lu", (int)(end - name), name,
                 strtoul(end + 1, NULL, 10) + i);
        make_file(path, 0600);
    }
}

START_TEST(test_files_of_killed_processes_are_not_in_the_way)
{
    const struct dal_instance *one = make("file=", path_of("one"));
    const struct dal_instance *other = make("file=", path_of("other"));

    allocate(one, 10, 1);
    ck_assert_ptr_nonnull(strstr(new_name, "/.dispatchalloc."));
    leave_behind(new_name, 40);
    allocate(other, 10, 2);
    ck_assert_uint_eq(count_in(path_of("other"), "alloc.calls"), 2);
    ck_assert_uint_eq(files_in_directory(".dispatchalloc"), 40);
    dal_instance_destroy(one);
    dal_instance_destroy(other);
}
END_TEST

/* In a namespace of its own each container's first process is number 1. */
START_TEST(test_new_file_is_called_by_more_than_the_number_of_the_process)
{
    const struct dal_instance *instance = make("file=", path_of("counts"));
    char text[512] = "", started[64];
    FILE *file = fopen("/proc/self/stat", "r");

    ck_assert(!file || fread(text, 1, sizeof text - 1, file) > 0);
    if (file)
        fclose(file);
    snprintf(started, sizeof started, "/.dispatchalloc.%ld.%" PRIu64 ".", (long)getpid(),
             dal_process_started_(text));
    allocate(instance, 10, 1);
    ck_assert_msg(strstr(new_name, started) != NULL, "it is called %s", new_name);
    dal_instance_destroy(instance);
}
END_TEST

/* Another process may have one of that name by then. */
START_TEST(test_nothing_is_removed_by_a_name_that_was_given_up)
{
    const struct dal_instance *instance = make("file=", path_of("counts"));

    allocate(instance, 10, 1);
    ck_assert_uint_eq(count_in(path_of("counts"), "alloc.calls"), 1);
    ck_assert_int_eq(removed, 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_file_of_a_process_that_is_hidden_stays)
{
    const char *path = path_of("counts");
    const struct dal_instance *instance = make("file=", path);
    struct dal_process_ maker = {.started = 5};
    struct stat status;
    char name[64];

    ck_assert_int_eq(stat("/proc/self/ns/pid", &status), 0);
    maker.name_space = (uint64_t)status.st_ino;
    /* A number that no process has. */
    for (hidden = 0, maker.number = 4194303; kill((pid_t)maker.number, 0) == 0; maker.number--)
        ;
    hidden = (pid_t)maker.number;
    write_head(path, maker);
    allocate(instance, 10, 1);
    snprintf(name, sizeof name, "counts.%ld", (long)getpid());
    ck_assert_uint_eq(count_in(path_of(name), "alloc.calls"), 1);
    dal_instance_destroy(instance);
    /* Once it is gone its file may go. */
    hidden = 0;
    instance = make("file=", path);
    allocate(instance, 10, 2);
    ck_assert_uint_eq(count_in(path, "alloc.calls"), 2);
    dal_instance_destroy(instance);
}
END_TEST

/* Have an old file replaced, of some mode. */
static void replace_old(mode_t mode)
{
    const char *path = path_of("counts");
    const struct dal_instance *instance = make("file=", path);

    make_file(path, mode);
    allocate(instance, 10, 1);
    ck_assert_uint_eq(count_in(path, "alloc.calls"), 1);
    dal_instance_destroy(instance);
    ck_assert_int_eq(unlink(path), 0);
}

START_TEST(test_old_file_is_locked_on_nfs)
{
    nfs = 1;
    replace_old(0600);
    ck_assert_int_eq(locked, 1);
    replace_old(0400);
}
END_TEST

START_TEST(test_old_file_is_replaced_where_there_are_no_locks)
{
    no_locks = 1;
    replace_old(0600);
}
END_TEST

START_TEST(test_old_file_that_another_replaces_stays)
{
    const char *path = path_of("counts");
    const struct dal_instance *instance = make("file=", path);
    int file = open(path, O_RDWR | O_CREAT, 0600);
    struct stat status;

    ck_assert_int_eq(flock(file, LOCK_EX), 0);
    allocate(instance, 10, 1);
    ck_assert_int_eq(fstat(file, &status), 0);
    ck_assert_uint_eq(status.st_nlink, 1);
    dal_instance_destroy(instance);
    close(file);
}
END_TEST

/* ---- A thread that makes it late ---------------------------------------------------------------
 */

/* The pages are those of the file already, and nobody knows it. */
START_TEST(test_child_of_the_moment_between_counts_in_a_file_of_its_own)
{
    const struct dal_instance *instance = make("file=", path_of("%p"));
    pthread_t maker = start_maker(instance, &after_move);
    char name[64], byte = 0;
    int ends[2];
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    if (child == 0)
        _exit(read(ends[0], &byte, 1) != 1 || !take(instance, 3) || calls_of_all(instance) != 3);
    atomic_store(&after_move.may_go, 1);
    wait_until_counted(instance, 1);
    allocate(instance, 10, 5); /* in a part that the child has not given to a thread */
    ck_assert_int_eq(write(ends[1], &byte, 1), 1);
    wait_for(child);
    let_go(maker, &after_move);
    snprintf(name, sizeof name, "%ld", (long)getpid());
    ck_assert_uint_eq(count_in(path_of(name), "alloc.calls"), 6);
    snprintf(name, sizeof name, "%ld", (long)child);
    ck_assert_uint_eq(count_in(path_of(name), "alloc.calls"), 3);
    dal_instance_destroy(instance);
}
END_TEST

static _Atomic(int) other_is_done;

static void *take_other(void *instance)
{
    void *wrong = take(instance, 100) ? NULL : instance;

    atomic_store(&other_is_done, 1);
    return wrong;
}

/* For some seconds; then the other goes on without a file, which stays the maker's. */
START_TEST(test_slow_maker_is_waited_for_and_keeps_the_file)
{
    const struct dal_instance *instance = make("file=", path_of("counts"));
    pthread_t maker = start_maker(instance, &before_blocks), other;

    atomic_store(&clock_runs, 1);
    ck_assert_int_eq(pthread_create(&other, NULL, take_other, (void *)(uintptr_t)instance), 0);
    while (atomic_load(&seconds) < 4) {
        ck_assert_int_eq(other_is_done, 0);
        usleep(1000);
    }
    while (!atomic_load(&other_is_done))
        usleep(1000);
    let_go(maker, &before_blocks);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    atomic_store(&clock_runs, 0);
    ck_assert_uint_eq(files_in_directory("counts"), 1);
    ck_assert_uint_eq(count_in(path_of("counts"), "alloc.calls"), 101);
    dal_instance_destroy(instance);
}
END_TEST

static pid_t fork_without_handlers(void)
{
#ifdef SYS_fork
    return (pid_t)syscall(SYS_fork);
#else
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
#endif
}

/* In a child the thread that makes it is not there. */
START_TEST(test_maker_that_is_gone_is_not_waited_for)
{
    const struct dal_instance *instance = make("file=", path_of("counts"));
    pthread_t maker = start_maker(instance, &before_blocks);
    pid_t child;

    atomic_store(&clock_runs, 1);
    child = fork_without_handlers();
    if (child == 0) {
        alarm(20);
        _exit(!take(instance, 3) || calls_of_all(instance) != 3);
    }
    wait_for(child);
    atomic_store(&clock_runs, 0);
    let_go(maker, &before_blocks);
    ck_assert_uint_eq(calls_of_all(instance), 1);
    dal_instance_destroy(instance);
}
END_TEST

static _Atomic(int) is_shared;

/* By a child that shares the memory, and cannot know that it does. (ThreadSanitizer and QEMU have
 * another fork for it, where nobody is taken for gone.) */
START_TEST(test_maker_that_was_taken_for_gone_leaves_the_counts_alone)
{
    const struct dal_instance *instance = make("file=", path_of("counts"));
    pthread_t maker = start_maker(instance, &before_blocks);
    pid_t child;

    atomic_store(&clock_runs, 1);
    child = vfork();
    if (child == 0) {
        atomic_store(&is_shared, 1);
        _exit(!take(instance, 3));
    }
    atomic_store(&clock_runs, 0);
    wait_for(child);
    ck_assert_int_eq(moves, is_shared);
    let_go(maker, &before_blocks);
    ck_assert_int_eq(moves, 1);
    ck_assert_uint_eq(calls_of_all(instance), is_shared ? 4 : 1);
    dal_instance_destroy(instance);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stats_file_calls");
    TCase *tcase = tcase_create("calls");

    tcase_set_timeout(tcase, 60); /* a thousand files, on a busy machine */
    tcase_add_checked_fixture(tcase, make_directory, remove_directory);
    tcase_add_test(tcase, test_that_all_names_are_in_use_is_said);
    tcase_add_test(tcase, test_files_of_killed_processes_are_not_in_the_way);
    tcase_add_test(tcase, test_new_file_is_called_by_more_than_the_number_of_the_process);
    tcase_add_test(tcase, test_nothing_is_removed_by_a_name_that_was_given_up);
    tcase_add_test(tcase, test_file_of_a_process_that_is_hidden_stays);
    tcase_add_test(tcase, test_old_file_is_locked_on_nfs);
    tcase_add_test(tcase, test_old_file_is_replaced_where_there_are_no_locks);
    tcase_add_test(tcase, test_old_file_that_another_replaces_stays);
    tcase_add_test(tcase, test_child_of_the_moment_between_counts_in_a_file_of_its_own);
    tcase_add_test(tcase, test_slow_maker_is_waited_for_and_keeps_the_file);
    tcase_add_test(tcase, test_maker_that_is_gone_is_not_waited_for);
    tcase_add_test(tcase, test_maker_that_was_taken_for_gone_leaves_the_counts_alone);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
