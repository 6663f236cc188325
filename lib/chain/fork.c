/* SPDX-License-Identifier: MIT */
/*
 * Calling the fork functions of instances around fork(2). A process in which no instance
 * has any registers no handler. No lock: each place of the list is taken and left by one
 * atomic step, and the child of a fork finds the list as the parent left it.
 */
#include <config.h>

#include "chain/fork.h"

#include <stdatomic.h>
#include <stdint.h>

#include <dispatchalloc/error.h>

#include "os/os.h"
#include "chain/instance.h"

/* An instance, with GOING added once it is about to be destroyed: it takes part in no further
 * fork, but in the end of one that has prepared it. Release when a place is taken, acquire in the
 * handlers. */
static _Atomic(uintptr_t) watched[DAL_FORK_MAX];

#define GOING ((uintptr_t)1)

/* Threads between the first prepare function and the last one after the fork. Who destroys an
 * instance marks it and then looks here; who forks counts itself and then looks for marks. Both
 * are sequentially consistent, so that at least one of them sees the other. */
static _Atomic(int) forking;

static const struct dal_instance *instance_of(uintptr_t place)
{
    return (const struct dal_instance *)(place & ~GOING);
}

/* The places that take part in the fork that this thread is at, a bit each. Another thread may
 * make an instance between prepare and parent: its parent function is not to release a lock that
 * its prepare did not take. */
static _Thread_local uint64_t prepared;

_Static_assert(DAL_FORK_MAX <= 64, "every place has a bit");

/* The instance at an index if it takes part, else NULL. */
static const struct dal_instance *prepared_at(size_t index)
{
    return prepared >> index & 1
               ? instance_of(atomic_load_explicit(&watched[index], memory_order_acquire))
               : NULL;
}

/* An instance that another one wraps is called by that one, and is not to be called twice:
 * its prepare may take a lock. Its nested ones are no business of the other's. */
static int is_wrapped(const struct dal_instance *instance)
{
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        const struct dal_instance *outer = prepared_at(i);

        if (outer && outer->private_[DAL_PRIVATE_BASE] == instance)
            return 1;
    }
    return 0;
}

static const struct dal_instance *nested_after(const struct dal_instance *instance)
{
    return instance->private_[DAL_PRIVATE_NESTED];
}

/* The whole, then the nested stacks that its items allocate from. */
static void prepare(const struct dal_instance *instance)
{
    if (!is_wrapped(instance))
        dal_instance_fork_prepare(instance);
    while ((instance = nested_after(instance)) != NULL)
        dal_instance_fork_prepare(instance);
}

/* The opposite order of prepare(). At most as deep as a spec has items. */
static void release(const struct dal_instance *instance, int is_nested, int in_child)
{
    if (nested_after(instance))
        release(nested_after(instance), 1, in_child);
    if (!is_nested && is_wrapped(instance))
        return;
    if (in_child)
        dal_instance_fork_child(instance);
    else
        dal_instance_fork_parent(instance);
}

/* What was made later first, mostly, so that what was built on another is quiet before it. Who
 * takes part is settled before the first one is called, and stays so until all are released. */
static void prepare_all(void)
{
    atomic_fetch_add_explicit(&forking, 1, memory_order_seq_cst);
    prepared = 0;
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        uintptr_t place = atomic_load_explicit(&watched[i], memory_order_seq_cst);

        prepared |= (uint64_t)(place != 0 && !(place & GOING)) << i;
    }
    if (!prepared)
        atomic_fetch_sub_explicit(&forking, 1, memory_order_release);
    for (size_t i = DAL_FORK_MAX; i-- > 0;) {
        const struct dal_instance *instance = prepared_at(i);

        if (instance)
            prepare(instance);
    }
}

static void release_all(int in_child)
{
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        const struct dal_instance *instance = prepared_at(i);

        if (instance)
            release(instance, 0, in_child);
    }
}

static void parent_all(void)
{
    release_all(0);
    if (prepared)
        atomic_fetch_sub_explicit(&forking, 1, memory_order_release);
    prepared = 0;
}

/* The child has no thread but this one: what others were about to destroy stays as it is. */
static void child_all(void)
{
    release_all(1);
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        if (atomic_load_explicit(&watched[i], memory_order_relaxed) & GOING)
            atomic_store_explicit(&watched[i], 0, memory_order_relaxed);
    }
    atomic_store_explicit(&forking, 0, memory_order_relaxed);
    prepared = 0;
}

static int register_once(void)
{
    static atomic_flag registered = ATOMIC_FLAG_INIT;

    if (atomic_flag_test_and_set_explicit(&registered, memory_order_relaxed))
        return DAL_OK;
    if (dal_os_atfork_(prepare_all, parent_all, child_all) == 0)
        return DAL_OK;
    atomic_flag_clear_explicit(&registered, memory_order_relaxed);
    return DAL_ERR_SYSTEM;
}

int dal_fork_watch_(const struct dal_instance *instance)
{
    int error;

    if (!(instance->native & DAL_SLOT_FORK) && !nested_after(instance))
        return DAL_OK;
    error = register_once();
    if (error)
        return error;
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        uintptr_t free_place = 0;

        if (atomic_compare_exchange_strong_explicit(&watched[i], &free_place, (uintptr_t)instance,
                                                    memory_order_acq_rel, memory_order_relaxed))
            return DAL_OK;
    }
    return DAL_ERR_FULL;
}

/* Not in a thread that is forking itself, as a handler of the program's may be. */
static void wait_for_forks(void)
{
    while (!prepared && atomic_load_explicit(&forking, memory_order_seq_cst) > 0)
        dal_os_yield_();
}

void dal_fork_unwatch_(const struct dal_instance *instance)
{
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        uintptr_t there = (uintptr_t)instance;

        if (!atomic_compare_exchange_strong_explicit(&watched[i], &there, there | GOING,
                                                     memory_order_seq_cst, memory_order_relaxed))
            continue;
        wait_for_forks();
        atomic_store_explicit(&watched[i], 0, memory_order_release);
        return;
    }
}
