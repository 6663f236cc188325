/* SPDX-License-Identifier: MIT */
/*
 * What a file of the layer says, as a profile: the library reads the numbers, and places in code
 * are resolved as `symbolize` does it. Whoever wrote the file may have written anything. See
 * profile.h.
 */
#include "tools/profile/profile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/symbolize/symbolize.h"

enum { PAGE_BYTES = 4096, INLINED_MAX = 256, FRAMES_BY_DEFAULT = 32, LOADED_MAX = 64 };

/* A module of the file. Code that was unloaded and loaded again is at several places, which are as
 * many modules in the profile; what is at too many has none. */
struct loaded {
    int is_found; /* 0: it was not looked for; -1: it is not known where its code is */
    struct module_code code;
    size_t count;
    struct {
        uint64_t bias;  /* from an address that it was linked for to one of the process */
        uint32_t added; /* its number in the profile */
    } places[LOADED_MAX];
};

/* A place that was resolved, found by its hash. */
struct resolved {
    uint64_t address;
    uint32_t raw; /* the module's number in the file */
    uint32_t count;
    uint32_t first; /* of its frames in `frames` */
};

struct reading {
    const void *bytes;
    size_t count;
    struct profile *profile;
    long process;
    struct loaded *loaded; /* by number, from 1 on */
    size_t loaded_count;
    struct resolved *resolved; /* count 0: free */
    size_t resolved_room;      /* a power of two, more than there are places */
    uint32_t *frames;          /* their numbers in the profile */
    size_t frame_count;
    struct frame frame; /* that which is being resolved */
    /* What was found of it. */
    struct {
        uint32_t function, file, line;
    } found[INLINED_MAX];
    size_t found_count;
    uint32_t frames_most; /* that the layer keeps of a stack */
    uint64_t cut, sites;  /* stacks that have more, of so many */
};

/* ---- The file -------------------------------------------------------------------------------- */

int profile_is_raw(const void *bytes, size_t count)
{
    uint64_t every;

    return dal_profile_file_get(bytes, count, "every", &every) == 0;
}

uint64_t profile_raw_number(const void *bytes, size_t count, const char *key)
{
    uint64_t value = 0;

    (void)dal_profile_file_get(bytes, count, key, &value);
    return value;
}

/* "4711 (name)" */
long profile_raw_process(const void *bytes, size_t count, char name[PROFILE_NAME_BYTES])
{
    char text[256] = "";
    const char *start;

    (void)dal_profile_file_text(bytes, count, "process", text, sizeof text);
    start = strchr(text, '(');
    (void)snprintf(name, PROFILE_NAME_BYTES, "%s", start ? start + 1 : "");
    if (*name)
        name[strlen(name) - 1] = '\0';
    return strtol(text, NULL, 10);
}

/* How many frames of a stack the layer keeps; where it does not tell, its default. */
static uint32_t frames_most(const struct reading *reading)
{
    uint64_t most = profile_raw_number(reading->bytes, reading->count, "stacks");

    return most && most <= DAL_STACK_PLACES_MAX ? (uint32_t)most : FRAMES_BY_DEFAULT;
}

/* A line of the head by its first word. */
static uint32_t add_line(const struct reading *reading, const char *word)
{
    char head[DAL_FILE_HEAD_BYTES + 1] = "";
    const char *line;

    (void)dal_profile_file_text(reading->bytes, reading->count, "head", head, sizeof head);
    line = strstr(head, word);
    line = line ? line + strlen(word) : "";
    return profile_add_text(reading->profile, line, strcspn(line, "\n"));
}

