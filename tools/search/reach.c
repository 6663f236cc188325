/* SPDX-License-Identifier: MIT */
/*
 * Which blocks are reached. Three rounds over the same graph: from the roots; from what is left and
 * has nothing pointing to it; from one block of each ring that only points to itself. See search.h.
 */
#include "tools/search/search.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *one, const void *other)
{
    uintptr_t first = ((const struct block *)one)->range.start;
    uintptr_t second = ((const struct block *)other)->range.start;

    return (first > second) - (first < second);
}

int reach_open(struct reach *reach, const struct memory *memory,
               const struct dal_memory_part *parts, size_t count)
{
    *reach = (struct reach){.memory = memory, .found = BLOCK_REACHED};
    reach->blocks = calloc(count ? count : 1, sizeof *reach->blocks);
    reach->waiting = calloc(count ? count : 1, sizeof *reach->waiting);
    if (!reach->blocks || !reach->waiting) {
        reach_close(reach);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        size_t bytes = parts[i].bytes ? parts[i].bytes : 1;

        if (parts[i].reach == DAL_HELD)
            continue;
        if (bytes > UINTPTR_MAX - parts[i].address)
            bytes = UINTPTR_MAX - parts[i].address;
        reach->blocks[reach->count++] =
            (struct block){.range = {parts[i].address, parts[i].address + bytes},
                           .bytes = parts[i].bytes,
                           .index = i};
    }
    qsort(reach->blocks, reach->count, sizeof *reach->blocks, compare);
    return 1;
}

void reach_close(struct reach *reach)
{
    free(reach->blocks);
    free(reach->waiting);
    *reach = (struct reach){.memory = NULL};
}

/* Most words are no addresses of blocks at all. */
struct block *reach_find(const struct reach *reach, uintptr_t address)
{
    size_t first = 0, end = reach->count;

    if (end == 0 || address < reach->blocks[0].range.start ||
        address >= reach->blocks[end - 1].range.end)
        return NULL;
    while (end - first > 1) {
        size_t middle = first + (end - first) / 2;

        if (address < reach->blocks[middle].range.start)
            end = middle;
        else
            first = middle;
    }
    return address < reach->blocks[first].range.end ? &reach->blocks[first] : NULL;
}

struct range reach_gap(const struct reach *reach, uintptr_t address, struct range range)
{
    size_t first = 0, end = reach->count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (address < reach->blocks[middle].range.start)
            end = middle;
        else
            first = middle + 1;
    }
    if (first > 0 && reach->blocks[first - 1].range.end > range.start)
        range.start = reach->blocks[first - 1].range.end;
    if (first < reach->count && reach->blocks[first].range.start < range.end)
        range.end = reach->blocks[first].range.start;
    return range.start <= address ? range : (struct range){address, address};
}

/* ---- Walking ------------------------------------------------------------------------------- */

static void find(struct reach *reach, struct block *block)
{
    block->state = (unsigned char)reach->found;
    reach->waiting[reach->waiting_count++] = (size_t)(block - reach->blocks);
}

void reach_visit_root(const uintptr_t *words, size_t count, void *data)
{
    struct reach *reach = data;

    for (size_t i = 0; i < count; i++) {
        struct block *block = reach_find(reach, words[i]);

        if (block && block->state == BLOCK_UNSEEN)
            find(reach, block);
    }
}

/* A chunk of glibc's malloc begins at a multiple of two words; a word of it is the block's before.
 */
void reach_visit_libc(const uintptr_t *words, size_t count, void *data)
{
    for (size_t i = 0; i < count; i++) {
        const struct block *block = reach_find(data, words[i]);
        int is_chunk = words[i] % (2 * sizeof *words) == 0;

        if (block && !(is_chunk && words[i] != block->range.start &&
                       block->range.end - words[i] <= sizeof *words))
            reach_visit_root(&words[i], 1, data);
    }
}

static struct range inside(const struct block *block)
{
    return (struct range){block->range.start, block->range.start + block->bytes};
}

/* What waits, and what is found in it. */
static void walk(struct reach *reach)
{
    while (reach->waiting_count > 0) {
        const struct block *block = &reach->blocks[reach->waiting[--reach->waiting_count]];

        memory_visit(reach->memory, inside(block), reach_visit_root, reach);
    }
}

/* From a leaked one: what it holds is leaked by it. */
static void walk_from(struct reach *reach, struct block *leaked)
{
    leaked->state = BLOCK_LEAKED;
    memory_visit(reach->memory, inside(leaked), reach_visit_root, reach);
    walk(reach);
}

static void note_pointed_to(const uintptr_t *words, size_t count, void *data)
{
    struct reach *reach = data;

    for (size_t i = 0; i < count; i++) {
        struct block *block = reach_find(reach, words[i]);

        if (block && block != reach->source)
            block->is_pointed_to = 1;
    }
}

void reach_finish(struct reach *reach)
{
    walk(reach);
    for (size_t i = 0; i < reach->count; i++) {
        reach->source = &reach->blocks[i];
        if (reach->source->state == BLOCK_UNSEEN)
            memory_visit(reach->memory, inside(reach->source), note_pointed_to, reach);
    }
    reach->found = BLOCK_LEAKED_INDIRECTLY;
    for (int is_ring = 0; is_ring < 2; is_ring++) {
        for (size_t i = 0; i < reach->count; i++) {
            struct block *block = &reach->blocks[i];

            if (block->state == BLOCK_UNSEEN && (is_ring || !block->is_pointed_to))
                walk_from(reach, block);
        }
    }
}
