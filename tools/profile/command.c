/* SPDX-License-Identifier: MIT */
/*
 * A program that runs under the layer, as if it had been started without the tool, and what it has
 * left in a directory of the tool's own, however it ended. See profile.h.
 */
#define _GNU_SOURCE /* open_memstream */
#include "tools/profile/profile.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/child.h"
#include "tools/profile/output.h"
#include "tools/program.h"
#include "tools/program_environment.h"

/* ---- The spec -------------------------------------------------------------------------------- */

/* How long blocks live takes time where each one is looked at, and is of one form alone. */
static int wants_lifetimes(const struct profile_options *options)
{
    for (size_t i = 0; i < options->output_count; i++) {
        const char *ending = strrchr(options->outputs[i], '.');

        if (options->every == 1 && ending && strcmp(ending, ".json") == 0)
            return 1;
    }
    return 0;
}

static int is_profile(const struct dal_spec_item *item, void *data)
{
    (void)data;
    return strcmp(item->backend->name, "profile") == 0;
}

/* In a block to be freed, or NULL after a message. */
static char *make_spec(const struct profile_options *options, const char *spec,
                       const char *directory)
{
    char *text = NULL;
    size_t bytes;
    FILE *to = open_memstream(&text, &bytes);

    if (to) {
        fprintf(to, "profile:every=%" PRIu64 ",stacks=%" PRIu64 "%s%s", options->every,
                options->frames, options->is_off ? ",start=off" : "",
                wants_lifetimes(options) ? ",lifetimes=on" : "");
        if (options->sites)
            fprintf(to, ",sites=%" PRIu64, options->sites);
        if (options->blocks)
            fprintf(to, ",blocks=%" PRIu64, options->blocks);
        fputs(",file=", to);
        environment_add_value(to, directory, 1);
        fprintf(to, "/%%p+%s", spec);
    }
    if (to && fclose(to) == 0)
        return text;
    (void)tool_complain("not enough memory");
    return NULL;
}

static const char *spec_of(const struct profile_options *options)
{
    const char *inherited = getenv("DISPATCHALLOC_MALLOC");

    return options->spec ? options->spec : inherited && *inherited ? inherited : "system";
}

/* 0, or an exit status after a message. */
static int make_environment(const struct profile_options *options, const char *directory,
                            const char *program, char ***environment)
{
    const char *spec = spec_of(options);
    char message[1024], *whole;
    int result = environment_check(spec);

    if (result)
        return result;
    if (dal_spec_visit(spec, is_profile, NULL, message, sizeof message) > 0)
        return tool_complain("spec \"%s\": the layer profile is what this command itself puts "
                             "over it",
                             spec);
    whole = make_spec(options, spec, directory);
    if (!whole)
        return TOOL_TROUBLE;
    result = environment_make(whole, ENVIRONMENT_ASKED_FOR, program, environment);
    free(whole);
    return result ? TOOL_TROUBLE : 0;
}

/* ---- What is left ---------------------------------------------------------------------------- */

/* A file of the layer, in memory: what the program has left running may go on with it. */
struct raw {
    void *bytes; /* NULL: none */
    size_t count;
};

/* Of all processes the one that is told of, and the one that has allocated most. */
struct left {
    const struct profile_options *options;
    const char *directory;
    struct raw told, most;
    size_t count;
    int is_other; /* none is the program's own */
    pid_t process;
    uint64_t ended_ns; /* when it has, since 1970 */
};

static uint64_t allocated(const struct raw *raw)
{
    return raw->bytes ? profile_raw_number(raw->bytes, raw->count, "allocated_bytes") : 0;
}

/* Whether a file is of who was asked for. */
static int is_asked_for(const struct left *left, const struct raw *raw, pid_t process)
{
    char name[PROFILE_NAME_BYTES];
    long number = profile_raw_process(raw->bytes, raw->count, name);

    return left->options->child ? strcmp(name, left->options->child) == 0 : number == (long)process;
}

static void drop(const struct left *left, const struct raw *raw)
{
    if (raw->bytes != left->told.bytes && raw->bytes != left->most.bytes)
        free(raw->bytes);
}

static void take_file(struct left *left, const char *path, pid_t process)
{
    struct raw told = left->told, most = left->most, raw;

    if (profile_load(path, &raw.bytes, &raw.count) != TOOL_OK) {
        free(raw.bytes);
        return;
    }
    left->count++;
    if (is_asked_for(left, &raw, process) && (!told.bytes || allocated(&raw) > allocated(&told)))
        left->told = raw;
    if (!most.bytes || allocated(&raw) > allocated(&most))
        left->most = raw;
    drop(left, &told);
    if (most.bytes != told.bytes)
        drop(left, &most);
    drop(left, &raw);
}

