/* SPDX-License-Identifier: MIT */
/* Reading what was found, of another process or of one that has ended. Whoever wrote the file may
 * have written anything, and may do so while it is read: each number is read once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc/error.h>

#include "profile.h"

/* A file, with its lengths as they were found to fit into it. */
struct reading {
    const struct profile_file *file;
    uint64_t site_bytes, site_count; /* of those that are used */
    uint64_t generation;
    uint64_t byte_unit;
    int is_exact; /* every=1 */
};

static uint64_t load(const _Atomic(uint64_t) *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

static uint32_t once(const uint32_t *number)
{
    return *(const volatile uint32_t *)number;
}

static uint64_t once_64(const uint64_t *number)
{
    return *(const volatile uint64_t *)number;
}

/* 0, or a negative error number. */
static int begin(struct reading *reading, const void *file, size_t bytes)
{
    const struct profile_file *profile = file;
    uint64_t used;

    if (!file || bytes < sizeof *profile || (uintptr_t)file % _Alignof(struct profile_file) != 0)
        return DAL_ERR_INVALID;
    if (atomic_load_explicit(&profile->form, memory_order_acquire) != PROFILE_FORM ||
        once(&profile->module_bytes) != sizeof profile->modules[0] ||
        once(&profile->module_count) != PROFILE_MODULES)
        return DAL_ERR_ABI;
    reading->file = profile;
    reading->site_bytes = once(&profile->site_bytes);
    used = load(&profile->sites_used);
    if (reading->site_bytes < sizeof(struct profile_site) || reading->site_bytes % 8 != 0 ||
        used > (bytes - sizeof *profile) / reading->site_bytes)
        return DAL_ERR_ABI;
    reading->site_count = used;
    reading->generation = load(&profile->generation);
    reading->byte_unit = profile_byte_unit(once_64(&profile->every));
    reading->is_exact = once_64(&profile->every) == 1;
    return DAL_OK;
}

/* ---- Sites ----------------------------------------------------------------------------------- */

/* What parts of blocks or bytes add up to, rounded. */
static uint64_t whole(uint64_t parts, uint64_t unit)
{
    return parts / unit + (parts % unit >= (unit + 1) / 2);
}

/* The same of what some have more than others; none where a thread was just counting and the others
 * have come first. */
static uint64_t whole_more(uint64_t parts, uint64_t unit)
{
    return (int64_t)parts < 0 ? 0 : whole(parts, unit);
}

static void read_counts(const struct reading *reading, const struct profile_site *from,
                        struct dal_profile_site *site)
{
    uint64_t made_blocks = load(&from->made_blocks), made_bytes = load(&from->made_bytes);
    uint64_t live_blocks = made_blocks - load(&from->ended_blocks);
    uint64_t live_bytes = made_bytes - load(&from->ended_bytes), unit = reading->byte_unit;
    int is_kept = load(&from->generation) == reading->generation;

    site->samples = reading->is_exact ? made_blocks / PROFILE_UNIT : load(&from->samples);
    site->allocated_blocks = whole(made_blocks, PROFILE_UNIT);
    site->allocated_bytes = whole(made_bytes, unit);
    site->live_blocks = whole_more(live_blocks, PROFILE_UNIT);
    site->live_bytes = whole_more(live_bytes, unit);
    site->peak_blocks = whole_more(is_kept ? load(&from->peak_blocks) : live_blocks, PROFILE_UNIT);
    site->peak_bytes = whole_more(is_kept ? load(&from->peak_bytes) : live_bytes, unit);
    site->temporary_blocks = whole(load(&from->temporary_blocks), PROFILE_UNIT);
    site->lifetime_ns = load(&from->lifetime_ns);
}

static void read_frames(const struct reading *reading, const struct profile_site *from,
                        struct dal_profile_site *site, struct dal_profile_frame *frames)
{
    uint64_t room = (reading->site_bytes - sizeof *from) / sizeof from->frames[0];
    uint32_t count = once(&from->frame_count);

    if (count > room)
        count = (uint32_t)room;
    if (count > DAL_STACK_PLACES_MAX)
        count = DAL_STACK_PLACES_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t place = once_64(&from->frames[i].place);
        uint64_t module = place >> PROFILE_OFFSET_BITS;

        frames[i].address = once_64(&from->frames[i].address);
        frames[i].module = module <= PROFILE_MODULES ? (uint32_t)module : 0;
        frames[i].offset =
            frames[i].module ? place & ((UINT64_C(1) << PROFILE_OFFSET_BITS) - 1) : 0;
        frames[i].size_bytes = sizeof frames[i];
    }
    site->frames = frames;
    site->frame_count = count;
    site->thread = once_64(&from->thread);
}

