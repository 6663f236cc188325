/* SPDX-License-Identifier: MIT */
/* dispatchalloc profile: from where memory comes, of a program, a process, or a file. The command
 * line. See profile.h. */
#include "tools/profile/profile.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/shared/file_head.h"
#include "lib/shared/image.h"
#include "tools/options.h"
#include "tools/profile/output.h"
#include "tools/program.h"
#include "tools/symbolize/symbolize.h"

/* ---- Options --------------------------------------------------------------------------------- */

enum { FRAMES = 32, PROCESS_DIGITS = 10 };
enum { UNIT = 64 << 10 }; /* smaller numbers have no K */
#define EVERY (UINT64_C(512) << 10)

/* As the layer has them. */
#define EVERY_MOST  (UINT64_C(1) << 40)
#define SITES_MOST  (UINT64_C(1) << 20)
#define BLOCKS_MOST (UINT64_C(1) << 26)

static struct profile_options wanted;

static int take_spec(const char *spec)
{
    wanted.spec = spec;
    return TOOL_OK;
}

static int take_child(const char *name)
{
    wanted.child = name;
    return TOOL_OK;
}

/* A number from least to most, as the layer takes it. */
static int take_number(const char *what, const char *text, uint64_t least, uint64_t most,
                       uint64_t *number)
{
    if (dal_number_parse_(text, 1, number) && *number >= least && *number <= most)
        return TOOL_OK;
    return tool_misused(&tool_profile,
                        "invalid number of %s '%s': it is expected from %" PRIu64 " to %" PRIu64
                        "%s",
                        what, text, least, most, most < UNIT ? "" : ", such as 64K");
}

static int take_every(const char *text)
{
    return take_number("bytes", text, 1, EVERY_MOST, &wanted.every);
}

static int take_frames(const char *text)
{
    return take_number("frames", text, 1, DAL_STACK_PLACES_MAX, &wanted.frames);
}

static int take_sites(const char *text)
{
    return take_number("sites", text, 2, SITES_MOST, &wanted.sites);
}

static int take_blocks(const char *text)
{
    return take_number("blocks", text, 64, BLOCKS_MOST, &wanted.blocks);
}

static int take_output(const char *path)
{
    if (wanted.output_count == PROFILE_OUTPUTS_MAX)
        return tool_misused(&tool_profile, "there are more than %d files", PROFILE_OUTPUTS_MAX);
    wanted.outputs[wanted.output_count++] = path;
    return profile_check_name(path);
}

static int take_process(const char *text)
{
    wanted.process = strtol(text, NULL, 10);
    if (*text && strlen(text) <= PROCESS_DIGITS && strspn(text, "0123456789") == strlen(text) &&
        wanted.process > 0)
        return TOOL_OK;
    return tool_misused(&tool_profile, "invalid process number '%s'", text);
}

static const struct tool_option options[] = {
    {.name = "backend", .letter = 'b', .take = take_spec},
    {.name = "blocks", .take = take_blocks},
    {.name = "child", .take = take_child},
    {.name = "debug-directory", .letter = 'd', .take = modules_take_directories},
    {.name = "every", .take = take_every},
    {.name = "frames", .take = take_frames},
    {.name = "off", .flag = &wanted.is_off},
    {.name = "on", .flag = &wanted.is_on},
    {.name = "output", .letter = 'o', .take = take_output},
    {.name = "pid", .letter = 'p', .take = take_process},
    {.name = "quiet", .letter = 'q', .flag = &modules_are_quiet},
    {.name = "sites", .take = take_sites},
    {.name = "symbols", .letter = 's', .flag = &modules_by_symbols},
    {.name = NULL},
};

/* ---- Files ----------------------------------------------------------------------------------- */

int profile_write_outputs(const struct profile_options *from, const struct profile *profile)
{
    int status = TOOL_OK;

    for (size_t i = 0; i < from->output_count; i++) {
        int written = profile_write(profile, from->outputs[i]);

        status = written ? written : status;
    }
    return status;
}

/* A profile with the bytes that it refers to. TOOL_OK, or TOOL_TROUBLE after a message; to be
 * closed in any case. */
struct opened {
    void *bytes;
    struct profile profile;
};

static int open_raw(const char *path, struct opened *opened)
{
    size_t count;
    int result = profile_load(path, &opened->bytes, &count);

    if (result == TOOL_OK)
        return profile_read(opened->bytes, count, path, &opened->profile);
    profile_init(&opened->profile);
    if (result == TOOL_TROUBLE)
        return tool_complain("%s: %s", path,
                             errno == ELOOP ? "is a symbolic link"
                             : errno        ? strerror(errno)
                                            : "cannot be read");
    return tool_complain("%s: is no file of the layer profile, or one of another version or byte "
                         "order",
                         path);
}

