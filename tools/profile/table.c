/* SPDX-License-Identifier: MIT */
/* The summary of a profile: its peak, and by function and line what was held then, what was never
 * given back and what lived for no time. See output.h. */
#include "tools/profile/output.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PLACES_TOLD = 10 };

/* What a part of the summary is about. */
struct part {
    const char *title, *unit;
    uint64_t (*amount)(const struct profile_values *values); /* by which places are sorted */
    uint64_t (*blocks)(const struct profile_values *values);
    uint64_t (*samples)(const struct profile_values *values);
};

static uint64_t peak_bytes(const struct profile_values *values)
{
    return values->peak_bytes;
}

static uint64_t peak_blocks(const struct profile_values *values)
{
    return values->peak_blocks;
}

static uint64_t live_bytes(const struct profile_values *values)
{
    return values->live_bytes;
}

static uint64_t live_blocks(const struct profile_values *values)
{
    return values->live_blocks;
}

static uint64_t peak_samples(const struct profile_values *values)
{
    return values->peak_samples;
}

static uint64_t live_samples(const struct profile_values *values)
{
    return values->live_samples;
}

static uint64_t allocated_samples(const struct profile_values *values)
{
    return values->allocated_samples;
}

static uint64_t temporary_blocks(const struct profile_values *values)
{
    return values->temporary_blocks;
}

static uint64_t allocated_blocks(const struct profile_values *values)
{
    return values->allocated_blocks;
}

static const struct part at_peak = {"Held at the peak", "blocks", peak_bytes, peak_blocks,
                                    peak_samples};
static const struct part at_end = {"Never given back", "blocks", live_bytes, live_blocks,
                                   live_samples};
static const struct part now = {"Live now", "blocks", live_bytes, live_blocks, live_samples};
static const struct part temporary = {"Lived for no time: freed before the thread allocated again",
                                      "of all", temporary_blocks, allocated_blocks,
                                      allocated_samples};

/* ---- A part ---------------------------------------------------------------------------------- */

/* For qsort(). */
static const struct part *sorting;
static const struct profile_places *sorted_places;

static int by_amount(const void *one, const void *other)
{
    const struct profile_place *a = one, *b = other;
    uint64_t amount = sorting->amount(&a->values), amount_of_b = sorting->amount(&b->values);

    if (amount != amount_of_b)
        return amount < amount_of_b ? 1 : -1;
    return profile_place_compare(sorted_places, a, sorted_places, b);
}

/* Where numbers are estimates, with the samples behind them, by which they can be judged. */
static void print_amount(const struct part *part, const struct profile *profile,
                         const struct profile_values *values, uint64_t total)
{
    char text[24];

    if (part == &temporary)
        (void)snprintf(text, sizeof text, "%" PRIu64, part->amount(values));
    else
        (void)profile_bytes(part->amount(values), text, sizeof text);
    printf("%12s %5.1f%% %10" PRIu64, text, 100 * (double)part->amount(values) / (double)total,
           part->blocks(values));
    if (profile->interval_bytes)
        printf(" %8" PRIu64, part->samples(values));
    printf("  ");
}

static void print_rest(const struct part *part, const struct profile_places *places, size_t from,
                       uint64_t total)
{
    struct profile_values rest = {0};
    size_t count = 0;

    for (size_t i = from; i < places->count; i++) {
        count += part->amount(&places->all[i].values) > 0;
        if (part->amount(&places->all[i].values) > 0)
            profile_values_add(&rest, &places->all[i].values);
    }
    if (count == 0)
        return;
    print_amount(part, places->profile, &rest, total);
    printf("in %zu more place%s\n", count, count == 1 ? "" : "s");
}

static void print_part(const struct part *part, struct profile_places *places)
{
    struct profile_values all = profile_total(places->profile);
    uint64_t total = part->amount(&all);
    size_t told = 0;

    printf("\n%s:%s\n", part->title, total ? "" : " nothing");
    if (total == 0)
        return;
    printf("%12s %6s %10s%s  function, file and line\n", part == &temporary ? "blocks" : "bytes",
           "share", part->unit, places->profile->interval_bytes ? "  samples" : "");
    sorting = part;
    sorted_places = places;
    qsort(places->all, places->count, sizeof *places->all, by_amount);
    for (; told < places->count && told < PLACES_TOLD; told++) {
        const struct profile_place *place = &places->all[told];

        if (part->amount(&place->values) == 0)
            break;
        print_amount(part, places->profile, &place->values, total);
        profile_place_print(places, place);
    }
    print_rest(part, places, told, total);
}

/* ---- The whole ------------------------------------------------------------------------------- */

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_sum(const struct profile *profile, const char *what, uint64_t bytes,
                      uint64_t blocks, uint64_t samples)
{
    char text[PROFILE_BYTES_TEXT];

    printf("%s %s in %" PRIu64 " block%s", what, profile_bytes(bytes, text, sizeof text), blocks,
           plural(blocks));
    if (profile->interval_bytes)
        printf(" by %" PRIu64 " sample%s", samples, plural(samples));
}

/* The standard deviation of a number of samples, as a share of it: 1 / sqrt(samples), rounded up.
 */
static unsigned percent_of(uint64_t samples)
{
    unsigned percent = 1;

    while (percent < 100 && (uint64_t)percent * percent < 10000 / samples + (10000 % samples > 0))
        percent++;
    return percent;
}

static void print_estimates(const struct profile *profile)
{
    uint64_t chance = profile_peak_chance(profile), samples = profile_total(profile).peak_samples;
    char text[PROFILE_BYTES_TEXT];

    printf("These are estimates: one sample in %s. ",
           profile_bytes(profile->interval_bytes, text, sizeof text));
    if (chance > 0)
        printf("The peak is the highest of them: up to about\n%s of it may be chance.",
               profile_bytes(chance, text, sizeof text));
    else if (samples > 0)
        printf("By %" PRIu64 " sample%s the peak is right\nto about %u %%.", samples,
               plural(samples), percent_of(samples));
    printf("\n");
}

static void print_head(const struct profile *profile)
{
    struct profile_values all = profile_total(profile);

    tool_print("%s\n", profile_text(profile, profile->command));
    print_sum(profile, "peak:      ", all.peak_bytes, all.peak_blocks, all.peak_samples);
    printf(profile->has_end ? ", after %.3f s of %.3f s\n" : ", after %.3f s, last sample %.3f s\n",
           (double)profile->peak_ns / 1e9, (double)profile->duration_ns / 1e9);
    print_sum(profile, "allocated: ", all.allocated_bytes, all.allocated_blocks,
              all.allocated_samples);
    print_sum(profile, profile->is_running ? "\nnow:       " : "\nat the end:", all.live_bytes,
              all.live_blocks, all.live_samples);
    putchar('\n');
    if (profile->interval_bytes)
        print_estimates(profile);
}

int profile_print_table(const struct profile *profile)
{
    struct profile_places places;

    if (profile_places_make(profile, 1, &places) != 0)
        return tool_complain("not enough memory");
    print_head(profile);
    print_part(&at_peak, &places);
    print_part(profile->is_running ? &now : &at_end, &places);
    if (profile->has_temporary)
        print_part(&temporary, &places);
    profile_places_free(&places);
    return TOOL_OK;
}
