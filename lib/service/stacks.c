/* SPDX-License-Identifier: MIT */
/* Stacks of one place each: a stand-in for the service that walks them. See service.h. */
#include <config.h>

#include "service/service.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

/* A place is in the table at the index that is its number less 1. Relaxed: who has the number has
 * it from who stored the place, or stored it itself. */
#define PLACES ((size_t)1 << 14)
static _Atomic(uintptr_t) taken[PLACES];
static const void *places_of[PLACES];

int dal_stacks_prepare_(void)
{
    return 0;
}

uint32_t dal_stack_capture_(const void *from, unsigned frames)
{
    uint64_t mixed = (uint64_t)(uintptr_t)from * UINT64_C(0x9e3779b97f4a7c15) >> 50;

    (void)frames;
    for (size_t n = 0; n < PLACES; n++) {
        size_t i = (size_t)(mixed + n) & (PLACES - 1);
        uintptr_t there = atomic_load_explicit(&taken[i], memory_order_acquire);

        if (there == 0 &&
            atomic_compare_exchange_strong_explicit(&taken[i], &there, (uintptr_t)from,
                                                    memory_order_acq_rel, memory_order_acquire)) {
            places_of[i] = from;
            there = (uintptr_t)from;
        }
        if (there == (uintptr_t)from)
            return (uint32_t)i + 1;
    }
    return 0;
}

size_t dal_stack_places_(uint32_t stack, const void *const **places)
{
    if (stack == 0 || stack > PLACES || !places_of[stack - 1])
        return 0;
    *places = &places_of[stack - 1];
    return 1;
}

size_t dal_frame_text_(unsigned number, const void *place, char *text, size_t bytes)
{
    const char *call = (const char *)place - 1;
    char where[512];

    dal_os_locate_(call, where, sizeof where);
    return (size_t)snprintf(text, bytes, "    #%u 0x%" PRIxPTR " (%s)\n", number, (uintptr_t)call,
                            where);
}