static void close_raw(struct opened *opened)
{
    profile_free(&opened->profile);
    free(opened->bytes);
}

static int convert(const char *path)
{
    struct opened opened;
    int status = open_raw(path, &opened);

    if (status == TOOL_OK)
        status = wanted.output_count ? profile_write_outputs(&wanted, &opened.profile)
                                     : profile_print_table(&opened.profile);
    close_raw(&opened);
    return status;
}

static int diff(char **paths)
{
    struct opened before, after;
    int status = open_raw(paths[0], &before);

    if (status == TOOL_OK) {
        status = open_raw(paths[1], &after);
        if (status == TOOL_OK)
            status = profile_print_diff(&before.profile, &after.profile);
        close_raw(&after);
    }
    close_raw(&before);
    return status;
}

/* ---- What is asked for ----------------------------------------------------------------------- */

/* What is asked of: each option is for some of them. */
enum use { USE_PROGRAM = 1 << 0, USE_PROCESS = 1 << 1, USE_FILE = 1 << 2, USE_DIFF = 1 << 3 };

static const char *words_for(enum use use)
{
    return use == USE_PROGRAM   ? "a PROGRAM that is run"
           : use == USE_PROCESS ? "a process that runs (-p)"
           : use == USE_FILE    ? "a FILE"
                                : "'diff'";
}

static int check_use(enum use use)
{
    const struct {
        const char *name;
        int is_given, uses;
    } rows[] = {
        {"--backend", wanted.spec != NULL, USE_PROGRAM},
        {"--blocks", wanted.blocks != 0, USE_PROGRAM},
        {"--child", wanted.child != NULL, USE_PROGRAM},
        {"--every", wanted.every != 0, USE_PROGRAM},
        {"--frames", wanted.frames != 0, USE_PROGRAM},
        {"--off", wanted.is_off, USE_PROGRAM | USE_PROCESS},
        {"--on", wanted.is_on, USE_PROCESS},
        {"--output", wanted.output_count != 0, USE_PROGRAM | USE_PROCESS | USE_FILE},
        {"--pid", wanted.process != 0, USE_PROCESS},
        {"--sites", wanted.sites != 0, USE_PROGRAM},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].is_given && !(rows[i].uses & (int)use))
            return tool_misused(&tool_profile, "%s means nothing for %s", rows[i].name,
                                words_for(use));
    }
    return TOOL_OK;
}

/* What the library's files begin with; another one is a program. */
static int is_file_of_library(const char *path)
{
    static const char title[] = DAL_FILE_TITLE;
    struct dal_image_ image;
    int is_one;

    if (!dal_image_map_start_(path, sizeof title - 1, &image))
        return 0;
    is_one = image.size == sizeof title - 1 && memcmp(image.bytes, title, image.size) == 0;
    dal_image_unmap_(&image);
    return is_one;
}

/* What is there and cannot be executed may be meant as either. */
static int is_neither(const char *path)
{
    char program[PATH_MAX];
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) != 0 &&
           program_locate(path, program) != 0;
}

static int tell_neither(const char *path)
{
    if (access(path, R_OK) != 0)
        (void)tool_complain("%s: cannot be read as a file of the layer profile, nor executed: %s",
                            path, strerror(errno));
    else
        (void)tool_complain("%s: is no file of the layer profile, or one of another version, and "
                            "cannot be executed",
                            path);
    return PROGRAM_CANNOT_RUN;
}

/* By its name alone, where it is not there. */
static int is_called_raw(const char *path)
{
    size_t length = strlen(path);

    return length > 4 && strcmp(path + length - 4, ".raw") == 0;
}

/* Behind a file or "diff" options may stand, other than behind a program: they are read, and what
 * is none is left, from operands[1] on. TOOL_OK, or TOOL_TROUBLE after a message. */
static int read_more_options(int *count, char **operands)
{
    struct tool_command whole = tool_profile;
    int status;

    whole.takes_program = 0;
    status = options_read(&whole, *count, operands);
    if (status != TOOL_OK)
        return status;
    for (int i = optind; i <= *count; i++)
        operands[1 + i - optind] = operands[i];
    *count -= optind - 1;
    return TOOL_OK;
}

static int run_on_file(int count, char **operands)
{
    int is_diff = strcmp(operands[0], "diff") == 0;
    int status = read_more_options(&count, operands);

    if (status != TOOL_OK)
        return status;
    if (is_diff && count != 3)
        return tool_misused(&tool_profile, "'diff' takes two files of the layer profile");
    if (!is_diff && count != 1)
        return tool_misused(&tool_profile, "extra operand '%s'", operands[1]);
    status = check_use(is_diff ? USE_DIFF : USE_FILE);
    if (status != TOOL_OK)
        return status;
    return is_diff ? diff(operands + 1) : convert(operands[0]);
}

