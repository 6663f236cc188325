/* SPDX-License-Identifier: MIT */
/* The backend `system`: the allocator of the operating system, under its name in a spec. */
#include <dispatchalloc/backend.h>
#include <dispatchalloc/version.h>

#include "system.h"

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    allocator->alloc = dal_system_alloc_;
    allocator->alloc_natural = dal_system_alloc_natural_;
    allocator->dealloc = dal_system_dealloc_;
    allocator->alloc_zeroed = dal_system_alloc_zeroed_;
    allocator->realloc = dal_system_realloc_;
#if DAL_SYSTEM_KNOWS_SIZES
    allocator->usable_size = dal_system_usable_size_;
    allocator->dealloc_unsized = dal_system_dealloc_unsized_;
    allocator->malloc_family = &dal_system_family_;
#endif
    return 0;
}

extern const struct dal_backend dal_backend_system_;

const struct dal_backend dal_backend_system_ = {
    DAL_BACKEND_HEADER,
    .name = "system",
    .version = DAL_VERSION_STRING,
    .summary = "the allocator of the operating system (malloc and its family)",
    .create = create,
};
