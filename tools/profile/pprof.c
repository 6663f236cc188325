/* SPDX-License-Identifier: MIT */
/*
 * pprof's profile.proto (github.com/google/pprof/proto/profile.proto): complete, so that `go tool
 * pprof` needs no program to look functions up in. See output.h.
 *
 * Numbers of texts are those of the profile, to which some are added behind; those of functions,
 * locations and mappings are from 1 on, in the order of what they were made from.
 */
#include "tools/profile/output.h"

#include <stdlib.h>
#include <string.h>

#include "lib/shared/control.h"

/* Fields of the messages. */
enum {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING = 6,
    PROFILE_TIME_NANOS = 9,
    PROFILE_DURATION_NANOS = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13,
    PROFILE_DEFAULT_SAMPLE_TYPE = 14
};
enum { TYPE_NAME = 1, TYPE_UNIT = 2 };
enum { SAMPLE_LOCATIONS = 1, SAMPLE_VALUES = 2 };
enum {
    MAPPING_ID = 1,
    MAPPING_START = 2,
    MAPPING_LIMIT = 3,
    MAPPING_OFFSET = 4,
    MAPPING_FILE = 5,
    MAPPING_BUILD_ID = 6,
    MAPPING_HAS_FUNCTIONS = 7,
    MAPPING_HAS_FILES = 8,
    MAPPING_HAS_LINES = 9,
    MAPPING_HAS_INLINED = 10
};
enum { LOCATION_ID = 1, LOCATION_MAPPING = 2, LOCATION_ADDRESS = 3, LOCATION_LINE = 4 };
enum { LINE_FUNCTION = 1, LINE_LINE = 2 };
enum { FUNCTION_ID = 1, FUNCTION_NAME = 2, FUNCTION_SYSTEM_NAME = 3, FUNCTION_FILE = 4 };

/* Texts that a profile may not have. */
static const char *const own_texts[] = {
    "count",         "bytes",       "space",        "inuse_objects", "inuse_space",
    "alloc_objects", "alloc_space", "peak_objects", "peak_space",
};
enum {
    COUNT,
    BYTES,
    SPACE,
    INUSE_OBJECTS,
    INUSE_SPACE,
    ALLOC_OBJECTS,
    ALLOC_SPACE,
    PEAK_OBJECTS,
    PEAK_SPACE,
    OWN_TEXTS
};

static uint64_t own_text(const struct profile *profile, unsigned which)
{
    return profile->text_count + which;
}

/* What is being written. */
struct writing {
    const struct profile *profile;
    uint32_t *has_inlined; /* of each module: whether inlined functions are told */
    struct wire whole, part, line;
    uint64_t *functions; /* of each frame; 0: not known */
    uint64_t *numbers;   /* room for the locations of the deepest stack */
    char *text;          /* room for the longest, cleaned */
};

/* ---- What values are ------------------------------------------------------------------------- */

static void put_type(struct writing *writing, unsigned field, unsigned name, unsigned unit)
{
    wire_put_number(&writing->part, TYPE_NAME, own_text(writing->profile, name));
    wire_put_number(&writing->part, TYPE_UNIT, own_text(writing->profile, unit));
    wire_put_message(&writing->whole, field, &writing->part);
}

static void put_types(struct writing *writing)
{
    const struct profile *profile = writing->profile;

    for (unsigned i = INUSE_OBJECTS; i < OWN_TEXTS; i++)
        put_type(writing, PROFILE_SAMPLE_TYPE, i, (i - INUSE_OBJECTS) % 2 ? BYTES : COUNT);
    put_type(writing, PROFILE_PERIOD_TYPE, SPACE, BYTES);
    wire_put_number(&writing->whole, PROFILE_PERIOD,
                    profile->interval_bytes ? profile->interval_bytes : 1);
    wire_put_number(&writing->whole, PROFILE_DEFAULT_SAMPLE_TYPE, own_text(profile, INUSE_SPACE));
    wire_put_number(&writing->whole, PROFILE_TIME_NANOS, profile->start_ns);
    wire_put_number(&writing->whole, PROFILE_DURATION_NANOS, profile->duration_ns);
    if (profile->command != PROFILE_NO_TEXT)
        wire_put_number(&writing->whole, PROFILE_COMMENT, profile->command);
}

/* ---- Samples --------------------------------------------------------------------------------- */

/* Inlined frames are lines of the location that begins with the innermost of them. */
static size_t find_locations(const struct profile *profile, const struct profile_site *site,
                             uint64_t *numbers)
{
    size_t count = 0;

    for (uint32_t i = 0; i < site->depth; i++) {
        if (i == 0 || !profile_frame_of(profile, site, i - 1)->is_inlined)
            numbers[count++] = profile->stacks[site->stack + i] + UINT64_C(1);
    }
    return count;
}

