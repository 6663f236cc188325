/* SPDX-License-Identifier: MIT */
/* Reports of layers. See report.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "report.h"

/* Room for three stacks of 64 frames; what is not used is not touched. */
#define TEXT_BYTES ((size_t)128 * 1024)
#define ROOM_BYTES (TEXT_BYTES - LAYER_REPORT_BEHIND_BYTES)

_Static_assert(LAYER_REPORT_BEHIND_BYTES >= DAL_STACK_PLACES_MAX * sizeof(void *),
               "places of a stack are kept there");

/* Pages that are kept for the next one: what is mapped only when something is wrong may come to lie
 * where a pointer that is to be looked at leads. Of several threads that need some at once one has
 * these. Release when they are given back, acquire when they are taken. */
static _Atomic(char *) spare;

int dal_layer_report_begin_(struct layer_report *report, const struct dal_services *services,
                            const char *layer, int in_handler)
{
    char *data = atomic_exchange_explicit(&spare, NULL, memory_order_acquire);

    if (!data)
        data = services->pages_map(TEXT_BYTES);
    if (!data)
        return 0;
    *report = (struct layer_report){services, 0, ROOM_BYTES, data, in_handler, DAL_RESOLVE_NEVER};
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

void dal_layer_report_put_places_(struct layer_report *report, const void *const *places,
                                  size_t count)
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

    dal_layer_report_put_places_(report, places, count);
}

/* Its places are kept behind the text, and not on a stack that may be small. */
void dal_layer_report_put_interrupted_(struct layer_report *report, const void *context,
                                       size_t frames)
{
    const void **places = (const void **)(void *)(report->data + report->room);

    dal_layer_report_put_places_(
        report, places,
        report->services->stack_places_at(
            context, places, frames < DAL_STACK_PLACES_MAX ? frames : DAL_STACK_PLACES_MAX));
    added(report, report->services->registers_text(context, report->data + report->length,
                                                   report->room - report->length));
}

void dal_layer_report_end_(struct layer_report *report)
{
    /* (Also nothing: the loader binds what is called at the first call.) */
    if (report->in_handler)
        report->services->text(report->data, report->length);
    else if (report->length)
        report->services->report(report->data, report->length, report->resolve);
    report->data = atomic_exchange_explicit(&spare, report->data, memory_order_acq_rel);
    report->services->pages_unmap(report->data, TEXT_BYTES);
}
