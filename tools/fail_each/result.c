/* SPDX-License-Identifier: MIT */
/*
 * Results of `dispatchalloc fail-each` as lines: so they come from the processes that run the
 * program, and so they are kept in a file, from which a later command goes on. See fail_each.h.
 *
 *     NUMBER OUTCOME STATUS SIZE BLOCKS BYTES MILLISECONDS <tab> FAILURE <tab> SAID {<tab> FRAME}
 */
#define _GNU_SOURCE /* O_CLOEXEC, flock */
#include "fail_each.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Writing --------------------------------------------------------------------------------- */

/* A frame, "    #0 0x7f00 in main (program+0x1000)", without the address, unless that is all. */
static const char *without_address(const char *frame, size_t length, char *text, size_t bytes)
{
    const char *address = memchr(frame, '#', length);
    const char *rest;

    address = address ? memchr(address, ' ', length - (size_t)(address - frame)) : NULL;
    rest = address ? memchr(address + 1, ' ', length - (size_t)(address + 1 - frame)) : NULL;
    if (rest && strncmp(rest, "  ", 2) == 0)
        rest++;
    if (rest)
        (void)snprintf(text, bytes, "%.*s%.*s", (int)(address - frame), frame,
                       (int)(length - (size_t)(rest - frame)), rest);
    else
        (void)snprintf(text, bytes, "%.*s", (int)length, frame);
    return text;
}

/* What a text lacks to be a field. */
static void add_field(char line[EACH_LINE_BYTES], size_t *length, const char *text)
{
    size_t room = EACH_LINE_BYTES - 1 - *length;
    int written = snprintf(line + *length, room, "\t%s", text);

    *length += written > 0 && (size_t)written < room ? (size_t)written : 0;
}

static uint64_t more_than(uint64_t number, uint64_t usual)
{
    return number > usual ? number - usual : 0;
}

size_t each_line(const struct each_test *test, uint64_t number, const struct each_run *run,
                 char line[EACH_LINE_BYTES])
{
    enum each_outcome outcome = each_judge(test, run);
    char text[1024], failure[96];
    const char *how = child_failure(&run->ended, failure, sizeof failure);
    size_t length = (size_t)snprintf(
        line, EACH_LINE_BYTES, "%" PRIu64 " %s %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
        number, each_outcome_name(outcome), run->ended.status, run->size,
        more_than(run->live_blocks, test->counted.live_blocks),
        more_than(run->live_bytes, test->counted.live_bytes),
        (uint64_t)(run->ended.seconds * 1000));

    add_field(line, &length, how ? how : "");
    add_field(line, &length, run->said);
    for (const char *frame = run->stack; *frame;) {
        size_t end = strcspn(frame, "\n");

        add_field(line, &length, without_address(frame, end, text, sizeof text));
        frame += end + (frame[end] == '\n');
    }
    line[length++] = '\n';
    line[length] = '\0';
    return length;
}

/* ---- Taking ---------------------------------------------------------------------------------- */

static int find_outcome(const char *name, enum each_outcome *outcome)
{
    for (int i = 0; i < EACH_OUTCOMES; i++) {
        if (strcmp(each_outcome_name((enum each_outcome)i), name) == 0) {
            *outcome = (enum each_outcome)i;
            return 1;
        }
    }
    return 0;
}

/* The field that begins there, ended; *next is at the one behind it, or at the end. */
static const char *cut_field(char **next)
{
    char *field = *next;

    *next = field + strcspn(field, "\t");
    if (**next) {
        **next = '\0';
        ++*next;
    }
    return field;
}

/* Exit handlers are told of programs by name only: see each_judge(). */
static int is_possible(const struct each_test *test, const struct each_result *result)
{
    return result->outcome != EACH_CRASHED || test->child || WIFSIGNALED(result->status);
}

/* Take a text of its own, a line without its end, apart: 0 if it is none. */
static int take_apart(const struct each_test *test, struct each_result *result)
{
    char name[16];
    int length = 0;
    char *next = result->text;

    if (sscanf(next, "%" SCNu64 " %15s %d %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 "%n",
               &result->number, name, &result->status, &result->size, &result->kept_blocks,
               &result->kept_bytes, &result->milliseconds, &length) != 7 ||
        length == 0 || next[length] != '\t' || !find_outcome(name, &result->outcome) ||
        !is_possible(test, result))
        return 0;
    next += length + 1;
    result->failure = cut_field(&next);
    result->said = cut_field(&next);
    result->stack = next;
    for (; *next; next++) {
        if (*next == '\t')
            *next = '\n';
    }
    return 1;
}

static int add_result(struct each_test *test, const struct each_result *result)
{
    struct each_result *more = test->results;

    /* By powers of two. */
    if ((test->result_count & (test->result_count - 1)) == 0)
        more = realloc(more, (test->result_count ? 2 * test->result_count : 1) * sizeof *more);
    if (!more)
        return tool_complain("not enough memory");
    test->results = more;
    test->results[test->result_count++] = *result;
    test->outcomes[result->outcome]++;
    test->report->result(test, result);
    return 0;
}

int each_take_line(struct each_test *test, const char *line, size_t bytes)
{
    struct each_result result = {.text = malloc(bytes + 1)};
    int status = result.text ? 0 : tool_complain("not enough memory");

    if (!status) {
        memcpy(result.text, line, bytes);
        result.text[bytes] = '\0';
        result.text[strcspn(result.text, "\n")] = '\0';
        status = take_apart(test, &result) ? add_result(test, &result)
                                           : tool_complain("no result: \"%s\"", result.text);
    }
    if (status)
        free(result.text);
    return status;
}

