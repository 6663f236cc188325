/* SPDX-License-Identifier: MIT */
/* Sites by function and line, for what is printed. See output.h. */
#include "tools/profile/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *name_of(const struct profile_places *places, const struct profile_place *place,
                           char text[PATH_MAX])
{
    return place->frame ? profile_frame_name(places->profile, place->frame, text, PATH_MAX) : "??";
}

static const char *file_of(const struct profile_places *places, const struct profile_place *place)
{
    return profile_text(places->profile, place->frame ? place->frame->file : PROFILE_NO_TEXT);
}

static uint32_t line_of(const struct profile_places *places, const struct profile_place *place)
{
    return places->has_lines && place->frame ? place->frame->line : 0;
}

int profile_place_compare(const struct profile_places *ones, const struct profile_place *one,
                          const struct profile_places *others, const struct profile_place *other)
{
    char text[2][PATH_MAX];
    int order = strcmp(name_of(ones, one, text[0]), name_of(others, other, text[1]));

    if (order == 0)
        order = strcmp(file_of(ones, one), file_of(others, other));
    if (order == 0)
        order = (line_of(ones, one) > line_of(others, other)) -
                (line_of(ones, one) < line_of(others, other));
    return order;
}

/* For qsort(). */
static const struct profile_places *sorting;

static int by_place(const void *one, const void *other)
{
    return profile_place_compare(sorting, one, sorting, other);
}

static void take_sites(struct profile_places *places)
{
    const struct profile *profile = places->profile;

    for (size_t i = 0; i < profile->site_count; i++) {
        const struct profile_site *site = &profile->sites[i];

        places->all[i] = (struct profile_place){profile_place_of(profile, site), site->values};
    }
    sorting = places;
    qsort(places->all, profile->site_count, sizeof *places->all, by_place);
}

int profile_places_make(const struct profile *profile, int has_lines, struct profile_places *places)
{
    *places = (struct profile_places){.profile = profile, .has_lines = has_lines};
    places->all = calloc(profile->site_count + 1, sizeof *places->all);
    if (!places->all)
        return -1;
    take_sites(places);
    for (size_t i = 0; i < profile->site_count; i++) {
        struct profile_place *last = &places->all[places->count ? places->count - 1 : 0];

        if (places->count > 0 && by_place(last, &places->all[i]) == 0)
            profile_values_add(&last->values, &places->all[i].values);
        else
            places->all[places->count++] = places->all[i];
    }
    return 0;
}

void profile_places_free(struct profile_places *places)
{
    free(places->all);
}

void profile_place_print(const struct profile_places *places, const struct profile_place *place)
{
    const char *file = file_of(places, place);
    char text[PATH_MAX], line[16] = "";

    if (line_of(places, place))
        (void)snprintf(line, sizeof line, ":%" PRIu32, line_of(places, place));
    tool_print("%s%s%s%s\n", name_of(places, place, text), *file ? " " : "", file,
               *file ? line : "");
}

const char *profile_bytes(uint64_t bytes, char *text, size_t text_bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;

    /* 1023.95 would be said as 1024.0. */
    for (; value >= 1023.95 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1024;
    (void)snprintf(text, text_bytes, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}
