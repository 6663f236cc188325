/* SPDX-License-Identifier: MIT */
/*
 * The register of blocks: levels, and what goes beyond the first line. See register.h.
 *
 * A record goes into the line that its address hashes to, in the newest level, where there is room;
 * else into one of the three other lines of the same group of four, else into an older level by the
 * same rule, and at last into one of the lines behind the group in the newest. Who looks a block up
 * goes the same way, and leaves a level at the first line that nothing has passed, or behind the
 * group when nothing went beyond that: lines are passed sooner or later, few groups are. Nearly all
 * that comes and goes quickly is thus in the first line. When a group of the newest level is full
 * every so often, a sample tells how full the whole is: from three quarters on there is a new
 * level, as large as all before it. What is full is then three eighths, in records of 21 1/3 bytes:
 * 57 bytes a live block. Where there are few pages left a smaller level will do; only where there
 * is none, and no line has room, is a block not registered.
 *
 * Chosen over buckets that are split (linear hashing): a split moves records, and a record that
 * moves cannot be taken by one exchange, nor be found by a thread in between without waiting for
 * another one, which a fork may have left behind.
 *
 * No lock. A thread that a fork has left behind in the middle leaves a record that is FILLING,
 * whose block nobody has, or GOING, whose block nobody can give back: in the child both stay as
 * they are, and stop nobody.
 *
 * What pairs with what:
 *   a key, from FILLING to an address   release   debug_record_put()
 *                                       acquire   the exchange of debug_register_take_home(); the
 * look of dal_debug_register_look_() and _visit_() that word and stack are there. Who gives a block
 * back has its address from who allocated it by the program's own order; the acquire is for a
 * program that has none. a key, from GOING to FREE           release   debug_record_release()
 * acquire   the exchange to FILLING that who had the record has read it before another writes it.
 * `newest` acquire-release, the exchange of grow() acquire, debug_home() and every walk the members
 * of a level, and of older ones by the chain of exchanges. Its lines are zero as the system gives
 * them. `passed`                            relaxed: stored before the key of what has passed, and
 * that is what a thread which has the address is behind of `crowded` relaxed, a number
 */
#include "register.h"

#include <dispatchalloc/error.h>

enum { GROUP_LINES = 4, REACH_LINES = 64, FIRST_LINES = 1024, LEAST_LINES = 64, SAMPLES = 256 };

static struct debug_level *newest_of(struct debug_register *blocks)
{
    return atomic_load_explicit(&blocks->newest, memory_order_acquire);
}

/* The n-th line of a hash, less than REACH_LINES: those of the home's group first, from the home
 * on, and then those behind the group. */
static struct debug_line *line_at(struct debug_level *level, uint64_t hash, size_t n)
{
    const size_t in_group = GROUP_LINES - 1;
    size_t home = (size_t)(hash >> level->shift);
    size_t at =
        n < GROUP_LINES ? (home & ~in_group) | ((home + n) & in_group) : (home & ~in_group) + n;

    return debug_lines(level) + (at & (level->line_count - 1));
}

/* What is noted of a line is never taken back, and stored before the key that it is about. */
static void note_passed(struct debug_line *line, uint32_t what)
{
    if (!(atomic_load_explicit(&line->passed, memory_order_relaxed) & what))
        atomic_fetch_or_explicit(&line->passed, what, memory_order_relaxed);
}

static int has_passed(const struct debug_line *line, uint32_t what)
{
    return (atomic_load_explicit(&line->passed, memory_order_relaxed) & what) != 0;
}

static struct debug_line *group_of(struct debug_level *level, uint64_t hash)
{
    return debug_lines(level) + ((size_t)(hash >> level->shift) & ~(size_t)(GROUP_LINES - 1));
}

/* Whether no record of a hash is behind its n-th line. */
static int is_last(struct debug_level *level, uint64_t hash, size_t n)
{
    return !has_passed(line_at(level, hash, n), DEBUG_PASSED_LINE) ||
           (n == GROUP_LINES - 1 && !has_passed(group_of(level, hash), DEBUG_PASSED_GROUP));
}

static uint64_t key_at(const struct debug_line *line, unsigned index)
{
    return atomic_load_explicit(&line->keys[index], memory_order_acquire);
}

/* ---- Levels -------------------------------------------------------------------------------- */

static struct debug_level *make_level(const struct dal_services *services, size_t line_count)
{
    size_t bytes = sizeof(struct debug_level) + line_count * sizeof(struct debug_line);
    struct debug_level *level = services->pages_map(bytes);

    if (!level)
        return NULL;
    level->bytes = bytes;
    level->line_count = line_count;
    level->shift = 64 - (unsigned)__builtin_ctzll(line_count);
    level->home_shift = level->shift - (unsigned)__builtin_ctz(sizeof(struct debug_line));
    return level;
}

