/* SPDX-License-Identifier: MIT */
/*
 * What the library does for all backends and layers, and for itself: see dispatchalloc/service.h
 * for each, which also says what they have in common.
 *
 * The table of services is filled from what stands here and in os/os.h.
 */
#ifndef DAL_SERVICE_H
#define DAL_SERVICE_H

#include <dispatchalloc/service.h>

#include "os/os.h"

extern const struct dal_services dal_services_ DAL_HIDDEN_;

/* ---- thread_end.c ---- */

/* Get ready to notice the end of threads: 1, or 0 if the system has no key left. */
int dal_thread_end_prepare_(void);

int dal_thread_end_listen_(struct dal_thread_listener *listener);
void dal_thread_end_announce_(void);

/* ---- thread_record.c ---- */

int dal_thread_record_open_(struct dal_thread_record *record, size_t part_bytes,
                            void (*fill)(void *part));
void dal_thread_record_close_(struct dal_thread_record *record);
void dal_thread_record_place_(struct dal_thread_record *record, void *memory, size_t bytes);
void *dal_thread_record_enter_(struct dal_thread_record *record);
void dal_thread_record_leave_(struct dal_thread_record *record, void *part);
int dal_thread_record_visit_(const struct dal_thread_record *record, dal_thread_part_visitor visit,
                             void *data);

/* This thread ends: after all listeners, which may still use their parts. */
void dal_thread_record_end_(void);

/* ---- stacks.c ---- */

int dal_stacks_prepare_(void);
uint32_t dal_stack_capture_(const void *from, unsigned frames);
size_t dal_stack_places_(uint32_t stack, const void *const **places);
size_t dal_frame_text_(unsigned number, const void *place, char *text, size_t bytes);

#endif /* DAL_SERVICE_H */
