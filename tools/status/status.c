/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc status: who serves a process, and what it has counted. The one stands in its memory
 * (served.c), the other in a file (counters.c), which can be read where memory cannot, and after
 * the process has ended.
 */
#include "tools/status/status.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WATCH_SECONDS = 2 };

static int wants_json, wants_all, wants_removal, wants_openmetrics, wants_watch;
static unsigned watch_seconds = WATCH_SECONDS;
static const char *given_directory, *given_since;

static int take_directory(const char *text)
{
    given_directory = text;
    return TOOL_OK;
}

static int take_since(const char *text)
{
    given_since = text;
    return TOOL_OK;
}

/* Without an operand it is everything. */
static int take_watch(const char *text)
{
    uint64_t number = WATCH_SECONDS;

    if (text && (!dal_number_parse_(text, 1, &number) || number == 0 || number > 86400))
        return tool_misused(
            &tool_status_of,
            "invalid interval '%s': a number of seconds from 1 to 86400 is expected", text);
    watch_seconds = (unsigned)number;
    wants_watch = wants_all = 1;
    return TOOL_OK;
}

static const struct tool_option options[] = {
    {.name = "all", .letter = 'a', .flag = &wants_all},
    {.name = "directory", .letter = 'd', .take = take_directory},
    {.name = "json", .flag = &wants_json},
    {.name = "openmetrics", .flag = &wants_openmetrics},
    {.name = "since", .take = take_since},
    {.name = "watch", .letter = 'w', .flag = &wants_watch, .take = take_watch},
    {.name = "remove", .flag = &wants_removal},
    {.name = NULL},
};

/* Where files of counters are by share=on, or what was given; "": nowhere. */
static const char *directory(void)
{
    static char text[PATH_MAX];
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (given_directory)
        return given_directory;
    if (!runtime || *runtime != '/' ||
        (size_t)snprintf(text, sizeof text, "%s/dispatchalloc", runtime) >= sizeof text)
        return "";
    return text;
}

/* ---- What is shown ------------------------------------------------------------------------ */

/* Of a file that is gone already nothing is said, nor of a process that runs, which is no surprise.
 */
static void remove_counters(const struct status_counters *counters)
{
    if (counters->state != STATUS_ENDED && counters->state != STATUS_RUNNING && counters->file)
        tool_complain("%s is not removed (%s)", counters->path, status_words(counters->state));
    if (counters->state == STATUS_ENDED && unlink(counters->path) != 0)
        tool_complain("%s: %s", counters->path, strerror(errno));
}

/* Where they are shown together; and the reading that they are set against, unless its data is
 * NULL.
 */
static struct status_list *kept;
static struct status_counters before;

static void show_counters(struct status_counters *counters, void *unused)
{
    (void)unused;
    if (kept)
        (void)status_list_add(kept, counters);
    else if (wants_json)
        status_json(counters, before.data ? &before : NULL);
    else if (before.data)
        status_print_since(&before, counters);
    else
        status_print(counters);
    if (wants_removal)
        remove_counters(counters);
}

static void show_served(const char *file, const char *text, void *process)
{
    if (kept || before.data)
        return;
    (wants_json ? status_json_served : status_print_served)(*(long *)process, file, text);
}

/* Of the files in the directory, those of one process, or of one program. */
struct wanted {
    long process;     /* or 0 */
    const char *name; /* or NULL */
    int count;
};

/* The first word of a text. */
static int is_first_word(const char *text, const char *name)
{
    char word[PATH_MAX];

    snprintf(word, sizeof word, "%.*s", (int)strcspn(text, " \n"), text);
    return strcmp(tool_file_name(word), name) == 0;
}

static void show_wanted(struct status_counters *counters, void *data)
{
    struct wanted *wanted = data;

    if ((wanted->process && counters->process != wanted->process) ||
        (wanted->name && strcmp(tool_file_name(counters->program), wanted->name) != 0 &&
         !is_first_word(counters->command, wanted->name)))
        return;
    wanted->count++;
    show_counters(counters, NULL);
}

static int show_files(struct wanted wanted)
{
    (void)status_visit_directory(directory(), show_wanted, &wanted);
    return wanted.count;
}

/* ---- A process ---------------------------------------------------------------------------- */

/* What is found of a running process; -1 with errno if it cannot be looked at. */
static int show_running(long process)
{
    int served = status_visit_served(process, show_served, &process);
    int saved_errno = errno;
    int counted = status_visit_mapped(process, show_counters, NULL);

    if (served > 0 || counted > 0)
        return 1;
    errno = saved_errno;
    return served < 0 ? -1 : 0;
}

