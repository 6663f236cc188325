/* SPDX-License-Identifier: MIT */
/* Whose handler runs after ours. See signals.h. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "signals.h"

static const int numbers[] = {SIGSEGV, SIGBUS};
enum { NUMBERS = sizeof numbers / sizeof numbers[0], LOOKERS_MAX = 4 };

/* ---- What the program has asked for -----------------------------------------------------------
 */

/*
 * Actions of a signal, one of which is in force. Each is written to a place that is claimed until
 * it is in force, or will not be: a thread that stops in between, or is interrupted by a handler
 * which asks for many others, has it still. (One that a fork leaves behind is lost to the child.)
 * Nobody claims the place of what is in force. Of the
 * others the one that was left longest ago is taken, so that who reads one while others are written
 * finds it whole, or that it is another's by now, and looks again.
 */
enum { KEPT = 32, WORDS = sizeof(struct sigaction) / sizeof(uintptr_t) };

struct version {
    _Atomic(uint32_t) is_claimed; /* acquire; release when it is in force */
    _Atomic(uint32_t) number;     /* that is in the words; release when they are there */
    _Atomic(uintptr_t) words[WORDS];
};

_Static_assert(WORDS * sizeof(uintptr_t) == sizeof(struct sigaction), "it consists of words");

static struct kept {
    _Atomic(uint32_t) current, made; /* release when the version is there; relaxed */
    struct version versions[KEPT];
} all_kept[NUMBERS];

/* The places of numbers[] are those of all_kept[]. */
static struct kept *kept_of(int number)
{
    return &all_kept[number == numbers[1]];
}

static int read_version(struct kept *kept, uint32_t number, struct sigaction *action)
{
    struct version *version = &kept->versions[number % KEPT];
    uintptr_t words[WORDS];

    if (atomic_load_explicit(&version->number, memory_order_acquire) != number)
        return 0;
    for (size_t i = 0; i < WORDS; i++)
        words[i] = atomic_load_explicit(&version->words[i], memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    memcpy(action, words, sizeof *action);
    return atomic_load_explicit(&version->number, memory_order_relaxed) == number;
}

/* Returns its number. Where it is not found another one is in force by now. */
static uint32_t read_current(struct kept *kept, struct sigaction *action)
{
    uint32_t number;

    do
        number = atomic_load_explicit(&kept->current, memory_order_acquire);
    while (!read_version(kept, number, action));
    return number;
}

static struct version *version_of(struct kept *kept, uint32_t number)
{
    return &kept->versions[number % KEPT];
}

static void release(struct kept *kept, uint32_t number)
{
    atomic_store_explicit(&version_of(kept, number)->is_claimed, 0, memory_order_release);
}

/* A number whose place is the caller's until release(). What is in force cannot come to be there
 * before: only who has claimed it puts it in force. (It waits only if all others are claimed.) */
static uint32_t claim(struct kept *kept)
{
    for (;;) {
        uint32_t number = atomic_fetch_add_explicit(&kept->made, 1, memory_order_relaxed) + 1;
        struct version *version = version_of(kept, number);

        if (atomic_exchange_explicit(&version->is_claimed, 1, memory_order_acquire))
            continue;
        if (version != version_of(kept, atomic_load_explicit(&kept->current, memory_order_acquire)))
            return number;
        release(kept, number);
    }
}

/* Returns the number of the new version, which is claimed, and not in force yet. */
static uint32_t add_version(struct kept *kept, const struct sigaction *action)
{
    uint32_t number = claim(kept);
    struct version *version = version_of(kept, number);
    uintptr_t words[WORDS];

    memcpy(words, action, sizeof words);
    /* It is nobody's while it is written: the fence pairs with that of read_version(). */
    atomic_store_explicit(&version->number, number - KEPT / 2, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < WORDS; i++)
        atomic_store_explicit(&version->words[i], words[i], memory_order_relaxed);
    atomic_store_explicit(&version->number, number, memory_order_release);
    return number;
}

/* Returns the number of the one that was in force before. */
static uint32_t keep(struct kept *kept, const struct sigaction *action)
{
    uint32_t number = add_version(kept, action);
    uint32_t before = atomic_exchange_explicit(&kept->current, number, memory_order_acq_rel);

    release(kept, number);
    return before;
}

/* The same if the one that was read is in force still. */
static int keep_instead(struct kept *kept, uint32_t read, const struct sigaction *action)
{
    uint32_t number = add_version(kept, action);
    int is_kept = atomic_compare_exchange_strong_explicit(
        &kept->current, &read, number, memory_order_acq_rel, memory_order_relaxed);

    release(kept, number);
    return is_kept;
}

/* ---- The handler ------------------------------------------------------------------------------
 */

static _Atomic(guard_signal_looker) lookers[LOOKERS_MAX];

/* Whether an instruction has raised it, or the kernel for one. */
static int is_fault(const siginfo_t *info)
{
#ifdef BUS_MCEERR_AO
    if (info->si_signo == SIGBUS && info->si_code == BUS_MCEERR_AO)
        return 0;
#endif
    return info->si_code > 0;
}

static void take_default(int number)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    (void)dal_guard_signals_kernel_(number, &action, NULL);
}

/* To this thread, as it came: what ends the process, and its core, have code and address of it. */
static void send_again(int number, siginfo_t *info)
{
#ifdef SYS_rt_tgsigqueueinfo
    if (syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), number, info) == 0)
        return;
#else
    (void)info;
#endif
    (void)raise(number);
}

/* It is sent again, and comes when this returns: the instruction need not raise it once more, since
 * the kernel may have for what does not come twice (a signal whose frame did not fit on the stack),
 * or the page is open by then. To the first process of a container nothing comes that is sent and
 * has the default action: it goes on, and keeps our handler, unless its instruction ends it. */
