/* SPDX-License-Identifier: MIT */
/* os/command.h: a program that does something for this process, which takes no notice. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conformance/sanitizer.h"
#include "os/command.h"
#include "os/os.h"
#include "suite.h"

extern char **environ;

static volatile sig_atomic_t signals;

static void count(int number)
{
    (void)number;
    signals++;
}

static void setup(void)
{
    dal_os_command_prepare_();
    (void)signal(SIGCHLD, count);
    signals = 0;
}

/* Runs a line of the shell. What it has printed is to be given back. */
static int run(struct dal_os_command_ *command, const char *line)
{
    const char *const arguments[] = {"sh", "-c", line, NULL};
    const char *reason = NULL;
    int status;

    command->path = "/bin/sh";
    command->arguments = arguments;
    if (!command->milliseconds)
        command->milliseconds = 30000;
    errno = 77;
    status = dal_os_command_run_(command, &reason);
    ck_assert_int_eq(errno, 77);
    ck_assert_int_eq(signals, 0);
    ck_assert(status >= 0 || reason);
    return status;
}

static void expect(struct dal_os_command_ *command, const char *printed)
{
    ck_assert_uint_eq(command->output_bytes, strlen(printed));
    if (command->output)
        ck_assert_mem_eq(command->output, printed, command->output_bytes);
    dal_os_unmap_(command->output, command->output_bytes);
}

START_TEST(test_it_reads_and_prints_and_has_a_status)
{
    struct dal_os_command_ command = {.input = "one\ntwo\n", .input_bytes = 8};

    ck_assert_int_eq(run(&command, "read -r a; echo \"<$a>\"; exit 3"), 3);
    expect(&command, "<one>\n");
    ck_assert_int_eq(run(&command, "cat; cat"), 0);
    expect(&command, "one\ntwo\n");
    ck_assert_int_eq(run(&command, ":"), 0);
    ck_assert_ptr_null(command.output);
}
END_TEST

/* More than a socket or a pipe holds, read late, early and not at all. */
START_TEST(test_neither_waits_for_the_other)
{
    enum { BYTES = 3 << 20 };
    char *input = malloc(BYTES);
    struct dal_os_command_ command = {.input = input, .input_bytes = BYTES};

    memset(input, 'x', BYTES);
    ck_assert_int_eq(run(&command, "cat"), 0);
    ck_assert_uint_eq(command.output_bytes, BYTES);
    dal_os_unmap_(command.output, command.output_bytes);
    ck_assert_int_eq(run(&command, "head -c 3000000 /dev/zero; cat >/dev/null"), 0);
    ck_assert_uint_eq(command.output_bytes, 3000000);
    dal_os_unmap_(command.output, command.output_bytes);
    ck_assert_int_eq(run(&command, "echo not read"), 0);
    expect(&command, "not read\n");
    free(input);
}
END_TEST

static unsigned char count_question(void *data)
{
    int *questions = data;

    ++*questions;
    return 'a';
}

/* Behind the input, if there is a question at all. */
START_TEST(test_a_question_is_answered)
{
    int questions = 0;
    struct dal_os_command_ command = {
        .input = "in", .input_bytes = 2, .answer = count_question, .data = &questions};

    ck_assert_int_eq(run(&command, "echo >&0; cat"), 0);
    expect(&command, "ina");
    ck_assert_int_eq(questions, 1);
    ck_assert_int_eq(run(&command, "exit 7"), 7);
    ck_assert_int_eq(questions, 1);
    command.milliseconds = 300;
    ck_assert_int_eq(run(&command, "exec sleep 100"), -1);
    ck_assert_int_eq(questions, 1);
}
END_TEST

START_TEST(test_its_end_is_told)
{
    struct dal_os_command_ command = {.input = ""};
    const char *const arguments[] = {"none", NULL};
    const char *reason = NULL;

    ck_assert_int_eq(run(&command, "kill -KILL $$"), -1);
    ck_assert_ptr_null(command.output);
    command.path = "/no/such";
    command.arguments = arguments;
    ck_assert_int_eq(dal_os_command_run_(&command, &reason), -1);
    ck_assert_str_eq(reason, "the command was ended, or cannot run");
}
END_TEST

START_TEST(test_another_file_is_not_executed)
{
    struct dal_os_command_ command = {.input = ""};
    struct dal_os_file_ file;

    ck_assert(dal_os_file_note_("/bin/sh", &file));
    command.file = &file;
    ck_assert_int_eq(run(&command, "exit 3"), 3);
    file.number++;
    ck_assert_int_eq(run(&command, "exit 3"), -1);
    ck_assert(!dal_os_file_note_("/no/such", &file));
}
END_TEST

