/* SPDX-License-Identifier: MIT */
/*
 * What a process can reach without going through a block: registers, stacks, thread-local storage,
 * and what is mapped. In what an allocator has mapped only blocks count, since blocks that were
 * given back are full of old addresses. Its mappings are told by the blocks in them. The kernel
 * joins mappings that lie side by side, so one that is the heap of brk(2) is taken as a whole, and
 * of any other what lies between blocks that are not far apart: what is the program's own there is
 * not to be missed, or a good block would be called leaked. See search.h.
 */
#include "tools/search/search.h"

#include <stdlib.h>
#include <string.h>

/* Blocks farther apart have something else between them. What is large may have a mapping of its
 * own: from 128 KiB on, in the C library. */
enum { GAP_BYTES = 64 << 10, LARGE_BYTES = 128 << 10 };

/* Below a stack pointer functions that call nothing may have something; around a thread pointer is
 * what the thread has for itself: variables and what the C library has, on which side is a matter
 * of the processor. */
enum { RED_ZONE_BYTES = 128, LOCAL_BYTES = 64 << 10 };
#if defined __x86_64__ || defined __i386__
enum { LOCAL_BYTES_ABOVE = 4 << 10 };
#else
enum { LOCAL_BYTES_ABOVE = LOCAL_BYTES };
#endif

/* What who asks has on its stack below the pointer that it names. */
enum { SEARCH_STACK_BYTES = 16 << 10 };

/* ---- What is apart ------------------------------------------------------------------------- */

int roots_put_apart(struct roots *roots, struct range range)
{
    struct range *more;

    if (range.start >= range.end)
        return 1;
    if (roots->apart_count == roots->apart_room) {
        size_t room = roots->apart_room ? 2 * roots->apart_room : 256;

        more = realloc(roots->apart, room * sizeof *more);
        if (!more)
            return 0;
        roots->apart = more;
        roots->apart_room = room;
    }
    roots->apart[roots->apart_count++] = range;
    return 1;
}

void roots_close(struct roots *roots)
{
    free(roots->apart);
    roots->apart = NULL;
}

static int compare(const void *one, const void *other)
{
    uintptr_t first = ((const struct range *)one)->start;
    uintptr_t second = ((const struct range *)other)->start;

    return (first > second) - (first < second);
}

static struct range whole_pages(const struct roots *roots, uintptr_t start, uintptr_t end)
{
    size_t page = roots->memory->page_bytes;

    return (struct range){start - start % page, end + (page - end % page) % page};
}

/* Whether nothing but the allocator's own lies between two blocks. Large ones have mappings of
 * their own, and a whole page beside one may be any other's. */
static int is_near(const struct roots *roots, const struct block *one, const struct block *next)
{
    uintptr_t start = one->range.end, end = next->range.start;
    size_t page = roots->memory->page_bytes;
    int is_large = one->bytes >= LARGE_BYTES || next->bytes >= LARGE_BYTES;
    int has_page = start + 2 * page - 1 - (start + page - 1) % page <= end;

    return end < start + GAP_BYTES && !(is_large && has_page);
}

/* From a block to the last one that is near. The index of the next one. */
static size_t put_heap(struct roots *roots, size_t first, int *is_put)
{
    const struct reach *reach = roots->reach;
    uintptr_t start = reach->blocks[first].range.start, end = reach->blocks[first].range.end;
    const struct mapping *mapping = memory_find(roots->memory, start);
    size_t next = first + 1;

    if (mapping && mapping->is_heap) {
        while (next < reach->count && reach->blocks[next].range.start < mapping->range.end)
            next++;
        *is_put = roots_put_apart(roots, mapping->range);
        return next;
    }
    for (; next < reach->count && is_near(roots, &reach->blocks[next - 1], &reach->blocks[next]) &&
           (!mapping || reach->blocks[next].range.start < mapping->range.end);
         next++)
        end = reach->blocks[next].range.end;
    *is_put = roots_put_apart(roots, whole_pages(roots, start, end));
    return next;
}

