/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc symbolize: the frames of a report, or of a log with reports in it, by function,
 * file and line. Every other line is copied as it is. A function that was inlined has a frame of
 * its own and those behind it are counted on, as the sanitizers do it. See symbolize.h.
 */
#include "tools/symbolize/symbolize.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/shared/image.h"

static const struct tool_option options[] = {
    {.name = "debug-directory", .letter = 'd', .take = modules_take_directories},
    {.name = "quiet", .letter = 'q', .flag = &modules_are_quiet},
    {.name = "symbols", .letter = 's', .flag = &modules_by_symbols},
    {.name = NULL},
};

/* ---- A frame ------------------------------------------------------------------------------- */

/* What lies between lines of one text. */
struct stream {
    long process;    /* of the report that is being read; 0 */
    unsigned added;  /* frames of inlined functions in this stack */
    const char *end; /* of the line that is being read; "" at the end of a file */
};

struct printing {
    const char *line;
    const struct frame *frame;
    struct stream *stream;
    unsigned count; /* of places that were printed */
};

static void print_position(const struct place *place)
{
    int is_relative = place->directory && *place->file != '/';

    tool_print(" %s%s%s", is_relative ? place->directory : "", is_relative ? "/" : "", place->file);
    if (place->line)
        printf(":%u", place->line);
    if (place->line && place->column)
        printf(":%u", place->column);
}

static void print_start(const struct printing *printing)
{
    const struct frame *frame = printing->frame;

    (void)fwrite(printing->line, 1, frame->before, stdout);
    printf("#%u", frame->number + printing->stream->added);
    if (frame->has_address)
        printf(" 0x%" PRIx64, frame->address);
}

static void print_place(const struct place *place, void *data)
{
    struct printing *printing = data;
    const struct frame *frame = printing->frame;
    /* First of all, since a name may be in a file that has changed. */
    const char *function = place->function ? demangle(place->function) : "??";

    if (printing->count++ > 0) {
        printing->stream->added++;
        fputs(*printing->stream->end ? printing->stream->end : "\n", stdout);
    }
    print_start(printing);
    tool_print(" in %s", function);
    if (place->file)
        print_position(place);
    tool_print(" (%s+0x%" PRIx64 ")", frame->module, frame->offset);
    if (*frame->build_id)
        printf(" (BuildId: %s)", frame->build_id);
}

/* As it is, but for its number. */
static void print_unresolved(const char *line, const struct frame *frame, unsigned added)
{
    if (added == 0) {
        fputs(line, stdout);
        return;
    }
    (void)fwrite(line, 1, frame->before, stdout);
    printf("#%u%s", frame->number + added, line + frame->behind_number);
}

static void print_frame(const char *line, const struct frame *frame, struct stream *stream)
{
    struct printing printing = {line, frame, stream, 0};
    char name[SYMBOL_BYTES_MAX];

    if (frame->number == 0)
        stream->added = 0;
    if (!frame->is_resolved && *frame->module)
        modules_visit(frame, print_place, &printing);
    if (!frame->is_resolved && !*frame->module &&
        perf_map_find(stream->process, frame->address, name)) {
        print_start(&printing);
        tool_print(" in %s%s", name, line + frame->behind_address);
    } else if (printing.count == 0) {
        print_unresolved(line, frame, stream->added);
    }
    fputs(stream->end, stdout);
}

/* ---- Lines --------------------------------------------------------------------------------- */

/* Up to the end of a line, or of the room for one. Returns how many bytes there are. */
static size_t read_line(FILE *from, char *line)
{
    size_t length = 0;
    int byte = 0;

    while (length < LINE_BYTES_MAX && byte != '\n' && (byte = getc(from)) != EOF)
        line[length++] = (char)byte;
    line[length] = '\0';
    return length;
}

/* Whether a text is a whole line, and the first part of it: the last one of a file may have no end.
 */
static int is_whole(const char *line, size_t length)
{
    return (line[length - 1] == '\n' || length < LINE_BYTES_MAX) && strlen(line) == length;
}

/* The end of a line, which may have gone through a system that ends them otherwise. */
static const char *end_of(const char *line, size_t length)
{
    if (line[length - 1] != '\n')
        return "";
    return length > 1 && line[length - 2] == '\r' ? "\r\n" : "\n";
}

static void copy_line(char *line, size_t length, struct stream *stream)
{
    struct frame frame;
    long process;

    if (is_whole(line, length)) {
        char *end;

        stream->end = end_of(line, length);
        end = line + length - strlen(stream->end);
        *end = '\0';
        if (frame_read(line, &frame)) {
            print_frame(line, &frame, stream);
            return;
        }
        process = frame_process(line);
        if (process)
            stream->process = process;
        *end = *stream->end;
    }
    stream->added = 0;
    (void)fwrite(line, 1, length, stdout);
}

static void copy_lines(FILE *from)
{
    char line[LINE_BYTES_MAX + 1];
    struct stream stream = {0, 0, ""};
    int is_start = 1;
    size_t length;

    while ((length = read_line(from, line)) > 0) {
        int is_end = line[length - 1] == '\n';

        if (is_start)
            copy_line(line, length, &stream);
        else
            (void)fwrite(line, 1, length, stdout);
        is_start = is_end;
    }
}

static int copy_file(const char *path)
{
    FILE *from = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    int has_failed = 0;

    if (!from)
        return tool_complain("%s: %s", path, strerror(errno));
    copy_lines(from);
    if (ferror(from)) {
        has_failed = 1;
        (void)tool_complain("%s: %s", path, strerror(errno));
    }
    if (from != stdin)
        (void)fclose(from);
    return has_failed ? TOOL_TROUBLE : TOOL_OK;
}

static int run(int operand_count, char **operands)
{
    int status = TOOL_OK;

    /* Who reads a log as it grows wants each line when it is there. */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (operand_count == 0)
        status = copy_file("-");
    for (int i = 0; i < operand_count; i++) {
        if (copy_file(operands[i]) != TOOL_OK)
            status = TOOL_TROUBLE;
    }
    modules_close();
    perf_map_close();
    return status;
}

static const int is_optional = 1;

const struct tool_command tool_symbolize = {
    .name = "symbolize",
    .synopsis = "[FILE]...",
    .summary = "resolve the frames of reports",
    .help =
        "Copy each FILE, or standard input, to standard output, with the frames of reports by\n"
        "function, file and line; inlined functions have frames of their own. A frame is a line\n"
        "such as \"    #1 0x55d0 in name (/usr/bin/x+0x11d0) (BuildId: 1f2e)\", of this library\n"
        "or of a sanitizer. Other lines stay as they are.\n"
        "\n"
        "  -d, --debug-directory=DIR[:DIR]...\n"
        "                             look for debug files there, before /usr/lib/debug\n"
        "  -q, --quiet                do not tell of files that have another build id\n"
        "  -s, --symbols              name functions by symbol tables alone\n"
        "      --help                 print this help and exit\n",
    .options = options,
    .operand = "FILE",
    .needs_none = &is_optional,
    .run = run,
};