static void read_head(const struct reading *reading)
{
    struct profile *profile = reading->profile;

    profile->command = add_line(reading, "\ncommand: ");
    profile->program = add_line(reading, "\nprogram: ");
    if (profile->command == PROFILE_NO_TEXT)
        profile->command = profile->program;
    profile->process = (uint64_t)(reading->process > 0 ? reading->process : 0);
    profile->interval_bytes = profile_raw_number(reading->bytes, reading->count, "every");
    profile->has_temporary = profile->interval_bytes == 1;
    if (profile->interval_bytes == 1)
        profile->interval_bytes = 0;
    profile->has_lifetimes = profile_raw_number(reading->bytes, reading->count, "lifetimes") != 0;
    profile->start_ns = profile_raw_number(reading->bytes, reading->count, "start_ns");
    profile->duration_ns = profile_raw_number(reading->bytes, reading->count, "changed_ns");
    profile->peak_ns = profile_raw_number(reading->bytes, reading->count, "peak_ns");
    profile->raw = reading->bytes;
    profile->raw_bytes = reading->count;
}

/* ---- Live bytes over time -------------------------------------------------------------------- */

struct curve {
    struct profile *profile;
    uint64_t last_ns, peak_bytes;
    int has_peak;
};

static void add_point(struct curve *curve, uint64_t time_ns, uint64_t live_bytes)
{
    if (curve->profile->point_count > 0 && time_ns <= curve->last_ns)
        return;
    curve->last_ns = time_ns;
    profile_add_point(curve->profile, time_ns, live_bytes);
}

/* The peak is as a rule between two of the file's points. */
static int read_point(const struct dal_profile_point *point, void *data)
{
    struct curve *curve = data;

    if (!curve->has_peak && point->time_ns >= curve->profile->peak_ns) {
        curve->has_peak = 1;
        add_point(curve, curve->profile->peak_ns, curve->peak_bytes);
    }
    add_point(curve, point->time_ns, point->live_bytes);
    return 0;
}

static void read_points(const struct reading *reading)
{
    struct profile *profile = reading->profile;
    struct curve curve = {.profile = profile};
    struct dal_profile_point end = {.time_ns = profile->duration_ns};

    curve.peak_bytes = profile_raw_number(reading->bytes, reading->count, "peak_bytes");
    end.live_bytes = profile_raw_number(reading->bytes, reading->count, "live_bytes");
    add_point(&curve, 0, profile->peak_ns ? 0 : curve.peak_bytes);
    (void)dal_profile_file_visit_points(reading->bytes, reading->count, read_point, &curve);
    (void)read_point(&end, &curve);
}

