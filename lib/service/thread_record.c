/* SPDX-License-Identifier: MIT */
/*
 * Memory of an instance for each thread.
 *
 * A thread has a seat: a list of its parts, by the index of the record that each is of. The
 * one word of thread-local storage tells where it is, as a distance from the seat of nobody: so
 * that is 0, which it is from the first instruction of a thread on. The part of a record is two
 * loads away. Where there is no part its place leads to bytes that stand for one (`none`), and so
 * do the places of nobody: nothing has to be tested.
 *
 * A seat outlives its thread, with its parts, and is taken by a thread that comes later. Seats
 * and parts lie in memory that is never given back to the system. When a record is closed its
 * parts are spare ones of the seats that they are in, for the next record of their size. There is
 * no lock anywhere, so a fork at any moment leaves the child able to go on; seats of threads that
 * it does not have stay taken.
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
        size_t at =
            slab ? atomic_fetch_add_explicit(&slab->used, bytes, memory_order_relaxed) : SLAB_BYTES;
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

static unsigned size_class_of(size_t bytes)
{
    unsigned index = 0;

    while (((size_t)SMALLEST_PART << index) < bytes)
        index++;
    return index;
}

/* ---- Seats ----------------------------------------------------------------------------------- */

/* Places for parts: number 0 of the first page is never anybody's. */
enum { PAGE_PLACES = 61 };

struct page {
    _Atomic(void *) places[PAGE_PLACES];
    _Atomic(struct page *) next;
};

/* A part of a record that was closed. */
struct spare {
    struct spare *next;
};

struct seat {
    _Alignas(SMALLEST_PART) struct page page; /* first: what the thread-local word leads to */
    struct seat *next;
    _Atomic(struct spare *) spares[PART_SIZES];
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

/* Of a thread that has none yet, and of one that has ended. Nothing writes to them. */
static struct seat nobody = {.page.places = {NO_20, NO_20, NO_20, NO_PART}};
static struct seat past = {.page.places = {NO_20, NO_20, NO_20, NO_PART}};

_Static_assert(PAGE_PLACES == 3 * 20 + 1, "every place of nobody's leads to `none`");

/* From nobody's seat to that of this thread. */
static _Thread_local uintptr_t distance;

static struct seat *mine(void)
{
    return (struct seat *)((uintptr_t)&nobody + distance);
}

static void sit_down(struct seat *seat)
{
    distance = (uintptr_t)seat - (uintptr_t)&nobody;
}

/* ThreadSanitizer sees what instrumented code does: that a seat goes from thread to thread here it
 * has to be told, or takes what a backend keeps in its part for unguarded. Defined by the
 * sanitizer's run-time alone. */
#if defined __ELF__ && !defined DAL_TELL_NO_SANITIZER /* tests/orders.sh */
void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));
# define TELL_SANITIZER(call, seat) ((call) ? (call)(seat) : (void)0)
#else
# define TELL_SANITIZER(call, seat) ((void)(seat))
#endif

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
            TELL_SANITIZER(__tsan_acquire, seat);
            return seat;
        }
    }
    return make_seat();
}

static void let_go(struct seat *seat)
{
    TELL_SANITIZER(__tsan_release, seat);
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

/* Put a part by. Release pairs with the acquire in take_part(). */
static void put_spare(struct seat *seat, unsigned class, struct spare *part)
{
    part->next = atomic_load_explicit(&seat->spares[class], memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&seat->spares[class], &part->next, part,
                                                  memory_order_release, memory_order_relaxed))
        ;
}

/* ---- Memory of the caller's for parts -------------------------------------------------------- */

enum { MEMORY_START, MEMORY_END, MEMORY_USED };

void dal_thread_record_place_(struct dal_thread_record *record, void *memory, size_t bytes)
{
    record->memory_[MEMORY_START] = (uintptr_t)memory;
    record->memory_[MEMORY_END] = (uintptr_t)memory + bytes;
    record->memory_[MEMORY_USED] = 0;
}

static int has_memory(const struct dal_thread_record *record)
{
    return record->memory_[MEMORY_END] != 0;
}

/* The next place in it, or NULL. */
static void *place_part(struct dal_thread_record *record)
{
    size_t bytes = (record->part_bytes_ + SMALLEST_PART - 1) & ~(size_t)(SMALLEST_PART - 1);
    size_t room = record->memory_[MEMORY_END] - record->memory_[MEMORY_START];
    _Atomic(uintptr_t) *used = (_Atomic(uintptr_t) *)&record->memory_[MEMORY_USED];
    size_t at = atomic_load_explicit(used, memory_order_relaxed);

    if (at + bytes > room)
        return NULL;
    at = atomic_fetch_add_explicit(used, bytes, memory_order_relaxed);
    return at + bytes <= room ? (char *)record->memory_[MEMORY_START] + at : NULL;
}

