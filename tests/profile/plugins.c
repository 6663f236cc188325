/* SPDX-License-Identifier: MIT */
/* Opens plug-ins one after the other, has each allocate, and closes it. NEW=FILE has NEW take the
 * place of FILE first. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *file = strchr(argv[i], '=');
        void *plugin, *(*run)(void);

        if (file) {
            *file++ = '\0';
            if (rename(argv[i], file) != 0)
                return perror(file), 1;
        }
        plugin = dlopen(file ? file : argv[i], RTLD_NOW);
        if (!plugin)
            return fprintf(stderr, "%s\n", dlerror()), 1;
        *(void **)&run = dlsym(plugin, "run");
        printf("%p\n", run());
        dlclose(plugin);
    }
    return 0;
}
