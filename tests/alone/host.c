/* SPDX-License-Identifier: MIT */
/* A program in C that opens a plug-in in C++, for itself alone: see exhaust.cpp. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    void *plugin = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    int (*run)(void) = plugin ? (int (*)(void))dlsym(plugin, "plugin_run") : NULL;
    int wrong = run ? run() : 10;

    printf("%d\n", wrong);
    return wrong;
}
