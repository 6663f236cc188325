/* SPDX-License-Identifier: MIT */
/* Opens plug-ins one after the other, has each allocate, and closes it. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        void *plugin = dlopen(argv[i], RTLD_NOW);
        void *(*run)(void);

        if (!plugin)
            return fprintf(stderr, "%s\n", dlerror()), 1;
        *(void **)&run = dlsym(plugin, "run");
        printf("%p\n", run());
        dlclose(plugin);
    }
    return 0;
}
