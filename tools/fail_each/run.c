/* SPDX-License-Identifier: MIT */
/*
 * One run of the program for `dispatchalloc fail-each`. Its processes have the layer `fail` over
 * `stats`: the first leaves a record of the calls where they are to be looked at, the second what
 * was live at the end. See fail_each.h.
 */
#define _GNU_SOURCE /* open_memstream, fileno */
#include "fail_each.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/shared/control.h"
#include "lib/shared/image.h"
#include "tools/program_environment.h"

/* ---- Set-up ---------------------------------------------------------------------------------- */

/* A description of its own for each runner, since the place where it is read is the description's.
 * -1 after a message. */
static int open_input(off_t *start)
{
    char path[64];
    int input = child_open_input(start);
    int own;

    if (input < 0 || *start < 0)
        return input;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", input);
    own = open(path, O_RDONLY | O_CLOEXEC);
    if (own < 0)
        (void)tool_complain("standard input cannot be opened again: %s", strerror(errno));
    return own;
}

int each_runner_open(struct each_runner *runner, const struct each_test *test)
{
    struct child_command unused = {.path = NULL};

    *runner = (struct each_runner){.child = {.path = test->path, .arguments = test->command}};
    if (child_make_directory(runner->directory)) {
        *runner->directory = '\0';
        return TOOL_TROUBLE;
    }
    (void)snprintf(runner->records, sizeof runner->records, "%s/record/", runner->directory);
    (void)snprintf(runner->counts, sizeof runner->counts, "%s/count/", runner->directory);
    runner->child.input = open_input(&runner->input_start);
    runner->errors = child_open_errors(&runner->child);
    runner->output = child_open_errors(&unused);
    runner->child.output = unused.errors;
    return runner->child.input < 0 || !runner->errors || !runner->output ? TOOL_TROUBLE : 0;
}

static void remove_files(const struct each_runner *runner)
{
    child_remove_directory(runner->records);
    child_remove_directory(runner->counts);
}

void each_runner_close(struct each_runner *runner)
{
    if (*runner->directory) {
        remove_files(runner);
        child_remove_directory(runner->directory);
    }
    if (runner->output)
        (void)fclose(runner->output);
    if (runner->errors)
        (void)fclose(runner->errors);
}

/* ---- The spec -------------------------------------------------------------------------------- */

/* The variable that has it, in a block to be freed, or NULL after a message. The child finds in
 * *number where its own number belongs; NULL: nowhere. */
static char *make_variable(const struct each_runner *runner, const struct each_test *test,
                           uint64_t nth, char **number)
{
    static const char process[] = "process=0000000000,";
    char *text = NULL;
    size_t bytes;
    FILE *spec = open_memstream(&text, &bytes);

    *number = NULL;
    if (spec) {
        fprintf(spec, "DISPATCHALLOC_MALLOC=fail:%sstacks=%u", test->child ? "" : process,
                test->frames);
        if (test->child || *test->name) {
            fputs(",program=", spec);
            environment_add_value(spec, test->child ? test->child : test->name, 0);
        }
        if (nth)
            fprintf(spec, ",nth=%" PRIu64, nth);
        fputs(",record=", spec);
        environment_add_value(spec, runner->records, 1);
        fputs("+stats:print=off,share=", spec);
        environment_add_value(spec, runner->counts, 1);
        fprintf(spec, "+%s", test->spec);
    }
    if (!spec || fclose(spec) != 0) {
        (void)tool_complain("not enough memory");
        return NULL;
    }
    if (!test->child)
        *number = strstr(text, process) + strlen("process=");
    return text;
}

/* ---- What its processes have left ------------------------------------------------------------ */

static int add_stack(const struct dal_fail_stack *stack, void *data)
{
    struct each_numbers *numbers = data;

    return each_numbers_add(numbers, stack->first) || each_numbers_add(numbers, stack->last);
}

