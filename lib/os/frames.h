/* SPDX-License-Identifier: MIT */
/*
 * What following the frames of a stack needs of the system. Takes no lock, allocates nothing, and
 * keeps errno, wherever it is called.
 */
#ifndef DAL_OS_FRAMES_H
#define DAL_OS_FRAMES_H

#include <stddef.h>
#include <stdint.h>

/* Whether the registers of what a signal has interrupted are known. */
#if defined __linux__ && (defined __x86_64__ || defined __i386__ || defined __aarch64__ || \
                          (defined __riscv && __riscv_xlen == 64))
# define DAL_OS_HAS_REGISTERS_ 1
#else
# define DAL_OS_HAS_REGISTERS_ 0
#endif

/* For functions that read other functions' frames: sanitizers have their own mind about those. */
#define DAL_UNCHECKED_ __attribute__((no_sanitize_address, no_sanitize_thread))

/* What the readable pages of all systems are multiples of. */
#define DAL_OS_PAGE_BYTES_LEAST_ 4096

/* Whether there is all of it. */
#if DAL_OS_HAS_REGISTERS_ && defined HAVE__DL_FIND_OBJECT
# define DAL_OS_HAS_FRAMES_ 1
#else
# define DAL_OS_HAS_FRAMES_ 0
#endif

#ifdef __linux__
# define DAL_OS_HAS_READABLE_ 1
/* Whether the page of an address can be read: asks the system. */
int dal_os_is_readable_(uintptr_t address);
#else
# define DAL_OS_HAS_READABLE_ 0
#endif

#if DAL_OS_HAS_REGISTERS_
/* What a function that was interrupted by a signal had in its registers. */
struct dal_os_registers_ {
    uintptr_t place, stack, pointer, return_address;
};

/* Read them from what a handler gets for its third argument. */
void dal_os_context_registers_(const void *context, struct dal_os_registers_ *registers);
#endif

#if DAL_OS_HAS_FRAMES_

/* An object of the process: where it is mapped, and the head of its call frame information
 * (.eh_frame_hdr). */
struct dal_os_code_ {
    uintptr_t start, end;
    const void *rules;
};

/* The one at an address, if it has such. Returns 0 otherwise. */
int dal_os_code_at_(uintptr_t address, struct dal_os_code_ *code);

/* An object of the process: where it is mapped, from its head on, what its addresses are moved by,
 * and its file, "" for the program's. */
struct dal_os_object_ {
    uintptr_t start, end, moved_by;
    const char *file;
};

/* The one at an address. Returns 0 if there is none. */
int dal_os_object_at_(uintptr_t address, struct dal_os_object_ *object);

/* That file, stored without an end, as much of it as there is room for: how many bytes; 0 where it
 * is not told. */
size_t dal_os_program_file_(char *path, size_t bytes);

/* Read those registers where the stack pointer is when the handler has returned; so many bytes have
 * to be readable there, 0 where that is not known. */
size_t dal_os_signal_frame_bytes_(void);
void dal_os_signal_registers_(const void *stack, struct dal_os_registers_ *registers);

#endif

#endif /* DAL_OS_FRAMES_H */
