/* SPDX-License-Identifier: MIT */
/*
 * How to get from a function's frame to its caller's: what the call frame information of a file
 * (.eh_frame, as the Linux Standard Base and DWARF have it) says about one place of the code.
 *
 * Of the registers only the stack pointer and the frame pointer are followed, by which compilers
 * tell all frames but of hand-written code. What is told in another way ends the stack.
 */
#ifndef DAL_FRAME_RULE_H
#define DAL_FRAME_RULE_H

#include <stdint.h>

#include "os/frames.h"

/* The registers by their numbers in DWARF. */
#if !DAL_OS_HAS_FRAMES_
#elif defined __x86_64__
# define DAL_FRAME_STACK_REGISTER_   7
# define DAL_FRAME_POINTER_REGISTER_ 6
#elif defined __i386__
# define DAL_FRAME_STACK_REGISTER_   4
# define DAL_FRAME_POINTER_REGISTER_ 5
#elif defined __aarch64__
# define DAL_FRAME_STACK_REGISTER_   31
# define DAL_FRAME_POINTER_REGISTER_ 29
#elif defined __riscv
# define DAL_FRAME_STACK_REGISTER_   2
# define DAL_FRAME_POINTER_REGISTER_ 8
#endif

/* What the canonical frame address (CFA) is computed from: the stack pointer before the call. */
enum dal_frame_base_ {
    DAL_FRAME_END_, /* the outermost frame, or one that is told otherwise */
    DAL_FRAME_BY_STACK_,
    DAL_FRAME_BY_POINTER_,
    DAL_FRAME_POINTED_TO_, /* it is stored at the base, as for a realigned stack on x86 */
    DAL_FRAME_OF_SIGNAL_   /* what a handler returns to: the registers are on the stack */
};

/* What is not on the stack: it still is where it was in the caller. */
#define DAL_FRAME_KEPT_ INT16_MIN

struct dal_frame_rule_ {
    uint8_t base;                  /* enum dal_frame_base_ */
    uint8_t pointer_is_by_pointer; /* it is stored relative to the frame pointer, not to the CFA */
    int32_t offset; /* of the CFA, or of where it is stored, from its base; 24 bits */
    int16_t return_words, pointer_words; /* where those are stored, from the CFA in words */
};

/*
 * The rule for the place of an instruction. Returns 0 if there is no call frame information for it:
 * it may be code made at run time. Takes no lock and allocates nothing.
 */
int dal_frame_rule_find_(uintptr_t place, struct dal_frame_rule_ *rule);

#endif /* DAL_FRAME_RULE_H */