int dal_debug_register_open_(struct debug_register *blocks, const struct dal_services *services)
{
    struct debug_level *level = make_level(services, FIRST_LINES);

    blocks->services = services;
    atomic_store_explicit(&blocks->newest, level, memory_order_release);
    return level ? 0 : DAL_ERR_MEMORY;
}

void dal_debug_register_close_(struct debug_register *blocks)
{
    struct debug_level *level = newest_of(blocks);

    while (level) {
        struct debug_level *older = level->older;

        blocks->services->pages_unmap(level, level->bytes);
        level = older;
    }
}

size_t dal_debug_register_bytes_(struct debug_register *blocks)
{
    size_t bytes = 0;

    for (const struct debug_level *level = newest_of(blocks); level; level = level->older)
        bytes += level->bytes;
    return bytes;
}

/* A level as large as all that are there, or what there is memory for. Where another thread has
 * grown the register meanwhile, that will do. Returns 0 if there is no memory. */
static int grow(struct debug_register *blocks, struct debug_level *newest)
{
    struct debug_level *level = NULL;
    size_t lines = 0;

    if (newest_of(blocks) != newest)
        return 1;
    for (const struct debug_level *i = newest; i; i = i->older)
        lines += i->line_count;
    /* A power of two also after a level that was smaller. */
    lines = (size_t)1 << (63 - __builtin_clzll(lines));
    for (; !level && lines >= LEAST_LINES; lines /= 2)
        level = make_level(blocks->services, lines);
    if (!level)
        return 0;
    level->older = newest;
    if (!atomic_compare_exchange_strong_explicit(&blocks->newest, &newest, level,
                                                 memory_order_acq_rel, memory_order_acquire))
        blocks->services->pages_unmap(level, level->bytes);
    return 1;
}

/* How many records of a level are taken, in 256ths, by some lines of it. */
static size_t sample(struct debug_level *level)
{
    size_t taken = 0;

    for (size_t i = 0; i < SAMPLES; i++) {
        const struct debug_line *line = debug_lines(level) + (debug_hash(i + 1) >> level->shift);

        for (unsigned j = 0; j < DEBUG_LINE_RECORDS; j++)
            taken += key_at(line, j) != DEBUG_KEY_FREE;
    }
    return taken * 256 / (SAMPLES * DEBUG_LINE_RECORDS);
}

/* Whether three quarters of all records are taken. */
static int is_full(struct debug_level *newest)
{
    uint64_t lines = 0, taken = 0;

    for (struct debug_level *level = newest; level; level = level->older) {
        lines += level->line_count;
        taken += (uint64_t)level->line_count * sample(level);
    }
    return taken >= lines * 192;
}

/* A group of the newest level was full, as happens to some long before all are. */
static int is_time_to_grow(struct debug_level *newest)
{
    uint32_t often = (uint32_t)(newest->line_count / 16);
    uint32_t count = atomic_fetch_add_explicit(&newest->crowded, 1, memory_order_relaxed) + 1;

    return count % often == 0 && is_full(newest);
}

/* ---- Adding and taking --------------------------------------------------------------------- */

static int add_to_line(struct debug_line *line, uint64_t key, uint64_t word, uint32_t stack)
{
    for (unsigned i = 0; i < DEBUG_LINE_RECORDS; i++) {
        uint64_t there = atomic_load_explicit(&line->keys[i], memory_order_relaxed);

        if (there == DEBUG_KEY_FREE &&
            atomic_compare_exchange_strong_explicit(&line->keys[i], &there, DEBUG_KEY_FILLING,
                                                    memory_order_acquire, memory_order_relaxed)) {
            debug_record_put((struct debug_record){line, i}, key, word, stack);
            return 1;
        }
    }
    return 0;
}

/* Into a line from one on and up to another. */
static int add_to_level(struct debug_level *level, size_t first, size_t end, uint64_t key,
                        uint64_t word, uint32_t stack)
{
    uint64_t hash = debug_hash(key);

    if (first >= GROUP_LINES)
        note_passed(group_of(level, hash), DEBUG_PASSED_GROUP);
    for (size_t n = first; n < end; n++) {
        struct debug_line *line = line_at(level, hash, n);

        if (add_to_line(line, key, word, stack))
            return 1;
        note_passed(line, DEBUG_PASSED_LINE);
    }
    return 0;
}

/* Into the group of any level; then, since there is room as a whole, into the newest beyond that.
 */
static int add_anywhere(struct debug_level *newest, uint64_t key, uint64_t word, uint32_t stack)
{
    for (struct debug_level *level = newest; level; level = level->older) {
        if (add_to_level(level, 0, GROUP_LINES, key, word, stack))
            return 1;
    }
    return add_to_level(newest, GROUP_LINES, REACH_LINES, key, word, stack);
}

