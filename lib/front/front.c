/* SPDX-License-Identifier: MIT */
/*
 * The front: Rust's __rust_alloc and its siblings. Load the hook, load the slot, jump.
 *
 * ctx is the last parameter of every slot, so the arguments stay in the registers they
 * came in, and the call is a tail call: at most four instructions on x86-64 (tests/front.sh
 * counts them). Nothing may be added here; a check belongs in a layer.
 */
#include <config.h>

#define DAL_FRONT_IS_DEFINED_HERE_
#include <dispatchalloc/front.h>

#include "choice/hook.h"

void *dal_alloc(size_t size, size_t align)
{
    const struct dal_instance *table = dal_hook_load_();

    return table->alloc.call(size, align, table->alloc.ctx);
}

void *dal_alloc_natural_(size_t size, size_t align)
{
    const struct dal_instance *table = dal_hook_load_();

    return table->alloc_natural.call(size, align, table->alloc_natural.ctx);
}

void dal_dealloc(void *ptr, size_t size, size_t align)
{
    const struct dal_instance *table = dal_hook_load_();

    table->dealloc.call(ptr, size, align, table->dealloc.ctx);
}

void *dal_alloc_zeroed(size_t size, size_t align)
{
    const struct dal_instance *table = dal_hook_load_();

    return table->alloc_zeroed.call(size, align, table->alloc_zeroed.ctx);
}

void *dal_realloc(void *ptr, size_t old_size, size_t align, size_t new_size)
{
    const struct dal_instance *table = dal_hook_load_();

    return table->realloc.call(ptr, old_size, align, new_size, table->realloc.ctx);
}
