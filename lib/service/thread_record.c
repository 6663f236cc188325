/* SPDX-License-Identifier: MIT */
/*
 * Memory of an instance for each thread.
 *
 * A thread has a seat: a list of its parts, by the index of the record that each is of. The
 * one pointer of thread-local storage leads to it; so the part of a record is two loads away.
 * Where there is no part its place leads to bytes that stand for one (`none`), and so do
 * the places of a thread without a seat: nothing has to be tested.
 *
 * A seat outlives its thread, with its parts, and is taken by a thread that comes later. Seats
 * and parts lie in memory that is never given back to the system: who looks at them while
 * something ends finds what was there. There is no lock anywhere, so a fork at any moment leaves
 * the child able to go on; seats of threads that it does not have stay taken.
 *
 * A thread past its end (`past`) takes a seat for each call by itself: what it took for
 * good would never be let go.
 */
#include <config.h>

#include "service/service.h"

#include <stdatomic.h>
#include <string.h>

#include <dispatchalloc/error.h>

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Parts are powers of two, and so are never smaller than a cache line of their own. */
enum { SMALLEST_PART = 64, PART_SIZES = 15 };

_Static_assert((size_t)SMALLEST_PART << (PART_SIZES - 1) == DAL_THREAD_PART_BYTES_MAX,
               "the longest part has a size");

#define SLAB_BYTES ((size_t)64 * 1024)

struct slab {
    _Alignas(SMALLEST_PART) _Atomic(size_t) used; /* may exceed SLAB_BYTES */
};

/* Release in carve(), for who finds the slab of another thread; acquire there. */
static _Atomic(struct slab *) newest_slab;

/* Zeroed memory that was never used, or NULL; bytes is a multiple of the smallest part. */
static void *carve(size_t bytes)
{
    struct slab *slab = atomic_load_explicit(&newest_slab, memory_order_acquire);

    if (bytes > SLAB_BYTES / 4)
        return dal_os_map_(bytes);
    for (;;) {
        size_t at = slab ? atomic_fetch_add_explicit(&slab->used, bytes, memory_order_relaxed)
                         : SLAB_BYTES;
        struct slab *fresh;

        if (at + bytes <= SLAB_BYTES)
            return (char *)slab + at;
        fresh = dal_os_map_(SLAB_BYTES);
        if (!fresh)
            return NULL;
        atomic_init(&fresh->used, sizeof *fresh);
        if (atomic_compare_exchange_strong_explicit(&newest_slab, &slab, fresh,
                                                    memory_order_acq_rel, memory_order_acquire))
            slab = fresh;
        else
            dal_os_unmap_(fresh, SLAB_BYTES);
    }
}

/* Parts of records that were closed, a list a size. */
struct spare {
    struct spare *next;
};
static _Atomic(struct spare *) spares[PART_SIZES];

static unsigned size_class_of(size_t bytes)
{
    unsigned class = 0;

    while (((size_t)SMALLEST_PART << class) < bytes)
        class++;
    return class;
}

/* Release pairs with the acquire in take_part(). */
static void put_spares(unsigned class, struct spare *first)
{
    struct spare *expected = NULL;
    struct spare *last = first;

    if (!first || atomic_compare_exchange_strong_explicit(&spares[class], &expected, first,
                                                          memory_order_release,
                                                          memory_order_relaxed))
        return;
    while (last->next)
        last = last->next;
    do
        last->next = expected;
    while (!atomic_compare_exchange_weak_explicit(&spares[class], &expected, first,
                                                  memory_order_release, memory_order_relaxed));
}

/* Takes the whole list, one from it, and puts the rest back: with no single part ever popped, a
 * list that changed and changed back meanwhile does no harm. */
static void *take_part(size_t bytes)
{
    unsigned class = size_class_of(bytes);
    struct spare *part = atomic_exchange_explicit(&spares[class], NULL, memory_order_acquire);

    if (!part)
        return carve((size_t)SMALLEST_PART << class);
    put_spares(class, part->next);
    return memset(part, 0, bytes);
}

/* ---- Seats ----------------------------------------------------------------------------------- */

/* Places for parts: number 0 of the first page is never anybody's. */
enum { PAGE_PLACES = 61 };

struct page {
    _Atomic(void *) places[PAGE_PLACES];
    _Atomic(struct page *) next;
};

struct seat {
    struct page page; /* first: what the thread-local pointer leads to */
    struct seat *next;
    _Atomic(int) is_taken;
};

#define NONE_8  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
#define NONE_64 NONE_8, NONE_8, NONE_8, NONE_8, NONE_8, NONE_8, NONE_8, NONE_8