/* Where the malloc of the program is another, its blocks lie among those that are searched for. */
static int put_blocks(struct roots *roots)
{
    int is_put = 1;

    for (size_t i = 0; is_put && i < roots->reach->count; i++)
        is_put = roots_put_apart(roots, roots->reach->blocks[i].range);
    return is_put;
}

static int put_heaps(struct roots *roots)
{
    int is_put = 1;

    if (!roots->has_heap)
        return put_blocks(roots);
    for (size_t i = 0; is_put && i < roots->reach->count;)
        i = put_heap(roots, i, &is_put);
    return is_put;
}

/* Whether a thread is alone on the stack that was made for it, where it has variables of its own as
 * well, but for the main thread. On one of a coroutine's others may lie below that are suspended.
 */
static int is_on_own_stack(const struct roots *roots, const struct thread *thread,
                           const struct mapping *mapping)
{
    int has_local = thread->local > thread->stack && thread->local < mapping->range.end &&
                    thread->number != roots->threads->process;

    for (size_t i = 0; i < roots->threads->count; i++) {
        const struct thread *other = &roots->threads->threads[i];

        if (other != thread && memory_find(roots->memory, other->stack) == mapping)
            return 0;
    }
    return mapping->is_stack || (mapping->is_guarded && has_local);
}

/* What a thread has left behind below its stack pointer: all of it where that is its own, and what
 * the search itself has taken of any other. */
static int put_old_stack(struct roots *roots, const struct thread *thread)
{
    const struct mapping *mapping = memory_find(roots->memory, thread->stack);
    struct range range;

    if (!mapping)
        return 1;
    range = (struct range){mapping->range.start, thread->stack - RED_ZONE_BYTES};
    if (!is_on_own_stack(roots, thread, mapping)) {
        if (!thread->is_asking)
            return 1;
        if (range.start + SEARCH_STACK_BYTES < range.end)
            range.start = range.end - SEARCH_STACK_BYTES;
    }
    return roots_put_apart(roots, range);
}

/* Where a thread pointer points to itself, as glibc has it on these processors, one that has ended
 * is found again: its stack is kept for the next thread. */
#if defined __x86_64__
enum { TELLS_ENDED_THREADS = 1 };
#else
enum { TELLS_ENDED_THREADS = 0 };
#endif

static int is_of_thread(const struct roots *roots, const struct mapping *mapping)
{
    for (size_t i = 0; i < roots->threads->count; i++) {
        const struct thread *thread = &roots->threads->threads[i];

        if (memory_find(roots->memory, thread->stack) == mapping ||
            memory_find(roots->memory, thread->local) == mapping)
            return 1;
    }
    return 0;
}

/* The thread pointer in a mapping of which nothing else is known, or 0: it lies near the end. Its
 * first word and its third are its own address. */
static uintptr_t find_local(const struct roots *roots, const struct mapping *mapping)
{
    const size_t page = 4096;
    uintptr_t words[4096 / sizeof(uintptr_t)];

    for (uintptr_t at = mapping->range.end - page;
         at >= mapping->range.start && at + LOCAL_BYTES >= mapping->range.end; at -= page) {
        if (!memory_read(roots->memory, at, words, page))
            return 0;
        for (size_t i = 0; i + 2 < page / sizeof *words; i += 64 / sizeof *words) {
            if (words[i] == at + i * sizeof *words && words[i + 2] == words[i])
                return words[i];
        }
    }
    return 0;
}

/* What threads have left behind that have ended. What the C library knows of them, above the thread
 * pointer, is good: it gives the memory of their variables to the next one. */
static int put_ended_threads(struct roots *roots)
{
    for (size_t i = 0; TELLS_ENDED_THREADS && i < roots->memory->mapping_count; i++) {
        const struct mapping *mapping = &roots->memory->mappings[i];
        uintptr_t local;

        if (!mapping->is_guarded || !mapping->is_writable || !mapping->is_private ||
            mapping->is_file || mapping->is_heap || mapping->is_stack ||
            is_of_thread(roots, mapping))
            continue;
        local = find_local(roots, mapping);
        if (local && !roots_put_apart(roots, (struct range){mapping->range.start, local}))
            return 0;
    }
    return 1;
}

