/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc status --watch: what is counted, again and again, the most live bytes first, with
 * what is called in a second. On a terminal it is a screen of its own; else the lines are printed
 * once an interval.
 *
 * The terminal is given back as it was by whatever way it ends that can be met: q, a signal that
 * asks for it, an error. After a stop (Ctrl-Z) it is taken again.
 */
#include "tools/status/status.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib/shared/control.h"

/* ---- Rows --------------------------------------------------------------------------------- */

struct row {
    long process;
    enum status_state state;
    char what[160], path[PATH_MAX];
    uint64_t live_bytes, live_blocks, peak_bytes, calls, resident;
    double calls_a_second; /* below 0: not known yet */
};

struct rows {
    struct row *all;
    size_t count;
    double at; /* seconds */
};

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int take_count(const char *key, uint64_t value, void *data)
{
    struct row *row = data;
    size_t length = strlen(key);

    if (strcmp(key, "live_bytes") == 0)
        row->live_bytes = value;
    else if (strcmp(key, "live_blocks") == 0)
        row->live_blocks = value;
    else if (strcmp(key, "peak_bytes") == 0)
        row->peak_bytes = value;
    else if (length > 6 && strcmp(key + length - 6, ".calls") == 0)
        row->calls += value;
    return 0;
}

static void fill_row(struct row *row, const struct status_counters *counters)
{
    *row = (struct row){.process = counters->process,
                        .state = counters->state,
                        .resident = counters->anonymous_bytes,
                        .calls_a_second = -1};
    snprintf(row->path, sizeof row->path, "%s", counters->path);
    snprintf(row->what, sizeof row->what, "%.60s %.60s%s%.30s", tool_file_name(counters->program),
             counters->name, *counters->label ? " " : "", counters->label);
    dal_clean_(row->what, strlen(row->what));
    (void)dal_stats_file_visit(counters->data, counters->bytes, take_count, row);
}

static int most_live_first(const void *left, const void *right)
{
    const struct row *a = left, *b = right;

    if (a->live_bytes != b->live_bytes)
        return a->live_bytes < b->live_bytes ? 1 : -1;
    return (a->process > b->process) - (a->process < b->process);
}

/* How often a row was called since those before. */
static void find_rate(struct row *row, const struct rows *before, double seconds)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct row *same = &before->all[i];

        if (same->process == row->process && strcmp(same->path, row->path) == 0 &&
            row->calls >= same->calls && seconds > 0)
            row->calls_a_second = (double)(row->calls - same->calls) / seconds;
    }
}

/* TOOL_OK, or TOOL_TROUBLE if there is no memory. */
static int make_rows(const struct status_list *list, const struct rows *before, struct rows *rows)
{
    *rows = (struct rows){.all = calloc(list->count + 1, sizeof *rows->all), .at = now()};
    if (!rows->all)
        return tool_complain("not enough memory");
    for (; rows->count < list->count; rows->count++) {
        fill_row(&rows->all[rows->count], &list->all[rows->count]);
        find_rate(&rows->all[rows->count], before, rows->at - before->at);
    }
    qsort(rows->all, rows->count, sizeof *rows->all, most_live_first);
    return TOOL_OK;
}

/* ---- Lines -------------------------------------------------------------------------------- */

/* "1.5M", to three digits. */
static const char *in_units(uint64_t bytes, char text[16])
{
    static const char units[] = "BKMGTPE";
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 999.5 && units[unit + 1]) {
        value /= 1024;
        unit++;
    }
    snprintf(text, 16, "%.*f%c",
             unit && value < 9.995   ? 2
             : unit && value < 99.95 ? 1
                                     : 0,
             value, units[unit]);
    return text;
}

static const char *state_of(const struct row *row)
{
    return row->state == STATUS_RUNNING ? "" : row->state == STATUS_ENDED ? " (ended)" : " (left)";
}

static void format_row(const struct row *row, char *line, size_t bytes)
{
    char live[16], peak[16], resident[16], rate[32] = "-";

    if (row->calls_a_second >= 0)
        snprintf(rate, sizeof rate, "%.0f", row->calls_a_second);
    snprintf(line, bytes, "%8ld %7s %7s %10" PRIu64 " %7s %10s  %s%s", row->process,
             in_units(row->live_bytes, live), in_units(row->peak_bytes, peak), row->live_blocks,
             row->resident ? in_units(row->resident, resident) : "-", rate, row->what,
             state_of(row));
}

