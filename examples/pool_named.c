/* SPDX-License-Identifier: MIT */
/*
 * A custom allocator made known by name, so that whoever runs the program can choose it:
 *
 *     DISPATCHALLOC_BACKEND=pool ./pool_named
 */
#include "pool.h"
#include <stdio.h>

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request; /* it has no options */
    *allocator = pool;
    return 0;
}

static const struct dal_backend backend = {
    DAL_BACKEND_HEADER,
    .name = "pool",
    .version = "1.0",
    .create = create,
    .summary = "free lists of eight block sizes for each thread",
};

int main(void)
{
    int error = dal_backend_register(&backend);

    if (error != 0) {
        fprintf(stderr, "pool_named: %s\n", dal_strerror(error));
        return 1;
    }

    char *text = dal_strdup("chosen by name");

    if (text == NULL)
        return 1;
    printf("%s served \"%s\"\n", dal_global_name(), text);
    dal_string_delete(text);
    return 0;
}
