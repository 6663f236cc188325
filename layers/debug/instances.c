/* SPDX-License-Identifier: MIT */
/* The instances of the process, so that a block of another one is known for that; and what is done
 * at exit. */
#include "debug.h"

struct layer_instances dal_debug_instances_;

struct debug_instance *dal_debug_next_instance_(struct debug_instance *instance)
{
    struct layer_instance *next =
        instance ? dal_layer_older_(&instance->listed) : dal_layer_newest_(&dal_debug_instances_);

    if (instance)
        dal_layer_leave_(&instance->listed);
    while (next && !dal_layer_enter_(next))
        next = dal_layer_older_(next);
    return (struct debug_instance *)next;
}

/* What the program has on its stack begins here. */
__attribute__((noinline)) static void tell_all(void)
{
    const void *stack = __builtin_frame_address(0);
    struct debug_instance *instance = dal_debug_next_instance_(NULL);
    struct debug_sum told;

    for (; instance; instance = dal_debug_next_instance_(instance)) {
        dal_debug_quarantine_look_(instance);
        if (instance->leaks == DEBUG_LEAKS_LIVE)
            (void)dal_debug_tell_live_(instance, "at exit");
        else if (instance->leaks == DEBUG_LEAKS_ON)
            (void)dal_debug_tell_leaks_(instance, stack, "at exit", &told);
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
