/* SPDX-License-Identifier: MIT */
/* Two profiles: what is more in the second, and what is less, by function. (Lines move when a
 * source is changed, and addresses when it is compiled.) See output.h. */
#include "tools/profile/output.h"

#include <inttypes.h>
#include <stdlib.h>

enum { CHANGES_TOLD = 20 };

/* A place in one or both of them. */
struct change {
    const struct profile_places *places; /* of which profile place is */
    const struct profile_place *place;
    struct profile_values before, after;
};

struct changes {
    struct change *all;
    size_t count;
};

/* What is compared. */
struct measure {
    const char *title;
    size_t offset; /* in the values */
};

static const struct measure measures[] = {
    {"Held at the peak", offsetof(struct profile_values, peak_bytes)},
    {"Live at the end", offsetof(struct profile_values, live_bytes)},
    {"Allocated", offsetof(struct profile_values, allocated_bytes)},
};

static uint64_t amount(const struct measure *measure, const struct profile_values *values)
{
    return *(const uint64_t *)(const void *)((const char *)values + measure->offset);
}

/* ---- Changes --------------------------------------------------------------------------------- */

/* Both in one order: go through them side by side. */
static void join(const struct profile_places *before, const struct profile_places *after,
                 struct changes *changes)
{
    size_t one = 0, other = 0;

    while (one < before->count || other < after->count) {
        const struct profile_place *old = &before->all[one], *new = &after->all[other];
        int order = one == before->count    ? 1
                    : other == after->count ? -1
                                            : profile_place_compare(before, old, after, new);
        struct change *change = &changes->all[changes->count++];

        *change = (struct change){order < 0 ? before : after, order < 0 ? old : new, {0}, {0}};
        if (order <= 0)
            change->before = old->values;
        if (order >= 0)
            change->after = new->values;
        one += order <= 0;
        other += order >= 0;
    }
}

/* For qsort(). */
static const struct measure *sorting;

static uint64_t size_of(const struct measure *measure, const struct change *change)
{
    uint64_t before = amount(measure, &change->before), after = amount(measure, &change->after);

    return before < after ? after - before : before - after;
}

static int by_size(const void *one, const void *other)
{
    const struct change *a = one, *b = other;
    uint64_t size = size_of(sorting, a), size_of_b = size_of(sorting, b);

    if (size != size_of_b)
        return size < size_of_b ? 1 : -1;
    return profile_place_compare(a->places, a->place, b->places, b->place);
}

/* ---- Printing -------------------------------------------------------------------------------- */

/* "+1.5 MiB 2.0 MiB 3.5 MiB" */
static void print_amounts(uint64_t before, uint64_t after)
{
    char was[PROFILE_BYTES_TEXT], is[PROFILE_BYTES_TEXT], by[PROFILE_BYTES_TEXT];
    char change[PROFILE_BYTES_TEXT + 1];

    (void)profile_bytes(before < after ? after - before : before - after, by, sizeof by);
    (void)snprintf(change, sizeof change, "%s%s",
                   before < after   ? "+"
                   : before > after ? "-"
                                    : "",
                   by);
    printf("%12s %12s %12s  ", change, profile_bytes(before, was, sizeof was),
           profile_bytes(after, is, sizeof is));
}

static void print_measure(const struct measure *measure, struct changes *changes)
{
    size_t left = 0;

    printf("\n%s:\n", measure->title);
    sorting = measure;
    qsort(changes->all, changes->count, sizeof *changes->all, by_size);
    for (size_t i = 0; i < changes->count && size_of(measure, &changes->all[i]) > 0; i++) {
        const struct change *change = &changes->all[i];

        if (i >= CHANGES_TOLD) {
            left++;
            continue;
        }
        print_amounts(amount(measure, &change->before), amount(measure, &change->after));
        profile_place_print(change->places, change->place);
    }
    if (left > 0)
        printf("and %zu smaller change%s\n", left, left == 1 ? "" : "s");
}

static void print_totals(const struct profile *before, const struct profile *after)
{
    struct profile_values was = profile_total(before), is = profile_total(after);

    tool_print("before: %s\n", profile_text(before, before->command));
    tool_print("after:  %s\n", profile_text(after, after->command));
    printf("\n%12s %12s %12s\n", "change", "before", "after");
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
        print_amounts(amount(&measures[i], &was), amount(&measures[i], &is));
        puts(measures[i].title);
    }
}

static int print(const struct profile_places *before, const struct profile_places *after)
{
    struct changes changes = {calloc(before->count + after->count + 1, sizeof *changes.all), 0};

    if (!changes.all)
        return -1;
    join(before, after, &changes);
    print_totals(before->profile, after->profile);
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
        print_measure(&measures[i], &changes);
    free(changes.all);
    return 0;
}

int profile_print_diff(const struct profile *before, const struct profile *after)
{
    struct profile_places old = {0}, new = {0};
    int result = profile_places_make(before, 0, &old);

    if (result == 0)
        result = profile_places_make(after, 0, &new);
    if (result == 0)
        result = print(&old, &new);
    profile_places_free(&old);
    profile_places_free(&new);
    return result == 0 ? TOOL_OK : tool_complain("not enough memory");
}