static int has_ended(long process)
{
    return process > 0 && kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

/* A file is called as the number of its process. Of all files, or of those whose processes have
 * ended, which are removed: a program may start thousands, such as make(1), and each takes some
 * megabytes. */
static void take_files(struct left *left, pid_t process, int is_end)
{
    DIR *files = opendir(left->directory);
    const struct dirent *entry;

    while (files && (entry = readdir(files)) != NULL) {
        char path[PATH_MAX + NAME_MAX + 2];

        if (!is_end && !has_ended(strtol(entry->d_name, NULL, 10)))
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", left->directory, entry->d_name);
        take_file(left, path, process);
        if (!is_end)
            (void)unlink(path);
    }
    if (files)
        (void)closedir(files);
}

static void look(pid_t process, void *left)
{
    take_files(left, process, 0);
}

static void end(struct left *left, pid_t process)
{
    left->process = process;
    left->ended_ns = profile_now();
    take_files(left, process, 1);
    left->is_other = !left->told.bytes && !left->options->child;
    if (left->is_other)
        left->told = left->most;
}

static void forget(struct left *left)
{
    if (left->most.bytes != left->told.bytes)
        free(left->most.bytes);
    free(left->told.bytes);
    left->told.bytes = left->most.bytes = NULL;
}

/* ---- Telling --------------------------------------------------------------------------------- */

/* Another process may be the one that matters: that of a script, or of a launcher. */
static void tell_of_others(const struct left *left)
{
    char name[PROFILE_NAME_BYTES], bytes[PROFILE_BYTES_TEXT];
    long process = profile_raw_process(left->most.bytes, left->most.count, name);

    if (left->is_other)
        (void)tool_complain(
            "the program itself has taken no sample: this is of its child %ld (%s), "
            "which has allocated most",
            process, name);
    else if (allocated(&left->most) > allocated(&left->told))
        (void)tool_complain("its child %ld (%s) has allocated more, %s: --child=%s tells of that",
                            process, name,
                            profile_bytes(allocated(&left->most), bytes, sizeof bytes), name);
}

static int tell_nothing(const struct left *left)
{
    const struct profile_options *options = left->options;
    char every[PROFILE_BYTES_TEXT];

    if (options->child && left->count)
        return tool_complain("no process that is called '%s' has taken a sample", options->child);
    return tool_complain(
        "nothing was sampled%s%s%s", options->every > 1 ? ", of one block in " : "",
        options->every > 1 ? profile_bytes(options->every, every, sizeof every) : "",
        options->every > 1 ? ": --every=1 looks at each" : "");
}

/* Of a child that has ended it is not known when. */
static void tell_end(const struct left *left, struct profile *profile)
{
    if (profile->process == (uint64_t)left->process) {
        profile_end_at(profile, left->ended_ns);
    } else if (!has_ended((long)profile->process)) {
        profile->is_running = 1;
        profile_end_at(profile, profile_now());
    }
}

/* From here on what is printed goes to standard error: standard output is the program's. */
static int tell(const struct left *left)
{
    struct profile profile;
    int status, written = TOOL_OK;

    if (!left->told.bytes)
        return tell_nothing(left);
    status = profile_read(left->told.bytes, left->told.count, "the profile", &profile);
    if (status == TOOL_OK) {
        tell_end(left, &profile);
        written = profile_write_outputs(left->options, &profile);
        (void)fflush(stdout);
        if (dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
            status = profile_print_table(&profile);
        (void)fflush(stdout);
        tell_of_others(left);
    }
    profile_free(&profile);
    return status ? status : written;
}

/* ---- The run --------------------------------------------------------------------------------- */

static int run(const struct profile_options *options, const char *path, char **program,
               char **environment, const char *directory)
{
    struct left left = {.options = options, .directory = directory};
    const struct child_command command = {.path = path,
                                          .arguments = program,
                                          .environment = environment,
                                          .input = STDIN_FILENO,
                                          .output = STDOUT_FILENO,
                                          .errors = STDERR_FILENO,
                                          .look = look,
                                          .data = &left};
    struct child_result result;
    int status;

    child_set_up_in_front();
    status = child_run(&command, &result);
    if (!status && !result.not_executed)
        end(&left, result.process);
    child_remove_directory(directory);
    child_let_go();
    if (status || result.not_executed)
        return status ? status : result.not_executed;
    status = tell(&left);
    forget(&left);
    return WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0
               ? status
               : child_end_as(result.status);
}

int profile_run(const struct tool_command *command, const struct profile_options *options,
                char **program)
{
    char path[PATH_MAX], directory[PATH_MAX], **environment = NULL;
    int status;

    if (program_switched_off())
        return tool_complain("DISPATCHALLOC_OFF=%s is set, under which nothing is profiled; unset "
                             "it",
                             program_switched_off());
    child_keep_standard_files();
    child_keep_ends();
    status = program_find(command, program, path);
    if (!status)
        status = program_check(path, program);
    if (!status && child_make_directory(directory))
        return TOOL_TROUBLE;
    if (status)
        return status;
    status = make_environment(options, directory, *program, &environment);
    if (status)
        child_remove_directory(directory);
    else
        status = run(options, path, program, environment, directory);
    free(environment);
    return status;
}