static int show_process(const char *operand)
{
    long process = strtol(operand, NULL, 10);
    int found, saved_errno;

    if (strlen(operand) > 10 || process <= 0)
        return tool_misused(&tool_status_of, "invalid process number '%s'", operand);
    found = show_running(process);
    saved_errno = errno;
    if (show_files((struct wanted){.process = process}) > 0 || found > 0)
        return TOOL_OK;
    if (found < 0)
        return tool_complain("process %s: %s", operand,
                             saved_errno == ENOENT ? "no such process" : strerror(saved_errno));
    if (!wants_json && !kept)
        printf("%s: libdispatchalloc is not in this process\n", operand);
    return TOOL_FAILED;
}

/* Whether a process calls itself so: by its name, which has 15 bytes, or its first argument. */
static int is_called(long process, const char *name)
{
    static const char *const files[] = {"comm", "cmdline"};
    char text[PATH_MAX];
    int found = 0;

    for (size_t i = 0; i < 2 && !found; i++) {
        FILE *file = status_proc(process, files[i]);
        size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;

        text[length] = '\0';
        found = is_first_word(text, name) ||
                (i == 0 && strlen(name) > 15 && strncmp(text, name, 15) == 0);
        if (file)
            fclose(file);
    }
    return found;
}

/* Whether a process is one of a program's: by that, or by the file, whatever link led there. */
static int has_name(long process, const char *name)
{
    char path[64], program[PATH_MAX];
    ssize_t length;

    snprintf(path, sizeof path, "/proc/%ld/exe", process);
    if (is_called(process, name))
        return 1;
    length = readlink(path, program, sizeof program - 1);
    if (length <= 0)
        return 0;
    program[length] = '\0';
    /* Of a file that was replaced by another. */
    if (length > 10 && strcmp(program + length - 10, " (deleted)") == 0)
        program[length - 10] = '\0';
    return strcmp(tool_file_name(program), name) == 0;
}

/* The last one that may not be looked at, and why. */
struct hidden {
    long process;
    int error;
};

/* All running processes, or those of one program, that have the library: how many. */
static int show_each(const char *name, struct hidden *hidden)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    int count = 0;

    while (processes && (entry = readdir(processes)) != NULL) {
        long process = strtol(entry->d_name, NULL, 10);
        int found;

        if (process <= 0 || process == (long)getpid() || (name && !has_name(process, name)))
            continue;
        found = show_running(process);
        count += found > 0;
        if (found < 0 && (errno == EACCES || errno == EPERM))
            *hidden = (struct hidden){process, errno};
    }
    if (processes)
        closedir(processes);
    else
        status_check_descriptors();
    return count;
}

static int show_name(const char *name)
{
    struct dal_nearest_ nearest = {name, "", 0};
    struct hidden hidden = {0, 0};

    if (show_each(name, &hidden) + show_files((struct wanted){.name = name}) > 0)
        return TOOL_OK;
    if (hidden.process)
        return tool_complain("process %ld, of a program \"%s\": %s", hidden.process, name,
                             strerror(hidden.error));
    status_find_near(directory(), has_name, &nearest);
    if (!wants_json)
        tool_complain("no process of a program \"%s\" has libdispatchalloc, nor left a file of "
                      "counters%s%s%s",
                      name, *directory() ? " in " : "", directory(), tool_did_you_mean(&nearest));
    return TOOL_FAILED;
}

/* ---- A file ------------------------------------------------------------------------------- */

static int open_file(const char *path, struct status_counters *counters)
{
    int result = status_open(path, counters);

    if (result == TOOL_FAILED)
        return tool_complain("%s: is no file of counters, or one of another version or byte order",
                             path);
    if (result != TOOL_OK)
        return tool_complain("%s: %s", path,
                             errno == ELOOP ? "is a symbolic link"
                             : errno        ? strerror(errno)
                                            : "cannot be read");
    return TOOL_OK;
}

static int show_file(const char *path)
{
    struct status_counters counters;
    int result = open_file(path, &counters);

    if (result != TOOL_OK)
        return result;
    show_counters(&counters, NULL);
    status_close(&counters);
    return TOOL_OK;
}

static int show(const char *operand)
{
    static struct status_counters counters;

    if (*operand && strspn(operand, "0123456789") == strlen(operand))
        return show_process(operand);
    if (strchr(operand, '/'))
        return show_file(operand);
    if (status_open(operand, &counters) != TOOL_OK)
        return show_name(operand);
    show_counters(&counters, NULL);
    status_close(&counters);
    return TOOL_OK;
}

