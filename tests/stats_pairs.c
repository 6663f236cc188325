/* SPDX-License-Identifier: MIT */
/* `stats_pairs SPEC COUNT`: that many pairs of alloc(32) and dealloc from an instance, to be
 * counted from outside. */
#include <dispatchalloc.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const struct dal_instance *instance;
    char message[512];

    if (argc != 3 || dal_instance_create_spec(argv[1], &instance, message, sizeof message) != 0)
        return 2;
    for (long count = strtol(argv[2], NULL, 10); count > 0; count--) {
        void *block = dal_instance_alloc(instance, 32, 8);

        if (!block)
            return 1;
        dal_instance_dealloc(instance, block, 32, 8);
    }
    return 0;
}