static int visit_sites(const struct reading *reading, dal_profile_visitor visit, void *data)
{
    struct dal_profile_frame frames[DAL_STACK_PLACES_MAX];
    int result = DAL_OK;

    for (uint64_t i = 0; !result && i < reading->site_count; i++) {
        const struct profile_site *from =
            (const void *)(reading->file->sites + i * reading->site_bytes);
        struct dal_profile_site site = {.size_bytes = sizeof site};

        read_counts(reading, from, &site);
        read_frames(reading, from, &site, frames);
        if (site.samples)
            result = visit(&site, data);
    }
    return result;
}

int dal_profile_file_visit(const void *file, size_t bytes, dal_profile_visitor visit, void *data)
{
    struct reading reading;
    int error = visit ? begin(&reading, file, bytes) : DAL_ERR_INVALID;

    return error ? error : visit_sites(&reading, visit, data);
}

/* ---- Points ---------------------------------------------------------------------------------- */

/* Behind times that go back nothing is as it was. */
static int visit_points(const struct reading *reading, dal_profile_point_visitor visit, void *data)
{
    const struct profile_file *file = reading->file;
    uint32_t count = atomic_load_explicit(&file->point_count, memory_order_acquire);
    struct dal_profile_point point = {.size_bytes = sizeof point};
    int result = DAL_OK;

    for (uint32_t i = 0; !result && i < count && i < PROFILE_POINTS; i++) {
        uint64_t time_ns = load(&file->points[i].time_ns);

        if (i > 0 && time_ns <= point.time_ns)
            break;
        point.time_ns = time_ns;
        point.live_bytes = whole(load(&file->points[i].live_bytes), reading->byte_unit);
        result = visit(&point, data);
    }
    return result;
}

int dal_profile_file_visit_points(const void *file, size_t bytes, dal_profile_point_visitor visit,
                                  void *data)
{
    struct reading reading;
    int error = visit ? begin(&reading, file, bytes) : DAL_ERR_INVALID;

    return error ? error : visit_points(&reading, visit, data);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

#define SUMS(X)         \
    X(allocated_blocks) \
    X(allocated_bytes)  \
    X(live_blocks) X(live_bytes) X(peak_blocks) X(peak_bytes) X(temporary_blocks) X(samples)

struct sums {
#define MEMBER(name) uint64_t name;
    SUMS(MEMBER)
#undef MEMBER
    uint64_t sites;
};

static void add_up(uint64_t *sum, uint64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum))
        *sum = UINT64_MAX;
}

static void sum_up(const struct reading *reading, struct sums *sums)
{
    for (uint64_t i = 0; i < reading->site_count; i++) {
        struct dal_profile_site site = {0};

        read_counts(reading, (const void *)(reading->file->sites + i * reading->site_bytes), &site);
#define ADD(name) add_up(&sums->name, site.name);
        SUMS(ADD)
#undef ADD
        sums->sites += site.samples != 0;
    }
}

/* All sites are looked at for a sum alone. */
static int get_sum(const struct reading *reading, const char *key, uint64_t *value)
{
#define ROW(name) {#name, offsetof(struct sums, name)},
    static const struct {
        const char *key;
        size_t offset;
    } rows[] = {SUMS(ROW) ROW(sites)};
#undef ROW
    struct sums sums = {0};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(key, rows[i].key) != 0)
            continue;
        sum_up(reading, &sums);
        memcpy(value, (const char *)&sums + rows[i].offset, sizeof *value);
        return DAL_OK;
    }
    return DAL_ERR_UNKNOWN;
}

static uint64_t modules_of(const struct profile_file *file)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < PROFILE_MODULES; i++) {
        if (atomic_load_explicit(&file->modules[i].state, memory_order_acquire) ==
            PROFILE_MODULE_FILLED)
            count = i + 1;
    }
    return count;
}

