/* SPDX-License-Identifier: MIT */
/* A profile in memory. See model.h. */
#include "tools/profile/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"

/* ---- Arrays and sets ------------------------------------------------------------------------- */

/* Room for count elements, of which there are used: twice as much whenever that is a power of two,
 * so that nothing has to keep how much room there is. 0 if there is no memory. */
static int make_room(struct profile *profile, void *array, size_t element_bytes, size_t used,
                     size_t added)
{
    size_t room = 16, wanted = 16;
    void *old, *grown;

    while (room < used)
        room *= 2;
    while (wanted < used + added)
        wanted *= 2;
    memcpy(&old, array, sizeof old);
    if (old && wanted == room)
        return 1;
    grown = used + added < UINT32_MAX ? realloc(old, wanted * element_bytes) : NULL;
    if (!grown) {
        profile->is_short_of_memory = 1;
        return 0;
    }
    memcpy(array, &grown, sizeof grown);
    return 1;
}

/* FNV-1a, its bits mixed once more: the low ones choose a slot. */
static uint64_t hash_bytes(const void *data, size_t bytes)
{
    const unsigned char *byte = data;
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
    return hash ^ hash >> 32;
}

static void put(struct profile_set *set, uint64_t hash, uint32_t number)
{
    size_t at = hash & (set->size - 1);

    while (set->slots[at])
        at = (at + 1) & (set->size - 1);
    set->slots[at] = number + 1;
}

typedef uint64_t (*hash_of)(const struct profile *profile, uint32_t number);

/* Room for one more than count, at most half full. */
static int make_slots(struct profile *profile, struct profile_set *set, size_t count, hash_of hash)
{
    struct profile_set larger = {NULL, set->size ? set->size * 2 : 64};

    if (count + 1 <= set->size / 2)
        return 1;
    larger.slots = calloc(larger.size, sizeof *larger.slots);
    if (!larger.slots) {
        profile->is_short_of_memory = 1;
        return 0;
    }
    for (uint32_t i = 0; i < count; i++)
        put(&larger, hash(profile, i), i);
    free(set->slots);
    *set = larger;
    return 1;
}

/* ---- Texts ----------------------------------------------------------------------------------- */

static uint64_t text_hash(const struct profile *profile, uint32_t number)
{
    return hash_bytes(profile->texts[number], strlen(profile->texts[number]));
}

static uint32_t new_text(struct profile *profile, const char *text, size_t bytes)
{
    char *copy = malloc(bytes + 1);

    if (!copy ||
        !make_room(profile, &profile->texts, sizeof *profile->texts, profile->text_count, 1) ||
        !make_slots(profile, &profile->text_set, profile->text_count, text_hash)) {
        profile->is_short_of_memory = 1;
        free(copy);
        return PROFILE_NO_TEXT;
    }
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    profile->texts[profile->text_count] = copy;
    put(&profile->text_set, hash_bytes(text, bytes), (uint32_t)profile->text_count);
    return (uint32_t)profile->text_count++;
}

uint32_t profile_add_text(struct profile *profile, const char *text, size_t bytes)
{
    const struct profile_set *set = &profile->text_set;
    const char *end = bytes ? memchr(text, '\0', bytes) : NULL;

    bytes = end ? (size_t)(end - text) : bytes;
    for (size_t at = hash_bytes(text, bytes); set->size && set->slots[at & (set->size - 1)]; at++) {
        uint32_t number = set->slots[at & (set->size - 1)] - 1;

        if (strncmp(profile->texts[number], text, bytes) == 0 && !profile->texts[number][bytes])
            return number;
    }
    return new_text(profile, text, bytes);
}

/* ---- Modules, frames ------------------------------------------------------------------------- */

uint32_t profile_add_module(struct profile *profile, const struct profile_module *module)
{
    if (!make_room(profile, &profile->modules, sizeof *module, profile->module_count, 1))
        return PROFILE_NO_MODULE;
    profile->modules[profile->module_count] = *module;
    return (uint32_t)profile->module_count++;
}

static uint64_t frame_hash(const struct profile *profile, uint32_t number)
{
    const struct profile_frame *frame = &profile->frames[number];
    const uint64_t parts[] = {frame->function, frame->file,    frame->line,
                              frame->module,   frame->address, frame->is_inlined};

    return hash_bytes(parts, sizeof parts);
}

static int is_same_frame(const struct profile_frame *one, const struct profile_frame *other)
{
    return one->address == other->address && one->function == other->function &&
           one->file == other->file && one->line == other->line && one->module == other->module &&
           one->is_inlined == other->is_inlined;
}

/* The last frame is new: it stays, unless it was there before. */
uint32_t profile_add_frame(struct profile *profile, const struct profile_frame *frame)
{
    struct profile_set *set = &profile->frame_set;
    uint32_t added = (uint32_t)profile->frame_count;
    uint64_t hash;

    if (!make_room(profile, &profile->frames, sizeof *frame, added, 1) ||
        !make_slots(profile, set, added, frame_hash))
        return 0;
    profile->frames[added] = *frame;
    hash = frame_hash(profile, added);
    for (size_t at = hash; set->slots[at & (set->size - 1)]; at++) {
        uint32_t number = set->slots[at & (set->size - 1)] - 1;

        if (is_same_frame(&profile->frames[number], frame))
            return number;
    }
    put(set, hash, added);
    profile->frame_count++;
    return added;
}

