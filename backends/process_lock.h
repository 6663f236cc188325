/* SPDX-License-Identifier: MIT */
/*
 * A lock for what a process does but now and then, in create(). A child that was forked while
 * another thread had it finds it free, since that thread is not there: a mutex would stay locked
 * for ever. What is done under it is such that it can be begun again.
 */
#ifndef DAL_BACKENDS_PROCESS_LOCK_H
#define DAL_BACKENDS_PROCESS_LOCK_H

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

/* The process whose thread has it; 0: nobody. */
typedef _Atomic(int) dal_process_lock_word_;

/* Acquire pairs with the release in dal_process_unlock_(). */
static inline void dal_process_lock_(dal_process_lock_word_ *lock)
{
    int process = (int)getpid();
    int holder = atomic_load_explicit(lock, memory_order_relaxed);

    for (;;) {
        if (holder == process) {
            (void)sched_yield();
            holder = atomic_load_explicit(lock, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(
                       lock, &holder, process, memory_order_acquire, memory_order_relaxed)) {
            return;
        }
    }
}

static inline void dal_process_unlock_(dal_process_lock_word_ *lock)
{
    atomic_store_explicit(lock, 0, memory_order_release);
}

#endif /* DAL_BACKENDS_PROCESS_LOCK_H */
