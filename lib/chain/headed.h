/* SPDX-License-Identifier: MIT */
/*
 * The malloc family over an allocator that cannot tell the size of a block from its pointer: a
 * header in front of each block does. Its functions have no ctx, so there is one of it in a
 * process, over the allocator that serves in the end.
 */
#ifndef DAL_HEADED_H
#define DAL_HEADED_H

#include <dispatchalloc/instance.h>

#include "os/os.h"

extern const struct dal_malloc_family dal_headed_family_ DAL_HIDDEN_;

/* The allocator whose blocks the headers are to be in. Before the first call of the family. */
void dal_headed_serve_(const struct dal_instance *instance);

#endif /* DAL_HEADED_H */
