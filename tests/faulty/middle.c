/* SPDX-License-Identifier: MIT */
/*
 * Cells of powers of two, in pages. An over-aligned block is the middle of a larger cell, and the
 * page is marked for having such, so that what is given back is looked for the cell's beginning.
 * Where the mark is lost the middle is taken for the beginning, and the next block of that cell
 * reaches into the next cell: mimalloc 3.0.1 loses it when the page is full, and with its thread.
 */
#include "tests/faulty/faulty.h"

#include <pthread.h>
#include <stdlib.h>

enum { CLASS_COUNT = 9, GRAIN = 64, PAGE_BYTES = 65536, PAGE_COUNT = 512, CELL_COUNT = 1 << 17 };

struct page {
    size_t cell_bytes, free_count;
    bool has_middles;
    DAL_ATTRIBUTE_((aligned(16))) unsigned char cells[PAGE_BYTES - 32];
};

/* So that no cell of the first one begins at a multiple of more than 32. */
DAL_ATTRIBUTE_((aligned(4096))) static struct page pages[PAGE_COUNT];
static size_t page_count;
static unsigned char *free_cells[CLASS_COUNT][CELL_COUNT];
static size_t free_counts[CLASS_COUNT];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int class_of(size_t size, size_t align)
{
    size_t needed = align <= 16 ? size : size + align - 1;
    int kind = 0;

    while (kind < CLASS_COUNT && ((size_t)GRAIN << kind) < needed)
        kind++;
    return needed < size || kind == CLASS_COUNT ? -1 : kind;
}

static struct page *page_of(const void *cell)
{
    return &pages[((uintptr_t)cell - (uintptr_t)pages) / sizeof *pages];
}

static void give_cell(struct page *page, int kind, unsigned char *cell)
{
    if (free_counts[kind] < CELL_COUNT)
        free_cells[kind][free_counts[kind]++] = cell;
    page->free_count++;
}

static void cut_page(int kind)
{
    struct page *page = &pages[page_count];
    size_t cell_bytes = (size_t)GRAIN << kind;

    if (page_count == PAGE_COUNT)
        return;
    page_count++;
    page->cell_bytes = cell_bytes;
    for (size_t at = 0; at + cell_bytes <= sizeof page->cells; at += cell_bytes)
        give_cell(page, kind, page->cells + at);
}

static void *take_cell(int kind, size_t align, bool forgets_full_pages)
{
    struct page *page;
    unsigned char *cell, *block = NULL;

    pthread_mutex_lock(&mutex);
    if (!free_counts[kind])
        cut_page(kind);
    if (free_counts[kind]) {
        cell = free_cells[kind][--free_counts[kind]];
        block = (unsigned char *)(((uintptr_t)cell + align - 1) & ~(align - 1));
        page = page_of(cell);
        page->has_middles |= block != cell;
        if (--page->free_count == 0 && forgets_full_pages)
            page->has_middles = false;
    }
    pthread_mutex_unlock(&mutex);
    return block;
}

static void *alloc_forgetting_full_pages(size_t size, size_t align, void *ctx)
{
    int kind = class_of(size, align);

    return kind < 0 ? good_alloc(size, align, ctx) : take_cell(kind, align, true);
}

/* ---- Marks that go with a thread ------------------------------------------------------------ */

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void at_thread_end(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < page_count; i++)
        pages[i].has_middles = false;
    pthread_mutex_unlock(&mutex);
}

static void make_key(void)
{
    if (pthread_key_create(&key, at_thread_end) != 0)
        abort();
}

static void *alloc_forgetting_with_thread(size_t size, size_t align, void *ctx)
{
    int kind = class_of(size, align);

    pthread_once(&key_once, make_key);
    pthread_setspecific(key, pages);
    return kind < 0 ? good_alloc(size, align, ctx) : take_cell(kind, align, false);
}

/* ---- What both have in common ------------------------------------------------------------- */

static void give_back(void *ptr, size_t size, size_t align, void *ctx)
{
    int kind = class_of(size, align);
    unsigned char *cell = ptr;
    struct page *page;

    if (!ptr)
        return;
    if (kind < 0) {
        good_dealloc(ptr, size, align, ctx);
        return;
    }
    page = page_of(ptr);
    pthread_mutex_lock(&mutex);
    if (page->has_middles)
        cell -= (size_t)(cell - page->cells) % page->cell_bytes;
    give_cell(page, kind, cell);
    pthread_mutex_unlock(&mutex);
}

static const struct dal_allocator lost_when_full = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = alloc_forgetting_full_pages,
    .dealloc = give_back,
};
static const struct dal_allocator lost_with_thread = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = alloc_forgetting_with_thread,
    .dealloc = give_back,
};

const struct faulty faulty_middles[] = {
    {.name = "forgets where over-aligned blocks begin when a page is full",
     .found_by = "alignments_mix",
     .asked = "a live block",
     .got = "not what was written there",
     .allocator = &lost_when_full},
    {.name = "forgets where over-aligned blocks begin when a thread ends",
     .found_by = "blocks_outlive_threads",
     .got = "not what was written there",
     .allocator = &lost_with_thread},
    {.name = NULL},
};
