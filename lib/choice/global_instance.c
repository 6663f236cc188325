/* SPDX-License-Identifier: MIT */
/*
 * dal_global(): an instance each of whose functions loads the hook and jumps, so that it can
 * be handed out before the choice is made and serves the winner after.
 */
#include <config.h>

#include <dispatchalloc/global.h>

#include "choice/hook.h"
#include "chain/slots.h"

#define FORWARD_HEAD(slot, bit, result, parameters, arguments, ...)    \
    static result forward_##slot(DAL_LIST_ parameters, void *ctx)      \
    {                                                                  \
        const struct dal_instance *table = dal_hook_load_();           \
                                                                       \
        (void)ctx;                                                     \
        return table->slot.call(DAL_LIST_ arguments, table->slot.ctx); \
    }
#define FORWARD_TAIL(slot, bit, result, parameters, arguments, ...)        \
    static result forward_##slot(DAL_LIST_ parameters, void *ctx)          \
    {                                                                      \
        (void)ctx;                                                         \
        return dal_instance_##slot(dal_hook_load_(), DAL_LIST_ arguments); \
    }
DAL_SLOTS_(FORWARD_HEAD, FORWARD_TAIL, DAL_SKIP_)
FORWARD_HEAD(alloc_natural, 0, void *, (size_t size, size_t align), (size, align))

#define NAME_FORWARD(slot, ...) .slot = {forward_##slot, NULL},
/* The fork functions do nothing: the instance behind the hook is called by itself. */
#define NAME_FORK(slot) .slot = {dal_derived_fork_, NULL},

static const struct dal_tail_ global_tail = {DAL_SLOTS_(DAL_SKIP_, NAME_FORWARD, NAME_FORK)};

/* clang-format off */
static const struct dal_instance global_instance = {
    .native = DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC | DAL_SLOT_ALLOC_ZEROED | DAL_SLOT_REALLOC,
    .name = "global",
    .tail_ = &global_tail,
    DAL_SLOTS_(NAME_FORWARD, DAL_SKIP_, DAL_SKIP_)
    NAME_FORWARD(alloc_natural)
};
/* clang-format on */

const struct dal_instance *dal_global(void)
{
    return &global_instance;
}