static _Alignas(SMALLEST_PART) const unsigned char none[DAL_THREAD_PART_INLINE_BYTES] = {
    NONE_64, NONE_64, NONE_64, NONE_64, NONE_64, NONE_64, NONE_64, NONE_64,
    NONE_64, NONE_64, NONE_64, NONE_64, NONE_64, NONE_64, NONE_64, NONE_64,
};

_Static_assert(DAL_THREAD_PART_INLINE_BYTES == 16 * 64, "all of them are 0xff");

#define NO_PART ((void *)(uintptr_t)none)
#define NO_4    NO_PART, NO_PART, NO_PART, NO_PART
#define NO_20   NO_4, NO_4, NO_4, NO_4, NO_4

/* Of a thread that has none yet. */
static struct seat nobody = {.page.places = {NO_20, NO_20, NO_20, NO_PART}};

_Static_assert(PAGE_PLACES == 3 * 20 + 1, "every place of nobody's leads to `none`");

/* Of a thread that has ended; filled by the first one that does. */
static struct seat past;

static _Thread_local struct page *mine = &nobody.page;

/* All there are; grows at its head. Release in make_seat(), acquire in readers. */
static _Atomic(struct seat *) newest_seat;

/* How many are not taken. A hint: who reads too little makes a new one. */
static _Atomic(long) free_seats;

static void fill_page(struct page *page)
{
    for (size_t i = 0; i < PAGE_PLACES; i++)
        atomic_store_explicit(&page->places[i], NO_PART, memory_order_relaxed);
}

static struct seat *make_seat(void)
{
    struct seat *seat = carve(sizeof *seat);

    _Static_assert(sizeof *seat % SMALLEST_PART == 0, "carve() wants whole cache lines");
    if (!seat)
        return NULL;
    fill_page(&seat->page);
    atomic_init(&seat->is_taken, 1);
    seat->next = atomic_load_explicit(&newest_seat, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&newest_seat, &seat->next, seat,
                                                  memory_order_release, memory_order_relaxed))
        ;
    return seat;
}

static struct seat *first_seat(void)
{
    return atomic_load_explicit(&newest_seat, memory_order_acquire);
}

/* Acquire: what its last thread wrote is ours now. Pairs with the release in let_go(). */
static struct seat *take_seat(void)
{
    struct seat *seat = NULL;

    if (atomic_load_explicit(&free_seats, memory_order_relaxed) > 0)
        seat = first_seat();
    for (; seat; seat = seat->next) {
        if (!atomic_load_explicit(&seat->is_taken, memory_order_relaxed) &&
            !atomic_exchange_explicit(&seat->is_taken, 1, memory_order_acquire)) {
            atomic_fetch_sub_explicit(&free_seats, 1, memory_order_relaxed);
            return seat;
        }
    }
    return make_seat();
}

static void let_go(struct seat *seat)
{
    atomic_store_explicit(&seat->is_taken, 0, memory_order_release);
    atomic_fetch_add_explicit(&free_seats, 1, memory_order_relaxed);
}

/* The place of a record in a seat; NULL if its page is not there, or cannot be made. */
static _Atomic(void *) *place_in(struct seat *seat, size_t index, int make)
{
    struct page *page = &seat->page;

    for (; index >= PAGE_PLACES; index -= PAGE_PLACES) {
        struct page *next = atomic_load_explicit(&page->next, memory_order_acquire);

        /* Only its thread adds to a seat. Release: who walks by finds the places filled. */
        if (!next && make) {
            next = carve(sizeof(struct seat));
            if (next) {
                fill_page(next);
                atomic_store_explicit(&page->next, next, memory_order_release);
            }
        }
        if (!next)
            return NULL;
        page = next;
    }
    return &page->places[index];
}

static void *part_at(_Atomic(void *) *place)
{
    void *part = place ? atomic_load_explicit(place, memory_order_acquire) : NO_PART;

    return part == NO_PART ? NULL : part;
}

/* This thread's, made if it has none. Release: who visits sees what it was filled with. */
static void *part_in(struct seat *seat, const struct dal_thread_record *record)
{
    _Atomic(void *) *place = place_in(seat, record->index_, 1);
    void *part = part_at(place);

    if (part || !place)
        return part;
    part = take_part(record->part_bytes_);
    if (!part)
        return NULL;
    if (record->fill_)
        record->fill_(part);
    atomic_store_explicit(place, part, memory_order_release);
    return part;
}

/* ---- Indices --------------------------------------------------------------------------------- */

/* A bit for each; 0 is never free. */
struct indices {
    _Atomic(uint64_t) used;
    _Atomic(struct indices *) next;
};
static struct indices first_indices = {.used = 1};

