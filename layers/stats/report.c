/* SPDX-License-Identifier: MIT */
/*
 * The instances, and the report: one thing a line, keys first, so that it can be read and searched.
 *
 *     dispatchalloc: stats+system in process 4711 (name)
 *       live bytes                     0
 *       peak bytes               1048576
 *       calls alloc                  100    0 failed
 *       sizes 32 to 63               100    0 live
 *
 * It is written at exit by a destructor of the library, after the program's own exit handlers. For
 * an instance that counts in a file that is stores alone.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stats.h"

/* ---- The instances ------------------------------------------------------------------------- */

struct layer_instances dal_stats_instances_;

/* ---- Text ------------------------------------------------------------------------------------ */

/* A report of every operation and every class has less than 9700 bytes. */
struct text {
    size_t length;
    char data[STATS_REPORT_BYTES];
};

DAL_ATTRIBUTE_PRINTF_(2, 3) static void put(struct text *text, const char *format, ...)
{
    size_t room = sizeof text->data - text->length;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text->data + text->length, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        text->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* "  key   number", to which more may be added before the end of the line. */
static void put_key(struct text *text, const char *key, uint64_t number)
{
    put(text, "  %-28s%14" PRIu64, key, number);
}

static void put_total(struct text *text, const char *key, uint64_t number)
{
    put_key(text, key, number);
    put(text, "\n");
}

static void put_operation(struct text *text, unsigned index, const struct stats_sum *sum)
{
    static const char *const names[STATS_OPERATIONS] = {
#define NAME(operation, name) [STATS_##operation] = "calls " name,
        STATS_OPERATION_LIST(NAME)
#undef NAME
    };

    if (!sum->calls[index])
        return;
    put_key(text, names[index], sum->calls[index]);
    put(text, "%14" PRIu64 " failed\n", sum->failures[index]);
}

static void put_class(struct text *text, unsigned index, const struct stats_sum *sum)
{
    char key[64];

    if (!sum->obtained[index] && !sum->live[index])
        return;
    (void)snprintf(key, sizeof key, "sizes %" PRIu64 " to %" PRIu64, stats_class_first(index),
                   stats_class_last(index));
    put_key(text, key, sum->obtained[index]);
    put(text, "%14" PRIu64 " live\n", sum->live[index]);
}

static void put_lifetime(struct text *text, unsigned index, const struct stats_sum *sum)
{
    char key[64];

    if (!sum->ended[index] && !sum->lost[index])
        return;
    (void)snprintf(key, sizeof key, "lifetimes %" PRIu64 " to %" PRIu64 " ns",
                   stats_class_first(index), stats_class_last(index));
    put_key(text, key, sum->ended[index]);
    put(text, "%14" PRIu64 " lost\n", sum->lost[index]);
}

static int is_in_file(const struct stats_instance *instance)
{
    return atomic_load_explicit(&instance->file_state, memory_order_acquire) == STATS_FILE_MADE;
}

static void put_title(struct text *text, const struct stats_instance *instance)
{
    char here[STATS_PROCESS_BYTES];
    const char *process = here;

    if (is_in_file(instance))
        process = instance->file->process;
    else
        (void)instance->services->process_name(here, sizeof here);
    put(text, "dispatchalloc: " STATS_TITLE " in process %s", STATS_TITLE_OF(instance->shared),
        process);
    /* The label is a text of the spec, the name the program's. */
    instance->services->clean(text->data, text->length);
    put(text, "\n");
}

static void put_report(struct text *text, const struct stats_instance *instance,
                       const struct stats_sum *sum)
{
    const struct dal_stats *totals = &sum->totals;

    put_title(text, instance);
    put_total(text, "live bytes", totals->live_bytes);
    put_total(text, "live blocks", totals->live_blocks);
    put_total(text, "peak bytes", totals->peak_bytes);
    put_total(text, "peak blocks", totals->peak_blocks);
    if (totals->uncounted)
        put_total(text, "calls not counted", totals->uncounted);
    for (unsigned i = 0; i < STATS_OPERATIONS; i++)
        put_operation(text, i, sum);
    for (unsigned i = 0; i < STATS_CLASSES; i++)
        put_class(text, i, sum);
    for (unsigned i = 0; i < STATS_CLASSES; i++)
        put_lifetime(text, i, sum);
}

static int is_used(const struct stats_sum *sum)
{
    uint64_t calls = sum->totals.uncounted;

    for (unsigned i = 0; i < STATS_OPERATIONS; i++)
        calls += sum->calls[i];
    return calls != 0;
}

/* One write, so that the reports of processes that share a file stay apart. */
void dal_stats_print_(struct stats_instance *instance)
{
    struct stats_sum sum;
    struct text text;

    dal_stats_sum_(instance, &sum);
    /* The child of a fork that has allocated nothing has nothing to tell, nor where. */
    if (!is_used(&sum) || (instance->prints_to_file && !is_in_file(instance)))
        return;
    text.length = 0;
    put_report(&text, instance, &sum);
    if (instance->prints_to_file)
        memcpy(instance->file->report, text.data, text.length);
    else
        instance->services->text(text.data, text.length);
}

/* The lowest priority that a program may use, so that its own destructors run before. */
__attribute__((destructor(101))) static void print_at_exit(void)
{
    for (struct layer_instance *i = dal_layer_newest_at_exit_(&dal_stats_instances_); i;
         i = dal_layer_older_(i)) {
        struct stats_instance *instance = (struct stats_instance *)i;

        if (instance->print)
            dal_stats_print_(instance);
    }
}