/* ---- Parts ----------------------------------------------------------------------------------- */

/* Zeroed. Only the thread of the seat takes from its spares, so that the next one of what it sees
 * is still that when it takes it. */
static void *take_part(struct seat *seat, struct dal_thread_record *record)
{
    size_t bytes = record->part_bytes_;
    unsigned class = size_class_of(bytes);
    struct spare *part;

    if (has_memory(record))
        return place_part(record);
    part = atomic_load_explicit(&seat->spares[class], memory_order_acquire);

    while (part &&
           !atomic_compare_exchange_weak_explicit(&seat->spares[class], &part, part->next,
                                                  memory_order_acquire, memory_order_acquire))
        ;
    return part ? memset(part, 0, bytes) : carve((size_t)SMALLEST_PART << class);
}

/* This thread's, made if it has none. Release: who visits sees what it was filled with. */
static void *part_in(struct seat *seat, struct dal_thread_record *record)
{
    _Atomic(void *) *place = place_in(seat, record->index_, 1);
    void *part = part_at(place);

    if (part || !place)
        return part;
    part = take_part(seat, record);
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
    if (made && !atomic_compare_exchange_strong_explicit(
                    &indices->next, &next, made, memory_order_acq_rel, memory_order_acquire))
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
                                                      memory_order_acquire, memory_order_relaxed))
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
    return atomic_load_explicit((_Atomic(void *) *)(record->part_offset_ + distance),
                                memory_order_relaxed);
}

#if DAL_HAS_THREAD_POINTER_
# define THREAD_POINTER(pointer) ((pointer) = __builtin_thread_pointer())
#elif defined __x86_64__
# define THREAD_POINTER(pointer) __asm__("mov %%fs:0, %0" : "=r"(pointer))
#elif defined __i386__
# define THREAD_POINTER(pointer) __asm__("mov %%gs:0, %0" : "=r"(pointer))
#elif defined __aarch64__
# define THREAD_POINTER(pointer) __asm__("mrs %0, tpidr_el0" : "=r"(pointer))
#endif

/* Also if no compiler here could use it: that of a module may. */
static ptrdiff_t thread_offset(void)
{
#if DAL_THREAD_DISTANCE_IS_FIXED_
    void *pointer;

    THREAD_POINTER(pointer);
    return (ptrdiff_t)((uintptr_t)&distance - (uintptr_t)pointer);
#else
    return 0;
#endif
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
        .thread_offset_ = thread_offset(),
        .part_offset_ = (uintptr_t)&nobody.page.places[index < PAGE_PLACES ? index : 0],
        .part_ = inline_part,
        .part_bytes_ = part_bytes,
        .fill_ = fill_part,
        .index_ = index,
    };
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
        if (!has_memory(record))
            put_spare(seat, class, part);
    }
    free_index(record->index_);
}

void *dal_thread_record_enter_(struct dal_thread_record *record)
{
    struct seat *seat = mine();
    int is_new = seat == &nobody;
    int is_past = seat == &past;
    void *part;

    if (is_new || is_past)
        seat = take_seat();
    if (!seat)
        return NULL;
    if (is_new)
        sit_down(seat);
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
    if (!part || mine() != &past)
        return;
    for (struct seat *seat = first_seat(); seat; seat = seat->next) {
        if (part_at(place_in(seat, record->index_, 0)) == part) {
            let_go(seat);
            return;
        }
    }
}

int dal_thread_record_visit_(const struct dal_thread_record *record, dal_thread_part_visitor visit,
                             void *data)
{
    int result = 0;

    for (struct seat *seat = first_seat(); seat && result == 0; seat = seat->next) {
        void *part = part_at(place_in(seat, record->index_, 0));

        /* Of a thread that has ended all is seen that it wrote: pairs with let_go(). */
        if (part && !atomic_load_explicit(&seat->is_taken, memory_order_acquire))
            TELL_SANITIZER(__tsan_acquire, seat);
        if (part)
            result = visit(part, data);
    }
    return result;
}

void dal_thread_record_end_(void)
{
    struct seat *seat = mine();

    sit_down(&past);
    if (seat != &nobody && seat != &past)
        let_go(seat);
}