const char *profile_frame_name(const struct profile *profile, const struct profile_frame *frame,
                               char *text, size_t bytes)
{
    const struct profile_module *module =
        frame->module < profile->module_count ? &profile->modules[frame->module] : NULL;

    if (frame->function != PROFILE_NO_TEXT)
        return profile_text(profile, frame->function);
    if (module)
        (void)snprintf(text, bytes, "%s+0x%" PRIx64,
                       tool_file_name(profile_text(profile, module->path)),
                       frame->address - module->start + module->offset);
    else
        (void)snprintf(text, bytes, frame->address ? "0x%" PRIx64 : "??", frame->address);
    return text;
}

/* ---- Sites ----------------------------------------------------------------------------------- */

static uint64_t site_hash(const struct profile *profile, uint32_t number)
{
    const struct profile_site *site = &profile->sites[number];

    return hash_bytes(profile->stacks + site->stack, site->depth * sizeof *profile->stacks);
}

static struct profile_site *find_site(const struct profile *profile, const uint32_t *frames,
                                      uint32_t depth, uint64_t hash)
{
    const struct profile_set *set = &profile->site_set;

    for (size_t at = hash; set->size && set->slots[at & (set->size - 1)]; at++) {
        struct profile_site *site = &profile->sites[set->slots[at & (set->size - 1)] - 1];

        if (site->depth == depth &&
            memcmp(profile->stacks + site->stack, frames, depth * sizeof *frames) == 0)
            return site;
    }
    return NULL;
}

static void new_site(struct profile *profile, const uint32_t *frames, uint32_t depth, uint64_t hash,
                     const struct profile_values *values)
{
    if (!make_room(profile, &profile->sites, sizeof *profile->sites, profile->site_count, 1) ||
        !make_room(profile, &profile->stacks, sizeof *frames, profile->stack_count, depth) ||
        !make_slots(profile, &profile->site_set, profile->site_count, site_hash))
        return;
    memcpy(profile->stacks + profile->stack_count, frames, depth * sizeof *frames);
    profile->sites[profile->site_count] =
        (struct profile_site){profile->stack_count, depth, *values};
    put(&profile->site_set, hash, (uint32_t)profile->site_count++);
    profile->stack_count += depth;
}

static int begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Whether a frame is of a module whose name begins so. */
static int is_of_module(const struct profile *profile, const struct profile_frame *frame,
                        const char *start)
{
    return frame->module < profile->module_count &&
           begins_with(tool_file_name(profile_text(profile, profile->modules[frame->module].path)),
                       start);
}

/* Whether a frame is of a function that the library's headers have, in the program. */
static int is_of_header(const struct profile *profile, const struct profile_frame *frame)
{
    return begins_with(profile_text(profile, frame->function), "dal_") &&
           (frame->file == PROFILE_NO_TEXT ||
            strstr(profile_text(profile, frame->file), "/dispatchalloc/") != NULL);
}

/* How many of the innermost frames are the library's own: some of its calls leave frames, as
 * operator new and what its headers have do, and others none, as malloc() does. 0 if all are. */
static uint32_t count_own(const struct profile *profile, const uint32_t *frames, uint32_t depth)
{
    uint32_t count = 0;

    while (count < depth &&
           (is_of_module(profile, &profile->frames[frames[count]], "libdispatchalloc") ||
            is_of_header(profile, &profile->frames[frames[count]])))
        count++;
    return count < depth ? count : 0;
}

void profile_add_site(struct profile *profile, const uint32_t *frames, uint32_t depth,
                      const struct profile_values *values)
{
    uint32_t own = count_own(profile, frames, depth);
    struct profile_site *site;
    uint64_t hash;

    frames += own;
    depth -= own;
    hash = hash_bytes(frames, depth * sizeof *frames);
    site = find_site(profile, frames, depth, hash);
    if (site)
        profile_values_add(&site->values, values);
    else
        new_site(profile, frames, depth, hash, values);
}

/* Whether a function is there to allocate for others: by a name that is known for that, or the
 * beginning of one. (What is not known is no place either.) */
static int allocates_for_others(const char *function)
{
    static const char *const names[] = {"malloc",    "calloc",   "realloc",        "xmalloc",
                                        "xcalloc",   "xzalloc",  "xrealloc",       "xstrdup",
                                        "xstrndup",  "xmemdup",  "g_malloc",       "g_malloc0",
                                        "g_realloc", "g_strdup", PROFILE_TRUNCATED};
    static const char *const beginnings[] = {
        "operator new",      "__rust_",         "__rdl_",           "__rg_",
        "alloc::",           "<alloc::",        "PyMem_",           "_PyMem_",
        "g_slice_",          "PyObject_Malloc", "_PyObject_Malloc", "_PyObject_Calloc",
        "_PyObject_Realloc",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(function, names[i]) == 0)
            return 1;
    }
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        if (begins_with(function, beginnings[i]))
            return 1;
    }
    return 0;
}

