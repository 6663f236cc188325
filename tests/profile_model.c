/* SPDX-License-Identifier: MIT */
/*
 * What tools/profile/ makes of a profile that is a text, for tests/profile-files.sh:
 *
 *   profile_model write MODEL FILE...   files, by their names
 *   profile_model table MODEL           the summary
 *   profile_model diff BEFORE AFTER     two of them
 *
 * The text has a line for each thing, its parts one tab apart; "\xHH" is a byte, "-" is nothing:
 *
 *   command TEXT
 *   process NUMBER
 *   interval BYTES
 *   times START DURATION PEAK
 *   knows temporary | lifetimes
 *   module START END OFFSET BUILD-ID PATH
 *   point TIME BYTES
 *   site ALLOCATED-BLOCKS BYTES LIVE-BLOCKS BYTES PEAK-BLOCKS BYTES TEMPORARY LIFETIME
 *   samples ALLOCATED LIVE PEAK                     of the site before
 *   frame ADDRESS LINE IS-INLINED FUNCTION FILE     of the site before, innermost first
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tools/profile/output.h"

enum { PARTS_MAX = 9, FRAMES_MAX = 1024 };

struct reading {
    struct profile *profile;
    char *parts[PARTS_MAX];
    /* The site that is being read. */
    struct profile_values values;
    uint32_t frames[FRAMES_MAX], depth;
    int has_site;
};

/* tools/messages.c calls them for specs, of which there are none here. */
void tool_look_at(const char *what)
{
    (void)what;
}

char *tool_whole_path(const char *path, char whole[PATH_MAX])
{
    return realpath(path, whole);
}

/* ---- Parts of a line ------------------------------------------------------------------------- */

static uint64_t number(const struct reading *reading, int part)
{
    return strtoull(reading->parts[part], NULL, 0);
}

static int digit(char character)
{
    return isdigit((unsigned char)character) ? character - '0' : (character | ' ') - 'a' + 10;
}

static uint32_t text(const struct reading *reading, int part)
{
    char *to = reading->parts[part];
    size_t count = 0;

    if (strcmp(to, "-") == 0)
        return PROFILE_NO_TEXT;
    for (const char *from = to; *from; count++) {
        int is_byte = strncmp(from, "\\x", 2) == 0 && isxdigit((unsigned char)from[2]) &&
                      isxdigit((unsigned char)from[3]);

        to[count] = is_byte ? (char)(digit(from[2]) << 4 | digit(from[3])) : *from;
        from += is_byte ? 4 : 1;
    }
    return profile_add_text(reading->profile, to, count);
}

static void split(struct reading *reading, char *line)
{
    static char none[] = "-";

    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < PARTS_MAX; i++) {
        char *tab = line ? strchr(line, '\t') : NULL;

        reading->parts[i] = line ? line : none;
        if (tab)
            *tab = '\0';
        line = tab ? tab + 1 : NULL;
    }
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static void end_site(struct reading *reading)
{
    if (reading->has_site)
        profile_add_site(reading->profile, reading->frames, reading->depth, &reading->values);
    reading->has_site = 0;
    reading->depth = 0;
}

static void read_command(struct reading *reading)
{
    reading->profile->command = text(reading, 1);
}

static void read_process(struct reading *reading)
{
    reading->profile->process = number(reading, 1);
}

static void read_interval(struct reading *reading)
{
    reading->profile->interval_bytes = number(reading, 1);
}

static void read_times(struct reading *reading)
{
    reading->profile->start_ns = number(reading, 1);
    reading->profile->duration_ns = number(reading, 2);
    reading->profile->has_end = 1;
    reading->profile->peak_ns = number(reading, 3);
}

static void read_knows(struct reading *reading)
{
    if (strcmp(reading->parts[1], "temporary") == 0)
        reading->profile->has_temporary = 1;
    else
        reading->profile->has_lifetimes = 1;
}

