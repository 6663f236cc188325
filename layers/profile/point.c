/* SPDX-License-Identifier: MIT */
/*
 * Live bytes over time, in a bounded number of points: when there is room for no more, each two
 * become one, the higher, and the gap between them twice as long. Nobody waits for who adds one:
 * what is missed comes with the next sample.
 */
#include "profile.h"

/* Between the first points: programs may end soon. */
#define FIRST_GAP_NS UINT64_C(65536)

static uint64_t load(const _Atomic(uint64_t) *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

static void store(_Atomic(uint64_t) *number, uint64_t value)
{
    atomic_store_explicit(number, value, memory_order_relaxed);
}

/* Who is killed in the middle leaves times that go back behind what is done: readers end there. */
static void halve(struct profile_file *file)
{
    for (size_t i = 0; i < PROFILE_POINTS / 2; i++) {
        const struct profile_point *one = &file->points[2 * i], *other = one + 1;
        const struct profile_point *higher =
            load(&other->live_bytes) > load(&one->live_bytes) ? other : one;

        store(&file->points[i].time_ns, load(&higher->time_ns));
        store(&file->points[i].live_bytes, load(&higher->live_bytes));
    }
    store(&file->gap_ns, 2 * load(&file->gap_ns));
}

static void add_point(struct profile_file *file, uint64_t now_ns, uint64_t live_bytes)
{
    uint32_t count = atomic_load_explicit(&file->point_count, memory_order_relaxed);

    if (!load(&file->gap_ns))
        store(&file->gap_ns, FIRST_GAP_NS);
    if (count == PROFILE_POINTS) {
        halve(file);
        count /= 2;
    }
    store(&file->points[count].time_ns, now_ns);
    store(&file->points[count].live_bytes, live_bytes);
    atomic_store_explicit(&file->point_count, count + 1, memory_order_release);
    store(&file->next_point_ns, now_ns + load(&file->gap_ns));
}

/* Acquire and release: between those that add one. */
void dal_profile_point_add_(struct profile_instance *instance, uint64_t now_ns, uint64_t live_bytes)
{
    if (DAL_LIKELY_(now_ns < load(&instance->file->next_point_ns)) ||
        atomic_exchange_explicit(&instance->adds_point, 1, memory_order_acquire))
        return;
    /* It may have been added meanwhile. */
    if (now_ns >= load(&instance->file->next_point_ns))
        add_point(instance->file, now_ns, live_bytes);
    atomic_store_explicit(&instance->adds_point, 0, memory_order_release);
}
