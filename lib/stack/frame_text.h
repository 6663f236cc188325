/* SPDX-License-Identifier: MIT */
/* A frame of a stack in words: the service frame_text (dispatchalloc/service.h). */
#ifndef DAL_FRAME_TEXT_H
#define DAL_FRAME_TEXT_H

#include <stddef.h>

size_t dal_frame_text_(unsigned number, const void *place, char *text, size_t bytes);

/* The service frame_place_text. */
size_t dal_frame_place_text_(unsigned number, const void *place, char *text, size_t bytes);

/* The service of that name. */
size_t dal_registers_text_(const void *context, char *text, size_t bytes);

#endif /* DAL_FRAME_TEXT_H */