static void read_module(struct reading *reading)
{
    (void)profile_add_module(reading->profile,
                             &(struct profile_module){.start = number(reading, 1),
                                                      .end = number(reading, 2),
                                                      .offset = number(reading, 3),
                                                      .build_id = text(reading, 4),
                                                      .path = text(reading, 5)});
}

/* The module that has the code at an address. */
static uint32_t find_module(const struct profile *profile, uint64_t address)
{
    for (uint32_t i = 0; i < profile->module_count; i++) {
        if (address >= profile->modules[i].start && address < profile->modules[i].end)
            return i;
    }
    return PROFILE_NO_MODULE;
}

static void read_point(struct reading *reading)
{
    profile_add_point(reading->profile, number(reading, 1), number(reading, 2));
}

static void read_site(struct reading *reading)
{
    end_site(reading);
    reading->has_site = 1;
    reading->values = (struct profile_values){
        .allocated_blocks = number(reading, 1),
        .allocated_bytes = number(reading, 2),
        .live_blocks = number(reading, 3),
        .live_bytes = number(reading, 4),
        .peak_blocks = number(reading, 5),
        .peak_bytes = number(reading, 6),
        .temporary_blocks = number(reading, 7),
        .lifetime_ns = number(reading, 8),
    };
}

static void read_samples(struct reading *reading)
{
    reading->values.allocated_samples = number(reading, 1);
    reading->values.live_samples = number(reading, 2);
    reading->values.peak_samples = number(reading, 3);
}

static void read_frame(struct reading *reading)
{
    struct profile_frame frame = {
        .address = number(reading, 1),
        .line = (uint32_t)number(reading, 2),
        .is_inlined = (uint32_t)number(reading, 3),
        .function = text(reading, 4),
        .file = text(reading, 5),
    };

    frame.module = find_module(reading->profile, frame.address);
    if (reading->depth < FRAMES_MAX)
        reading->frames[reading->depth++] = profile_add_frame(reading->profile, &frame);
}

static const struct {
    const char *word;
    void (*read)(struct reading *reading);
} lines[] = {
    {"command", read_command}, {"process", read_process}, {"interval", read_interval},
    {"times", read_times},     {"knows", read_knows},     {"module", read_module},
    {"point", read_point},     {"samples", read_samples}, {"site", read_site},
    {"frame", read_frame},
};

static void read_line(struct reading *reading, char *line)
{
    split(reading, line);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strcmp(lines[i].word, reading->parts[0]) == 0) {
            lines[i].read(reading);
            return;
        }
    }
    fprintf(stderr, "profile_model: what is '%s'?\n", reading->parts[0]);
    exit(2);
}

static int read_model(const char *path, struct profile *profile)
{
    static char line[1 << 20];
    struct reading reading = {.profile = profile};
    FILE *from = fopen(path, "r");

    profile_init(profile);
    if (!from)
        return tool_complain("%s: it cannot be read", path);
    while (fgets(line, sizeof line, from))
        read_line(&reading, line);
    end_site(&reading);
    fclose(from);
    return profile_is_whole(profile) ? TOOL_OK : tool_complain("not enough memory");
}

/* ---- The program ----------------------------------------------------------------------------- */

static int write_files(const struct profile *profile, char **paths)
{
    int status = TOOL_OK;

    for (; *paths; paths++) {
        int written = profile_write(profile, *paths);

        status = written ? written : status;
    }
    return status;
}

static int diff(const struct profile *before, const char *path)
{
    struct profile after;
    int status = read_model(path, &after);

    if (!status)
        status = profile_print_diff(before, &after);
    profile_free(&after);
    return status;
}

int main(int argc, char **argv)
{
    struct profile profile;
    int status;

    if (argc < 3)
        return TOOL_TROUBLE;
    status = read_model(argv[2], &profile);
    if (!status && strcmp(argv[1], "write") == 0)
        status = write_files(&profile, argv + 3);
    else if (!status && strcmp(argv[1], "table") == 0)
        status = profile_print_table(&profile);
    else if (!status && argc == 4)
        status = diff(&profile, argv[3]);
    profile_free(&profile);
    return status;
}
