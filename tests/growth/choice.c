/* SPDX-License-Identifier: MIT */
/* A program whose build chose the allocator, by the macro MACRO. */
#include "own.h"

#include <dispatchalloc/fixed.h>
#include <stdio.h>

MACRO(own);

int main(void)
{
    void *ptr = dal_alloc(100, 8);
    void *other = dal_unsized_malloc(200);

    dal_dealloc(ptr, 100, 8);
    dal_unsized_free(other);
    printf("%s by %d, calls %s\n", dal_global_name(), (int)dal_global_source(),
           own_calls > 0 ? "some" : "none");
    return 0;
}
