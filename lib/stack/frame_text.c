/* SPDX-License-Identifier: MIT */
/* See frame_text.h. By files of the system: dladdr(3) would wait for the loader's lock, and knows
 * exported names alone. */
#include <config.h>

#include "stack/frame_text.h"

#include <inttypes.h>

#include "base/text.h"
#if HAVE_DL_ITERATE_PHDR
# include "os/mapping.h"
# include "stack/symbol.h"

static void add_place(struct dal_text_ *text, const char *call)
{
    struct dal_os_mapping_ mapping;
    struct dal_symbol_ symbol;

    if (dal_os_mapping_(call, &mapping, NULL) <= 0)
        return;
    if (!dal_symbol_find_(&mapping, call, &symbol)) {
        dal_text_add_(text, " (%s)", mapping.name[0] ? mapping.name : "code made at run time");
        return;
    }
    dal_text_add_(text, symbol.name[0] ? " in %s" : " ", symbol.name);
    dal_text_add_(text, " (%s+0x%" PRIxPTR ")", mapping.name, symbol.link_address);
    if (symbol.build_id[0])
        dal_text_add_(text, " (BuildId: %s)", symbol.build_id);
}
#else
static void add_place(struct dal_text_ *text, const char *call)
{
    (void)text;
    (void)call;
}
#endif

size_t dal_frame_text_(unsigned number, const void *place, char *text, size_t bytes)
{
    struct dal_text_ line = dal_text_over_(text, bytes);
    /* The call, which is before what it returns to: that may be another line of the source, or
     * another function. */
    const char *call = (const char *)place - 1;

    dal_text_add_(&line, "    #%u 0x%" PRIxPTR, number, (uintptr_t)call);
    add_place(&line, call);
    dal_text_clean_(&line, 0);
    dal_text_add_(&line, "\n");
    return line.length;
}
