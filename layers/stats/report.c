/* SPDX-License-Identifier: MIT */
/*
 * The report: one thing a line, keys first, so that it can be read and searched.
 *
 *     dispatchalloc: stats+system in process 4711
 *       live bytes                     0
 *       peak bytes               1048576
 *       calls alloc                  100    0 failed
 *       sizes 32 to 63               100    0 live
 *
 * It is printed at exit by a destructor of the library, after the program's own exit
 * handlers, and on a signal; so nothing here allocates, locks, or calls what is not safe in a
 * signal handler, snprintf included.
 */
#include <string.h>

#include "stats.h"

/* ---- The instances ------------------------------------------------------------------------- */

/* Grows by new ones and never shrinks. Release in dal_stats_enlist_, acquire in readers. */
static _Atomic(struct stats_instance *) newest_instance;

static int fill_again(void *part, void *unused)
{
    (void)unused;
    dal_stats_fill_(part);
    return 0;
}

static void clear(struct stats_instance *instance)
{
    (void)instance->services->thread_record_visit(&instance->record, fill_again, NULL);
    atomic_store_explicit(&instance->shared_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&instance->shared_blocks, 0, memory_order_relaxed);
    atomic_store_explicit(&instance->peak_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&instance->peak_blocks, 0, memory_order_relaxed);
    atomic_store_explicit(&instance->uncounted, 0, memory_order_relaxed);
    atomic_store_explicit(&instance->written_by, 0, memory_order_relaxed);
    instance->family.malloc_function = NULL;
}

struct stats_instance *dal_stats_enlist_(const struct dal_services *services)
{
    struct stats_instance *instance = atomic_load_explicit(&newest_instance, memory_order_acquire);

    for (; instance; instance = instance->older) {
        int unused = STATS_UNUSED;

        if (atomic_compare_exchange_strong_explicit(&instance->state, &unused, STATS_TAKEN,
                                                    memory_order_acquire, memory_order_relaxed)) {
            clear(instance);
            return instance;
        }
    }
    instance = services->pages_map(sizeof *instance);
    if (!instance)
        return NULL;
    instance->services = services;
    if (services->thread_record_open(&instance->record, sizeof(struct stats_counters),
                                     dal_stats_fill_) != 0) {
        services->pages_unmap(instance, sizeof *instance);
        return NULL;
    }
    atomic_store_explicit(&instance->state, STATS_TAKEN, memory_order_relaxed);
    instance->older = atomic_load_explicit(&newest_instance, memory_order_acquire);
    while (!atomic_compare_exchange_weak_explicit(&newest_instance, &instance->older, instance,
                                                  memory_order_release, memory_order_acquire))
        ;
    return instance;
}

void dal_stats_delist_(struct stats_instance *instance)
{
    atomic_store_explicit(&instance->state, STATS_UNUSED, memory_order_release);
}

/* The next one that may be read. */
static struct stats_instance *live_from(struct stats_instance *instance)
{
    while (instance && atomic_load_explicit(&instance->state, memory_order_acquire) != STATS_LIVE)
        instance = instance->older;
    return instance;
}

static struct stats_instance *first_live(void)
{
    return live_from(atomic_load_explicit(&newest_instance, memory_order_acquire));
}

struct stats_instance *dal_stats_latest_with_family_(void)
{
    struct stats_instance *instance = first_live();

    while (instance && !instance->family.malloc_function)
        instance = live_from(instance->older);
    return instance;
}

/* ---- Text ------------------------------------------------------------------------------------ */

/* A report of every operation and every class has less than 5000 bytes. */
struct text {
    size_t length;
    char data[6144];
};

static void put_bytes(struct text *text, const char *bytes, size_t count)
{
    size_t room = sizeof text->data - text->length;

    if (count > room)
        count = room;
    memcpy(text->data + text->length, bytes, count);
    text->length += count;
}

static void put(struct text *text, const char *string)
{
    put_bytes(text, string, strlen(string));
}

static void pad_to(struct text *text, size_t start, size_t column)
{
    while (text->length - start < column && text->length < sizeof text->data)
        text->data[text->length++] = ' ';
}

/* Decimal, right-aligned to a width. */
static void put_number(struct text *text, uint64_t number, size_t width)
{
    char digits[20];
    const char *first = dal_stats_prepend_number_(digits + sizeof digits, number);
    size_t count = (size_t)(digits + sizeof digits - first);

    for (size_t i = count; i < width; i++)
        put_bytes(text, " ", 1);
    put_bytes(text, first, count);
}

enum { KEY_COLUMNS = 30, NUMBER_COLUMNS = 14 };

/* "  key   number", to which more may be added before the end of the line. */
static void put_key(struct text *text, size_t start, uint64_t number)
{
    pad_to(text, start, KEY_COLUMNS);
    put_number(text, number, NUMBER_COLUMNS);
}

static void put_total(struct text *text, const char *key, uint64_t number)
{
    size_t start = text->length;

    put(text, key);
    put_key(text, start, number);
    put(text, "\n");
}

