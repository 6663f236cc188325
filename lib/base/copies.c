/* SPDX-License-Identifier: MIT */
/* More than one copy of this library in a process. See copies.h. */
#include <config.h>

#include "base/copies.h"

#include "base/product.h"
#include "base/text.h"

struct copies {
    struct dal_text_ files;
    int count;
    int last_is_own;
};

/* The loader's own text, which stays: this library is never unloaded. */
static const char *own_file;

const char *dal_copies_own_file_(void)
{
    return own_file;
}

static void meet_copy(const char *file, int is_own, void *data)
{
    struct copies *copies = data;

    if (is_own)
        own_file = file;
    dal_text_add_(&copies->files, "%s%s", copies->count++ ? ", " : "", file);
    copies->last_is_own = is_own;
}

void dal_copies_report_(void)
{
    char files[DAL_MESSAGE_BYTES];
    struct copies copies = {dal_text_over_(files, sizeof files), 0, 0};

    dal_os_visit_copies_(dal_product_.note, meet_copy, &copies);
    if (copies.count > 1 && copies.last_is_own)
        dal_log_("%d copies of libdispatchalloc are in this process, each with an allocator of its "
                 "own: %s",
                 copies.count, files);
}
