/* SPDX-License-Identifier: MIT */
/* See frames.h. Linux, with the GNU C library. */
#include <config.h>

#include "os/frames.h"

#if DAL_OS_HAS_FRAMES_

# include <dlfcn.h>
# include <errno.h>
# include <link.h>
# include <signal.h>
# include <sys/syscall.h>
# include <ucontext.h>
# include <unistd.h>

int dal_os_code_at_(uintptr_t address, struct dal_os_code_ *code)
{
    struct dl_find_object found;

    if (_dl_find_object((void *)address, &found) != 0 || !found.dlfo_eh_frame)
        return 0;
    *code = (struct dal_os_code_){(uintptr_t)found.dlfo_map_start, (uintptr_t)found.dlfo_map_end,
                                  found.dlfo_eh_frame};
    return 1;
}

/* By a call that reads a set of signals, and then refuses what it is asked to do with it. */
int dal_os_is_readable_(uintptr_t address)
{
    enum { NO_SUCH_CHANGE = -1, SET_BYTES = 8 };
    int saved_errno = errno;
    int is_readable;

    (void)syscall(SYS_rt_sigprocmask, NO_SUCH_CHANGE, address & ~(uintptr_t)(SET_BYTES - 1), NULL,
                  SET_BYTES);
    is_readable = errno == EINVAL;
    errno = saved_errno;
    return is_readable;
}

/* ---- Registers of a function that was interrupted ---------------------------------------------
 */

/* The kernel has put a ucontext_t there, behind a siginfo_t of 128 bytes but on x86-64. */
# if defined __x86_64__
enum { CONTEXT_AT = 0 };
#  define REGISTERS(context)                                      \
      {                                                           \
          (uintptr_t)(context)->uc_mcontext.gregs[REG_RIP],       \
              (uintptr_t)(context)->uc_mcontext.gregs[REG_RSP],   \
              (uintptr_t)(context)->uc_mcontext.gregs[REG_RBP], 0 \
      }
# elif defined __aarch64__
enum { CONTEXT_AT = 128 };
#  define REGISTERS(context)                                                                     \
      {                                                                                          \
          (context)->uc_mcontext.pc, (context)->uc_mcontext.sp, (context)->uc_mcontext.regs[29], \
              (context)->uc_mcontext.regs[30]                                                    \
      }
# elif defined __riscv
enum { CONTEXT_AT = 128 };
#  define REGISTERS(context)                                                                 \
      {                                                                                      \
          (context)->uc_mcontext.__gregs[REG_PC], (context)->uc_mcontext.__gregs[REG_SP],    \
              (context)->uc_mcontext.__gregs[REG_S0], (context)->uc_mcontext.__gregs[REG_RA] \
      }
# endif

# ifdef REGISTERS
size_t dal_os_signal_frame_bytes_(void)
{
    return CONTEXT_AT + offsetof(ucontext_t, uc_mcontext) + sizeof(mcontext_t);
}

void dal_os_signal_registers_(const void *stack, struct dal_os_registers_ *registers)
{
    const ucontext_t *context = (const void *)((const char *)stack + CONTEXT_AT);

    *registers = (struct dal_os_registers_)REGISTERS(context);
}
# else
size_t dal_os_signal_frame_bytes_(void)
{
    return 0;
}

void dal_os_signal_registers_(const void *stack, struct dal_os_registers_ *registers)
{
    (void)stack;
    *registers = (struct dal_os_registers_){0, 0, 0, 0};
}
# endif

#endif
