/* SPDX-License-Identifier: MIT */
/* The processor's faults as POSIX systems tell them: by SIGSEGV and SIGBUS. */
#ifndef _GNU_SOURCE
# define _GNU_SOURCE /* the registers of a ucontext_t */
#endif
#include <poll.h>
#include <unistd.h>
#ifdef __linux__
# include <ucontext.h>
#endif

#include "guard.h"
#include "signals.h"

/* Where libdispatchalloc-guard.so is preloaded, its own; the loader binds the reference. */
#ifdef __ELF__
extern const struct dal_guard_signals_ dal_guard_signals_ __attribute__((weak));
# define IS_SERVED (&dal_guard_signals_ != NULL)
#else
# define IS_SERVED 0
static const struct dal_guard_signals_ dal_guard_signals_;
#endif

int dal_guard_signals_kernel_(int number, const struct sigaction *action, struct sigaction *old)
{
    return sigaction(number, action, old);
}

/* Where nobody serves sigaction() nobody knows; what is kept is what was there before the layer. */
int dal_guard_signals_own_(void)
{
    return 1;
}

/* ---- What the processor tells of an access ----------------------------------------------------
 */

#if defined __linux__ && (defined __x86_64__ || defined __i386__)
static const char *what_was_done(const void *context)
{
    const ucontext_t *interrupted = context;
    /* As the page fault has it: bit 1 for a write, bit 4 for an instruction. */
    unsigned long error = (unsigned long)interrupted->uc_mcontext.gregs[REG_ERR];

    return error & 0x10 ? "execution" : error & 0x2 ? "write" : "read";
}
#elif defined __linux__ && defined __aarch64__
/* Records, of which that of the syndrome has this number. */
struct record {
    uint32_t magic, bytes;
    uint64_t syndrome;
};
# define SYNDROME_MAGIC UINT32_C(0x45535201)

static const char *what_was_done(const void *context)
{
    const ucontext_t *interrupted = context;
    const unsigned char *at = interrupted->uc_mcontext.__reserved;
    const unsigned char *end = at + sizeof interrupted->uc_mcontext.__reserved;

    while ((size_t)(end - at) >= sizeof(struct record)) {
        const struct record *record = (const void *)at;

        /* Of a data abort bit 6 tells that it was a write. */
        if (record->magic == SYNDROME_MAGIC)
            return record->syndrome >> 26 != 0x24 ? "access"
                   : record->syndrome & 1 << 6    ? "write"
                                                  : "read";
        if (record->bytes == 0 || record->bytes > (size_t)(end - at))
            break;
        at += record->bytes;
    }
    return "access";
}
#else
static const char *what_was_done(const void *context)
{
    (void)context;
    return "access";
}
#endif

static void look(int number, siginfo_t *info, void *context)
{
    /* One that a process has sent is no fault, and has no address. */
    if (info->si_code > 0)
        dal_guard_fault_access_(
            &(struct guard_access){.address = (uintptr_t)info->si_addr,
                                   .how = number == SIGBUS ? "SIGBUS" : "SIGSEGV",
                                   .what = what_was_done(context),
                                   .context = context});
}

/* ---- Watching ---------------------------------------------------------------------------------
 */

void dal_guard_watch_(void)
{
    /* What a report is written with, which the loader binds at the first call. */
    (void)!write(-1, "", 0);
    (void)poll(NULL, 0, 0);
    if (IS_SERVED)
        (void)dal_guard_signals_.look_first(look);
    else
        (void)dal_guard_signals_look_first_(look);
}

const char *dal_guard_unwatched_(void)
{
    int (*is_ours)(int) = IS_SERVED ? dal_guard_signals_.is_ours : dal_guard_signals_is_ours_;

    return !is_ours(SIGSEGV) ? "SIGSEGV" : !is_ours(SIGBUS) ? "SIGBUS" : NULL;
}
