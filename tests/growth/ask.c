/* SPDX-License-Identifier: MIT */
/* What the library says to a spec. */
#include <dispatchalloc.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    const struct dal_instance *instance = NULL;
    char message[512] = "";
    int error = count == 2
                    ? dal_instance_create_spec(arguments[1], &instance, message, sizeof message)
                    : DAL_ERR_INVALID;

    printf("%s: %s\n", dal_strerror(error), message);
    dal_instance_destroy(instance);
    return 0;
}