/* ---- What counts --------------------------------------------------------------------------- */

/* Pages that were made read-only may have been written to before. */
static int is_root(const struct mapping *mapping)
{
    return !mapping->is_device && mapping->is_readable &&
           (mapping->is_writable || (mapping->is_private && !mapping->is_file));
}

/* But for what is apart, in the order of addresses from *next on. */
static void visit_mapping(const struct roots *roots, const struct mapping *mapping, size_t *next)
{
    words_visitor visit = mapping->is_libc ? reach_visit_libc : reach_visit_root;
    struct range range = mapping->range;

    while (range.start < range.end) {
        struct range part = range;

        while (*next < roots->apart_count && roots->apart[*next].end <= range.start)
            ++*next;
        if (*next < roots->apart_count && roots->apart[*next].start < part.end)
            part.end = roots->apart[*next].start;
        if (part.start < part.end)
            memory_visit(roots->memory, part, visit, roots->reach);
        if (part.end == range.end)
            return;
        range.start = roots->apart[*next].end;
    }
}

static struct range within(const struct mapping *mapping, uintptr_t start, uintptr_t end)
{
    return (struct range){start > mapping->range.start ? start : mapping->range.start,
                          end < mapping->range.end ? end : mapping->range.end};
}

/* Where the stack ends that a thread is on. */
static uintptr_t end_of_stack(const struct roots *roots, const struct thread *thread,
                              const struct mapping *stack, const struct mapping *local)
{
    const struct block *block = reach_find(roots->reach, thread->stack);

    if (block)
        return block->range.end;
    return stack == local && thread->stack < thread->local ? thread->local + LOCAL_BYTES_ABOVE
                                                           : stack->range.end;
}

/* The first table in a range; an empty one at its end if there is none. */
static struct range next_table(const struct roots *roots, struct range range)
{
    struct range next = {range.end, range.end};

    for (size_t i = 0; i < roots->table_count; i++) {
        struct range table = range_of(&roots->tables[i]);

        if (table.end > range.start && table.start < next.start)
            next = table;
    }
    return next;
}

/* The kernel may have joined a stack with the tables of who asks. */
static void visit_but_tables(const struct roots *roots, struct range range)
{
    while (range.start < range.end) {
        struct range table = next_table(roots, range);

        if (range.start < table.start)
            memory_visit(roots->memory, (struct range){range.start, table.start}, reach_visit_root,
                         roots->reach);
        range.start = table.end;
    }
}

/* Also where it lies among blocks: a stack may be one, and the kernel may have joined them. */
static void visit_thread(const struct roots *roots, const struct thread *thread)
{
    const struct mapping *stack = memory_find(roots->memory, thread->stack);
    const struct mapping *local = memory_find(roots->memory, thread->local);
    uintptr_t bottom = thread->stack - RED_ZONE_BYTES, below = thread->local - LOCAL_BYTES;

    /* As a rule both lie in one mapping. */
    if (thread->stack < thread->local && bottom > below)
        below = bottom;
    reach_visit_root(thread->registers, thread->register_bytes / sizeof(uintptr_t), roots->reach);
    if (stack)
        visit_but_tables(roots, within(stack, bottom, end_of_stack(roots, thread, stack, local)));
    if (local)
        visit_but_tables(roots, within(local, below, thread->local + LOCAL_BYTES_ABOVE));
}

/* ---- What is held -------------------------------------------------------------------------- */

/* Where a block is resized, who does that has the new one for itself until it is listed: in a
 * register, or on its stack, which allocators do not go deep into. Before it lies what an allocator
 * knows of it. */
enum { INNER_STACK_BYTES = 4 << 10, HEAD_BYTES = 64 };

struct moved {
    const struct roots *roots;
    size_t bytes; /* of the largest block that is held */
};

