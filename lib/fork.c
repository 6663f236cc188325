/* SPDX-License-Identifier: MIT */
/*
 * Calling the fork functions of instances around fork(2). A process in which no instance
 * has any registers no handler. No lock: each place of the list is taken and left by one
 * atomic step, and the child of a fork finds the list as the parent left it.
 */
#include <config.h>

#include "fork.h"

#include <stdatomic.h>

#include <dispatchalloc/error.h>

#include "compat/compat.h"
#include "instance.h"

/* Release when a place is taken, acquire in the handlers. */
static _Atomic(const struct dal_instance *) watched[DAL_FORK_MAX];

static const struct dal_instance *watched_at(size_t index)
{
    return atomic_load_explicit(&watched[index], memory_order_acquire);
}

/* An instance that another one wraps is called by that one, and is not to be called twice:
 * its prepare may take a lock. */
static int is_wrapped(const struct dal_instance *instance)
{
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        const struct dal_instance *outer = watched_at(i);

        if (outer && outer->private_[DAL_PRIVATE_BASE] == instance)
            return 1;
    }
    return 0;
}

/* The places whose instances this thread has prepared for the fork that it is at, a bit each.
 * Another thread may make an instance between prepare and parent: its parent function is
 * not to release a lock that its prepare did not take. */
static _Thread_local uint64_t prepared;

_Static_assert(DAL_FORK_MAX <= 64, "every place has a bit");

/* The instance at an index if it was prepared, else NULL. */
static const struct dal_instance *prepared_at(size_t index)
{
    return prepared >> index & 1 ? watched_at(index) : NULL;
}

#define CALL_FORK(instance, slot) \
    dal_tail_of_(instance)->slot.call(dal_tail_ctx_(instance, dal_tail_of_(instance)->slot.ctx))

/* The latest first, so that what was built on another is quiet before it. */
static void prepare_all(void)
{
    uint64_t bits = 0;

    for (size_t i = DAL_FORK_MAX; i-- > 0;) {
        const struct dal_instance *instance = watched_at(i);

        if (!instance || is_wrapped(instance))
            continue;
        CALL_FORK(instance, fork_prepare);
        bits |= UINT64_C(1) << i;
    }
    prepared = bits;
}

static void parent_all(void)
{
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        const struct dal_instance *instance = prepared_at(i);

        if (instance)
            CALL_FORK(instance, fork_parent);
    }
}

static void child_all(void)
{
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        const struct dal_instance *instance = prepared_at(i);

        if (instance)
            CALL_FORK(instance, fork_child);
    }
}

static int register_once(void)
{
    static atomic_flag registered = ATOMIC_FLAG_INIT;

    if (atomic_flag_test_and_set_explicit(&registered, memory_order_relaxed))
        return DAL_OK;
    if (dal_compat_atfork_(prepare_all, parent_all, child_all) == 0)
        return DAL_OK;
    atomic_flag_clear_explicit(&registered, memory_order_relaxed);
    return DAL_ERR_SYSTEM;
}

int dal_fork_watch_(const struct dal_instance *instance)
{
    int error;

    if (!(instance->native & DAL_SLOT_FORK))
        return DAL_OK;
    error = register_once();
    if (error)
        return error;
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        const struct dal_instance *free_place = NULL;

        if (atomic_compare_exchange_strong_explicit(&watched[i], &free_place, instance,
                                                    memory_order_acq_rel, memory_order_relaxed))
            return DAL_OK;
    }
    return DAL_ERR_FULL;
}

void dal_fork_unwatch_(const struct dal_instance *instance)
{
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        const struct dal_instance *there = instance;

        if (atomic_compare_exchange_strong_explicit(&watched[i], &there, NULL,
                                                    memory_order_acq_rel, memory_order_relaxed))
            return;
    }
}