int dal_profile_file_get(const void *file, size_t bytes, const char *key, uint64_t *value)
{
    const struct profile_file *profile = file;
    struct reading reading;
    int error = key && value ? begin(&reading, file, bytes) : DAL_ERR_INVALID;

    if (error)
        return error;
    if (strcmp(key, "modules") == 0)
        *value = modules_of(profile);
    else if (strcmp(key, "every") == 0)
        *value = once_64(&profile->every);
    else if (strcmp(key, "stacks") == 0)
        *value = (once(&profile->site_bytes) - sizeof(struct profile_site)) /
                 sizeof(struct profile_frame);
    else if (strcmp(key, "on") == 0)
        *value = atomic_load_explicit(&profile->is_on, memory_order_relaxed) != 0;
    else if (strcmp(key, "lost_blocks") == 0)
        *value = load(&profile->lost_blocks);
    else if (strcmp(key, "lost_sites") == 0)
        *value = load(&profile->lost_sites);
    else if (strcmp(key, "lost_modules") == 0)
        *value = load(&profile->lost_modules);
    else if (strcmp(key, "memory_bytes") == 0)
        *value = once_64(&profile->memory_bytes);
    else if (strcmp(key, "lifetimes") == 0)
        *value = once_64(&profile->has_lifetimes) != 0;
    else if (strcmp(key, "start_ns") == 0)
        *value = once_64(&profile->start_ns);
    else if (strcmp(key, "changed_ns") == 0)
        *value = load(&profile->changed_ns);
    else if (strcmp(key, "peak_ns") == 0)
        *value = load(&profile->peak_ns);
    else
        return get_sum(&reading, key, value);
    return DAL_OK;
}

/* ---- Texts ----------------------------------------------------------------------------------- */

static void copy_text(const char *text, size_t most, char *buffer, size_t bytes)
{
    (void)snprintf(buffer, bytes, "%.*s", (int)strnlen(text, most), text);
}

/* That of a key such as "module.3", by what stands before the number; or NULL. */
static const struct profile_module *module_of(const struct profile_file *file, const char *key,
                                              const char *name)
{
    size_t length = strlen(name);
    unsigned long number;
    char *end;

    if (strncmp(key, name, length) != 0 || key[length] < '1' || key[length] > '9')
        return NULL;
    number = strtoul(key + length, &end, 10);
    if (*end || number > PROFILE_MODULES ||
        atomic_load_explicit(&file->modules[number - 1].state, memory_order_acquire) !=
            PROFILE_MODULE_FILLED)
        return NULL;
    return &file->modules[number - 1];
}

int dal_profile_file_text(const void *file, size_t bytes, const char *key, char *buffer,
                          size_t buffer_bytes)
{
    const struct profile_file *profile = file;
    const struct profile_module *module;
    struct reading reading;
    int error = key && buffer ? begin(&reading, file, bytes) : DAL_ERR_INVALID;

    if (error)
        return error;
    if (strcmp(key, "head") == 0)
        copy_text(profile->head, sizeof profile->head, buffer, buffer_bytes);
    else if (strcmp(key, "process") == 0)
        copy_text(profile->process, sizeof profile->process, buffer, buffer_bytes);
    else if ((module = module_of(profile, key, "module.")) != NULL)
        copy_text(module->path, sizeof module->path, buffer, buffer_bytes);
    else if ((module = module_of(profile, key, "build_id.")) != NULL)
        copy_text(module->build_id, sizeof module->build_id, buffer, buffer_bytes);
    else
        return DAL_ERR_UNKNOWN;
    return DAL_OK;
}

/* ---- On and off ------------------------------------------------------------------------------ */

int dal_profile_file_switch(void *file, size_t bytes, int is_on)
{
    struct reading reading;
    int error = begin(&reading, file, bytes);

    if (!error)
        atomic_store_explicit(&((struct profile_file *)file)->is_on, is_on != 0,
                              memory_order_relaxed);
    return error;
}

/* ---- Of this process ------------------------------------------------------------------------- */

int dal_profile_get(const struct dal_instance *instance, const char *key, uint64_t *value)
{
    const struct profile_instance *layer = dal_profile_layer_of_(instance);

    if (!key || !value)
        return DAL_ERR_INVALID;
    return layer ? dal_profile_file_get(layer->file, layer->file_bytes, key, value)
                 : DAL_ERR_UNSUPPORTED;
}

int dal_profile_visit(const struct dal_instance *instance, dal_profile_visitor visit, void *data)
{
    const struct profile_instance *layer = dal_profile_layer_of_(instance);

    if (!visit)
        return DAL_ERR_INVALID;
    return layer ? dal_profile_file_visit(layer->file, layer->file_bytes, visit, data)
                 : DAL_ERR_UNSUPPORTED;
}

int dal_profile_visit_points(const struct dal_instance *instance, dal_profile_point_visitor visit,
                             void *data)
{
    const struct profile_instance *layer = dal_profile_layer_of_(instance);

    if (!visit)
        return DAL_ERR_INVALID;
    return layer ? dal_profile_file_visit_points(layer->file, layer->file_bytes, visit, data)
                 : DAL_ERR_UNSUPPORTED;
}
