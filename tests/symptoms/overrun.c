/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

static char *copy(const char *name)
{
    char *made = malloc(strlen(name)); /* no room for the end */

    strcpy(made, name);
    return made;
}

int main(void)
{
    char *name = copy("sixteen letters!");

    free(name);
    return 0;
}
