/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

static void handle(int request)
{
    char *buffer = malloc(1000);

    buffer[0] = (char)request;
    if (request % 10 == 0)
        return;
    free(buffer);
}

int main(void)
{
    for (int request = 1; request <= 100; request++)
        handle(request);
    return 0;
}
