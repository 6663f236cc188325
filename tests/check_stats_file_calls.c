/* SPDX-License-Identifier: MIT */
/*
 * The layer `stats` counting in a file, where what it asks of the system fails, or comes late: the
 * calls of the library are seen here first.
 */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <dispatchalloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "shared/file_head.h"
#include "stats_files.h"
#include "stats_reading.h"
#include "suite.h"


/* ---- Calls of the system -----------------------------------------------------------------------
 */

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

int main(void)
{
    Suite *suite = suite_create("stats_file_calls");
    TCase *tcase = tcase_create("calls");

    tcase_set_timeout(tcase, 60); /* a thousand files, on a busy machine */
    tcase_add_checked_fixture(tcase, make_directory, remove_directory);
    tcase_add_test(tcase, test_that_all_names_are_in_use_is_said);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
