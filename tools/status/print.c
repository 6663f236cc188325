/* SPDX-License-Identifier: MIT */
/* dispatchalloc status: its text, and its JSON. */
#include <inttypes.h>
#include <string.h>

#include "tools/status/status.h"

/* ---- Text --------------------------------------------------------------------------------- */

void status_print_served(long process, const char *file, const char *text)
{
    tool_print("%ld: %s: %s\n", process, file,
               *text ? text : "has not allocated yet, so nobody serves");
}

static void print_line(const char *title, const char *text)
{
    if (*text)
        tool_print("  %s: %s\n", title, text);
}

/* What dal_global_explain() told: a line each. */
static void print_explanation(const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");

        tool_print("  %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static int print_count(const char *key, uint64_t value, void *data)
{
    (void)data;
    if (value != 0 || strncmp(key, "live_", 5) == 0 || strncmp(key, "peak_", 5) == 0)
        printf("  %-40s %20" PRIu64 "\n", key, value);
    return 0;
}

/* What a process writes to without an allocator: the data of its objects, what the loader relocates
 * there, stacks, and the library's own. Of a small C program that is some hundred KiB, with many
 * libraries it comes to a few MiB; where there is no more, nothing is told by most of it. */
enum { MEANINGFUL_BYTES = 4 << 20 };

/* Live bytes beside what is resident: a leak, or what an allocator keeps, or neither. */
static void print_share(const struct status_counters *counters)
{
    uint64_t resident = counters->anonymous_bytes;
    uint64_t percent = resident ? counters->live_bytes * 100 / resident : 0;

    if (!resident)
        return;
    printf("  live bytes are %" PRIu64 " %% of the %" PRIu64 " that are resident (RssAnon)",
           percent, resident);
    if (percent > 100)
        puts(": more is live than is resident, so that much of it was never written to");
    else if (percent >= 50)
        puts(": memory is in blocks that the program has not given back");
    else if (resident < MEANINGFUL_BYTES)
        putchar('\n');
    else if (counters->peak_bytes >= resident / 2)
        puts(": most memory was given back, and the allocator keeps it,\n"
             "  or does not come by malloc (an allocator of the program's own, as pymalloc is)");
    else
        puts(
            ": most memory does not come by malloc\n"
            "  (a program with an allocator of its own: Rust with jemalloc, node's heap, pymalloc)");
}

/* In words, as a word, and what of that is told of the process; which of a copy is nothing, since
 * it may have been made at any time. */
static const struct {
    const char *text, *word, *is_running;
} states[] = {
    [STATUS_ENDED] = {"not running", "ended", "false"},
    [STATUS_RUNNING] = {"running", "running", "true"},
    [STATUS_EXECUTED] = {"goes on as another program, this is of the one before", "executed",
                         "true"},
    [STATUS_CLOSED] = {"running, but no longer counting here", "closed", "true"},
    [STATUS_UNKNOWN] = {"in another namespace of processes", "unknown", "null"},
    [STATUS_COPY] = {"a copy of its file", "copy", "null"},
};

const char *status_words(enum status_state state)
{
    return states[state].text;
}

static void print_title(const struct status_counters *counters)
{
    tool_print("%ld (%s): %s: %s%s%s%s\n", counters->process, status_words(counters->state),
               tool_file_name(counters->program), counters->name, *counters->label ? " \"" : "",
               counters->label, *counters->label ? "\"" : "");
    print_line("program", counters->program);
    print_line("command", counters->command);
    print_line("file", counters->path);
}

void status_print(const struct status_counters *counters)
{
    print_title(counters);
    print_explanation(counters->explanation);
    (void)dal_stats_file_visit(counters->data, counters->bytes, print_count, NULL);
    print_share(counters);
}

/* ---- The difference of two ---------------------------------------------------------------- */

static void print_change(const char *key, int64_t change, void *data)
{
    (void)data;
    printf("  %-40s %+20" PRId64 "\n", key, change);
}

void status_print_since(const struct status_counters *before,
                        const struct status_counters *counters)
{
    print_title(counters);
    tool_print("  since: %s (%ld, %s)\n", before->path, before->process, before->name);
    status_visit_changes(before, counters, print_change, NULL);
}

/* ---- JSON --------------------------------------------------------------------------------- */

static const char *separator;

void status_json_begin(void)
{
    printf("{\n  \"format\": 1,\n  \"found\": [");
    separator = "\n";
}

static void print_field(const char *name, const char *text)
{
    printf(",\n     \"%s\": ", name);
    tool_print_json(text);
}

void status_json_served(long process, const char *file, const char *text)
{
    printf("%s    {\"process\": %ld, \"running\": true", separator, process);
    print_field("library", file);
    print_field("status", text);
    putchar('}');
    separator = ",\n";
}

static int print_json_count(const char *key, uint64_t value, void *data)
{
    const char **between = data;

    if (value == 0 && (strncmp(key, "size.", 5) == 0 || strncmp(key, "lifetime_ns.", 12) == 0))
        return 0;
    printf("%s\"%s\": %" PRIu64, *between, key, value);
    *between = ", ";
    return 0;
}

static void print_json_change(const char *key, int64_t change, void *data)
{
    const char **between = data;

    printf("%s\"%s\": %" PRId64, *between, key, change);
    *between = ", ";
}

void status_json(const struct status_counters *counters, const struct status_counters *before)
{
    const char *between = "";

    printf("%s    {\"process\": %ld, \"running\": %s, \"state\": \"%s\"", separator,
           counters->process, states[counters->state].is_running, states[counters->state].word);
    print_field("file", counters->path);
    print_field("program", counters->program);
    print_field("command", counters->command);
    print_field("name", counters->name);
    print_field("label", counters->label);
    print_field("explanation", counters->explanation);
    if (counters->anonymous_bytes)
        printf(",\n     \"resident_anonymous_bytes\": %" PRIu64, counters->anonymous_bytes);
    printf(",\n     \"counts\": {");
    (void)dal_stats_file_visit(counters->data, counters->bytes, print_json_count, &between);
    putchar('}');
    if (before) {
        between = "";
        print_field("since", before->path);
        printf(",\n     \"changes\": {");
        status_visit_changes(before, counters, print_json_change, &between);
        putchar('}');
    }
    putchar('}');
    separator = ",\n";
}

void status_json_end(void)
{
    puts("\n  ]\n}");
}