static struct indices *next_indices(struct indices *indices)
{
    struct indices *next = atomic_load_explicit(&indices->next, memory_order_acquire);
    struct indices *made;

    if (next)
        return next;
    made = carve(SMALLEST_PART);
    if (made && !atomic_compare_exchange_strong_explicit(&indices->next, &next, made,
                                                         memory_order_acq_rel,
                                                         memory_order_acquire))
        made = next;
    return made;
}

/* The lowest free index, or 0 if there is no memory. Acquire pairs with free_index(): the places
 * of the last record of this index lead nowhere any more. */
static size_t take_index(void)
{
    struct indices *indices = &first_indices;

    for (size_t base = 0; indices; base += 64, indices = next_indices(indices)) {
        uint64_t used = atomic_load_explicit(&indices->used, memory_order_relaxed);

        while (~used) {
            unsigned bit = (unsigned)__builtin_ctzll(~used);

            if (atomic_compare_exchange_weak_explicit(&indices->used, &used,
                                                      used | UINT64_C(1) << bit,
                                                      memory_order_acquire,
                                                      memory_order_relaxed))
                return base + bit;
        }
    }
    return 0;
}

static void free_index(size_t index)
{
    struct indices *indices = &first_indices;

    for (; index >= 64; index -= 64)
        indices = next_indices(indices);
    atomic_fetch_and_explicit(&indices->used, ~(UINT64_C(1) << index), memory_order_release);
}

/* ---- The services ---------------------------------------------------------------------------- */

/* dal_thread_record_part() without a thread pointer. */
static void *inline_part(const struct dal_thread_record *record)
{
    return atomic_load_explicit((_Atomic(void *) *)(void *)((char *)mine + record->part_offset_),
                                memory_order_relaxed);
}

int dal_thread_record_open_(struct dal_thread_record *record, size_t part_bytes,
                            void (*fill_part)(void *part))
{
    size_t index;

    if (part_bytes == 0 || part_bytes > DAL_THREAD_PART_BYTES_MAX)
        return DAL_ERR_INVALID;
    if (!dal_thread_end_prepare_())
        return DAL_ERR_SYSTEM;
    index = take_index();
    if (index == 0)
        return DAL_ERR_MEMORY;
    *record = (struct dal_thread_record){
        .part_offset_ = index < PAGE_PLACES ? index * sizeof(void *) : 0,
        .part_ = inline_part,
        .part_bytes_ = part_bytes,
        .fill_ = fill_part,
        .index_ = index,
    };
#if DAL_HAS_THREAD_POINTER_
    record->thread_offset_ = (uintptr_t)&mine - (uintptr_t)__builtin_thread_pointer();
#endif
    return DAL_OK;
}

void dal_thread_record_close_(struct dal_thread_record *record)
{
    unsigned class = size_class_of(record->part_bytes_);

    for (struct seat *seat = first_seat(); seat; seat = seat->next) {
        _Atomic(void *) *place = place_in(seat, record->index_, 0);
        struct spare *part = part_at(place);

        if (!part)
            continue;
        atomic_store_explicit(place, NO_PART, memory_order_relaxed);
        part->next = NULL;
        put_spares(class, part);
    }
    free_index(record->index_);
}

void *dal_thread_record_enter_(struct dal_thread_record *record)
{
    int is_new = mine == &nobody.page;
    int is_past = mine == &past.page;
    struct seat *seat = is_new || is_past ? take_seat() : (struct seat *)(void *)mine;
    void *part;

    if (!seat)
        return NULL;
    if (is_new)
        mine = &seat->page;
    part = part_in(seat, record);
    if (is_past && !part)
        let_go(seat);
    /* Last, since the system may allocate for it, and that call has to find its part. */
    if (is_new)
        dal_thread_end_announce_();
    return part;
}

void dal_thread_record_leave_(struct dal_thread_record *record, void *part)
{
    if (!part || mine != &past.page)
        return;
    for (struct seat *seat = first_seat(); seat; seat = seat->next) {
        if (part_at(place_in(seat, record->index_, 0)) == part) {
            let_go(seat);
            return;
        }
    }
}

int dal_thread_record_visit_(const struct dal_thread_record *record,
                             dal_thread_part_visitor visit, void *data)
{
    int result = 0;

    for (struct seat *seat = first_seat(); seat && result == 0; seat = seat->next) {
        void *part = part_at(place_in(seat, record->index_, 0));

        if (part)
            result = visit(part, data);
    }
    return result;
}

void dal_thread_record_end_(void)
{
    struct page *page = mine;

    if (page == &past.page)
        return;
    fill_page(&past.page);
    mine = &past.page;
    if (page != &nobody.page)
        let_go((struct seat *)(void *)page);
}