static void put_sample(struct writing *writing, const struct profile_site *site)
{
    const struct profile_values *values = &site->values;
    const uint64_t all[] = {values->live_blocks,     values->live_bytes,  values->allocated_blocks,
                            values->allocated_bytes, values->peak_blocks, values->peak_bytes};

    wire_put_numbers(&writing->part, SAMPLE_LOCATIONS, writing->numbers,
                     find_locations(writing->profile, site, writing->numbers));
    wire_put_numbers(&writing->part, SAMPLE_VALUES, all, sizeof all / sizeof *all);
    wire_put_message(&writing->whole, PROFILE_SAMPLE, &writing->part);
}

/* ---- Mappings and locations ------------------------------------------------------------------ */

static void find_inlined(struct writing *writing)
{
    const struct profile *profile = writing->profile;

    for (size_t i = 0; i < profile->frame_count; i++) {
        const struct profile_frame *frame = &profile->frames[i];

        if (frame->module < profile->module_count)
            writing->has_inlined[frame->module] |= frame->is_inlined;
    }
}

static void put_mapping(struct writing *writing, uint32_t number)
{
    const struct profile_module *module = &writing->profile->modules[number];
    struct wire *part = &writing->part;

    wire_put_number(part, MAPPING_ID, number + UINT64_C(1));
    wire_put_number(part, MAPPING_START, module->start);
    wire_put_number(part, MAPPING_LIMIT, module->end);
    wire_put_number(part, MAPPING_OFFSET, module->offset);
    wire_put_number(part, MAPPING_FILE, module->path);
    wire_put_number(part, MAPPING_BUILD_ID, module->build_id);
    /* What is not known here is not to be looked for: pprof goes by the path, and takes a file of
     * another build that is there by now. */
    wire_put_number(part, MAPPING_HAS_FUNCTIONS, 1);
    wire_put_number(part, MAPPING_HAS_FILES, 1);
    wire_put_number(part, MAPPING_HAS_LINES, 1);
    wire_put_number(part, MAPPING_HAS_INLINED, writing->has_inlined[number]);
    wire_put_message(&writing->whole, PROFILE_MAPPING, part);
}

/* The first one is taken for the main program's. */
static void put_mappings(struct writing *writing)
{
    const struct profile *profile = writing->profile;

    find_inlined(writing);
    for (int is_other = 0; is_other < 2; is_other++) {
        for (uint32_t i = 0; i < profile->module_count; i++) {
            if ((profile->modules[i].path != profile->program) == is_other)
                put_mapping(writing, i);
        }
    }
}

static void put_line(struct writing *writing, uint32_t frame)
{
    wire_put_number(&writing->line, LINE_FUNCTION, writing->functions[frame]);
    wire_put_number(&writing->line, LINE_LINE, writing->profile->frames[frame].line);
    wire_put_message(&writing->part, LOCATION_LINE, &writing->line);
}

/* That of a run of frames of a stack, the last of which is not inlined. */
static void put_location(struct writing *writing, const uint32_t *frames, uint32_t count)
{
    const struct profile_frame *first = &writing->profile->frames[*frames];

    wire_put_number(&writing->part, LOCATION_ID, *frames + UINT64_C(1));
    if (first->module < writing->profile->module_count)
        wire_put_number(&writing->part, LOCATION_MAPPING, first->module + UINT64_C(1));
    wire_put_number(&writing->part, LOCATION_ADDRESS, first->address);
    for (uint32_t i = 0; i < count; i++) {
        if (writing->functions[frames[i]])
            put_line(writing, frames[i]);
    }
    wire_put_message(&writing->whole, PROFILE_LOCATION, &writing->part);
}

static void put_locations_of(struct writing *writing, const struct profile_site *site, char *is_put)
{
    const uint32_t *stack = writing->profile->stacks + site->stack;
    uint32_t end;

    for (uint32_t i = 0; i < site->depth; i = end) {
        end = i + 1;
        while (end < site->depth && writing->profile->frames[stack[end - 1]].is_inlined)
            end++;
        if (!is_put[stack[i]])
            put_location(writing, stack + i, end - i);
        is_put[stack[i]] = 1;
    }
}

/* ---- Functions ------------------------------------------------------------------------------- */

static void put_function(struct writing *writing, uint64_t number,
                         const struct profile_frame *frame)
{
    wire_put_number(&writing->part, FUNCTION_ID, number);
    wire_put_number(&writing->part, FUNCTION_NAME, frame->function);
    wire_put_number(&writing->part, FUNCTION_SYSTEM_NAME, frame->function);
    wire_put_number(&writing->part, FUNCTION_FILE, frame->file);
    wire_put_message(&writing->whole, PROFILE_FUNCTION, &writing->part);
}