static int add_live(const char *key, uint64_t value, void *data)
{
    struct each_run *run = data;

    if (strcmp(key, "live_blocks") == 0)
        run->live_blocks += value;
    else if (strcmp(key, "live_bytes") == 0)
        run->live_bytes += value;
    return 0;
}

static uint64_t number_in(const struct dal_image_ *record, const char *key)
{
    uint64_t value = 0;

    (void)dal_fail_file_get(record->bytes, record->size, key, &value);
    return value;
}

/* The program by its file, and by its name, in "4711 (name)". */
static void take_name(const struct dal_image_ *record, struct each_run *run)
{
    char text[DAL_FILE_HEAD_BYTES + 1];
    const char *at;

    (void)dal_fail_file_text(record->bytes, record->size, "head", text, sizeof text);
    at = strstr(text, "\nprogram: ");
    at = at ? at + strlen("\nprogram: ") : "";
    (void)snprintf(run->program, sizeof run->program, "%.*s", (int)strcspn(at, "\n"), at);
    (void)dal_fail_file_text(record->bytes, record->size, "process", text, sizeof text);
    at = strchr(text, '(');
    (void)snprintf(run->name, sizeof run->name, "%s", at ? at + 1 : "");
    if (*run->name)
        run->name[strlen(run->name) - 1] = '\0';
}

/* Of several processes that call is told whose process has come to a worse end. */
static void take_failed(const struct dal_image_ *record, struct each_run *run)
{
    int is_orderly = number_in(record, "ended") != 0;

    if (!number_in(record, "nth") || (run->nth && (is_orderly || !run->is_nth_orderly)))
        return;
    run->nth = number_in(record, "nth");
    run->size = number_in(record, "size");
    run->is_nth_orderly = is_orderly;
    (void)dal_fail_file_text(record->bytes, record->size, "stack", run->stack, sizeof run->stack);
}

static int take_record(const struct dal_image_ *record, struct each_run *run,
                       struct each_numbers *numbers)
{
    if (dal_fail_file_visit(record->bytes, record->size, add_stack, numbers) < 0)
        return 0; /* its maker was ended before it was whole */
    run->processes++;
    run->orderly += number_in(record, "ended") != 0;
    run->calls += number_in(record, "calls");
    if (run->most_calls < number_in(record, "calls"))
        run->most_calls = number_in(record, "calls");
    run->stacks += number_in(record, "stacks");
    run->lost += number_in(record, "lost");
    take_name(record, run);
    take_failed(record, run);
    run->failing_blocks += number_in(record, "live_blocks");
    return 0;
}

/* Of a process that has a record. Where one has not come to the call that fails, what it has at its
 * end stands for what it had then: so sums are of all processes. */
static void take_counts(const struct each_runner *runner, const char *process, int has_failed,
                        struct each_run *run)
{
    char path[sizeof runner->counts + NAME_MAX];
    uint64_t blocks = run->live_blocks;
    struct dal_image_ counts;

    (void)snprintf(path, sizeof path, "%s%s", runner->counts, process);
    if (!dal_image_map_(path, &counts))
        return;
    (void)dal_stats_file_visit(counts.bytes, counts.size, add_live, run);
    dal_image_unmap_(&counts);
    if (!has_failed)
        run->failing_blocks += run->live_blocks - blocks;
}

static int take_records(const struct each_runner *runner, struct each_run *run,
                        struct each_numbers *numbers)
{
    DIR *directory = opendir(runner->records);
    const struct dirent *entry;
    int result = 0;

    while (directory && !result && (entry = readdir(directory)) != NULL) {
        char path[sizeof runner->records + NAME_MAX];
        struct dal_image_ record;
        int has_failed;

        (void)snprintf(path, sizeof path, "%s%s", runner->records, entry->d_name);
        if (*entry->d_name == '.' || !dal_image_map_(path, &record))
            continue;
        result = take_record(&record, run, numbers);
        has_failed = number_in(&record, "nth") != 0;
        dal_image_unmap_(&record);
        take_counts(runner, entry->d_name, has_failed, run);
    }
    if (directory)
        (void)closedir(directory);
    return result;
}

