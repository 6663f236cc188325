/* SPDX-License-Identifier: MIT */
/*
 * The end of threads: one key of the system for the process, any number of listeners.
 *
 * The list only grows, at its head, so that a thread which ends walks it without a lock.
 */
#include <config.h>

#include "service/service.h"

#include <stdatomic.h>

#include <dispatchalloc/error.h>

/* Release in dal_thread_end_listen_(), acquire in thread_ends(). */
static _Atomic(struct dal_thread_listener *) newest;

static void thread_ends(void)
{
    struct dal_thread_listener *listener = atomic_load_explicit(&newest, memory_order_acquire);

    for (; listener; listener = listener->next_)
        listener->ended(listener);
    dal_thread_record_end_();
}

int dal_thread_end_prepare_(void)
{
    return dal_os_thread_end_prepare_(thread_ends) == 0;
}

int dal_thread_end_listen_(struct dal_thread_listener *listener)
{
    if (!dal_thread_end_prepare_())
        return DAL_ERR_SYSTEM;
    if (__atomic_exchange_n(&listener->is_listed_, 1, __ATOMIC_RELAXED))
        return DAL_OK;
    listener->next_ = atomic_load_explicit(&newest, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&newest, &listener->next_, listener,
                                                  memory_order_release, memory_order_relaxed))
        ;
    return DAL_OK;
}

void dal_thread_end_announce_(void)
{
    /* The heap of the process has no create() that would have prepared it. */
    if (dal_thread_end_prepare_())
        dal_os_thread_end_announce_();
}
