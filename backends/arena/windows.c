/* SPDX-License-Identifier: MIT */
/*
 * What the backend `arena` needs of Windows. See heap.h.
 *
 * A fibre-local slot calls its function when a thread ends, as a POSIX key does, but only
 * once: what destructors allocate after that stays with the thread that is gone.
 */
#include "heap.h"

#include <windows.h>

static _Atomic DWORD slot_plus_one;

static VOID WINAPI at_thread_exit(PVOID unused)
{
    (void)unused;
    dal_heap_leave_();
}

int dal_heap_exit_prepare_(void)
{
    DWORD expected = 0;
    DWORD slot;

    if (atomic_load_explicit(&slot_plus_one, memory_order_relaxed) != 0)
        return 0;
    slot = FlsAlloc(at_thread_exit);
    if (slot == FLS_OUT_OF_INDEXES)
        return -1;
    if (!atomic_compare_exchange_strong_explicit(&slot_plus_one, &expected, slot + 1,
                                                 memory_order_relaxed, memory_order_relaxed))
        (void)FlsFree(slot);
    return 0;
}

void dal_heap_exit_watch_(void)
{
    /* The heap of the process has no create() that would have done it. */
    if (dal_heap_exit_prepare_() != 0)
        return;
    (void)FlsSetValue(atomic_load_explicit(&slot_plus_one, memory_order_relaxed) - 1,
                      &slot_plus_one);
}

void *dal_heap_pages_(size_t bytes)
{
    return VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}