/* Whether it still reads, or does not. */
START_TEST(test_it_has_so_much_time)
{
    static const char *const lines[] = {"exec sleep 100", "exec sleep 100 <&-"};
    struct dal_os_command_ command = {.input = "", .milliseconds = 300};

    for (size_t i = 0; i < 2; i++) {
        time_t began = time(NULL);

        ck_assert_int_eq(run(&command, lines[i]), -1);
        ck_assert_int_lt((int)(time(NULL) - began), 50);
    }
}
END_TEST

/* Nobody waits for any child, and there is none that is left. */
START_TEST(test_the_process_has_no_child)
{
    struct dal_os_command_ command = {.input = ""};

    ck_assert_int_eq(run(&command, "exit 5"), 5);
    ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
    ck_assert_int_eq(errno, ECHILD);
#ifdef __WALL
    ck_assert_int_eq(waitpid(-1, NULL, __WALL), -1);
    ck_assert_int_eq(errno, ECHILD);
#endif
    (void)signal(SIGCHLD, SIG_IGN);
    ck_assert_int_eq(run(&command, "exit 6"), 6);
}
END_TEST

START_TEST(test_what_is_ours_is_not_in_its_environment)
{
    const char *const arguments[] = {"sh", "-c",
                                     "echo ${DISPATCHALLOC_MALLOC-unset} ${LD_PRELOAD-unset} "
                                     "${DEBUGINFOD_URLS-unset} $SOMETHING",
                                     NULL};
    struct dal_os_command_ command = {
        .path = "/bin/sh", .arguments = arguments, .input = "", .milliseconds = 30000};
    const char *reason;
    char **before = environ;
    int status;

    ck_assert_str_eq(getenv("DISPATCHALLOC_MALLOC"), "nonsense");
    /* Not even where the program has spoilt its own. */
    environ = (char **)(uintptr_t)16;
    status = dal_os_command_run_(&command, &reason);
    environ = before;
    ck_assert_int_eq(status, 0);
    expect(&command, "unset unset unset else\n");
}
END_TEST

/* Handlers and masks are the process's; descriptors too, whichever are free. */
START_TEST(test_it_gets_nothing_else)
{
    struct dal_os_command_ command = {.input = "in", .input_bytes = 2};
    int standard_input = dup(0), standard_output = dup(1), file = dup(2);

    (void)fcntl(file, F_SETFD, 0);
    (void)signal(SIGTERM, count);
    close(0);
    close(1);
    ck_assert_int_eq(run(&command, "cat; ls /proc/self/fd | wc -l; kill -TERM $$; echo no"), -1);
    ck_assert_int_eq(run(&command, "cat; ls /proc/self/fd | sort | tr '\\n' ' '"), 0);
    dup2(standard_input, 0);
    dup2(standard_output, 1);
    /* And the one by which ls reads. */
    expect(&command, "in0 1 2 3 ");
}
END_TEST

/* What is open here meanwhile is closed again. */
START_TEST(test_no_descriptor_is_left)
{
    struct dal_os_command_ command = {.input = ""};
    int before = dup(0), after;

    close(before);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(run(&command, ":"), 0);
    after = dup(0);
    ck_assert_int_eq(after, before);
    close(after);
}
END_TEST

/* With an environment of its own, which is that of its start. */
static void start_over(char **argv)
{
    if (getenv("SOMETHING"))
        return;
    (void)setenv("DISPATCHALLOC_MALLOC", "nonsense", 1);
    (void)setenv("LD_PRELOAD", "", 1);
    (void)setenv("DEBUGINFOD_URLS", "x", 1);
    (void)setenv("SOMETHING", "else", 1);
    (void)execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
    Suite *suite = suite_create("command");
    TCase *tcase = tcase_create("command");

    (void)argc;
    start_over(argv);
    /* Which makes a fork of whatever clone(2) is to do, with a memory of its own. */
    if (conformance_is_under_valgrind())
        return 0;
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, test_it_reads_and_prints_and_has_a_status);
    tcase_add_test(tcase, test_neither_waits_for_the_other);
    tcase_add_test(tcase, test_a_question_is_answered);
    tcase_add_test(tcase, test_its_end_is_told);
    tcase_add_test(tcase, test_another_file_is_not_executed);
    tcase_add_test(tcase, test_it_has_so_much_time);
    tcase_add_test(tcase, test_the_process_has_no_child);
    tcase_add_test(tcase, test_what_is_ours_is_not_in_its_environment);
    tcase_add_test(tcase, test_it_gets_nothing_else);
    tcase_add_test(tcase, test_no_descriptor_is_left);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