static void put_operation(struct text *text, unsigned index, const struct stats_sum *sum)
{
    static const char *const names[STATS_OPERATIONS] = {
#define NAME(operation, name) [STATS_##operation] = name,
        STATS_OPERATION_LIST(NAME)
#undef NAME
    };
    size_t start = text->length;

    if (!sum->calls[index])
        return;
    put(text, "  calls ");
    put(text, names[index]);
    put_key(text, start, sum->calls[index]);
    put_number(text, sum->failures[index], NUMBER_COLUMNS);
    put(text, " failed\n");
}

static void put_class(struct text *text, unsigned index, const struct stats_sum *sum)
{
    size_t start = text->length;

    if (!sum->obtained[index] && !sum->live[index])
        return;
    put(text, "  sizes ");
    put_number(text, stats_class_first(index), 0);
    put(text, " to ");
    put_number(text, stats_class_last(index), 0);
    put_key(text, start, sum->obtained[index]);
    put_number(text, sum->live[index], NUMBER_COLUMNS);
    put(text, " live\n");
}

static void put_report(struct text *text, const struct stats_instance *instance,
                       const struct stats_sum *sum)
{
    put(text, "dispatchalloc: ");
    put(text, instance->name);
    put(text, " in process ");
    put_number(text, dal_stats_process_(), 0);
    put(text, "\n");
    put_total(text, "  live bytes", sum->totals.live_bytes);
    put_total(text, "  live blocks", sum->totals.live_blocks);
    put_total(text, "  peak bytes", sum->totals.peak_bytes);
    put_total(text, "  peak blocks", sum->totals.peak_blocks);
    if (sum->totals.uncounted)
        put_total(text, "  calls not counted", sum->totals.uncounted);
    for (unsigned i = 0; i < STATS_OPERATIONS; i++)
        put_operation(text, i, sum);
    for (unsigned i = 0; i < STATS_CLASSES; i++)
        put_class(text, i, sum);
}

/* ---- Where to -------------------------------------------------------------------------------- */

/* "%p" is the process, "%%" is '%', and any other '%' is itself. Returns 0 if path is too
 * small. */
static int expand(const char *file, char *path, size_t path_bytes)
{
    struct text text;

    text.length = 0;
    for (; *file; file++) {
        if (file[0] == '%' && file[1] == 'p') {
            put_number(&text, dal_stats_process_(), 0);
            file++;
        } else {
            file += file[0] == '%' && file[1] == '%';
            put_bytes(&text, file, 1);
        }
    }
    if (text.length >= path_bytes)
        return 0;
    memcpy(path, text.data, text.length);
    path[text.length] = '\0';
    return 1;
}

/* Whether this process has written to the file of an instance: then reports are added. */
static int has_written(const char *file, uint64_t process)
{
    struct stats_instance *other = first_live();

    for (; other; other = live_from(other->older)) {
        if (strcmp(other->file, file) == 0 &&
            atomic_load_explicit(&other->written_by, memory_order_relaxed) == process)
            return 1;
    }
    return 0;
}

static void complain(const char *path, int error)
{
    struct text text;
    const char *reason = dal_stats_reason_(error);

    text.length = 0;
    put(&text, "dispatchalloc: stats: cannot write to ");
    put(&text, path);
    put(&text, ": ");
    if (reason) {
        put(&text, reason);
    } else {
        put(&text, "error ");
        put_number(&text, (uint64_t)error, 0);
    }
    /* The path is a text of the spec, and is not to reach a terminal as it is. */
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            text.data[i] = '?';
    }
    put(&text, "\n");
    (void)dal_stats_write_(NULL, 1, text.data, text.length);
}

static void deliver(struct stats_instance *instance, const struct text *text)
{
    uint64_t process = dal_stats_process_();
    char path[STATS_FILE_BYTES * 2];
    int error;

    if (!instance->file[0]) {
        (void)dal_stats_write_(NULL, 1, text->data, text->length);
        return;
    }
    if (!expand(instance->file, path, sizeof path)) {
        complain(instance->file, 0);
        return;
    }
    error = dal_stats_write_(path, has_written(instance->file, process), text->data, text->length);
    if (error)
        complain(path, error);
    else
        atomic_store_explicit(&instance->written_by, process, memory_order_relaxed);
}

static int is_used(const struct stats_sum *sum)
{
    uint64_t calls = sum->totals.uncounted;

    for (unsigned i = 0; i < STATS_OPERATIONS; i++)
        calls += sum->calls[i];
    return calls != 0;
}

/* One write, so that the reports of processes that share a file stay apart. */
static void print(struct stats_instance *instance)
{
    struct stats_sum sum;
    struct text text;

    dal_stats_sum_(instance, &sum);
    if (!is_used(&sum))
        return;
    text.length = 0;
    put_report(&text, instance, &sum);
    deliver(instance, &text);
}

/* ---- When ------------------------------------------------------------------------------------ */

void dal_stats_print_on_signal_(int signal)
{
    for (struct stats_instance *i = first_live(); i; i = live_from(i->older)) {
        if (i->signal == signal)
            print(i);
    }
}

int dal_stats_wants_signal_(int signal)
{
    for (struct stats_instance *i = first_live(); i; i = live_from(i->older)) {
        if (i->signal == signal)
            return 1;
    }
    return 0;
}

/* The lowest priority that a program may use, so that its own destructors run before. */
__attribute__((destructor(101))) static void print_at_exit(void)
{
    for (struct stats_instance *i = first_live(); i; i = live_from(i->older)) {
        if (i->print)
            print(i);
    }
}