static int is_in_table(const struct roots *roots, uintptr_t address)
{
    for (size_t i = 0; i < roots->table_count; i++) {
        struct range range = range_of(&roots->tables[i]);

        if (address >= range.start && address < range.end)
            return 1;
    }
    return 0;
}

/* What is apart around an address, but for blocks: an empty range where that is something else. */
static struct range gap_around(const struct roots *roots, uintptr_t address)
{
    const struct range none = {address, address};
    size_t first = 0, end = roots->apart_count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (address >= roots->apart[middle].end)
            first = middle + 1;
        else
            end = middle;
    }
    if (first == roots->apart_count || address < roots->apart[first].start ||
        is_in_table(roots, address))
        return none;
    return reach_gap(roots->reach, address, roots->apart[first]);
}

static void visit_moved(const struct moved *moved, const uintptr_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct range gap = gap_around(moved->roots, words[i]);

        if (gap.start >= gap.end)
            continue;
        if (words[i] - gap.start > HEAD_BYTES)
            gap.start = words[i] - HEAD_BYTES;
        if (gap.end - words[i] > moved->bytes + HEAD_BYTES)
            gap.end = words[i] + moved->bytes + HEAD_BYTES;
        memory_visit(moved->roots->memory, gap, reach_visit_root, moved->roots->reach);
    }
}

/* The thread that asks moves nothing. */
static void visit_moved_by(const struct thread *thread, const struct moved *moved)
{
    const struct mapping *stack = memory_find(moved->roots->memory, thread->stack);
    uintptr_t words[INNER_STACK_BYTES / sizeof(uintptr_t)];
    size_t bytes = sizeof words;

    if (thread->is_asking)
        return;
    visit_moved(moved, thread->registers, thread->register_bytes / sizeof(uintptr_t));
    if (stack && stack->range.end - thread->stack < bytes)
        bytes = stack->range.end - thread->stack;
    if (stack && memory_read(moved->roots->memory, thread->stack, words, bytes))
        visit_moved(moved, words, bytes / sizeof *words);
}

static void visit_held(const struct roots *roots)
{
    struct moved moved = {.roots = roots};

    for (size_t i = 0; i < roots->block_count; i++) {
        const struct dal_memory_part *block = &roots->blocks[i];

        if (block->reach != DAL_HELD)
            continue;
        memory_visit(roots->memory, range_of(block), reach_visit_root, roots->reach);
        if (block->bytes > moved.bytes)
            moved.bytes = block->bytes;
    }
    for (size_t i = 0; moved.bytes && i < roots->threads->count; i++)
        visit_moved_by(&roots->threads->threads[i], &moved);
}

/* ---- All of it ----------------------------------------------------------------------------- */

/* Ranges that overlap become one. */
static void sort_apart(struct roots *roots)
{
    size_t kept = 0;

    qsort(roots->apart, roots->apart_count, sizeof *roots->apart, compare);
    for (size_t i = 0; i < roots->apart_count; i++) {
        struct range *last = kept ? &roots->apart[kept - 1] : NULL;

        if (!last || roots->apart[i].start > last->end)
            roots->apart[kept++] = roots->apart[i];
        else if (roots->apart[i].end > last->end)
            last->end = roots->apart[i].end;
    }
    roots->apart_count = kept;
}

int roots_visit(struct roots *roots)
{
    size_t next = 0;

    if (!put_heaps(roots))
        return 0;
    for (size_t i = 0; i < roots->threads->count; i++) {
        if (!put_old_stack(roots, &roots->threads->threads[i]))
            return 0;
    }
    if (!put_ended_threads(roots))
        return 0;
    sort_apart(roots);
    for (size_t i = 0; i < roots->memory->mapping_count; i++) {
        const struct mapping *mapping = &roots->memory->mappings[i];

        if (is_root(mapping))
            visit_mapping(roots, mapping, &next);
    }
    for (size_t i = 0; i < roots->threads->count; i++)
        visit_thread(roots, &roots->threads->threads[i]);
    visit_held(roots);
    return 1;
}
