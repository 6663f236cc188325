/* SPDX-License-Identifier: MIT */
/* What leaks, asked for while the program runs. */
#include <dispatchalloc/debug.h>
#include <dispatchalloc/error.h>

#include "debug.h"

/* What the program has on its stack begins here. */
__attribute__((noinline)) static int find(struct debug_instance *layer, struct debug_sum *told)
{
    const void *stack = __builtin_frame_address(0);

    dal_debug_quarantine_look_(layer);
    if (layer->leaks == DEBUG_LEAKS_ON)
        return dal_debug_tell_leaks_(layer, stack, "now", told) ? DAL_OK : DAL_ERR_SYSTEM;
    *told = dal_debug_tell_live_(layer, "now");
    return DAL_OK;
}

/* What the caller has in registers that functions keep is put on the stack here; the call is no
 * jump. */
int dal_debug_find_leaks(const struct dal_instance *instance, uint64_t *blocks, uint64_t *bytes)
{
    struct debug_instance *layer = dal_layer_of_(instance, dal_debug_alloc_);
    struct debug_sum told;
    int error;

    if (!layer || layer->leaks == DEBUG_LEAKS_OFF)
        return DAL_ERR_UNSUPPORTED;
    __builtin_unwind_init();
    error = find(layer, &told);
    if (blocks)
        *blocks = told.blocks;
    if (bytes)
        *bytes = told.bytes;
    return error;
}
