/* SPDX-License-Identifier: MIT */
/*
 * dispatchalloc status --openmetrics: what is counted in the text form that collectors read, as
 * OpenMetrics 1.0 says it. All samples of a family stand together, so that everything is read
 * before anything is printed; nothing in it is made by time, since the collector has its own.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shared/control.h"
#include "tools/status/status.h"

/* ---- Labels ------------------------------------------------------------------------------- */

static void print_label(const char *before, const char *name, const char *value)
{
    printf("%s%s=\"", before, name);
    for (; *value; value++) {
        if (*value == '\n')
            fputs("\\n", stdout);
        else if (*value == '"' || *value == '\\')
            printf("\\%c", *value);
        else
            putchar(*value);
    }
    putchar('"');
}

/* Not UTF-8 would make a collector refuse all of it. */
static const char *cleaned(const char *text)
{
    static char clean[PATH_MAX];

    snprintf(clean, sizeof clean, "%s", text);
    dal_clean_(clean, strlen(clean));
    return clean;
}

/* One more label stands at the end, or none. */
static void begin_sample(const char *name, const struct status_counters *counters, const char *more,
                         const char *value)
{
    char process[32];

    snprintf(process, sizeof process, "%ld", counters->process);
    fputs(name, stdout);
    print_label("{", "process", process);
    print_label(",", "program", cleaned(tool_file_name(counters->program)));
    print_label(",", "name", cleaned(counters->name));
    print_label(",", "label", cleaned(counters->label));
    print_label(",", "file", cleaned(tool_file_name(counters->path)));
    if (more)
        print_label(",", more, value);
    fputs("} ", stdout);
}

/* ---- Families ----------------------------------------------------------------------------- */

/* Those of one key each, or of a key for each operation. */
static const struct family {
    const char *name, *type, *unit, *help;
    const char *key;   /* or what it ends with, the operation being in front */
    const char *label; /* "operation", or NULL */
} families[] = {
    {"live_bytes", "gauge", "bytes", "Bytes in blocks that were not given back.", "live_bytes",
     NULL},
    {"live_blocks", "gauge", "", "Blocks that were not given back.", "live_blocks", NULL},
    {"peak_bytes", "gauge", "bytes", "The most bytes that were live.", "peak_bytes", NULL},
    {"peak_blocks", "gauge", "", "The most blocks that were live.", "peak_blocks", NULL},
    {"uncounted_calls", "counter", "", "Calls without memory to count them in.", "uncounted", NULL},
    {"calls", "counter", "", "Calls of an operation.", ".calls", "operation"},
    {"failures", "counter", "", "Calls that failed.", ".failures", "operation"},
};

static void begin_family(const char *name, const char *type, const char *unit, const char *help)
{
    printf("# TYPE dispatchalloc_%s %s\n", name, type);
    if (*unit)
        printf("# UNIT dispatchalloc_%s %s\n", name, unit);
    printf("# HELP dispatchalloc_%s %s\n", name, help);
}

struct sample {
    const struct family *family;
    const struct status_counters *counters;
};

static int print_sample(const char *key, uint64_t value, void *data)
{
    const struct sample *sample = data;
    const struct family *family = sample->family;
    size_t length = strlen(key), end = strlen(family->key);
    char name[64], operation[64];

    if (length < end || strcmp(key + length - end, family->key) != 0 ||
        (!family->label && length != end))
        return 0;
    snprintf(name, sizeof name, "dispatchalloc_%s%s", family->name,
             strcmp(family->type, "counter") == 0 ? "_total" : "");
    snprintf(operation, sizeof operation, "%.*s", (int)(length - end), key);
    begin_sample(name, sample->counters, family->label, operation);
    printf("%" PRIu64 "\n", value);
    return 0;
}

static void print_family(const struct family *family, struct status_list *list)
{
    begin_family(family->name, family->type, family->unit, family->help);
    for (size_t i = 0; i < list->count; i++) {
        struct sample sample = {family, &list->all[i]};

        (void)dal_stats_file_visit(list->all[i].data, list->all[i].bytes, print_sample, &sample);
    }
}

/* ---- Histograms --------------------------------------------------------------------------- */

/* Those of a key for each range. In a bucket is what is no more than its bound, the last of a
 * range, in the unit of the family. */
static const struct histogram {
    const char *name, *unit, *help, *before, *behind;
    double divisor;
} histograms[] = {
    {"obtained_block_size_bytes", "bytes", "Blocks that were obtained, by size.", "size.",
     ".obtained", 1},
    {"lifetime_seconds", "seconds",
     "Blocks given back of one in 128 that is followed (lifetimes=on), by age.", "lifetime_ns.",
     ".ended", 1e9},
};

struct buckets {
    const struct histogram *histogram;
    const struct status_counters *counters;
    uint64_t sum;
};

static int print_bucket(const char *key, uint64_t value, void *data)
{
    struct buckets *buckets = data;
    const struct histogram *histogram = buckets->histogram;
    size_t before = strlen(histogram->before);
    char *end, bound[40], name[80];
    uint64_t last;

    if (strncmp(key, histogram->before, before) != 0)
        return 0;
    last = strtoull(key + before, &end, 10);
    if (*end == '-')
        last = strtoull(end + 1, &end, 10);
    if (strcmp(end, histogram->behind) != 0)
        return 0;
    buckets->sum += value;
    snprintf(bound, sizeof bound, "%.17g", (double)last / histogram->divisor);
    if (!strpbrk(bound, ".e"))
        strcat(bound, ".0");
    snprintf(name, sizeof name, "dispatchalloc_%s_bucket", histogram->name);
    begin_sample(name, buckets->counters, "le", bound);
    printf("%" PRIu64 "\n", buckets->sum);
    return 0;
}

static void print_histogram(const struct histogram *histogram, struct status_list *list)
{
    char name[80];

    begin_family(histogram->name, "histogram", histogram->unit, histogram->help);
    for (size_t i = 0; i < list->count; i++) {
        struct buckets buckets = {histogram, &list->all[i], 0};

        (void)dal_stats_file_visit(list->all[i].data, list->all[i].bytes, print_bucket, &buckets);
        snprintf(name, sizeof name, "dispatchalloc_%s_bucket", histogram->name);
        begin_sample(name, &list->all[i], "le", "+Inf");
        printf("%" PRIu64 "\n", buckets.sum);
    }
}

/* ---- All ---------------------------------------------------------------------------------- */

static void print_resident(struct status_list *list)
{
    begin_family("resident_anonymous_bytes", "gauge", "bytes",
                 "Resident memory of a running process that no file is behind.");
    for (size_t i = 0; i < list->count; i++) {
        if (!list->all[i].anonymous_bytes)
            continue;
        begin_sample("dispatchalloc_resident_anonymous_bytes", &list->all[i], NULL, NULL);
        printf("%" PRIu64 "\n", list->all[i].anonymous_bytes);
    }
}

static void print_running(struct status_list *list)
{
    begin_family("running", "gauge", "", "1 if the process counts there, else 0.");
    for (size_t i = 0; i < list->count; i++) {
        begin_sample("dispatchalloc_running", &list->all[i], NULL, NULL);
        puts(list->all[i].state == STATUS_RUNNING ? "1" : "0");
    }
}

void status_openmetrics(struct status_list *list)
{
    print_running(list);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        print_family(&families[i], list);
    print_resident(list);
    for (size_t i = 0; i < sizeof histograms / sizeof *histograms; i++)
        print_histogram(&histograms[i], list);
    puts("# EOF");
}