/* Whether it is of what every program of a language has. */
static int is_of_language(const struct profile *profile, const struct profile_frame *frame)
{
    static const char *const headers[] = {"/usr/include/", "/usr/lib/gcc/", "/usr/lib/llvm-"};
    static const char *const libraries[] = {
        "libc.so",      "libc.musl",        "ld-musl",  "libstdc++.so", "libc++.so",
        "libc++abi.so", "libdispatchalloc", "ld-linux", "ld.so",        "ld64.so"};
    const char *file = profile_text(profile, frame->file);

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        if (begins_with(file, headers[i]))
            return 1;
    }
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        if (is_of_module(profile, frame, libraries[i]))
            return 1;
    }
    return 0;
}

const struct profile_frame *profile_place_of(const struct profile *profile,
                                             const struct profile_site *site)
{
    for (uint32_t i = 0; i < site->depth; i++) {
        const struct profile_frame *frame = profile_frame_of(profile, site, i);

        if (!is_of_language(profile, frame) &&
            !allocates_for_others(profile_text(profile, frame->function)))
            return frame;
    }
    return site->depth ? profile_frame_of(profile, site, 0) : NULL;
}

static void add(uint64_t *to, uint64_t more)
{
    if (__builtin_add_overflow(*to, more, to))
        *to = UINT64_MAX;
}

void profile_values_add(struct profile_values *to, const struct profile_values *values)
{
    add(&to->allocated_blocks, values->allocated_blocks);
    add(&to->allocated_bytes, values->allocated_bytes);
    add(&to->live_blocks, values->live_blocks);
    add(&to->live_bytes, values->live_bytes);
    add(&to->peak_blocks, values->peak_blocks);
    add(&to->peak_bytes, values->peak_bytes);
    add(&to->allocated_samples, values->allocated_samples);
    add(&to->live_samples, values->live_samples);
    add(&to->peak_samples, values->peak_samples);
    add(&to->temporary_blocks, values->temporary_blocks);
    add(&to->lifetime_ns, values->lifetime_ns);
}

struct profile_values profile_total(const struct profile *profile)
{
    struct profile_values total = {0};

    for (size_t i = 0; i < profile->site_count; i++)
        profile_values_add(&total, &profile->sites[i].values);
    return total;
}

/* The C library's own are in another library, which would take room from every program that is run
 * with little. */
static double root_of(double square)
{
    double root = square > 1 ? square : 1;

    for (int i = 0; i < 64; i++)
        root = (root + square / root) / 2;
    return root;
}

/* To two digits: straight between powers of two. */
static double logarithm_of(double number)
{
    const double ln_2 = 0.693147180559945309;
    double doublings = 0;

    for (; number >= 2; number /= 2)
        doublings++;
    return ln_2 * (doublings + number - 1);
}

/* Where live bytes stay about the same and are renewed k times, there are k estimates of them, of m
 * samples more or less the square root of m each; the highest is about sqrt(2 * m * ln(k)) above.
 * It has n samples: so m + sqrt(2 * m * ln(k)) = n. What is live at the end has not been chosen
 * for being high, and the true peak is no lower. */
uint64_t profile_peak_chance(const struct profile *profile)
{
    struct profile_values all = profile_total(profile);
    double renewals, spread, root, chance;

    if (all.peak_samples == 0 || all.peak_bytes <= all.live_bytes ||
        all.allocated_bytes <= all.peak_bytes)
        return 0;
    renewals = (double)all.allocated_bytes / (double)all.peak_bytes;
    spread = root_of(2 * logarithm_of(renewals));
    root = (root_of(spread * spread + 4 * (double)all.peak_samples) - spread) / 2;
    chance = (double)all.peak_bytes * (1 - root * root / (double)all.peak_samples);
    return chance < (double)(all.peak_bytes - all.live_bytes) ? (uint64_t)chance
                                                              : all.peak_bytes - all.live_bytes;
}

/* ---- The whole ------------------------------------------------------------------------------- */

void profile_add_point(struct profile *profile, uint64_t time_ns, uint64_t live_bytes)
{
    if (make_room(profile, &profile->points, sizeof *profile->points, profile->point_count, 1))
        profile->points[profile->point_count++] = (struct profile_point){time_ns, live_bytes};
}

void profile_init(struct profile *profile)
{
    *profile = (struct profile){0};
    (void)profile_add_text(profile, "", 0);
}

int profile_is_whole(const struct profile *profile)
{
    return !profile->is_short_of_memory;
}

void profile_free(struct profile *profile)
{
    for (size_t i = 0; i < profile->text_count; i++)
        free(profile->texts[i]);
    free(profile->texts);
    free(profile->frames);
    free(profile->stacks);
    free(profile->sites);
    free(profile->modules);
    free(profile->points);
    free(profile->text_set.slots);
    free(profile->frame_set.slots);
    free(profile->site_set.slots);
}
