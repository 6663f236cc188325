/* SPDX-License-Identifier: MIT */
/*
 * Everything that is counted, by key. The list of keys is a walk by number: first the table
 * below, then two for each class of sizes and two for each of lifetimes, whose names are made on
 * the way. Looking a key up and showing all of them go the same way, so that they cannot know
 * different ones.
 */
#include <string.h>

#include <dispatchalloc/error.h>

#include "stats.h"

/* The longest, of the last class, has 57 bytes. */
#define KEY_BYTES 64

#define TOTALS(X) X(live_bytes) X(live_blocks) X(peak_bytes) X(peak_blocks) X(uncounted)

/* The names stand in the table itself, since a pointer each would have to be relocated. */
static const struct fixed_key {
    char name[32];
    size_t offset; /* in struct stats_sum */
} fixed_keys[] = {
/* clang-format off */
#define TOTAL(member) {#member, offsetof(struct stats_sum, totals.member)},
#define OPERATION(operation, name)                                               \
    {name ".calls", offsetof(struct stats_sum, calls[STATS_##operation])},       \
    {name ".failures", offsetof(struct stats_sum, failures[STATS_##operation])},
    TOTALS(TOTAL)
    STATS_OPERATION_LIST(OPERATION)
#undef OPERATION
#undef TOTAL
    /* clang-format on */
};

#define FIXED_KEYS (sizeof fixed_keys / sizeof *fixed_keys)

_Static_assert(sizeof(struct dal_stats) - offsetof(struct dal_stats, live_bytes) ==
                   (FIXED_KEYS - 2 * (size_t)STATS_OPERATIONS) * sizeof(uint64_t),
               "every member of the snapshot has a key");

/* What there is for each class. */
static const struct class_key {
    char of[16], what[16];
    size_t offset; /* in struct stats_sum, of the first class */
} class_keys[] = {
    {"size.", ".obtained", offsetof(struct stats_sum, obtained)},
    {"size.", ".live", offsetof(struct stats_sum, live)},
    {"lifetime_ns.", ".ended", offsetof(struct stats_sum, ended)},
    {"lifetime_ns.", ".lost", offsetof(struct stats_sum, lost)},
};

/* ---- Names --------------------------------------------------------------------------------- */

static char *prepend(char *at, const char *text)
{
    size_t length = strlen(text);

    return memcpy(at - length, text, length);
}

/* In decimal, before a place in a text, where there must be room for 20 bytes. Returns its first
 * digit. */
static char *prepend_number(char *at, uint64_t number)
{
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return at;
}

/* Written from its end, as digits are. */
static const char *class_key(char made[KEY_BYTES], const char *of, unsigned index, const char *what)
{
    char *key = made + KEY_BYTES - 1;

    *key = '\0';
    key = prepend(key, what);
    if (stats_class_last(index) != stats_class_first(index)) {
        key = prepend_number(key, stats_class_last(index));
        key = prepend(key, "-");
    }
    key = prepend_number(key, stats_class_first(index));
    return prepend(key, of);
}

/* The name of a key by its number, perhaps made in `made`, and where in a sum its value is;
 * NULL after the last one. */
static const char *key_at(size_t number, char made[KEY_BYTES], size_t *offset)
{
    const struct class_key *kind;
    unsigned index;

    if (number < FIXED_KEYS) {
        *offset = fixed_keys[number].offset;
        return fixed_keys[number].name;
    }
    number -= FIXED_KEYS;
    if (number >= sizeof class_keys / sizeof *class_keys * STATS_CLASSES)
        return NULL;
    /* The two of a class stand side by side. */
    kind = &class_keys[number / (2 * STATS_CLASSES) * 2 + number % 2];
    index = (unsigned)(number % (2 * STATS_CLASSES) / 2);
    *offset = kind->offset + index * sizeof(uint64_t);
    return class_key(made, kind->of, index, kind->what);
}

/* ---- The public calls ------------------------------------------------------------------------ */

static uint64_t value_at(const struct stats_sum *sum, size_t offset)
{
    uint64_t value;

    memcpy(&value, (const char *)sum + offset, sizeof value);
    return value;
}

int dal_stats_get(const struct dal_instance *instance, const char *key, uint64_t *value)
{
    struct stats_instance *layer;
    char made[KEY_BYTES];
    const char *name;
    size_t offset;

    if (!key || !value)
        return DAL_ERR_INVALID;
    layer = dal_stats_layer_of_(instance);
    if (!layer)
        return DAL_ERR_UNSUPPORTED;
    for (size_t i = 0; (name = key_at(i, made, &offset)) != NULL; i++) {
        if (strcmp(name, key) == 0) {
            struct stats_sum sum;

            dal_stats_sum_(layer, &sum);
            *value = value_at(&sum, offset);
            return DAL_OK;
        }
    }
    return DAL_ERR_UNKNOWN;
}

static int visit_keys(const struct stats_sum *sum, dal_stats_visitor visit, void *data)
{
    char made[KEY_BYTES];
    const char *name;
    size_t offset;
    int result = DAL_OK;

    for (size_t i = 0; result == DAL_OK && (name = key_at(i, made, &offset)) != NULL; i++)
        result = visit(name, value_at(sum, offset), data);
    return result;
}

int dal_stats_visit(const struct dal_instance *instance, dal_stats_visitor visit, void *data)
{
    struct stats_instance *layer;
    struct stats_sum sum;

    if (!visit)
        return DAL_ERR_INVALID;
    layer = dal_stats_layer_of_(instance);
    if (!layer)
        return DAL_ERR_UNSUPPORTED;
    dal_stats_sum_(layer, &sum);
    return visit_keys(&sum, visit, data);
}

int dal_stats_file_visit(const void *file, size_t bytes, dal_stats_visitor visit, void *data)
{
    struct stats_sum sum;
    int error = visit ? dal_stats_sum_file_(file, bytes, &sum) : DAL_ERR_INVALID;

    return error ? error : visit_keys(&sum, visit, data);
}