__attribute__((noinline)) static void end_by_default(int number, siginfo_t *info)
{
    if (!is_fault(info) && getpid() == 1)
        return;
    take_default(number);
    send_again(number, info);
}

struct program_handler {
    int flags;
    void (*handler)(int);
    void (*with_info)(int, siginfo_t *, void *);
};

/* With SA_RESETHAND it is the last time: another one that a thread asks for meanwhile is neither
 * lost nor passed by. In the child of a vfork() it is the last time for that, and the parent keeps
 * it. In a function of its own, which has left the stack before that handler runs.
 */
__attribute__((noinline)) static void find_program_handler(int number,
                                                           struct program_handler *found)
{
    struct kept *kept = kept_of(number);
    struct sigaction action;
    uint32_t read;
    int is_last;

    do {
        read = read_current(kept, &action);
        *found = (struct program_handler){action.sa_flags, action.sa_handler, action.sa_sigaction};
        is_last = (action.sa_flags & (int)SA_RESETHAND) && action.sa_handler != SIG_IGN;
        action.sa_handler = SIG_DFL;
        if (is_last && !dal_guard_signals_own_()) {
            take_default(number);
            return;
        }
    } while (is_last && !keep_instead(kept, read, &action));
}

static void handle(int number, siginfo_t *info, void *context)
{
    struct program_handler program;
    int saved_errno = errno;

    for (size_t i = 0; i < LOOKERS_MAX; i++) {
        guard_signal_looker looker = atomic_load_explicit(&lookers[i], memory_order_acquire);

        if (looker)
            looker(number, info, context);
    }
    find_program_handler(number, &program);
    errno = saved_errno;
    if (program.handler == SIG_DFL || (program.handler == SIG_IGN && is_fault(info)))
        end_by_default(number, info);
    else if (program.handler == SIG_IGN)
        return;
    else if (program.flags & SA_SIGINFO)
        program.with_info(number, info, context);
    else
        program.handler(number);
}

/* ---- The kernel's action ----------------------------------------------------------------------
 */

/* What the kernel is to do so that ours comes first. Where the program has no handler a fault may
 * be that of a full stack. */
static struct sigaction ours_over(const struct sigaction *program)
{
    struct sigaction action = *program;

    if (program->sa_handler == SIG_DFL || program->sa_handler == SIG_IGN) {
        (void)sigemptyset(&action.sa_mask);
        action.sa_flags = (int)(SA_ONSTACK | SA_RESTART);
    }
    action.sa_flags = (action.sa_flags & ~(int)SA_RESETHAND) | SA_SIGINFO;
    action.sa_sigaction = handle;
    return action;
}

int dal_guard_signals_is_ours_(int number)
{
    struct sigaction action;

    return dal_guard_signals_kernel_(number, NULL, &action) == 0 && action.sa_sigaction == handle;
}

/* Once in a process, whatever was put in the place of ours since: that may go on to ours, and would
 * come to itself. */
static void install(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (atomic_flag_test_and_set_explicit(&done, memory_order_relaxed))
        return;
    for (size_t i = 0; i < NUMBERS; i++) {
        struct sigaction program, action;

        if (dal_guard_signals_kernel_(numbers[i], NULL, &program) != 0)
            continue;
        (void)keep(&all_kept[i], &program);
        action = ours_over(&program);
        (void)dal_guard_signals_kernel_(numbers[i], &action, NULL);
    }
}

/* Release: what the function needs. */
static int enter(guard_signal_looker looker)
{
    for (size_t i = 0; i < LOOKERS_MAX; i++) {
        guard_signal_looker there = NULL;

        if (atomic_compare_exchange_strong_explicit(&lookers[i], &there, looker,
                                                    memory_order_release, memory_order_relaxed) ||
            there == looker)
            return 0;
    }
    return -1;
}

int dal_guard_signals_look_first_(guard_signal_looker looker)
{
    int error = enter(looker);

    install();
    return error;
}

/* ---- For who serves sigaction() ---------------------------------------------------------------
 */

int dal_guard_signals_keeps_(int number)
{
    return (number == SIGSEGV || number == SIGBUS) &&
           atomic_load_explicit(&kept_of(number)->current, memory_order_acquire) != 0;
}

/* As often as another thread has put one in force meanwhile: the kernel's is that of the last. */
static void tell_kernel(int number)
{
    struct kept *kept = kept_of(number);
    struct sigaction program, over;
    uint32_t told;

    do {
        told = read_current(kept, &program);
        over = ours_over(&program);
        (void)dal_guard_signals_kernel_(number, &over, NULL);
    } while (atomic_load_explicit(&kept->current, memory_order_acquire) != told);
}

void dal_guard_signals_act_(int number, const struct sigaction *action, struct sigaction *old)
{
    struct kept *kept = kept_of(number);
    struct sigaction before;

    if (action) {
        struct sigaction program = *action; /* (It is the caller's fault if that is one.) */
        uint32_t number_before;

        /* Nobody can block these, and who asks is not told that they were. */
        (void)sigdelset(&program.sa_mask, SIGKILL);
        (void)sigdelset(&program.sa_mask, SIGSTOP);
        number_before = keep(kept, &program);
        if (!read_version(kept, number_before, &before))
            (void)read_current(kept, &before);
        tell_kernel(number);
    } else {
        (void)read_current(kept, &before);
    }
    if (old)
        *old = before;
}

void dal_guard_signals_show_(int number, struct sigaction *action)
{
    if (action->sa_sigaction == handle)
        (void)read_current(kept_of(number), action);
}
