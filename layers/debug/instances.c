/* SPDX-License-Identifier: MIT */
/*
 * The instances of the process, so that a block of another one is known for that; and what is done
 * at exit.
 *
 * Who looks into an instance from outside counts itself and then looks at the state; who destroys
 * one stores the state and then looks at the count. All four are sequentially consistent, so that
 * one of them sees the other. Nobody waits: tables that somebody looks into stay, and so does the
 * instance. A reader that a fork leaves behind keeps those of the child for ever.
 */
#include <string.h>

#include "debug.h"

/* Grows by new ones and never shrinks. Release in dal_debug_enlist_(), acquire in readers. */
static _Atomic(struct debug_instance *) newest_instance;

static struct debug_instance *newest(void)
{
    return atomic_load_explicit(&newest_instance, memory_order_acquire);
}

/* One that is in use by nobody, for the next. */
static struct debug_instance *take_idle(void)
{
    struct debug_instance *instance = newest();
    int unused = DEBUG_UNUSED;

    while (instance &&
           !atomic_compare_exchange_strong_explicit(&instance->state, &unused, DEBUG_TAKEN,
                                                    memory_order_acquire, memory_order_relaxed)) {
        unused = DEBUG_UNUSED;
        instance = instance->older;
    }
    return instance;
}

struct debug_instance *dal_debug_enlist_(const struct dal_services *services)
{
    struct debug_instance *instance = take_idle();
    const size_t kept = offsetof(struct debug_instance, next);

    if (instance) {
        memset((char *)instance + kept, 0, sizeof *instance - kept);
        return instance;
    }
    instance = services->pages_map(sizeof *instance);
    if (!instance)
        return NULL;
    atomic_store_explicit(&instance->state, DEBUG_TAKEN, memory_order_relaxed);
    instance->older = newest();
    while (!atomic_compare_exchange_weak_explicit(&newest_instance, &instance->older, instance,
                                                  memory_order_acq_rel, memory_order_acquire))
        ;
    return instance;
}

int dal_debug_retire_(struct debug_instance *instance)
{
    atomic_store_explicit(&instance->state, DEBUG_TAKEN, memory_order_seq_cst);
    return atomic_load_explicit(&instance->readers, memory_order_seq_cst) == 0;
}

void dal_debug_delist_(struct debug_instance *instance)
{
    atomic_store_explicit(&instance->state, DEBUG_UNUSED, memory_order_release);
}

/* ---- Looking into one ------------------------------------------------------------------------ */

static int enter(struct debug_instance *instance)
{
    atomic_fetch_add_explicit(&instance->readers, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&instance->state, memory_order_seq_cst) == DEBUG_IN_USE)
        return 1;
    dal_debug_leave_instance_(instance);
    return 0;
}

void dal_debug_leave_instance_(struct debug_instance *instance)
{
    atomic_fetch_sub_explicit(&instance->readers, 1, memory_order_seq_cst);
}

struct debug_instance *dal_debug_next_instance_(struct debug_instance *instance)
{
    struct debug_instance *next = instance ? instance->older : newest();

    if (instance)
        dal_debug_leave_instance_(instance);
    while (next && !enter(next))
        next = next->older;
    return next;
}

/* It stays, since it may serve the process: that it is looked into makes no difference. */
struct debug_instance *dal_debug_latest_with_family_(void)
{
    struct debug_instance *instance = dal_debug_next_instance_(NULL);

    while (instance && !instance->family.malloc_function)
        instance = dal_debug_next_instance_(instance);
    if (instance)
        dal_debug_leave_instance_(instance);
    return instance;
}

/* ---- At exit --------------------------------------------------------------------------------- */

/* What the program has on its stack begins here. */
__attribute__((noinline)) static void tell_all(void)
{
    const void *stack = __builtin_frame_address(0);
    struct debug_instance *instance = dal_debug_next_instance_(NULL);

    for (; instance; instance = dal_debug_next_instance_(instance)) {
        dal_debug_quarantine_look_(instance);
        if (instance->leaks == DEBUG_LEAKS_LIVE)
            dal_debug_tell_live_(instance, "at exit");
        else if (instance->leaks == DEBUG_LEAKS_ON)
            dal_debug_tell_leaks_(instance, stack);
    }
    dal_debug_fault_sum_();
}

/* The lowest priority that a program may use, so that its own destructors run before. What the
 * program has in registers that functions keep is put on the stack here; the call is no jump. */
__attribute__((destructor(101))) static void tell_at_exit(void)
{
    __builtin_unwind_init();
    tell_all();
    __asm__ volatile("");
}
