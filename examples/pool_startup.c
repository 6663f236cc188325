/* SPDX-License-Identifier: MIT */
/* A custom allocator chosen by the program at start-up, before it allocates. */
#include "pool.h"
#include <stdio.h>

int main(void)
{
    int error = dal_global_set_named(&pool, "pool");

    if (error != 0) {
        fprintf(stderr, "pool_startup: %s\n", dal_strerror(error));
        return 1;
    }

    char *text = dal_strdup("chosen at start-up");

    if (text == NULL)
        return 1;
    printf("%s served \"%s\"\n", dal_global_name(), text);
    dal_string_delete(text);
    return 0;
}