int each_check_record(const struct each_runner *runner, const struct each_test *test)
{
    char line[1024];

    if (!child_find_error(runner->errors, "dispatchalloc: fail: ", "cannot write", line,
                          sizeof line))
        return 0;
    return tool_complain("what '%s' allocates cannot be recorded: %s", *test->command,
                         strstr(line, "cannot write"));
}

/* ---- What it has written --------------------------------------------------------------------- */

static void take_output(FILE *output, struct each_run *run)
{
    unsigned char bytes[16384];
    ssize_t got;

    run->output = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    while ((got = pread(fileno(output), bytes, sizeof bytes, (off_t)run->output_bytes)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            run->output = (run->output ^ bytes[i]) * UINT64_C(0x100000001b3);
        run->output_bytes += (uint64_t)got;
    }
}

/* The last line that is not empty, and how much there is. */
static void take_said(FILE *errors, struct each_run *run)
{
    char *text = NULL;
    size_t bytes;
    struct stat status;
    FILE *lines = open_memstream(&text, &bytes);

    if (fstat(fileno(errors), &status) == 0)
        run->errors_bytes = (uint64_t)status.st_size;
    if (!lines)
        return;
    child_show_errors(errors, lines, "");
    if (fclose(lines) != 0 || !text)
        return;
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");

        if (length > 0)
            (void)snprintf(run->said, sizeof run->said, "%.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
    dal_clean_(run->said, strlen(run->said));
    free(text);
}

/* Where something fails that is what the program does, not trouble. */
static int check_output(const struct each_runner *runner, const struct each_run *run)
{
    int status = child_check_errors(&run->ended, runner->errors);

    if (!status && WIFSIGNALED(run->ended.status) && WTERMSIG(run->ended.status) == SIGXFSZ &&
        child_is_cut(fileno(runner->output)))
        status = child_tell_cut("what the program writes");
    return status;
}

/* ---- A run ----------------------------------------------------------------------------------- */

static void rewind_files(const struct each_runner *runner)
{
    if (runner->input_start >= 0)
        (void)lseek(runner->child.input, runner->input_start, SEEK_SET);
    child_forget_errors(runner->output);
    child_forget_errors(runner->errors);
}

static int observe(struct each_runner *runner, uint64_t nth, struct each_run *run,
                   struct each_numbers *numbers)
{
    int status;

    if (run->ended.not_executed) {
        child_show_errors(runner->errors, stderr, "");
        return run->ended.not_executed;
    }
    status = nth ? 0 : check_output(runner, run);
    if (status)
        return status;
    take_output(runner->output, run);
    take_said(runner->errors, run);
    return take_records(runner, run, numbers);
}

int each_run(struct each_runner *runner, const struct each_test *test, uint64_t nth,
             struct each_run *run, struct each_numbers *numbers)
{
    struct each_numbers unused = {.count = 0};
    const char *assignments[1];
    char *variable = make_variable(runner, test, nth, &runner->child.number);
    int status = TOOL_TROUBLE;

    memset(run, 0, sizeof *run);
    runner->child.seconds_limit = test->seconds_limit;
    runner->child.bytes_limit = test->bytes_limit;
    assignments[0] = variable;
    runner->child.environment =
        variable ? environment_with(test->environment, assignments, 1) : NULL;
    rewind_files(runner);
    if (runner->child.environment)
        status = child_run(&runner->child, &run->ended);
    if (!status && !child_interruption())
        status = observe(runner, nth, run, numbers ? numbers : &unused);
    /* Without a record nobody knows whether the call has failed. */
    if (!status && nth && !run->nth)
        status = each_check_record(runner, test);
    remove_files(runner);
    free(unused.all);
    free(runner->child.environment);
    free(variable);
    return status;
}
