/* SPDX-License-Identifier: MIT */
/*
 * What is still live, by the stacks of the calls that have made it, most bytes first. Whether
 * anything still points to it is not looked at.
 */
#include <errno.h>
#include <inttypes.h>

#include "debug.h"

enum { PLACES_TOLD = 20, PLACES_MAX = 1 << 16 };

/* Live blocks of one stack; none where there is nothing. */
struct place {
    uint64_t blocks, bytes;
    uint32_t stack;
    enum debug_call_name made;
};

struct live {
    struct place *places;
    size_t room; /* a power of two */
    struct place all, suppressed, others;
    size_t other_count;
};

static void add(struct place *to, uint64_t blocks, uint64_t bytes)
{
    to->blocks += blocks;
    to->bytes += bytes;
}

static int count_block(const struct debug_block *block, void *data)
{
    struct live *live = data;

    if (block->state == DEBUG_KEY_LIVE)
        add(&live->all, 1, debug_size(block->word));
    return 0;
}

/* What finds no place any more is told in the sum of the others. */
static int add_block(const struct debug_block *block, void *data)
{
    struct live *live = data;
    size_t home = (size_t)(debug_hash(block->stack) >> 40);

    if (block->state != DEBUG_KEY_LIVE)
        return 0;
    for (size_t i = 0; i < live->room; i++) {
        struct place *place = &live->places[(home + i) & (live->room - 1)];

        if (place->blocks &&
            (place->stack != block->stack || place->made != debug_made(block->word)))
            continue;
        place->stack = block->stack;
        place->made = debug_made(block->word);
        add(place, 1, debug_size(block->word));
        return 0;
    }
    add(&live->others, 1, debug_size(block->word));
    return 0;
}

static void suppress(const struct debug_instance *instance, struct live *live)
{
    for (size_t i = 0; i < live->room && instance->suppressions; i++) {
        struct place *place = &live->places[i];

        if (!place->blocks || !dal_debug_is_suppressed_(instance, place->stack))
            continue;
        add(&live->suppressed, place->blocks, place->bytes);
        place->blocks = place->bytes = 0;
    }
}

/* The place with the most bytes, or of as many with the most blocks; NULL when none is left. */
static struct place *largest(struct live *live)
{
    struct place *found = NULL;

    for (size_t i = 0; i < live->room; i++) {
        struct place *place = &live->places[i];

        if (place->blocks && (!found || place->bytes > found->bytes ||
                              (place->bytes == found->bytes && place->blocks > found->blocks)))
            found = place;
    }
    return found;
}

static void put_sum(struct layer_report *text, const struct place *sum)
{
    dal_layer_report_put_(text, "%" PRIu64 " block%s, of %" PRIu64 " byte%s,", sum->blocks,
                          sum->blocks == 1 ? "" : "s", sum->bytes, sum->bytes == 1 ? "" : "s");
}

static void put_places(struct layer_report *text, struct live *live)
{
    struct place *place;

    for (int i = 0; i < PLACES_TOLD && (place = largest(live)) != NULL; i++) {
        dal_layer_report_put_(text, "  ");
        put_sum(text, place);
        dal_layer_report_put_(text, " from %s:\n", dal_debug_call_name_(place->made));
        dal_layer_report_put_stack_(text, place->stack);
        place->blocks = 0;
    }
    for (; (place = largest(live)) != NULL; place->blocks = 0, live->other_count++)
        add(&live->others, place->blocks, place->bytes);
    if (!live->others.blocks)
        return;
    dal_layer_report_put_(text, "  ");
    put_sum(text, &live->others);
    dal_layer_report_put_(text, " from %zu other places\n", live->other_count);
}

static void put_live(struct layer_report *text, const struct debug_instance *instance,
                     struct live *live, const char *when)
{
    struct place told = {live->all.blocks - live->suppressed.blocks,
                         live->all.bytes - live->suppressed.bytes, 0, DEBUG_NONE};

    dal_layer_report_put_(text, "%s: ", instance->name);
    put_sum(text, &told);
    dal_layer_report_put_(text, " %s still live %s", told.blocks == 1 ? "is" : "are", when);
    if (live->suppressed.blocks) {
        dal_layer_report_put_(text, "; ");
        put_sum(text, &live->suppressed);
        dal_layer_report_put_(text, " suppressed");
    }
    dal_layer_report_put_(text, "\n");
    put_places(text, live);
}

void dal_debug_tell_live_(struct debug_instance *instance, const char *when)
{
    struct live live = {.room = 1};
    struct layer_report text;
    int saved_errno = errno;

    (void)dal_debug_register_visit_(&instance->blocks, count_block, &live);
    if (!live.all.blocks)
        return;
    while (live.room < 2 * live.all.blocks && live.room < PLACES_MAX)
        live.room *= 2;
    live.places = instance->services->pages_map(live.room * sizeof *live.places);
    if (!live.places)
        live.room = 0;
    /* Where other threads go on, there may be more now than were counted. */
    live.all = (struct place){0, 0, 0, DEBUG_NONE};
    (void)dal_debug_register_visit_(&instance->blocks, add_block, &live);
    for (size_t i = 0; i < live.room; i++)
        add(&live.all, live.places[i].blocks, live.places[i].bytes);
    add(&live.all, live.others.blocks, live.others.bytes);
    suppress(instance, &live);
    if (live.all.blocks > live.suppressed.blocks &&
        dal_layer_report_begin_(&text, instance->services, "debug", 0)) {
        put_live(&text, instance, &live, when);
        dal_layer_report_end_(&text);
    }
    instance->services->pages_unmap(live.places, live.room * sizeof *live.places);
    errno = saved_errno;
}
