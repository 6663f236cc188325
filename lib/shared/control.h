/* SPDX-License-Identifier: MIT */
/* Characters that are not to reach a terminal, nor to break a line. */
#ifndef DAL_CONTROL_H
#define DAL_CONTROL_H

/* ASCII's alone: bytes of UTF-8 pass. */
static inline int dal_is_control_(char character)
{
    return (unsigned char)character < ' ' || character == 0x7f;
}

#endif /* DAL_CONTROL_H */
