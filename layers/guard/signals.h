/* SPDX-License-Identifier: MIT */
/*
 * SIGSEGV and SIGBUS for several: who looks at a fault first, and the handler of the program, which
 * runs after, as if it had come straight from the kernel.
 *
 * Compiled twice: for the layer, where the program's handler is the one that was there before ours;
 * and for libdispatchalloc-guard.so, which serves sigaction() as well, so that it is whichever the
 * program has asked for since. Where that is preloaded the layer goes by it.
 *
 * The kernel's action has the flags and the mask of the program's, so that the stack, the signals
 * that are held back and calls that go on are as the program wants them; only SA_RESETHAND is done
 * here. There is no lock, and all may be called in a handler.
 */
#ifndef GUARD_SIGNALS_H
#define GUARD_SIGNALS_H

#include <signal.h>

#include "../instances.h"

/* Looks at a signal, and says nothing about what becomes of it. */
typedef void (*guard_signal_looker)(int number, siginfo_t *info, void *context);

/* What libdispatchalloc-guard.so shows: the functions below of its own. */
struct dal_guard_signals_ {
    int (*look_first)(guard_signal_looker looker);
    int (*is_ours)(int number);
};

/* Have a function look at both signals first from now on; the same again is a no-op. 0, or -1 if
 * there are too many. */
LAYER_HIDDEN int dal_guard_signals_look_first_(guard_signal_looker looker);

/* Whether the kernel's handler is ours. */
LAYER_HIDDEN int dal_guard_signals_is_ours_(int number);

/* ---- For who serves sigaction() -------------------------------------------------------------- */

/* Whether the action of the program for a signal is kept here. */
LAYER_HIDDEN int dal_guard_signals_keeps_(int number);

/* As sigaction(2), for a signal that is kept. */
LAYER_HIDDEN void dal_guard_signals_act_(int number, const struct sigaction *action,
                                         struct sigaction *old);

/* What the kernel tells of a signal: where that is our handler, the action of the program. */
LAYER_HIDDEN void dal_guard_signals_show_(int number, struct sigaction *action);

/* ---- What this needs ------------------------------------------------------------------------- */

/* sigaction(2) as the C library has it. */
LAYER_HIDDEN int dal_guard_signals_kernel_(int number, const struct sigaction *action,
                                           struct sigaction *old);

/* Whether the memory is this process's own, and not that of its parent, as after vfork(). */
LAYER_HIDDEN int dal_guard_signals_own_(void);

#endif /* GUARD_SIGNALS_H */