void each_free_results(struct each_test *test)
{
    for (size_t i = 0; i < test->result_count; i++)
        free(test->results[i].text);
    free(test->results);
}

/* ---- What was done before -------------------------------------------------------------------- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3); /* FNV-1a */
    while (*text++);
    return hash;
}

/* What a program does is said by its file too, which is made anew from one command to the next, and
 * by an input that is one. (A file that its arguments name may be what it writes.) */
static uint64_t hash_file(uint64_t hash, const char *path)
{
    unsigned char bytes[4096];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat stat;
    ssize_t count;

    while (file >= 0 && fstat(file, &stat) == 0 && S_ISREG(stat.st_mode) &&
           (count = read(file, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < count; i++)
            hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    if (file >= 0)
        (void)close(file);
    return hash;
}

/* The first line, by which it is known whether a file is about the same. */
static void put_title(const struct each_test *test, char *text, size_t bytes)
{
    uint64_t hash = hash_text(UINT64_C(0xcbf29ce484222325), test->spec);

    hash = hash_text(hash, test->child ? test->child : "");
    for (char **word = test->command; *word; word++)
        hash = hash_text(hash, *word);
    hash = hash_file(hash, test->path);
    hash = hash_file(hash, "/proc/self/fd/0");
    (void)snprintf(text, bytes,
                   "dispatchalloc fail-each 1, command %016" PRIx64 ", %" PRIu64 " allocations\n",
                   hash, test->counted.calls);
}

static int write_title(const struct each_test *test, const char *title)
{
    size_t length = strlen(title);

    return write(test->state_file, title, length) == (ssize_t)length
               ? 0
               : tool_complain("%s: %s", test->state, strerror(errno));
}

/* A line whose number is not there already; taken has a bit for each. */
static int take_first(struct each_test *test, const char *line, unsigned char *taken)
{
    uint64_t number = strtoull(line, NULL, 10);
    unsigned char bit = (unsigned char)(1U << number % 8);

    if (number > test->counted.calls)
        return tool_complain("%s has a result of allocation %" PRIu64 ", of %" PRIu64, test->state,
                             number, test->counted.calls);
    if (taken[number / 8] & bit)
        return 0;
    taken[number / 8] |= bit;
    return each_take_line(test, line, strlen(line));
}

/* What a command that was killed in the middle of a line has left of that is cut off. */
static int take_lines(struct each_test *test, FILE *lines, const char *title, unsigned char *taken)
{
    static char line[EACH_LINE_BYTES + 1];
    long whole = 0;
    int status = 0;

    if (!fgets(line, sizeof line, lines))
        return write_title(test, title);
    if (strcmp(line, title) != 0)
        return tool_complain("%s is of another command, or the program or its input has changed, "
                             "or it made another number of allocations; remove it to begin again",
                             test->state);
    for (whole = ftell(lines); !status && fgets(line, sizeof line, lines); whole = ftell(lines)) {
        if (!strchr(line, '\n'))
            break;
        status = take_first(test, line, taken);
    }
    if (!status && ftruncate(test->state_file, whole) != 0)
        status = tool_complain("%s: %s", test->state, strerror(errno));
    return status;
}

/* What was done and was not planned this time counts as planned, since it is told too. Both lists
 * are in order. */
static int leave_rest(struct each_test *test)
{
    struct each_numbers done = {.count = 0};
    size_t at = 0;
    int status = 0;

    for (size_t i = 0; !status && i < test->result_count; i++)
        status = each_numbers_add(&done, test->results[i].number);
    each_numbers_sort(&done);
    for (size_t i = 0; !status && i < test->planned.count; i++) {
        uint64_t number = test->planned.all[i];

        while (at < done.count && done.all[at] < number)
            at++;
        if (at == done.count || done.all[at] != number)
            status = each_numbers_add(&test->left, number);
    }
    for (size_t i = 0; !status && i < done.count; i++)
        status = each_numbers_add(&test->planned, done.all[i]);
    each_numbers_sort(&test->planned);
    free(done.all);
    return status;
}

/* Two at once would make the same runs. Where a file cannot be locked it is not. */
static int open_state(struct each_test *test)
{
    test->state_file = open(test->state, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (test->state_file < 0)
        return tool_complain("%s: %s", test->state, strerror(errno));
    if (flock(test->state_file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return tool_complain("another fail-each goes on by %s", test->state);
    return 0;
}

static int take_state(struct each_test *test)
{
    char title[128];
    FILE *lines = fopen(test->state, "re");
    unsigned char *taken = calloc((size_t)(test->counted.calls / 8 + 1), 1);
    int status;

    put_title(test, title, sizeof title);
    if (!lines)
        status = tool_complain("%s: %s", test->state, strerror(errno));
    else
        status = taken ? take_lines(test, lines, title, taken) : tool_complain("not enough memory");
    free(taken);
    if (lines)
        (void)fclose(lines);
    return status;
}

int each_state_open(struct each_test *test)
{
    int status;

    test->state_file = -1;
    if (!test->state)
        return leave_rest(test);
    status = open_state(test);
    if (!status)
        status = take_state(test);
    return status ? status : leave_rest(test);
}
