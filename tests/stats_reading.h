/* SPDX-License-Identifier: MIT */
/*
 * For the tests of the layer `stats`: all that it counts at one moment, by dal_stats_visit(),
 * as a structure. A key that is not known here is an error, so the keys are held as well.
 */
#ifndef TESTS_STATS_READING_H
#define TESTS_STATS_READING_H

#include <dispatchalloc.h>
#include <stdlib.h>
#include <string.h>

#include "../layers/stats/stats.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The names of the operations in keys, written out once more: they must never change. */
static const char *const operation_names[] = {
    "alloc", "dealloc",     "alloc_zeroed", "realloc",
    "grow",  "grow_zeroed", "shrink",       "resize_in_place",
};

/* Everything that a stats layer counts, at one moment. */
struct reading {
    uint64_t live_bytes, live_blocks, peak_bytes, peak_blocks, uncounted;
    struct calls {
        uint64_t calls, failures;
    } operations[STATS_OPERATIONS];
    struct size_class {
        uint64_t obtained, live;
    } sizes[STATS_CLASSES];
    struct lifetime_class {
        uint64_t ended, lost;
    } lifetimes[STATS_CLASSES];
};

static uint64_t *total_of(struct reading *reading, const char *key)
{
    const struct {
        const char *key;
        uint64_t *value;
    } totals[] = {
        {"live_bytes", &reading->live_bytes}, {"live_blocks", &reading->live_blocks},
        {"peak_bytes", &reading->peak_bytes}, {"peak_blocks", &reading->peak_blocks},
        {"uncounted", &reading->uncounted},
    };

    for (size_t i = 0; i < COUNT_OF(totals); i++) {
        if (strcmp(key, totals[i].key) == 0)
            return totals[i].value;
    }
    return NULL;
}

static uint64_t *calls_of(struct reading *reading, const char *key)
{
    for (size_t i = 0; i < COUNT_OF(operation_names); i++) {
        size_t length = strlen(operation_names[i]);

        if (strncmp(key, operation_names[i], length) != 0)
            continue;
        if (strcmp(key + length, ".calls") == 0)
            return &reading->operations[i].calls;
        if (strcmp(key + length, ".failures") == 0)
            return &reading->operations[i].failures;
    }
    return NULL;
}

/* Which class the range of a key is of, or STATS_CLASSES; *rest is what stands behind it. */
static unsigned class_of_range(const char *range, const char **rest)
{
    unsigned long long first, last;
    char *end;
    unsigned found = STATS_CLASSES;

    last = first = strtoull(range, &end, 10);
    if (*end == '-')
        last = strtoull(end + 1, &end, 10);
    /* One that no size_t reaches has a key as well. */
    for (unsigned i = 0; i < STATS_CLASSES; i++) {
        if (first == stats_class_first(i) && last == stats_class_last(i))
            found = i;
    }
    *rest = end;
    return found;
}

static uint64_t *size_of(struct reading *reading, const char *key)
{
    const char *rest = "";
    unsigned index = STATS_CLASSES;

    if (strncmp(key, "size.", 5) == 0)
        index = class_of_range(key + 5, &rest);
    if (index == STATS_CLASSES)
        return NULL;
    return strcmp(rest, ".obtained") == 0 ? &reading->sizes[index].obtained
           : strcmp(rest, ".live") == 0   ? &reading->sizes[index].live
                                          : NULL;
}

static uint64_t *lifetime_of(struct reading *reading, const char *key)
{
    const char *rest = "";
    unsigned index = STATS_CLASSES;

    if (strncmp(key, "lifetime_ns.", 12) == 0)
        index = class_of_range(key + 12, &rest);
    if (index == STATS_CLASSES)
        return NULL;
    return strcmp(rest, ".ended") == 0  ? &reading->lifetimes[index].ended
           : strcmp(rest, ".lost") == 0 ? &reading->lifetimes[index].lost
                                        : NULL;
}

static int note_value(const char *key, uint64_t value, void *data)
{
    uint64_t *place = total_of(data, key);

    if (!place)
        place = calls_of(data, key);
    if (!place)
        place = size_of(data, key);
    if (!place)
        place = lifetime_of(data, key);
    if (!place)
        return 1;
    *place = value;
    return 0;
}

/* What no key has told is all bits set. No ck_assert: it takes a lock, and
 * this runs in children of threaded parents as well. */
static inline struct reading read_stats(const struct dal_instance *instance)
{
    struct reading reading;

    memset(&reading, 0xff, sizeof reading);
    if (dal_stats_visit(instance, note_value, &reading) != 0)
        abort();
    return reading;
}

#endif /* TESTS_STATS_READING_H */
