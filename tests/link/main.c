/* SPDX-License-Identifier: MIT */
/* Tells who serves a constructor that allocates before main, and who serves main, by what is
 * in the blocks. Compiles as C and as C++. */
#include <stdio.h>
#include <string.h>

#include <dispatchalloc.h>

#include "signature.h"

#ifdef LINK_USED
DAL_BEGIN_DECLS_
int used_of_the_library(void);
DAL_END_DECLS_
#endif

static const char *signature_of(char *block)
{
    return block && block[0] ? block : "nobody";
}

static char *early_block;

__attribute__((constructor)) static void allocate_early(void)
{
    early_block = (char *)dal_alloc_zeroed(SIGNATURE_BYTES, 8);
}

int main(void)
{
    char *block = (char *)dal_alloc_zeroed(SIGNATURE_BYTES, 8);

#ifdef LINK_USED
    if (used_of_the_library())
        return 1;
#endif
    printf("%s, %s early, %s in main\n", dal_global_name(), signature_of(early_block),
           signature_of(block));
    dal_dealloc(early_block, SIGNATURE_BYTES, 8);
    dal_dealloc(block, SIGNATURE_BYTES, 8);
    return 0;
}
