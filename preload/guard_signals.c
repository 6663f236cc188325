/* SPDX-License-Identifier: MIT */
/*
 * sigaction() and its kin for SIGSEGV and SIGBUS, beside the layer `guard`: an object apart that
 * `dispatchalloc run` preloads where that is in the spec. A program that installs a handler of its
 * own, as the JVM, node and Go with C in it do, would take the layer's place, and not hand on. Here
 * it gets what it asked for, and is told so when it asks; the kernel has ours, after which the
 * program's runs (../layers/guard/signals.h). All other signals go to the C library.
 *
 * sigset(), sigignore() and siginterrupt() are left out, which no program of today calls for these,
 * and so is the system call itself.
 */
#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../layers/guard/signals.h"
#include "loaded.h"

#define EXPORT __attribute__((visibility("default")))

typedef int action_function(int number, const struct sigaction *action, struct sigaction *old);
typedef void (*handler)(int);
typedef handler signal_function(int number, handler action);

/* ---- The C library's ------------------------------------------------------------------------- */

enum name { SIGACTION, SIGNAL, SYSV_SIGNAL, NAMES };

/* Relaxed: whoever finds one stores the same. */
static _Atomic(uintptr_t) found[NAMES];

/* In the tables, since dlsym() allocates; those of other C libraries are not known there. */
__attribute__((noinline)) static uintptr_t find(enum name which)
{
    static const char *const names[NAMES] = {"sigaction", "signal", "__sysv_signal"};
    struct dal_loaded_ libc;
    uintptr_t address = 0;

    if (dal_loaded_find_("libc.so.6", &libc))
        address = (uintptr_t)dal_loaded_symbol_(&libc, names[which]);
    if (!address)
        address = (uintptr_t)dlsym(RTLD_NEXT, names[which]);
    atomic_store_explicit(&found[which], address, memory_order_relaxed);
    return address;
}

static uintptr_t real(enum name which)
{
    uintptr_t address = atomic_load_explicit(&found[which], memory_order_relaxed);

    return address ? address : find(which);
}

int dal_guard_signals_kernel_(int number, const struct sigaction *action, struct sigaction *old)
{
    return ((action_function *)real(SIGACTION))(number, action, old);
}

/* ---- Whose memory this is ---------------------------------------------------------------------
 */

/*
 * The child of a vfork() has the memory of its parent, and actions of its own: what it asks for,
 * before it becomes another program, is the kernel's business. That of a fork has memory of its
 * own, also where neither fork() nor its handlers were called, but _Fork() or clone(2): so the
 * owner stands in a page that such a child finds zeroed, and it becomes the owner when it asks.
 * (Or its own child of a vfork() does, if that asks before: then the kernel has both.) Where the
 * system has no such page it is a variable, and fork() tells. A handler that is for once and runs
 * in the child of a vfork() is for once there, and the parent's still.
 */
static _Atomic(pid_t) plain_owner;
static _Atomic(pid_t) *owner = &plain_owner;

static void become_owner(void)
{
    atomic_store_explicit(owner, getpid(), memory_order_relaxed);
}

static void map_owner(void)
{
#ifdef MADV_WIPEONFORK
    size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return;
    if (madvise(page, bytes, MADV_WIPEONFORK) == 0)
        owner = page;
    else
        (void)munmap(page, bytes);
#endif
}

/* Not when a handler calls: a lookup takes the loader's lock. */
__attribute__((constructor)) static void start(void)
{
    for (int which = 0; which < NAMES; which++)
        (void)real((enum name)which);
    map_owner();
    become_owner();
    (void)pthread_atfork(NULL, NULL, become_owner);
}

int dal_guard_signals_own_(void)
{
    pid_t known = atomic_load_explicit(owner, memory_order_relaxed);

    if (known == 0)
        become_owner();
    return known == 0 || known == getpid();
}

static int is_kept(int number)
{
    return dal_guard_signals_own_() && dal_guard_signals_keeps_(number);
}

/* ---- What programs call -----------------------------------------------------------------------
 */

static int serve_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    int result;

    if (number != SIGSEGV && number != SIGBUS)
        return ((action_function *)real(SIGACTION))(number, action, old);
    if (is_kept(number)) {
        dal_guard_signals_act_(number, action, old);
        return 0;
    }
    result = dal_guard_signals_kernel_(number, action, old);
    if (result == 0 && old && dal_guard_signals_keeps_(number))
        dal_guard_signals_show_(number, old);
    return result;
}

/* By the flags that the C library has for it. */
static handler act(int number, handler wanted, int flags, int holds_itself_back)
{
    struct sigaction action, old;

    if (wanted == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = wanted;
    action.sa_flags = flags;
    if (holds_itself_back)
        (void)sigaddset(&action.sa_mask, number);
    return serve_sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

static handler serve_signal(int number, handler action)
{
    if (number != SIGSEGV && number != SIGBUS)
        return ((signal_function *)real(SIGNAL))(number, action);
    return act(number, action, (int)SA_RESTART, 1);
}

static handler serve_sysv_signal(int number, handler action)
{
    if (number != SIGSEGV && number != SIGBUS)
        return ((signal_function *)real(SYSV_SIGNAL))(number, action);
    return act(number, action, (int)(SA_RESETHAND | SA_NODEFER), 0);
}

/* By all names that the C library has for these. */
#define NAMED(name, function) EXPORT __typeof__(function) name __attribute__((alias(#function)));

NAMED(sigaction, serve_sigaction)
NAMED(__sigaction, serve_sigaction)
NAMED(signal, serve_signal)
NAMED(bsd_signal, serve_signal)
NAMED(ssignal, serve_signal)
NAMED(__sysv_signal, serve_sysv_signal)
NAMED(sysv_signal, serve_sysv_signal)

/* ---- What the layer calls ---------------------------------------------------------------------
 */

extern const struct dal_guard_signals_ dal_guard_signals_;

EXPORT const struct dal_guard_signals_ dal_guard_signals_ = {
    .look_first = dal_guard_signals_look_first_,
    .is_ours = dal_guard_signals_is_ours_,
};
