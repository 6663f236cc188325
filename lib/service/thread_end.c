/* SPDX-License-Identifier: MIT */
/*
 * The end of threads: one key of the system for the process, any number of listeners.
 *
 * The listeners stand in places that are filled in order and never emptied, so that a thread which
 * ends walks them without a lock, and a fork between any two instructions leaves them whole.
 */
#include <config.h>

#include "service/service.h"

#include <stdatomic.h>

#include <dispatchalloc/error.h>

enum { PLACES = 15 };

struct listeners {
    _Atomic(struct dal_thread_listener *) places[PLACES];
    _Atomic(struct listeners *) next;
};
static struct listeners first_listeners;

/* Acquire pairs with the release that filled a place, and made the next ones. */
static void thread_ends(void)
{
    struct listeners *listeners = &first_listeners;

    for (; listeners; listeners = atomic_load_explicit(&listeners->next, memory_order_acquire)) {
        for (size_t i = 0; i < PLACES; i++) {
            struct dal_thread_listener *listener =
                atomic_load_explicit(&listeners->places[i], memory_order_acquire);

            if (listener)
                listener->ended(listener);
        }
    }
    dal_thread_record_end_();
}

int dal_thread_end_prepare_(void)
{
    return dal_os_thread_end_prepare_(thread_ends) == 0;
}

/* The listener stands there: 1, now or already; 0 if it has no place here. */
static int has_place(struct listeners *listeners, struct dal_thread_listener *listener)
{
    for (size_t i = 0; i < PLACES; i++) {
        struct dal_thread_listener *seen = NULL;

        if (atomic_compare_exchange_strong_explicit(&listeners->places[i], &seen, listener,
                                                    memory_order_acq_rel, memory_order_acquire) ||
            seen == listener)
            return 1;
    }
    return 0;
}

static struct listeners *next_of(struct listeners *listeners)
{
    struct listeners *next = atomic_load_explicit(&listeners->next, memory_order_acquire);
    struct listeners *made;

    if (next)
        return next;
    made = dal_os_map_(sizeof *made);
    if (made && !atomic_compare_exchange_strong_explicit(
                    &listeners->next, &next, made, memory_order_acq_rel, memory_order_acquire)) {
        dal_os_unmap_(made, sizeof *made);
        made = next;
    }
    return made;
}

int dal_thread_end_listen_(struct dal_thread_listener *listener)
{
    struct listeners *listeners = &first_listeners;

    if (!dal_thread_end_prepare_())
        return DAL_ERR_SYSTEM;
    while (listeners && !has_place(listeners, listener))
        listeners = next_of(listeners);
    return listeners ? DAL_OK : DAL_ERR_MEMORY;
}

void dal_thread_end_announce_(void)
{
    /* The heap of the process has no create() that would have prepared it. */
    if (dal_thread_end_prepare_())
        dal_os_thread_end_announce_();
}