/* Whether "--" stands in front of the operands, so that they are a program whatever they look
 * like. (They stand in the command line.) */
static int is_behind_dashes(char **operands)
{
    return strcmp(operands[-1], "--") == 0;
}

static int check(int count)
{
    if (wanted.is_on && wanted.is_off)
        return tool_misused(&tool_profile, "--on and --off exclude each other");
    if (wanted.process && count > 0)
        return tool_misused(&tool_profile, "-p takes a process, and no program");
    if (!wanted.process && count == 0)
        return tool_misused(&tool_profile, "'profile' needs a PROGRAM, a FILE or -p PID");
    return TOOL_OK;
}

static int run_on_process(void)
{
    int status = check_use(USE_PROCESS);

    return status == TOOL_OK ? profile_attach(&wanted) : status;
}

static int run_on_program(char **program)
{
    int status = check_use(USE_PROGRAM);

    wanted.every = wanted.every ? wanted.every : EVERY;
    wanted.frames = wanted.frames ? wanted.frames : FRAMES;
    return status == TOOL_OK ? profile_run(&tool_profile, &wanted, program) : status;
}

static int run(int count, char **operands)
{
    int status = check(count);

    if (status != TOOL_OK)
        return status;
    if (wanted.process)
        return run_on_process();
    if (!is_behind_dashes(operands) &&
        (strcmp(operands[0], "diff") == 0 || is_called_raw(operands[0]) ||
         is_file_of_library(operands[0])))
        return run_on_file(count, operands);
    if (!is_behind_dashes(operands) && is_neither(operands[0]))
        return tell_neither(operands[0]);
    return run_on_program(operands);
}

static const int is_optional = 1;

const struct tool_command tool_profile = {
    .name = "profile",
    .synopsis = "PROGRAM [ARG]...",
    .summary = "tell from where the memory of a program comes",
    .help = "       dispatchalloc profile [OPTION]... -p PID\n"
            "       dispatchalloc profile FILE [OPTION]...\n"
            "       dispatchalloc profile diff FILE FILE\n"
            "\n"
            "Run PROGRAM with one block in so many bytes looked at, and print to standard\n"
            "error, by function and line: what was held at the peak, what was never given\n"
            "back and, with --every=1, what was freed at once. The same of a process that\n"
            "runs under the layer profile with file=, of a FILE which that has left, and of\n"
            "what two of them differ in.\n"
            "\n"
            "  -o, --output=FILE   write FILE, in the form that its name says; for each once:\n"
            "                        .pb.gz, .pb  pprof, Speedscope, Pyroscope\n"
            "                        .html        a page with all there is, for a browser\n"
            "                        .svg         a flame graph\n"
            "                        .folded      stacks, a line each\n"
            "                        .json        valgrind's DHAT\n"
            "                        .raw         the layer's own, for this command\n"
            "\n"
            "A program that is run:\n"
            "  -b, --backend=SPEC  the allocator below; without it, what DISPATCHALLOC_MALLOC\n"
            "                      says, or else the C library's own\n"
            "      --blocks=N      places for sampled blocks that are live: 65536, or 1048576\n"
            "                      with --every=1\n"
            "      --child=NAME    tell of the program that PROGRAM starts whose file is called\n"
            "                      NAME, without a directory\n"
            "      --every=BYTES   one block in so many bytes, on average; 512K by default,\n"
            "                      1 for each block\n"
            "      --frames=N      frames that are kept of each stack; 32 by default\n"
            "      --off           begin without, until another command says --on\n"
            "      --sites=N       different stacks, at most; 8192 by default\n"
            "\n"
            "A process that runs:\n"
            "  -p, --pid=PID       its number\n"
            "      --on, --off     have it take samples from now on, or none\n"
            "\n"
            "Names of functions, as for symbolize:\n"
            "  -d, --debug-directory=DIR[:DIR]...\n"
            "                      look for debug files there, before /usr/lib/debug\n"
            "  -q, --quiet         do not tell of files that have another build id\n"
            "  -s, --symbols       name functions by symbol tables alone\n"
            "\n"
            "In front of a PROGRAM that is called as a FILE, or 'diff', stands '--'.\n"
            "\n"
            "Exit status: that of PROGRAM, or the signal that ended it; 2 for a usage error, a\n"
            "spec that is not good, a program that cannot be run this way, a file that cannot\n"
            "be read or written, or where PROGRAM ended with 0 and nothing was sampled; 126 if\n"
            "PROGRAM cannot be executed, 127 if it is not found. Of a process or a file 0; 1\n"
            "if the process has no profile.\n",
    .options = options,
    .operand = "PROGRAM",
    .needs_none = &is_optional,
    .takes_program = 1,
    .run = run,
};
