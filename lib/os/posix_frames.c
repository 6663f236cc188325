/* SPDX-License-Identifier: MIT */
/* See frames.h. Linux; what is of objects with the GNU C library. */
#include <config.h>

#include "os/frames.h"

#ifdef __linux__

# include <errno.h>
# include <signal.h>
# include <sys/syscall.h>
# include <ucontext.h>
# include <unistd.h>

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

#endif

#if DAL_OS_HAS_FRAMES_

# include <dlfcn.h>
# include <link.h>

int dal_os_code_at_(uintptr_t address, struct dal_os_code_ *code)
{
    struct dl_find_object found;

    if (_dl_find_object((void *)address, &found) != 0 || !found.dlfo_eh_frame)
        return 0;
    *code = (struct dal_os_code_){(uintptr_t)found.dlfo_map_start, (uintptr_t)found.dlfo_map_end,
                                  found.dlfo_eh_frame};
    return 1;
}

int dal_os_object_at_(uintptr_t address, struct dal_os_object_ *object)
{
    struct dl_find_object found;
    const char *file;

    if (_dl_find_object((void *)address, &found) != 0)
        return 0;
    file = found.dlfo_link_map->l_name;
    *object =
        (struct dal_os_object_){(uintptr_t)found.dlfo_map_start, (uintptr_t)found.dlfo_map_end,
                                found.dlfo_link_map->l_addr, file ? file : ""};
    return 1;
}

size_t dal_os_program_file_(char *path, size_t bytes)
{
    int saved_errno = errno;
    ssize_t length = readlink("/proc/self/exe", path, bytes);

    /* Of a main thread that has ended before others there is none. */
    if (length <= 0)
        length = readlink("/proc/thread-self/exe", path, bytes);
    errno = saved_errno;
    return length > 0 ? (size_t)length : 0;
}

#endif

/* ---- Registers of a function that was interrupted ---------------------------------------------
 */

#if DAL_OS_HAS_REGISTERS_

# if defined __x86_64__
#  define REGISTERS(context)                                      \
      {                                                           \
          (uintptr_t)(context)->uc_mcontext.gregs[REG_RIP],       \
              (uintptr_t)(context)->uc_mcontext.gregs[REG_RSP],   \
              (uintptr_t)(context)->uc_mcontext.gregs[REG_RBP], 0 \
      }
# elif defined __i386__
#  define REGISTERS(context)                                      \
      {                                                           \
          (uintptr_t)(context)->uc_mcontext.gregs[REG_EIP],       \
              (uintptr_t)(context)->uc_mcontext.gregs[REG_ESP],   \
              (uintptr_t)(context)->uc_mcontext.gregs[REG_EBP], 0 \
      }
# elif defined __aarch64__
#  define REGISTERS(context)                                                                     \
      {                                                                                          \
          (context)->uc_mcontext.pc, (context)->uc_mcontext.sp, (context)->uc_mcontext.regs[29], \
              (context)->uc_mcontext.regs[30]                                                    \
      }
# elif defined __riscv
#  define REGISTERS(context)                                                                 \
      {                                                                                      \
          (context)->uc_mcontext.__gregs[REG_PC], (context)->uc_mcontext.__gregs[REG_SP],    \
              (context)->uc_mcontext.__gregs[REG_S0], (context)->uc_mcontext.__gregs[REG_RA] \
      }
# endif

void dal_os_context_registers_(const void *context, struct dal_os_registers_ *registers)
{
    const ucontext_t *interrupted = context;

    *registers = (struct dal_os_registers_)REGISTERS(interrupted);
}

#endif

#if DAL_OS_HAS_FRAMES_

/* The kernel has put a ucontext_t there, behind a siginfo_t of 128 bytes but on x86-64; where it is
 * on i386 depends on how the handler was asked for. */
# ifndef __i386__
#  ifdef __x86_64__
enum { CONTEXT_AT = 0 };
#  else
enum { CONTEXT_AT = 128 };
#  endif

size_t dal_os_signal_frame_bytes_(void)
{
    return CONTEXT_AT + offsetof(ucontext_t, uc_mcontext) + sizeof(mcontext_t);
}

void dal_os_signal_registers_(const void *stack, struct dal_os_registers_ *registers)
{
    dal_os_context_registers_((const char *)stack + CONTEXT_AT, registers);
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
