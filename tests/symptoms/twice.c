/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

static char *text;

static void forget(void)
{
    free(text);
}

int main(void)
{
    text = malloc(40);
    forget();
    forget();
    return 0;
}
