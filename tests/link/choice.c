/* SPDX-License-Identifier: MIT */
/* A link-time choice. Nothing refers to this file: the allocator signs each block instead,
 * so that the program (main.c) can tell who served it. Compiles as C and as C++. */
#include <string.h>

#include <dispatchalloc.h>

#include "signature.h"

#ifndef LINK_SIGNATURE
# define LINK_SIGNATURE "linked"
#endif

static void *signing_alloc(size_t size, size_t align, void *ctx)
{
    void *ptr = dal_instance_alloc_zeroed(dal_system(), size, align);

    (void)ctx;
    if (ptr && size >= SIGNATURE_BYTES)
        memcpy(ptr, LINK_SIGNATURE, sizeof LINK_SIGNATURE);
    return ptr;
}

static void signing_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    dal_instance_dealloc(dal_system(), ptr, size, align);
}

static const struct dal_allocator signing = {DAL_ALLOCATOR_HEADER(NULL), signing_alloc,
                                             signing_dealloc, signing_alloc};
DAL_GLOBAL_ALLOCATOR(signing);

#ifdef LINK_USED
/* Something in a library that the program has a use for. */
DAL_BEGIN_DECLS_
DAL_API int used_of_the_library(void);
DAL_END_DECLS_
int used_of_the_library(void)
{
    return 0;
}
#endif