/* For qsort(). */
static const struct profile_frame *compared_frames;

static int by_function(const void *one, const void *other)
{
    const struct profile_frame *a = &compared_frames[*(const uint32_t *)one];
    const struct profile_frame *b = &compared_frames[*(const uint32_t *)other];

    if (a->function != b->function)
        return a->function < b->function ? -1 : 1;
    return (a->file > b->file) - (a->file < b->file);
}

/* A function is a name in a file. */
static void put_functions(struct writing *writing, uint32_t *order)
{
    const struct profile *profile = writing->profile;
    uint64_t count = 0;

    for (uint32_t i = 0; i < profile->frame_count; i++)
        order[i] = i;
    compared_frames = profile->frames;
    qsort(order, profile->frame_count, sizeof *order, by_function);
    for (size_t i = 0; i < profile->frame_count; i++) {
        const struct profile_frame *frame = &profile->frames[order[i]];

        if (frame->function == PROFILE_NO_TEXT)
            continue;
        if (count == 0 || by_function(&order[i - 1], &order[i]) != 0)
            put_function(writing, ++count, frame);
        writing->functions[order[i]] = count;
    }
}

/* ---- Texts ----------------------------------------------------------------------------------- */

/* Strings of protocol buffers are UTF-8: what is not becomes '?', as controls do. */
static void put_text(struct writing *writing, const char *text)
{
    size_t length = strlen(text);

    memcpy(writing->text, text, length);
    dal_clean_(writing->text, length);
    wire_put_bytes(&writing->whole, PROFILE_STRING, writing->text, length);
}

static void put_texts(struct writing *writing)
{
    for (size_t i = 0; i < writing->profile->text_count; i++)
        put_text(writing, writing->profile->texts[i]);
    for (size_t i = 0; i < OWN_TEXTS; i++)
        put_text(writing, own_texts[i]);
}

static size_t longest_text(const struct profile *profile)
{
    size_t longest = 64; /* of our own */

    for (size_t i = 0; i < profile->text_count; i++) {
        size_t length = strlen(profile->texts[i]);

        longest = length > longest ? length : longest;
    }
    return longest;
}

static uint32_t deepest_stack(const struct profile *profile)
{
    uint32_t deepest = 0;

    for (size_t i = 0; i < profile->site_count; i++)
        deepest = profile->sites[i].depth > deepest ? profile->sites[i].depth : deepest;
    return deepest;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void put_all(struct writing *writing, uint32_t *order, char *is_put)
{
    const struct profile *profile = writing->profile;

    put_types(writing);
    put_mappings(writing);
    put_functions(writing, order);
    for (size_t i = 0; i < profile->site_count; i++) {
        put_locations_of(writing, &profile->sites[i], is_put);
        put_sample(writing, &profile->sites[i]);
    }
    put_texts(writing);
}

/* 0, or -1 if there was not enough memory. */
static int encode(const struct profile *profile, struct wire *whole)
{
    size_t frames = profile->frame_count + 1;
    struct writing writing = {
        .profile = profile,
        .has_inlined = calloc(profile->module_count + 1, sizeof *writing.has_inlined),
        .functions = calloc(frames, sizeof *writing.functions),
        .numbers = calloc((size_t)deepest_stack(profile) + 1, sizeof *writing.numbers),
        .text = malloc(longest_text(profile)),
    };
    uint32_t *order = calloc(frames, sizeof *order);
    char *is_put = calloc(frames, 1);
    int is_ready = order && is_put && writing.has_inlined && writing.functions && writing.numbers &&
                   writing.text;

    if (is_ready)
        put_all(&writing, order, is_put);
    free(order);
    free(is_put);
    free(writing.has_inlined);
    free(writing.functions);
    free(writing.numbers);
    free(writing.text);
    wire_free(&writing.part);
    wire_free(&writing.line);
    *whole = writing.whole;
    return is_ready && !whole->has_failed ? 0 : -1;
}

static int write_plain(const unsigned char *bytes, size_t count, FILE *to)
{
    fwrite(bytes, 1, count, to);
    return 0;
}

static int write_by(const struct profile *profile, FILE *to,
                    int (*write)(const unsigned char *bytes, size_t count, FILE *to))
{
    struct wire whole;
    int result = encode(profile, &whole);

    if (result == 0)
        result = write(whole.bytes, whole.count, to);
    wire_free(&whole);
    return result;
}

int profile_write_pprof(const struct profile *profile, FILE *to)
{
    return write_by(profile, to, write_plain);
}

int profile_write_pprof_packed(const struct profile *profile, FILE *to)
{
    return write_by(profile, to, gzip_write);
}
