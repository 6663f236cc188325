/* SPDX-License-Identifier: MIT */
/* Reports of layers. See report.h. */
#include <inttypes.h>
#include <stdarg.h>

#include "report.h"

/* Room for three stacks of 64 frames; what is not used is not touched. */
#define TEXT_BYTES ((size_t)128 * 1024)
#define ROOM_BYTES (TEXT_BYTES - DAL_STACK_PLACES_MAX * sizeof(void *))

int dal_layer_report_begin_(struct layer_report *report, const struct dal_services *services,
                            const char *layer, int in_handler)
{
    *report =
        (struct layer_report){services, 0, ROOM_BYTES, services->pages_map(TEXT_BYTES), in_handler};
    if (!report->data)
        return 0;
    dal_layer_report_put_(report, "dispatchalloc: %s[%" PRIu64 "]: ", layer, services->process());
    return 1;
}

static void added(struct layer_report *report, size_t length)
{
    size_t room = report->room - report->length;

    report->length += length < room ? length : room - 1;
}

void dal_layer_report_put_(struct layer_report *report, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    added(report, report->services->format(report->data + report->length,
                                           report->room - report->length, format, arguments));
    va_end(arguments);
}

static void put_places(struct layer_report *report, const void *const *places, size_t count)
{
    size_t (*frame_text)(unsigned, const void *, char *, size_t) =
        report->in_handler ? report->services->frame_place_text : report->services->frame_text;

    if (count == 0)
        dal_layer_report_put_(report, "    (its place is not known)\n");
    for (size_t i = 0; i < count; i++)
        added(report, frame_text((unsigned)i, places[i], report->data + report->length,
                                 report->room - report->length));
}

void dal_layer_report_put_stack_(struct layer_report *report, uint32_t stack)
{
    const void *const *places = NULL;
    size_t count = report->services->stack_places(stack, &places);

    put_places(report, places, count);
}

/* Its places are kept behind the text, and not on a stack that may be small. */
void dal_layer_report_put_interrupted_(struct layer_report *report, const void *context,
                                       size_t frames)
{
    const void **places = (const void **)(void *)(report->data + report->room);

    put_places(report, places,
               report->services->stack_places_at(
                   context, places, frames < DAL_STACK_PLACES_MAX ? frames : DAL_STACK_PLACES_MAX));
}

void dal_layer_report_end_(struct layer_report *report)
{
    report->services->text(report->data, report->length);
    report->services->pages_unmap(report->data, TEXT_BYTES);
}
