/* SPDX-License-Identifier: MIT */
/*
 * What is still live, and what of that nothing points to any more, by the stacks of the calls that
 * have made it, most bytes first.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "debug.h"

/* A place is looked for in so many of the table, lest one that is full cost its length each time.
 */
enum { PLACES_TOLD = 20, PLACES_MAX = 1 << 16, PLACES_TRIED = 256 };

/* Blocks of one stack; none where there is nothing. */
struct place {
    uint64_t blocks, bytes;
    uint32_t stack;
    enum debug_call_name made;
    enum dal_reach reach; /* DAL_REACHED also where that was not looked at */
    int is_suppressed;
};

struct live {
    struct place *places;
    size_t room; /* a power of two */
    struct place all, suppressed, others;
    int is_full; /* the others are of places that were not counted */
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

static int is_of(const struct place *place, const struct debug_block *block, enum dal_reach reach)
{
    return place->stack == block->stack && place->made == debug_made(block->word) &&
           place->reach == reach;
}

/* The place of a block, with no blocks if it is new; or NULL if there is no room for it. */
static struct place *place_of(const struct live *live, const struct debug_block *block,
                              enum dal_reach reach)
{
    size_t home = (size_t)(debug_hash(block->stack + (uint64_t)reach) >> 40);

    for (size_t i = 0; i < live->room && i < PLACES_TRIED; i++) {
        struct place *place = &live->places[(home + i) & (live->room - 1)];

        if (!place->blocks || is_of(place, block, reach))
            return place;
    }
    return NULL;
}

/* What finds no place any more is told in the sum of the others. */
static void add_reached(struct live *live, const struct debug_block *block, enum dal_reach reach)
{
    struct place *place = place_of(live, block, reach);

    add(&live->all, 1, debug_size(block->word));
    if (!place) {
        add(&live->others, 1, debug_size(block->word));
        live->is_full = 1;
        return;
    }
    place->stack = block->stack;
    place->made = debug_made(block->word);
    place->reach = reach;
    add(place, 1, debug_size(block->word));
}

static int add_block(const struct debug_block *block, void *data)
{
    if (block->state == DEBUG_KEY_LIVE)
        add_reached(data, block, DAL_REACHED);
    return 0;
}

/* Where other threads go on there may be more by and by than there were. */
static uint64_t count_blocks(struct debug_instance *instance)
{
    struct live live = {.room = 0};

    (void)dal_debug_register_visit_(&instance->blocks, count_block, &live);
    return live.all.blocks;
}

static void make_places(struct debug_instance *instance, struct live *live, uint64_t blocks)
{
    *live = (struct live){.room = 1};
    while (live->room < 2 * blocks && live->room < PLACES_MAX)
        live->room *= 2;
    live->places = instance->services->pages_map(live->room * sizeof *live->places);
    if (!live->places)
        live->room = 0;
}

static void unmake_places(struct debug_instance *instance, struct live *live)
{
    instance->services->pages_unmap(live->places, live->room * sizeof *live->places);
}

static void suppress(const struct debug_instance *instance, struct live *live)
{
    for (size_t i = 0; i < live->room && instance->suppressions; i++) {
        struct place *place = &live->places[i];

        if (!place->blocks || !dal_debug_is_suppressed_(instance, place->stack))
            continue;
        add(&live->suppressed, place->blocks, place->bytes);
        place->is_suppressed = 1;
    }
}

static int is_told(const struct place *place)
{
    return place->blocks && !place->is_suppressed;
}

/* The place with the most bytes, or of as many with the most blocks; NULL when none is left. */
static struct place *largest(struct live *live)
{
    struct place *found = NULL;

