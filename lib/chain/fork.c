/* SPDX-License-Identifier: MIT */
/*
 * Calling the fork functions of instances around fork(2). A process in which no instance
 * has any registers no handler. No lock: each place of the list is taken and left by one
 * atomic step, and the child of a fork finds the list as the parent left it.
 *
 * Any thread may fork, and any other make and destroy instances meanwhile. Whose prepare function a
 * fork has called, its parent or child function is called by that fork and no other's is.
 */
#include <config.h>

#include "chain/fork.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <dispatchalloc/error.h>

#include "os/os.h"
#include "chain/instance.h"

/*
 * 0: free. An instance. An instance and GOING: it is about to be destroyed, and takes part in no
 * further fork, but in the end of those that have prepared it. A number and GONE: it was destroyed
 * by a thread that is forking itself and cannot wait, so nobody calls it any more; free once no
 * fork counts on the place, which until then is not to be another instance's. The number never
 * comes again, so that who takes such a place takes the one that was seen.
 */
static _Atomic(uintptr_t) watched[DAL_FORK_MAX];

#define GOING ((uintptr_t)1)
#define GONE  ((uintptr_t)2)

/*
 * Forks that each place takes part in. Who forks counts itself and then looks at the place; who
 * destroys marks the place and then looks here. Both are sequentially consistent, so that at least
 * one of them sees the other. What is counted off is released, for who destroys.
 */
static _Atomic(unsigned) takers[DAL_FORK_MAX];

static int is_there(uintptr_t place)
{
    return place != 0 && !(place & (GOING | GONE));
}

static const struct dal_instance *instance_of(uintptr_t place)
{
    return place & GONE ? NULL : (const struct dal_instance *)(place & ~GOING);
}

/* The fork that this thread is at, and the places that take part in it, a bit each. Another thread
 * may make an instance between prepare and parent: its parent function is not to release a lock
 * that its prepare did not take. */
static _Thread_local uint64_t prepared;

#define FORKING (UINT64_C(1) << 63)

_Static_assert(DAL_FORK_MAX <= 63, "every place has a bit, and that there is a fork has one");

static int is_forking(void)
{
    return (prepared & FORKING) != 0;
}

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

static void take_leave(size_t index)
{
    atomic_fetch_sub_explicit(&takers[index], 1, memory_order_release);
}

/* Of two that wrap the same instance one is not in use: a choice that is being made, or that was
 * replaced. The instance is not to be called by way of both. */
static int is_another_wrapper(const struct dal_instance *instance)
{
    const struct dal_instance *base = instance->private_[DAL_PRIVATE_BASE];

    return base && base->native & DAL_SLOT_FORK && is_wrapped(base);
}

static void take_part(size_t index)
{
    uintptr_t place = atomic_load_explicit(&watched[index], memory_order_relaxed);

    if (!is_there(place))
        return;
    atomic_fetch_add_explicit(&takers[index], 1, memory_order_seq_cst);
    place = atomic_load_explicit(&watched[index], memory_order_seq_cst);
    if (is_there(place) && !is_another_wrapper(instance_of(place)))
        prepared |= UINT64_C(1) << index;
    else
        take_leave(index);
}

/* What was made later first, mostly, so that what was built on another is quiet before it. Who
 * takes part is settled before the first one is called, and stays so until all are released. */
static void prepare_all(void)
{
    if (is_forking())
        return; /* these handlers are registered twice */
    prepared = FORKING;
    for (size_t i = 0; i < DAL_FORK_MAX; i++)
        take_part(i);
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

static void end_fork(void)
{
    prepared = 0;
}

static void parent_all(void)
{
    release_all(0);
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        if (prepared >> i & 1)
            take_leave(i);
    }
    end_fork();
}

/* The child has no thread but this one: what others were about to destroy stays as it is. */
static void child_all(void)
{
    release_all(1);
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        if (!is_there(atomic_load_explicit(&watched[i], memory_order_relaxed)))
            atomic_store_explicit(&watched[i], 0, memory_order_relaxed);
        atomic_store_explicit(&takers[i], 0, memory_order_relaxed);
    }
    end_fork();
}

/* Threads that come here at once register the handlers more than once, which does no harm. To wait
 * for the first of them could be for ever, in a child that was forked without it; and to go on
 * would be without handlers. */
static int register_handlers(void)
{
    static _Atomic(bool) are_registered;

    if (atomic_load_explicit(&are_registered, memory_order_acquire))
        return DAL_OK;
    if (dal_os_atfork_(prepare_all, parent_all, child_all) != 0)
        return DAL_ERR_SYSTEM;
    atomic_store_explicit(&are_registered, true, memory_order_release);
    return DAL_OK;
}

/* A place that is GONE is looked at before its count: forks that took part before that are counted
 * by then, and later ones do not take part. */
static int is_free(size_t index, uintptr_t place)
{
    return place == 0 ||
           (place & GONE && atomic_load_explicit(&takers[index], memory_order_seq_cst) == 0);
}

/* Put an instance into a place if it is free. */
static int settle(size_t index, const struct dal_instance *instance)
{
    uintptr_t place = atomic_load_explicit(&watched[index], memory_order_seq_cst);

    return is_free(index, place) &&
           atomic_compare_exchange_strong_explicit(&watched[index], &place, (uintptr_t)instance,
                                                   memory_order_seq_cst, memory_order_relaxed);
}

int dal_fork_watch_(const struct dal_instance *instance)
{
    int error;

    if (!(instance->native & DAL_SLOT_FORK) && !nested_after(instance))
        return DAL_OK;
    error = register_handlers();
    if (error)
        return error;
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        if (settle(i, instance))
            return DAL_OK;
    }
    return DAL_ERR_FULL;
}

/* Until no fork calls what is in a place any more. */
static void wait_for_forks(size_t index)
{
    while (atomic_load_explicit(&takers[index], memory_order_seq_cst) > 0)
        dal_os_yield_();
}

/* What a place is left as by a thread that is forking, in a handler. */
static uintptr_t gone(void)
{
    static _Atomic(uintptr_t) count;

    return atomic_fetch_add_explicit(&count, GONE << 1, memory_order_relaxed) | GONE;
}

void dal_fork_unwatch_(const struct dal_instance *instance)
{
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        uintptr_t there = (uintptr_t)instance;

        if (!atomic_compare_exchange_strong_explicit(&watched[i], &there, there | GOING,
                                                     memory_order_seq_cst, memory_order_relaxed))
            continue;
        if (!is_forking())
            wait_for_forks(i);
        atomic_store_explicit(&watched[i], is_forking() ? gone() : 0, memory_order_seq_cst);
        return;
    }
}
