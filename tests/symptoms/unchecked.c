/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *line = malloc(100);

    strcpy(line, "all is well");
    puts(line);
    free(line);
    return 0;
}
