/* SPDX-License-Identifier: MIT */
/* The processor's faults as Windows tells them: before any handler of the program's. */
#include <windows.h>

#include "guard.h"

static LONG CALLBACK look(EXCEPTION_POINTERS *exception)
{
    const EXCEPTION_RECORD *record = exception->ExceptionRecord;

    if (record->ExceptionCode == EXCEPTION_ACCESS_VIOLATION && record->NumberParameters >= 2)
        dal_guard_fault_access_(
            &(struct guard_access){.address = (uintptr_t)record->ExceptionInformation[1],
                                   .how = "access violation",
                                   .what = record->ExceptionInformation[0] == 0   ? "read"
                                           : record->ExceptionInformation[0] == 1 ? "write"
                                                                                  : "execution",
                                   .context = exception->ContextRecord});
    return EXCEPTION_CONTINUE_SEARCH;
}

void dal_guard_watch_(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set_explicit(&done, memory_order_relaxed))
        (void)AddVectoredExceptionHandler(1, look);
}

/* Nobody can take its place. */
const char *dal_guard_unwatched_(void)
{
    return NULL;
}
