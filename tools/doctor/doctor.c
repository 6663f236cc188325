/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc doctor: which library serves each function of the malloc family in a program,
 * what conflicts, and what to do. The program is run twice, as it is and under the interposer.
 */
#define _GNU_SOURCE /* environ */
#include "doctor.h"

#include <stdlib.h>
#include <unistd.h>

#include "tools/program_environment.h"
#include "tools/program.h"
#include "tools/tool.h"

static int shows_output;
static unsigned timeout_seconds = 10;

static int take_timeout(const char *text)
{
    return tool_take_timeout(&tool_doctor, text, &timeout_seconds);
}

static const struct tool_option options[] = {
    {.name = "output", .flag = &shows_output},
    {.name = "timeout", .take = take_timeout},
    {.name = NULL},
};

/* ---- One run ------------------------------------------------------------------------------- */

static FILE *errors; /* what the program says; NULL if that is shown */

/* Returns whether it failed. */
static int tell_end(const struct child_result *result, unsigned seconds_limit)
{
    char failure[96];

    if (result->timed_out) {
        printf("  it was ended after %u second%s; what it does later is not known\n", seconds_limit,
               seconds_limit == 1 ? "" : "s");
        return 0;
    }
    if (child_interruption() || !child_failure(result, failure, sizeof failure))
        return 0;
    printf("  it failed: %s\n", failure);
    child_show_errors(errors, stdout, "    ");
    return 1;
}

/* A loader of another C library, or for another word size, leaves no trace, but a line where it
 * cannot load the interposer: it gives up, or goes on without. */
static int tell_refusal(void)
{
    static const char *const words[] = {"Error relocating ",
                                        "' from LD_PRELOAD cannot be preloaded"};
    const char *name = tool_file_name(program_interposer());
    char line[PATH_MAX];

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (child_find_error(errors, words[i], name, line, sizeof line)) {
            puts("  it starts a program into which the interposer cannot be loaded:");
            tool_print("    %s\n", line);
            return 1;
        }
    }
    return 0;
}

/* Returns 0, or an exit status after a message. */
static int examine(const struct child_command *child, off_t input_start, const char *heading,
                   const char *owner, struct doctor_findings *findings, struct bindings *bindings)
{
    struct child_result result;
    int has_failed;
    int status;

    if (input_start >= 0)
        (void)lseek(child->input, input_start, SEEK_SET);
    child_forget_errors(errors);
    status = doctor_trace(child, &result, bindings);
    if (!status)
        status = child_check_errors(&result, errors);
    if (status)
        return status;
    tool_print("%s %s:\n", child->arguments[0], heading);
    has_failed = tell_end(&result, child->seconds_limit);
    if (!bindings->has_started)
        return tool_complain("the loader could not start '%s'", child->arguments[0]);
    status = doctor_judge(bindings, owner, findings);
    findings->has_failed = has_failed;
    findings->can_start = bindings->can_start;
    findings->is_refused = owner && tell_refusal();
    return status;
}

/* ---- The command --------------------------------------------------------------------------- */

static int run_twice(struct child_command *child, off_t input_start)
{
    struct bindings bindings[2] = {{.count = 0}, {.count = 0}};
    struct doctor_findings plain, interposed;
    char **prepared = NULL;
    int status = environment_make("system", ENVIRONMENT_ASKED_FOR, *child->arguments, &prepared);

    if (!status) {
        child->environment = environ;
        status = examine(child, input_start, "as it is", NULL, &plain, &bindings[0]);
    }
    if (!status && child_interruption()) {
        status = 128 + child_interruption();
    } else if (!status) {
        child->environment = prepared;
        status = examine(child, input_start, "under `" TOOL_NAME " run'",
                         program_interposer_in(child->path), &interposed, &bindings[1]);
        if (!status && child_interruption())
            status = 128 + child_interruption();
        else if (!status)
            status =
                doctor_advise(&plain, &interposed, bindings[1].program) ? TOOL_OK : TOOL_FAILED;
    }
    bindings_free(&bindings[0]);
    bindings_free(&bindings[1]);
    free(prepared);
    return status;
}

static int advise_against(int obstacle)
{
    puts(
        obstacle == PROGRAM_UNSUITED
            ? "what to do: install libdispatchalloc for programs of that kind too, or build this one "
              "with the library, as dispatchalloc(7) tells"
            : "what to do: its allocator is the one that it was built with; to change that, "
              "build it with the library, as dispatchalloc(7) tells");
    return TOOL_FAILED;
}

static int examine_program(int count, char **program)
{
    struct child_command child = {.arguments = program, .seconds_limit = timeout_seconds};
    char path[PATH_MAX];
    off_t input_start;
    int status;

    (void)count;
    if (program_switched_off())
        return tool_complain(
            "DISPATCHALLOC_OFF=%s is set, under which `" TOOL_NAME
            " run' gives no allocator to a program; unset it to ask what it would do",
            program_switched_off());
    child_keep_standard_files();
    child_keep_ends();
    status = program_find(&tool_doctor, program, path);
    if (status)
        return status;
    status = program_check_loading(path);
    if (status)
        return advise_against(status);
    child.path = path;
    child.output = STDOUT_FILENO;
    child.errors = STDERR_FILENO;
    child.input = child_open_input(&input_start);
    if (child.input >= 0 && !shows_output) {
        child.output = child_open_null();
        errors = child_open_errors(&child);
    }
    if (child.input < 0 || child.output < 0 || (!shows_output && !errors))
        return TOOL_TROUBLE;
    child_set_up();
    return run_twice(&child, input_start);
}

const struct tool_command tool_doctor = {
    .name = "doctor",
    .synopsis = "PROGRAM [ARG]...",
    .summary = "tell which library serves malloc in a program",
    .help = "\n"
            "Run PROGRAM twice, as it is and as `" TOOL_NAME " run' would, and print which\n"
            "file serves each function of the malloc family to which others, what conflicts,\n"
            "and what to do. It takes the loader of glibc, which is asked for a trace.\n"
            "\n"
            "      --output           let PROGRAM write to standard output and standard error\n"
            "      --timeout=SECONDS  end PROGRAM after that long, and take what is known by\n"
            "                         then; 10 by default\n"
            "\n"
            "Exit status: 0; 1 if there is a conflict or PROGRAM cannot be run with another\n"
            "allocator; 2 for trouble; 126 if PROGRAM cannot be executed, 127 if it is not\n"
            "found; 128 and the signal's number if a signal ended doctor.\n",
    .options = options,
    .operand = "PROGRAM",
    .takes_program = 1,
    .run = examine_program,
};
