/* SPDX-License-Identifier: MIT */
/* A frame of a stack in words, and whose code it is: the service frame_text and those around it
 * (dispatchalloc/service.h). */
#ifndef DAL_FRAME_TEXT_H
#define DAL_FRAME_TEXT_H

#include <stddef.h>

size_t dal_frame_text_(unsigned number, const void *place, char *text, size_t bytes);

/* The service frame_place_text. */
size_t dal_frame_place_text_(unsigned number, const void *place, char *text, size_t bytes);

/* The service frame_code. */
struct dal_frame_code;
int dal_frame_code_(const void *place, struct dal_frame_code *code);

/* The service of that name. */
size_t dal_registers_text_(const void *context, char *text, size_t bytes);

#endif /* DAL_FRAME_TEXT_H */