static void format_title(const struct rows *rows, char *line, size_t bytes)
{
    char clock[16], live[16];
    time_t at = time(NULL);
    uint64_t sum = 0;

    (void)strftime(clock, sizeof clock, "%H:%M:%S", localtime(&at));
    for (size_t i = 0; i < rows->count; i++)
        sum += rows->all[i].live_bytes;
    snprintf(line, bytes, "%s  %zu counting, %s live", clock, rows->count, in_units(sum, live));
}

static const char heading[] =
    "     PID    LIVE    PEAK     BLOCKS  RESANON    CALLS/s  PROGRAM AND ALLOCATOR";

/* Height 0: all of them, and no orders to a terminal. */
static void print_rows(const struct rows *rows, int width, int height)
{
    const char *end = height ? "\033[K\n" : "\n";
    char line[400];

    if (height)
        fputs("\033[H", stdout);
    format_title(rows, line, sizeof line);
    printf("%.*s%s%.*s%s", width, line, end, width, heading, end);
    for (size_t i = 0; i < rows->count && (!height || (int)i + 3 < height); i++) {
        format_row(&rows->all[i], line, sizeof line);
        printf("%.*s%s", width, line, end);
    }
    fputs(height ? "\033[J" : "\n", stdout);
}

/* ---- The terminal ------------------------------------------------------------------------- */

static struct termios terminal_before;
static int is_terminal, is_taken;
static volatile sig_atomic_t ended_by, has_come_back;

static void note_end(int number)
{
    ended_by = number;
}

static void note_return(int number)
{
    has_come_back = number;
}

static void take_terminal(void)
{
    struct termios terminal = terminal_before;

    terminal.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    terminal.c_cc[VMIN] = 0;
    terminal.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
    fputs("\033[?1049h\033[?25l\033[H\033[J", stdout); /* another screen, no cursor */
    is_taken = 1;
}

static void give_terminal_back(void)
{
    if (!is_taken)
        return;
    fputs("\033[?25h\033[?1049l", stdout);
    (void)fflush(stdout);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
    is_taken = 0;
}

static void set_up(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = note_end};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        (void)sigaction(ends[i], &action, NULL);
    action.sa_handler = note_return;
    (void)sigaction(SIGWINCH, &action, NULL);
    (void)sigaction(SIGCONT, &action, NULL);
    is_terminal = isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &terminal_before) == 0;
    if (is_terminal)
        take_terminal();
}

static void find_size(int *width, int *height)
{
    struct winsize size = {.ws_row = 0};

    *width = 399;
    *height = 0;
    if (!is_terminal)
        return;
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *width = size.ws_col ? size.ws_col : 80;
    *height = size.ws_row ? size.ws_row : 24;
    if (*width > 399)
        *width = 399;
}

/* Whether a key was pressed that ends it. */
static int is_quit(void)
{
    char key;

    while (read(STDIN_FILENO, &key, 1) == 1) {
        if (key == 'q' || key == 'Q')
            return 1;
    }
    return 0;
}

/* Show rows until the next reading is due: 1 if it is to end. */
static int wait_with(const struct rows *rows, double until)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int width, height;

    for (;;) {
        double left = until - now();

        find_size(&width, &height);
        if (is_terminal || !has_come_back)
            print_rows(rows, width, height);
        do {
            if (fflush(stdout) != 0 || ferror(stdout))
                return 1;
            has_come_back = 0;
            left = until - now();
            if (left <= 0)
                return ended_by != 0;
            (void)poll(&input, is_terminal ? 1 : 0, (int)(left * 1000) + 1);
            if (ended_by || (is_terminal && is_quit()))
                return 1;
        } while (!has_come_back || !is_terminal);
        if (has_come_back == SIGCONT)
            take_terminal();
    }
}

int status_watch(unsigned seconds, int (*collect)(struct status_list *list))
{
    struct rows before = {NULL, 0, 0}, rows;
    struct status_list list = {NULL, 0};
    double next = now();
    int result = collect(&list), is_over = 0;

    /* What is wrong with an operand has been said. */
    if (result != TOOL_OK && list.count == 0)
        return result;
    set_up();
    while (!is_over && (result = make_rows(&list, &before, &rows)) == TOOL_OK) {
        status_list_clear(&list);
        free(before.all);
        before = rows;
        next += seconds;
        is_over = wait_with(&rows, next);
        if (!is_over)
            (void)status_collect_quietly(collect, &list);
    }
    give_terminal_back();
    status_list_clear(&list);
    free(before.all);
    return result != TOOL_OK ? result : ended_by && ended_by != SIGINT ? 128 + ended_by : TOOL_OK;
}