int dal_debug_register_add_(struct debug_register *blocks, uint64_t key, uint64_t word,
                            uint32_t stack)
{
    struct debug_level *newest = newest_of(blocks);

    if (add_to_level(newest, 0, GROUP_LINES, key, word, stack))
        return 1;
    if (is_time_to_grow(newest))
        (void)grow(blocks, newest);
    for (;;) {
        newest = newest_of(blocks);
        if (add_anywhere(newest, key, word, stack))
            return 1;
        if (!grow(blocks, newest))
            return 0;
    }
}

static struct debug_record take_from_level(struct debug_level *level, uint64_t key, uint64_t hash,
                                           uint64_t going)
{
    for (size_t n = 0; n < REACH_LINES; n++) {
        struct debug_line *line = line_at(level, hash, n);

        for (unsigned i = 0; i < DEBUG_LINE_RECORDS; i++) {
            uint64_t there = key;

            if (key_at(line, i) == key &&
                atomic_compare_exchange_strong_explicit(&line->keys[i], &there, going,
                                                        memory_order_acquire, memory_order_relaxed))
                return (struct debug_record){line, i};
        }
        if (is_last(level, hash, n))
            break;
    }
    return (struct debug_record){NULL, 0};
}

struct debug_record dal_debug_register_take_(struct debug_register *blocks, uintptr_t address,
                                             uint64_t state)
{
    uint64_t hash = debug_hash(address);
    struct debug_record record = {NULL, 0};

    if (address == 0 || (uint64_t)address & DEBUG_KEY_STATE)
        return record;
    for (struct debug_level *level = newest_of(blocks); level && !record.line; level = level->older)
        record = take_from_level(level, address | state, hash, address | DEBUG_KEY_GOING);
    return record;
}

/* ---- Looking ------------------------------------------------------------------------------- */

int dal_debug_record_read_(struct debug_record record, struct debug_block *block)
{
    uint64_t key = key_at(record.line, record.index);

    *block = (struct debug_block){
        .state = key & DEBUG_KEY_STATE,
        .address = (uintptr_t)(key & ~DEBUG_KEY_STATE),
        .word = debug_record_word(record),
        .stack = debug_record_stack(record),
    };
    return block->address != 0;
}

static int look_in_level(struct debug_level *level, uintptr_t address, struct debug_block *block)
{
    uint64_t hash = debug_hash(address);
    struct debug_block seen;
    int found = 0;

    for (size_t n = 0; n < REACH_LINES; n++) {
        for (unsigned i = 0; i < DEBUG_LINE_RECORDS; i++) {
            if (!dal_debug_record_read_((struct debug_record){line_at(level, hash, n), i}, &seen) ||
                seen.address != address)
                continue;
            *block = seen;
            found = 1;
            if (seen.state == DEBUG_KEY_LIVE)
                return 1;
        }
        if (is_last(level, hash, n))
            break;
    }
    return found;
}

int dal_debug_register_look_(struct debug_register *blocks, uintptr_t address,
                             struct debug_block *block)
{
    struct debug_block seen;
    int found = 0;

    for (struct debug_level *level = newest_of(blocks); level; level = level->older) {
        if (!look_in_level(level, address, &seen))
            continue;
        *block = seen;
        found = 1;
        if (seen.state == DEBUG_KEY_LIVE)
            break;
    }
    return found;
}

int dal_debug_register_visit_(struct debug_register *blocks, debug_visitor visit, void *data)
{
    for (struct debug_level *level = newest_of(blocks); level; level = level->older) {
        for (size_t i = 0; i < level->line_count; i++) {
            for (unsigned j = 0; j < DEBUG_LINE_RECORDS; j++) {
                struct debug_block block;
                int result;

                if (!dal_debug_record_read_((struct debug_record){debug_lines(level) + i, j},
                                            &block))
                    continue;
                result = visit(&block, data);
                if (result)
                    return result;
            }
        }
    }
    return 0;
}

struct debug_record dal_debug_register_record_(struct debug_register *blocks, uint64_t number)
{
    struct debug_level *level = newest_of(blocks), *newest = level;
    uint64_t lines = 0;

    for (; level; level = level->older)
        lines += level->line_count;
    number %= lines * DEBUG_LINE_RECORDS;
    for (level = newest; number >= level->line_count * DEBUG_LINE_RECORDS; level = level->older)
        number -= level->line_count * DEBUG_LINE_RECORDS;
    return (struct debug_record){debug_lines(level) + number / DEBUG_LINE_RECORDS,
                                 (unsigned)(number % DEBUG_LINE_RECORDS)};
}