void status_check_descriptors(void)
{
    if (errno != EMFILE && errno != ENFILE)
        return;
    (void)tool_complain("processes and files cannot be looked at: %s", strerror(errno));
    if (wants_json)
        status_json_end();
    exit(TOOL_TROUBLE);
}

static int show_everything(void)
{
    struct hidden hidden = {0, 0};

    if (show_each(NULL, &hidden) + show_files((struct wanted){.process = 0}) > 0)
        return TOOL_OK;
    if (!wants_json && !kept)
        puts("no process that you may look at has libdispatchalloc, and none has left a file of "
             "counters");
    return TOOL_FAILED;
}

/* Whether it can be read; where none was given none has to be. */
static int is_directory(const char *path)
{
    DIR *files = path ? opendir(path) : NULL;

    if (files)
        closedir(files);
    return files || !path;
}

/* Everything that was asked for: the worst of the results. */
static int show_all(char *const *operands)
{
    int worst = wants_all ? show_everything() : TOOL_OK;

    for (; *operands; operands++) {
        int status = show(*operands);

        if (status > worst)
            worst = status;
    }
    return worst;
}

static char **watched;

static int collect(struct status_list *list)
{
    int result;

    kept = list;
    result = show_all(watched);
    kept = NULL;
    return result;
}

static int show_openmetrics(void)
{
    struct status_list list = {NULL, 0};
    int result = collect(&list);

    status_openmetrics(&list);
    status_list_clear(&list);
    return result;
}

static int show_json(char *const *operands)
{
    int result;

    status_json_begin();
    result = show_all(operands);
    status_json_end();
    return result;
}

/* What excludes each other, and what cannot be read: TOOL_OK, or TOOL_TROUBLE after a message. */
static int check_options(int operand_count)
{
    if (wants_watch && operand_count > 0)
        wants_all = 0;
    if (wants_all && operand_count > 0)
        return tool_misused(&tool_status_of, "--all takes no operand");
    if (wants_json + wants_openmetrics + wants_watch > 1)
        return tool_misused(&tool_status_of,
                            "--json, --openmetrics and --watch exclude each other");
    if (given_since && (wants_openmetrics || wants_watch))
        return tool_misused(&tool_status_of, "--since goes with the text and with --json alone");
    if (wants_removal && wants_watch)
        return tool_misused(&tool_status_of, "--remove and --watch exclude each other");
    if (!is_directory(given_directory))
        return tool_complain("--directory=%s: %s", given_directory, strerror(errno));
    if (!given_directory && *directory() && !is_directory(directory()) && errno != ENOENT)
        (void)tool_complain("%s: %s", directory(), strerror(errno));
    return given_since ? open_file(given_since, &before) : TOOL_OK;
}

static int run(int operand_count, char **operands)
{
    int result = check_options(operand_count);

    watched = operands;
    if (result == TOOL_OK)
        result = wants_watch         ? status_watch(watch_seconds, collect)
                 : wants_openmetrics ? show_openmetrics()
                 : wants_json        ? show_json(operands)
                                     : show_all(operands);
    status_close(&before);
    return result;
}

const struct tool_command tool_status_of = {
    .name = "status",
    .synopsis = "[PID|NAME|FILE]...",
    .summary = "tell who serves a process and what it has counted",
    .help =
        "\n"
        "Print for each copy of the library in a running process, the interposer's included,\n"
        "which allocator serves and who chose it, for which it takes the right to trace the\n"
        "process; and what the layer stats counts in a file (stats:share=on, stats:file=PATH),\n"
        "which takes the right to read that, and is there after the process has ended too.\n"
        "A process is given by its number or by the name of its program.\n"
        "\n"
        "Options:\n"
        "  -a, --all              all processes, and all files that ended ones have left\n"
        "  -d, --directory=DIR    where these files are; $XDG_RUNTIME_DIR/dispatchalloc\n"
        "      --json             print JSON\n"
        "      --openmetrics      print for a collector, such as Prometheus\n"
        "      --remove           remove what is shown of ended processes\n"
        "      --since=FILE       print what has changed since FILE, a copy of a file of counters:\n"
        "                         cp $XDG_RUNTIME_DIR/dispatchalloc/PID FILE\n"
        "  -w, --watch[=SECONDS]  a screen that is renewed, every 2 seconds by default, with the most\n"
        "                         live bytes first; q ends it. Where standard output is no\n"
        "                         terminal it is printed each time. All, unless told which\n"
        "\n"
        "Exit status: 0; 1 if nothing was found; 2 for trouble.\n",
    .options = options,
    .operand = "PID, NAME or FILE",
    .needs_none = &wants_all,
    .run = run,
};