uint64_t profile_now(void)
{
    struct timespec now = {.tv_sec = 0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* (The clock may have been set back.) */
void profile_end_at(struct profile *profile, uint64_t time_ns)
{
    profile->has_end = 1;
    if (time_ns < profile->start_ns || time_ns - profile->start_ns <= profile->duration_ns)
        return;
    profile->duration_ns = time_ns - profile->start_ns;
    if (profile->point_count > 0)
        profile_add_point(profile, profile->duration_ns,
                          profile->points[profile->point_count - 1].live_bytes);
}

/* ---- Modules --------------------------------------------------------------------------------- */

static void read_module_text(const struct reading *reading, const char *kind, uint32_t raw,
                             char *text, size_t bytes)
{
    char key[32];

    *text = '\0';
    (void)snprintf(key, sizeof key, "%s.%" PRIu32, kind, raw);
    (void)dal_profile_file_text(reading->bytes, reading->count, key, text, bytes);
}

/* Where its code is; without the file as far as it was met. */
static void place_module(const struct reading *reading, struct loaded *loaded,
                         struct profile_module *module, uint64_t bias)
{
    struct module_code code = {reading->frame.offset, reading->frame.offset + 1,
                               reading->frame.offset};
    uint64_t into_page;

    if (!loaded->is_found)
        loaded->is_found = modules_find_code(&reading->frame, &loaded->code) ? 1 : -1;
    if (loaded->is_found > 0)
        code = loaded->code;
    into_page = code.start % PAGE_BYTES;
    module->start = bias + code.start - into_page;
    module->offset = code.offset - into_page;
    module->end = (bias + code.end + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static void widen(struct profile_module *module, uint64_t address)
{
    uint64_t page = address / PAGE_BYTES * PAGE_BYTES;

    if (page < module->start) {
        module->offset -= module->start - page;
        module->start = page;
    }
    if (page + PAGE_BYTES > module->end)
        module->end = page + PAGE_BYTES;
}

static uint32_t add_module(struct reading *reading, struct loaded *loaded, uint64_t bias)
{
    const struct frame *frame = &reading->frame;
    struct profile_module module = {.start = 0};
    uint32_t number;

    if (loaded->count == LOADED_MAX)
        return PROFILE_NO_MODULE;
    place_module(reading, loaded, &module, bias);
    module.path = profile_add_text(reading->profile, frame->module, strlen(frame->module));
    module.build_id = profile_add_text(reading->profile, frame->build_id, strlen(frame->build_id));
    number = profile_add_module(reading->profile, &module);
    loaded->places[loaded->count].bias = bias;
    loaded->places[loaded->count++].added = number;
    return number;
}

/* That of the frame that is being resolved. */
static uint32_t module_of(struct reading *reading, const struct dal_profile_frame *from)
{
    uint64_t bias = from->address - from->offset;
    uint32_t number = PROFILE_NO_MODULE;
    struct loaded *loaded;

    if (!from->module || from->module > reading->loaded_count)
        return number;
    loaded = &reading->loaded[from->module - 1];
    for (size_t i = 0; i < loaded->count; i++) {
        if (loaded->places[i].bias == bias)
            number = loaded->places[i].added;
    }
    if (number == PROFILE_NO_MODULE)
        number = add_module(reading, loaded, bias);
    if (number < reading->profile->module_count)
        widen(&reading->profile->modules[number], from->address);
    return number;
}

/* ---- Places ---------------------------------------------------------------------------------- */

/* Texts are read first: their file may have become shorter, and then this does not come back. */
static void take_place(const struct place *place, void *data)
{
    struct reading *reading = data;
    char function[SYMBOL_BYTES_MAX] = "", file[2 * PATH_MAX] = "";
    int is_relative = place->file && place->directory && *place->file != '/';

    if (reading->found_count == INLINED_MAX)
        return;
    if (place->function)
        (void)snprintf(function, sizeof function, "%s", demangle(place->function));
    if (place->file)
        (void)snprintf(file, sizeof file, "%s%s%s", is_relative ? place->directory : "",
                       is_relative ? "/" : "", place->file);
    reading->found[reading->found_count].function =
        profile_add_text(reading->profile, function, strlen(function));
    reading->found[reading->found_count].file =
        profile_add_text(reading->profile, file, strlen(file));
    reading->found[reading->found_count++].line = place->line;
}

static void begin_frame(struct reading *reading, const struct dal_profile_frame *from)
{
    struct frame *frame = &reading->frame;

    *frame = (struct frame){.has_address = 1, .address = from->address, .offset = from->offset};
    if (!from->module)
        return;
    read_module_text(reading, "module", from->module, frame->module, sizeof frame->module);
    read_module_text(reading, "build_id", from->module, frame->build_id, sizeof frame->build_id);
}

static void find_names(struct reading *reading, const struct dal_profile_frame *from,
                       uint32_t module)
{
    char name[SYMBOL_BYTES_MAX];

    reading->found_count = 0;
    if (module != PROFILE_NO_MODULE) {
        modules_visit(&reading->frame, take_place, reading);
    } else if (!from->module && perf_map_find(reading->process, from->address, name)) {
        take_place(&(struct place){.function = name}, reading);
    }
    if (reading->found_count == 0)
        take_place(&(struct place){.function = NULL}, reading);
}

static void resolve(struct reading *reading, const struct dal_profile_frame *from,
                    struct resolved *resolved)
{
    struct profile_frame frame = {.address = from->address};
    uint32_t *more;

    begin_frame(reading, from);
    frame.module = module_of(reading, from);
    find_names(reading, from, frame.module);
    more = realloc(reading->frames, (reading->frame_count + reading->found_count) * sizeof *more);
    if (!more) {
        reading->profile->is_short_of_memory = 1;
        return;
    }
    reading->frames = more;
    *resolved = (struct resolved){from->address, from->module, (uint32_t)reading->found_count,
                                  (uint32_t)reading->frame_count};
    for (size_t i = 0; i < reading->found_count; i++) {
        frame.function = reading->found[i].function;
        frame.file = reading->found[i].file;
        frame.line = reading->found[i].line;
        frame.is_inlined = i + 1 < reading->found_count;
        more[reading->frame_count++] = profile_add_frame(reading->profile, &frame);
    }
}

/* NULL if there is no room for it. */
static const struct resolved *find(struct reading *reading, const struct dal_profile_frame *from)
{
    size_t at =
        (size_t)((from->address ^ (uint64_t)from->module << 56) * UINT64_C(0x9e3779b97f4a7c15) >>
                 24);

    for (size_t i = 0; i < reading->resolved_room; i++) {
        struct resolved *resolved = &reading->resolved[(at + i) & (reading->resolved_room - 1)];

        if (!resolved->count)
            resolve(reading, from, resolved);
        if (!resolved->count ||
            (resolved->address == from->address && resolved->raw == from->module))
            return resolved;
    }
    return NULL;
}

/* ---- Sites ----------------------------------------------------------------------------------- */

static int count_frames(const struct dal_profile_site *site, void *data)
{
    *(size_t *)data += site->frame_count;
    return 0;
}

/* About how many of a site's samples are behind an estimate: each block has been one with a
 * probability that goes by its size, for which the mean is taken: 1 - exp(-sizes), to 3 %. */
static uint64_t samples_behind(const struct reading *reading, const struct dal_profile_site *site,
                               uint64_t blocks, uint64_t bytes)
{
    double every = (double)reading->profile->interval_bytes, sizes, samples;

    if (every < 1 || blocks == 0)
        return 0;
    sizes = (double)bytes / (double)blocks / every;
    samples = (double)blocks * (sizes > 3 ? 1 : 2 * sizes / (2 + sizes + sizes * sizes / 6)) + .5;
    if (samples < 1)
        return 1;
    return samples < (double)site->samples ? (uint64_t)samples : site->samples;
}

/* Whether the layer has left out the outermost frames of a stack: it has as many as are kept, and
 * does not happen to end where a process or a thread begins. */
static int is_cut(const struct reading *reading, const struct dal_profile_site *site,
                  uint32_t outermost)
{
    static const char *const beginnings[] = {"_start", "clone", "clone3", "__clone", "__clone3"};
    const char *function =
        profile_text(reading->profile, reading->profile->frames[outermost].function);

    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        if (strcmp(function, beginnings[i]) == 0)
            return 0;
    }
    return site->frame_count == reading->frames_most;
}

/* Stacks that are cut are no neighbours of those that are whole. */
static uint32_t add_cut(const struct reading *reading)
{
    static const char words[] = PROFILE_TRUNCATED;

    return profile_add_frame(reading->profile,
                             &(struct profile_frame){.function = profile_add_text(
                                                         reading->profile, words, sizeof words - 1),
                                                     .module = PROFILE_NO_MODULE});
}

static int read_site(const struct dal_profile_site *site, void *data)
{
    struct reading *reading = data;
    uint32_t frames[DAL_STACK_PLACES_MAX * 8 + 1], depth = 0;
    const struct profile_values values = {
        .allocated_blocks = site->allocated_blocks,
        .allocated_bytes = site->allocated_bytes,
        .live_blocks = site->live_blocks,
        .live_bytes = site->live_bytes,
        .peak_blocks = site->peak_blocks,
        .peak_bytes = site->peak_bytes,
        .allocated_samples = reading->profile->interval_bytes ? site->samples : 0,
        .live_samples = samples_behind(reading, site, site->live_blocks, site->live_bytes),
        .peak_samples = samples_behind(reading, site, site->peak_blocks, site->peak_bytes),
        .temporary_blocks = site->temporary_blocks,
        .lifetime_ns = site->lifetime_ns,
    };

    for (uint32_t i = 0; i < site->frame_count; i++) {
        const struct resolved *resolved = find(reading, &site->frames[i]);

        for (uint32_t j = 0; resolved && j < resolved->count; j++) {
            if (depth + 1 < sizeof frames / sizeof *frames)
                frames[depth++] = reading->frames[resolved->first + j];
        }
    }
    reading->sites++;
    if (depth > 0 && is_cut(reading, site, frames[depth - 1])) {
        reading->cut++;
        frames[depth++] = add_cut(reading);
    }
    profile_add_site(reading->profile, frames, depth, &values);
    return 0;
}

/* Of a process that runs there may be more the second time. */
static int make_room(struct reading *reading)
{
    size_t count = DAL_STACK_PLACES_MAX;

    (void)dal_profile_file_visit(reading->bytes, reading->count, count_frames, &count);
    reading->resolved_room = 1;
    while (reading->resolved_room < 2 * count)
        reading->resolved_room *= 2;
    reading->resolved = calloc(reading->resolved_room, sizeof *reading->resolved);
    reading->loaded_count = (size_t)profile_raw_number(reading->bytes, reading->count, "modules");
    reading->loaded = calloc(reading->loaded_count + 1, sizeof *reading->loaded);
    return reading->resolved && reading->loaded;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void tell_lost(const struct reading *reading, const char *name)
{
    static const struct {
        const char *key, *words;
    } lost[] = {
        {"lost_blocks", "sampled blocks had no place among the live ones, and count as given back: "
                        "the layer's option blocks=, here --blocks, makes room"},
        {"lost_sites", "samples have no stack, since there were more sites than the layer has room "
                       "for: its option sites=, here --sites, makes more"},
        {"lost_modules",
         "frames have no file, since there were more of these, or with longer names, "
         "than the layer has room for"},
    };

    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        uint64_t count = profile_raw_number(reading->bytes, reading->count, lost[i].key);

        if (count)
            (void)tool_complain("%s: %" PRIu64 " %s", name, count, lost[i].words);
    }
    if (reading->cut)
        (void)tool_complain("%s: %" PRIu64 " of %" PRIu64 " stacks are cut at %" PRIu32
                            " frames: the layer's option stacks=, here --frames, keeps up to %d",
                            name, reading->cut, reading->sites, reading->frames_most,
                            DAL_STACK_PLACES_MAX);
}

int profile_read(const void *bytes, size_t count, const char *name, struct profile *profile)
{
    static struct reading reading; /* large, for a small stack */
    char process[PROFILE_NAME_BYTES];
    int has_room;

    profile_init(profile);
    if (!profile_is_raw(bytes, count))
        return tool_complain("%s: is no file of the layer profile, or one of another version or "
                             "byte order",
                             name);
    reading = (struct reading){.bytes = bytes, .count = count, .profile = profile};
    reading.process = profile_raw_process(bytes, count, process);
    reading.frames_most = frames_most(&reading);
    has_room = make_room(&reading);
    if (has_room) {
        read_head(&reading);
        read_points(&reading);
        (void)dal_profile_file_visit(bytes, count, read_site, &reading);
        tell_lost(&reading, name);
    }
    modules_close();
    perf_map_close();
    free(reading.loaded);
    free(reading.resolved);
    free(reading.frames);
    return has_room && profile_is_whole(profile) ? TOOL_OK : tool_complain("not enough memory");
}
