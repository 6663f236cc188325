/* SPDX-License-Identifier: MIT */
/*
 * What layers write to standard error in more than one line: a report, which may have stacks, in
 * pages of its own while it is made. For the layers of this folder only.
 */
#ifndef LAYERS_REPORT_H
#define LAYERS_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/service.h>

#include "instances.h"

/* in_handler is for a report of the handler of a signal: little stack, no files, so that places are
 * not told by the names of functions. */
struct layer_report {
    const struct dal_services *services;
    size_t length, room;
    char *data;
    int in_handler;
    enum dal_resolve resolve; /* never, unless it is set */
};

/* So much room is behind the text, at data + room, for who has little stack. */
enum { LAYER_REPORT_BEHIND_BYTES = 1024 };

/* Begin one of a layer's, with its name and the process. Returns 0 if there is no memory. */
LAYER_HIDDEN int dal_layer_report_begin_(struct layer_report *report,
                                         const struct dal_services *services, const char *layer,
                                         int in_handler);
DAL_ATTRIBUTE_PRINTF_(2, 3)
LAYER_HIDDEN void dal_layer_report_put_(struct layer_report *report, const char *format, ...);
LAYER_HIDDEN void dal_layer_report_put_stack_(struct layer_report *report, uint32_t stack);
LAYER_HIDDEN void dal_layer_report_put_places_(struct layer_report *report,
                                               const void *const *places, size_t count);

/* The stack and the registers of what a signal has interrupted, by the third argument of its
 * handler. */
LAYER_HIDDEN void dal_layer_report_put_interrupted_(struct layer_report *report,
                                                    const void *context, size_t frames);

/* Write it, if there is any of it. */
LAYER_HIDDEN void dal_layer_report_end_(struct layer_report *report);

#endif /* LAYERS_REPORT_H */