    for (size_t i = 0; i < live->room; i++) {
        struct place *place = &live->places[i];

        if (is_told(place) && (!found || place->bytes > found->bytes ||
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

static const char *const reach_words[] = {
    [DAL_REACHED] = "",
    [DAL_LEAKED] = " leaked directly,",
    [DAL_LEAKED_INDIRECTLY] = " leaked indirectly,",
};

/* So much room is kept for the line of the others. */
enum { OTHERS_BYTES = 256 };

/* What is left of the places; there may be tens of thousands. */
static void put_others(struct layer_report *text, struct live *live)
{
    size_t count = 0;

    for (size_t i = 0; i < live->room; i++) {
        const struct place *place = &live->places[i];

        if (!is_told(place))
            continue;
        count++;
        add(&live->others, place->blocks, place->bytes);
    }
    if (!live->others.blocks)
        return;
    dal_layer_report_put_(text, "  ");
    put_sum(text, &live->others);
    dal_layer_report_put_(text, " from %s%zu other places\n", live->is_full ? "more than " : "",
                          count);
}

static void put_place(struct layer_report *text, const struct place *place)
{
    dal_layer_report_put_(text, "  ");
    put_sum(text, place);
    dal_layer_report_put_(text, "%s from %s:\n", reach_words[place->reach],
                          dal_debug_call_name_(place->made));
    dal_layer_report_put_stack_(text, place->stack);
}

/* As many as there is room for in whole. */
static void put_places(struct layer_report *text, struct live *live)
{
    const size_t room = text->room;
    struct place *place;

    text->room -= OTHERS_BYTES;
    for (int i = 0; i < PLACES_TOLD && (place = largest(live)) != NULL; i++) {
        size_t length = text->length;

        put_place(text, place);
        if (text->length == text->room - 1) {
            text->length = length;
            break;
        }
        place->blocks = place->bytes = 0;
    }
    text->room = room;
    put_others(text, live);
}

/* what: " still live at exit", for example. */
static void put_live(struct layer_report *text, const struct debug_instance *instance,
                     struct live *live, const char *what)
{
    struct place told = {.blocks = live->all.blocks - live->suppressed.blocks,
                         .bytes = live->all.bytes - live->suppressed.bytes};

    dal_layer_report_put_(text, "%s: ", instance->name);
    put_sum(text, &told);
    dal_layer_report_put_(text, " %s %s", told.blocks == 1 ? "is" : "are", what);
    if (live->suppressed.blocks) {
        dal_layer_report_put_(text, "; ");
        put_sum(text, &live->suppressed);
        dal_layer_report_put_(text, " suppressed");
    }
    dal_layer_report_put_(text, "\n");
    put_places(text, live);
}

static void tell(struct debug_instance *instance, struct live *live, const char *what)
{
    struct layer_report text;

    if (live->all.blocks > live->suppressed.blocks && dal_debug_report_begin_(&text, instance)) {
        put_live(&text, instance, live, what);
        dal_layer_report_end_(&text);
    }
}

struct debug_sum dal_debug_tell_live_(struct debug_instance *instance, const char *when)
{
    struct live live;
    struct debug_sum told = {0, 0};
    char what[64];
    int saved_errno = errno;
    uint64_t blocks = count_blocks(instance);

    if (!blocks)
        return told;
    make_places(instance, &live, blocks);
    (void)dal_debug_register_visit_(&instance->blocks, add_block, &live);
    suppress(instance, &live);
    told = (struct debug_sum){live.all.blocks - live.suppressed.blocks,
                              live.all.bytes - live.suppressed.bytes};
    (void)snprintf(what, sizeof what, "still live %s", when);
    tell(instance, &live, what);
    unmake_places(instance, &live);
    errno = saved_errno;
    return told;
}

/* ---- What nothing points to ------------------------------------------------------------------ */

/* Parts of memory, in pages of their own, and what is known of those that are blocks. */
struct parts {
    const struct dal_services *services;
    struct dal_memory_part *parts;
    struct debug_block *blocks; /* NULL where the parts are none */
    size_t count, room;         /* the count may be larger: there was no room for the rest */
};

/* Both lists. What makes them is called while all threads stand, wherever they were. */
struct lists {
    struct dal_leak_lists asked; /* first */
    struct debug_instance *instance;
    struct parts blocks, tables;
    const struct live *suppressed; /* places, some of which are; or NULL */
};

/* Pages that are not touched cost nothing. */
static int make_parts(struct parts *parts, const struct dal_services *services, size_t room,
                      int are_blocks)
{
    *parts = (struct parts){.services = services, .room = room};
    parts->parts = services->pages_map(room * sizeof *parts->parts);
    if (are_blocks)
        parts->blocks = services->pages_map(room * sizeof *parts->blocks);
    return parts->parts && (parts->blocks || !are_blocks);
}

/* Also what is not made. */
static void unmake_parts(struct parts *parts)
{
    if (!parts->services)
        return;
    parts->services->pages_unmap(parts->parts, parts->room * sizeof *parts->parts);
    parts->services->pages_unmap(parts->blocks, parts->room * sizeof *parts->blocks);
}

static void put_part(struct parts *parts, uintptr_t address, size_t bytes, enum dal_reach reach)
{
    if (parts->count < parts->room)
        parts->parts[parts->count] = (struct dal_memory_part){address, bytes, reach};
    parts->count++;
}

static int is_of_suppressed(const struct live *live, const struct debug_block *block)
{
    for (enum dal_reach reach = DAL_LEAKED; reach <= DAL_LEAKED_INDIRECTLY; reach++) {
        const struct place *place = place_of(live, block, reach);

        if (place && place->blocks && place->is_suppressed)
            return 1;
    }
    return 0;
}

/* One that a thread has, to resize it as a rule, may be all that holds others meanwhile. */
static int put_block(const struct debug_block *block, void *data)
{
    struct lists *lists = data;
    struct parts *blocks = &lists->blocks;
    int is_held = block->state == DEBUG_KEY_GOING ||
                  (lists->suppressed && is_of_suppressed(lists->suppressed, block));

    if (block->state != DEBUG_KEY_LIVE && block->state != DEBUG_KEY_GOING)
        return 0;
    if (blocks->count < blocks->room) {
        blocks->blocks[blocks->count] = *block;
        blocks->blocks[blocks->count].address = 0;
    }
    put_part(blocks, block->address, debug_size(block->word), is_held ? DAL_HELD : DAL_REACHED);
    return 0;
}

/* The tables of all instances have addresses of blocks in them. */
static void put_tables(struct parts *parts)
{
    struct debug_instance *other = dal_debug_next_instance_(NULL);

    for (; other; other = dal_debug_next_instance_(other)) {
        struct debug_level *level =
            atomic_load_explicit(&other->blocks.newest, memory_order_acquire);

        for (; level; level = level->older)
            put_part(parts, (uintptr_t)level, level->bytes, DAL_REACHED);
        put_part(parts, (uintptr_t)other->tables, sizeof *other->tables, DAL_REACHED);
        put_part(parts, (uintptr_t)other->quarantine.addresses, other->quarantine.mapping_bytes,
                 DAL_REACHED);
    }
}

static int make_lists(struct dal_leak_lists *asked)
{
    struct lists *lists = (struct lists *)(void *)asked;
    struct parts *blocks = &lists->blocks, *tables = &lists->tables;

    blocks->count = tables->count = 0;
    (void)dal_debug_register_visit_(&lists->instance->blocks, put_block, lists);
    put_tables(tables);
    put_part(tables, (uintptr_t)blocks->blocks, blocks->room * sizeof *blocks->blocks, DAL_REACHED);
    if (blocks->count > blocks->room || tables->count > tables->room)
        return -1;
    asked->blocks = blocks->parts;
    asked->block_count = blocks->count;
    asked->apart = tables->parts;
    asked->apart_count = tables->count;
    return 0;
}

/* 1, or 0 with the reason. Addresses that are left in the list would hold the blocks of a search by
 * another thread. */
static int search(struct lists *lists, const void *stack, const char **reason)
{
    struct parts *blocks = &lists->blocks;
    int error = lists->instance->services->leaks_find(&lists->asked, stack, reason);

    for (size_t i = 0; i < blocks->count && i < blocks->room; i++)
        blocks->parts[i].address = 0;
    return !error;
}

/* Why it was not done, or NULL. count: how many blocks there are, to which others may come. */
static const char *find_leaks(struct lists *lists, uint64_t count, const void *stack)
{
    enum { TABLES_MAX = 1024, ROOM_MORE = 1 << 16 };
    const struct dal_services *services = lists->instance->services;
    const char *reason = "there is no memory to search with";

    lists->asked.make = make_lists;
    if (make_parts(&lists->blocks, services, 2 * (size_t)count + ROOM_MORE, 1) &&
        make_parts(&lists->tables, services, TABLES_MAX, 0) && search(lists, stack, &reason))
        return NULL;
    return reason;
}

static void add_leaks(const struct parts *blocks, struct live *live)
{
    for (size_t i = 0; i < blocks->count; i++) {
        enum dal_reach reach = (enum dal_reach)blocks->parts[i].reach;

        if (reach == DAL_LEAKED || reach == DAL_LEAKED_INDIRECTLY)
            add_reached(live, &blocks->blocks[i], reach);
    }
}

static void sum_leaks(struct debug_instance *instance, const struct parts *blocks,
                      struct live *live)
{
    make_places(instance, live, blocks->count);
    add_leaks(blocks, live);
    suppress(instance, live);
}

/* What suppressed ones hold is not to be told: with them as held it is reached. Where that cannot
 * be done the first search stands. */
static void search_again(struct lists *lists, const void *stack, struct live *live)
{
    struct live again;
    const char *reason;

    lists->suppressed = live;
    if (!search(lists, stack, &reason))
        return;
    sum_leaks(lists->instance, &lists->blocks, &again);
    add(&again.suppressed, live->suppressed.blocks, live->suppressed.bytes);
    add(&again.all, live->suppressed.blocks, live->suppressed.bytes);
    unmake_places(lists->instance, live);
    *live = again;
}

static struct debug_sum tell_leaks(struct lists *lists, const void *stack, const char *when)
{
    struct live live;
    struct debug_sum told;
    char what[64];

    sum_leaks(lists->instance, &lists->blocks, &live);
    if (live.suppressed.blocks)
        search_again(lists, stack, &live);
    told = (struct debug_sum){live.all.blocks - live.suppressed.blocks,
                              live.all.bytes - live.suppressed.bytes};
    (void)snprintf(what, sizeof what, "leaked: nothing points there %s", when);
    tell(lists->instance, &live, what);
    unmake_places(lists->instance, &live);
    return told;
}

int dal_debug_tell_leaks_(struct debug_instance *instance, const void *stack, const char *when,
                          struct debug_sum *told)
{
    const struct dal_services *services = instance->services;
    const char *reason;
    int saved_errno = errno;
    uint64_t count = count_blocks(instance);
    struct lists lists = {.instance = instance};

    *told = (struct debug_sum){0, 0};
    if (!count)
        return 1;
    reason = find_leaks(&lists, count, stack);
    if (!reason) {
        *told = tell_leaks(&lists, stack, when);
    } else {
        services->line("debug[%" PRIu64 "]: %s: leaks cannot be searched for: %s; what is still "
                       "live is told",
                       services->process(), instance->name, reason);
        *told = dal_debug_tell_live_(instance, when);
    }
    unmake_parts(&lists.blocks);
    unmake_parts(&lists.tables);
    errno = saved_errno;
    return !reason;
}
