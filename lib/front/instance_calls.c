/* SPDX-License-Identifier: MIT */
/* The calls on an instance that are no inline ones: to the slots behind its head. */
#include <config.h>

#include <dispatchalloc/global.h>

#include "chain/instance.h"

/* One test a call, for the handle; the slots themselves are always there. */
#define DEFINE_CALL(slot, bit, result, parameters, arguments, ...)                            \
    result dal_instance_##slot(const struct dal_instance *instance, DAL_LIST_ parameters)     \
    {                                                                                         \
        const struct dal_tail_ *tail;                                                         \
                                                                                              \
        if (DAL_UNLIKELY_(!instance))                                                         \
            instance = dal_global();                                                          \
        tail = dal_tail_of_(instance);                                                        \
        return tail->slot.call(DAL_LIST_ arguments, dal_tail_ctx_(instance, tail->slot.ctx)); \
    }
#define DEFINE_FORK(slot)                                                                \
    void dal_instance_##slot(const struct dal_instance *instance)                        \
    {                                                                                    \
        const struct dal_tail_ *tail = dal_tail_of_(instance ? instance : dal_global()); \
                                                                                         \
        tail->slot.call(dal_tail_ctx_(instance, tail->slot.ctx));                        \
    }
DAL_SLOTS_(DAL_SKIP_, DEFINE_CALL, DEFINE_FORK)

_Static_assert(offsetof(struct dal_instance_calls, grow) ==
                   2 * sizeof(uint32_t) + 3 * sizeof(void (*)(void)),
               "the calls that modules know stay where they are");

#define NAME_CALL(slot, ...) .slot = dal_instance_##slot,
/* clang-format off */
const struct dal_instance_calls dal_instance_calls_ = {
    .size_bytes = sizeof dal_instance_calls_,
    DAL_SLOTS_(DAL_SKIP_, NAME_CALL, NAME_CALL)
};
/* clang-format on */
