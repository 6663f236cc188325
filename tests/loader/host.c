/* SPDX-License-Identifier: MIT */
/* Opens a library at run time; it is not itself linked with ours. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc < 2 || !dlopen(argv[1], RTLD_NOW)) {
        printf("%s\n", argc < 2 ? "usage" : dlerror());
        return 1;
    }
    return 0;
}
