/* SPDX-License-Identifier: MIT */
/*
 * What it takes to capture a stack: ns for 8, 16 and 32 frames by the service, beside backtrace(3)
 * of the C library, which is libgcc's unwinder. The functions on the stack keep no frame pointer.
 * Medians of samples, the two by turns.
 */
#include <dispatchalloc.h>
#include <execinfo.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/samples.h"

enum { FRAMES_MOST = 32, CAPTURES = 2000, SAMPLES = 51 };

static unsigned frames;
static const struct dal_services *services;
static volatile uint32_t number;

__attribute__((noinline)) static double capture_by_service(void)
{
    double start = samples_now();

    for (int i = 0; i < CAPTURES; i++)
        number = services->stack_capture(__builtin_return_address(0), frames);
    return (samples_now() - start) / CAPTURES;
}

__attribute__((noinline)) static double capture_by_libgcc(void)
{
    void *places[FRAMES_MOST];
    double start = samples_now();

    for (int i = 0; i < CAPTURES; i++)
        number = (uint32_t)backtrace(places, (int)frames);
    return (samples_now() - start) / CAPTURES;
}

static void measure(void)
{
    double ours[SAMPLES], libgcc[SAMPLES];
    const void *const *places;

    for (int i = 0; i < SAMPLES; i++) {
        ours[i] = capture_by_service();
        libgcc[i] = capture_by_libgcc();
    }
    (void)capture_by_service();
    printf("%2u frames asked for, %2zu found: %7.1f ns, %5.1f a frame; backtrace() %7.1f ns\n",
           frames, services->stack_places(number, &places), samples_median(ours, SAMPLES),
           samples_median(ours, SAMPLES) / frames, samples_median(libgcc, SAMPLES));
}

/* As deep as is asked for, and a little more. */
__attribute__((noinline)) static int descend(int depth)
{
    volatile int here = depth;

    if (depth == 0)
        measure();
    else
        here = descend(depth - 1) + 1;
    return here;
}

int main(void)
{
    services = dal_services_get();
    if (services->stacks_prepare() != 0) {
        puts("stacks are not followed here");
        return 77;
    }
    for (frames = 8; frames <= FRAMES_MOST; frames *= 2)
        (void)descend(FRAMES_MOST);
    return 0;
}
